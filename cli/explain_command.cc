#include <iostream>
#include <memory>

#include "catalog/resources.h"
#include "cli/cluster.h"
#include "cli/command.h"
#include "cli/explanation.h"
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
  if (global.IsJson()) {
    std::cout << DumpJson(ExplanationJson(explanation)) << "\n";
  } else {
    std::cout << ExplanationText(explanation);
  }
  return kOk;
}

}  // namespace

void AddExplain(CLI::App& app, Global& global, Run& run) {
  CLI::App* command =
      app.add_subcommand("explain", "Say how a ModelDeployment's gates stand, and what to do next");
  AddOutput(*command, global, {"table", "json"});
  auto name = std::make_shared<std::string>();
  command->add_option("name", *name, "ModelDeployment, in --namespace")->required();
  command->callback(
      [name, &global, &run] { run = [name, &global] { return Explain(*name, global); }; });
}

}  // namespace countersign
