#include "base/log.h"

#include <poll.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <mutex>

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

std::mutex records_mutex;  // so that lines do not mix

// One call for a line: a reader of the pipe that stops in between sees no half of one.
bool PutLine(std::string_view line) {
  std::string_view parts[] = {line, "\n"};
  while (!parts[1].empty()) {
    iovec vectors[2];
    for (int i = 0; i < 2; ++i) vectors[i] = {const_cast<char*>(parts[i].data()), parts[i].size()};
    const ssize_t n = writev(STDOUT_FILENO, vectors, 2);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    auto written = static_cast<std::size_t>(n);
    for (std::string_view& part : parts) {
      const std::size_t of_this = std::min(written, part.size());
      part.remove_prefix(of_this);
      written -= of_this;
    }
  }
  return true;
}

void PutRecord(std::string_view line) {
  if (PutLine(line)) return;
  if (lost_records.fetch_add(1) == 0) {
    Log(LogLevel::kError, "decision records cannot be written to stdout");
  }
}

std::shared_ptr<spdlog::logger> MakeLogger() {
  auto logger = std::make_shared<spdlog::logger>("countersign",
                                                 std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_pattern("%v");  // the line is complete and escaped before it gets here
  logger->flush_on(spdlog::level::trace);
  return logger;
}

spdlog::logger& LogSink() {
  static const auto logger = MakeLogger();
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

void WriteRecord(std::string_view line) {
  const std::lock_guard lock(records_mutex);
  PutRecord(line);
}

bool TryWriteRecord(std::string_view line) {
  // What a pipe that is writable takes at once (pipe(7)).
  if (line.size() >= PIPE_BUF) return false;
  const std::unique_lock lock(records_mutex, std::try_to_lock);
  pollfd out{STDOUT_FILENO, POLLOUT, 0};
  if (!lock.owns_lock() || poll(&out, 1, 0) == 0) return false;
  PutRecord(line);
  return true;
}

std::uint64_t LostRecords() { return lost_records; }

}  // namespace countersign
