#include "cli/signing.h"

#include <unistd.h>

#include <iostream>

#include "catalog/resources.h"

namespace countersign {

Status CanConfirm(bool yes, const Global& global) {
  if (yes || (::isatty(STDIN_FILENO) != 0 && !global.IsJson())) return {};
  return Fail(Code::kInvalidArgument, "must be given where nobody can be asked to confirm",
              "--yes");
}

bool Confirmed(bool yes) {
  if (yes) return true;
  std::cout << "Sign? [y/N] " << std::flush;
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "y" || answer == "Y" || answer == "yes";
}

int CreateSignOffs(const Cluster& cluster, const std::vector<Json>& sign_offs, bool json) {
  Json created = Json::array();
  for (const Json& sign_off : sign_offs) {
    WriteOptions options;
    options.field_validation = "Strict";
    auto stored = cluster.client().Create(kSignOffs, sign_off, options);
    if (!stored) {
      return Report(cluster.Explain(
          "create the SignOff in namespace '" + StringAt(sign_off, "metadata/namespace") + "'",
          stored.error()));
    }
    if (!json) {
      std::cout << "signoff.countersign.dev/" << StringAt(*stored, "metadata/name")
                << " created in namespace " << StringAt(*stored, "metadata/namespace") << "\n";
    }
    created.push_back(std::move(*stored));
  }
  if (json) std::cout << DumpJson(created.size() == 1 ? created.front() : created) << "\n";
  return kOk;
}

}  // namespace countersign
