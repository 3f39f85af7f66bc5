// request_head.h: the head of one HTTP/1.1 request, read by cpp-httplib.
//
// cpp-httplib is used for this alone: its own reading of bodies has known holes in the packaged
// version (chunked bodies escape the limit, gzip bombs), and its sockets cost a thread each.
// Stricter than the library where its leniency could make two parsers disagree: bare line feeds,
// folded headers, blanks before the colon and repeated lengths are refused. Pure: no sockets. One
// parser a thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace countersign::http {

struct RequestHead {
  std::string method;
  std::string path;                               // decoded, without the query
  std::multimap<std::string, std::string> query;  // decoded
  std::string content_type;
  std::string traceparent;
  std::optional<std::uint64_t> content_length;
  bool has_transfer_encoding = false;
  bool has_content_encoding = false;  // other than identity
  bool expects_continue = false;
  bool close = false;  // the client wants no further response, or speaks HTTP/1.0
};

// Header lines; more are a flood rather than a client (Go's sends about eight).
inline constexpr std::size_t kMaxHeaderLines = 100;
inline constexpr std::size_t kMaxParameters = 16;  // of the query; API servers send `timeout`

// Bytes up to and including the empty line, or npos while it has not come. `from` continues an
// earlier search.
[[nodiscard]] std::size_t FindHeadEnd(std::string_view bytes, std::size_t from);

class HeadParser {
 public:
  HeadParser();
  ~HeadParser();

  // `head` ends with the empty line. kInvalidArgument: malformed (400); kResourceExhausted: more
  // than kMaxHeaderLines or an overlong line (431).
  [[nodiscard]] Result<RequestHead> Parse(std::string_view head);

 private:
  class Library;
  std::unique_ptr<Library> library_;
};

}  // namespace countersign::http
