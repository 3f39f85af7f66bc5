#include "webhook/http/workers.h"

#include <exception>
#include <utility>

#include "base/log.h"
#include "webhook/http/response.h"

namespace countersign::http {
namespace {

// Sixteen of these at once cost little beside what one of the greatest length does.
constexpr std::size_t kLongFrom = std::size_t{64} << 10;

bool IsLong(const Job& job) { return job.bytes.size() > kLongFrom; }

}  // namespace

Workers::Workers(int threads, std::size_t max_queued, std::chrono::milliseconds max_wait,
                 std::size_t long_bytes, std::size_t max_long_queued, Counters& counters,
                 Completion completion, const std::function<void()>& thread_begins)
    : max_queued_(max_queued),
      max_wait_(max_wait),
      long_bytes_(long_bytes),
      max_long_queued_(max_long_queued),
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
  std::unique_ptr<Job> gives_way;
  {
    const std::lock_guard lock(mutex_);
    if (stopped_ || !HasRoom(job)) return false;
    if (queued_ >= max_queued_) {
      gives_way = GiveWay(job.peer);
      if (gives_way == nullptr) return false;
    }
    if (queued_ == 0) waits_since_ = job.arrived;
    counters_.queued = ++queued_;
    (IsLong(job) ? long_ : short_).Push(std::move(job));
  }
  ready_.notify_one();
  if (gives_way != nullptr) {
    counters_.Count(Refusal::kOverloaded);
    completion_(gives_way->connection, TryAgain("too many requests are waiting"));
  }
  return true;
}

bool Workers::HasRoom(const Job& job) const {
  const bool is_long = IsLong(job);
  const std::deque<Job>* own = (is_long ? long_ : short_).Of(job.peer);
  if (own != nullptr && job.arrived - own->front().arrived > max_wait_) return false;
  if (!is_long || long_.bytes == 0) return true;
  // Who has none waiting may go beyond what the others must not.
  const std::size_t all = long_.bytes + job.bytes.size();
  if (own == nullptr) return all <= 2 * max_long_queued_;
  std::size_t of_own = job.bytes.size();
  for (const Job& one : *own) of_own += one.bytes.size();
  return all <= max_long_queued_ && of_own <= max_long_queued_ / 2;
}

std::unique_ptr<Job> Workers::GiveWay(const PeerAddress& peer) {
  const auto waiting = [](const Waiting& all, const PeerAddress& of) {
    const std::deque<Job>* queue = all.Of(of);
    return queue == nullptr ? 0 : queue->size();
  };
  std::size_t most = 0;
  PeerAddress of{};
  for (const Waiting* all : {&short_, &long_}) {
    for (const auto& [address, queue] : all->queues) {
      const std::size_t count = waiting(short_, address) + waiting(long_, address);
      if (count > most) {
        most = count;
        of = address;
      }
    }
  }
  if (most <= waiting(short_, peer) + waiting(long_, peer) + 1) return nullptr;
  Waiting& from = waiting(short_, of) > 0 ? short_ : long_;
  const auto queue = from.queues.find(of);
  auto who = std::make_unique<Job>(std::move(queue->second.back()));
  queue->second.pop_back();
  from.bytes -= who->bytes.size();
  if (queue->second.empty()) from.queues.erase(queue);
  --queued_;
  return who;
}

std::deque<Job>* Workers::Waiting::Next() {
  auto next = queues.upper_bound(turn);
  if (next == queues.end()) next = queues.begin();
  return next == queues.end() ? nullptr : &next->second;
}

const std::deque<Job>* Workers::Waiting::Of(const PeerAddress& peer) const {
  const auto found = queues.find(peer);
  return found == queues.end() ? nullptr : &found->second;
}

void Workers::Waiting::Push(Job&& job) {
  bytes += job.bytes.size();
  queues[job.peer].push_back(std::move(job));
}

std::unique_ptr<Job> Workers::Waiting::Take() {
  std::deque<Job>& queue = *Next();
  auto job = std::make_unique<Job>(std::move(queue.front()));
  queue.pop_front();
  bytes -= job->bytes.size();
  turn = job->peer;
  if (queue.empty()) queues.erase(turn);
  return job;
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
    short_ = {};
    long_ = {};
    queued_ = 0;
    waits_since_ = SteadyTime::max();
    counters_.queued = 0;
  }
  ready_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void Workers::Run() {
  for (;;) {
    std::unique_ptr<Job> job;
    SteadyTime now;
    {
      std::unique_lock lock(mutex_);
      ready_.wait(lock, [&] {
        if (!stopped_) job = TakeNext();
        return stopped_ || job != nullptr;
      });
      if (stopped_) return;
      now = std::chrono::steady_clock::now();
      counters_.queued = --queued_;
      waits_since_ = queued_ == 0 ? SteadyTime::max() : now;
    }
    completion_(job->connection, Serve(*job, now));
    if (!IsLong(*job)) continue;
    {
      const std::lock_guard lock(mutex_);
      long_under_way_ -= job->bytes.size();
    }
    ready_.notify_one();
  }
}

std::unique_ptr<Job> Workers::TakeNext() {
  const std::deque<Job>* shorts = short_.Next();
  const std::deque<Job>* longs = long_.Next();
  const bool fits =
      longs != nullptr &&
      (long_under_way_ == 0 || long_under_way_ + longs->front().bytes.size() <= long_bytes_);
  if (fits && (shorts == nullptr || longs->front().arrived < shorts->front().arrived)) {
    auto job = long_.Take();
    long_under_way_ += job->bytes.size();
    return job;
  }
  return shorts == nullptr ? nullptr : short_.Take();
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
