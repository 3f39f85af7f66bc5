// The head of an HTTP request. A parser serves one connection after the other: what one client sent
// must not show in the next one's request.
#include "tests/fuzz/require.h"
#include "webhook/http/request_head.h"

namespace countersign::http {
namespace {

std::string Describe(const Result<RequestHead>& head) {
  if (!head) return "refused: " + head.error().message;
  std::string text = head->method + "\n" + head->path + "\n" + head->content_type + "\n" +
                     head->traceparent + "\n" +
                     (head->content_length ? std::to_string(*head->content_length) : "none");
  for (const bool flag : {head->has_transfer_encoding, head->has_content_encoding,
                          head->expects_continue, head->close}) {
    text += flag ? "+" : "-";
  }
  for (const auto& [name, value] : head->query) text += "\n" + name + "=" + value;
  return text;
}

}  // namespace
}  // namespace countersign::http

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace countersign::http;
  using namespace countersign::fuzz;
  const std::string_view bytes = Text(data, size);
  const std::size_t end = FindHeadEnd(bytes, 0);
  for (std::size_t from = 0; from < bytes.size(); from += 1 + bytes.size() / 16) {
    // The head had not ended in the bytes before `from`.
    if (end == bytes.npos || from < end) {
      Require(FindHeadEnd(bytes, from) == end, "the end is found wherever reading was interrupted");
    }
  }
  const std::string_view head = bytes.substr(0, end);
  HeadParser fresh;
  static HeadParser used;
  const std::string once = Describe(fresh.Parse(head));
  Require(Describe(used.Parse(head)) == once, "a parser keeps nothing", once);
  return 0;
}
