#include "webhook/authority/authority_state.h"

#include <openssl/pem.h>

#include <ctime>
#include <utility>

#include "base/digest.h"
#include "webhook/certificates/openssl.h"

namespace countersign {
namespace {

constexpr char kAuthority[] = "ca.crt";
constexpr char kAuthorityKey[] = "ca.key";
constexpr char kLeaf[] = "tls.crt";
constexpr char kLeafKey[] = "tls.key";
constexpr char kNext[] = "next-ca.crt";
constexpr char kNextKey[] = "next-ca.key";
constexpr char kPrevious[] = "previous-ca.crt";

// What is decoded; the API server takes no Secret larger than this.
constexpr std::size_t kMaxPart = 1 << 20;

tl::unexpected<Error> Unreadable(const char* part, std::string why) {
  return Fail(Code::kInvalidArgument, std::move(why), "data[" + std::string(part) + "]");
}

// Exactly one certificate: a bundle in its place would be trusted in part.
Result<openssl::X509Ptr> ParseOne(const char* part, const std::string& pem) {
  const openssl::BioPtr bio = openssl::ReadBio(pem);
  openssl::X509Ptr certificate(
      PEM_read_bio_X509(bio.get(), nullptr, openssl::NoPassphrase, nullptr));
  if (certificate == nullptr) return Unreadable(part, "must be a certificate in PEM");
  const openssl::X509Ptr second(
      PEM_read_bio_X509(bio.get(), nullptr, openssl::NoPassphrase, nullptr));
  if (second != nullptr) return Unreadable(part, "must be one certificate, holds several");
  return certificate;
}

Status CheckKey(const char* part, X509* certificate, const std::string& pem) {
  const openssl::BioPtr bio = openssl::ReadBio(pem);
  const openssl::KeyPtr key(
      PEM_read_bio_PrivateKey(bio.get(), nullptr, openssl::NoPassphrase, nullptr));
  if (key == nullptr) return Unreadable(part, "must be an unencrypted private key in PEM");
  if (X509_check_private_key(certificate, key.get()) != 1) {
    return Unreadable(part, "does not belong to its certificate");
  }
  return {};
}

Result<openssl::X509Ptr> ParseAuthority(const char* part, const std::string& pem) {
  auto certificate = ParseOne(part, pem);
  if (certificate && X509_check_ca(certificate->get()) == 0) {
    return Unreadable(part, "must be a certificate authority's");
  }
  return certificate;
}

Result<Validity> ValidityOf(const char* part, X509* certificate) {
  std::tm from{};
  std::tm to{};
  if (ASN1_TIME_to_tm(X509_get0_notBefore(certificate), &from) != 1 ||
      ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &to) != 1) {
    return Unreadable(part, "has a malformed validity");
  }
  return Validity{Time(Seconds(timegm(&from))), Time(Seconds(timegm(&to)))};
}

Result<std::string> Part(const Json& data, const char* part) {
  const std::string encoded = StringAt(data, part);
  if (encoded.size() > kMaxPart) return Unreadable(part, "is too large");
  auto decoded = Base64Decode(encoded);
  if (!decoded) return Unreadable(part, "is not base64");
  return decoded;
}

bool IsFor(X509* leaf, const std::string& name) {
  return X509_check_host(leaf, name.data(), name.size(), X509_CHECK_FLAG_NEVER_CHECK_SUBJECT,
                         nullptr) == 1 ||
         X509_check_ip_asc(leaf, name.c_str(), 0) == 1;
}

Status CheckLeaf(X509* authority, X509* leaf) {
  // Neither its time nor its name, which only make it due.
  EVP_PKEY* issuer = X509_get0_pubkey(authority);
  if (issuer == nullptr || X509_check_issued(authority, leaf) != X509_V_OK ||
      X509_verify(leaf, issuer) != 1) {
    return Unreadable(kLeaf, "was not issued by the authority in data[ca.crt]");
  }
  return {};
}

}  // namespace

std::string AuthorityState::Bundle() const {
  std::string bundle;
  for (const std::string& part :
       {authority.certificate, next ? next->certificate : std::string(), previous}) {
    bundle += part;
    if (!part.empty() && part.back() != '\n') bundle += '\n';
  }
  return bundle;
}

Json AuthorityData(const AuthorityState& state) {
  Json data = {{kAuthority, Base64Encode(state.authority.certificate)},
               {kAuthorityKey, Base64Encode(state.authority.key)},
               {kLeaf, Base64Encode(state.leaf.certificate)},
               {kLeafKey, Base64Encode(state.leaf.key)}};
  if (state.next) {
    data[kNext] = Base64Encode(state.next->certificate);
    data[kNextKey] = Base64Encode(state.next->key);
  }
  if (!state.previous.empty()) data[kPrevious] = Base64Encode(state.previous);
  return data;
}

Result<AuthorityState> AuthorityFromSecret(const Json& secret) {
  const Json* data = Find(secret, "data");
  if (data == nullptr || !data->is_object()) {
    return Fail(Code::kInvalidArgument, "holds nothing", "data");
  }
  AuthorityState state;
  PemPair next;
  const std::pair<const char*, std::string*> parts[] = {{kAuthority, &state.authority.certificate},
                                                        {kAuthorityKey, &state.authority.key},
                                                        {kLeaf, &state.leaf.certificate},
                                                        {kLeafKey, &state.leaf.key},
                                                        {kNext, &next.certificate},
                                                        {kNextKey, &next.key},
                                                        {kPrevious, &state.previous}};
  for (const auto& [part, text] : parts) {
    auto read = Part(*data, part);
    if (!read) return Fail(read.error());
    *text = std::move(*read);
  }
  if (!next.certificate.empty() || !next.key.empty()) state.next = std::move(next);
  // For those who have no name to check, such as who writes the bundle.
  if (auto whole = CheckAuthority(state, ""); !whole) return Fail(whole.error());
  return state;
}

Result<Validity> ValidityOfCertificate(const std::string& pem) {
  const openssl::ErrorScope scope;
  const auto certificate = ParseOne(kAuthority, pem);
  if (!certificate) return Fail(certificate.error());
  return ValidityOf(kAuthority, certificate->get());
}

Result<AuthorityTimes> CheckAuthority(const AuthorityState& state, const std::string& name) {
  const openssl::ErrorScope scope;
  AuthorityTimes times;
  const auto authority = ParseAuthority(kAuthority, state.authority.certificate);
  if (!authority) return Fail(authority.error());
  if (auto s = CheckKey(kAuthorityKey, authority->get(), state.authority.key); !s) {
    return Fail(s.error());
  }
  const auto leaf = ParseOne(kLeaf, state.leaf.certificate);
  if (!leaf) return Fail(leaf.error());
  if (auto s = CheckKey(kLeafKey, leaf->get(), state.leaf.key); !s) return Fail(s.error());
  if (auto s = CheckLeaf(authority->get(), leaf->get()); !s) return Fail(s.error());
  auto authority_times = ValidityOf(kAuthority, authority->get());
  if (!authority_times) return Fail(authority_times.error());
  auto leaf_times = ValidityOf(kLeaf, leaf->get());
  if (!leaf_times) return Fail(leaf_times.error());
  times.authority = *authority_times;
  times.leaf = *leaf_times;
  times.names_us = IsFor(leaf->get(), name);
  if (state.next) {
    const auto next = ParseAuthority(kNext, state.next->certificate);
    if (!next) return Fail(next.error());
    if (auto s = CheckKey(kNextKey, next->get(), state.next->key); !s) return Fail(s.error());
    auto next_times = ValidityOf(kNext, next->get());
    if (!next_times) return Fail(next_times.error());
    times.next = *next_times;
  }
  if (!state.previous.empty()) {
    if (auto previous = ParseAuthority(kPrevious, state.previous); !previous) {
      return Fail(previous.error());
    }
  }
  return times;
}

}  // namespace countersign
