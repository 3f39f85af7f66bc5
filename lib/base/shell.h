// shell.h: text as words of a command that a person pastes into a POSIX shell. Pure.
#pragma once

#include <string>

namespace countersign {

// `text` as one word, whatever is in it.
[[nodiscard]] std::string ShellQuoted(const std::string& text);

// The same, bare where nothing in it means anything to a shell.
[[nodiscard]] std::string ShellWord(const std::string& text);

}  // namespace countersign
