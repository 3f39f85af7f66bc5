// test_certificates.h: a certificate authority and leaves for loopback tests, made on the spot.
//
// ECDSA P-256, so that it takes a millisecond. Names go into the subject alternative name
// extension; the common name is the user's name in client certificates. Aborts the test program on
// failure.
#pragma once

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <utility>

namespace countersign {

struct PemPair {
  std::string certificate;
  std::string key;
};

class TestAuthority {
 public:
  explicit TestAuthority(const std::string& name = "test CA") : key_(NewKey()) {
    certificate_ = NewCertificate(name, *key_, "", 3600, "critical,CA:TRUE");
    Check(X509_set_issuer_name(certificate_.get(), X509_get_subject_name(certificate_.get())));
    Check(X509_sign(certificate_.get(), key_.get(), EVP_sha256()));
  }

  [[nodiscard]] std::string Pem() const { return ToPem(*certificate_); }

  // `alternative_names` such as "DNS:localhost,IP:127.0.0.1"; empty: none. `lifetime` in seconds
  // from an hour ago (3600 or less: expired).
  [[nodiscard]] PemPair Issue(const std::string& common_name, const std::string& alternative_names,
                              long lifetime = 7200) const {
    const Key key = NewKey();
    const Certificate leaf =
        NewCertificate(common_name, *key, alternative_names, lifetime - 3600, "CA:FALSE");
    Check(X509_set_issuer_name(leaf.get(), X509_get_subject_name(certificate_.get())));
    Check(X509_sign(leaf.get(), key_.get(), EVP_sha256()));
    return {ToPem(*leaf), ToPem(*key)};
  }

 private:
  struct Free {
    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
    void operator()(X509* certificate) const { X509_free(certificate); }
    void operator()(BIO* bio) const { BIO_free(bio); }
  };
  using Key = std::unique_ptr<EVP_PKEY, Free>;
  using Certificate = std::unique_ptr<X509, Free>;
  using Bio = std::unique_ptr<BIO, Free>;

  static void Check(long result) {
    if (result <= 0) std::abort();
  }

  static Key NewKey() {
    static constexpr const char* kCurve = "P-256";
    return Key(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", kCurve));
  }

  static void AddExtension(X509* certificate, int nid, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
    Check(extension != nullptr);
    Check(X509_add_ext(certificate, extension, -1));
    X509_EXTENSION_free(extension);
  }

  static Certificate NewCertificate(const std::string& name, EVP_PKEY& key,
                                    const std::string& alternative_names, long lifetime,
                                    const std::string& constraints) {
    static long serial = 1;
    Certificate out(X509_new());
    Check(X509_set_version(out.get(), X509_VERSION_3));
    Check(ASN1_INTEGER_set(X509_get_serialNumber(out.get()), serial++));
    X509_gmtime_adj(X509_getm_notBefore(out.get()), -3600);
    X509_gmtime_adj(X509_getm_notAfter(out.get()), lifetime);
    Check(X509_NAME_add_entry_by_txt(X509_get_subject_name(out.get()), "CN", MBSTRING_UTF8,
                                     reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1,
                                     0));
    Check(X509_set_pubkey(out.get(), &key));
    AddExtension(out.get(), NID_basic_constraints, constraints);
    if (!alternative_names.empty()) {
      AddExtension(out.get(), NID_subject_alt_name, alternative_names);
    }
    return out;
  }

  static std::string Content(BIO* bio) {
    char* data = nullptr;
    const long size = BIO_ctrl(bio, BIO_CTRL_INFO, 0, &data);
    return {data, static_cast<std::size_t>(size)};
  }
  static std::string ToPem(const X509& certificate) {
    const Bio bio(BIO_new(BIO_s_mem()));
    Check(PEM_write_bio_X509(bio.get(), &certificate));
    return Content(bio.get());
  }
  static std::string ToPem(EVP_PKEY& key) {
    const Bio bio(BIO_new(BIO_s_mem()));
    Check(PEM_write_bio_PrivateKey(bio.get(), &key, nullptr, nullptr, 0, nullptr, nullptr));
    return Content(bio.get());
  }

  Key key_;
  Certificate certificate_;
};

}  // namespace countersign
