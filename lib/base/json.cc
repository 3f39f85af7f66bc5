#include "base/json.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/json_bounded.h"
#include "base/json_fast.h"
#include "base/json_text.h"
#include "base/json_without.h"

namespace countersign {
namespace {

// Builds the document, with the three checks that the library's own builder lacks: duplicate keys
// (it lets the last one win, the API server lets neither), depth, and errors as values instead of
// exceptions. The library calls it as it reads; strings are ours to take.
class StrictBuilder {
 public:
  // `most`: bytes of memory that it may take; none: any.
  StrictBuilder(Json& document, int max_depth, std::optional<std::size_t> most)
      : document_(document), max_depth_(max_depth), left_(most.value_or(0)), bounded_(most) {}

  bool null() { return Add(Json(nullptr)); }
  bool boolean(bool value) { return Add(Json(value)); }
  bool number_integer(std::int64_t value) { return Add(Json(value)); }
  bool number_unsigned(std::uint64_t value) { return Add(Json(value)); }
  bool number_float(double value, const std::string& /*text*/) { return Add(Json(value)); }
  bool string(std::string& value) {
    return Spend(kText + OnHeap(value)) && Add(Json(std::move(value)));
  }
  bool binary(Json::binary_t& /*value*/) { return false; }  // no such thing in text

  bool start_object(std::size_t /*size*/) { return Open(Json::object()); }
  bool end_object() { return Close(); }
  bool start_array(std::size_t /*size*/) { return Open(Json::array()); }
  bool end_array() { return Close(); }
  bool key(std::string& name) {
    if (!Spend(kMember + OnHeap(name))) return false;
    auto& members = open_.back()->get_ref<Json::object_t&>();
    // Most documents come sorted, and then the place at the end is the right one.
    const auto size = members.size();
    const auto member = members.try_emplace(members.end(), std::move(name));
    if (members.size() == size) {
      error_ = "duplicate key '" + Excerpt(member->first) + "'";
      return false;
    }
    member_ = &member->second;
    return true;
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
  [[nodiscard]] bool over() const { return over_; }

 private:
  // A container does not grow while one of its parts is open, so pointers to parts hold.
  Json& Place(Json&& value) {
    if (open_.empty()) return document_ = std::move(value);
    if (open_.back()->is_object()) return *member_ = std::move(value);
    return open_.back()->get_ref<Json::array_t&>().emplace_back(std::move(value));
  }
  bool Add(Json&& value) {
    if (!SpendPlace()) return false;
    Place(std::move(value));
    return true;
  }
  // About what the allocator gives out. An array that grows has up to three times its elements;
  // what it does not need it gives back at its end.
  static constexpr std::size_t kText = 48;
  static constexpr std::size_t kMember = 96;
  static constexpr std::size_t kContainer = 64;
  static constexpr std::size_t kGrowth = 2;
  static std::size_t OnHeap(const std::string& text) {
    constexpr std::size_t kInside = 15;
    return text.size() > kInside ? text.size() + 16 : 0;
  }
  bool SpendPlace() {
    const bool in_array = !open_.empty() && open_.back()->is_array();
    return !in_array || Spend((kGrowth + 1) * sizeof(Json));
  }
  bool Spend(std::size_t bytes) {
    if (!bounded_) return true;
    if (bytes > left_) {
      over_ = true;
      return false;
    }
    left_ -= bytes;
    return true;
  }
  bool Open(Json&& value) {
    if (static_cast<int>(open_.size()) >= max_depth_) {
      error_ = "nested deeper than " + std::to_string(max_depth_) + " levels";
      return false;
    }
    if (!SpendPlace() || !Spend(kContainer)) return false;
    open_.push_back(&Place(std::move(value)));
    return true;
  }
  bool Close() {
    if (bounded_ && open_.back()->is_array()) {
      auto& elements = open_.back()->get_ref<Json::array_t&>();
      elements.shrink_to_fit();
      left_ += kGrowth * sizeof(Json) * elements.size();
    }
    open_.pop_back();
    return true;
  }

  Json& document_;
  const int max_depth_;
  std::vector<Json*> open_;  // the containers around the next value, the innermost last
  Json* member_ = nullptr;   // where the value of the last key belongs
  std::string error_;
  std::size_t left_;  // bytes that may still be taken
  const bool bounded_;
  bool over_ = false;
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

// Bytes of UTF-8 sort as UTF-16 does, except that lead bytes 0xEE and above stand for characters
// which surrogates, the halves of others, come before.
bool SortsAsUtf16(const std::string& key) {
  bool low = true;
  for (const char c : key) low &= static_cast<unsigned char>(c) < 0xEE;
  return low;
}

class CanonicalWriter {
 public:
  CanonicalWriter(const Replacements& instead, std::string& out) : instead_(instead), out_(out) {}

  // False when there is no canonical form; then problem() says why.
  bool Write(const Json& value, int depth) {
    if (depth > kMaxForeignJsonDepth) return Refuse("nested too deeply");
    switch (value.type()) {
      case Json::value_t::object: return WriteObject(value, depth);
      case Json::value_t::array: return WriteArray(value, depth);
      case Json::value_t::string: return WriteString(value.get_ref<const std::string&>());
      case Json::value_t::number_unsigned:
      case Json::value_t::number_integer: return WriteInteger(value);
      case Json::value_t::number_float:
        if (!std::isfinite(value.get<double>())) return Refuse("a number must be finite");
        out_ += EcmaNumber(value.get<double>());
        return true;
      case Json::value_t::boolean: out_ += value.get<bool>() ? "true" : "false"; return true;
      case Json::value_t::null: out_ += "null"; return true;
      default: return Refuse("not a JSON value");
    }
  }

  [[nodiscard]] const std::string& problem() const { return problem_; }

 private:
  bool Refuse(std::string problem) {
    problem_ = std::move(problem);
    return false;
  }

  bool WriteInteger(const Json& value) {
    std::array<char, 24> digits{};
    const auto end = value.is_number_unsigned()
                         ? std::to_chars(digits.begin(), digits.end(), value.get<std::uint64_t>())
                         : std::to_chars(digits.begin(), digits.end(), value.get<std::int64_t>());
    const std::string_view text(digits.data(), static_cast<std::size_t>(end.ptr - digits.data()));
    // Readers of doubles and of integers agree on all digits that JCS itself writes: every
    // integer up to 2^53−1, and 1e17 after the API server has stored it as 100000000000000000.
    constexpr std::size_t kAlwaysSafe = 15;  // digits
    if (text.size() > kAlwaysSafe && EcmaNumber(value.get<double>()) != text) {
      return Refuse("integer " + std::string(text) +
                    " is beyond 2^53-1 and has no canonical form: write it as a string");
    }
    out_ += text;
    return true;
  }

  bool WriteObject(const Json& object, int depth) {
    const auto& members = object.get_ref<const Json::object_t&>();
    out_ += '{';
    const bool sorted = std::all_of(members.begin(), members.end(),
                                    [](const auto& member) { return SortsAsUtf16(member.first); });
    if (sorted) {
      for (const auto& [key, value] : members) {
        if (!WriteMember(key, value, depth)) return false;
      }
    } else {
      std::vector<std::pair<std::u16string, Json::object_t::const_iterator>> order;
      for (auto it = members.begin(); it != members.end(); ++it) {
        order.emplace_back(Utf16(it->first), it);
      }
      std::sort(order.begin(), order.end(),
                [](const auto& a, const auto& b) { return a.first < b.first; });
      for (const auto& [unused, it] : order) {
        if (!WriteMember(it->first, it->second, depth)) return false;
      }
    }
    out_ += '}';
    return true;
  }

  bool WriteMember(const std::string& key, const Json& value, int depth) {
    const Json* shown = &value;
    for (const auto& [from, to] : instead_) {
      if (from == &value) shown = to;
    }
    if (shown == nullptr) return true;
    if (out_.back() != '{') out_ += ',';
    if (!WriteString(key)) return false;
    out_ += ':';
    return Write(*shown, depth + 1);
  }

  bool WriteArray(const Json& array, int depth) {
    out_ += '[';
    for (const Json& item : array) {
      if (out_.back() != '[') out_ += ',';
      if (!Write(item, depth + 1)) return false;
    }
    out_ += ']';
    return true;
  }

  bool WriteString(const std::string& text) {
    if (IsPlainInJson(text)) {  // the library knows all others
      (out_ += '"').append(text) += '"';
      return true;
    }
    try {
      out_ += Json(text).dump();
    } catch (const Json::exception&) {
      return Refuse("a string must be valid UTF-8");
    }
    return true;
  }

  const Replacements& instead_;
  std::string& out_;
  std::string problem_;
};

void LeaveOut(Json& from, JsonSteps steps) {
  auto* members = from.get_ptr<Json::object_t*>();
  if (members == nullptr || steps.empty()) return;
  for (auto it = members->begin(); it != members->end();) {
    const bool meant = steps.front() == "*" || steps.front() == it->first;
    if (meant && steps.size() == 1) {
      it = members->erase(it);
      continue;
    }
    if (meant) LeaveOut(it->second, steps.subspan(1));
    ++it;
  }
}

}  // namespace

Result<Json> ParseJson(std::string_view text, int max_depth) {
  if (auto fast = ParseJsonFast(text, max_depth)) return std::move(*fast);
  return ParseJsonStrictly(text, max_depth);
}

namespace {

Result<Json> ParseWithin(std::string_view text, std::optional<std::size_t> most, int max_depth) {
  // The library takes a NUL byte for the end and would not look at what follows.
  if (const auto nul = text.find('\0'); nul != text.npos) {
    return Fail(Code::kInvalidArgument,
                "invalid JSON: a NUL byte (byte " + std::to_string(nul + 1) + ")");
  }
  Json root;
  StrictBuilder builder(root, max_depth, most);
  if (Json::sax_parse(text, &builder)) return root;
  if (builder.over()) {
    return Fail(Code::kResourceExhausted, "has so many values that they take more than " +
                                              std::to_string(most.value_or(0) >> 20U) +
                                              " MiB of memory");
  }
  return Fail(Code::kInvalidArgument,
              "invalid JSON: " + (builder.error().empty() ? "parse error" : builder.error()));
}

}  // namespace

Result<Json> ParseJsonWithout(std::string_view text, JsonSteps left_out, int max_depth,
                              std::optional<std::size_t> most) {
  if (auto fast = ParseJsonFast(text, max_depth, left_out)) return std::move(*fast);
  auto whole = ParseWithin(text, most, max_depth);
  if (whole) LeaveOut(*whole, left_out);
  return whole;
}

Result<Json> ParseJsonStrictly(std::string_view text, int max_depth) {
  return ParseWithin(text, std::nullopt, max_depth);
}

Result<Json> ParseJsonWithin(std::string_view text, std::size_t most, int max_depth) {
  if (auto fast = ParseJsonFast(text, max_depth)) return std::move(*fast);
  return ParseWithin(text, most, max_depth);
}

std::string DumpJson(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<std::string> CanonicalJson(const Json& value, const Replacements& instead) {
  constexpr std::size_t kUsualBytes = 8192;
  std::string out;
  out.reserve(kUsualBytes);
  CanonicalWriter writer(instead, out);
  if (!writer.Write(value, 0)) return Fail(Code::kInvalidArgument, writer.problem());
  return out;
}

void Discard(Json& value) {
  if (auto* members = value.get_ptr<Json::object_t*>()) {
    for (auto& [key, member] : *members) Discard(member);
    members->clear();
  } else if (auto* items = value.get_ptr<Json::array_t*>()) {
    for (Json& item : *items) Discard(item);
    items->clear();
  }
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
