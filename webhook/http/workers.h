// workers.h: the threads that run handlers, and the bounded queue in front of them.
//
// Thread-safe; TryAtOnce runs on the caller's thread. A handler's exception becomes a 500; a
// request whose deadline passed while it waited is not worth a handler and becomes a 503. Every job
// submitted is completed exactly once, unless Stop() discards what was still queued. Long requests,
// which take many times their size while they are handled, have a queue of their own, and of them
// only so many are handled at once as are not longer together than `long_bytes`; one always is.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

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
  BufferLease lease;  // of `bytes`
};

class Workers {
 public:
  using Completion = std::function<void(std::uint64_t connection, Response response)>;

  // `counters` outlives the workers. `completion` is called on their threads.
  Workers(int threads, std::size_t max_queued, std::chrono::milliseconds max_wait,
          std::size_t long_bytes, Counters& counters, Completion completion,
          const std::function<void()>& thread_begins = {});
  ~Workers();  // Stop()

  // False when its queue stands still or both are full; `job` is then untouched.
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
  // Under mutex_. The queue whose first is to be taken up; null: there is none.
  [[nodiscard]] std::deque<Job>* Next();
  [[nodiscard]] std::deque<Job>& QueueOf(const Job& job);
  [[nodiscard]] Response Serve(const Job& job, SteadyTime now);
  // The handler's answer, or what the client is told of its exception.
  template <class Answer>
  [[nodiscard]] Answer Guarded(const Job& job, const std::function<Answer(const Request&)>& call);

  const std::size_t max_queued_;
  const std::chrono::milliseconds max_wait_;
  const std::size_t long_bytes_;
  Counters& counters_;
  const Completion completion_;
  std::stop_source stop_;
  mutable std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<Job> queue_;                       // under mutex_
  std::deque<Job> long_queue_;                  // under mutex_
  std::size_t long_under_way_ = 0;              // bytes; under mutex_
  SteadyTime waits_since_ = SteadyTime::max();  // under mutex_
  bool stopped_ = false;                        // under mutex_
  std::vector<std::thread> threads_;
};

}  // namespace countersign::http
