#include "base/log.h"

#include <atomic>
#include <cstdio>

#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "base/clock.h"

namespace countersign {
namespace {

spdlog::level::level_enum Level(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug: return spdlog::level::debug;
    case LogLevel::kInfo: return spdlog::level::info;
    case LogLevel::kWarning: return spdlog::level::warn;
    case LogLevel::kError: return spdlog::level::err;
  }
  return spdlog::level::err;
}

std::atomic<std::uint64_t> lost_records = 0;

// spdlog's own sink for stdout does not look at whether a write succeeds.
class RecordSinkImpl : public spdlog::sinks::base_sink<std::mutex> {
 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    const bool written =
        std::fwrite(line.data(), 1, line.size(), stdout) == line.size() && std::fflush(stdout) == 0;
    if (written) return;
    std::clearerr(stdout);
    if (lost_records.fetch_add(1) == 0) {
      Log(LogLevel::kError, "decision records cannot be written to stdout");
    }
  }
  void flush_() override {}
};

template <class Sink>
std::shared_ptr<spdlog::logger> MakeLogger() {
  auto logger = std::make_shared<spdlog::logger>("countersign", std::make_shared<Sink>());
  logger->set_pattern("%v");  // the line is complete and escaped before it gets here
  logger->flush_on(spdlog::level::trace);
  return logger;
}

spdlog::logger& LogSink() {
  static const auto logger = MakeLogger<spdlog::sinks::stderr_sink_mt>();
  return *logger;
}

spdlog::logger& RecordSink() {
  static const auto logger = MakeLogger<RecordSinkImpl>();
  return *logger;
}

// Only ASCII: JSON allows U+2028, U+0085 and DEL as they are, but some readers of logs end a line
// there and terminals obey them.
std::string Encoded(const Json& value) {
  return value.dump(-1, ' ', true, Json::error_handler_t::replace);
}

}  // namespace

void SetLogLevel(LogLevel level) { LogSink().set_level(Level(level)); }

void Log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields) {
  spdlog::logger& sink = LogSink();
  if (!sink.should_log(Level(level))) return;
  std::string line = R"({"time":")" + FormatMicroTime(SystemClock().Now()) + R"(","level":")";
  const auto name = spdlog::level::to_string_view(Level(level));
  line.append(name.data(), name.size());
  line += R"(","message":)" + Encoded(Json(message));
  for (const LogField& field : fields) {
    line += ',' + Encoded(Json(field.name)) + ':' + Encoded(field.value);
  }
  line += '}';
  sink.log(Level(level), line);
}

void WriteRecord(std::string_view line) { RecordSink().log(spdlog::level::info, line); }

std::uint64_t LostRecords() { return lost_records; }

}  // namespace countersign
