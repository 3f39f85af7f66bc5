#include "webhook/certificates/self_signed.h"

#include <openssl/pem.h>
#include <openssl/rand.h>

#include <array>
#include <utility>

#include "webhook/certificates/openssl.h"

namespace countersign {
namespace {

using openssl::BioPtr;
using openssl::ErrorScope;
using openssl::KeyPtr;
using openssl::ReadBio;
using openssl::X509Ptr;

// 20 octets at most, positive, at least 64 random bits (RFC 5280, 4.1.2.2; CA/B baseline 7.1).
constexpr int kSerialBytes = 16;

tl::unexpected<Error> Refused(const std::string& what) {
  const std::string reason = ErrorScope::Reason();
  return Fail(Code::kInvalidArgument,
              "cannot make a certificate: " + what + (reason.empty() ? "" : " (" + reason + ")"));
}

bool SetSerial(X509* certificate) {
  std::array<unsigned char, kSerialBytes> bytes{};
  if (RAND_bytes(bytes.data(), kSerialBytes) != 1) return false;
  bytes.front() = static_cast<unsigned char>((bytes.front() & 0x7f) | 0x40);
  BIGNUM* number = BN_bin2bn(bytes.data(), kSerialBytes, nullptr);
  const bool set = BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != nullptr;
  BN_free(number);
  return set;
}

bool SetValidity(X509* certificate, const Validity& validity) {
  const auto seconds = [](Time time) {
    return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
  };
  return validity.not_before < validity.not_after &&
         ASN1_TIME_set(X509_getm_notBefore(certificate), seconds(validity.not_before)) != nullptr &&
         ASN1_TIME_set(X509_getm_notAfter(certificate), seconds(validity.not_after)) != nullptr;
}

bool SetCommonName(X509* certificate, const std::string& common_name) {
  return X509_NAME_add_entry_by_NID(X509_get_subject_name(certificate), NID_commonName,
                                    MBSTRING_UTF8,
                                    reinterpret_cast<const unsigned char*>(common_name.data()),
                                    static_cast<int>(common_name.size()), -1, 0) == 1;
}

bool AddExtension(X509* certificate, X509* issuer, int nid, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const openssl::ExtensionPtr extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value));
  return extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1;
}

// Built from values, not from a configuration string: a comma in a name must not become syntax.
bool AddNames(X509* certificate, const std::vector<std::string>& names) {
  if (names.empty()) return true;
  const openssl::NamesPtr all(sk_GENERAL_NAME_new_null());
  for (const std::string& name : names) {
    GENERAL_NAME* entry = GENERAL_NAME_new();
    if (ASN1_OCTET_STRING* address = a2i_IPADDRESS(name.c_str())) {
      GENERAL_NAME_set0_value(entry, GEN_IPADD, address);
    } else {
      ASN1_IA5STRING* dns = ASN1_IA5STRING_new();
      ASN1_STRING_set(dns, name.data(), static_cast<int>(name.size()));
      GENERAL_NAME_set0_value(entry, GEN_DNS, dns);
    }
    if (sk_GENERAL_NAME_push(all.get(), entry) == 0) {
      GENERAL_NAME_free(entry);
      return false;
    }
  }
  return X509_add1_ext_i2d(certificate, NID_subject_alt_name, all.get(), 0, 0) == 1;
}

Result<PemPair> ToPem(X509* certificate, EVP_PKEY* key) {
  const BioPtr certificate_bio(BIO_new(BIO_s_mem()));
  const BioPtr key_bio(BIO_new(BIO_s_mem()));
  if (PEM_write_bio_X509(certificate_bio.get(), certificate) != 1 ||
      PEM_write_bio_PKCS8PrivateKey(key_bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) !=
          1) {
    return Refused("it cannot be written as PEM");
  }
  const auto text = [](BIO* bio) {
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    return std::string(data, static_cast<std::size_t>(size));
  };
  return PemPair{text(certificate_bio.get()), text(key_bio.get())};
}

// What authority and leaf have in common. The caller adds extensions and signs.
Result<X509Ptr> Begin(EVP_PKEY* key, const std::string& common_name, const Validity& validity) {
  X509Ptr certificate(X509_new());
  if (certificate == nullptr || X509_set_version(certificate.get(), X509_VERSION_3) != 1 ||
      !SetSerial(certificate.get()) || X509_set_pubkey(certificate.get(), key) != 1) {
    return Refused("no memory or no entropy");
  }
  if (!SetValidity(certificate.get(), validity)) return Refused("its validity must not be empty");
  if (!SetCommonName(certificate.get(), common_name)) {
    return Refused("its common name must be 1 to 64 characters of UTF-8");
  }
  return certificate;
}

}  // namespace

Result<PemPair> MakeAuthority(const std::string& common_name, Validity validity) {
  const ErrorScope scope;
  const KeyPtr key(EVP_EC_gen("P-256"));
  if (key == nullptr) return Refused("no key");
  Result<X509Ptr> begun = Begin(key.get(), common_name, validity);
  if (!begun) return Fail(begun.error());
  X509* certificate = begun->get();
  if (X509_set_issuer_name(certificate, X509_get_subject_name(certificate)) != 1 ||
      !AddExtension(certificate, certificate, NID_basic_constraints,
                    "critical,CA:TRUE,pathlen:0") ||
      !AddExtension(certificate, certificate, NID_key_usage, "critical,keyCertSign,cRLSign") ||
      !AddExtension(certificate, certificate, NID_subject_key_identifier, "hash") ||
      X509_sign(certificate, key.get(), EVP_sha256()) == 0) {
    return Refused("it cannot be signed");
  }
  return ToPem(certificate, key.get());
}

Result<PemPair> MakeCertificate(const PemPair& authority, LeafUse use,
                                const std::string& common_name,
                                const std::vector<std::string>& names, Validity validity) {
  const ErrorScope scope;
  const X509Ptr issuer(
      PEM_read_bio_X509(ReadBio(authority.certificate).get(), nullptr, nullptr, nullptr));
  const KeyPtr issuer_key(PEM_read_bio_PrivateKey(ReadBio(authority.key).get(), nullptr,
                                                  openssl::NoPassphrase, nullptr));
  if (issuer == nullptr || issuer_key == nullptr) return Refused("the authority is not PEM");
  if (X509_check_ca(issuer.get()) == 0) {
    return Refused("its issuer is not a certificate authority");
  }
  const KeyPtr key(EVP_EC_gen("P-256"));
  if (key == nullptr) return Refused("no key");
  Result<X509Ptr> begun = Begin(key.get(), common_name, validity);
  if (!begun) return Fail(begun.error());
  X509* certificate = begun->get();
  const char* extended = use == LeafUse::kServer ? "serverAuth" : "clientAuth";
  if (X509_set_issuer_name(certificate, X509_get_subject_name(issuer.get())) != 1 ||
      !AddExtension(certificate, issuer.get(), NID_basic_constraints, "critical,CA:FALSE") ||
      !AddExtension(certificate, issuer.get(), NID_key_usage, "critical,digitalSignature") ||
      !AddExtension(certificate, issuer.get(), NID_ext_key_usage, extended) ||
      !AddExtension(certificate, issuer.get(), NID_authority_key_identifier, "keyid:always") ||
      !AddNames(certificate, names) ||
      X509_sign(certificate, issuer_key.get(), EVP_sha256()) == 0) {
    return Refused("it cannot be signed");
  }
  return ToPem(certificate, key.get());
}

}  // namespace countersign
