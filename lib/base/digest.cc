#include "base/digest.h"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace countersign {
namespace {

std::string Hex(const unsigned char* data, std::size_t size) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  out.reserve(size * 2);
  for (std::size_t i = 0; i < size; ++i) {
    out.push_back(kDigits[data[i] >> 4]);
    out.push_back(kDigits[data[i] & 15]);
  }
  return out;
}

const unsigned char* Bytes(std::string_view data) {
  return reinterpret_cast<const unsigned char*>(data.data());
}

// Asking for a thousand bytes takes hardly longer than asking for a few.
void FillRandom(std::array<unsigned char, 16>& out) {
  constexpr std::size_t kPool = 64;
  thread_local std::array<std::array<unsigned char, 16>, kPool> pool;
  thread_local std::size_t used = kPool;
  if (used == kPool) {
    if (RAND_bytes(pool.front().data(), static_cast<int>(sizeof pool)) != 1) std::abort();
    used = 0;
  }
  out = pool[used++];
}

}  // namespace

Sha256Bytes Sha256(std::string_view data) {
  // Fetched once: SHA256() looks the algorithm up in every call.
  static EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  Sha256Bytes digest{};
  if (EVP_Digest(data.data(), data.size(), digest.data(), nullptr, algorithm, nullptr) != 1) {
    std::abort();  // a digest that stands for nothing must not get out
  }
  return digest;
}

std::string Sha256Hex(std::string_view data) {
  const Sha256Bytes digest = Sha256(data);
  return Hex(digest.data(), digest.size());
}

std::string DigestText(const Sha256Bytes& digest) {
  return "sha256:" + Hex(digest.data(), digest.size());
}

struct Sha256Stream::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  State() {
    if (context == nullptr || EVP_DigestInit_ex(context, EVP_sha256(), nullptr) != 1) std::abort();
  }
  ~State() { EVP_MD_CTX_free(context); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
};

Sha256Stream::Sha256Stream() : state_(std::make_unique<State>()) {}
Sha256Stream::~Sha256Stream() = default;
Sha256Stream::Sha256Stream(Sha256Stream&&) noexcept = default;
Sha256Stream& Sha256Stream::operator=(Sha256Stream&&) noexcept = default;

void Sha256Stream::Update(std::string_view piece) {
  if (EVP_DigestUpdate(state_->context, piece.data(), piece.size()) != 1) std::abort();
}

Sha256Bytes Sha256Stream::Finish() {
  Sha256Bytes digest{};
  if (EVP_DigestFinal_ex(state_->context, digest.data(), nullptr) != 1) std::abort();
  return digest;
}

Result<std::string> JsonDigest(const Json& value, const Replacements& instead) {
  auto canonical = CanonicalJson(value, instead);
  if (!canonical) return Fail(canonical.error());
  return "sha256:" + Sha256Hex(*canonical);
}

std::string Base64Encode(std::string_view data) {
  std::string out(4 * ((data.size() + 2) / 3) + 1, '\0');  // EVP_EncodeBlock adds a NUL
  const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()), Bytes(data),
                                     static_cast<int>(data.size()));
  out.resize(static_cast<std::size_t>(length));
  return out;
}

Result<std::string> Base64Decode(std::string_view text) {
  const auto fail = [] {
    return Fail(Code::kInvalidArgument, "must be base64 (RFC 4648, padded)");
  };
  if (text.size() % 4 != 0) return fail();
  if (text.empty()) return std::string();
  std::string out(text.size() / 4 * 3, '\0');
  const int length = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()), Bytes(text),
                                     static_cast<int>(text.size()));
  if (length < 0) return fail();
  std::size_t size = static_cast<std::size_t>(length);
  if (text.back() == '=') --size;
  if (text.size() > 1 && text[text.size() - 2] == '=') --size;
  out.resize(size);
  // EVP_DecodeBlock forgives white space and stray bits; encoding again shows them.
  if (Base64Encode(out) != text) return fail();
  return out;
}

Result<std::string> Base64DecodeEither(std::string text) {
  std::replace(text.begin(), text.end(), '-', '+');
  std::replace(text.begin(), text.end(), '_', '/');
  return Base64Decode(text);
}

std::string NewUuid(Time now) {
  std::array<unsigned char, 16> id{};
  FillRandom(id);
  const auto millis = static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count());
  for (int i = 0; i < 6; ++i) {
    id[static_cast<std::size_t>(i)] = static_cast<unsigned char>(millis >> (8 * (5 - i)));
  }
  id[6] = static_cast<unsigned char>((id[6] & 0x0F) | 0x70);
  id[8] = static_cast<unsigned char>((id[8] & 0x3F) | 0x80);
  const std::string hex = Hex(id.data(), id.size());
  return hex.substr(0, 8) + "-" + hex.substr(8, 4) + "-" + hex.substr(12, 4) + "-" +
         hex.substr(16, 4) + "-" + hex.substr(20);
}

}  // namespace countersign
