#include "cli/server_certificate.h"

#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <ctime>
#include <memory>

namespace countersign {
namespace {

template <auto kFree>
struct Deleter {
  template <class T>
  void operator()(T* pointer) const {
    kFree(pointer);
  }
};
void FreeStack(STACK_OF(X509) * stack) { sk_X509_pop_free(stack, X509_free); }
using Bio = std::unique_ptr<BIO, Deleter<BIO_free_all>>;
using Certificate = std::unique_ptr<X509, Deleter<X509_free>>;
using Stack = std::unique_ptr<STACK_OF(X509), Deleter<FreeStack>>;
using Store = std::unique_ptr<X509_STORE, Deleter<X509_STORE_free>>;
using Names = std::unique_ptr<GENERAL_NAMES, Deleter<GENERAL_NAMES_free>>;
using Context = std::unique_ptr<X509_STORE_CTX, Deleter<X509_STORE_CTX_free>>;

std::vector<Certificate> Parse(std::string_view pem) {
  std::vector<Certificate> all;
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  while (bio != nullptr) {
    Certificate one(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
    if (one == nullptr) break;
    all.push_back(std::move(one));
  }
  return all;
}

std::string SubjectOf(const X509* certificate) {
  const Bio bio(BIO_new(BIO_s_mem()));
  if (bio == nullptr) return {};
  X509_NAME_print_ex(bio.get(), X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253);
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return size > 0 ? std::string(text, static_cast<std::size_t>(size)) : std::string();
}

std::vector<std::string> HostsOf(const X509* certificate) {
  std::vector<std::string> hosts;
  const Names names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_DNS) continue;
    const auto* text = reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName));
    hosts.emplace_back(text, static_cast<std::size_t>(ASN1_STRING_length(name->d.dNSName)));
  }
  return hosts;
}

// cert-manager gives a server no subject: it is known by its hosts alone.
std::string NameOf(const X509* certificate) {
  std::string subject = SubjectOf(certificate);
  if (!subject.empty()) return subject;
  const std::vector<std::string> hosts = HostsOf(certificate);
  return hosts.empty() ? std::string() : hosts.front();
}

Result<Time> EndOf(const X509* certificate) {
  std::tm tm{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &tm) != 1) {
    return Fail(Code::kInvalidArgument, "has a malformed validity");
  }
  return Time(std::chrono::seconds(::timegm(&tm)));
}

}  // namespace

Result<std::vector<CertificateEnd>> CertificateEnds(std::string_view pem) {
  std::vector<CertificateEnd> ends;
  for (const Certificate& one : Parse(pem)) {
    auto end = EndOf(one.get());
    if (!end) return Fail(end.error());
    ends.push_back({NameOf(one.get()), *end});
  }
  if (ends.empty()) return Fail(Code::kInvalidArgument, "holds no certificate in PEM");
  return ends;
}

std::optional<Distrust> WhyNotTrusted(std::string_view certificate, std::string_view authorities,
                                      const std::string& name, Time now) {
  std::vector<Certificate> shown = Parse(certificate);
  if (shown.empty()) return Distrust{"it holds no certificate in PEM"};
  const Store store(X509_STORE_new());
  const Context context(X509_STORE_CTX_new());
  const Stack others(sk_X509_new_null());
  if (store == nullptr || context == nullptr || others == nullptr) return Distrust{"out of memory"};
  for (const Certificate& one : Parse(authorities)) X509_STORE_add_cert(store.get(), one.get());
  for (std::size_t i = 1; i < shown.size(); ++i) {
    sk_X509_push(others.get(), shown[i].release());
  }
  if (X509_STORE_CTX_init(context.get(), store.get(), shown.front().get(), others.get()) != 1) {
    return Distrust{"OpenSSL cannot check it"};
  }
  X509_VERIFY_PARAM* rules = X509_STORE_CTX_get0_param(context.get());
  X509_VERIFY_PARAM_set_purpose(rules, X509_PURPOSE_SSL_SERVER);
  X509_VERIFY_PARAM_set_time(
      rules, std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count());
  // The API server trusts what stands in a caBundle, whether it signed itself or not.
  X509_VERIFY_PARAM_set_flags(rules, X509_V_FLAG_PARTIAL_CHAIN);
  X509_VERIFY_PARAM_set1_host(rules, name.c_str(), name.size());
  if (X509_verify_cert(context.get()) == 1) return std::nullopt;
  const int error = X509_STORE_CTX_get_error(context.get());
  Distrust distrust{X509_verify_cert_error_string(error), error == X509_V_ERR_HOSTNAME_MISMATCH};
  if (!distrust.other_name) return distrust;
  std::string hosts;
  for (const std::string& host : HostsOf(shown.front().get())) {
    hosts += (hosts.empty() ? "'" : ", '") + host + "'";
  }
  distrust.why += ", it is for " + (hosts.empty() ? "no name" : hosts);
  return distrust;
}

}  // namespace countersign
