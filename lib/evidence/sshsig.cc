#include "evidence/sshsig.h"

#include <openssl/evp.h>

#include <algorithm>

#include "base/digest.h"

namespace countersign {
namespace {

constexpr std::string_view kBegin = "-----BEGIN SSH SIGNATURE-----";
constexpr std::string_view kEnd = "-----END SSH SIGNATURE-----";
constexpr std::string_view kMagic = "SSHSIG";
constexpr std::uint32_t kVersion = 1;
constexpr std::uint8_t kUserPresent = 0x01;
constexpr std::uint8_t kUserVerified = 0x04;

tl::unexpected<Error> Bad(std::string why, Code code = Code::kInvalidArgument) {
  return Fail(code, std::move(why));
}

Result<std::string> Unarmor(std::string_view text) {
  if (text.size() > kMaxSshSignature)
    return Bad("it is larger than 8 KiB", Code::kResourceExhausted);
  const auto is_space = [](char c) { return c == '\n' || c == '\r'; };
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  if (!text.starts_with(kBegin) || !text.ends_with(kEnd) ||
      text.size() < kBegin.size() + kEnd.size()) {
    return Bad("it must be one SSH SIGNATURE as `ssh-keygen -Y sign` writes it, and nothing else");
  }
  std::string base64(text.substr(kBegin.size(), text.size() - kBegin.size() - kEnd.size()));
  base64.erase(std::remove_if(base64.begin(), base64.end(), is_space), base64.end());
  auto blob = Base64Decode(base64);
  if (!blob) return Bad("its base64 " + blob.error().message);
  return blob;
}

std::string DigestBy(std::string_view name, std::string_view data) {
  std::string out(EVP_MAX_MD_SIZE, '\0');
  unsigned int size = 0;
  const EVP_MD* digest = name == "sha512" ? EVP_sha512() : EVP_sha256();
  EVP_Digest(data.data(), data.size(), reinterpret_cast<unsigned char*>(out.data()), &size, digest,
             nullptr);
  out.resize(size);
  return out;
}

// The algorithm of a signature is its key's: a key never signs in another's way.
Status Check(const VerificationKey& key, WireReader in, const std::string& data,
             SshSignature& out) {
  const std::string_view algorithm = in.String();
  const std::string_view signature = in.String();
  if (algorithm != key.algorithm()) {
    return Bad("it is made as " + WireName(algorithm) + " and names a key of " + key.algorithm());
  }
  std::string signed_data = data;
  if (key.IsHardwareKey()) {
    const std::uint8_t flags = in.Byte();
    const std::string_view counter = in.Bytes(4);
    out.user_present = (flags & kUserPresent) != 0;
    out.user_verified = (flags & kUserVerified) != 0;
    signed_data = DigestBy("sha256", key.application()) + static_cast<char>(flags) +
                  std::string(counter) + DigestBy("sha256", data);
  }
  if (!in.Done()) return Bad("it is damaged");
  if (algorithm.find("ed25519") != algorithm.npos) {
    if (key.Verify(signed_data, signature)) return {};
    return Bad("it does not hold for this content", Code::kPermissionDenied);
  }
  WireReader pair(signature);
  const std::string_view r = pair.String();
  const std::string_view s = pair.String();
  if (!pair.Done()) return Bad("it is damaged");
  if (!key.VerifyIntegers(signed_data, r, s))
    return Bad("it does not hold for this content", Code::kPermissionDenied);
  return {};
}

}  // namespace

Result<SshSignature> OpenSshSignature(std::string_view armored, std::string_view message,
                                      std::string_view name_space) {
  auto blob = Unarmor(armored);
  if (!blob) return Fail(blob.error());
  WireReader in(*blob);
  if (in.Bytes(kMagic.size()) != kMagic || in.Uint32() != kVersion) {
    return Bad("it is no SSHSIG of version 1");
  }
  const std::string_view wire = in.String();
  const std::string_view found = in.String();
  const std::string_view reserved = in.String();
  const std::string_view hash = in.String();
  const std::string_view signature = in.String();
  if (!in.Done()) return Bad("it is damaged");
  if (found != name_space) {
    return Bad("it was made for namespace " + WireName(found) + ", must be '" +
                   std::string(name_space) + "': ssh-keygen -Y sign -n " + std::string(name_space),
               Code::kFailedPrecondition);
  }
  if (hash != "sha256" && hash != "sha512") {
    return Bad("its hash is " + WireName(hash) + ", must be sha256 or sha512",
               Code::kUnauthenticated);
  }
  auto key = VerificationKey::FromWire(wire);
  if (!key) return Bad("its key " + key.error().message, Code::kUnauthenticated);
  if (key->algorithm() == "ssh-rsa") {
    return Bad("RSA keys do not count in SSH signatures: use Ed25519 or ECDSA",
               Code::kUnauthenticated);
  }
  // What reserved holds is signed too, and means nothing yet.
  const std::string data = std::string(kMagic) + WireString(found) + WireString(reserved) +
                           WireString(hash) + WireString(DigestBy(hash, message));
  SshSignature out{*std::move(key)};
  if (auto holds = Check(out.key, WireReader(signature), data, out); !holds) {
    return Fail(holds.error());
  }
  return out;
}

}  // namespace countersign
