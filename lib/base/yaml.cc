#include "base/yaml.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <sstream>

namespace countersign {
namespace {

constexpr std::size_t kMaxNodes = 1'000'000;

// A plain scalar by the core schema of YAML 1.2.2 section 10.3.2, without octal and hexadecimal:
// Kubernetes' own reader (YAML 1.1 rules) would read some of them differently, so they stay text.
Json ResolvePlain(const std::string& text) {
  if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL") {
    return nullptr;
  }
  if (text == "true" || text == "True" || text == "TRUE") return true;
  if (text == "false" || text == "False" || text == "FALSE") return false;
  const char* first = text.data();
  const char* last = first + text.size();
  const char* number = *first == '+' ? first + 1 : first;
  const char* digits = *number == '-' ? number + 1 : number;
  if (number != first && digits != number) return text;  // "+-5"
  if (digits == last || (*digits != '.' && (*digits < '0' || *digits > '9'))) return text;
  const bool leading_zero =
      *digits == '0' && last - digits > 1 && digits[1] >= '0' && digits[1] <= '9';
  if (leading_zero) return text;
  std::int64_t integer = 0;
  if (const auto r = std::from_chars(number, last, integer); r.ec == std::errc{} && r.ptr == last) {
    return integer;
  }
  double real = 0;
  if (const auto r = std::from_chars(number, last, real); r.ec == std::errc{} && r.ptr == last) {
    return std::isfinite(real) ? Json(real) : Json(text);
  }
  return text;
}

struct YamlError {
  YAML::Mark mark;
  std::string message;
};

class ToJson : public YAML::EventHandler {
 public:
  explicit ToJson(std::size_t& budget) : budget_(budget) {}

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    NoAnchor(mark, anchor);
    Put(mark, nullptr);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    throw YamlError{mark, "aliases are not allowed: write the value out where it is used"};
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    NoAnchor(mark, anchor);
    if (!stack_.empty() && stack_.back().value.is_object() && !stack_.back().has_key) {
      if (value == "<<" && tag == "?") throw YamlError{mark, "merge keys are not allowed"};
      if (stack_.back().value.contains(value)) {
        throw YamlError{mark, "duplicate key '" + value + "'"};
      }
      stack_.back().key = value;
      stack_.back().has_key = true;
      return;
    }
    if (tag == "?" || tag.empty()) return Put(mark, ResolvePlain(value));
    if (tag == "!" || tag == "tag:yaml.org,2002:str") return Put(mark, value);
    throw YamlError{mark, "tag '" + tag + "' is not allowed"};
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    Open(mark, tag, anchor, Json::array());
  }
  void OnSequenceEnd() override { Close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    Open(mark, tag, anchor, Json::object());
  }
  void OnMapEnd() override { Close(); }

  [[nodiscard]] Json Take() { return std::move(root_); }

 private:
  struct Frame {
    Json value;
    std::string key;
    bool has_key = false;
    YAML::Mark mark;
  };

  static void NoAnchor(const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (anchor != 0) throw YamlError{mark, "anchors are not allowed: write the value out"};
  }
  void Open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, Json value) {
    NoAnchor(mark, anchor);
    if (tag != "?" && tag != "!" && !tag.empty() && tag != "tag:yaml.org,2002:map" &&
        tag != "tag:yaml.org,2002:seq") {
      throw YamlError{mark, "tag '" + tag + "' is not allowed"};
    }
    if (stack_.size() >= static_cast<std::size_t>(kMaxJsonDepth)) {
      throw YamlError{mark, "nested deeper than " + std::to_string(kMaxJsonDepth) + " levels"};
    }
    if (!stack_.empty() && stack_.back().value.is_object() && !stack_.back().has_key) {
      throw YamlError{mark, "a mapping key must be a scalar"};
    }
    stack_.push_back({std::move(value), {}, false, mark});
  }
  void Close() {
    Frame done = std::move(stack_.back());
    stack_.pop_back();
    Put(done.mark, std::move(done.value));
  }
  void Put(const YAML::Mark& mark, Json value) {
    if (budget_ == 0) throw YamlError{mark, "more than 1000000 nodes"};
    --budget_;
    if (stack_.empty()) {
      root_ = std::move(value);
      return;
    }
    Frame& top = stack_.back();
    if (top.value.is_array()) {
      top.value.push_back(std::move(value));
    } else if (!top.has_key) {
      throw YamlError{mark, "a mapping key must not be null"};
    } else {
      top.value.emplace(std::move(top.key), std::move(value));
      top.has_key = false;
    }
  }

  std::size_t& budget_;
  std::vector<Frame> stack_;
  Json root_;
};

tl::unexpected<Error> At(const YAML::Mark& mark, const std::string& message) {
  return Fail(Code::kInvalidArgument, "invalid YAML at " + std::to_string(mark.line + 1) + ":" +
                                          std::to_string(mark.column + 1) + ": " + message);
}

void Emit(YAML::Emitter& out, const Json& value) {
  switch (value.type()) {
    case Json::value_t::object:
      if (value.empty()) {
        out << YAML::Flow << YAML::BeginMap << YAML::EndMap;
        return;
      }
      out << YAML::BeginMap;
      for (const auto& [key, item] : value.items()) {
        out << YAML::Key;
        Emit(out, Json(key));
        out << YAML::Value;
        Emit(out, item);
      }
      out << YAML::EndMap;
      return;
    case Json::value_t::array:
      if (value.empty()) {
        out << YAML::Flow << YAML::BeginSeq << YAML::EndSeq;
        return;
      }
      out << YAML::BeginSeq;
      for (const Json& item : value) Emit(out, item);
      out << YAML::EndSeq;
      return;
    case Json::value_t::string: {
      const auto& text = value.get_ref<const std::string&>();
      // Words that YAML 1.1 readers (kubectl among them) take for booleans, and all that looks like
      // a number in either version, are quoted: what was text stays text.
      std::string lower = text;
      std::transform(lower.begin(), lower.end(), lower.begin(),
                     [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
      const bool word = lower == "yes" || lower == "no" || lower == "on" || lower == "off" ||
                        lower == "y" || lower == "n";
      const char first = text.empty() ? '\0' : text.front();
      const bool numeric = (first >= '0' && first <= '9') || first == '-' || first == '+' ||
                           first == '.' || first == '=';
      if (word || numeric || !ResolvePlain(text).is_string()) {
        out << YAML::DoubleQuoted << text;
      } else if (text.find('\n') != std::string::npos &&
                 text.find_first_of("\r\t") == std::string::npos && text.back() == '\n' &&
                 first != ' ' && first != '\n') {
        out << YAML::Literal << text;
      } else if (text.find('\n') != std::string::npos) {
        out << YAML::DoubleQuoted << text;
      } else {
        out << text;
      }
      return;
    }
    default: out << DumpJson(value); return;
  }
}

}  // namespace

Result<std::vector<Json>> ParseYamlDocuments(std::string_view text) {
  std::vector<Json> documents;
  std::size_t budget = kMaxNodes;
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    while (true) {
      ToJson handler(budget);
      if (!parser.HandleNextDocument(handler)) break;
      if (Json document = handler.Take(); !document.is_null()) {
        documents.push_back(std::move(document));
      }
    }
  } catch (const YamlError& e) {
    return At(e.mark, e.message);
  } catch (const YAML::Exception& e) {
    return At(e.mark, e.msg);
  }
  return documents;
}

Result<Json> ParseYaml(std::string_view text) {
  auto documents = ParseYamlDocuments(text);
  if (!documents) return Fail(documents.error());
  if (documents->size() != 1) {
    return Fail(Code::kInvalidArgument,
                "must be one YAML document, is " + std::to_string(documents->size()));
  }
  return std::move(documents->front());
}

std::string DumpYaml(const Json& value) {
  YAML::Emitter out;
  Emit(out, value);
  return std::string(out.c_str()) + "\n";
}

}  // namespace countersign
