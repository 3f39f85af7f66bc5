#include "webhook/http/request_frame.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace countersign {
namespace {

constexpr int kBadRequest = 400;
constexpr int kLengthRequired = 411;
constexpr int kContentTooLarge = 413;
constexpr int kUnsupportedMediaType = 415;
constexpr int kHeadersTooLarge = 431;

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool SameName(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return Lower(x) == y; });
}

std::string_view Trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

Frame Reject(int status) { return {Frame::State::kRejected, 0, status}; }

}  // namespace

Frame FindFrame(std::string_view bytes, const FrameLimits& limits) {
  const auto end = bytes.substr(0, limits.head + 4).find("\r\n\r\n");
  if (end == std::string_view::npos) {
    return bytes.size() > limits.head ? Reject(kHeadersTooLarge) : Frame{};
  }
  const std::size_t head = end + 4;
  std::optional<std::size_t> length;
  std::string_view lines = bytes.substr(0, end + 2);
  const std::string_view request_line = lines.substr(0, lines.find("\r\n"));
  lines.remove_prefix(request_line.size() + 2);
  while (!lines.empty()) {
    const auto stop = lines.find("\r\n");
    const std::string_view line = lines.substr(0, stop);
    lines.remove_prefix(stop + 2);
    const auto colon = line.find(':');
    // No colon, a bare line feed, folding, or blanks before the colon: RFC 9112 section 5 rejects.
    if (colon == std::string_view::npos || colon == 0 ||
        line.find('\n') != std::string_view::npos || line.find('\0') != std::string_view::npos ||
        line[0] == ' ' || line[0] == '\t' || line[colon - 1] == ' ' || line[colon - 1] == '\t') {
      return Reject(kBadRequest);
    }
    const std::string_view name = line.substr(0, colon);
    const std::string_view value = Trim(line.substr(colon + 1));
    if (SameName(name, "transfer-encoding")) return Reject(kLengthRequired);
    if (SameName(name, "content-encoding") && !SameName(value, "identity")) {
      return Reject(kUnsupportedMediaType);
    }
    if (!SameName(name, "content-length")) continue;
    std::size_t number = 0;
    const auto [last, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (length || value.empty() || error == std::errc::invalid_argument ||
        last != value.data() + value.size()) {
      return Reject(kBadRequest);
    }
    if (error != std::errc{} || number > limits.body) return Reject(kContentTooLarge);
    length = number;
  }
  if (request_line.starts_with("POST ") && !length) return Reject(kLengthRequired);
  const std::size_t size = head + length.value_or(0);
  return bytes.size() >= size ? Frame{Frame::State::kComplete, size, 0} : Frame{};
}

}  // namespace countersign
