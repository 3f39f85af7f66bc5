#include "base/json_fast.h"

#include <simdjson.h>

#include <string>
#include <utility>

namespace countersign {
namespace {

namespace dom = simdjson::dom;

// False, with `out` in any state, where the strict parser has to look.
bool Build(const dom::element& element, int depth, JsonSteps left_out, Json& out);

bool BuildObject(const dom::object& object, int depth, JsonSteps left_out, Json& out) {
  if (depth <= 0) return false;
  out = Json::object();
  auto& members = out.get_ref<Json::object_t&>();
  bool left = false;  // one member out; whether more are the same one twice, the strict parser says
  for (const auto& [key, value] : object) {
    JsonSteps next;
    if (!left_out.empty() && (left_out.front() == key || left_out.front() == "*")) {
      next = left_out.subspan(1);
      if (next.empty()) {
        if (left) return false;
        left = true;
        continue;
      }
    }
    // Most documents come sorted, and then the place at the end is the right one.
    const auto size = members.size();
    const auto member = members.try_emplace(members.end(), std::string(key));
    if (members.size() == size) return false;  // a duplicate key
    if (!Build(value, depth - 1, next, member->second)) return false;
  }
  return true;
}

bool BuildArray(const dom::array& array, int depth, Json& out) {
  if (depth <= 0) return false;
  out = Json::array();
  auto& items = out.get_ref<Json::array_t&>();
  items.reserve(array.size());
  for (const dom::element& item : array) {
    if (!Build(item, depth - 1, {}, items.emplace_back())) return false;
  }
  return true;
}

bool Build(const dom::element& element, int depth, JsonSteps left_out, Json& out) {
  switch (element.type()) {
    case dom::element_type::OBJECT: return BuildObject(dom::object(element), depth, left_out, out);
    case dom::element_type::ARRAY: return BuildArray(dom::array(element), depth, out);
    case dom::element_type::STRING: out = std::string(std::string_view(element)); return true;
    case dom::element_type::INT64: {
      // A number without a sign is unsigned to the other parser.
      const std::int64_t value(element);
      if (value >= 0) {
        out = static_cast<std::uint64_t>(value);
      } else {
        out = value;
      }
      return true;
    }
    case dom::element_type::UINT64: out = std::uint64_t(element); return true;
    case dom::element_type::DOUBLE: out = double(element); return true;
    case dom::element_type::BOOL: out = bool(element); return true;
    case dom::element_type::NULL_VALUE: out = nullptr; return true;
  }
  return false;
}

// simdjson reads a little beyond the end, so a text is copied to where that is allowed.
struct Scratch {
  dom::parser parser{kMaxFastJsonBytes};
  std::string text;
};

}  // namespace

std::optional<Json> ParseJsonFast(std::string_view text, int max_depth, JsonSteps left_out) {
  if (text.size() > kMaxFastJsonBytes) return std::nullopt;
  thread_local Scratch scratch;
  scratch.text.reserve(text.size() + simdjson::SIMDJSON_PADDING);
  scratch.text.assign(text);
  dom::element root;
  const auto error =
      scratch.parser.parse(scratch.text.data(), text.size(), /*realloc_if_needed=*/false).get(root);
  Json out;
  if (error != simdjson::SUCCESS || !Build(root, max_depth, left_out, out)) return std::nullopt;
  return out;
}

}  // namespace countersign
