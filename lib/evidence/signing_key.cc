#include "evidence/signing_key.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <memory>

#include "base/digest.h"
#include "base/verification_key.h"
#include "evidence/dsse.h"

namespace countersign {
namespace {

using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;
using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;

struct ErrorScope {
  ErrorScope() { ERR_clear_error(); }
  ~ErrorScope() { ERR_clear_error(); }
};

// A key that asks for a pass phrase would otherwise prompt on the terminal.
int NoPassPhrase(char*, int, int, void*) { return 0; }

const EVP_MD* DigestFor(const EVP_PKEY* key) {
  if (EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519) return nullptr;
  if (EVP_PKEY_get_base_id(key) != EVP_PKEY_EC) return EVP_sha256();
  const int bits = EVP_PKEY_get_bits(key);
  return bits == 256 ? EVP_sha256() : bits == 384 ? EVP_sha384() : EVP_sha512();
}

Result<std::string> PublicPem(EVP_PKEY* key) {
  const Bio bio(BIO_new(BIO_s_mem()), BIO_free);
  if (PEM_write_bio_PUBKEY(bio.get(), key) != 1) {
    return Fail(Code::kInvalidArgument, "holds no key that can sign");
  }
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return std::string(data, static_cast<std::size_t>(size));
}

Result<std::string> Sign(EVP_PKEY* key, std::string_view data) {
  const auto failed = [] { return Fail(Code::kInternal, "could not sign"); };
  const DigestContext context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  EVP_PKEY_CTX* settings = nullptr;
  if (EVP_DigestSignInit(context.get(), &settings, DigestFor(key), nullptr, key) != 1) {
    return failed();
  }
  if (EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA &&
      (EVP_PKEY_CTX_set_rsa_padding(settings, RSA_PKCS1_PSS_PADDING) != 1 ||
       EVP_PKEY_CTX_set_rsa_pss_saltlen(settings, RSA_PSS_SALTLEN_DIGEST) != 1)) {
    return failed();
  }
  const auto* bytes = reinterpret_cast<const unsigned char*>(data.data());
  std::size_t size = 0;
  if (EVP_DigestSign(context.get(), nullptr, &size, bytes, data.size()) != 1) return failed();
  std::string signature(size, '\0');
  if (EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                     bytes, data.size()) != 1) {
    return failed();
  }
  signature.resize(size);
  return signature;
}

// One entry of an envelope's signatures, and the key that verifies it.
struct SignedEntry {
  Json entry;
  std::string public_key;
};

Result<Key> ReadPrivate(std::string_view pem) {
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free);
  Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, NoPassPhrase, nullptr), EVP_PKEY_free);
  if (key != nullptr) return key;
  return Fail(Code::kInvalidArgument,
              "must be a private key in PEM without a pass phrase (a key of OpenSSH may have one)");
}

Result<SignedEntry> SignEntry(std::string_view private_pem, std::string_view type,
                              std::string_view payload) {
  const ErrorScope scope;
  auto read = ReadPrivate(private_pem);
  if (!read) return Fail(read.error());
  const Key& key = *read;
  auto public_key = PublicPem(key.get());
  if (!public_key) return Fail(public_key.error());
  // What nobody could verify is not signed with.
  auto verifier = VerificationKey::Parse(*public_key);
  if (!verifier) {
    return Fail(
        Code::kInvalidArgument,
        "must be a private key of a kind that is verified: Ed25519, ECDSA on P-256, P-384 or "
        "P-521, RSA of 3072 bits or more");
  }
  auto signature = Sign(key.get(), PreAuthEncoding(type, payload));
  if (!signature) return Fail(signature.error());
  return SignedEntry{{{"keyid", verifier->fingerprint()}, {"sig", Base64Encode(*signature)}},
                     *std::move(public_key)};
}

}  // namespace

Result<std::string> PublicHalf(std::string_view private_pem) {
  const ErrorScope scope;
  auto key = ReadPrivate(private_pem);
  if (!key) return Fail(key.error());
  return PublicPem(key->get());
}

Result<DsseSignature> SignDsse(std::string_view private_pem, std::string_view type,
                               std::string_view payload) {
  auto made = SignEntry(private_pem, type, payload);
  if (!made) return Fail(made.error());
  return DsseSignature{DumpJson(Json{{"payload", Base64Encode(payload)},
                                     {"payloadType", std::string(type)},
                                     {"signatures", Json::array({std::move(made->entry)})}}),
                       std::move(made->public_key)};
}

Result<DsseSignature> AddDsse(std::string_view private_pem, std::string_view envelope) {
  auto json = ParseJson(envelope, 8);
  if (!json) return Fail(Code::kInvalidArgument, "it is no envelope: " + json.error().message);
  auto payload = Base64Decode(StringAt(*json, "payload"));
  const Json* signatures = Find(*json, "signatures");
  if (!payload || signatures == nullptr || !signatures->is_array()) {
    return Fail(Code::kInvalidArgument, "it is no envelope with a payload and signatures");
  }
  auto made = SignEntry(private_pem, StringAt(*json, "payloadType"), *payload);
  if (!made) return Fail(made.error());
  Json all = *signatures;
  all.push_back(std::move(made->entry));
  (*json)["signatures"] = std::move(all);
  return DsseSignature{DumpJson(*json), std::move(made->public_key)};
}

}  // namespace countersign
