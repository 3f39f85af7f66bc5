#include "webhook/http/stats.h"

#include <utility>

namespace countersign::http {

const char* RefusalName(Refusal refusal) {
  switch (refusal) {
    case Refusal::kConnectionLimit: return "connection_limit";
    case Refusal::kHandshakeDeadline: return "handshake_deadline";
    case Refusal::kRequestDeadline: return "request_deadline";
    case Refusal::kWriteDeadline: return "write_deadline";
    case Refusal::kMalformed: return "malformed";
    case Refusal::kHeadTooLarge: return "head_too_large";
    case Refusal::kUnknownPath: return "unknown_path";
    case Refusal::kMethod: return "method";
    case Refusal::kLength: return "length_required";
    case Refusal::kBodyTooLarge: return "body_too_large";
    case Refusal::kMediaType: return "media_type";
    case Refusal::kEncoding: return "encoding";
    case Refusal::kOverloaded: return "overloaded";
    case Refusal::kMemory: return "memory";
    case Refusal::kExpired: return "expired";
  }
  return "unknown";
}

ServerStats Counters::Snapshot() const {
  ServerStats stats;
  stats.accepted = accepted;
  stats.requests = requests;
  stats.tls_failures = tls_failures;
  stats.handler_exceptions = handler_exceptions;
  for (std::size_t i = 0; i < kRefusals; ++i) stats.refused.at(i) = refused.at(i);
  stats.active = active;
  stats.silent = silent;
  stats.idle = idle;
  stats.in_flight = in_flight;
  stats.queued = queued;
  stats.buffered_bytes = buffered_bytes;
  return stats;
}

BufferLease::BufferLease(BufferLease&& other) noexcept
    : total_(other.total_), bytes_(std::exchange(other.bytes_, 0)) {}

void BufferLease::Set(std::size_t bytes) {
  // Modular arithmetic: adding the difference is right also when it is negative.
  if (bytes != bytes_) total_->fetch_add(static_cast<std::uint64_t>(bytes) - bytes_);
  bytes_ = bytes;
}

}  // namespace countersign::http
