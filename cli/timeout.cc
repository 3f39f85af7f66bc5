#include "cli/timeout.h"

#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <thread>

namespace countersign {

int RunWithin(std::optional<Seconds> limit, const std::function<int()>& command,
              const std::function<void()>& expired) {
  if (!limit) return command();
  std::mutex mutex;
  std::condition_variable_any done;
  const std::jthread watch([&](const std::stop_token& stop) {
    std::unique_lock lock(mutex);
    done.wait_for(lock, stop, *limit, [] { return false; });
    if (!stop.stop_requested()) expired();
  });
  return command();
}

}  // namespace countersign
