// object_walk.h: finds what the paths of the table (profiles.h) lead to in an object.
//
// Recursive, as deep as the object is: who walks objects of others asks IsDeeperThan first. Pure.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "base/describe.h"
#include "base/json.h"
#include "governance/serving/profiles.h"

namespace countersign {

// Called with what was found, and where. Neither outlives the call.
using JsonVisit = std::function<void(const Json&, const JsonPath&)>;

// Everything that `steps`, all or the rest of a FieldPath, lead to from `node`, which stands at
// `at`.
void WalkPath(const Json& node, std::span<const std::string> steps, const JsonPath& at,
              const JsonVisit& visit);

// The items of the list `key`, if there is such a list.
void ForEachItem(const Json& json, std::string_view key, const JsonPath& at,
                 const JsonVisit& visit);

// The field that a path leads to, or whose members or items it leads to.
[[nodiscard]] std::string FieldOf(const FieldPath& path);

// Objects of other stacks may be nested as deep as the API server lets them; walking and copying
// recurse.
[[nodiscard]] bool IsDeeperThan(const Json& object, int most);

}  // namespace countersign
