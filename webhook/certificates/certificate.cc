#include "webhook/certificates/certificate.h"

#include <ctime>
#include <utility>

namespace countersign {
namespace {

using openssl::ErrorScope;
using openssl::NoPassphrase;
using openssl::ReadBio;

tl::unexpected<Error> Invalid(std::string message) {
  const std::string reason = ErrorScope::Reason();
  if (!reason.empty()) message += " (" + reason + ")";
  return Fail(Code::kInvalidArgument, std::move(message));
}

Result<Time> ToTime(const ASN1_TIME* time) {
  std::tm fields{};
  if (ASN1_TIME_to_tm(time, &fields) != 1)
    return Invalid("the certificate's validity is malformed");
  return Time(std::chrono::seconds(timegm(&fields)));
}

// All certificates in `pem`, in order. The parser's "no start line" at the end is not an error.
openssl::CertificateStack ReadAll(std::string_view pem) {
  openssl::CertificateStack all(sk_X509_new_null());
  const openssl::BioPtr bio = ReadBio(pem);
  while (X509* next = PEM_read_bio_X509(bio.get(), nullptr, NoPassphrase, nullptr)) {
    if (sk_X509_push(all.get(), next) == 0) X509_free(next);
  }
  const unsigned long error = ERR_peek_last_error();
  if (ERR_GET_LIB(error) != ERR_LIB_PEM || ERR_GET_REASON(error) != PEM_R_NO_START_LINE) {
    return nullptr;
  }
  return all;
}

bool HasName(X509* leaf, const std::string& name) {
  // The subject's common name does not count: Go's verifier ignores it since 1.15.
  return X509_check_host(leaf, name.data(), name.size(), X509_CHECK_FLAG_NEVER_CHECK_SUBJECT,
                         nullptr) == 1 ||
         X509_check_ip_asc(leaf, name.c_str(), 0) == 1;
}

std::string SerialOf(X509* leaf) {
  BIGNUM* number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(leaf), nullptr);
  char* text = BN_bn2hex(number);
  std::string serial = text == nullptr ? "" : text;
  OPENSSL_free(text);
  BN_free(number);
  return serial;
}

}  // namespace

Result<std::shared_ptr<const ServingCertificate>> ServingCertificate::Parse(
    std::string_view certificate_pem, std::string_view key_pem, const std::string& wanted_name,
    Time now) {
  const ErrorScope scope;
  openssl::CertificateStack chain = ReadAll(certificate_pem);
  if (chain == nullptr || sk_X509_num(chain.get()) == 0) {
    return Invalid("the serving certificate must be PEM, the leaf first");
  }
  ERR_clear_error();
  std::shared_ptr<ServingCertificate> result(new ServingCertificate());
  result->leaf_.reset(sk_X509_shift(chain.get()));
  result->chain_ = std::move(chain);
  X509* leaf = result->leaf_.get();

  const openssl::BioPtr key_bio = ReadBio(key_pem);
  result->key_.reset(PEM_read_bio_PrivateKey(key_bio.get(), nullptr, NoPassphrase, nullptr));
  if (result->key_ == nullptr) return Invalid("the private key must be unencrypted PEM");
  if (X509_check_private_key(leaf, result->key_.get()) != 1) {
    return Invalid("the private key does not belong to the serving certificate");
  }

  const Result<Time> not_before = ToTime(X509_get0_notBefore(leaf));
  const Result<Time> not_after = ToTime(X509_get0_notAfter(leaf));
  if (!not_before) return Fail(not_before.error());
  if (!not_after) return Fail(not_after.error());
  result->not_before_ = *not_before;
  result->not_after_ = *not_after;
  if (now >= *not_after) {
    return Invalid("the serving certificate expired at " + FormatTime(*not_after));
  }
  if (now < *not_before) {
    return Invalid("the serving certificate is not valid before " + FormatTime(*not_before));
  }
  if (!wanted_name.empty() && !HasName(leaf, wanted_name)) {
    return Invalid("the serving certificate must name \"" + wanted_name +
                   "\" among its subject alternative names");
  }
  // A trial: what TLS itself refuses (a key below the security level) is found here rather than in
  // every handshake.
  const openssl::ContextPtr trial(SSL_CTX_new(TLS_server_method()));
  if (SSL_CTX_use_cert_and_key(trial.get(), leaf, result->key_.get(), result->chain_.get(), 1) !=
      1) {
    return Invalid("TLS does not accept the serving certificate");
  }
  result->serial_ = SerialOf(leaf);
  return std::shared_ptr<const ServingCertificate>(std::move(result));
}

bool ServingCertificate::Apply(SSL* ssl) const {
  return SSL_use_cert_and_key(ssl, leaf_.get(), key_.get(), chain_.get(), 1) == 1;
}

Result<std::shared_ptr<const ClientTrust>> ClientTrust::Parse(std::string_view ca_pem) {
  const ErrorScope scope;
  const openssl::CertificateStack all = ReadAll(ca_pem);
  if (all == nullptr || sk_X509_num(all.get()) == 0) {
    return Invalid("the client CA must be one or more PEM certificates");
  }
  ERR_clear_error();
  std::shared_ptr<ClientTrust> result(new ClientTrust());
  result->store_.reset(X509_STORE_new());
  result->names_.reset(sk_X509_NAME_new_null());
  for (int i = 0; i < sk_X509_num(all.get()); ++i) {
    X509* ca = sk_X509_value(all.get(), i);
    if (X509_check_ca(ca) == 0) {
      return Invalid("the client CA bundle must hold CA certificates only");
    }
    X509_NAME* name = X509_NAME_dup(X509_get_subject_name(ca));
    if (X509_STORE_add_cert(result->store_.get(), ca) != 1 || name == nullptr ||
        sk_X509_NAME_push(result->names_.get(), name) == 0) {
      X509_NAME_free(name);
      return Invalid("the client CA bundle cannot be used");
    }
  }
  return std::shared_ptr<const ClientTrust>(std::move(result));
}

bool ClientTrust::Apply(SSL* ssl) const {
  STACK_OF(X509_NAME)* names = SSL_dup_CA_list(names_.get());
  if (names == nullptr) return false;
  SSL_set_client_CA_list(ssl, names);  // takes ownership
  return SSL_set1_verify_cert_store(ssl, store_.get()) == 1;
}

}  // namespace countersign
