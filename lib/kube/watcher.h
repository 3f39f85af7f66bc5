// watcher.h: follows one collection of the API server from its full list through every change.
//
// An explicit state machine after client-go's reflector and kube-rs' watcher: Relist -> Paging ->
// Watching, or Streaming (a watch that sends the list first, sendInitialEvents) where the server
// has it. `Step` makes at most one API call, hands what it learns to the sink as it comes, and says
// how long to wait before the next step; `Run` is the loop around it, so tests drive Step without
// sockets or sleeping. Both forms of 410, dead streams, bookmarks, servers without streaming
// lists and servers restored from a backup are dealt with here. Errors are data for the loop: it
// never gives up before `stop`. Not thread-safe: one owner thread; the sink is called on it.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <random>
#include <stop_token>
#include <string>
#include <variant>

#include "base/clock.h"
#include "base/json.h"
#include "kube/client.h"
#include "kube/resource.h"

namespace countersign {

// What is followed. `ns` empty: all namespaces.
struct WatchScope {
  Resource resource{};
  std::string ns{};
  std::string label_selector{};
  std::string field_selector{};
};

// Receives the collection: Begin, Initial…, Complete, then Applied and Deleted; Begin again after a
// relist, or when one broke off. Between Begin and Complete the old content stays true, and a
// Deleted takes back an Initial.
class WatchSink {
 public:
  virtual ~WatchSink() = default;
  virtual void Begin() = 0;
  virtual void Initial(Json&& object) = 0;
  virtual void Complete(const std::string& resource_version) = 0;
  virtual void Applied(Json&& object) = 0;
  virtual void Deleted(Json&& object) = 0;
  // The collection is known up to this resourceVersion (after each change, and bookmarks).
  virtual void Progress(const std::string& resource_version) = 0;
};

// client-go's reflector: 800 ms doubling to 30 s with up to as much again of jitter, forgotten
// after two healthy minutes.
inline constexpr std::chrono::milliseconds kWatchBackoffInitial{800};
inline constexpr std::chrono::milliseconds kWatchBackoffCap{30'000};
inline constexpr std::chrono::milliseconds kWatchBackoffReset{120'000};
// A watch that ends sooner than this without an event is treated as a failure: some proxies answer
// watches with an empty 200.
inline constexpr std::chrono::milliseconds kVeryShortWatch{1'000};
// etcd refuses objects over 1.5 MiB; JSON may need several bytes for one.
inline constexpr std::size_t kMaxWatchLine = std::size_t{8} << 20;

// The API server sends a bookmark about once a minute. A watch that lasted this long without one is
// not merely quiet: most likely etcd was restored from a backup, so that our resourceVersion lies
// in its future and deletions would go unseen. (Seen on 1.37: such a watch is accepted and silent.)
inline constexpr std::chrono::seconds kBookmarkDue{150};

struct WatchTimings {
  // The server ends a watch after a random time in this range, which spreads reconnects.
  std::chrono::seconds min_timeout{240};
  std::chrono::seconds max_timeout{300};
  // Silence longer than the watch may last means that the stream is dead.
  std::chrono::seconds idle_slack{15};
  // A streaming list that stays silent this long before its end bookmark comes from a server that
  // ignores sendInitialEvents (before 1.27): the list is taken in pages instead.
  std::chrono::seconds initial_silence{30};
};

class Watcher {
 public:
  // What Step did and what to do next.
  struct StepResult {
    std::optional<ApiError> error;          // for the log; the state machine has dealt with it
    bool backoff = false;                   // wait before the next step
    std::chrono::milliseconds at_least{0};  // the server asked for this much (Retry-After)
  };

  // `client`, `clock` and `sink` must outlive the watcher. `seed` makes timeouts and jitter
  // repeatable in tests.
  Watcher(const KubeClient& client, Clock& clock, WatchScope scope, WatchSink& sink,
          WatchTimings timings = {}, unsigned seed = std::random_device{}());

  // One transition. kCancelled in `error` when `stop` was requested.
  StepResult Step(std::stop_token stop);

  // Steps until `stop`, backing off as Step says. `on_error` hears every error but cancellation.
  void Run(const std::stop_token& stop, const std::function<void(const ApiError&)>& on_error);

  // Name of the state: "Relist", "Paging", "Streaming" or "Watching". For logs and tests.
  [[nodiscard]] std::string_view state() const;

 private:
  struct Relist {
    bool whole = false;  // in one piece, because a continue token expired
  };
  struct Streaming {};
  struct Paging {
    std::string next;  // continue token
  };
  struct Watching {
    std::string resource_version;
  };
  using State = std::variant<Relist, Streaming, Paging, Watching>;
  class LineSink;

  StepResult StepFrom(const Relist& state, std::stop_token stop);
  StepResult StepFrom(const Streaming& state, std::stop_token stop);
  StepResult StepFrom(const Paging& state, std::stop_token stop);
  StepResult StepFrom(const Watching& state, std::stop_token stop);
  StepResult TakePage(const std::string& next, bool whole, std::stop_token stop);
  StepResult Watch(const std::string& resource_version, bool streaming, std::stop_token stop);
  StepResult AfterInitial(ApiStatus status, const LineSink& lines);
  StepResult AfterWatch(ApiStatus status, const LineSink& lines, std::chrono::nanoseconds lasted);
  StepResult Again(State state, ApiError error);
  [[nodiscard]] State Start() const;
  std::chrono::milliseconds NextBackoff(const StepResult& result);

  const KubeClient& client_;
  Clock& clock_;
  const WatchScope scope_;
  WatchSink& sink_;
  const WatchTimings timings_;
  std::minstd_rand random_;
  bool streaming_lists_ = true;  // false once the server was seen not to have them
  State state_;                  // after streaming_lists_, by which its first value is chosen
  int unfinished_lists_ = 0;     // streaming lists in a row that ended without their bookmark
  int internal_errors_ = 0;      // in a row, on one watch position
  std::chrono::milliseconds backoff_{0};
  SteadyTime backed_off_at_{};
};

}  // namespace countersign
