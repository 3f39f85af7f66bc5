// openssl.h: owning pointers and the error queue of OpenSSL, for webhook/ alone.
//
// OpenSSL keeps one error queue a thread, and SSL_get_error() looks into it: a failed PEM parse
// left behind makes the next SSL_read() that has merely no data look like a broken connection
// (measured on 3.0.19). So whoever calls OpenSSL outside a connection opens an `ErrorScope`, and a
// connection clears the queue before each call. Thread rules: those of the objects owned.
#pragma once

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>
#include <string_view>

namespace countersign::openssl {

template <auto kFree>
struct Deleter {
  template <class T>
  void operator()(T* pointer) const {
    kFree(pointer);
  }
};

inline void FreeX509Stack(STACK_OF(X509) * stack) { sk_X509_pop_free(stack, X509_free); }
inline void FreeNameStack(STACK_OF(X509_NAME) * stack) {
  sk_X509_NAME_pop_free(stack, X509_NAME_free);
}

using BioPtr = std::unique_ptr<BIO, Deleter<BIO_free_all>>;
using X509Ptr = std::unique_ptr<X509, Deleter<X509_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;
using StorePtr = std::unique_ptr<X509_STORE, Deleter<X509_STORE_free>>;
using ExtensionPtr = std::unique_ptr<X509_EXTENSION, Deleter<X509_EXTENSION_free>>;
using NamesPtr = std::unique_ptr<GENERAL_NAMES, Deleter<GENERAL_NAMES_free>>;
using ContextPtr = std::unique_ptr<SSL_CTX, Deleter<SSL_CTX_free>>;
using SslPtr = std::unique_ptr<SSL, Deleter<SSL_free>>;
using CertificateStack = std::unique_ptr<STACK_OF(X509), Deleter<FreeX509Stack>>;
using NameStack = std::unique_ptr<STACK_OF(X509_NAME), Deleter<FreeNameStack>>;

// Leaves this thread's error queue as it was found.
class ErrorScope {
 public:
  ErrorScope() { ERR_set_mark(); }
  ~ErrorScope() { ERR_pop_to_mark(); }
  ErrorScope(const ErrorScope&) = delete;
  ErrorScope& operator=(const ErrorScope&) = delete;

  // The latest error as OpenSSL words it ("key values mismatch"); empty when there is none.
  [[nodiscard]] static std::string Reason() {
    const char* reason = ERR_reason_error_string(ERR_peek_last_error());
    return reason == nullptr ? std::string() : std::string(reason);
  }
};

// A read-only BIO over `text`, which must outlive it.
[[nodiscard]] inline BioPtr ReadBio(std::string_view text) {
  return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// For PEM readers: never asks a terminal for a pass phrase, an encrypted key is an error.
inline int NoPassphrase(char*, int, int, void*) { return -1; }

}  // namespace countersign::openssl
