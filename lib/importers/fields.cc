#include "importers/fields.h"

#include <algorithm>
#include <cmath>

#include "base/json_bounded.h"
#include "importers/claims.h"

namespace countersign {

Field Field::Get(std::string_view key) const {
  return {value == nullptr ? nullptr : Find(*value, key),
          path + (path.ends_with(": ") ? "" : ".") + std::string(key)};
}

Field Field::At(std::size_t index) const {
  const bool there = value != nullptr && value->is_array() && index < value->size();
  return {there ? &(*value)[index] : nullptr, path + "[" + std::to_string(index) + "]"};
}

std::string Field::Text() const {
  return value != nullptr && value->is_string() ? value->get<std::string>() : std::string();
}

Result<Decimal> Field::Number() const {
  if (value == nullptr || !value->is_number()) return Wrong(*this, "a number");
  return ToDecimal(*value, path);
}

Result<std::int64_t> Field::Count() const {
  constexpr std::int64_t kMost = 1'000'000'000'000;
  const std::string wanted = "a count, 0 to 10^12";
  if (value == nullptr || !value->is_number()) return Wrong(*this, wanted);
  if (value->is_number_float()) {
    const double number = value->get<double>();
    if (!(number >= 0 && number <= static_cast<double>(kMost)) || std::floor(number) != number) {
      return Wrong(*this, wanted);
    }
    return static_cast<std::int64_t>(number);
  }
  // A count beyond an int64 is negative as one.
  const auto number = value->get<std::int64_t>();
  return number >= 0 && number <= kMost ? Result<std::int64_t>(number) : Wrong(*this, wanted);
}

Status CheckNotUtf16(const ImportText& file) {
  const bool marked = file.text.starts_with("\xFF\xFE") || file.text.starts_with("\xFE\xFF");
  if (!marked && file.text.find('\0') == std::string_view::npos) return {};
  return Fail(Code::kInvalidArgument,
              std::string("must be text in UTF-8, is ") +
                  (marked ? "UTF-16" : "UTF-16 or no text") +
                  ": save it as UTF-8, for example with 'iconv -f UTF-16 -t UTF-8'",
              file.name);
}

Status CheckUtf8(const ImportText& file) {
  if (auto known = CheckNotUtf16(file); !known) return known;
  // Writing JSON puts U+FFFD where the bytes are no UTF-8.
  const Json text = std::string(file.text);
  const auto again = ParseJson(DumpJson(text));
  if (again && *again == text) return {};
  return Fail(Code::kInvalidArgument, "must be text in UTF-8, has other bytes: save it as UTF-8",
              file.name);
}

std::size_t MostTreeBytes(std::string_view text) {
  constexpr std::size_t kAnyway = std::size_t{128} << 20U;
  constexpr std::size_t kPerByte = 4;
  return std::max(kAnyway, kPerByte * text.size());
}

Result<Json> ParseDocument(const ImportText& file) {
  auto json = ParseJsonWithin(file.text, MostTreeBytes(file.text));
  if (json) return json;
  std::string why = json.error().ToString();
  if (json.error().code == Code::kResourceExhausted) {
    why += ": have the tool write less of it, say for a sample of the rows";
  }
  return Fail(json.error().code, std::move(why), file.name);
}

Result<Json> ParseObject(const ImportText& file) {
  auto json = ParseDocument(file);
  if (!json) return json;
  if (!json->is_object()) return Fail(Code::kInvalidArgument, "must be an object", file.name);
  return json;
}

Field Root(const Json& json, const ImportText& file) { return {&json, file.name + ": "}; }

tl::unexpected<Error> Wrong(const Field& field, const std::string& wanted) {
  if (field.value == nullptr) {
    return Fail(Code::kInvalidArgument, "is required: " + wanted, field.path);
  }
  return Fail(Code::kInvalidArgument,
              "must be " + wanted + ", is " + Excerpt(DumpJson(*field.value)), field.path);
}

}  // namespace countersign
