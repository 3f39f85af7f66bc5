#include "evidence/installation_key.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include "base/digest.h"

namespace countersign {
namespace {

// A P-256 key in PEM takes 241 bytes; this leaves room for comments.
constexpr std::size_t kMaxKeyFileBytes = 16'384;
constexpr std::string_view kPemStart = "-----BEGIN ";

// An error left in OpenSSL's queue makes the next TLS read on this thread fail.
struct ErrorScope {
  ErrorScope() { ERR_clear_error(); }
  ~ErrorScope() { ERR_clear_error(); }
};

using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;

Bio ReadBio(std::string_view text) {
  return {BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), BIO_free};
}

std::string Contents(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return std::string(data, static_cast<std::size_t>(size));
}

bool IsP256(const EVP_PKEY* key) {
  std::array<char, 32> name{};
  std::size_t size = 0;
  return EVP_PKEY_get_base_id(key) == EVP_PKEY_EC &&
         EVP_PKEY_get_group_name(key, name.data(), name.size(), &size) == 1 &&
         std::string_view(name.data(), size) == "prime256v1";
}

const unsigned char* Bytes(std::string_view data) {
  return reinterpret_cast<const unsigned char*>(data.data());
}

std::string PemOf(EVP_PKEY* key) {
  const Bio bio(BIO_new(BIO_s_mem()), BIO_free);
  PEM_write_bio_PUBKEY(bio.get(), key);
  return Contents(bio.get());
}

std::string FingerprintOf(EVP_PKEY* key) {
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(key, &der);
  std::array<unsigned char, 32> digest{};
  unsigned int length = 0;
  EVP_Digest(der, static_cast<std::size_t>(size), digest.data(), &length, EVP_sha256(), nullptr);
  OPENSSL_free(der);
  return "SHA256:" + Base64Encode({reinterpret_cast<const char*>(digest.data()),
                                   static_cast<std::size_t>(length)});
}

// A key that asks for a pass phrase would otherwise prompt on the terminal.
int NoPassPhrase(char*, int, int, void*) { return 0; }

}  // namespace

Result<PublicKeys> PublicKeys::Parse(std::string_view pem) {
  const ErrorScope scope;
  PublicKeys keys;
  const Bio bio = ReadBio(pem);
  while (EVP_PKEY* key = PEM_read_bio_PUBKEY(bio.get(), nullptr, NoPassPhrase, nullptr)) {
    keys.keys_.emplace_back(key, EVP_PKEY_free);
    if (!IsP256(key)) return Fail(Code::kInvalidArgument, "must be ECDSA P-256 public keys");
  }
  if (keys.keys_.empty()) return Fail(Code::kInvalidArgument, "must be PEM with a public key");
  // OpenSSL stops at a block that it cannot read; a key that is silently left out would only be
  // missed when stamps stop to hold.
  std::size_t blocks = 0;
  for (auto at = pem.find(kPemStart); at != pem.npos; at = pem.find(kPemStart, at + 1)) ++blocks;
  if (blocks != keys.keys_.size()) {
    return Fail(Code::kInvalidArgument, "must be PEM with public keys alone; block " +
                                            std::to_string(keys.keys_.size() + 1) + " is not one");
  }
  return keys;
}

PublicKeys PublicKeys::Without(std::string_view fingerprint) const {
  const ErrorScope scope;
  PublicKeys rest;
  std::copy_if(keys_.begin(), keys_.end(), std::back_inserter(rest.keys_),
               [&](const auto& key) { return FingerprintOf(key.get()) != fingerprint; });
  return rest;
}

std::vector<std::string> PublicKeys::Fingerprints() const {
  const ErrorScope scope;
  std::vector<std::string> all;
  all.reserve(keys_.size());
  for (const auto& key : keys_) all.push_back(FingerprintOf(key.get()));
  return all;
}

std::string PublicKeys::Pem() const {
  const ErrorScope scope;
  std::string all;
  for (const auto& key : keys_) all += PemOf(key.get());
  return all;
}

bool PublicKeys::Verify(std::string_view data, std::string_view signature) const {
  if (keys_.empty()) return false;
  if (verified_->Contains(data, signature)) return true;
  const ErrorScope scope;
  for (const auto& key : keys_) {
    const DigestContext context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
    if (EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) == 1 &&
        EVP_DigestVerify(context.get(), Bytes(signature), signature.size(), Bytes(data),
                         data.size()) == 1) {
      verified_->Add(data, signature);
      return true;
    }
  }
  return false;
}

Result<InstallationKey> InstallationKey::Generate() {
  const ErrorScope scope;
  InstallationKey key;
  key.key_ = {EVP_EC_gen("P-256"), EVP_PKEY_free};
  if (key.key_ == nullptr) return Fail(Code::kInternal, "OpenSSL could not make a key");
  return key;
}

Result<InstallationKey> InstallationKey::Parse(std::string_view pem) {
  const ErrorScope scope;
  InstallationKey key;
  key.key_ = {PEM_read_bio_PrivateKey(ReadBio(pem).get(), nullptr, NoPassPhrase, nullptr),
              EVP_PKEY_free};
  if (key.key_ == nullptr || !IsP256(key.key_.get())) {
    return Fail(Code::kInvalidArgument,
                "must be PEM with an unencrypted ECDSA P-256 private key; make one with "
                "`countersign keygen --out FILE`");
  }
  return key;
}

Result<InstallationKey> InstallationKey::Load(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  std::string text(kMaxKeyFileBytes, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  // A short read ends in eof; anything else is a directory, no permission, or a file too long.
  if (!in.eof())
    return Fail(Code::kNotFound,
                "cannot read the installation key '" + file + "' (of at most 16 KiB)");
  auto key = Parse(text);
  if (!key) return Fail(Code::kInvalidArgument, "'" + file + "' " + key.error().message);
  return key;
}

Result<std::string> InstallationKey::Sign(std::string_view data) const {
  const ErrorScope scope;
  const DigestContext context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  std::string signature(static_cast<std::size_t>(EVP_PKEY_get_size(key_.get())), '\0');
  std::size_t size = signature.size();
  if (EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get()) != 1 ||
      EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                     Bytes(data), data.size()) != 1) {
    return Fail(Code::kInternal, "OpenSSL could not sign");
  }
  signature.resize(size);
  return signature;
}

std::string InstallationKey::PrivatePem() const {
  const ErrorScope scope;
  const Bio bio(BIO_new(BIO_s_mem()), BIO_free);
  PEM_write_bio_PrivateKey(bio.get(), key_.get(), nullptr, nullptr, 0, nullptr, nullptr);
  return Contents(bio.get());
}

std::string InstallationKey::PublicPem() const {
  const ErrorScope scope;
  return PemOf(key_.get());
}

PublicKeys InstallationKey::Public() const {
  PublicKeys keys;
  keys.keys_.push_back(key_);
  return keys;
}

std::string InstallationKey::Fingerprint() const {
  const ErrorScope scope;
  return FingerprintOf(key_.get());
}

Result<PublicKeys> LoadTrustedKeys(const InstallationKey& key, const std::string& key_file,
                                   const std::string& trusted) {
  std::filesystem::path file = trusted;
  if (trusted.empty()) {
    file = std::filesystem::path(key_file).replace_filename("trusted.pem");
    std::error_code unreadable;
    if (!std::filesystem::exists(file, unreadable) && !unreadable) return key.Public();
  }
  std::ifstream in(file, std::ios::binary);
  std::ostringstream text;
  text << key.PublicPem() << "\n";
  if (!in) return Fail(Code::kNotFound, "cannot be read", file.string());
  if (in.peek() != std::ifstream::traits_type::eof()) text << in.rdbuf();
  if (in.bad()) return Fail(Code::kNotFound, "cannot be read", file.string());
  auto keys = PublicKeys::Parse(text.str());
  if (!keys) return Fail(Code::kInvalidArgument, keys.error().message, file.string());
  return keys;
}

}  // namespace countersign
