// countersign-manifests REPO_ROOT: writes what is generated and committed: crds/ and
// docs/reference/. `make manifests` runs it; a unit test compares the files with the types.
#include <cstdio>
#include <string>

#include "cli/files.h"
#include "cli/reference.h"

int main(int argc, char** argv) {
  const std::string root = argc == 2 ? argv[1] : "";
  if (root.empty() || root.front() == '-') {  // "--help" would be a folder
    std::fprintf(stderr, "usage: countersign-manifests REPO_ROOT\n");
    return root == "--help" || root == "-h" ? 0 : 2;
  }
  const std::string folder = root + "/";
  for (const auto& [path, text] : countersign::GeneratedFiles()) {
    const auto written = countersign::WriteTextFile(folder + path, text);
    if (!written) {
      std::fprintf(stderr, "countersign-manifests: %s\n", written.error().ToString().c_str());
      return 2;
    }
    std::printf("%s\n", path.c_str());
  }
  return 0;
}
