#include "base/log.h"

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
  static const auto logger = MakeLogger<spdlog::sinks::stdout_sink_mt>();
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

}  // namespace countersign
