// log.h: one JSON object a line, through spdlog.
//
// Logs go to stderr, decision records (audit) to stdout, so that neither can be taken for the
// other. Every value passes through the JSON encoder: no field's content can forge a line or
// another field. Secrets, object bodies and tokens are never given to this function. Thread-safe;
// synchronous.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <utility>

#include "base/json.h"

namespace countersign {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

struct LogField {
  std::string_view name;
  Json value;
};

// Lines below this level are dropped. Default: kInfo.
void SetLogLevel(LogLevel level);

// {"time":"…","level":"info","message":"…",<fields>}
void Log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields = {});

// One raw line on stdout, whole or not at all with respect to other threads. `line` must not
// contain a newline: a JSON encoder's output never does. What cannot be written is counted and said
// on stderr: a decision stands also where its record is lost, and somebody must hear of it.
void WriteRecord(std::string_view line);
// The same where it need not wait: false, with nothing written, while a pipe that nobody reads is
// full, another thread writes, or the line is longer than a pipe takes whole.
[[nodiscard]] bool TryWriteRecord(std::string_view line);
// Records that could not be written, since the start.
[[nodiscard]] std::uint64_t LostRecords();

}  // namespace countersign
