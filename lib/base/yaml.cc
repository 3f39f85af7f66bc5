#include "base/yaml.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
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
  // Beyond int64, ParseJson keeps what fits uint64: the two readers must not differ.
  std::uint64_t large = 0;
  if (const auto r = std::from_chars(number, last, large); r.ec == std::errc{} && r.ptr == last) {
    return large;
  }
  double real = 0;
  if (const auto r = std::from_chars(number, last, real); r.ec == std::errc{} && r.ptr == last) {
    return std::isfinite(real) ? Json(real) : Json(text);
  }
  return text;
}

tl::unexpected<YamlError> FailAt(std::size_t line, std::size_t column, const std::string& message) {
  YamlError error;
  error.code = Code::kInvalidArgument;
  error.message =
      "invalid YAML at " + std::to_string(line) + ":" + std::to_string(column) + ": " + message;
  error.line = line;
  return tl::unexpected<YamlError>(std::move(error));
}

bool IsUtf8(std::string_view text) {
  try {
    static_cast<void>(Json(text).dump());
    return true;
  } catch (const Json::exception&) {
    return false;
  }
}

// What ends a line in YAML 1.1 (kubectl's reader) but not in 1.2 (ours), in UTF-8: NEL, LS, PS.
constexpr std::array<std::string_view, 3> kForeignBreaks = {"\xC2\x85", "\xE2\x80\xA8",
                                                            "\xE2\x80\xA9"};

// Where a text holds something beyond printable characters (YAML 1.2.2 section 5.1), tabs and line
// feeds, or npos.
std::size_t FindUnprintable(std::string_view text) {
  const auto at = std::find_if(text.begin(), text.end(), [](unsigned char c) {
    return (c < 0x20 && c != '\t' && c != '\n') || c == 0x7F;
  });
  std::size_t found = at == text.end() ? text.npos : static_cast<std::size_t>(at - text.begin());
  for (const std::string_view other : kForeignBreaks) found = std::min(found, text.find(other));
  return found;
}

// yaml-cpp takes any byte, and byte 4 for the end of the stream. A comment that hides a line from
// one reader and not from the other is refused here, before anything is read.
tl::expected<void, YamlError> CheckText(std::string_view text) {
  for (std::size_t line = 1; !text.empty(); ++line) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view content = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (content.ends_with('\r')) content.remove_suffix(1);
    if (const std::size_t at = FindUnprintable(content); at != content.npos) {
      return FailAt(line, at + 1,
                    "control characters and Unicode line separators are not allowed: write them "
                    "as escapes in double quotes");
    }
    if (!IsUtf8(content)) return FailAt(line, 1, "the line must be UTF-8");
  }
  return {};
}

struct Refused {
  YAML::Mark mark;
  std::string message;
};

class ToJson : public YAML::EventHandler {
 public:
  // `lines` may be null: nobody wants to know.
  ToJson(std::size_t& budget, YamlLines* lines) : budget_(budget), lines_(lines) {}

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    NoAnchor(mark, anchor);
    Put(mark, nullptr);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    throw Refused{mark, "aliases are not allowed: write the value out where it is used"};
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    NoAnchor(mark, anchor);
    const bool plain = tag == "?" || tag.empty();
    if (!plain && tag != "!" && tag != "tag:yaml.org,2002:str") {
      throw Refused{mark, "tag '" + Excerpt(tag) + "' is not allowed"};
    }
    if (!stack_.empty() && stack_.back().value.is_object() && !stack_.back().has_key) {
      if (value == "<<" && plain) throw Refused{mark, "merge keys are not allowed"};
      if (stack_.back().value.contains(value)) {
        throw Refused{mark, "duplicate key '" + Excerpt(value) + "'"};
      }
      stack_.back().key = value;
      stack_.back().has_key = true;
      Note(mark);
      return;
    }
    Put(mark, plain ? ResolvePlain(value) : Json(value));
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
    std::string path{};  // only where lines are noted
  };

  static void NoAnchor(const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (anchor != 0) throw Refused{mark, "anchors are not allowed: write the value out"};
  }
  void Open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, Json value) {
    NoAnchor(mark, anchor);
    if (tag != "?" && tag != "!" && !tag.empty() && tag != "tag:yaml.org,2002:map" &&
        tag != "tag:yaml.org,2002:seq") {
      throw Refused{mark, "tag '" + Excerpt(tag) + "' is not allowed"};
    }
    if (stack_.size() >= static_cast<std::size_t>(kMaxJsonDepth)) {
      throw Refused{mark, "nested deeper than " + std::to_string(kMaxJsonDepth) + " levels"};
    }
    if (!stack_.empty() && stack_.back().value.is_object() && !stack_.back().has_key) {
      throw Refused{mark, "a mapping key must be a scalar"};
    }
    std::string path = Note(mark);
    stack_.push_back({std::move(value), {}, false, mark, std::move(path)});
  }
  void Close() {
    Frame done = std::move(stack_.back());
    stack_.pop_back();
    Put(done.mark, std::move(done.value));
  }
  void Put(const YAML::Mark& mark, Json value) {
    if (budget_ == 0) throw Refused{mark, "more than 1000000 nodes"};
    --budget_;
    Note(mark);
    if (stack_.empty()) {
      root_ = std::move(value);
      return;
    }
    Frame& top = stack_.back();
    if (top.value.is_array()) {
      top.value.push_back(std::move(value));
    } else if (!top.has_key) {
      throw Refused{mark, "a mapping key must not be null"};
    } else {
      top.value.emplace(std::move(top.key), std::move(value));
      top.has_key = false;
    }
  }

  // The path of the value that comes next, whose line is `mark`'s unless its key's is known.
  std::string Note(const YAML::Mark& mark) {
    if (lines_ == nullptr) return {};
    std::string path;
    if (!stack_.empty()) {
      const Frame& top = stack_.back();
      path = top.path;
      if (top.value.is_array()) {
        path += "[" + std::to_string(top.value.size()) + "]";
      } else {
        path += (path.empty() ? "" : ".") + top.key;
      }
    }
    lines_->emplace(path, static_cast<std::size_t>(mark.line) + 1);
    return path;
  }

  std::size_t& budget_;
  YamlLines* lines_;
  std::vector<Frame> stack_;
  Json root_;
};

tl::unexpected<YamlError> At(const YAML::Mark& mark, const std::string& message) {
  return FailAt(static_cast<std::size_t>(mark.line) + 1, static_cast<std::size_t>(mark.column) + 1,
                message);
}

tl::expected<std::vector<YamlDocument>, YamlError> ParseStream(std::string_view text,
                                                               bool with_lines) {
  if (auto checked = CheckText(text); !checked) return tl::unexpected<YamlError>(checked.error());
  std::vector<YamlDocument> documents;
  std::size_t budget = kMaxNodes;
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    while (true) {
      YamlDocument document;
      ToJson handler(budget, with_lines ? &document.lines : nullptr);
      if (!parser.HandleNextDocument(handler)) break;
      document.value = handler.Take();
      if (!document.value.is_null()) documents.push_back(std::move(document));
    }
  } catch (const Refused& e) {
    return At(e.mark, e.message);
  } catch (const YAML::Exception& e) {
    return At(e.mark, e.msg);
  }
  return documents;
}

// Words that YAML 1.1 readers (kubectl among them) take for booleans or merge keys, and all that
// looks like a number in either version, are quoted: what was text stays text.
bool NeedsQuotes(const std::string& text) {
  std::string lower = text;
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  static constexpr std::array<std::string_view, 7> kWords = {"yes", "no", "on", "off",
                                                             "y",   "n",  "<<"};
  if (std::find(kWords.begin(), kWords.end(), lower) != kWords.end()) return true;
  const char first = text.empty() ? '\0' : text.front();
  return (first >= '0' && first <= '9') || first == '-' || first == '+' || first == '.' ||
         first == '=' || !ResolvePlain(text).is_string();
}

// A block of lines reads back exactly when it ends in one line feed and neither its first line nor
// its end is blank: yaml-cpp writes no indentation or chomping indicators.
bool FitsLiteral(const std::string& text) {
  return text.size() > 1 && text.back() == '\n' && text[text.size() - 2] != '\n' &&
         text.front() != ' ' && text.front() != '\n' && text.find('\t') == std::string::npos;
}

void EmitText(YAML::Emitter& out, const std::string& text, bool is_key) {
  const bool lines = text.find('\n') != std::string::npos;
  if (FindUnprintable(text) != std::string::npos) {
    out << YAML::EscapeNonAscii << YAML::DoubleQuoted;
  } else if (NeedsQuotes(text) || (lines && (is_key || !FitsLiteral(text)))) {
    out << YAML::DoubleQuoted;
  } else if (lines) {
    out << YAML::Literal;
  }
  out << text;
}

// YAML reads a key on the line of its value only within 1024 characters (YAML 1.2, section 7.4.2),
// counted as written, where a byte may take four.
constexpr std::size_t kSureToBeShort = 240;

void Emit(YAML::Emitter& out, const Json& value) {
  switch (value.type()) {
    case Json::value_t::object:
      if (value.empty()) {
        out << YAML::Flow << YAML::BeginMap << YAML::EndMap;
        return;
      }
      out << YAML::BeginMap;
      for (const auto& [key, item] : value.items()) {
        if (key.size() > kSureToBeShort) out << YAML::LongKey;
        out << YAML::Key;
        EmitText(out, key, true);
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
    case Json::value_t::string: EmitText(out, value.get_ref<const std::string&>(), false); return;
    case Json::value_t::null: out << YAML::LowerNull << YAML::Null; return;
    default: out << DumpJson(value); return;
  }
}

}  // namespace

tl::expected<std::vector<YamlDocument>, YamlError> ParseYamlWithLines(std::string_view text) {
  return ParseStream(text, true);
}

Result<std::vector<Json>> ParseYamlDocuments(std::string_view text) {
  auto parsed = ParseStream(text, false);
  if (!parsed) return Fail(parsed.error());
  std::vector<Json> documents;
  documents.reserve(parsed->size());
  for (YamlDocument& document : *parsed) documents.push_back(std::move(document.value));
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
