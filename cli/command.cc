#include "cli/command.h"

#include <unistd.h>

#include <iostream>

#include "base/command_line.h"
#include "base/time.h"
#include "cli/doctor_command.h"
#include "cli/timeout.h"

namespace countersign {
namespace {

std::string program = "countersign";  // as the user calls us; set once, before anything runs

// `code`, unless standard output took not all of what the command printed, as on a full disk.
int Written(int code) {
  std::cout.flush();
  if (std::cout.good()) return code;
  return Report({Code::kInternal,
                 "could not be written to the end: what is there is incomplete",
                 "standard output",
                 {}});
}

// "countersign approve": the command that was called, as far as it was understood.
std::string CommandText(const CLI::App& app) {
  std::string text = program;
  for (auto called = app.get_subcommands(); !called.empty();
       called = called.front()->get_subcommands()) {
    text += " " + called.front()->get_name();
  }
  return text;
}

}  // namespace

int Report(const Error& error) {
  std::string text = error.ToString();
  // Control characters of a server's message must not reach the terminal.
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 && c != '\n') c = ' ';
  }
  std::cerr << program << ": " << text << "\n";
  return kFailed;
}

void AddOutput(CLI::App& command, Global& global, const std::vector<std::string>& formats) {
  command.add_option("-o,--output", global.output, "format")->check(CLI::IsMember(formats));
}

std::string ProgramName(const std::string& argv0) {
  const std::string file = argv0.substr(argv0.find_last_of('/') + 1);
  return file.rfind("kubectl-", 0) == 0 ? "kubectl countersign" : "countersign";
}

int RunProgram(int argc, const char* const* argv) {
  program = ProgramName(argc > 0 ? argv[0] : "");
  CLI::App app(
      "Countersign: no model goes live without its evidence.\n"
      "Checks manifests, signs off, and says what a deployment still needs.",
      program);
  app.require_subcommand(1);
  app.fallthrough();
  Global global;
  app.add_option("-n,--namespace", global.name_space, "namespace; default: the context's");
  app.add_option("--kubeconfig", global.kubeconfig, "kubeconfig file; default: as kubectl");
  app.add_option("--context", global.context, "context of the kubeconfig");
  app.add_option("--timeout", global.timeout,
                 "end with exit code 124 after so long, e.g. 30s; default: never");
  Run run;
  AddAdopt(app, global, run);
  AddCheck(app, global, run);
  AddApprove(app, global, run);
  AddReject(app, global, run);
  AddCompletion(app, global, run);
  AddDelegate(app, global, run);
  AddDigest(app, global, run);
  AddDoctor(app, global, run);
  AddEvidence(app, global, run);
  AddExplain(app, global, run);
  AddMatrix(app, global, run);
  AddKeygen(app, global, run);
  AddKeys(app, global, run);
  AddInit(app, global, run);
  AddInstall(app, global, run);
  AddPolicies(app, global, run);
  AddPromote(app, global, run);
  AddRelease(app, global, run);
  AddReport(app, global, run);
  AddScan(app, global, run);
  AddSign(app, global, run);
  AddSimulate(app, global, run);
  AddTest(app, global, run);
  AddTodo(app, global, run);
  AddVerify(app, global, run);
  AddVersion(app, global, run);
  for (CLI::App* command : app.get_subcommands({})) command->fallthrough();
  app.set_version_flag("--version", program + " " COUNTERSIGN_VERSION);
  try {
    ParseCommandLine(app, argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return Written(app.exit(error));  // help was asked for
    return Report({Code::kInvalidArgument,
                   UsageProblem(app, error) + " (see " + CommandText(app) + " --help)",
                   {},
                   {}});
  }
  std::optional<Seconds> limit;
  if (!global.timeout.empty()) {
    auto parsed = ParseDuration(global.timeout);
    if (!parsed) return Report({Code::kInvalidArgument, parsed.error().message, "--timeout", {}});
    limit = *parsed;
  }
  return Written(RunWithin(limit, run, [&] {
    Report({Code::kDeadlineExceeded, "not done within " + global.timeout, {}, {}});
    ::_exit(kTimedOut);  // whoever is being waited for holds locks that an orderly end would need
  }));
}

}  // namespace countersign
