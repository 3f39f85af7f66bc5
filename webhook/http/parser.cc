#include "webhook/http/parser.h"

#include <httplib.h>

#include <cstring>
#include <set>

#include "base/log.h"
#include "base/time.h"

// The members used below are not part of the library's promise: a new version needs a new look.
static_assert(std::string_view(CPPHTTPLIB_VERSION) == "0.11.4");

namespace countersign {
namespace {

class MemoryStream final : public httplib::Stream {
 public:
  explicit MemoryStream(std::string_view in) : in_(in) {}

  bool is_readable() const override { return !in_.empty(); }
  bool is_writable() const override { return true; }
  ssize_t read(char* out, std::size_t size) override {
    const std::size_t count = std::min(size, in_.size());
    std::memcpy(out, in_.data(), count);
    in_.remove_prefix(count);
    return static_cast<ssize_t>(count);
  }
  ssize_t write(const char* data, std::size_t size) override {
    out_.append(data, size);
    return static_cast<ssize_t>(size);
  }
  void get_remote_ip_and_port(std::string&, int&) const override {}
  void get_local_ip_and_port(std::string&, int&) const override {}
  socket_t socket() const override { return INVALID_SOCKET; }

  std::string Take() { return std::move(out_); }

 private:
  std::string_view in_;
  std::string out_;
};

SteadyTime DeadlineOf(const httplib::Request& request, std::chrono::milliseconds most) {
  std::chrono::milliseconds allowed = most;
  if (request.has_param("timeout")) {
    const auto asked = ParseDuration(request.get_param_value("timeout"));
    if (asked && *asked < most) allowed = *asked;
  }
  // The API server's clock started earlier, and the answer still has to travel.
  return std::chrono::steady_clock::now() + allowed - allowed / 10;
}

// RFC 9110 section 15; only what Refusal is called with.
const char* ReasonPhrase(int status) {
  switch (status) {
    case 411: return "Length Required";
    case 413: return "Content Too Large";
    case 415: return "Unsupported Media Type";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    default: return "Bad Request";
  }
}

void Reject(httplib::Response& response, int status) {
  response.status = status;
  response.set_header("Connection", "close");
}

}  // namespace

class Parser::Library : public httplib::Server {
 public:
  using httplib::Server::process_request;
};

Parser::Parser(std::map<std::string, HttpsHandler> handlers, const HttpsOptions& options)
    : library_(std::make_unique<Library>()) {
  library_->set_payload_max_length(options.frame.body);
  // Both are printed in the Keep-Alive header; how long we really keep a connection is
  // HttpsServer's.
  library_->set_keep_alive_max_count(1'000'000);
  library_->set_keep_alive_timeout(options.idle_timeout.count() / 1000);
  library_->set_exception_handler(
      [this](const httplib::Request&, httplib::Response& response, std::exception_ptr) {
        ++handler_failures_;
        Log(LogLevel::kError, "a request handler threw an exception");
        response.status = 500;
        response.set_content("internal error\n", "text/plain");
      });
  std::set<std::string> paths;
  for (const auto& [path, handler] : handlers) paths.insert(path);
  library_->set_pre_routing_handler(
      [paths](const httplib::Request& request, httplib::Response& response) {
        using Result = httplib::Server::HandlerResponse;
        if (!paths.contains(request.path)) {
          Reject(response, 404);
        } else if (request.method != "POST") {
          Reject(response, 405);
        } else if (!request.get_header_value("Content-Type").starts_with("application/json")) {
          Reject(response, 415);
        } else {
          return Result::Unhandled;
        }
        return Result::Handled;
      });
  for (auto& [path, handler] : handlers) {
    library_->Post(path, [handler, most = options.max_deadline](const httplib::Request& request,
                                                                httplib::Response& response) {
      const std::string traceparent = request.get_header_value("traceparent");
      const HttpsResponse answer =
          handler({request.path, request.body, traceparent, DeadlineOf(request, most)});
      response.status = answer.status;
      response.set_content(answer.body, answer.content_type);
    });
  }
}

Parser::~Parser() = default;

Parser::Outcome Parser::Process(std::string_view request, bool close) const {
  MemoryStream stream(request);
  Outcome outcome;
  bool closed = false;
  const bool ok = library_->process_request(stream, close, closed, [](httplib::Request&) {});
  outcome.response = stream.Take();
  // "HTTP/1.1 " and three digits. Anything but success ends the connection: after an error the two
  // sides may disagree about where the next request starts.
  const bool success = outcome.response.size() > 12 && outcome.response[9] == '2';
  outcome.rejected = outcome.response.size() > 12 && outcome.response[9] == '4';
  outcome.close = close || closed || !ok || !success;
  return outcome;
}

std::string Parser::Refusal(int status) {
  std::string out = "HTTP/1.1 " + std::to_string(status) + " " + ReasonPhrase(status) +
                    "\r\nConnection: close\r\nContent-Length: 0\r\n";
  // client-go tries again only when the header is there.
  if (status == 429) out += "Retry-After: 1\r\n";
  return out + "\r\n";
}

}  // namespace countersign
