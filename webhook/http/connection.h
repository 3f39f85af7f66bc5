// connection.h: one connection's state: its phase, its buffers and the request being read.
//
//   kFresh -> kHandshake -> kIdle -> kReading -> kDispatched -> kWriting -> kIdle …
//                                        \-> kWriting (refused) -> kLingering -> closed
//
// Data and small steps that need no view of other connections; what to do when, and the deadlines,
// are the event loop's, which owns it. Not thread-safe.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "webhook/http/peer_address.h"
#include "webhook/http/routing.h"
#include "webhook/http/stats.h"
#include "webhook/http/transport.h"
#include "webhook/http/unique_fd.h"

namespace countersign::http {

enum class Phase {
  kFresh,       // accepted, not a byte yet: no TLS state is allocated
  kHandshake,   // TLS
  kIdle,        // between requests
  kReading,     // part of a request is here
  kDispatched,  // the request is with the workers
  kWriting,     // a response is leaving
  kLingering,   // the last response is out; input is discarded until the client closes
  kClosed,
};

// Of one address.
struct Peer {
  std::size_t connections = 0;
  std::size_t bytes = 0;  // that these hold
};

using Timers = std::multimap<SteadyTime, std::uint64_t>;  // deadline -> connection

struct Connection {
  Connection(std::uint64_t number, UniqueFd socket, const PeerAddress& from,
             std::shared_ptr<Peer> totals_of_peer, std::atomic<std::uint64_t>& buffered)
      : id(number),
        fd(std::move(socket)),
        peer(from),
        totals(std::move(totals_of_peer)),
        lease(buffered) {}

  const std::uint64_t id;
  UniqueFd fd;
  const PeerAddress peer;
  const std::shared_ptr<Peer> totals;
  std::unique_ptr<Transport> transport;  // uses fd; null while fresh
  Phase phase = Phase::kFresh;
  std::uint32_t interest = 0;  // epoll events asked for
  std::optional<Timers::iterator> timer;
  std::list<std::uint64_t>::iterator unproven_at;
  bool proven = false;    // has made a request that a handler answered
  SteadyTime retire_at;   // from here on, the next response is the last
  SteadyTime idle_until;  // of the wait for the next request, or of the one before

  // The request being read.
  SteadyTime began;   // its first byte; while idle, that of the one before; of none, the accept
  std::string in;     // its bytes, and perhaps of the next one
  BufferLease lease;  // of `in` and of what the transport holds of it
  std::size_t searched = 0;  // bytes of `in` known to hold no end of the head
  std::size_t head_size = 0;
  std::size_t request_size = 0;  // head and body; 0 until the head is there
  RequestHead head;
  const Route* route = nullptr;
  SteadyTime answer_by;  // when its caller stops waiting

  // The response being written.
  std::string out;
  std::string_view unsent;
  bool client_closes = false;  // asked for with the request that is answered
  bool close_after = false;

  [[nodiscard]] bool IsComplete() const { return request_size > 0 && in.size() >= request_size; }
  void CountBytes() { Hold(in.size() + (transport == nullptr ? 0 : transport->Held())); }
  void Hold(std::size_t bytes) {
    totals->bytes = totals->bytes - lease.Bytes() + bytes;
    lease.Set(bytes);
  }
  // Moves the complete request out; bytes of the next one stay in `in`.
  [[nodiscard]] std::string TakeRequest();
  // Forgets the request. Frees the buffer: an idle connection should cost next to nothing.
  void ResetRequest();
  void BeginResponse(std::string bytes, bool close);
};

}  // namespace countersign::http
