#include <iostream>

#include "base/json.h"
#include "cli/command.h"
#include "cli/render.h"
#include "governance/types/object.h"

namespace countersign {

void AddVersion(CLI::App& app, Global& global, Run& run) {
  CLI::App* command = app.add_subcommand("version", "Print the version of this program");
  AddOutput(*command, global, {"table", "json"});
  command->callback([&global, &run] {
    run = [&global] {
      if (global.IsJson()) {
        Json answer = VersionedJson("Version");
        answer.update({{"version", COUNTERSIGN_VERSION}, {"serves", std::string(kApiVersion)}});
        std::cout << DumpJson(answer) << "\n";
      } else {
        std::cout << "countersign " << COUNTERSIGN_VERSION << " (" << kApiVersion << ")\n";
      }
      return kOk;
    };
  });
}

}  // namespace countersign
