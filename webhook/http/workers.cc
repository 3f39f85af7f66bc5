#include "webhook/http/workers.h"

#include <exception>
#include <utility>

#include "base/log.h"
#include "webhook/http/response.h"

namespace countersign::http {
namespace {

// Sixteen of these at once cost little beside what one of the greatest length does.
constexpr std::size_t kLongFrom = std::size_t{64} << 10;

}  // namespace

Workers::Workers(int threads, std::size_t max_queued, std::chrono::milliseconds max_wait,
                 std::size_t long_bytes, Counters& counters, Completion completion,
                 const std::function<void()>& thread_begins)
    : max_queued_(max_queued),
      max_wait_(max_wait),
      long_bytes_(long_bytes),
      counters_(counters),
      completion_(std::move(completion)) {
  threads_.reserve(static_cast<std::size_t>(threads));
  for (int i = 0; i < threads; ++i) {
    threads_.emplace_back([this, thread_begins] {
      if (thread_begins) thread_begins();
      Run();
    });
  }
}

Workers::~Workers() { Stop(); }

bool Workers::TrySubmit(Job&& job) {
  {
    const std::lock_guard lock(mutex_);
    const std::size_t queued = queue_.size() + long_queue_.size();
    if (stopped_ || queued >= max_queued_) return false;
    std::deque<Job>& queue = QueueOf(job);
    if (!queue.empty() && job.arrived - queue.front().arrived > max_wait_) return false;
    if (queued == 0) waits_since_ = job.arrived;
    queue.push_back(std::move(job));
    counters_.queued = queued + 1;
  }
  ready_.notify_one();
  return true;
}

SteadyTime Workers::WaitsSince() const {
  const std::lock_guard lock(mutex_);
  return waits_since_;
}

void Workers::Stop() {
  stop_.request_stop();
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    queue_.clear();
    long_queue_.clear();
    waits_since_ = SteadyTime::max();
    counters_.queued = 0;
  }
  ready_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void Workers::Run() {
  for (;;) {
    std::optional<Job> job;
    SteadyTime now;
    {
      std::unique_lock lock(mutex_);
      std::deque<Job>* next = nullptr;
      ready_.wait(lock, [&] { return stopped_ || (next = Next()) != nullptr; });
      if (stopped_) return;
      job.emplace(std::move(next->front()));
      next->pop_front();
      if (next == &long_queue_) long_under_way_ += job->bytes.size();
      now = std::chrono::steady_clock::now();
      const std::size_t queued = queue_.size() + long_queue_.size();
      waits_since_ = queued == 0 ? SteadyTime::max() : now;
      counters_.queued = queued;
    }
    completion_(job->connection, Serve(*job, now));
    if (job->bytes.size() <= kLongFrom) continue;
    {
      const std::lock_guard lock(mutex_);
      long_under_way_ -= job->bytes.size();
    }
    ready_.notify_one();
  }
}

std::deque<Job>& Workers::QueueOf(const Job& job) {
  return job.bytes.size() > kLongFrom ? long_queue_ : queue_;
}

std::deque<Job>* Workers::Next() {
  const bool fits =
      !long_queue_.empty() &&
      (long_under_way_ == 0 || long_under_way_ + long_queue_.front().bytes.size() <= long_bytes_);
  if (!fits) return queue_.empty() ? nullptr : &queue_;
  if (queue_.empty()) return &long_queue_;
  return queue_.front().arrived <= long_queue_.front().arrived ? &queue_ : &long_queue_;
}

Response Workers::Serve(const Job& job, SteadyTime now) {
  if (now >= job.deadline) {
    counters_.Count(Refusal::kExpired);
    return PlainText(503, "the request waited longer than its caller does");
  }
  counters_.requests.fetch_add(1);
  return Guarded<Response>(job, job.route->handler);
}

std::optional<Response> Workers::TryAtOnce(const Job& job) {
  auto response = Guarded<std::optional<Response>>(job, job.route->at_once);
  if (response) counters_.requests.fetch_add(1);
  return response;
}

template <class Answer>
Answer Workers::Guarded(const Job& job, const std::function<Answer(const Request&)>& call) {
  const RequestHead& head = job.head;
  const Request request{head.method,      head.path,
                        head.query,       head.content_type,
                        head.traceparent, std::string_view(job.bytes).substr(job.body_at),
                        job.deadline,     stop_.get_token()};
  try {
    return call(request);
  } catch (const std::exception& e) {
    // For the operator's eyes only: the text may hold anything.
    Log(LogLevel::kError, "a request handler failed", {{"path", head.path}, {"error", e.what()}});
  } catch (...) {
    Log(LogLevel::kError, "a request handler failed", {{"path", head.path}});
  }
  counters_.handler_exceptions.fetch_add(1);
  return PlainText(500, "internal error");
}

}  // namespace countersign::http
