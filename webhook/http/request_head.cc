#include "webhook/http/request_head.h"

#include <httplib.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <utility>

namespace countersign::http {
namespace {

// Parse() relies on a protected function of exactly this version; request_head_test.cc states what
// it must do. Another version: run that test first, then change the line.
static_assert(std::string_view(CPPHTTPLIB_VERSION) == "0.11.4",
              "cpp-httplib changed: check tests/unit/webhook_http/request_head_test.cc");
#ifndef CPPHTTPLIB_OPENSSL_SUPPORT
#error \
    "httplib.h must be compiled with the flags of `pkg-config cpp-httplib`: they change its layout"
#endif

// cpp-httplib's own limit for a header line is 8,192 bytes; checked before, to tell it apart.
constexpr std::size_t kMaxLineBytes = 8192;

// Gives the head to the library and takes in what it would answer.
class HeadStream final : public httplib::Stream {
 public:
  explicit HeadStream(std::string_view head) : rest_(head) {}

  bool is_readable() const override { return true; }
  bool is_writable() const override { return true; }
  ssize_t read(char* to, size_t size) override {
    const std::size_t n = std::min(size, rest_.size());
    std::memcpy(to, rest_.data(), n);
    rest_.remove_prefix(n);
    return static_cast<ssize_t>(n);
  }
  ssize_t write(const char*, size_t size) override { return static_cast<ssize_t>(size); }
  void get_remote_ip_and_port(std::string&, int&) const override {}
  void get_local_ip_and_port(std::string&, int&) const override {}
  // The library refuses descriptors >= FD_SETSIZE (1024) because it selects on them. Here it never
  // does, and thousands of connections are expected.
  socket_t socket() const override { return 0; }

  [[nodiscard]] bool AllRead() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](unsigned char x, unsigned char y) {
    return std::tolower(x) == std::tolower(y);
  });
}

// RFC 9110, 5.6.2. Refuses folded lines (" value") and blanks before the colon, which RFC 9112, 5.1
// demands; the library would take them as part of the name.
bool IsToken(const std::string& name) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !name.empty() && std::all_of(name.begin(), name.end(), [&](unsigned char c) {
    return (std::isalnum(c) != 0 && c < 0x80) || kMarks.find(static_cast<char>(c)) != kMarks.npos;
  });
}

// `Connection: keep-alive, close` is a list of options.
bool HasOption(std::string_view list, std::string_view option) {
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    std::string_view item = list.substr(0, comma);
    while (!item.empty() && (item.front() == ' ' || item.front() == '\t')) item.remove_prefix(1);
    while (!item.empty() && (item.back() == ' ' || item.back() == '\t')) item.remove_suffix(1);
    if (EqualsIgnoringCase(item, option)) return true;
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return false;
}

std::optional<std::uint64_t> ParseLength(const std::string& text) {
  std::uint64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stopped != end) return std::nullopt;
  return value;
}

Status CheckLines(std::string_view head) {
  std::size_t lines = 0;
  for (std::size_t begin = 0; begin < head.size(); ++lines) {
    const std::size_t end = head.find('\n', begin);
    // "\r\n" ends a line for the library, but other parsers also accept "\n": no room for doubt.
    if (end == head.npos || end == begin || head.at(end - 1) != '\r') {
      return Fail(Code::kInvalidArgument, "lines of the head must end in CR LF");
    }
    if (lines > kMaxHeaderLines + 1 || end + 1 - begin > kMaxLineBytes) {
      return Fail(Code::kResourceExhausted, "the head has too many or too long lines");
    }
    begin = end + 1;
  }
  if (head.find('\0') != head.npos) return Fail(Code::kInvalidArgument, "the head has a NUL byte");
  return {};
}

Result<RequestHead> Convert(httplib::Request& from) {
  RequestHead head;
  for (const auto& [name, value] : from.headers) {
    if (!IsToken(name)) return Fail(Code::kInvalidArgument, "a header has a malformed name");
    if (EqualsIgnoringCase(name, "Content-Length")) {
      const auto length = ParseLength(value);
      if (!length || head.content_length) {
        return Fail(Code::kInvalidArgument, "Content-Length must be one decimal number");
      }
      head.content_length = length;
    } else if (EqualsIgnoringCase(name, "Connection")) {
      head.close = head.close || HasOption(value, "close");
    } else if (EqualsIgnoringCase(name, "Transfer-Encoding")) {
      head.has_transfer_encoding = true;
    } else if (EqualsIgnoringCase(name, "Content-Encoding")) {
      head.has_content_encoding =
          head.has_content_encoding || !EqualsIgnoringCase(value, "identity");
    } else if (EqualsIgnoringCase(name, "Expect")) {
      head.expects_continue = EqualsIgnoringCase(value, "100-continue");
    } else if (EqualsIgnoringCase(name, "Content-Type")) {
      head.content_type = value;
    } else if (EqualsIgnoringCase(name, "traceparent")) {
      head.traceparent = value;
    }
  }
  head.close = head.close || from.version == "HTTP/1.0";
  head.method = std::move(from.method);
  head.path = std::move(from.path);
  // What they take is many times their text.
  if (from.params.size() > kMaxParameters) {
    return Fail(Code::kInvalidArgument, "the query has too many parameters");
  }
  head.query = std::move(from.params);
  return head;
}

}  // namespace

class HeadParser::Library final : public httplib::Server {
 public:
  // Nothing is routed or answered there: the request has been taken out before.
  Library() {
    set_pre_routing_handler([](const httplib::Request&, httplib::Response& response) {
      response.status = 200;
      return HandlerResponse::Handled;
    });
  }

  std::optional<httplib::Request> Take(std::string_view head) {
    HeadStream stream(head);
    std::optional<httplib::Request> taken;
    bool closed = false;
    process_request(stream, false, closed,
                    [&](httplib::Request& parsed) { std::swap(taken.emplace(), parsed); });
    return stream.AllRead() ? std::move(taken) : std::nullopt;
  }
};

HeadParser::HeadParser() : library_(std::make_unique<Library>()) {}
HeadParser::~HeadParser() = default;

std::size_t FindHeadEnd(std::string_view bytes, std::size_t from) {
  constexpr std::string_view kEnd = "\r\n\r\n";
  const std::size_t start = from < kEnd.size() ? 0 : from - kEnd.size() + 1;
  const std::size_t found = bytes.find(kEnd, start);
  return found == bytes.npos ? bytes.npos : found + kEnd.size();
}

Result<RequestHead> HeadParser::Parse(std::string_view head) {
  if (const Status lines = CheckLines(head); !lines) return Fail(lines.error());
  std::optional<httplib::Request> parsed = library_->Take(head);
  if (!parsed) return Fail(Code::kInvalidArgument, "the request is not HTTP/1.1");
  return Convert(*parsed);
}

}  // namespace countersign::http
