// replay.cc: runs a fuzz target once over files and the files of folders, without a fuzzer.
//
// What `make test` links the targets with: seeds and old findings stay good with every compiler,
// and with -max_len=BYTES none is longer than what a fuzzer would read of it.
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <string>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size);

namespace {

constexpr std::string_view kMaxLength = "-max_len=";
std::size_t max_length = std::numeric_limits<std::size_t>::max();

int Run(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string input(std::istreambuf_iterator<char>(file), {});
  // Before it runs: an abort must leave the name behind.
  std::fprintf(stderr, "%s\n", path.c_str());
  if (input.size() > max_length) {
    std::fprintf(stderr, "has %zu bytes: a fuzzer would cut it after %zu\n", input.size(),
                 max_length);
    std::exit(1);
  }
  LLVMFuzzerTestOneInput(reinterpret_cast<const unsigned char*>(input.data()), input.size());
  return 1;
}

}  // namespace

int main(int count, char** arguments) {
  int inputs = 0;
  for (int i = 1; i < count; ++i) {
    if (const std::string_view text = arguments[i]; text.starts_with(kMaxLength)) {
      max_length = std::strtoull(arguments[i] + kMaxLength.size(), nullptr, 10);
      continue;
    }
    if (std::filesystem::is_regular_file(arguments[i])) inputs += Run(arguments[i]);
    if (!std::filesystem::is_directory(arguments[i])) continue;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(arguments[i])) {
      if (entry.is_regular_file()) inputs += Run(entry.path());
    }
  }
  std::fprintf(stderr, "%d inputs\n", inputs);
  return inputs > 0 ? 0 : 1;
}
