#include "kube/tls_context.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <utility>

#include "kube/endpoint.h"

namespace countersign {
namespace {

template <auto Free>
struct Deleter {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Bio = std::unique_ptr<BIO, Deleter<BIO_free>>;
using Certificate = std::unique_ptr<X509, Deleter<X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;
using Context = std::unique_ptr<SSL_CTX, Deleter<SSL_CTX_free>>;

Bio MemoryBio(const std::string& text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// OpenSSL would ask for the pass phrase on the terminal.
int NoPassPhrase(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*context*/) { return 0; }

Certificate NextCertificate(BIO* bio) {
  return Certificate(PEM_read_bio_X509(bio, nullptr, NoPassPhrase, nullptr));
}

Status TrustBundle(SSL_CTX* context, const std::string& pem) {
  const Bio bio = MemoryBio(pem);
  X509_STORE* store = SSL_CTX_get_cert_store(context);
  int count = 0;
  while (const Certificate certificate = NextCertificate(bio.get())) {
    if (X509_STORE_add_cert(store, certificate.get()) != 1) {
      return Fail(Code::kInvalidArgument, "certificate authority: " + TakeOpensslError());
    }
    ++count;
  }
  // The end of the text is reported as an error too; only "no start line" is that.
  const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  const std::string error = TakeOpensslError();
  if (count == 0 || !at_end) {
    return Fail(Code::kInvalidArgument,
                "certificate authority holds no usable PEM certificates: " + error);
  }
  return {};
}

Status UseIdentity(SSL_CTX* context, const ClientIdentity& identity) {
  const Bio certificates = MemoryBio(identity.certificate_pem);
  const Certificate leaf = NextCertificate(certificates.get());
  if (!leaf || SSL_CTX_use_certificate(context, leaf.get()) != 1) {
    return Fail(Code::kInvalidArgument,
                "client certificate is no usable PEM certificate: " + TakeOpensslError());
  }
  while (const Certificate link = NextCertificate(certificates.get())) {
    if (SSL_CTX_add1_chain_cert(context, link.get()) != 1) {
      return Fail(Code::kInvalidArgument, "client certificate chain: " + TakeOpensslError());
    }
  }
  ERR_clear_error();
  const Bio key_text = MemoryBio(identity.key_pem);
  const Key key(PEM_read_bio_PrivateKey(key_text.get(), nullptr, NoPassPhrase, nullptr));
  if (!key || SSL_CTX_use_PrivateKey(context, key.get()) != 1 ||
      SSL_CTX_check_private_key(context) != 1) {
    return Fail(Code::kInvalidArgument,
                "client key is no usable PEM key (unencrypted) of the client certificate: " +
                    TakeOpensslError());
  }
  return {};
}

// Chain, name and usage, checked by OpenSSL before the handshake is complete.
Status RequireServer(SSL_CTX* context, const std::string& name) {
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  X509_VERIFY_PARAM* param = SSL_CTX_get0_param(context);
  // As Go does: an intermediate in the bundle is an anchor, the subject's common name is no name.
  X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
  X509_VERIFY_PARAM_set_hostflags(
      param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  const int set = IsIpAddress(name) ? X509_VERIFY_PARAM_set1_ip_asc(param, name.c_str())
                                    : X509_VERIFY_PARAM_set1_host(param, name.data(), name.size());
  if (name.empty() || set != 1) {
    return Fail(Code::kInvalidArgument, "server name \"" + name + "\" cannot be verified");
  }
  return {};
}

}  // namespace

Result<std::shared_ptr<const TlsContext>> TlsContext::Make(const TlsOptions& options) {
  ERR_clear_error();
  Context context(SSL_CTX_new(TLS_client_method()));
  if (!context || SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION) != 1) {
    return Fail(Code::kInternal, "OpenSSL: " + TakeOpensslError());
  }
  SSL_CTX_set_mode(context.get(),
                   SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  static constexpr unsigned char kAlpn[] = "\x08http/1.1";
  SSL_CTX_set_alpn_protos(context.get(), kAlpn, sizeof kAlpn - 1);
  if (!options.insecure) {
    if (Status status = RequireServer(context.get(), options.server_name); !status) {
      return Fail(status.error());
    }
    if (!options.ca_pem) {
      SSL_CTX_set_default_verify_paths(context.get());
    } else if (Status status = TrustBundle(context.get(), *options.ca_pem); !status) {
      return Fail(status.error());
    }
  }
  if (options.identity) {
    if (Status status = UseIdentity(context.get(), *options.identity); !status) {
      return Fail(status.error());
    }
  }
  // RFC 6066 section 3: no IP addresses in SNI.
  std::string sni = IsIpAddress(options.server_name) ? std::string() : options.server_name;
  return std::shared_ptr<const TlsContext>(new TlsContext(context.release(), std::move(sni)));
}

TlsContext::~TlsContext() { SSL_CTX_free(context_); }

SSL* TlsContext::NewSession(int fd) const {
  ERR_clear_error();
  SSL* ssl = SSL_new(context_);
  if (ssl == nullptr) return nullptr;
  if (SSL_set_fd(ssl, fd) != 1 ||
      // SSL_set_tlsext_host_name, without the C cast in its macro.
      (!sni_.empty() && SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                                 const_cast<char*>(sni_.c_str())) != 1)) {
    SSL_free(ssl);
    return nullptr;
  }
  SSL_set_connect_state(ssl);
  return ssl;
}

std::string TakeOpensslError() {
  const unsigned long error = ERR_peek_last_error();
  ERR_clear_error();
  if (error == 0) return "no details";
  const char* reason = ERR_reason_error_string(error);
  return reason == nullptr ? "error " + std::to_string(error) : reason;
}

}  // namespace countersign
