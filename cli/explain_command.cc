#include <iostream>
#include <memory>

#include "catalog/resources.h"
#include "cli/cluster.h"
#include "cli/command.h"
#include "cli/explanation.h"
#include "cli/findings.h"
#include "governance/config_digest.h"
#include "governance/types/model_deployment.h"

namespace countersign {
namespace {

std::vector<ListedConfig> Configs(const Cluster& cluster, const Json& deployment) {
  std::vector<ListedConfig> out;
  const Json* listed = FindPath(deployment, "spec/serving/config");
  if (listed == nullptr || !listed->is_array()) return out;
  for (const Json& entry : *listed) {
    ListedConfig config{StringAt(entry, "name"), StringAt(entry, "digest"), {}, {}};
    auto object = cluster.client().Get(kConfigMaps,
                                       {StringAt(deployment, "metadata/namespace"), config.name});
    if (!object) {
      config.problem =
          object.error().code == Code::kNotFound ? "does not exist" : "cannot be read by you";
    } else if (auto digest = ConfigMapDigest(*object); digest) {
      config.found = std::move(*digest);
    } else {
      config.problem = digest.error().message;
    }
    out.push_back(std::move(config));
  }
  return out;
}

std::string Subject(const Json& deployment) {
  return StringAt(deployment, "metadata/namespace") + "/" + StringAt(deployment, "metadata/name");
}

void Print(const Explanation& explanation, const std::string& format) {
  if (format == "table") {
    std::cout << ExplanationText(explanation);
    return;
  }
  if (format == "json") {
    std::cout << DumpJson(ExplanationJson(explanation)) << "\n";
    return;
  }
  const std::string subject = Subject(explanation.deployment);
  const Json* found = FindPath(explanation.deployment, "status/gates");
  const Json gates = found != nullptr && found->is_array() ? *found : Json::array();
  const std::vector<Finding> findings = FindingsOf(gates, subject);
  if (format == "junit") {
    std::cout << JunitXml({SuiteOf(gates, subject, findings)});
  } else if (format == "sarif") {
    std::cout << DumpJson(SarifLog(findings, IsObserved(explanation.deployment), {})) << "\n";
  } else {
    std::cout << GithubCommands(findings);
  }
}

// By the operator's verdict; of a generation that it has not looked at nothing is known.
ExitCode Outcome(const Explanation& explanation) {
  const std::string verdict = StringAt(explanation.deployment, "status/verdict");
  if (!IsObserved(explanation.deployment) || verdict.empty()) {
    Report({Code::kFailedPrecondition,
            "the operator has not evaluated this generation of ModelDeployment '" +
                Subject(explanation.deployment) + "' yet",
            {},
            {}});
    return kFailed;
  }
  const bool serves =
      verdict == VerdictName(Verdict::kAllow) || verdict == VerdictName(Verdict::kWarn);
  return serves ? kOk : kDenied;
}

int Explain(const std::string& name, const Global& global) {
  auto cluster = Cluster::Connect(global);
  if (!cluster) return Report(cluster.error());
  auto object = (*cluster)->Get(kModelDeployments, {(*cluster)->name_space(), name});
  if (!object) return Report(object.error());
  Explanation explanation;
  if (const Json* spec = Find(*object, "spec"); spec != nullptr) {
    if (auto digest = GovernedDigest(*spec); digest) explanation.governed_digest = *digest;
  }
  explanation.configs = Configs(**cluster, *object);
  explanation.deployment = std::move(*object);
  Print(explanation, global.output);
  return Outcome(explanation);
}

}  // namespace

void AddExplain(CLI::App& app, Global& global, Run& run) {
  CLI::App* command =
      app.add_subcommand("explain",
                         "Say how a ModelDeployment's gates stand, and what to do next: exit code "
                         "0 it may serve, 1 it is denied or held, 2 not evaluated yet, or error");
  AddOutput(*command, global, {"table", "json", "junit", "sarif", "github"});
  auto name = std::make_shared<std::string>();
  command->add_option("name", *name, "ModelDeployment, in --namespace")->required();
  command->callback(
      [name, &global, &run] { run = [name, &global] { return Explain(*name, global); }; });
}

}  // namespace countersign
