#include "webhook/http/connection.h"

#include <utility>

namespace countersign::http {

std::string Connection::TakeRequest() {
  const std::size_t size = head_size + head->content_length.value_or(0);
  std::string next;
  if (in.size() > size) {  // pipelined
    next = in.substr(size);
    in.resize(size);
  }
  std::string request = std::exchange(in, std::move(next));
  lease.Set(in.size());
  return request;
}

void Connection::ResetRequest() {
  head.reset();
  route = nullptr;
  searched = 0;
  head_size = 0;
  if (in.empty()) std::string().swap(in);
  lease.Set(in.size());
}

void Connection::BeginResponse(std::string bytes, bool close) {
  out = std::move(bytes);
  unsent = out;
  close_after = close;
}

}  // namespace countersign::http
