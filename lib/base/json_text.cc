#include "base/json_text.h"

#include <cstdint>
#include <cstring>

namespace countersign {
namespace {

constexpr std::uint64_t Each(std::uint64_t byte) { return 0x0101010101010101 * byte; }

// Whether any of eight bytes is less than `limit` <= 128 (Sean Eron Anderson, Bit Twiddling Hacks).
constexpr bool AnyBelow(std::uint64_t eight, std::uint64_t limit) {
  return ((eight - Each(limit)) & ~eight & Each(0x80)) != 0;
}
constexpr bool Any(std::uint64_t eight, char wanted) {
  return AnyBelow(eight ^ Each(static_cast<unsigned char>(wanted)), 1);
}

bool IsAsciiEight(std::uint64_t eight) { return (eight & Each(0x80)) == 0; }
bool IsPlainEight(std::uint64_t eight) {
  return IsAsciiEight(eight) && !AnyBelow(eight, 0x20) && !Any(eight, '"') && !Any(eight, '\\');
}

constexpr std::size_t kBlock = 32;

// Of a fixed length and without a branch, for the compiler to look at many bytes by one
// instruction.
bool IsPlainBlock(const char* block) {
  unsigned char special = 0;
  for (std::size_t i = 0; i < kBlock; ++i) {
    const auto c = static_cast<unsigned char>(block[i]);
    special |= static_cast<unsigned char>((c < 0x20) | (c > 0x7f) | (c == '"') | (c == '\\'));
  }
  return special == 0;
}

// Whether `Holds` for all eights of the text, the last of them filled up with blanks.
template <bool (*Holds)(std::uint64_t)>
bool AllEights(std::string_view text) {
  std::uint64_t eight = 0;
  for (; text.size() >= sizeof eight; text.remove_prefix(sizeof eight)) {
    std::memcpy(&eight, text.data(), sizeof eight);
    if (!Holds(eight)) return false;
  }
  eight = Each(' ');
  text.copy(reinterpret_cast<char*>(&eight), text.size());
  return Holds(eight);
}

}  // namespace

bool IsAscii(std::string_view text) { return AllEights<IsAsciiEight>(text); }
bool IsPlainInJson(std::string_view text) {
  for (; text.size() >= kBlock; text.remove_prefix(kBlock)) {
    if (!IsPlainBlock(text.data())) return false;
  }
  return AllEights<IsPlainEight>(text);
}

}  // namespace countersign
