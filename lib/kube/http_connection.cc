#include "kube/http_connection.h"

#include <httplib.h>

#include <algorithm>
#include <exception>
#include <optional>
#include <utility>

#include "kube/byte_stream.h"
#include "kube/dial.h"
#include "kube/wakeup.h"

namespace countersign {
namespace {

// What httplib reads from and writes to. Bounds the head of an answer: httplib bounds the length of
// a header but not their number.
class Stream final : public httplib::Stream {
 public:
  explicit Stream(ByteStream& bytes) : bytes_(bytes) {}

  [[nodiscard]] bool is_readable() const override { return true; }
  [[nodiscard]] bool is_writable() const override { return true; }
  ssize_t read(char* data, std::size_t size) override {
    if (in_head_) head_ += size;  // byte by byte, as httplib reads lines
    too_long_ = too_long_ || head_ > kMaxResponseHead;
    if (too_long_) return -1;
    return bytes_.Read(data, size);
  }
  ssize_t write(const char* data, std::size_t size) override {
    return bytes_.Write(data, size) ? static_cast<ssize_t>(size) : -1;
  }
  void get_remote_ip_and_port(std::string& /*ip*/, int& /*port*/) const override {}
  void get_local_ip_and_port(std::string& /*ip*/, int& /*port*/) const override {}
  [[nodiscard]] socket_t socket() const override { return INVALID_SOCKET; }

  void HeadComplete() { in_head_ = false; }
  [[nodiscard]] bool in_head() const { return in_head_; }
  [[nodiscard]] bool too_long() const { return too_long_; }

 private:
  ByteStream& bytes_;
  std::size_t head_ = 0;
  bool in_head_ = true;
  bool too_long_ = false;
};

class HttplibConnection final : public HttpConnection, private httplib::ClientImpl {
 public:
  HttplibConnection(const Endpoint& endpoint, std::unique_ptr<ByteStream> bytes)
      : ClientImpl(endpoint.host, endpoint.port),
        authority_(endpoint.Authority()),
        prefix_(endpoint.prefix),
        bytes_(std::move(bytes)) {
    set_url_encode(false);  // targets are encoded already
    set_decompress(false);  // we do not ask for compression
    set_follow_location(false);
  }

  Result<HttpResponse> Send(const HttpRequest& request, std::stop_token stop,
                            BodySink* sink) override {
    try {
      return Exchange(request, std::move(stop), sink);
    } catch (const std::exception& e) {
      reusable_ = false;
      return Fail(Code::kInternal, std::string("exchange failed: ") + e.what());
    }
  }

  bool Reusable() override { return reusable_ && bytes_->Idle(); }

 private:
  Result<HttpResponse> Exchange(const HttpRequest& request, std::stop_token stop, BodySink* sink) {
    reusable_ = false;
    const StopFd stop_fd(std::move(stop));
    Stream stream(*bytes_);
    ByteStream::Limits limits{request.deadline, &stop_fd, {}};
    if (sink != nullptr) {
      limits.idle_timeout = [sink, &stream] {
        const std::chrono::milliseconds idle = sink->IdleTimeout();
        return stream.in_head() ? std::min<std::chrono::milliseconds>(idle, kHeadTimeout) : idle;
      };
    }
    bytes_->Begin(std::move(limits));

    HttpResponse response;
    bool to_sink = false;
    bool too_long = false;
    bool refused = false;
    httplib::Request req = NewRequest(request);
    req.response_handler = [&](const httplib::Response& head) {
      stream.HeadComplete();
      to_sink = sink != nullptr && head.status >= 200 && head.status < 300;
      return true;
    };
    req.content_receiver = [&](const char* data, std::size_t size, std::uint64_t /*offset*/,
                               std::uint64_t /*length*/) {
      if (to_sink) {
        refused = !sink->Accept({data, size});
        return !refused;
      }
      too_long = response.body.size() + size > request.max_response_bytes;
      if (!too_long) response.body.append(data, size);
      return !too_long;
    };

    httplib::Response res;
    httplib::Error error = httplib::Error::Success;
    const bool complete = process_request(stream, req, res, /*close_connection=*/false, error);
    if (!complete) {
      if (bytes_->failed()) return Fail(bytes_->failure());
      if (refused) return Fail(Code::kCancelled, "the receiver of the answer refused it");
      if (too_long || stream.too_long()) {
        return Fail(Code::kResourceExhausted, "the API server's answer is too long");
      }
      return Fail(Code::kUnavailable,
                  bytes_->received() ? "the API server's answer broke off"
                                     : "the API server closed the connection without an answer");
    }
    response.status = res.status;
    for (auto& [name, value] : res.headers) response.headers.emplace_back(name, value);
    // Without a length the body ends with the connection.
    const bool delimited = res.has_header("Content-Length") || res.status == 204 ||
                           res.get_header_value("Transfer-Encoding") == "chunked";
    reusable_ =
        delimited && res.version == "HTTP/1.1" && res.get_header_value("Connection") != "close";
    return response;
  }

  httplib::Request NewRequest(const HttpRequest& request) const {
    httplib::Request req;
    req.method = request.method;
    req.path = prefix_ + request.target;
    req.body = request.body;
    req.headers.emplace("Host", authority_);
    req.headers.emplace("Accept-Encoding", "identity");
    for (const auto& [name, value] : request.headers) req.headers.emplace(name, value);
    return req;
  }

  const std::string authority_;
  const std::string prefix_;
  std::unique_ptr<ByteStream> bytes_;
  bool reusable_ = false;
};

}  // namespace

Result<std::unique_ptr<HttpConnection>> HttpConnection::Open(const Endpoint& endpoint,
                                                             std::shared_ptr<const TlsContext> tls,
                                                             SteadyTime deadline,
                                                             const std::stop_token& stop) {
  const StopFd stop_fd(stop);
  const Result<int> fd = Dial(endpoint, deadline, stop, stop_fd);
  if (!fd) return Fail(fd.error());
  auto bytes = std::make_unique<ByteStream>(*fd, std::move(tls));
  if (Status status = bytes->Handshake({deadline, &stop_fd, {}}); !status) {
    return Fail(status.error());
  }
  return std::make_unique<HttplibConnection>(endpoint, std::move(bytes));
}

}  // namespace countersign
