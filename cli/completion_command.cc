#include <iostream>
#include <memory>

#include "cli/command.h"
#include "cli/completion.h"

namespace countersign {

void AddCompletion(CLI::App& app, Global& /*global*/, Run& run) {
  CLI::App* command =
      app.add_subcommand("completion", "Print a script that completes commands in your shell");
  auto shell = std::make_shared<std::string>();
  command->add_option("shell", *shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  command->callback([shell, &app, &run] {
    run = [shell, &app]() -> int {
      const std::string program = "countersign";
      std::cout << (*shell == "bash"  ? BashCompletion(app, program)
                    : *shell == "zsh" ? ZshCompletion(app, program)
                                      : FishCompletion(app, program));
      return kOk;
    };
  });
}

}  // namespace countersign
