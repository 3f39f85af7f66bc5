// stored_form.h: parts of a pod spec without what means the same as leaving it out.
//
// The API server fills in where nothing was said; what a template says and what was stored for it
// agree without that. Pure.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "base/json.h"

namespace countersign {

// A member, and the JSON that means the same as leaving it out. "*" is any member or item.
struct Default {
  std::string_view path;
  std::string_view json;
};

// What stands at `path`, if it is `json`; without `json` whatever it is.
void Erase(Json& node, std::string_view path, std::optional<std::string_view> json);

// Also without members that are null and lists without items.
[[nodiscard]] Json WithoutDefaults(Json value, std::span<const Default> defaults);

}  // namespace countersign
