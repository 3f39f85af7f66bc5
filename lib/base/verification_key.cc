#include "base/verification_key.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <array>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <utility>

#include "base/digest.h"

namespace countersign {
namespace {

constexpr std::size_t kMaxKeyText = 16'384;   // an RSA key of 16,384 bits takes 2.8 KiB
constexpr int kMinRsaBits = 3072;             // 128 bits of security, NIST SP 800-57 part 1
constexpr int kMaxRsaBits = 16'384;           // verification stays below some milliseconds
constexpr std::size_t kRemembered = 1'024;    // keys, by their texts
constexpr std::size_t kMaxKnownText = 4'096;  // with what belongs to them some 8 MiB at most

using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;
using Integer = std::unique_ptr<BIGNUM, decltype(&BN_free)>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)>;
using EcdsaSignature = std::unique_ptr<ECDSA_SIG, decltype(&ECDSA_SIG_free)>;
using ParamBuilder = std::unique_ptr<OSSL_PARAM_BLD, decltype(&OSSL_PARAM_BLD_free)>;
using Params = std::unique_ptr<OSSL_PARAM, decltype(&OSSL_PARAM_free)>;
using Key = std::shared_ptr<EVP_PKEY>;

// An error left in OpenSSL's queue makes the next TLS read on this thread fail.
struct ErrorScope {
  ErrorScope() { ERR_clear_error(); }
  ~ErrorScope() { ERR_clear_error(); }
};

struct Curve {
  const char* ssh;      // RFC 5656
  const char* openssl;  // group name
  std::size_t bytes;    // of a coordinate
  const EVP_MD* (*digest)();
};
constexpr std::array<Curve, 3> kCurves = {{{"nistp256", "prime256v1", 32, EVP_sha256},
                                           {"nistp384", "secp384r1", 48, EVP_sha384},
                                           {"nistp521", "secp521r1", 66, EVP_sha512}}};

const Curve* CurveBySsh(std::string_view name) {
  const auto* found = std::find_if(kCurves.begin(), kCurves.end(),
                                   [&](const Curve& curve) { return name == curve.ssh; });
  return found == kCurves.end() ? nullptr : found;
}

const Curve* CurveOf(const EVP_PKEY* key) {
  std::array<char, 32> name{};
  std::size_t size = 0;
  if (EVP_PKEY_get_base_id(key) != EVP_PKEY_EC ||
      EVP_PKEY_get_group_name(key, name.data(), name.size(), &size) != 1) {
    return nullptr;
  }
  const auto* found = std::find_if(kCurves.begin(), kCurves.end(), [&](const Curve& curve) {
    return std::string_view(name.data(), size) == curve.openssl;
  });
  return found == kCurves.end() ? nullptr : found;
}

const unsigned char* Bytes(std::string_view data) {
  return reinterpret_cast<const unsigned char*>(data.data());
}

tl::unexpected<Error> Bad(std::string why) { return Fail(Code::kInvalidArgument, std::move(why)); }

constexpr const char* kKinds =
    "must be a public key, Ed25519, ECDSA on P-256, P-384 or P-521, or RSA of 3072 bits or more";

Integer Unsigned(std::string_view data) {
  return {BN_bin2bn(Bytes(data), static_cast<int>(data.size()), nullptr), BN_free};
}

// RFC 4251 section 5, mpint: big-endian, shortest, with a zero byte before a set top bit.
std::string WireInteger(const BIGNUM* value) {
  std::string bytes(static_cast<std::size_t>(BN_num_bytes(value)), '\0');
  BN_bn2bin(value, reinterpret_cast<unsigned char*>(bytes.data()));
  if (!bytes.empty() && (static_cast<unsigned char>(bytes[0]) & 0x80U) != 0) {
    bytes.insert(bytes.begin(), '\0');
  }
  return WireString(bytes);
}

// Absent unless positive and in that form: another spelling would give one key two fingerprints.
Integer PositiveInteger(std::string_view bytes) {
  Integer none(nullptr, BN_free);
  if (bytes.empty() || bytes.size() > kMaxRsaBits / 8 + 1) return none;
  if ((static_cast<unsigned char>(bytes[0]) & 0x80U) != 0) return none;
  Integer value = Unsigned(bytes);
  return value != nullptr && WireInteger(value.get()) == WireString(bytes) ? std::move(value)
                                                                           : std::move(none);
}

std::optional<Integer> IntegerOf(const EVP_PKEY* key, const char* name) {
  BIGNUM* value = nullptr;
  if (EVP_PKEY_get_bn_param(key, name, &value) != 1) return std::nullopt;
  return Integer(value, BN_free);
}

Key FromParams(const char* type, OSSL_PARAM_BLD* builder) {
  const Params params(OSSL_PARAM_BLD_to_param(builder), OSSL_PARAM_free);
  const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr), EVP_PKEY_CTX_free);
  EVP_PKEY* key = nullptr;
  if (params == nullptr || context == nullptr || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params.get()) != 1) {
    return nullptr;
  }
  return {key, EVP_PKEY_free};
}

Key EcFromPoint(const Curve& curve, std::string_view point) {
  // Uncompressed alone (RFC 5656 section 3.1 allows more, OpenSSH writes no other).
  if (point.size() != 1 + 2 * curve.bytes || point[0] != 4) return nullptr;
  const ParamBuilder builder(OSSL_PARAM_BLD_new(), OSSL_PARAM_BLD_free);
  OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, curve.openssl, 0);
  OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                   point.size());
  return FromParams("EC", builder.get());
}

Key RsaFromIntegers(std::string_view e, std::string_view n) {
  const Integer exponent = PositiveInteger(e);
  const Integer modulus = PositiveInteger(n);
  if (exponent == nullptr || modulus == nullptr) return nullptr;
  const ParamBuilder builder(OSSL_PARAM_BLD_new(), OSSL_PARAM_BLD_free);
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, modulus.get());
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, exponent.get());
  return FromParams("RSA", builder.get());
}

bool RsaSizeAllowed(const EVP_PKEY* key) {
  const int bits = EVP_PKEY_get_bits(key);
  return bits >= kMinRsaBits && bits <= kMaxRsaBits;
}

// Which key the algorithm's name promises; what follows the name is read from `in`.
Key ReadKey(std::string_view algorithm, WireReader& in) {
  if (algorithm == "ssh-ed25519" || algorithm == "sk-ssh-ed25519@openssh.com") {
    const std::string_view raw = in.String();
    if (!in.ok() || raw.size() != 32) return nullptr;
    return {EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, Bytes(raw), raw.size()),
            EVP_PKEY_free};
  }
  if (algorithm == "ssh-rsa") {
    const std::string_view e = in.String();
    const std::string_view n = in.String();
    Key key = in.ok() ? RsaFromIntegers(e, n) : nullptr;
    return key != nullptr && RsaSizeAllowed(key.get()) ? key : nullptr;
  }
  const std::string_view name = in.String();
  const std::string_view point = in.String();
  const Curve* curve = in.ok() ? CurveBySsh(name) : nullptr;
  if (curve == nullptr) return nullptr;
  const bool hardware = algorithm == "sk-ecdsa-sha2-nistp256@openssh.com" && name == "nistp256";
  if (!hardware && algorithm != "ecdsa-sha2-" + std::string(name)) return nullptr;
  return EcFromPoint(*curve, point);
}

// The wire form of a key that came in another one; empty for kinds that are not ours.
std::string WireOf(const EVP_PKEY* key) {
  if (EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519) {
    std::string raw(32, '\0');
    std::size_t size = raw.size();
    auto* out = reinterpret_cast<unsigned char*>(raw.data());
    if (EVP_PKEY_get_raw_public_key(key, out, &size) != 1 || size != raw.size()) return {};
    return WireString("ssh-ed25519") + WireString(raw);
  }
  if (const Curve* curve = CurveOf(key)) {
    auto x = IntegerOf(key, OSSL_PKEY_PARAM_EC_PUB_X);
    auto y = IntegerOf(key, OSSL_PKEY_PARAM_EC_PUB_Y);
    if (!x || !y) return {};
    std::string point(1 + 2 * curve->bytes, '\4');
    auto* out = reinterpret_cast<unsigned char*>(point.data());
    const int bytes = static_cast<int>(curve->bytes);
    if (BN_bn2binpad(x->get(), out + 1, bytes) != bytes ||
        BN_bn2binpad(y->get(), out + 1 + curve->bytes, bytes) != bytes) {
      return {};
    }
    return WireString("ecdsa-sha2-" + std::string(curve->ssh)) + WireString(curve->ssh) +
           WireString(point);
  }
  if (EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA && RsaSizeAllowed(key)) {
    auto n = IntegerOf(key, OSSL_PKEY_PARAM_RSA_N);
    auto e = IntegerOf(key, OSSL_PKEY_PARAM_RSA_E);
    if (!n || !e) return {};
    return WireString("ssh-rsa") + WireInteger(e->get()) + WireInteger(n->get());
  }
  return {};
}

std::string_view Trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const auto first = text.find_first_not_of(kSpace);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

std::string DerOf(Integer r, Integer s) {
  const EcdsaSignature pair(ECDSA_SIG_new(), ECDSA_SIG_free);
  if (r == nullptr || s == nullptr || pair == nullptr) return {};
  // It owns them from here on, and fails for null alone.
  if (ECDSA_SIG_set0(pair.get(), r.release(), s.release()) != 1) return {};
  unsigned char* der = nullptr;
  const int size = i2d_ECDSA_SIG(pair.get(), &der);
  if (size <= 0) return {};
  std::string out(reinterpret_cast<char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  return out;
}

bool VerifyBy(EVP_PKEY* key, const EVP_MD* digest, bool pss, std::string_view data,
              std::string_view signature) {
  const DigestContext context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  EVP_PKEY_CTX* settings = nullptr;
  if (EVP_DigestVerifyInit(context.get(), &settings, digest, nullptr, key) != 1) return false;
  // Signers choose the salt's length (openssl takes the longest by default), which no proof of PSS
  // rests on.
  if (pss && (EVP_PKEY_CTX_set_rsa_padding(settings, RSA_PKCS1_PSS_PADDING) != 1 ||
              EVP_PKEY_CTX_set_rsa_pss_saltlen(settings, RSA_PSS_SALTLEN_AUTO) != 1)) {
    return false;
  }
  return EVP_DigestVerify(context.get(), Bytes(signature), signature.size(), Bytes(data),
                          data.size()) == 1;
}

// What FromWire reads.
Result<std::string> WireOfPem(std::string_view pem) {
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free);
  const auto no_pass_phrase = [](char*, int, int, void*) { return 0; };
  const Key key(PEM_read_bio_PUBKEY(bio.get(), nullptr, no_pass_phrase, nullptr), EVP_PKEY_free);
  if (key == nullptr) return Bad(kKinds);
  constexpr std::string_view kEnd = "-----END PUBLIC KEY-----";
  const auto end = pem.find(kEnd);
  if (end == pem.npos || !Trimmed(pem.substr(end + kEnd.size())).empty()) {
    return Bad("must be one public key in PEM and nothing after it");
  }
  std::string wire = WireOf(key.get());
  if (wire.empty()) return Bad(kKinds);
  return wire;
}

// Decoding PEM takes longer than verifying by the key, and few keys sign many objects. What is no
// key is read, and refused, each time. Thread-safe.
class KnownKeys {
 public:
  static KnownKeys& All() {
    static KnownKeys all;
    return all;
  }

  std::optional<VerificationKey> Find(const std::string& text) {
    const std::lock_guard lock(mutex_);
    if (const auto found = young_.find(text); found != young_.end()) return found->second;
    const auto found = old_.find(text);
    if (found == old_.end()) return std::nullopt;
    VerificationKey key = found->second;
    Insert(text, key);
    return key;
  }

  void Add(const std::string& text, const VerificationKey& key) {
    if (text.size() > kMaxKnownText) return;
    const std::lock_guard lock(mutex_);
    Insert(text, key);
  }

 private:
  // OpenSSL ends itself at exit, and must begin before us to do so after us.
  KnownKeys() { OPENSSL_init_crypto(0, nullptr); }

  void Insert(const std::string& text, const VerificationKey& key) {
    if (young_.size() >= kRemembered / 2) old_ = std::exchange(young_, {});
    young_.emplace(text, key);
  }

  std::mutex mutex_;
  // Two halves: when the younger is full, the older is forgotten. What is asked for again moves
  // into the younger.
  std::unordered_map<std::string, VerificationKey> young_;
  std::unordered_map<std::string, VerificationKey> old_;
};

}  // namespace

std::string_view WireReader::Bytes(std::size_t count) {
  if (!ok_ || rest_.size() < count) {
    ok_ = false;
    return {};
  }
  const std::string_view out = rest_.substr(0, count);
  rest_.remove_prefix(count);
  return out;
}

std::uint8_t WireReader::Byte() {
  const std::string_view one = Bytes(1);
  return one.empty() ? 0 : static_cast<std::uint8_t>(one[0]);
}

std::uint32_t WireReader::Uint32() {
  std::uint32_t value = 0;
  for (const char byte : Bytes(4)) value = value << 8U | static_cast<std::uint8_t>(byte);
  return value;
}

std::string_view WireReader::String() {
  const std::uint32_t size = Uint32();
  return Bytes(size);
}

std::string WireString(std::string_view value) {
  std::string out;
  for (int shift = 24; shift >= 0; shift -= 8) {
    out += static_cast<char>(static_cast<unsigned char>(value.size() >> shift & 0xFFU));
  }
  out.append(value);
  return out;
}

std::string WireName(std::string_view name) {
  constexpr std::size_t kLongest = 64;
  const bool plain =
      std::all_of(name.begin(), name.end(), [](char c) { return c > 32 && c < 127; });
  return plain && !name.empty() && name.size() <= kLongest ? "'" + std::string(name) + "'"
                                                           : "something unreadable";
}

void VerificationKey::Name(std::string_view wire) {
  const Sha256Bytes digest = Sha256(wire);
  std::string text = Base64Encode({reinterpret_cast<const char*>(digest.data()), digest.size()});
  while (text.ends_with('=')) text.pop_back();
  fingerprint_ = "SHA256:" + text;
}

Result<VerificationKey> VerificationKey::FromWire(std::string_view wire) {
  const ErrorScope scope;
  if (wire.size() > kMaxKeyText) return Bad("is larger than 16 KiB");
  WireReader in(wire);
  VerificationKey key;
  key.algorithm_ = std::string(in.String());
  if (!in.ok() || key.algorithm_.size() > 64) return Bad(kKinds);
  key.key_ = ReadKey(key.algorithm_, in);
  const bool hardware = key.algorithm_.starts_with("sk-");
  if (hardware) key.application_ = std::string(in.String());
  if (key.key_ == nullptr || !in.Done() || (hardware && key.application_.empty())) {
    return Bad(std::string(kKinds) + "; found " + WireName(key.algorithm_) +
               ", of another size or damaged");
  }
  key.Name(wire);
  return key;
}

Result<VerificationKey> VerificationKey::FromPem(std::string_view pem) {
  const std::string text(pem);
  if (auto known = KnownKeys::All().Find(text)) return *std::move(known);
  auto wire = WireOfPem(pem);
  if (!wire) return Fail(wire.error());
  auto key = FromWire(*wire);
  if (key) KnownKeys::All().Add(text, *key);
  return key;
}

Result<VerificationKey> VerificationKey::Parse(std::string_view text) {
  const ErrorScope scope;
  if (text.size() > kMaxKeyText) return Bad("is larger than 16 KiB");
  text = Trimmed(text);
  if (text.find("PRIVATE KEY") != text.npos) {
    return Bad("is a private key; give the public one, and replace a key that others have seen");
  }
  if (text.starts_with("-----BEGIN ")) return FromPem(text);
  if (text.find('\n') != text.npos) return Bad("must be one key, in PEM or a line of OpenSSH");
  const auto space = text.find(' ');
  if (space == text.npos) return Bad(kKinds);
  const std::string_view name = text.substr(0, space);
  std::string_view rest = text.substr(space + 1);
  rest = rest.substr(0, rest.find(' '));  // a comment may follow
  auto wire = Base64Decode(rest);
  if (!wire) return Bad("its base64 " + wire.error().message);
  auto key = FromWire(*wire);
  if (key && key->algorithm() != name) {
    return Bad("says " + WireName(name) + " and holds " + key->algorithm());
  }
  return key;
}

bool VerificationKey::Verify(std::string_view data, std::string_view signature) const {
  const ErrorScope scope;
  const int kind = EVP_PKEY_get_base_id(key_.get());
  if (kind == EVP_PKEY_ED25519) return VerifyBy(key_.get(), nullptr, false, data, signature);
  if (const Curve* curve = CurveOf(key_.get())) {
    if (VerifyBy(key_.get(), curve->digest(), false, data, signature)) return true;
    if (signature.size() != 2 * curve->bytes) return false;
    const std::string der = DerOf(Unsigned(signature.substr(0, curve->bytes)),
                                  Unsigned(signature.substr(curve->bytes)));
    return !der.empty() && VerifyBy(key_.get(), curve->digest(), false, data, der);
  }
  const std::array<const EVP_MD*, 3> digests = {EVP_sha256(), EVP_sha384(), EVP_sha512()};
  return std::any_of(digests.begin(), digests.end(), [&](const EVP_MD* digest) {
    return VerifyBy(key_.get(), digest, true, data, signature);
  });
}

bool VerificationKey::VerifyIntegers(std::string_view data, std::string_view r,
                                     std::string_view s) const {
  const ErrorScope scope;
  const Curve* curve = CurveOf(key_.get());
  if (curve == nullptr) return false;
  const std::string der = DerOf(PositiveInteger(r), PositiveInteger(s));
  return !der.empty() && VerifyBy(key_.get(), curve->digest(), false, data, der);
}

}  // namespace countersign
