// describe.h: one description per type; decoding, encoding and the CRD schema all follow from it.
//
// A type is described by a free function found by ADL:
//
//   template <class V> void Describe(V& v, Link& link) {
//     v.Field({.name = "url", .doc = "Where it is.", .required = true, .max = 2048}, link.url);
//   }
//
// `Decoder` reads JSON strictly: unknown fields, wrong types and broken limits are errors with
// their path, all found in one pass. `Encoder` writes what is set. `SchemaWriter` gives the
// structural schema. Because one function feeds the three, they cannot drift apart. Supported
// members: string, int64, bool, Time, Seconds, Decimal, RawJson, enums with EnumNames, described
// structs, and optional, vector and map<string, …> of these. Not thread-safe; an instance serves
// one call.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/decimal.h"
#include "base/json.h"
#include "base/result.h"
#include "base/time.h"

namespace countersign {

// What a string must look like. Each has one regular expression, used by the schema and by Decoder.
enum class Format {
  kText,           // anything; the only format that may hold line breaks
  kName,           // RFC 1123 label: names of roles, measures, environments, namespaces
  kObjectName,     // RFC 1123 subdomain: names of Kubernetes objects
  kToken,          // one printable word without white space: accounts, answers, group values
  kIdentifier,     // lowerCamelCase word: names of questions, attributes, metrics
  kNamespaceGlob,  // namespace name in which `*` stands for any characters
  kSha256,         // sha256:<64 lower-case hexadecimal digits>
  kCommit,         // 40 or 64 lower-case hexadecimal digits
  kImageDigest,    // anything that ends in @sha256:<64 digits>
};
[[nodiscard]] std::string_view FormatPattern(Format format);  // empty for kText
[[nodiscard]] bool MatchesFormat(Format format, std::string_view text);

// How a list merges under server-side apply.
enum class ListType { kAtomic, kSet, kMap };

struct FieldInfo {
  std::string_view name;
  std::string_view doc;
  bool required = false;
  Format format = Format::kText;
  std::int64_t min = 0;       // of an integer, or the fewest items or characters
  std::int64_t max = 253;     // of an integer, or the most items
  std::int64_t length = 253;  // the most characters of a string, or of each string in a list
  ListType list = ListType::kAtomic;
  std::string_view list_key = {};      // for ListType::kMap
  std::string_view default_json = {};  // schema default; never in evidence
};

// A CEL rule on the described object, checked by the API server (HTTP 422).
struct Rule {
  std::string_view rule;
  std::string_view message;
};

// JSON that is kept as it came: the pod template alone. Copies share the tree, which may be part of
// the whole object's.
class RawJson {
 public:
  RawJson() = default;  // absent
  [[nodiscard]] static RawJson Of(std::shared_ptr<const Json> tree);
  [[nodiscard]] static RawJson FromText(std::string text);

  [[nodiscard]] bool empty() const { return tree_ == nullptr && text_.empty(); }
  // Never null. Error: the text is not JSON.
  [[nodiscard]] Result<std::shared_ptr<const Json>> Tree() const;
  // From a tree to compact text, which takes a fraction of the memory: for what is kept.
  void Pack();

 private:
  std::string text_;  // only without a tree
  std::shared_ptr<const Json> tree_;
};

// Specialise for an enum: `static constexpr std::pair<E, std::string_view> kNames[] = {…};`
template <class E>
struct EnumNames;

template <class E>
[[nodiscard]] constexpr std::string_view NameOf(E value) {
  for (const auto& [member, name] : EnumNames<E>::kNames) {
    if (member == value) return name;
  }
  return "Unknown";
}

// Where in a document we are; printed only when there is an error to report.
struct JsonPath {
  const JsonPath* parent = nullptr;
  std::string_view key;
  std::int64_t index = -1;
  [[nodiscard]] std::string ToString() const;
};

namespace describe_internal {

template <class T>
struct IsOptional : std::false_type {};
template <class T>
struct IsOptional<std::optional<T>> : std::true_type {};
template <class T>
struct IsVector : std::false_type {};
template <class T>
struct IsVector<std::vector<T>> : std::true_type {};
template <class T>
struct IsMap : std::false_type {};
template <class T>
struct IsMap<std::map<std::string, T>> : std::true_type {};

template <class T>
inline constexpr bool kIsScalar =
    std::is_same_v<T, std::string> || std::is_same_v<T, std::int64_t> || std::is_same_v<T, bool> ||
    std::is_same_v<T, Time> || std::is_same_v<T, Seconds> || std::is_same_v<T, Decimal> ||
    std::is_same_v<T, RawJson>;

}  // namespace describe_internal

class Decoder {
 public:
  // `errors` collects at most kMaxErrors; `json` must outlive the decoder. With an owner of `json`,
  // what is kept as it came shares it; without one it is copied.
  static constexpr std::size_t kMaxErrors = 20;
  Decoder(const Json& json, const JsonPath& path, std::vector<Error>& errors,
          const std::shared_ptr<const Json>& owner);

  template <class T>
  void Field(const FieldInfo& info, T& member) {
    const Json* value = Take(info);
    if (value == nullptr) return;
    const JsonPath at{&path_, info.name};
    Read(info, *value, at, member);
  }
  void Rules(std::initializer_list<Rule>) {}
  // Call after the last field: everything that no field took is an error.
  void Finish();

 private:
  template <class T>
  void Read(const FieldInfo& info, const Json& json, const JsonPath& at, T& out) {
    using namespace describe_internal;
    if constexpr (kIsScalar<T>) {
      ReadScalar(info, json, at, out);
    } else if constexpr (IsOptional<T>::value) {
      Read(info, json, at, out.emplace());
    } else if constexpr (IsVector<T>::value) {
      if (!ListOk(info, json, at)) return;
      // The list's minimum is about the list, as in the schema: a name may be one character long.
      FieldInfo each = info;
      each.min = 0;
      std::int64_t index = 0;
      for (const Json& item : json) {
        const JsonPath item_path{&at, {}, index++};
        Read(each, item, item_path, out.emplace_back());
      }
    } else if constexpr (IsMap<T>::value) {
      if (!MapOk(info, json, at)) return;
      for (auto it = json.begin(); it != json.end(); ++it) {
        const JsonPath item_path{&at, it.key()};
        Read(info, it.value(), item_path, out[it.key()]);
      }
    } else if constexpr (std::is_enum_v<T>) {
      const std::string* text = Text(json, at);
      if (text == nullptr) return;
      for (const auto& [member, name] : EnumNames<T>::kNames) {
        if (name == *text) {
          out = member;
          return;
        }
      }
      std::string allowed;
      for (const auto& [member, name] : EnumNames<T>::kNames) {
        allowed += (allowed.empty() ? "'" : ", '") + std::string(name) + "'";
      }
      Fault(at, "must be one of " + allowed + ", is '" + Excerpt(*text) + "'");
    } else {
      if (!IsObject(json, at)) return;
      Decoder nested(json, at, errors_, owner_);
      Describe(nested, out);
      nested.Finish();
    }
  }

  const Json* Take(const FieldInfo& info);
  const std::string* Text(const Json& json, const JsonPath& at);
  bool IsObject(const Json& json, const JsonPath& at);
  bool ListOk(const FieldInfo& info, const Json& json, const JsonPath& at);
  bool MapOk(const FieldInfo& info, const Json& json, const JsonPath& at);
  void ReadScalar(const FieldInfo& info, const Json& json, const JsonPath& at, std::string& out);
  void ReadScalar(const FieldInfo& info, const Json& json, const JsonPath& at, std::int64_t& out);
  void ReadScalar(const FieldInfo& info, const Json& json, const JsonPath& at, bool& out);
  void ReadScalar(const FieldInfo& info, const Json& json, const JsonPath& at, Time& out);
  void ReadScalar(const FieldInfo& info, const Json& json, const JsonPath& at, Seconds& out);
  void ReadScalar(const FieldInfo& info, const Json& json, const JsonPath& at, Decimal& out);
  void ReadScalar(const FieldInfo& info, const Json& json, const JsonPath& at, RawJson& out);
  void Fault(const JsonPath& at, std::string message);

  const Json& json_;
  const JsonPath& path_;
  std::vector<Error>& errors_;
  const std::shared_ptr<const Json>& owner_;
  std::size_t taken_ = 0;
  std::vector<std::string_view> names_;
};

class Encoder {
 public:
  template <class T>
  void Field(const FieldInfo& info, T& member) {
    Json value = Write(member);
    if (value.is_null() || (!info.required && IsEmpty(value))) return;
    out_.emplace(std::string(info.name), std::move(value));
  }
  void Rules(std::initializer_list<Rule>) {}
  [[nodiscard]] Json Take() { return std::move(out_); }

 private:
  template <class T>
  static Json Write(T& member) {
    using namespace describe_internal;
    if constexpr (kIsScalar<T>) {
      return Scalar(member);
    } else if constexpr (IsOptional<T>::value) {
      return member ? Write(*member) : Json(nullptr);
    } else if constexpr (IsVector<T>::value) {
      Json list = Json::array();
      for (auto& item : member) list.push_back(Write(item));
      return list;
    } else if constexpr (IsMap<T>::value) {
      Json map = Json::object();
      for (auto& [key, item] : member) map.emplace(key, Write(item));
      return map;
    } else if constexpr (std::is_enum_v<T>) {
      return std::string(NameOf(member));
    } else {
      Encoder nested;
      Describe(nested, member);
      return nested.Take();
    }
  }
  static Json Scalar(const std::string& value) { return value; }
  static Json Scalar(std::int64_t value) { return value; }
  static Json Scalar(bool value) { return value; }
  static Json Scalar(const Time& value) { return FormatTime(value); }
  static Json Scalar(const Seconds& value) { return FormatDuration(value); }
  static Json Scalar(const Decimal& value) { return value.ToString(); }
  static Json Scalar(const RawJson& value);
  static bool IsEmpty(const Json& value);

  Json out_ = Json::object();
};

class SchemaWriter {
 public:
  template <class T>
  void Field(const FieldInfo& info, T& /*member*/) {
    Add(info, SchemaFor<T>(info));
  }
  void Rules(std::initializer_list<Rule> rules);
  [[nodiscard]] Json Take() { return std::move(schema_); }

 private:
  template <class T>
  static Json SchemaFor(const FieldInfo& info) {
    using namespace describe_internal;
    if constexpr (kIsScalar<T>) {
      return ScalarSchema(info, static_cast<const T*>(nullptr));
    } else if constexpr (IsOptional<T>::value) {
      return SchemaFor<typename T::value_type>(info);
    } else if constexpr (IsVector<T>::value) {
      FieldInfo item = info;
      item.min = 0;
      return ListSchema(info, SchemaFor<typename T::value_type>(item));
    } else if constexpr (IsMap<T>::value) {
      return MapSchema(info, SchemaFor<typename T::mapped_type>(info));
    } else if constexpr (std::is_enum_v<T>) {
      Json schema = {{"type", "string"}, {"enum", Json::array()}};
      for (const auto& [member, name] : EnumNames<T>::kNames) {
        schema["enum"].push_back(std::string(name));
      }
      return schema;
    } else {
      T value{};
      SchemaWriter nested;
      Describe(nested, value);
      return nested.Take();
    }
  }
  static Json ScalarSchema(const FieldInfo& info, const std::string*);
  static Json ScalarSchema(const FieldInfo& info, const std::int64_t*);
  static Json ScalarSchema(const FieldInfo& info, const bool*);
  static Json ScalarSchema(const FieldInfo& info, const Time*);
  static Json ScalarSchema(const FieldInfo& info, const Seconds*);
  static Json ScalarSchema(const FieldInfo& info, const Decimal*);
  static Json ScalarSchema(const FieldInfo& info, const RawJson*);
  static Json ListSchema(const FieldInfo& info, Json item);
  static Json MapSchema(const FieldInfo& info, Json item);
  void Add(const FieldInfo& info, Json schema);

  Json schema_ = {{"type", "object"}, {"properties", Json::object()}};
};

// Reads a described value. All errors are joined in one message, the first one's path is the path.
template <class T>
[[nodiscard]] std::vector<Error> DecodeInto(const Json& json, std::string_view root, T& out,
                                            const std::shared_ptr<const Json>& owner = nullptr) {
  std::vector<Error> errors;
  const JsonPath path{nullptr, root};
  if (!json.is_object()) {
    errors.push_back({Code::kInvalidArgument, "must be an object", std::string(root), {}});
    return errors;
  }
  Decoder decoder(json, path, errors, owner);
  Describe(decoder, out);
  decoder.Finish();
  return errors;
}

template <class T>
[[nodiscard]] Json Encode(const T& value) {
  Encoder encoder;
  Describe(encoder, const_cast<T&>(value));  // Encoder only reads
  return encoder.Take();
}

template <class T>
[[nodiscard]] Json SchemaOf() {
  T value{};
  SchemaWriter writer;
  Describe(writer, value);
  return writer.Take();
}

}  // namespace countersign
