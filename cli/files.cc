#include "cli/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <system_error>

namespace countersign {
namespace {

std::string Reason(int code) { return std::generic_category().message(code); }

}  // namespace

Result<std::string> ReadTextFile(const std::string& path) {
  std::ifstream file;
  if (path != "-") {
    std::error_code ignored;
    if (std::filesystem::is_directory(path, ignored)) {
      return Fail(Code::kInvalidArgument, "cannot read '" + path + "': it is a directory");
    }
    file.open(path, std::ios::binary);
    if (!file) {
      return Fail(Code::kNotFound, "cannot read '" + path + "': " + Reason(errno));
    }
  }
  std::istream& in = path == "-" ? std::cin : file;
  std::string text;
  std::error_code unknown;
  // Growing would take twice the memory.
  if (const auto size = std::filesystem::file_size(path, unknown);
      path != "-" && !unknown && size <= kMaxFileBytes) {
    text.reserve(static_cast<std::size_t>(size));
  }
  char buffer[65536];
  while (in.read(buffer, sizeof buffer) || in.gcount() > 0) {
    text.append(buffer, static_cast<std::size_t>(in.gcount()));
    if (text.size() > kMaxFileBytes) {
      return Fail(Code::kInvalidArgument,
                  "'" + path + "' is larger than " + std::to_string(kMaxFileBytes >> 20U) + " MiB");
    }
  }
  if (in.bad()) return Fail(Code::kUnavailable, "cannot read '" + path + "' to its end");
  return text;
}

Status WriteTextFile(const std::string& path, std::string_view text) {
  std::error_code error;
  const auto parent = std::filesystem::path(path).parent_path();
  if (!parent.empty()) std::filesystem::create_directories(parent, error);
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(text.data(), static_cast<std::streamsize>(text.size()));
  file.close();
  if (!file) return Fail(Code::kUnavailable, "cannot write '" + path + "': " + Reason(errno));
  return {};
}

Status CreateSecretFile(const std::string& path, std::string_view text) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) {
    if (errno == EEXIST) {
      return Fail(Code::kAlreadyExists, "'" + path + "' exists already and is not overwritten");
    }
    return Fail(Code::kUnavailable, "cannot create '" + path + "': " + Reason(errno));
  }
  std::size_t done = 0;
  int failure = 0;
  while (done < text.size() && failure == 0) {
    const ssize_t wrote = ::write(fd, text.data() + done, text.size() - done);
    if (wrote < 0) {
      if (errno != EINTR) failure = errno;
    } else {
      done += static_cast<std::size_t>(wrote);
    }
  }
  if (failure == 0 && ::fsync(fd) != 0) failure = errno;
  if (::close(fd) != 0 && failure == 0) failure = errno;
  if (failure == 0) return {};
  ::unlink(path.c_str());
  return Fail(Code::kUnavailable, "cannot write '" + path + "': " + Reason(failure));
}

}  // namespace countersign
