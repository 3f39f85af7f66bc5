// support.h: a throw-away PKI, a server under test and raw clients that may misbehave.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "webhook/certificates/certificate.h"
#include "webhook/certificates/self_signed.h"
#include "webhook/http/server.h"
#include "webhook/http/unique_fd.h"

namespace countersign::http {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Far beyond what anything here takes: only a test that fails reaches it.
inline constexpr seconds kPatience{60};
// Deadlines that a test does not want to meet.
inline constexpr milliseconds kNever{600'000};

inline Time RealNow() {
  return std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now());
}
inline Validity ValidNow() { return {RealNow() - seconds(3600), RealNow() + seconds(86'400)}; }

// True as soon as `condition` holds; false if it does not come true at all.
inline bool Eventually(const std::function<bool()>& condition) {
  const auto give_up = std::chrono::steady_clock::now() + kPatience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > give_up) return false;
    std::this_thread::sleep_for(milliseconds(1));
  }
  return true;
}

// One authority and what it signed, made once: key generation is the slow part.
struct Pki {
  PemPair authority = MakeAuthority("test authority", ValidNow()).value();
  PemPair server = Server("localhost");
  PemPair client = MakeCertificate(authority, LeafUse::kClient, "kube-apiserver",
                                   {"apiserver.example"}, ValidNow())
                       .value();

  [[nodiscard]] PemPair Server(const std::string& name) const {
    return MakeCertificate(authority, LeafUse::kServer, name, {name, "127.0.0.1"}, ValidNow())
        .value();
  }
  static const Pki& Get() {
    static const Pki pki;
    return pki;
  }
};

inline std::shared_ptr<const ServingCertificate> Serving(const PemPair& pair) {
  return ServingCertificate::Parse(pair.certificate, pair.key, "", RealNow()).value();
}

inline TlsOptions ServerTls() {
  TlsOptions tls;
  tls.certificate = [certificate = Serving(Pki::Get().server)] { return certificate; };
  return tls;
}

// Opens once; whoever waits before that blocks.
class Gate {
 public:
  void Open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    opened_.notify_all();
  }
  void Await() {
    std::unique_lock lock(mutex_);
    opened_.wait(lock, [this] { return open_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable opened_;
  bool open_ = false;
};

// Deadlines that nobody meets, however busy the machine, unless a test shortens them.
inline ServerOptions TestOptions() {
  ServerOptions options;
  options.worker_threads = 2;
  options.handshake_deadline = kNever;
  options.head_deadline = kNever;
  options.request_deadline = kNever;
  options.write_deadline = kNever;
  return options;
}

inline Route Echo() {
  return Route{"/echo", [](const Request& request) {
                 return Response{200, std::string(request.body), "application/json", {}};
               }};
}

inline std::unique_ptr<HttpsServer> StartServer(ServerOptions options, std::vector<Route> routes,
                                                TlsOptions tls = ServerTls()) {
  Result<std::unique_ptr<HttpsServer>> server =
      HttpsServer::Start(std::move(options), std::move(tls), std::move(routes));
  return server ? *std::move(server) : nullptr;
}

struct Answer {
  int status = 0;  // 0: the connection ended before an answer
  std::map<std::string, std::string> headers;
  std::string body;
  [[nodiscard]] bool Closes() const { return Header("Connection") == "close"; }
  [[nodiscard]] std::string Header(const std::string& name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? "" : found->second;
  }
};

inline std::string Post(const std::string& path, const std::string& body,
                        const std::string& more_headers = "") {
  return "POST " + path + " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n" +
         more_headers + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

// A TCP connection with blocking calls that give up after kPatience.
class TcpClient {
 public:
  // From 127.0.0.`host`.
  explicit TcpClient(int port, std::uint32_t host = 1)
      : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in own{};
    own.sin_family = AF_INET;
    own.sin_addr.s_addr = htonl(INADDR_LOOPBACK - 1 + host);
    bind(fd_.Get(), reinterpret_cast<const sockaddr*>(&own), sizeof(own));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const timeval patience{kPatience.count(), 0};
    setsockopt(fd_.Get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    setsockopt(fd_.Get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    connected_ =
        connect(fd_.Get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  }
  virtual ~TcpClient() = default;
  TcpClient(const TcpClient&) = delete;
  TcpClient& operator=(const TcpClient&) = delete;

  [[nodiscard]] bool Connected() const { return connected_; }
  [[nodiscard]] int Fd() const { return fd_.Get(); }

  virtual bool Send(std::string_view data) {
    while (!data.empty()) {
      const ssize_t n = send(fd_.Get(), data.data(), data.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      data.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }
  // Bytes, or 0 at the end of the connection, however it ended.
  virtual std::size_t Receive(char* to, std::size_t size) {
    const ssize_t n = recv(fd_.Get(), to, size, 0);
    return n > 0 ? static_cast<std::size_t>(n) : 0;
  }

  Answer Read() {
    Answer answer;
    std::size_t head = 0;
    while ((head = buffer_.find("\r\n\r\n")) == std::string::npos) {
      if (!More()) return answer;
    }
    std::size_t line = buffer_.find("\r\n");
    const int status = std::atoi(buffer_.c_str() + std::string("HTTP/1.1 ").size());
    while (line < head) {
      const std::size_t next = buffer_.find("\r\n", line + 2);
      const std::string text = buffer_.substr(line + 2, next - line - 2);
      const std::size_t colon = text.find(": ");
      answer.headers[text.substr(0, colon)] = text.substr(colon + 2);
      line = next;
    }
    const std::size_t size =
        static_cast<std::size_t>(std::atoll(answer.Header("Content-Length").c_str()));
    while (buffer_.size() < head + 4 + size) {
      if (!More()) return answer;
    }
    answer.status = status;
    answer.body = buffer_.substr(head + 4, size);
    buffer_.erase(0, head + 4 + size);
    return answer;
  }
  Answer Exchange(const std::string& request) { return Send(request) ? Read() : Answer(); }
  // True when the server ends the connection without saying anything more.
  bool EndsSilently() { return buffer_.empty() && !More(); }

 protected:
  bool More() {
    char block[16384];
    const std::size_t n = Receive(block, sizeof(block));
    buffer_.append(block, n);
    return n > 0;
  }

  UniqueFd fd_;
  std::string buffer_;
  bool connected_ = false;
};

struct ClientTls {
  std::optional<PemPair> certificate;
  int max_version = 0;
  std::string suite;  // the only one offered, by OpenSSL's name
  std::string alpn = std::string("\x08http/1.1");
  std::uint32_t host = 1;  // TcpClient
};

class TlsClient final : public TcpClient {
 public:
  explicit TlsClient(int port, const ClientTls& tls = {}) : TcpClient(port, tls.host) {
    context_.reset(SSL_CTX_new(TLS_client_method()));
    SSL_CTX_set_max_proto_version(context_.get(), tls.max_version);
    SSL_CTX_set_security_level(context_.get(), 0);  // lets a test offer what is obsolete
    if (!tls.suite.empty()) {
      const bool modern = tls.suite.starts_with("TLS_");  // TLS 1.3 has a list of its own
      EXPECT_EQ(modern ? SSL_CTX_set_ciphersuites(context_.get(), tls.suite.c_str())
                       : SSL_CTX_set_cipher_list(context_.get(), tls.suite.c_str()),
                1)
          << tls.suite;
      SSL_CTX_set_min_proto_version(context_.get(), modern ? TLS1_3_VERSION : TLS1_2_VERSION);
    }
    const openssl::BioPtr ca = openssl::ReadBio(Pki::Get().authority.certificate);
    const openssl::X509Ptr root(PEM_read_bio_X509(ca.get(), nullptr, nullptr, nullptr));
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context_.get()), root.get());
    SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, nullptr);
    ssl_.reset(SSL_new(context_.get()));
    if (!tls.alpn.empty()) {
      SSL_set_alpn_protos(ssl_.get(), reinterpret_cast<const unsigned char*>(tls.alpn.data()),
                          static_cast<unsigned int>(tls.alpn.size()));
    }
    if (tls.certificate) certificate_ = Serving(*tls.certificate);
    if (certificate_ != nullptr) {
      EXPECT_TRUE(certificate_->Apply(ssl_.get()));
    }
    SSL_set_fd(ssl_.get(), fd_.Get());
    ERR_clear_error();
    shaken_ = connected_ && SSL_connect(ssl_.get()) == 1;
    ERR_clear_error();
  }

  [[nodiscard]] bool Shaken() const { return shaken_; }
  [[nodiscard]] SSL* Ssl() const { return ssl_.get(); }
  [[nodiscard]] std::string ServerName() const {
    const openssl::X509Ptr peer(SSL_get1_peer_certificate(ssl_.get()));
    char name[256] = "";
    if (peer != nullptr) {
      X509_NAME_get_text_by_NID(X509_get_subject_name(peer.get()), NID_commonName, name,
                                sizeof(name));
    }
    return name;
  }

  bool Send(std::string_view data) override {
    ERR_clear_error();
    return shaken_ &&
           (data.empty() || SSL_write(ssl_.get(), data.data(), static_cast<int>(data.size())) > 0);
  }
  std::size_t Receive(char* to, std::size_t size) override {
    ERR_clear_error();
    const int n = shaken_ ? SSL_read(ssl_.get(), to, static_cast<int>(size)) : 0;
    ERR_clear_error();
    return n > 0 ? static_cast<std::size_t>(n) : 0;
  }

 private:
  openssl::ContextPtr context_;
  std::shared_ptr<const ServingCertificate> certificate_;
  openssl::SslPtr ssl_;
  bool shaken_ = false;
};

}  // namespace countersign::http
