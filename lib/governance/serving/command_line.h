// command_line.h: what a command line runs, as far as its words say so. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace countersign {

// Longest command line that is looked through.
inline constexpr std::size_t kMaxCommandBytes = std::size_t{256} * 1024;

// What else is run in a container than its command: what hooks and probes execute.
inline constexpr const char* kExecutes[] = {"lifecycle/postStart/exec", "lifecycle/preStop/exec",
                                            "startupProbe/exec", "livenessProbe/exec",
                                            "readinessProbe/exec"};

// Command and arguments as one text of words, each apart by one space, as a shell would see them:
// quotes, and the end of a line that goes on, are nothing; or, between a word and what is quoted
// for another shell, an end.
struct Words {
  std::vector<std::string> list;
  std::string text;
  std::string unquoted;
  std::string listed;  // and between the items of a list in some code
  // As `text`, of what redirects something, without that: a shell takes it from between words.
  std::string undirected;
  std::size_t bytes = 0;  // above kMaxCommandBytes nothing more was looked at
};

void AddWords(const std::string& text, Words& words);
// Adds the texts that stand in the list `key` of `container`.
void AddWords(const Json& container, const char* key, Words& words);

// Whether `command` is run there: as words of their own, of which the first may be a path, and the
// last the beginning of a module's name. Modules are listed with commas, and so are hosts. What can
// name a host is one with a domain, or as the value of an option for a host.
[[nodiscard]] bool Runs(const Words& words, std::string_view command);

// One word, which a Service may be called by.
[[nodiscard]] bool CanNameAHost(std::string_view command);

}  // namespace countersign
