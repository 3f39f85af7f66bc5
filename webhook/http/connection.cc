#include "webhook/http/connection.h"

#include <utility>

namespace countersign::http {

std::string Connection::TakeRequest() {
  std::string next;
  if (in.size() > request_size) {  // pipelined
    next = in.substr(request_size);
    in.resize(request_size);
  }
  std::string request = std::exchange(in, std::move(next));
  Hold(in.size());
  return request;
}

void Connection::ResetRequest() {
  head = RequestHead();
  request_size = 0;
  route = nullptr;
  searched = 0;
  head_size = 0;
  if (in.empty()) std::string().swap(in);
  Hold(in.size());
}

void Connection::BeginResponse(std::string bytes, bool close) {
  out = std::move(bytes);
  unsent = out;
  close_after = close;
}

}  // namespace countersign::http
