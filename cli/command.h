// command.h: what all subcommands share: global flags, exit codes, how a failure is told.
//
// A subcommand is one file: it declares its flags on the App and returns an exit code. Not
// thread-safe; a program runs one command.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

#include "base/result.h"

namespace countersign {

// What scripts see. kDenied: something would be refused, held or does not hold. kFailed: it could
// not be evaluated, which is never 0. kTimedOut is timeout(1)'s.
enum ExitCode { kOk = 0, kDenied = 1, kFailed = 2, kTimedOut = 124 };

struct Global {
  std::string name_space;
  std::string kubeconfig;
  std::string context;
  std::string timeout;           // a duration; empty: as long as it takes
  std::string output = "table";  // what AddOutput let through

  [[nodiscard]] bool IsJson() const { return output == "json"; }
};

// Runs after parsing; what it returns is the exit code.
using Run = std::function<int()>;

// Each adds its subcommand to `app` and sets `run` when that is the one that was called.
void AddAdopt(CLI::App& app, Global& global, Run& run);
void AddCheck(CLI::App& app, Global& global, Run& run);
void AddApprove(CLI::App& app, Global& global, Run& run);
void AddCompletion(CLI::App& app, Global& global, Run& run);
void AddDelegate(CLI::App& app, Global& global, Run& run);
void AddDigest(CLI::App& app, Global& global, Run& run);
void AddEvidence(CLI::App& app, Global& global, Run& run);
void AddExplain(CLI::App& app, Global& global, Run& run);
void AddKeygen(CLI::App& app, Global& global, Run& run);
void AddKeys(CLI::App& app, Global& global, Run& run);
void AddMatrix(CLI::App& app, Global& global, Run& run);
void AddInit(CLI::App& app, Global& global, Run& run);
void AddInstall(CLI::App& app, Global& global, Run& run);
void AddPolicies(CLI::App& app, Global& global, Run& run);
void AddPromote(CLI::App& app, Global& global, Run& run);
void AddReject(CLI::App& app, Global& global, Run& run);
void AddRelease(CLI::App& app, Global& global, Run& run);
void AddReport(CLI::App& app, Global& global, Run& run);
void AddScan(CLI::App& app, Global& global, Run& run);
void AddSign(CLI::App& app, Global& global, Run& run);
void AddSimulate(CLI::App& app, Global& global, Run& run);
void AddTest(CLI::App& app, Global& global, Run& run);
void AddTodo(CLI::App& app, Global& global, Run& run);
void AddVerify(CLI::App& app, Global& global, Run& run);
void AddVersion(CLI::App& app, Global& global, Run& run);

// Declares -o with the formats that `command` knows.
void AddOutput(CLI::App& command, Global& global, const std::vector<std::string>& formats);

// "countersign: <one clear sentence>" on standard error; gives kFailed.
int Report(const Error& error);

// "countersign", or "kubectl countersign" when kubectl started us as its plugin.
[[nodiscard]] std::string ProgramName(const std::string& argv0);

// Everything but the process: parses and runs.
[[nodiscard]] int RunProgram(int argc, const char* const* argv);

}  // namespace countersign
