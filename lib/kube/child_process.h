// child_process.h: runs a program and reads what it prints.
//
// No shell is involved: arguments reach the program as they are. The child inherits our environment
// and stderr, and neither our blocked signals nor our ignored SIGPIPE; it is killed if it still
// runs when its ChildProcess goes. One thread at a time.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

namespace countersign {

struct ChildCommand {
  std::string program;  // looked for in PATH
  std::vector<std::string> arguments;
  std::vector<std::pair<std::string, std::string>> variables;  // over our environment
  bool interactive = false;                                    // else stdin is /dev/null
};

// Why reading ended; kClosed: the child has closed its output, which most do by ending.
enum class ReadEnd { kClosed, kStopped, kTimeout, kTooMuch };

class ChildProcess {
 public:
  ChildProcess() = default;
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  // An errno value, 0 for success. Once a ChildProcess.
  [[nodiscard]] int Start(ChildCommand command);

  // Appends what it prints to `output`, until that has more than `most` bytes.
  [[nodiscard]] ReadEnd ReadAll(std::size_t most, std::chrono::seconds timeout,
                                std::stop_token stop, std::string& output);

  // Waits for the end; gives the wait status.
  int Reap();

 private:
  pid_t pid_ = -1;
  int output_ = -1;
};

}  // namespace countersign
