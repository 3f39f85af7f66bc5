#include "kube/watch_lines.h"

#include <utility>

namespace countersign {
namespace {

// metav1.InitialEventsAnnotationKey (KEP-3157).
constexpr std::string_view kInitialEventsEnd = "k8s.io/initial-events-end";

bool EndsInitialList(const Json& object) {
  const Json* annotations = FindPath(object, "metadata/annotations");
  const Json* value = annotations == nullptr ? nullptr : Find(*annotations, kInitialEventsEnd);
  return value != nullptr && *value == "true";
}

}  // namespace

Watcher::LineSink::LineSink(WatchSink& sink, std::string resource_version, bool streaming,
                            std::chrono::milliseconds initial_silence,
                            std::chrono::milliseconds silence)
    : sink_(sink),
      resource_version_(std::move(resource_version)),
      initial_(streaming),
      initial_silence_(initial_silence),
      silence_(silence) {}

std::chrono::milliseconds Watcher::LineSink::IdleTimeout() const {
  return initial_ ? initial_silence_ : silence_;
}

bool Watcher::LineSink::Fail(std::string message) {
  error_ = ApiError(Error{Code::kInternal, std::move(message), {}, {}});
  return false;
}

bool Watcher::LineSink::Accept(std::string_view piece) {
  while (true) {
    const auto newline = piece.find('\n');
    const auto part = piece.substr(0, newline);
    if (buffer_.size() + part.size() > kMaxWatchLine) return Fail("a watch event is over 8 MiB");
    if (newline == std::string_view::npos) {
      buffer_.append(part);
      return true;
    }
    bool go_on = true;
    if (buffer_.empty()) {
      go_on = AcceptLine(part);
    } else {
      buffer_.append(part);
      go_on = AcceptLine(buffer_);
      buffer_.clear();
    }
    if (!go_on) return false;
    piece.remove_prefix(newline + 1);
  }
}

bool Watcher::LineSink::AcceptLine(std::string_view line) {
  if (line.find_first_not_of(" \t\r") == std::string_view::npos) return true;
  auto event = ParseJson(line, kMaxServerJsonDepth);
  if (!event) return Fail("a watch event is not JSON: " + event.error().message);
  heard_ = true;
  const std::string type = StringAt(*event, "type");
  const auto object = event->find("object");
  if (object == event->end() || !object->is_object()) return Fail("a watch event has no object");
  if (type == "ERROR") {
    error_ = ApiErrorFromStatus(*object);
    return false;
  }
  if (type == "BOOKMARK") {
    AcceptBookmark(*object);
    return true;
  }
  const bool present = type == "ADDED" || type == "MODIFIED";
  if (!present && type != "DELETED") return true;  // of a later protocol
  ++events_;
  const std::string resource_version = ResourceVersionOf(*object);
  if (!present) {
    sink_.Deleted(std::move(*object));
  } else if (initial_) {
    // Not in order of resourceVersion: no position may be taken from these.
    sink_.Initial(std::move(*object));
  } else {
    sink_.Applied(std::move(*object));
  }
  if (!initial_ && !resource_version.empty()) {
    resource_version_ = resource_version;
    sink_.Progress(resource_version_);
  }
  return true;
}

void Watcher::LineSink::AcceptBookmark(const Json& object) {
  const std::string resource_version = ResourceVersionOf(object);
  if (resource_version.empty()) return;
  if (initial_) {
    if (!EndsInitialList(object)) return;
    initial_ = false;
    ++events_;
    sink_.Complete(resource_version);
  }
  resource_version_ = resource_version;
  sink_.Progress(resource_version_);
}

}  // namespace countersign
