// workers.h: the threads that run handlers, and the bounded queue in front of them.
//
// Thread-safe; TryAtOnce runs on the caller's thread. A handler's exception becomes a 500; a
// request whose deadline passed while it waited is not worth a handler and becomes a 503. Every job
// submitted is completed exactly once, unless Stop() discards what was still queued. Those of each
// address wait in a queue of their own, and these are served by turns, so that none waits for all
// that another address sends; where there is room for no more, the address that has most waiting
// gives way to one that has less. Long requests, which take many times their size while they are
// handled, wait apart from short ones, and of them only so many are handled at once as are not
// longer together than `long_bytes`; one always is.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "webhook/http/peer_address.h"
#include "webhook/http/request_head.h"
#include "webhook/http/stats.h"

namespace countersign::http {

struct Job {
  std::uint64_t connection;
  const Route* route;
  RequestHead head;
  std::string bytes;  // the whole request; the body begins at `body_at`
  std::size_t body_at;
  SteadyTime arrived;  // whole
  SteadyTime deadline;
  PeerAddress peer;
  BufferLease lease;  // of `bytes`
};

class Workers {
 public:
  using Completion = std::function<void(std::uint64_t connection, Response response)>;

  // `counters` outlives the workers. `completion` is called on their threads. Long requests that
  // wait are not longer together than `max_long_queued`, those of one address than half of that;
  // one always may.
  Workers(int threads, std::size_t max_queued, std::chrono::milliseconds max_wait,
          std::size_t long_bytes, std::size_t max_long_queued, Counters& counters,
          Completion completion, const std::function<void()>& thread_begins = {});
  ~Workers();  // Stop()

  // False when its queue stands still or there is no room; `job` is then untouched. What gave way
  // to it is completed with a 429.
  [[nodiscard]] bool TrySubmit(Job&& job);

  // What the route's `at_once`, which it has, answers; where it does not, the job must be
  // submitted.
  [[nodiscard]] std::optional<Response> TryAtOnce(const Job& job);

  // Since when requests have waited without one being taken up; in the far future when none waits.
  [[nodiscard]] SteadyTime WaitsSince() const;

  // Tells handlers to end, discards the queue, joins. Idempotent.
  void Stop();

 private:
  void Run();
  // The requests of one kind, by address, served by turns.
  struct Waiting {
    std::map<PeerAddress, std::deque<Job>> queues;  // none of them empty
    PeerAddress turn{};                             // whose was the last
    std::size_t bytes = 0;

    // The queue whose turn it is; null: nothing waits.
    [[nodiscard]] std::deque<Job>* Next();
    [[nodiscard]] const std::deque<Job>* Of(const PeerAddress& peer) const;
    void Push(Job&& job);
    [[nodiscard]] std::unique_ptr<Job> Take();  // the first of Next()
  };

  // Under mutex_.
  [[nodiscard]] bool HasRoom(const Job& job) const;
  // Takes back the last of the address that has most waiting; null if `peer` has as much.
  [[nodiscard]] std::unique_ptr<Job> GiveWay(const PeerAddress& peer);
  [[nodiscard]] std::unique_ptr<Job> TakeNext();  // null where there is none

  [[nodiscard]] Response Serve(const Job& job, SteadyTime now);
  // The handler's answer, or what the client is told of its exception.
  template <class Answer>
  [[nodiscard]] Answer Guarded(const Job& job, const std::function<Answer(const Request&)>& call);

  const std::size_t max_queued_;
  const std::chrono::milliseconds max_wait_;
  const std::size_t long_bytes_;
  const std::size_t max_long_queued_;
  Counters& counters_;
  const Completion completion_;
  std::stop_source stop_;
  mutable std::mutex mutex_;
  std::condition_variable ready_;
  Waiting short_;                               // under mutex_
  Waiting long_;                                // under mutex_
  std::size_t queued_ = 0;                      // of both; under mutex_
  std::size_t long_under_way_ = 0;              // bytes; under mutex_
  SteadyTime waits_since_ = SteadyTime::max();  // under mutex_
  bool stopped_ = false;                        // under mutex_
  std::vector<std::thread> threads_;
};

}  // namespace countersign::http
