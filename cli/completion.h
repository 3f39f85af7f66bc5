// completion.h: scripts that let a shell complete our commands, flags and their values.
//
// Made from the tree of CLI11 that also parses, so that they cannot differ. Pure functions.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace countersign {

// `program` is the name under which the shell calls us.
[[nodiscard]] std::string BashCompletion(const CLI::App& app, const std::string& program);
[[nodiscard]] std::string ZshCompletion(const CLI::App& app, const std::string& program);
[[nodiscard]] std::string FishCompletion(const CLI::App& app, const std::string& program);

}  // namespace countersign
