#include "kube/small_file.h"

#include <cerrno>
#include <fstream>
#include <system_error>

namespace countersign {

Result<std::string> ReadSmallFile(const std::string& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    const int error = errno;
    return Fail(error == ENOENT ? Code::kNotFound : Code::kFailedPrecondition,
                "cannot read " + path + ": " + std::generic_category().message(error));
  }
  std::string text;
  char buffer[1 << 16];
  while (file.read(buffer, sizeof buffer), file.gcount() > 0) {
    text.append(buffer, static_cast<std::size_t>(file.gcount()));
    if (text.size() > kMaxSmallFile) {
      return Fail(Code::kFailedPrecondition, path + " is larger than 8 MiB");
    }
  }
  // A directory opens but does not read.
  if (file.bad() || !file.eof()) return Fail(Code::kFailedPrecondition, "cannot read " + path);
  return text;
}

std::string Trim(const std::string& text) {
  constexpr const char* kSpace = " \t\r\n\v\f";
  const auto begin = text.find_first_not_of(kSpace);
  if (begin == std::string::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

}  // namespace countersign
