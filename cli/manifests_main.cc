// countersign-manifests REPO_ROOT: writes what is generated and committed: crds/ and
// docs/reference/. `make manifests` runs it; a unit test compares the files with the types.
#include <cstdio>
#include <string>

#include "cli/files.h"
#include "cli/reference.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: countersign-manifests REPO_ROOT\n");
    return 2;
  }
  for (const auto& [path, text] : countersign::GeneratedFiles()) {
    const auto written = countersign::WriteTextFile(std::string(argv[1]) + "/" + path, text);
    if (!written) {
      std::fprintf(stderr, "countersign-manifests: %s\n", written.error().ToString().c_str());
      return 2;
    }
    std::printf("%s\n", path.c_str());
  }
  return 0;
}
