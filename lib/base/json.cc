#include "base/json.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace countersign {
namespace {

using DomParser = nlohmann::detail::json_sax_dom_parser<Json>;

// The library's own DOM builder, plus the three checks it lacks: duplicate keys (it lets the last
// one win, the API server lets neither), depth, and errors as values instead of exceptions.
class StrictHandler : public DomParser {
 public:
  StrictHandler(Json& document, int max_depth)
      : DomParser(document, false), max_depth_(max_depth) {}

  bool start_object(std::size_t size) {
    keys_.emplace_back();
    return Enter() && DomParser::start_object(size);
  }
  bool end_object() {
    keys_.pop_back();
    --depth_;
    return DomParser::end_object();
  }
  bool start_array(std::size_t size) { return Enter() && DomParser::start_array(size); }
  bool end_array() {
    --depth_;
    return DomParser::end_array();
  }
  bool key(std::string& name) {
    if (!keys_.back().insert(name).second) {
      error_ = "duplicate key '" + Excerpt(name) + "'";
      return false;
    }
    return DomParser::key(name);
  }
  template <class Exception>
  bool parse_error(std::size_t position, const std::string& /*token*/, const Exception& e) {
    // The library's text starts with an internal id in brackets that helps nobody.
    std::string text = e.what();
    if (const auto end = text.find("] "); end != std::string::npos) text.erase(0, end + 2);
    // It ends in what was read, which may be long, secret or invalid UTF-8.
    text.erase(std::min(text.find("; last read: '"), text.size()));
    error_ = Excerpt(text, 256) + " (byte " + std::to_string(position) + ")";
    return false;
  }

  [[nodiscard]] const std::string& error() const { return error_; }

 private:
  bool Enter() {
    if (++depth_ <= max_depth_) return true;
    error_ = "nested deeper than " + std::to_string(max_depth_) + " levels";
    return false;
  }

  int max_depth_;
  int depth_ = 0;
  std::vector<std::set<std::string, std::less<>>> keys_;
  std::string error_;
};

// UTF-16 code units of valid UTF-8, the order in which RFC 8785 section 3.2.3 sorts keys.
std::u16string Utf16(const std::string& utf8) {
  std::u16string out;
  for (std::size_t i = 0; i < utf8.size();) {
    const auto lead = static_cast<unsigned char>(utf8[i]);
    const std::size_t length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    char32_t point = length == 1 ? lead : lead & (0xFF >> (length + 1));
    for (std::size_t k = 1; k < length && i + k < utf8.size(); ++k) {
      point = (point << 6) | (static_cast<unsigned char>(utf8[i + k]) & 0x3F);
    }
    if (point >= 0x10000) {
      out.push_back(static_cast<char16_t>(0xD7C0 + (point >> 10)));
      out.push_back(static_cast<char16_t>(0xDC00 + (point & 0x3FF)));
    } else {
      out.push_back(static_cast<char16_t>(point));
    }
    i += length;
  }
  return out;
}

// ECMAScript's Number::toString (ECMA-262 section 6.1.6.1.20), as RFC 8785 section 3.2.2.3 asks.
std::string EcmaNumber(double value) {
  if (value == 0) return "0";  // also −0
  char buffer[40] = {};        // to_chars ends its text with nothing, atoi needs a NUL
  const auto end =
      std::to_chars(buffer, buffer + sizeof buffer, std::fabs(value), std::chars_format::scientific)
          .ptr;
  std::string digits;
  int exponent = 0;
  for (const char* p = buffer; p != end; ++p) {
    if (*p == 'e') {
      exponent = std::atoi(p + 1);
      break;
    }
    if (*p != '.') digits.push_back(*p);
  }
  const int k = static_cast<int>(digits.size());
  const int n = exponent + 1;  // position of the decimal point
  std::string out;
  if (k <= n && n <= 21) {
    out = digits + std::string(static_cast<std::size_t>(n - k), '0');
  } else if (0 < n && n <= 21) {
    out = digits.substr(0, static_cast<std::size_t>(n)) + "." +
          digits.substr(static_cast<std::size_t>(n));
  } else if (-6 < n && n <= 0) {
    out = "0." + std::string(static_cast<std::size_t>(-n), '0') + digits;
  } else {
    out = digits.substr(0, 1) + (k > 1 ? "." + digits.substr(1) : "") + "e" +
          (n - 1 < 0 ? "-" : "+") + std::to_string(std::abs(n - 1));
  }
  return value < 0 ? "-" + out : out;
}

Status AppendCanonical(const Json& value, std::string& out, int depth) {
  if (depth > kMaxForeignJsonDepth) return Fail(Code::kInvalidArgument, "nested too deeply");
  switch (value.type()) {
    case Json::value_t::object: {
      std::vector<std::pair<std::u16string, Json::const_iterator>> order;
      order.reserve(value.size());
      for (auto it = value.begin(); it != value.end(); ++it)
        order.emplace_back(Utf16(it.key()), it);
      std::sort(order.begin(), order.end(),
                [](const auto& a, const auto& b) { return a.first < b.first; });
      out += '{';
      for (const auto& [unused, it] : order) {
        if (out.back() != '{') out += ',';
        if (auto s = AppendCanonical(Json(it.key()), out, depth + 1); !s) return s;
        out += ':';
        if (auto s = AppendCanonical(it.value(), out, depth + 1); !s) return s;
      }
      out += '}';
      return {};
    }
    case Json::value_t::array: {
      out += '[';
      bool first = true;
      for (const Json& item : value) {
        if (!first) out += ',';
        first = false;
        if (auto s = AppendCanonical(item, out, depth + 1); !s) return s;
      }
      out += ']';
      return {};
    }
    case Json::value_t::string: try { out += value.dump();
      } catch (const Json::exception&) {
        return Fail(Code::kInvalidArgument, "a string must be valid UTF-8");
      }
      return {};
    case Json::value_t::number_unsigned:
    case Json::value_t::number_integer:
      // Readers of doubles and of integers agree on all digits that JCS itself writes: every
      // integer up to 2^53−1, and 1e17 after the API server has stored it as 100000000000000000.
      if (EcmaNumber(value.get<double>()) != value.dump()) break;
      out += value.dump();
      return {};
    case Json::value_t::number_float:
      if (!std::isfinite(value.get<double>())) {
        return Fail(Code::kInvalidArgument, "a number must be finite");
      }
      out += EcmaNumber(value.get<double>());
      return {};
    case Json::value_t::boolean: out += value.get<bool>() ? "true" : "false"; return {};
    case Json::value_t::null: out += "null"; return {};
    default: return Fail(Code::kInvalidArgument, "not a JSON value");
  }
  return Fail(Code::kInvalidArgument,
              "integer " + value.dump() +
                  " is beyond 2^53-1 and has no canonical form: write it as a string");
}

}  // namespace

Result<Json> ParseJson(std::string_view text, int max_depth) {
  // The library takes a NUL byte for the end and would not look at what follows.
  if (const auto nul = text.find('\0'); nul != text.npos) {
    return Fail(Code::kInvalidArgument,
                "invalid JSON: a NUL byte (byte " + std::to_string(nul + 1) + ")");
  }
  Json root;
  StrictHandler handler(root, max_depth);
  if (Json::sax_parse(text, &handler)) return root;
  return Fail(Code::kInvalidArgument,
              "invalid JSON: " + (handler.error().empty() ? "parse error" : handler.error()));
}

std::string DumpJson(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<std::string> CanonicalJson(const Json& value) {
  std::string out;
  if (auto status = AppendCanonical(value, out, 0); !status) return Fail(status.error());
  return out;
}

const Json* Find(const Json& object, std::string_view key) {
  if (!object.is_object()) return nullptr;
  const auto it = object.find(key);
  return it == object.end() ? nullptr : &*it;
}

const Json* FindPath(const Json& object, std::string_view path) {
  const Json* at = &object;
  while (!path.empty() && at != nullptr) {
    const auto slash = path.find('/');
    const std::string_view key = path.substr(0, slash);
    if (!key.empty()) at = Find(*at, key);
    path = slash == std::string_view::npos ? std::string_view{} : path.substr(slash + 1);
  }
  return at;
}

std::string StringAt(const Json& object, std::string_view path, std::string_view fallback) {
  const Json* found = FindPath(object, path);
  return found != nullptr && found->is_string() ? found->get_ref<const std::string&>()
                                                : std::string(fallback);
}

std::int64_t IntAt(const Json& object, std::string_view path, std::int64_t fallback) {
  const Json* found = FindPath(object, path);
  if (found == nullptr || !found->is_number_integer()) return fallback;
  if (found->is_number_unsigned() &&
      found->get<std::uint64_t>() > static_cast<std::uint64_t>(INT64_MAX)) {
    return fallback;
  }
  return found->get<std::int64_t>();
}

bool BoolAt(const Json& object, std::string_view path, bool fallback) {
  const Json* found = FindPath(object, path);
  return found != nullptr && found->is_boolean() ? found->get<bool>() : fallback;
}

void SetPath(Json& object, std::string_view path, Json value) {
  Json* at = &object;
  while (!path.empty()) {
    const auto slash = path.find('/');
    const std::string key(path.substr(0, slash));
    path = slash == std::string_view::npos ? std::string_view{} : path.substr(slash + 1);
    if (key.empty()) continue;
    if (!at->is_object()) *at = Json::object();
    at = &(*at)[key];
  }
  *at = std::move(value);
}

}  // namespace countersign
