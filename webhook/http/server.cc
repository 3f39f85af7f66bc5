#include "webhook/http/server.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <unordered_map>

#include "base/log.h"
#include "webhook/http/connection.h"
#include "webhook/http/parser.h"
#include "webhook/http/processors.h"

namespace countersign {
namespace {

using Clock_ = std::chrono::steady_clock;
using ConnectionPtr = std::shared_ptr<Connection>;

// How often deadlines are looked at: they are seconds, so a quarter of one is exact enough.
constexpr int kSweepMillis = 250;
constexpr int kBacklog = 1024;

int SelectProtocol(SSL*, const unsigned char** out, unsigned char* out_length,
                   const unsigned char* in, unsigned int in_length, void*) {
  static constexpr unsigned char kHttp11[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_length, kHttp11, sizeof kHttp11, in, in_length) !=
      OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_NOACK;
  }
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

std::string PeerName(SSL* ssl) {
  X509* certificate = SSL_get0_peer_certificate(ssl);
  if (certificate == nullptr) return {};
  std::array<char, 256> name{};
  const int length = X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName,
                                               name.data(), static_cast<int>(name.size()));
  return length > 0 ? std::string(name.data(), static_cast<std::size_t>(length)) : std::string();
}

}  // namespace

class HttpsServer::Impl {
 public:
  Impl(HttpsOptions options, CertificateProvider certificates,
       std::map<std::string, HttpsHandler> handlers)
      : options_(std::move(options)),
        certificates_(std::move(certificates)),
        parser_(std::move(handlers), options_) {}
  ~Impl() { Stop(); }

  Result<int> Start() {
    if (auto status = MakeContext(); !status) return Fail(status.error());
    auto port = Bind();
    if (!port) return port;
    epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
    wake_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    Watch(listener_, EPOLLIN, EPOLL_CTL_ADD);
    Watch(wake_, EPOLLIN, EPOLL_CTL_ADD);
    running_ = true;
    const int workers = options_.workers > 0 ? options_.workers : AvailableProcessors() + 2;
    for (int i = 0; i < workers; ++i) threads_.emplace_back([this] { Work(queue_); });
    threads_.emplace_back([this] { Work(shed_queue_); });
    threads_.emplace_back([this] { Poll(); });
    return port;
  }

  void Drain() { draining_ = true; }

  void Stop() {
    if (!running_.exchange(false)) return;
    queue_ready_.notify_all();
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(wake_, &one, sizeof one);
    threads_.clear();  // joins
    queue_.clear();
    shed_queue_.clear();
    connections_.clear();
    for (int fd : {listener_, epoll_, wake_}) ::close(fd);
    context_.reset();
  }

  HttpsStats Stats() const {
    HttpsStats stats;
    {
      const std::lock_guard lock(mutex_);
      stats = stats_;
      stats.connections = connections_.size();
      stats.queued = queue_.size() + shed_queue_.size();
      stats.parked = static_cast<std::uint64_t>(
          std::count_if(connections_.begin(), connections_.end(),
                        [](const auto& entry) { return entry.second->parked; }));
    }
    stats.handler_failures = parser_.handler_failures();
    return stats;
  }

 private:
  using Queue = std::deque<ConnectionPtr>;

  Status MakeContext() {
    context_.reset(SSL_CTX_new(TLS_server_method()));
    SSL_CTX* context = context_.get();
    if (context == nullptr) return Fail(Code::kInternal, "OpenSSL could not make a TLS context");
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
    // For TLS 1.2, forward secrecy and authenticated encryption only; TLS 1.3 has nothing else.
    SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20");
    // Buffers are given back while idle: 34 KiB a connection.
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_alpn_select_cb(context, SelectProtocol, nullptr);
    SSL_CTX_set_cert_cb(
        context,
        [](SSL* ssl, void* self) {
          const auto certificate = static_cast<Impl*>(self)->certificates_.serving();
          return certificate != nullptr && certificate->Apply(ssl) ? 1 : 0;
        },
        this);
    return {};
  }

  Result<int> Bind() {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_PASSIVE | AI_NUMERICHOST;
    addrinfo* found = nullptr;
    if (::getaddrinfo(options_.address.c_str(), std::to_string(options_.port).c_str(), &hints,
                      &found) != 0) {
      return Fail(Code::kInvalidArgument,
                  "'" + options_.address + "' is no IP address to listen on");
    }
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> guard(found, ::freeaddrinfo);
    listener_ = ::socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int yes = 1;
    // REUSEADDR to restart at once; not REUSEPORT, with which two processes share a port unnoticed.
    ::setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (::bind(listener_, found->ai_addr, found->ai_addrlen) != 0 ||
        ::listen(listener_, kBacklog) != 0) {
      const std::string why = std::generic_category().message(errno);
      ::close(listener_);
      return Fail(Code::kUnavailable, "cannot listen on " + options_.address + ":" +
                                          std::to_string(options_.port) + ": " + why);
    }
    sockaddr_storage bound{};
    socklen_t length = sizeof bound;
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&bound), &length);
    return ntohs(bound.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6*>(&bound)->sin6_port
                                             : reinterpret_cast<sockaddr_in*>(&bound)->sin_port);
  }

  void Watch(int fd, std::uint32_t events, int operation) const {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    ::epoll_ctl(epoll_, operation, fd, &event);
  }

  // The poller's thread: accepts, hands on what is readable, ends what takes too long.
  void Poll() {
    std::array<epoll_event, 256> events{};
    auto next_sweep = Clock_::now();
    while (running_) {
      const int count =
          ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), kSweepMillis);
      for (int i = 0; i < count; ++i) {
        const int fd = events[static_cast<std::size_t>(i)].data.fd;
        if (fd == listener_) {
          Accept();
        } else if (fd != wake_) {
          Ready(fd);
        }
      }
      if (Clock_::now() >= next_sweep) {
        Sweep();
        next_sweep = Clock_::now() + std::chrono::milliseconds(kSweepMillis);
      }
    }
  }

  void Accept() {
    while (true) {
      const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd < 0) return;
      const std::lock_guard lock(mutex_);
      if (connections_.size() >= options_.max_connections) {
        ++stats_.refused;
        ::close(fd);
        continue;
      }
      const int yes = 1;
      ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
      SSL* ssl = SSL_new(context_.get());
      SSL_set_fd(ssl, fd);
      if (certificates_.trust) {
        const auto trust = certificates_.trust();
        if (trust != nullptr && !trust->Apply(ssl)) {
          SSL_free(ssl);
          ::close(fd);
          continue;
        }
      }
      ++stats_.accepted;
      auto connection = std::make_shared<Connection>(fd, ssl, Clock_::now());
      // Costs no worker until it says something.
      connection->deadline = Clock_::now() + options_.handshake_timeout;
      connection->parked = true;
      connections_.emplace(fd, connection);
      Watch(fd, EPOLLIN | EPOLLRDHUP | EPOLLONESHOT, EPOLL_CTL_ADD);
    }
  }

  void Ready(int fd) {
    {
      const std::lock_guard lock(mutex_);
      const auto it = connections_.find(fd);
      if (it == connections_.end() || !it->second->parked) return;
      const ConnectionPtr& connection = it->second;
      connection->parked = false;
      if (queue_.size() < options_.max_queue) {
        connection->shed = false;
        queue_.push_back(connection);
      } else if (connection->handshaken() && shed_queue_.size() < options_.max_queue) {
        connection->shed = true;
        shed_queue_.push_back(connection);
      } else {
        ++stats_.shed;
        Forget(connection);
        return;
      }
    }
    queue_ready_.notify_all();
  }

  void Sweep() {
    const auto now = Clock_::now();
    const std::lock_guard lock(mutex_);
    for (auto it = connections_.begin(); it != connections_.end();) {
      Connection& connection = *it->second;
      if (!connection.parked || now < connection.deadline) {
        ++it;
        continue;
      }
      // An idle connection at its end is no fault of anybody's.
      if (!connection.handshaken() || !connection.buffer.empty()) ++stats_.timed_out;
      buffered_ -= connection.accounted;
      it = connections_.erase(it);
    }
  }

  void Work(Queue& queue) {
    while (true) {
      ConnectionPtr connection;
      {
        std::unique_lock lock(mutex_);
        queue_ready_.wait(lock, [&] { return !running_ || !queue.empty(); });
        if (!running_) return;
        connection = std::move(queue.front());
        queue.pop_front();
      }
      if (!Serve(*connection)) {
        const std::lock_guard lock(mutex_);
        Forget(connection);
      }
    }
  }

  // With the mutex held. The socket closes when the last owner lets go.
  void Forget(const ConnectionPtr& connection) {
    buffered_ -= connection->accounted;
    connection->accounted = 0;
    connections_.erase(connection->socket());
  }

  void Park(Connection& connection, std::uint32_t events, std::chrono::milliseconds patience,
            bool fresh) {
    {
      const std::lock_guard lock(mutex_);
      buffered_ += connection.buffer.size() - connection.accounted;
      connection.accounted = connection.buffer.size();
      // The end of a request is due a fixed time after its beginning, however it drips.
      if (fresh) connection.deadline = Clock_::now() + patience;
      connection.parked = true;
    }
    Watch(connection.socket(), events | EPOLLRDHUP | EPOLLONESHOT, EPOLL_CTL_MOD);
  }

  // Does what can be done now. False: close the connection.
  bool Serve(Connection& connection) {
    using Step = Connection::Step;
    if (!connection.handshaken()) {
      const Step step = connection.Handshake();
      if (step == Step::kWantRead || step == Step::kWantWrite) {
        Park(connection, step == Step::kWantRead ? EPOLLIN : EPOLLOUT, {}, false);
        return true;
      }
      if (step == Step::kClosed || !MayCall(connection)) {
        Count(&HttpsStats::tls_failures);
        return false;
      }
    }
    // One request more than a whole one is enough to see that it is whole.
    const std::size_t limit = options_.frame.head + options_.frame.body;
    while (true) {
      const bool was_empty = connection.buffer.empty();
      const Step step = connection.Receive(limit);
      const Frame frame = FindFrame(connection.buffer, options_.frame);
      if (frame.state == Frame::State::kComplete) {
        if (!Answer(connection, frame.size)) return false;
        continue;  // the next request may be here already
      }
      if (frame.state == Frame::State::kRejected) {
        Count(&HttpsStats::rejected);
        connection.Send(Parser::Refusal(frame.status), Clock_::now() + options_.request_timeout);
        return false;
      }
      if (step == Step::kClosed) return false;
      if (step == Step::kDone) continue;
      if (OverBudget(connection)) {
        connection.Send(Parser::Refusal(429), Clock_::now() + options_.request_timeout);
        return false;
      }
      const bool idle = connection.buffer.empty();
      // Fresh when it has just become idle, or when a request has just begun.
      Park(connection, step == Step::kWantWrite ? EPOLLOUT : EPOLLIN,
           idle ? options_.idle_timeout : options_.request_timeout, idle || was_empty);
      return true;
    }
  }

  bool MayCall(const Connection& connection) const {
    if (options_.allowed_clients.empty()) return true;
    const std::string name = PeerName(connection.ssl());
    return std::find(options_.allowed_clients.begin(), options_.allowed_clients.end(), name) !=
           options_.allowed_clients.end();
  }

  bool OverBudget(Connection& connection) {
    const std::lock_guard lock(mutex_);
    if (buffered_ + connection.buffer.size() - connection.accounted <= options_.max_buffered) {
      return false;
    }
    ++stats_.shed;
    return true;
  }

  bool Answer(Connection& connection, std::size_t size) {
    const auto deadline = [&] { return Clock_::now() + options_.request_timeout; };
    if (connection.shed) {
      Count(&HttpsStats::shed);
      connection.Send(Parser::Refusal(429), deadline());
      return false;
    }
    {
      const std::lock_guard lock(mutex_);
      ++stats_.requests;
      ++stats_.in_flight;
    }
    const bool close = draining_ || TooOld(connection);
    const Parser::Outcome outcome =
        parser_.Process(std::string_view(connection.buffer).substr(0, size), close);
    {
      const std::lock_guard lock(mutex_);
      --stats_.in_flight;
      if (outcome.rejected) ++stats_.rejected;
    }
    connection.buffer.erase(0, size);
    // A large request should not leave its memory behind in a connection that idles.
    if (connection.buffer.empty() && connection.buffer.capacity() > 4 * options_.frame.head) {
      connection.buffer.shrink_to_fit();
    }
    return connection.Send(outcome.response, deadline()) && !outcome.close;
  }

  bool TooOld(const Connection& connection) const {
    // Up to a tenth later, by socket number, so that not all reconnect at once.
    const auto jitter = options_.max_age / 100 * (connection.socket() % 10);
    return Clock_::now() - connection.opened > options_.max_age + jitter;
  }

  void Count(std::uint64_t HttpsStats::* counter) {
    const std::lock_guard lock(mutex_);
    ++(stats_.*counter);
  }

  struct FreeContext {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  };

  const HttpsOptions options_;
  const CertificateProvider certificates_;
  const Parser parser_;
  std::unique_ptr<SSL_CTX, FreeContext> context_;
  int listener_ = -1;
  int epoll_ = -1;
  int wake_ = -1;
  std::atomic<bool> running_ = false;
  std::atomic<bool> draining_ = false;
  mutable std::mutex mutex_;
  std::condition_variable queue_ready_;
  std::unordered_map<int, ConnectionPtr> connections_;
  Queue queue_;
  Queue shed_queue_;
  std::size_t buffered_ = 0;
  HttpsStats stats_;
  std::vector<std::jthread> threads_;
};

HttpsServer::HttpsServer(HttpsOptions options, CertificateProvider certificates,
                         std::map<std::string, HttpsHandler> handlers)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(certificates),
                                   std::move(handlers))) {}
HttpsServer::~HttpsServer() = default;
Result<int> HttpsServer::Start() { return impl_->Start(); }
void HttpsServer::Drain() { impl_->Drain(); }
void HttpsServer::Stop() { impl_->Stop(); }
HttpsStats HttpsServer::Stats() const { return impl_->Stats(); }

}  // namespace countersign
