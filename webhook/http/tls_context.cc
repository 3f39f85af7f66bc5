#include "webhook/http/tls_context.h"

#include <algorithm>
#include <string>
#include <string_view>

namespace countersign::http {
namespace {

// For TLS 1.2; 1.3 has only such suites.
constexpr const char* kCiphers = "ECDHE+AESGCM:ECDHE+CHACHA20";
constexpr const char* kGroups = "X25519:P-256:P-384";
constexpr std::string_view kProtocol = "\x08http/1.1";  // length-prefixed (RFC 7301, 3.1)

int ChooseCertificate(SSL* ssl, void* argument) {
  // What is left in the queue here would fail the handshake that asked.
  const openssl::ErrorScope scope;
  const auto* options = static_cast<const TlsOptions*>(argument);
  // Called from C: nothing may be thrown through it.
  try {
    const std::shared_ptr<const ServingCertificate> current = options->certificate();
    return current != nullptr && current->Apply(ssl) ? 1 : 0;
  } catch (...) {
    return 0;
  }
}

int ChooseProtocol(SSL*, const unsigned char** out, unsigned char* out_size,
                   const unsigned char* offered, unsigned int offered_size, void*) {
  unsigned char* chosen = nullptr;
  const auto* ours = reinterpret_cast<const unsigned char*>(kProtocol.data());
  if (SSL_select_next_proto(&chosen, out_size, ours, static_cast<unsigned int>(kProtocol.size()),
                            offered, offered_size) != OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  }
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

bool IsAllowed(const TlsOptions& options, const ASN1_STRING* name) {
  // Compared with its length: a NUL inside a name must not end it.
  const std::string_view text(reinterpret_cast<const char*>(ASN1_STRING_get0_data(name)),
                              static_cast<std::size_t>(ASN1_STRING_length(name)));
  return std::find(options.allowed_clients.begin(), options.allowed_clients.end(), text) !=
         options.allowed_clients.end();
}

bool HasAllowedName(const TlsOptions& options, X509* client) {
  if (options.allowed_clients.empty()) return true;
  const X509_NAME* subject = X509_get_subject_name(client);
  for (int at = -1; (at = X509_NAME_get_index_by_NID(subject, NID_commonName, at)) >= 0;) {
    if (IsAllowed(options, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)))) return true;
  }
  const openssl::NamesPtr names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(client, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; names != nullptr && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    int type = 0;
    const void* value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names.get(), i), &type);
    if ((type == GEN_DNS || type == GEN_URI) &&
        IsAllowed(options, static_cast<const ASN1_STRING*>(value))) {
      return true;
    }
  }
  return false;
}

// After OpenSSL's own verification of each certificate: the leaf must also carry an allowed name.
int VerifyClient(int verified, X509_STORE_CTX* store) {
  if (verified != 1 || X509_STORE_CTX_get_error_depth(store) != 0) return verified;
  const openssl::ErrorScope scope;
  auto* ssl =
      static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  const auto* options = static_cast<const TlsOptions*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
  if (HasAllowedName(*options, X509_STORE_CTX_get_current_cert(store))) return 1;
  X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
  return 0;
}

}  // namespace

Result<openssl::ContextPtr> MakeTlsContext(const TlsOptions& options) {
  const openssl::ErrorScope scope;
  openssl::ContextPtr context(SSL_CTX_new(TLS_server_method()));
  SSL_CTX* raw = context.get();
  if (raw == nullptr || SSL_CTX_set_min_proto_version(raw, TLS1_2_VERSION) != 1 ||
      SSL_CTX_set_cipher_list(raw, kCiphers) != 1 || SSL_CTX_set1_groups_list(raw, kGroups) != 1 ||
      SSL_CTX_set_num_tickets(raw, 0) != 1) {
    return Fail(Code::kInternal, "cannot set up TLS: " + openssl::ErrorScope::Reason());
  }
  SSL_CTX_set_options(raw, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET |
                               SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);
  // Idle connections keep no buffers, and a write may be continued from another address.
  SSL_CTX_set_mode(raw, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                            SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  // One TLS message a call: a client that streams key updates must not keep the loop inside
  // OpenSSL.
  SSL_CTX_clear_mode(raw, SSL_MODE_AUTO_RETRY);
  SSL_CTX_set_cert_cb(raw, ChooseCertificate, const_cast<TlsOptions*>(&options));
  SSL_CTX_set_alpn_select_cb(raw, ChooseProtocol, nullptr);
  if (options.client_trust) {
    SSL_CTX_set_app_data(raw, const_cast<TlsOptions*>(&options));
    SSL_CTX_set_verify(raw, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, VerifyClient);
  }
  return context;
}

}  // namespace countersign::http
