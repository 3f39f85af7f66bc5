// stats.h: the counters behind ServerStats, written by the event loop and the workers, read by
// whoever asks. Relaxed atomics: each number is right by itself, a snapshot is not one instant.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "webhook/http/server.h"

namespace countersign::http {

struct Counters {
  std::atomic<std::uint64_t> accepted = 0;
  std::atomic<std::uint64_t> requests = 0;
  std::atomic<std::uint64_t> tls_failures = 0;
  std::atomic<std::uint64_t> handler_exceptions = 0;
  std::array<std::atomic<std::uint64_t>, kRefusals> refused{};

  std::atomic<std::uint64_t> active = 0;
  std::atomic<std::uint64_t> silent = 0;
  std::atomic<std::uint64_t> idle = 0;
  std::atomic<std::uint64_t> in_flight = 0;
  std::atomic<std::uint64_t> queued = 0;
  std::atomic<std::uint64_t> buffered_bytes = 0;

  void Count(Refusal refusal) { refused.at(static_cast<std::size_t>(refusal)).fetch_add(1); }
  [[nodiscard]] ServerStats Snapshot() const;
};

// Holds `bytes` of a total while it lives, so that what a closed connection left in the queue is
// still counted. Move-only.
class BufferLease {
 public:
  explicit BufferLease(std::atomic<std::uint64_t>& total) : total_(&total) {}
  BufferLease(BufferLease&& other) noexcept;
  BufferLease& operator=(BufferLease&&) = delete;
  ~BufferLease() { Set(0); }

  void Set(std::size_t bytes);
  [[nodiscard]] std::size_t Bytes() const { return bytes_; }

 private:
  std::atomic<std::uint64_t>* total_;
  std::size_t bytes_ = 0;
};

}  // namespace countersign::http
