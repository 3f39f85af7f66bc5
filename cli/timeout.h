// timeout.h: an end for commands that wait for somebody else.
//
// A server that does not answer, a credential plugin that asks a question nobody sees, a pipe that
// nobody writes to: whatever it is, the process ends with kTimedOut after so long, as timeout(1)
// would do it. Output is written last, so none of it is half there.
#pragma once

#include <chrono>
#include <functional>
#include <optional>

#include "base/time.h"

namespace countersign {

// Runs `command`; when `limit` passes first, calls `expired` on another thread, which must end the
// process.
[[nodiscard]] int RunWithin(std::optional<Seconds> limit, const std::function<int()>& command,
                            const std::function<void()>& expired);

}  // namespace countersign
