#include <algorithm>
#include <iostream>
#include <memory>

#include "base/clock.h"
#include "cli/command.h"
#include "cli/framework_text.h"
#include "cli/render.h"
#include "cli/world_source.h"

namespace countersign {
namespace {

struct ReportFlags {
  std::string framework;
  std::vector<std::string> files;
  std::string use_case;
  std::vector<std::string> environments;
  std::string at;
  StampFlags stamps;
};

Result<FrameworkReport> MakeReport(const ReportFlags& flags, const Global& global) {
  FrameworkReport report;
  auto framework = LoadFramework(flags.framework);
  if (!framework) return Fail(framework.error());
  report.framework = std::make_shared<const Framework>(std::move(*framework));
  const Time now = SystemClock().Now();
  auto at = TimeFlag(flags.at, "--at", now);
  if (!at) return Fail(at.error());
  report.at = *at;
  ReportScope scope;
  scope.environments = flags.environments;
  if (!flags.use_case.empty()) {
    auto key = KeyFlag(flags.use_case, "--use-case");
    if (!key) return Fail(key.error());
    scope.use_case = key->ToString();
  }
  // What states no time was there at the time that is asked about.
  auto sourced = ReadWorld(flags.files, flags.stamps, global, std::min(now, *at));
  if (!sourced) return Fail(sourced.error());
  report.unreadable = std::move(sourced->unreadable);
  report.assumptions = std::move(sourced->assumptions);
  JudgeControls(sourced->world, scope, report);
  if (report.deployments.empty() && report.unreadable.empty()) {
    return Fail(Code::kNotFound, report.left_out == 0
                                     ? "there is no ModelDeployment to report on"
                                     : "no ModelDeployment is of that use case and environment");
  }
  return report;
}

int PrintReport(const ReportFlags& flags, const Global& global) {
  auto report = MakeReport(flags, global);
  if (!report) return Report(report.error());
  if (global.IsJson()) {
    std::cout << DumpJson(ReportJson(*report)) << "\n";
  } else if (global.output == "html") {
    std::cout << ReportHtml(*report);
  } else {
    std::cout << (global.output == "markdown" ? ReportMarkdown(*report) : ReportTable(*report));
  }
  if (!report->Complete()) return kFailed;
  return report->Gaps() > 0 ? kDenied : kOk;
}

}  // namespace

void AddReport(CLI::App& app, Global& global, Run& run) {
  CLI::App* command = app.add_subcommand(
      "report",
      "Say how deployments stand towards a regulation's controls: exit code 0 no gap, 1 gaps, "
      "2 not evaluated, or error");
  AddOutput(*command, global, {"table", "markdown", "html", "json"});
  auto flags = std::make_shared<ReportFlags>();
  command->add_option("--framework", flags->framework, "the regulation, or a file of your own")
      ->type_name("{" + Joined(FrameworkNames(), ",") + "}")  // for help and completion
      ->required();
  command->add_option("-f,--filename", flags->files,
                      "deployments, evidence and policies from this file, folder or - instead of "
                      "the cluster; repeatable");
  command->add_option("--use-case", flags->use_case, "only this UseCase, NAMESPACE/NAME");
  command->add_option("--environment", flags->environments,
                      "only deployments in this environment; repeatable");
  command->add_option("--at", flags->at, "as of this time (RFC 3339) instead of now");
  AddStampFlags(*command, flags->stamps);
  command->callback(
      [flags, &global, &run] { run = [flags, &global] { return PrintReport(*flags, global); }; });
}

}  // namespace countersign
