// loopback_server.h: a server on 127.0.0.1 whose every byte the test decides.
//
// Each connection runs the test's handler in a thread of its own, plain or with TLS; the handler
// reads requests and writes whatever it likes: good answers, half ones, garbage, nothing. The
// destructor cuts all connections and waits for the handlers. Test support: SIGPIPE is ignored for
// the whole program, as main() of the programs does.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "tests/unit/support/test_certificates.h"

namespace countersign {

// What handlers note down for the test to read.
class Notebook {
 public:
  void Add(std::string note) {
    const std::lock_guard lock(mutex_);
    notes_.push_back(std::move(note));
  }
  [[nodiscard]] std::vector<std::string> All() const {
    const std::lock_guard lock(mutex_);
    return notes_;
  }
  [[nodiscard]] std::string Last() const {
    const std::lock_guard lock(mutex_);
    return notes_.empty() ? "" : notes_.back();
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> notes_;
};

// The server's end of one connection.
class Peer {
 public:
  Peer(int fd, SSL* ssl) : fd_(fd), ssl_(ssl) {}

  // A whole request (head, and body by Content-Length); nullopt when the client is gone.
  std::optional<std::string> ReadRequest() {
    while (true) {
      const auto head_end = input_.find("\r\n\r\n");
      if (head_end != std::string::npos) {
        const std::size_t size = head_end + 4 + BodySize(input_.substr(0, head_end));
        if (input_.size() >= size) {
          std::string request = input_.substr(0, size);
          input_.erase(0, size);
          return request;
        }
      }
      if (!ReadMore()) return std::nullopt;
    }
  }
  // Blocks until the client closes.
  void AwaitClose() {
    while (ReadMore()) {
    }
  }
  bool Write(std::string_view data) {
    while (!data.empty()) {
      const auto sent = ssl_ != nullptr
                            ? SSL_write(ssl_, data.data(), static_cast<int>(data.size()))
                            : send(fd_, data.data(), data.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      data.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  // A complete answer with its length. `headers` such as "Retry-After: 0\r\n".
  bool Answer(int status, const std::string& body, const std::string& headers = {}) {
    return Write("HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Length: " +
                 std::to_string(body.size()) + "\r\n" + headers + "\r\n" + body);
  }
  // The head of an answer in chunks, one chunk, and the end.
  bool BeginChunked() { return Write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"); }
  bool Chunk(std::string_view data) {
    char size[20];
    std::snprintf(size, sizeof size, "%zx\r\n", data.size());
    return Write(size + std::string(data) + "\r\n");
  }
  bool EndChunked() { return Write("0\r\n\r\n"); }

  // The common name of the client's certificate; empty when there is none.
  [[nodiscard]] std::string ClientName() const {
    const std::unique_ptr<X509, void (*)(X509*)> certificate(
        ssl_ == nullptr ? nullptr : SSL_get1_peer_certificate(ssl_), X509_free);
    if (!certificate) return {};
    char name[256] = {};
    X509_NAME_get_text_by_NID(X509_get_subject_name(certificate.get()), NID_commonName, name,
                              sizeof name);
    return name;
  }
  // The name that the client asked for (SNI).
  [[nodiscard]] std::string ServerName() const {
    const char* name = SSL_get_servername(ssl_, TLSEXT_NAMETYPE_host_name);
    return name == nullptr ? "" : name;
  }

 private:
  static std::size_t BodySize(std::string head) {
    std::transform(head.begin(), head.end(), head.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    const auto at = head.find("content-length:");
    return at == std::string::npos ? 0 : std::stoul(head.substr(at + 15));
  }
  bool ReadMore() {
    char buffer[4096];
    const auto got = ssl_ != nullptr ? SSL_read(ssl_, buffer, sizeof buffer)
                                     : recv(fd_, buffer, sizeof buffer, 0);
    if (got <= 0) return false;
    input_.append(buffer, static_cast<std::size_t>(got));
    return true;
  }

  int fd_;
  SSL* ssl_;
  std::string input_;
};

class LoopbackServer {
 public:
  using Handler = std::function<void(Peer&)>;
  struct Tls {
    PemPair identity;
    std::string client_ca;      // asks for a client certificate of this authority
    int max_version = 0;        // TLS1_1_VERSION and the like; 0: the newest
    bool never_answer = false;  // accepts, but never speaks TLS
  };

  explicit LoopbackServer(Handler handler) : LoopbackServer(std::move(handler), nullptr) {}
  LoopbackServer(const Tls& tls, Handler handler)
      : LoopbackServer(std::move(handler), NewContext(tls)) {
    silent_ = tls.never_answer;
  }
  ~LoopbackServer() {
    // Wakes accept, and every handler.
    shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    {
      const std::lock_guard lock(mutex_);
      for (const int fd : open_) shutdown(fd, SHUT_RDWR);
    }
    handlers_.clear();
    close(listener_);
    SSL_CTX_free(context_);
  }
  LoopbackServer(const LoopbackServer&) = delete;
  LoopbackServer& operator=(const LoopbackServer&) = delete;

  [[nodiscard]] int port() const { return port_; }
  [[nodiscard]] std::string url() const {
    return (context_ != nullptr ? "https://127.0.0.1:" : "http://127.0.0.1:") +
           std::to_string(port_);
  }
  // Connections so far.
  [[nodiscard]] std::size_t connections() const {
    const std::lock_guard lock(mutex_);
    return accepted_;
  }
  // … and those that are not closed yet.
  [[nodiscard]] std::size_t open_connections() const {
    const std::lock_guard lock(mutex_);
    return open_.size();
  }
  // For connections from now on.
  void UseIdentity(const Tls& tls) {
    const std::lock_guard lock(mutex_);
    SSL_CTX_free(std::exchange(context_, NewContext(tls)));
  }

 private:
  LoopbackServer(Handler handler, SSL_CTX* context)
      : handler_(std::move(handler)), context_(context) {
    std::signal(SIGPIPE, SIG_IGN);
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        listen(listener_, 64) != 0 ||
        getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
      std::abort();
    }
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread([this] { Accept(); });
  }

  static SSL_CTX* NewContext(const Tls& tls) {
    SSL_CTX* context = SSL_CTX_new(TLS_server_method());
    const auto bio = [](const std::string& text) {
      return std::unique_ptr<BIO, int (*)(BIO*)>(
          BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), BIO_free);
    };
    X509* certificate =
        PEM_read_bio_X509(bio(tls.identity.certificate).get(), nullptr, nullptr, nullptr);
    EVP_PKEY* key = PEM_read_bio_PrivateKey(bio(tls.identity.key).get(), nullptr, nullptr, nullptr);
    if (SSL_CTX_use_certificate(context, certificate) != 1 ||
        SSL_CTX_use_PrivateKey(context, key) != 1) {
      std::abort();
    }
    X509_free(certificate);
    EVP_PKEY_free(key);
    if (tls.max_version != 0) {
      // Debian's security level forbids these; the point is that the client does, too.
      SSL_CTX_set_security_level(context, 0);
      SSL_CTX_set_min_proto_version(context, TLS1_VERSION);
      SSL_CTX_set_max_proto_version(context, tls.max_version);
    }
    if (!tls.client_ca.empty()) {
      X509* ca = PEM_read_bio_X509(bio(tls.client_ca).get(), nullptr, nullptr, nullptr);
      X509_STORE_add_cert(SSL_CTX_get_cert_store(context), ca);
      X509_free(ca);
      SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
    }
    return context;
  }

  void Accept() {
    while (true) {
      const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) return;
      const std::lock_guard lock(mutex_);
      ++accepted_;
      open_.push_back(fd);
      SSL* ssl = context_ == nullptr ? nullptr : SSL_new(context_);
      handlers_.emplace_back([this, fd, ssl] { Handle(fd, ssl); });
    }
  }

  void Handle(int fd, SSL* ssl) {
    bool ready = true;
    if (ssl != nullptr) {
      SSL_set_fd(ssl, fd);
      ready = silent_ || SSL_accept(ssl) == 1;
    }
    if (ready) {
      Peer peer(fd, silent_ ? nullptr : ssl);
      if (silent_) {
        peer.AwaitClose();
      } else {
        handler_(peer);
      }
    }
    SSL_free(ssl);
    const std::lock_guard lock(mutex_);
    std::erase(open_, fd);
    close(fd);
  }

  const Handler handler_;
  SSL_CTX* context_;
  bool silent_ = false;
  int listener_ = -1;
  int port_ = 0;
  mutable std::mutex mutex_;
  std::size_t accepted_ = 0;
  std::vector<int> open_;
  std::vector<std::jthread> handlers_;
  std::thread acceptor_;
};

}  // namespace countersign
