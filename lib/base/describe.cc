#include "base/describe.h"

#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <set>

namespace countersign {
namespace {

struct FormatRow {
  std::string_view pattern;
  std::string_view example;
};

// Indexed by Format. RE2 and the API server (Go's regexp) are the same language.
constexpr std::array<FormatRow, 9> kFormats = {{
    {"", ""},
    {"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$", "lower-case letters, digits and '-'"},
    {"^[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?$", "lower-case letters, digits, '-' and '.'"},
    {R"(^[^\s\x00-\x1f\x7f]{1,253}$)", "one word without spaces"},
    {"^[a-z][a-zA-Z0-9]{0,62}$", "a lowerCamelCase word"},
    {R"(^[a-z0-9*]([-a-z0-9*]{0,61}[a-z0-9*])?$)", "a namespace name, '*' standing for any text"},
    {"^sha256:[0-9a-f]{64}$", "'sha256:' and 64 lower-case hexadecimal digits"},
    {"^([0-9a-f]{40}|[0-9a-f]{64})$", "40 or 64 lower-case hexadecimal digits"},
    {"^[^\\s]+@sha256:[0-9a-f]{64}$", "a reference that ends in '@sha256:<64 digits>'"},
}};

constexpr std::string_view kDurationPattern =
    "^([0-9]{1,5}w|[0-9]{1,5}d|[0-9]{1,6}h([0-9]{1,8}m)?([0-9]{1,9}s)?|[0-9]{1,8}m([0-9]{1,9}s)?|"
    "[0-9]{1,9}s)$";

const FormatRow& Row(Format format) { return kFormats[static_cast<std::size_t>(format)]; }

// Kubernetes counts characters, not bytes.
std::int64_t Characters(std::string_view text) {
  return std::count_if(text.begin(), text.end(),
                       [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
}

const char* TypeName(const Json& json) {
  return json.is_number_float() ? "fraction" : json.is_number() ? "integer" : json.type_name();
}

}  // namespace

std::string_view FormatPattern(Format format) { return Row(format).pattern; }

bool MatchesFormat(Format format, std::string_view text) {
  if (format == Format::kText) return true;
  static const auto expressions = [] {
    std::array<std::unique_ptr<const RE2>, kFormats.size()> compiled;
    for (std::size_t i = 1; i < kFormats.size(); ++i) {
      compiled[i] = std::make_unique<const RE2>(
          re2::StringPiece(kFormats[i].pattern.data(), kFormats[i].pattern.size()));
    }
    return compiled;
  }();
  return RE2::FullMatch(re2::StringPiece(text.data(), text.size()),
                        *expressions[static_cast<std::size_t>(format)]);
}

std::string JsonPath::ToString() const {
  constexpr std::size_t kMaxKey = 317;  // a qualified label key: 253 + '/' + 63
  std::string out = parent == nullptr ? std::string() : parent->ToString();
  if (index >= 0) return out + "[" + std::to_string(index) + "]";
  if (key.find_first_of("./[] ") != std::string_view::npos) {
    return out + "['" + Excerpt(key, kMaxKey) + "']";
  }
  if (!out.empty()) out += ".";
  return out + Excerpt(key, kMaxKey);
}

RawJson RawJson::Of(std::shared_ptr<const Json> tree) {
  RawJson raw;
  raw.tree_ = std::move(tree);
  return raw;
}

RawJson RawJson::FromText(std::string text) {
  RawJson raw;
  raw.text_ = std::move(text);
  return raw;
}

Result<std::shared_ptr<const Json>> RawJson::Tree() const {
  if (tree_ != nullptr) return tree_;
  auto tree = ParseJson(text_, kMaxForeignJsonDepth);
  if (!tree) return Fail(tree.error());
  return std::make_shared<const Json>(*std::move(tree));
}

void RawJson::Pack() {
  if (tree_ == nullptr) return;
  text_ = DumpJson(*tree_);
  tree_ = nullptr;
}

Decoder::Decoder(const Json& json, const JsonPath& path, std::vector<Error>& errors,
                 const std::shared_ptr<const Json>& owner)
    : json_(json), path_(path), errors_(errors), owner_(owner) {
  constexpr std::size_t kUsualFields = 16;
  names_.reserve(kUsualFields);
}

const Json* Decoder::Take(const FieldInfo& info) {
  names_.push_back(info.name);
  const Json* value = Find(json_, info.name);
  if (value != nullptr) ++taken_;
  if (value != nullptr && !value->is_null()) return value;
  if (info.required) Fault(JsonPath{&path_, info.name}, "is required");
  return nullptr;
}

void Decoder::Finish() {
  if (taken_ == json_.size()) return;
  for (auto it = json_.begin(); it != json_.end(); ++it) {
    if (std::find(names_.begin(), names_.end(), it.key()) != names_.end()) continue;
    Fault(JsonPath{&path_, it.key()}, "is not a known field");
  }
}

void Decoder::Fault(const JsonPath& at, std::string message) {
  if (errors_.size() >= kMaxErrors) return;
  errors_.push_back({Code::kInvalidArgument, std::move(message), at.ToString(), std::nullopt});
}

const std::string* Decoder::Text(const Json& json, const JsonPath& at) {
  if (const auto* text = json.get_ptr<const std::string*>(); text != nullptr) return text;
  Fault(at, std::string("must be a string, is ") + TypeName(json));
  return nullptr;
}

bool Decoder::IsObject(const Json& json, const JsonPath& at) {
  if (json.is_object()) return true;
  Fault(at, std::string("must be an object, is ") + TypeName(json));
  return false;
}

bool Decoder::ListOk(const FieldInfo& info, const Json& json, const JsonPath& at) {
  if (!json.is_array()) {
    Fault(at, std::string("must be a list, is ") + TypeName(json));
    return false;
  }
  const auto size = static_cast<std::int64_t>(json.size());
  if (size < info.min || size > info.max) {
    Fault(at, "must have " + std::to_string(info.min) + " to " + std::to_string(info.max) +
                  " items, has " + std::to_string(size));
    return false;
  }
  if (info.list == ListType::kAtomic) return true;
  std::set<std::string> seen;
  for (const Json& item : json) {
    const std::string key = info.list == ListType::kMap ? StringAt(item, info.list_key)
                            : item.is_string()          ? item.get<std::string>()
                                                        : std::string();
    if (!seen.insert(key).second) {
      Fault(at, "has '" + Excerpt(key) + "' twice");
      return false;
    }
  }
  return true;
}

bool Decoder::MapOk(const FieldInfo& info, const Json& json, const JsonPath& at) {
  if (!IsObject(json, at)) return false;
  if (static_cast<std::int64_t>(json.size()) <= info.max) return true;
  Fault(at, "must have at most " + std::to_string(info.max) + " entries, has " +
                std::to_string(json.size()));
  return false;
}

void Decoder::ReadScalar(const FieldInfo& info, const Json& json, const JsonPath& at,
                         std::string& out) {
  const std::string* text = Text(json, at);
  if (text == nullptr) return;
  const std::int64_t length = Characters(*text);
  // The fewest characters matter only when asked for; an integer's minimum does not apply here.
  const std::int64_t least = info.required ? std::max<std::int64_t>(info.min, 1) : info.min;
  if (length > info.length) {
    Fault(at, "must have at most " + std::to_string(info.length) + " characters, has " +
                  std::to_string(length));
  } else if (length < least) {
    Fault(at, "must not be empty");
  } else if (!MatchesFormat(info.format, *text)) {
    Fault(at, "must be " + std::string(Row(info.format).example) + ", is '" + Excerpt(*text) + "'");
  } else {
    out = *text;
  }
}

void Decoder::ReadScalar(const FieldInfo& info, const Json& json, const JsonPath& at,
                         std::int64_t& out) {
  if (!json.is_number_integer()) {
    Fault(at, std::string("must be an integer, is ") + TypeName(json));
    return;
  }
  constexpr auto kLargest = static_cast<std::uint64_t>(INT64_MAX);
  const bool too_large = json.is_number_unsigned() && json.get<std::uint64_t>() > kLargest;
  const auto value = json.get<std::int64_t>();
  if (too_large || value < info.min || value > info.max) {
    Fault(at, "must be between " + std::to_string(info.min) + " and " + std::to_string(info.max) +
                  ", is " + json.dump());
    return;
  }
  out = value;
}

void Decoder::ReadScalar(const FieldInfo& /*info*/, const Json& json, const JsonPath& at,
                         bool& out) {
  if (!json.is_boolean()) {
    Fault(at, std::string("must be true or false, is ") + TypeName(json));
    return;
  }
  out = json.get<bool>();
}

void Decoder::ReadScalar(const FieldInfo& /*info*/, const Json& json, const JsonPath& at,
                         Time& out) {
  const std::string* text = Text(json, at);
  if (text == nullptr) return;
  auto time = ParseTime(*text);
  if (!time) return Fault(at, time.error().message);
  out = *time;
}

void Decoder::ReadScalar(const FieldInfo& /*info*/, const Json& json, const JsonPath& at,
                         Seconds& out) {
  const std::string* text = Text(json, at);
  if (text == nullptr) return;
  auto duration = ParseDuration(*text);
  if (!duration) return Fault(at, duration.error().message);
  out = *duration;
}

void Decoder::ReadScalar(const FieldInfo& /*info*/, const Json& json, const JsonPath& at,
                         Decimal& out) {
  const std::string* text = Text(json, at);
  if (text == nullptr) return;
  auto decimal = Decimal::Parse(*text);
  if (!decimal) return Fault(at, decimal.error().message);
  out = *decimal;
}

void Decoder::ReadScalar(const FieldInfo& /*info*/, const Json& json, const JsonPath& at,
                         RawJson& out) {
  if (!IsObject(json, at)) return;
  out = RawJson::Of(owner_ != nullptr ? std::shared_ptr<const Json>(owner_, &json)
                                      : std::make_shared<const Json>(json));
}

Json Encoder::Scalar(const RawJson& value) {
  if (value.empty()) return nullptr;
  const auto tree = value.Tree();
  return tree ? **tree : Json(nullptr);
}

bool Encoder::IsEmpty(const Json& value) {
  if (value.is_string()) return value.get_ref<const std::string&>().empty();
  return value.is_structured() && value.empty();
}

Json SchemaWriter::ScalarSchema(const FieldInfo& info, const std::string*) {
  Json schema = {{"type", "string"}, {"maxLength", info.length}};
  const std::int64_t least = info.required ? std::max<std::int64_t>(info.min, 1) : info.min;
  if (least > 0) schema["minLength"] = least;
  if (info.format != Format::kText) schema["pattern"] = std::string(FormatPattern(info.format));
  return schema;
}

Json SchemaWriter::ScalarSchema(const FieldInfo& info, const std::int64_t*) {
  return {{"type", "integer"}, {"format", "int64"}, {"minimum", info.min}, {"maximum", info.max}};
}

Json SchemaWriter::ScalarSchema(const FieldInfo&, const bool*) { return {{"type", "boolean"}}; }

Json SchemaWriter::ScalarSchema(const FieldInfo&, const Time*) {
  return {{"type", "string"}, {"format", "date-time"}, {"maxLength", 40}};
}

Json SchemaWriter::ScalarSchema(const FieldInfo&, const Seconds*) {
  return {{"type", "string"},
          {"format", "duration"},
          {"maxLength", 32},
          {"pattern", std::string(kDurationPattern)}};
}

Json SchemaWriter::ScalarSchema(const FieldInfo&, const Decimal*) {
  return {{"type", "string"}, {"maxLength", 20}, {"pattern", std::string(kDecimalPattern)}};
}

Json SchemaWriter::ScalarSchema(const FieldInfo&, const RawJson*) {
  return {{"type", "object"}, {"x-kubernetes-preserve-unknown-fields", true}};
}

Json SchemaWriter::ListSchema(const FieldInfo& info, Json item) {
  Json schema = {{"type", "array"}, {"maxItems", info.max}, {"items", std::move(item)}};
  if (info.min > 0) schema["minItems"] = info.min;
  switch (info.list) {
    case ListType::kAtomic: schema["x-kubernetes-list-type"] = "atomic"; break;
    case ListType::kSet: schema["x-kubernetes-list-type"] = "set"; break;
    case ListType::kMap:
      schema["x-kubernetes-list-type"] = "map";
      schema["x-kubernetes-list-map-keys"] = Json::array({std::string(info.list_key)});
      break;
  }
  return schema;
}

Json SchemaWriter::MapSchema(const FieldInfo& info, Json item) {
  return {
      {"type", "object"}, {"maxProperties", info.max}, {"additionalProperties", std::move(item)}};
}

void SchemaWriter::Add(const FieldInfo& info, Json schema) {
  schema["description"] = std::string(info.doc);
  if (!info.default_json.empty()) schema["default"] = Json::parse(info.default_json);
  schema_["properties"][std::string(info.name)] = std::move(schema);
  if (info.required) schema_["required"].push_back(std::string(info.name));
}

void SchemaWriter::Rules(std::initializer_list<Rule> rules) {
  for (const Rule& rule : rules) {
    schema_["x-kubernetes-validations"].push_back(
        {{"rule", std::string(rule.rule)}, {"message", std::string(rule.message)}});
  }
}

}  // namespace countersign
