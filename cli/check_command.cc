#include <algorithm>
#include <iostream>
#include <memory>

#include "base/clock.h"
#include "cli/command.h"
#include "cli/findings.h"
#include "cli/junit.h"
#include "cli/offline.h"
#include "cli/render.h"
#include "governance/policy_warnings.h"
#include "governance/types/policy.h"

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
    if (!d.decision.frame_digest.empty()) {
      std::cout << "  frame digest: " << d.decision.frame_digest << "\n";
      for (const PolicyRef& policy : d.decision.policies) {
        std::cout << "  digest of policy " << Printable(policy.name) << ": " << policy.digest
                  << "\n";
      }
    }
    if (!d.decision.answers_note.empty()) {
      std::cout << "  note: " << Printable(d.decision.answers_note) << "\n";
    }
    for (const ChangeNote& change : d.decision.changes) {
      std::cout << "  " << Printable(change.Text()) << "\n";
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
  Json answer = VersionedJson("CheckResult");
  answer["deployments"] = std::move(list);
  answer["assumptions"] = OfflineAssumptions();
  std::cout << DumpJson(answer) << "\n";
}

void Print(const std::string& format, const std::vector<OfflineDecision>& decisions,
           const std::vector<Manifest>& manifests) {
  if (format == "json") return PrintJson(decisions);
  if (format == "table") return PrintTable(decisions);
  if (format == "junit") {
    std::vector<JunitSuite> suites;
    suites.reserve(decisions.size());
    for (const OfflineDecision& d : decisions) {
      suites.push_back(SuiteOf(*Find(DecisionJson(d.decision), "gates"), Subject(d),
                               FindingsOf({d}, manifests)));
    }
    std::cout << JunitXml(suites);
    return;
  }
  const std::vector<Finding> findings = FindingsOf(decisions, manifests);
  if (format == "sarif") {
    std::cout << DumpJson(SarifLog(findings, true, OfflineAssumptions())) << "\n";
  } else {
    std::cout << GithubCommands(findings);
  }
}

// What policies most likely do not mean, as admission says when they are applied. Beside the
// result, which they do not change.
void WarnOfPolicies(const std::vector<Manifest>& manifests) {
  std::vector<std::shared_ptr<const GovernancePolicy>> policies;
  std::vector<std::string> sources;
  for (const Manifest& manifest : manifests) {
    if (StringAt(manifest.object, "kind") != GovernancePolicySpec::kKind) continue;
    auto policy = Decode<GovernancePolicySpec>(manifest.object);
    if (!policy) continue;
    policies.push_back(std::make_shared<const GovernancePolicy>(*std::move(policy)));
    sources.push_back(manifest.source);
  }
  for (std::size_t i = 0; i < policies.size(); ++i) {
    const auto say = [&](const std::vector<std::string>& warnings) {
      for (const std::string& warning : warnings) {
        std::cerr << "warning: " << Printable(sources[i] + ": " + warning) << "\n";
      }
    };
    say(PolicyWarnings(policies[i]->spec));
    say(SharedKeyWarnings(*policies[i], policies));
  }
}

// Formats that pipelines show beside the file carry the fault too; the exit code is kFailed.
int ReportFault(const Fault& fault, const std::string& format) {
  std::cout << FaultText(fault, format);
  return Report(fault);
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
  if (!manifests) return ReportFault(manifests.error(), global.output);
  auto decisions = DecideOffline(*manifests, options);
  if (!decisions) return ReportFault(decisions.error(), global.output);
  if (decisions->empty()) {
    Fault fault;
    fault.code = Code::kNotFound;
    fault.message = "there is no ModelDeployment in the manifests";
    return ReportFault(fault, global.output);
  }
  // What is stored under that name may be another revision.
  for (OfflineDecision& one : *decisions) {
    NameFile(one.decision, one.name_space, one.name, one.file);
  }
  WarnOfPolicies(*manifests);
  Print(global.output, *decisions, *manifests);
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
  AddOutput(*command, global, {"table", "json", "junit", "sarif", "github"});
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
