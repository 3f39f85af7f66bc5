// command_line.h: how all programs read their arguments, with CLI11.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace countersign {

// As app.parse(), but an option's `--name=` (and `-n=`) has an empty value, as in kubectl: CLI11
// takes the next argument for it, so that `--rationale=$WHY --reject` with an empty WHY approves
// for the reason "--reject". A switch takes none: `--reject=` is refused. Throws as parse() does.
void ParseCommandLine(CLI::App& app, int argc, const char* const* argv);

// What is wrong, for one line: an unknown argument before what is missing.
[[nodiscard]] std::string UsageProblem(const CLI::App& app, const CLI::ParseError& error);

// For a program without commands: prints the help that was asked for, or "PROGRAM: …" on standard
// error, and gives its exit code, 0 or 2.
[[nodiscard]] int EndOfParsing(const CLI::App& app, const CLI::ParseError& error,
                               const std::string& program);

// For an option whose value decides something: refuses an empty one, as of a variable that is not
// set, and one that reads as a flag, as when that variable is not quoted either.
[[nodiscard]] CLI::Validator Given();

// The same for all options of `app`.
void CheckAllGiven(CLI::App& app);

}  // namespace countersign
