// event_recorder.h: tells users what happened to their objects, as Kubernetes Events.
//
// Writes events.k8s.io/v1 with series, as client-go's tools/events does: the first occurrence is
// created, the second turns it into a series, further ones are counted and written now and then.
// Best effort and short-lived (the API server drops events after an hour): never the record of a
// decision. Record only queues (at most kMaxQueuedEvents, then drops and counts); one thread
// writes. Thread-safe. The destructor stops the thread; what is queued then is dropped.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <tuple>

#include "base/clock.h"
#include "base/json.h"
#include "kube/client.h"

namespace countersign {

struct ObjectReference {
  std::string api_version{};
  std::string kind{};
  std::string ns{};
  std::string name{};
  std::string uid{};
  std::string resource_version{};

  [[nodiscard]] static ObjectReference To(const Json& object);
  friend auto operator<=>(const ObjectReference&, const ObjectReference&) = default;
};

enum class EventType { kNormal, kWarning };

struct Event {
  EventType type = EventType::kNormal;
  std::string reason{};  // UpperCamelCase, specific: "GateBlocked"
  std::string action{};  // what was being done: "EvaluateGate"
  std::string note{};    // for people; cut to kMaxEventNote bytes
  ObjectReference regarding{};
  std::optional<ObjectReference> related{};
};

inline constexpr std::size_t kMaxQueuedEvents = 1000;  // client-go: maxQueuedEvents
inline constexpr std::size_t kMaxEventNote = 1024;     // API validation of `note`
inline constexpr std::size_t kMaxEventField = 128;     // … of reason, action, controller, instance
// client-go tools/events: a series ends after 6 min without an occurrence; a running one is written
// every 30 min so that the event does not expire.
inline constexpr std::chrono::minutes kEventSeriesEnd{6};
inline constexpr std::chrono::minutes kEventSeriesRefresh{30};
inline constexpr int kMaxEventTries = 12;  // client-go: maxTriesPerEvent
// Series remembered at once; beyond it the longest silent one is forgotten.
inline constexpr std::size_t kMaxEventSeries = 4096;

class EventRecorder {
 public:
  // `controller` such as "countersign.dev/operator", `instance` such as the Pod's name. `client`
  // and `clock` must outlive the recorder.
  EventRecorder(const KubeClient& client, Clock& clock, std::string_view controller,
                std::string_view instance);
  ~EventRecorder();
  EventRecorder(const EventRecorder&) = delete;
  EventRecorder& operator=(const EventRecorder&) = delete;

  void Record(Event event);

  // Events lost because the queue was full or the server would not take them.
  [[nodiscard]] std::uint64_t dropped() const { return dropped_; }
  // Waits until everything queued was written or given up; false on `stop` or at `deadline`.
  bool Flush(std::stop_token stop, SteadyTime deadline);

 private:
  // What makes two events the same (client-go: eventKey).
  using Key = std::tuple<EventType, std::string, std::string, ObjectReference,
                         std::optional<ObjectReference>>;
  struct Series {
    ObjectKey object;  // the Event object
    int count = 1;     // occurrences so far
    int written = 1;   // … that the server knows of
    Time last_observed{};
    SteadyTime last_seen{};
    SteadyTime last_written{};
  };
  struct Queued {
    Event event;
    Time at{};
  };

  void Run(const std::stop_token& stop);
  void Write(const Queued& queued, const std::stop_token& stop);
  void Sweep(const std::stop_token& stop);
  bool WriteSeries(Series& series, const std::stop_token& stop);
  ApiStatus Try(const std::function<ApiResult<Json>(const Call&)>& write,
                const std::stop_token& stop);
  [[nodiscard]] Json NewEvent(const Queued& queued);

  const KubeClient& client_;
  Clock& clock_;
  const std::string controller_;
  const std::string instance_;
  // Writer thread only.
  std::map<Key, Series> series_;
  unsigned serial_ = 0;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Queued> queue_;
  bool busy_ = false;
  std::atomic<std::uint64_t> dropped_ = 0;
  std::jthread thread_;
};

}  // namespace countersign
