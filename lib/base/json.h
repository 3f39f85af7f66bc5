// json.h: the one door to nlohmann/json.
//
// `ParseJson` is strict where Kubernetes is: duplicate keys, invalid UTF-8, trailing data, numbers
// out of range and nesting beyond a cap are errors, never a crash or a guess. Reading goes through
// the checked accessors below, because `operator[]` inserts or is undefined on a missing key and
// `value()` throws on another type: neither is used outside of this library (`make lint` looks).
// `CanonicalJson` is RFC 8785 (JCS), the form that digests are taken over.
// Free functions without state; a Json may be read by many threads and written by one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/result.h"

namespace countersign {

using Json = nlohmann::json;

// Nesting that our own kinds can reach; `dump()` and copies recurse, so the cap also bounds stacks.
inline constexpr int kMaxJsonDepth = 128;
// For objects of other API groups, which we only read a few fields of.
inline constexpr int kMaxForeignJsonDepth = 1000;

// Parses one JSON document that fills `text`. Errors: kInvalidArgument with the byte offset, or the
// path of the duplicate key.
[[nodiscard]] Result<Json> ParseJson(std::string_view text, int max_depth = kMaxJsonDepth);

// Compact text for logs and wire. Invalid UTF-8 is replaced by U+FFFD, so this never throws.
[[nodiscard]] std::string DumpJson(const Json& value);

// RFC 8785 canonical form; parsing it and canonicalising again gives the same bytes. Fails on NaN,
// infinity, invalid UTF-8 and on integers beyond ±(2^53−1) that two JSON implementations may read
// as different numbers. `instead` shows members of objects within `value`, by their address, as
// something else, or leaves them out (null).
using Replacements = std::vector<std::pair<const Json*, const Json*>>;
[[nodiscard]] Result<std::string> CanonicalJson(const Json& value,
                                                const Replacements& instead = {});

// Empties `value`, a parsed one. The library's destructor moves every part of it to a list first,
// to be safe at any depth, which takes longer; ParseJson's depth is safe.
void Discard(Json& value);

// Checked reading. Each follows `path` (keys joined by '/', leading '/' optional: "metadata/name";
// a key that contains '/' must be read with Find(json, key) step by step) and gives the fallback,
// or null, when a step is missing or of another type.
[[nodiscard]] const Json* Find(const Json& object, std::string_view key);       // one key
[[nodiscard]] const Json* FindPath(const Json& object, std::string_view path);  // many
[[nodiscard]] std::string StringAt(const Json& object, std::string_view path,
                                   std::string_view fallback = {});
[[nodiscard]] std::int64_t IntAt(const Json& object, std::string_view path,
                                 std::int64_t fallback = 0);
[[nodiscard]] bool BoolAt(const Json& object, std::string_view path, bool fallback = false);

// Writes `value` at `path`, making objects on the way. A step that exists and is no object is
// replaced.
void SetPath(Json& object, std::string_view path, Json value);

}  // namespace countersign
