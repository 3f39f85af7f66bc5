#include "webhook/http/workers.h"

#include <exception>
#include <utility>

#include "base/log.h"
#include "webhook/http/response.h"

namespace countersign::http {

Workers::Workers(int threads, std::size_t max_queued, std::chrono::milliseconds max_wait,
                 Counters& counters, Completion completion,
                 const std::function<void()>& thread_begins)
    : max_queued_(max_queued),
      max_wait_(max_wait),
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
    if (stopped_ || queue_.size() >= max_queued_) return false;
    if (!queue_.empty() && job.arrived - queue_.front().arrived > max_wait_) return false;
    if (queue_.empty()) waits_since_ = job.arrived;
    queue_.push_back(std::move(job));
    counters_.queued = queue_.size();
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
      ready_.wait(lock, [this] { return stopped_ || !queue_.empty(); });
      if (stopped_) return;
      job.emplace(std::move(queue_.front()));
      queue_.pop_front();
      now = std::chrono::steady_clock::now();
      waits_since_ = queue_.empty() ? SteadyTime::max() : now;
      counters_.queued = queue_.size();
    }
    completion_(job->connection, Serve(*job, now));
  }
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
