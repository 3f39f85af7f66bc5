#include <iostream>
#include <memory>

#include "base/clock.h"
#include "cli/command.h"
#include "cli/scan.h"
#include "cli/scan_source.h"

namespace countersign {
namespace {

struct ScanFlags {
  std::vector<std::string> files;
  ScanSourceFlags source;
};

int Scan(const ScanFlags& flags, const Global& global) {
  auto scanned = ReadScan(flags.files, flags.source, global);
  if (!scanned) return Report(scanned.error());
  ScanReport report = MakeScan(scanned->sourced.world, scanned->estate, scanned->scope);
  report.assumptions = scanned->sourced.assumptions;
  for (const std::string& one : scanned->sourced.unreadable) report.not_looked_at.push_back(one);
  if (global.IsJson()) {
    std::cout << DumpJson(ScanJson(report)) << "\n";
  } else {
    std::cout << ScanText(report);
  }
  if (!report.found.empty()) return kDenied;
  return report.not_looked_at.empty() ? kOk : kFailed;
}

}  // namespace

void AddScan(CLI::App& app, Global& global, Run& run) {
  CLI::App* command = app.add_subcommand(
      "scan",
      "List what serves a model outside of Countersign: exit code 0 nothing, 1 something, 2 error, "
      "or not all could be looked at");
  AddOutput(*command, global, {"table", "json"});
  auto flags = std::make_shared<ScanFlags>();
  command->add_option("-f,--filename", flags->files,
                      "workloads, policies, deployments and evidence from this file, folder or - "
                      "instead of the cluster; repeatable");
  AddScanSourceFlags(*command, flags->source);
  command->callback(
      [flags, &global, &run] { run = [flags, &global] { return Scan(*flags, global); }; });
}

}  // namespace countersign
