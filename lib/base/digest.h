// digest.h: hashes, encodings and random ids, all by OpenSSL.
//
// Free functions without state; thread-safe. Failures of the library itself (no memory, no entropy)
// end the process: nothing sensible could be decided after them.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "base/time.h"

namespace countersign {

// 64 lower-case hexadecimal digits.
using Sha256Bytes = std::array<unsigned char, 32>;
[[nodiscard]] Sha256Bytes Sha256(std::string_view data);
[[nodiscard]] std::string Sha256Hex(std::string_view data);
// "sha256:" and the digits, as digests stand in our objects.
[[nodiscard]] std::string DigestText(const Sha256Bytes& digest);

// The digest of what does not fit into memory, piece by piece. One thread at a time.
class Sha256Stream {
 public:
  Sha256Stream();
  ~Sha256Stream();
  Sha256Stream(Sha256Stream&&) noexcept;
  Sha256Stream& operator=(Sha256Stream&&) noexcept;

  void Update(std::string_view piece);
  // Of all pieces; nothing may follow.
  [[nodiscard]] Sha256Bytes Finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// "sha256:" and the digest of the RFC 8785 form of `value`; `instead` as for CanonicalJson.
[[nodiscard]] Result<std::string> JsonDigest(const Json& value, const Replacements& instead = {});

// RFC 4648 section 4, with padding, without line breaks.
[[nodiscard]] std::string Base64Encode(std::string_view data);
// Strict: padding required, no white space, no bits left over.
[[nodiscard]] Result<std::string> Base64Decode(std::string_view text);
// The same, in either alphabet of RFC 4648, or both.
[[nodiscard]] Result<std::string> Base64DecodeEither(std::string text);

// RFC 9562 UUID version 7 of the instant `now`: sortable by time, 74 random bits.
[[nodiscard]] std::string NewUuid(Time now);

}  // namespace countersign
