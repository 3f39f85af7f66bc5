// request_frame.h: whether the bytes received so far are a whole HTTP/1.1 request.
//
// Only finds where a request ends, so that no thread ever waits for the rest of one; cpp-httplib
// then parses it. Whatever leaves the end in doubt is rejected, since two readers that disagree
// about it are how requests get smuggled: any Transfer-Encoding, several or odd Content-Lengths.
// The API server sends neither. Pure. Source: RFC 9112 sections 6.1-6.3.
#pragma once

#include <cstddef>
#include <string_view>

namespace countersign {

struct FrameLimits {
  // controller-runtime allows 7 MiB for two objects of 3 MiB; one more for long user infos.
  std::size_t body = std::size_t{8} << 20;
  // Request line and headers: the API server sends less than 1 KiB.
  std::size_t head = std::size_t{64} << 10;
};

struct Frame {
  enum class State { kIncomplete, kComplete, kRejected };
  State state = State::kIncomplete;
  std::size_t size = 0;  // of the whole request, when complete
  int status = 0;        // HTTP status to reject with; the connection is closed then
};

[[nodiscard]] Frame FindFrame(std::string_view bytes, const FrameLimits& limits);

}  // namespace countersign
