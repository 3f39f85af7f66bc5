#include "kube/watcher.h"

#include <algorithm>
#include <utility>

#include "kube/watch_lines.h"

namespace countersign {
namespace {

// The API server bounds a list at 60 s by default (--request-timeout).
constexpr std::chrono::milliseconds kListTimeout{60'000};
// Beyond what the server was asked for: it ends the watch itself, this is for when it does not.
constexpr std::chrono::seconds kWatchGrace{60};
// A streaming list that breaks off this often is taken in pages.
constexpr int kMaxUnfinishedLists = 3;
// client-go gives internal errors a minute before it lists anew; with the back-off that is about
// this many.
constexpr int kMaxInternalErrors = 6;

ApiError Cancelled() { return ApiError(Error{Code::kCancelled, "the watch was stopped", {}, {}}); }

// The server has not seen that resourceVersion yet, or (restored from a backup) never will.
bool IsResourceVersionTooLarge(const ApiError& error) {
  return std::any_of(error.causes.begin(), error.causes.end(), [](const StatusCause& cause) {
    return cause.reason == "ResourceVersionTooLarge";
  });
}

// The collection cannot be followed from where we were.
bool NeedsRelist(const ApiError& error) {
  if (error.code == Code::kExpired || IsResourceVersionTooLarge(error)) return true;
  return error.http_status >= 400 && error.http_status < 500 && error.http_status != 429 &&
         error.http_status != 401;
}

}  // namespace

Watcher::Watcher(const KubeClient& client, Clock& clock, WatchScope scope, WatchSink& sink,
                 WatchTimings timings, unsigned seed)
    : client_(client),
      clock_(clock),
      scope_(std::move(scope)),
      sink_(sink),
      timings_(timings),
      random_(seed),
      state_(Start()) {}

std::string_view Watcher::state() const {
  struct Name {
    std::string_view operator()(const Relist& /*state*/) const { return "Relist"; }
    std::string_view operator()(const Streaming& /*state*/) const { return "Streaming"; }
    std::string_view operator()(const Paging& /*state*/) const { return "Paging"; }
    std::string_view operator()(const Watching& /*state*/) const { return "Watching"; }
  };
  return std::visit(Name(), state_);
}

Watcher::State Watcher::Start() const {
  if (streaming_lists_) return Streaming{};
  return Relist{};
}

Watcher::StepResult Watcher::Step(std::stop_token stop) {
  if (stop.stop_requested()) return {Cancelled(), false, {}};
  const State state = state_;  // StepFrom assigns state_
  StepResult result = std::visit([&](const auto& from) { return StepFrom(from, stop); }, state);
  if (stop.stop_requested()) return {Cancelled(), false, {}};
  return result;
}

Watcher::StepResult Watcher::Again(State state, ApiError error) {
  state_ = std::move(state);
  const auto at_least = error.retry_after.value_or(std::chrono::seconds(0));
  return {std::move(error), true, at_least};
}

Watcher::StepResult Watcher::StepFrom(const Relist& state, std::stop_token stop) {
  sink_.Begin();
  return TakePage({}, state.whole, std::move(stop));
}

Watcher::StepResult Watcher::StepFrom(const Paging& state, std::stop_token stop) {
  return TakePage(state.next, false, std::move(stop));
}

Watcher::StepResult Watcher::StepFrom(const Streaming& /*state*/, std::stop_token stop) {
  sink_.Begin();
  return Watch({}, true, std::move(stop));
}

Watcher::StepResult Watcher::StepFrom(const Watching& state, std::stop_token stop) {
  return Watch(state.resource_version, false, std::move(stop));
}

Watcher::StepResult Watcher::TakePage(const std::string& next, bool whole, std::stop_token stop) {
  const ListOptions options{scope_.label_selector, scope_.field_selector,
                            whole ? 0 : kDefaultPageSize};
  auto page = client_.ListOnePage(scope_.resource, scope_.ns, options, next,
                                  {std::move(stop), kListTimeout});
  if (!page) {
    const bool expired = page.error().code == Code::kExpired;
    if (expired && !next.empty()) {
      state_ = Relist{.whole = true};
      return {std::move(page.error()), false, {}};
    }
    // A token outlives a lost connection, not a refusal.
    if (!next.empty() && !NeedsRelist(page.error())) {
      return Again(Paging{next}, std::move(page.error()));
    }
    return Again(Relist{whole}, std::move(page.error()));
  }
  for (Json& item : page->items) sink_.Initial(std::move(item));
  if (!page->next.empty()) {
    state_ = Paging{std::move(page->next)};
    return {};
  }
  sink_.Complete(page->resource_version);
  state_ = Watching{std::move(page->resource_version)};
  return {};
}

Watcher::StepResult Watcher::Watch(const std::string& resource_version, bool streaming,
                                   std::stop_token stop) {
  std::uniform_int_distribution<std::int64_t> spread(timings_.min_timeout.count(),
                                                     timings_.max_timeout.count());
  const std::chrono::seconds timeout(spread(random_));
  Query query{{"watch", "true"},
              {"allowWatchBookmarks", "true"},
              {"timeoutSeconds", std::to_string(timeout.count())}};
  if (streaming) {
    // Without a resourceVersion: the list is as fresh as a read from etcd.
    query.emplace_back("sendInitialEvents", "true");
    query.emplace_back("resourceVersionMatch", "NotOlderThan");
  } else {
    query.emplace_back("resourceVersion", resource_version);
  }
  if (!scope_.label_selector.empty()) query.emplace_back("labelSelector", scope_.label_selector);
  if (!scope_.field_selector.empty()) query.emplace_back("fieldSelector", scope_.field_selector);

  LineSink lines(sink_, resource_version, streaming, timings_.initial_silence,
                 timeout + timings_.idle_slack);
  const SteadyTime started = clock_.Steady();
  ApiStatus status = client_.Watch(scope_.resource, scope_.ns, query, lines,
                                   {std::move(stop), timeout + kWatchGrace});
  // What the stream said explains more than that we then hung up.
  if (const auto& spoken = lines.error(); spoken) status = tl::unexpected(*spoken);
  if (lines.initial()) return AfterInitial(std::move(status), lines);
  unfinished_lists_ = 0;
  if (lines.events() > 0) internal_errors_ = 0;
  return AfterWatch(std::move(status), lines, clock_.Steady() - started);
}

Watcher::StepResult Watcher::AfterInitial(ApiStatus status, const LineSink& lines) {
  if (!status) {
    const ApiError& error = status.error();
    // 422 is how servers without the WatchList feature answer; silence is how those answer that do
    // not even know the parameter.
    const bool unknown = error.http_status == 422 || error.http_status == 400;
    if (unknown || error.code == Code::kDeadlineExceeded) {
      streaming_lists_ = false;
      state_ = Relist{};
      return {};
    }
  }
  if (++unfinished_lists_ >= kMaxUnfinishedLists && lines.events() > 0) streaming_lists_ = false;
  if (!status) return Again(Start(), std::move(status.error()));
  return Again(
      Start(),
      ApiError(Error{Code::kUnavailable, "the watch ended before its initial list", {}, {}}));
}

Watcher::StepResult Watcher::AfterWatch(ApiStatus status, const LineSink& lines,
                                        std::chrono::nanoseconds lasted) {
  State here = Watching{lines.resource_version()};
  if (status && lines.events() == 0 && lasted < kVeryShortWatch) {
    return Again(std::move(here),
                 ApiError(Error{Code::kUnavailable, "the watch ended at once", {}, {}}));
  }
  if (status) {
    const bool forgotten = !lines.heard() && lasted >= kBookmarkDue;
    state_ = forgotten ? Start() : std::move(here);
    return {};
  }
  ApiError error = std::move(status.error());
  const bool bad_stream = lines.error() && error.http_status == 0;
  if (error.code == Code::kInternal && ++internal_errors_ >= kMaxInternalErrors) {
    internal_errors_ = 0;
    return Again(Start(), std::move(error));
  }
  if (NeedsRelist(error) || bad_stream) return Again(Start(), std::move(error));
  return Again(std::move(here), std::move(error));
}

std::chrono::milliseconds Watcher::NextBackoff(const StepResult& result) {
  const SteadyTime now = clock_.Steady();
  if (now - backed_off_at_ > kWatchBackoffReset) backoff_ = {};
  backoff_ =
      backoff_.count() == 0 ? kWatchBackoffInitial : std::min(backoff_ * 2, kWatchBackoffCap);
  std::uniform_int_distribution<std::int64_t> jitter(0, backoff_.count());
  const auto delay =
      std::max(backoff_ + std::chrono::milliseconds(jitter(random_)), result.at_least);
  backed_off_at_ = now + delay;
  return delay;
}

void Watcher::Run(const std::stop_token& stop,
                  const std::function<void(const ApiError&)>& on_error) {
  while (!stop.stop_requested()) {
    const StepResult result = Step(stop);
    if (stop.stop_requested()) return;
    if (result.error && on_error) on_error(*result.error);
    if (result.backoff) clock_.SleepFor(stop, NextBackoff(result));
  }
}

}  // namespace countersign
