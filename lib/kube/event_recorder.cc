#include "kube/event_recorder.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "base/digest.h"

namespace countersign {
namespace {

// How often series are looked at, and the pause after a lost connection (client-go: sleepDuration).
constexpr std::chrono::seconds kSweepPeriod{60};
constexpr std::chrono::seconds kRetryPause{10};
constexpr std::size_t kMaxName = 253;  // RFC 1123 subdomain

// At most `size` bytes, not cut within a character.
std::string Cut(std::string_view text, std::size_t size) {
  if (text.size() <= size) return std::string(text);
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xC0) == 0x80) --size;
  return std::string(text.substr(0, size));
}

bool IsSubdomain(const std::string& name) {
  const auto alnum = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  if (name.empty() || name.size() > kMaxName) return false;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (alnum(name[i])) continue;
    const bool inside = i > 0 && i + 1 < name.size();
    if (!inside || (name[i] != '-' && name[i] != '.')) return false;
    if (name[i] == '.' && (!alnum(name[i - 1]) || !alnum(name[i + 1]))) return false;
  }
  return true;
}

Json ToJson(const ObjectReference& reference) {
  Json out = {
      {"apiVersion", reference.api_version}, {"kind", reference.kind}, {"name", reference.name}};
  if (!reference.ns.empty()) SetPath(out, "namespace", reference.ns);
  if (!reference.uid.empty()) SetPath(out, "uid", reference.uid);
  if (!reference.resource_version.empty()) {
    SetPath(out, "resourceVersion", reference.resource_version);
  }
  return out;
}

}  // namespace

ObjectReference ObjectReference::To(const Json& object) {
  const ObjectKey key = KeyOf(object);
  return {StringAt(object, "apiVersion"), StringAt(object, "kind"), key.ns, key.name, UidOf(object),
          ResourceVersionOf(object)};
}

EventRecorder::EventRecorder(const KubeClient& client, Clock& clock, std::string_view controller,
                             std::string_view instance)
    : client_(client),
      clock_(clock),
      controller_(Cut(controller, kMaxEventField)),
      instance_(Cut(instance, kMaxEventField)),
      thread_([this](const std::stop_token& stop) { Run(stop); }) {}

EventRecorder::~EventRecorder() {
  thread_.request_stop();
  thread_.join();
}

void EventRecorder::Record(Event event) {
  const std::lock_guard lock(mutex_);
  if (queue_.size() >= kMaxQueuedEvents) {
    ++dropped_;
    return;
  }
  queue_.push_back({std::move(event), clock_.Now()});
  changed_.notify_all();
}

bool EventRecorder::Flush(std::stop_token stop, SteadyTime deadline) {
  std::unique_lock lock(mutex_);
  return clock_.WaitUntil(lock, changed_, std::move(stop), deadline,
                          [this] { return queue_.empty() && !busy_; });
}

void EventRecorder::Run(const std::stop_token& stop) {
  SteadyTime next_sweep = clock_.Steady() + kSweepPeriod;
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    if (clock_.WaitUntil(lock, changed_, stop, next_sweep, [this] { return !queue_.empty(); })) {
      const Queued queued = std::move(queue_.front());
      queue_.pop_front();
      busy_ = true;
      lock.unlock();
      Write(queued, stop);
      lock.lock();
      busy_ = false;
      changed_.notify_all();
    }
    if (clock_.Steady() < next_sweep) continue;
    lock.unlock();
    Sweep(stop);
    lock.lock();
    next_sweep = clock_.Steady() + kSweepPeriod;
  }
}

void EventRecorder::Write(const Queued& queued, const std::stop_token& stop) {
  const Event& event = queued.event;
  ObjectReference regarding = event.regarding;
  regarding.resource_version.clear();  // the same object in another state is the same object
  const Key key{event.type, event.reason, event.action, regarding, event.related};
  const SteadyTime now = clock_.Steady();
  const auto found = series_.find(key);
  if (found != series_.end() && now - found->second.last_seen <= kEventSeriesEnd) {
    Series& series = found->second;
    ++series.count;
    series.last_observed = queued.at;
    series.last_seen = now;
    // The second turns the event into a series; more are written by Sweep.
    if (series.count > 2 || WriteSeries(series, stop)) return;
  }
  const Json object = NewEvent(queued);
  if (!Try([&](const Call& call) { return client_.Create(kEvents, object, {}, call); }, stop)) {
    ++dropped_;
    return;
  }
  if (series_.size() >= kMaxEventSeries && !series_.contains(key)) {
    series_.erase(std::min_element(
        series_.begin(), series_.end(),
        [](const auto& a, const auto& b) { return a.second.last_seen < b.second.last_seen; }));
  }
  series_.insert_or_assign(key, Series{KeyOf(object), 1, 1, queued.at, now, now});
}

// False when the event is gone from the server.
bool EventRecorder::WriteSeries(Series& series, const std::stop_token& stop) {
  const Json patch = {
      {"series",
       {{"count", series.count}, {"lastObservedTime", FormatMicroTime(series.last_observed)}}}};
  const auto written = Try(
      [&](const Call& call) {
        return client_.Patch(kEvents, series.object, PatchType::kMerge, patch, {}, call);
      },
      stop);
  if (!written && written.error().code == Code::kNotFound) return false;
  if (!written) ++dropped_;
  series.written = series.count;
  series.last_written = clock_.Steady();
  return true;
}

void EventRecorder::Sweep(const std::stop_token& stop) {
  for (auto it = series_.begin(); it != series_.end() && !stop.stop_requested();) {
    Series& series = it->second;
    const SteadyTime now = clock_.Steady();
    const bool over = now - series.last_seen > kEventSeriesEnd;
    const bool due = over || now - series.last_written > kEventSeriesRefresh;
    const bool gone = due && series.count > series.written && !WriteSeries(series, stop);
    it = over || gone ? series_.erase(it) : std::next(it);
  }
}

// Tries again only when there was no answer: what the server refuses once it refuses always.
ApiStatus EventRecorder::Try(const std::function<ApiResult<Json>(const Call&)>& write,
                             const std::stop_token& stop) {
  for (int tries = 1;; ++tries) {
    auto result = write({stop, kDefaultCallTimeout});
    if (result || result.error().code == Code::kAlreadyExists) return {};
    const bool lost = result.error().http_status == 0 && result.error().code != Code::kCancelled;
    if (!lost || tries >= kMaxEventTries || !clock_.SleepFor(stop, kRetryPause)) {
      return tl::unexpected(std::move(result.error()));
    }
  }
}

Json EventRecorder::NewEvent(const Queued& queued) {
  const Event& event = queued.event;
  // client-go: GenerateEventName. Our clock counts microseconds, so a serial number tells events
  // of the same one apart.
  char suffix[24];
  std::snprintf(suffix, sizeof suffix, ".%llx",
                static_cast<unsigned long long>(queued.at.time_since_epoch().count()) * 1000 +
                    serial_++ % 1000);
  std::string name = event.regarding.name.substr(0, kMaxName - sizeof suffix) + suffix;
  if (!IsSubdomain(name)) name = NewUuid(queued.at);
  const std::string ns = event.regarding.ns.empty() ? "default" : event.regarding.ns;
  Json out = {{"apiVersion", kEvents.ApiVersion()},
              {"kind", kEvents.kind},
              {"metadata", {{"name", name}, {"namespace", ns}}},
              {"eventTime", FormatMicroTime(queued.at)},
              {"reportingController", controller_},
              {"reportingInstance", instance_},
              {"action", Cut(event.action, kMaxEventField)},
              {"reason", Cut(event.reason, kMaxEventField)},
              {"type", event.type == EventType::kNormal ? "Normal" : "Warning"},
              {"note", Cut(event.note, kMaxEventNote)},
              {"regarding", ToJson(event.regarding)}};
  if (event.related) SetPath(out, "related", ToJson(*event.related));
  return out;
}

}  // namespace countersign
