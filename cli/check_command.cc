#include <algorithm>
#include <iostream>
#include <memory>

#include "base/clock.h"
#include "cli/command.h"
#include "cli/offline.h"
#include "cli/render.h"

namespace countersign {
namespace {

struct CheckFlags {
  std::vector<std::string> files;
  std::string now;
};

std::string Subject(const OfflineDecision& d) { return d.name_space + "/" + d.name; }

void PrintTable(const std::vector<OfflineDecision>& decisions) {
  for (const OfflineDecision& d : decisions) {
    const Json json = DecisionJson(d.decision);
    std::cout << "ModelDeployment " << Printable(Subject(d)) << " (" << d.source
              << "): " << VerdictName(d.decision.verdict);
    if (!d.decision.environment.empty()) std::cout << " in environment " << d.decision.environment;
    std::cout << ", " << d.decision.GatesText() << " gates passed\n"
              << "  classes: " << ListText(Find(json, "classes"))
              << "\n  governed digest: " << d.decision.governed_digest << "\n";
    if (!d.decision.answers_note.empty()) {
      std::cout << "  note: " << Printable(d.decision.answers_note) << "\n";
    }
    std::cout << GatesText(*Find(json, "gates")) << "\n";
  }
  std::cout << "Checked offline, without a cluster. Taken for granted:\n";
  for (const std::string& line : OfflineAssumptions()) std::cout << "- " << line << "\n";
}

void PrintJson(const std::vector<OfflineDecision>& decisions) {
  Json list = Json::array();
  for (const OfflineDecision& d : decisions) {
    list.push_back({{"namespace", d.name_space},
                    {"name", d.name},
                    {"source", d.source},
                    {"decision", DecisionJson(d.decision)}});
  }
  std::cout << DumpJson({{"deployments", std::move(list)}, {"assumptions", OfflineAssumptions()}})
            << "\n";
}

int Check(const CheckFlags& flags, const Global& global) {
  OfflineOptions options;
  options.now = SystemClock().Now();
  options.name_space = global.name_space;
  if (!flags.now.empty()) {
    auto now = ParseTime(flags.now);
    if (!now) return Report({Code::kInvalidArgument, now.error().message, "--now", {}});
    options.now = *now;
  }
  auto manifests = ReadManifests(flags.files);
  if (!manifests) return Report(manifests.error());
  auto decisions = DecideOffline(*manifests, options);
  if (!decisions) return Report(decisions.error());
  if (decisions->empty()) {
    return Report({Code::kNotFound, "there is no ModelDeployment in the manifests", {}, {}});
  }
  if (global.IsJson()) {
    PrintJson(*decisions);
  } else {
    PrintTable(*decisions);
  }
  const bool serves = std::all_of(decisions->begin(), decisions->end(),
                                  [](const auto& d) { return d.decision.Serves(); });
  return serves ? kOk : kDenied;
}

}  // namespace

void AddCheck(CLI::App& app, Global& global, Run& run) {
  CLI::App* command = app.add_subcommand(
      "check",
      "Evaluate manifests offline, as webhook and operator would: exit code 0 all serve, 1 some "
      "would be denied or held, 2 error");
  AddOutput(*command, global, {"table", "json"});
  auto flags = std::make_shared<CheckFlags>();
  command
      ->add_option("-f,--filename", flags->files,
                   "file, folder (read recursively) or - for standard input; repeatable")
      ->required();
  command->add_option("--now", flags->now,
                      "evaluate as of this time (RFC 3339), to see what will have expired");
  command->callback(
      [flags, &global, &run] { run = [flags, &global] { return Check(*flags, global); }; });
}

}  // namespace countersign
