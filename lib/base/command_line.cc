#include "base/command_line.h"

#include <algorithm>
#include <cctype>
#include <iostream>
#include <vector>

namespace countersign {
namespace {

// The option of that name in `app` or in a command of it; null if there is none. No name is a
// switch in one command and takes a value in another.
const CLI::Option* FindOption(const CLI::App& app, const std::string& name) {
  if (const CLI::Option* option = app.get_option_no_throw(name); option != nullptr) return option;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (const CLI::Option* option = FindOption(*command, name); option != nullptr) return option;
  }
  return nullptr;
}

// "--name" of "--name=" and "-n" of "-n="; empty for all else.
std::string NameWithoutValue(const std::string& argument) {
  const auto end = argument.find('=');
  if (argument.front() != '-' || end + 1 != argument.size()) return {};
  std::string name = argument.substr(0, end);
  const bool is_long = name.size() > 2 && name[1] == '-';
  const bool is_short = name.size() == 2 && name[1] != '-';
  return is_long || is_short ? name : std::string();
}

}  // namespace

void ParseCommandLine(CLI::App& app, int argc, const char* const* argv) {
  std::vector<std::string> arguments;
  for (int i = 0; i < argc; ++i) {
    const std::string argument = argv[i];
    // Also after "--", which may be the value of an option.
    const std::string name = i == 0 || argument.empty() ? "" : NameWithoutValue(argument);
    const CLI::Option* option = name.empty() ? nullptr : FindOption(app, name);
    if (option == nullptr) {
      arguments.push_back(argument);
      continue;
    }
    if (option->get_items_expected_max() == 0) {
      throw CLI::ArgumentMismatch(name + " takes no value, so write it without '='");
    }
    arguments.push_back(name);
    arguments.emplace_back();
  }
  std::vector<const char*> pointers;
  pointers.reserve(arguments.size());
  for (const std::string& argument : arguments) pointers.push_back(argument.c_str());
  app.parse(static_cast<int>(pointers.size()), pointers.data());
}

std::string UsageProblem(const CLI::App& app, const CLI::ParseError& error) {
  const auto unknown = app.remaining(true);
  return unknown.empty() ? error.what() : "'" + unknown.front() + "' is not a command or flag";
}

int EndOfParsing(const CLI::App& app, const CLI::ParseError& error, const std::string& program) {
  if (error.get_exit_code() == 0) return app.exit(error);
  std::cerr << program << ": " << UsageProblem(app, error) << " (see " << program << " --help)\n";
  return 2;
}

CLI::Validator Given() {
  return {[](const std::string& value) -> std::string {
            if (value.empty()) return "must not be empty";
            const bool flag = value.size() > 2 && value.compare(0, 2, "--") == 0 &&
                              std::isalpha(static_cast<unsigned char>(value[2])) != 0 &&
                              value.find(' ') == std::string::npos;
            return flag ? "has the flag '" + value + "' for a value; is its own empty?" : "";
          },
          ""};
}

void CheckAllGiven(CLI::App& app) {
  for (CLI::Option* option : app.get_options()) {
    if (option->get_items_expected_max() > 0) option->check(Given());
  }
}

}  // namespace countersign
