// watch_lines.h: the body of a watch, event by event.
//
// Cuts the pieces of a streamed body into lines, one JSON event each, and passes them on to a
// WatchSink. Keeps what the state machine needs to know at the end: the last resourceVersion, the
// ERROR event, whether the initial list came to its end. Internal to watcher.cc. Not thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "kube/api_error.h"
#include "kube/transport.h"
#include "kube/watcher.h"

namespace countersign {

class Watcher::LineSink final : public BodySink {
 public:
  // `streaming`: an initial list comes first, with `initial_silence` until its end; afterwards
  // silence may last for `silence`.
  LineSink(WatchSink& sink, std::string resource_version, bool streaming,
           std::chrono::milliseconds initial_silence, std::chrono::milliseconds silence);

  bool Accept(std::string_view piece) override;
  [[nodiscard]] std::chrono::milliseconds IdleTimeout() const override;

  // What was wrong with the stream's content: an ERROR event, or a line that is no event.
  [[nodiscard]] const std::optional<ApiError>& error() const { return error_; }
  // Up to where the collection is known.
  [[nodiscard]] const std::string& resource_version() const { return resource_version_; }
  // The end bookmark of the initial list has not come yet.
  [[nodiscard]] bool initial() const { return initial_; }
  [[nodiscard]] std::size_t events() const { return events_; }
  // Anything at all was said, bookmarks included.
  [[nodiscard]] bool heard() const { return heard_; }

 private:
  bool AcceptLine(std::string_view line);
  bool Fail(std::string message);
  void AcceptBookmark(const Json& object);

  WatchSink& sink_;
  std::string resource_version_;
  bool initial_;
  const std::chrono::milliseconds initial_silence_;
  const std::chrono::milliseconds silence_;
  std::string buffer_;
  std::optional<ApiError> error_;
  std::size_t events_ = 0;
  bool heard_ = false;
};

}  // namespace countersign
