#include <iostream>
#include <memory>

#include "base/clock.h"
#include "base/yaml.h"
#include "cli/command.h"
#include "cli/promotion.h"
#include "cli/render.h"
#include "cli/world_source.h"

namespace countersign {
namespace {

struct PromoteFlags {
  std::string name;
  std::vector<std::string> files;
  PromotionRequest request;
  std::string now;
  StampFlags stamps;
};

// `name_space` empty: wherever there is one of that name.
Result<const World::Deployment*> FindDeployment(const World& world, const std::string& name,
                                                const std::string& name_space) {
  std::vector<const World::Deployment*> found;
  std::vector<std::string> places;
  for (const World::Deployment& deployment : world.deployments()) {
    const ObjectMeta& meta = deployment.object->meta;
    if (meta.name != name || (!name_space.empty() && meta.name_space != name_space)) continue;
    found.push_back(&deployment);
    places.push_back(meta.name_space);
  }
  if (found.size() == 1) return found.front();
  if (found.empty()) {
    return Fail(Code::kNotFound,
                "there is no ModelDeployment '" + Excerpt(name) + "'" +
                    (name_space.empty() ? "" : " in namespace '" + name_space + "'"));
  }
  return Fail(Code::kInvalidArgument,
              "is required: '" + name + "' is in several namespaces: " + Joined(places),
              "--namespace");
}

int Promote(const PromoteFlags& flags, const Global& global) {
  auto now = TimeFlag(flags.now, "--now", SystemClock().Now());
  if (!now) return Report(now.error());
  std::string from = global.name_space;
  Result<SourcedWorld> sourced = Fail(Code::kInternal, "");
  if (!flags.files.empty()) {
    sourced = WorldFromFiles(flags.files, global, *now);
  } else {
    auto cluster = Cluster::Connect(global);
    if (!cluster) return Report(cluster.error());
    from = (*cluster)->name_space();
    sourced = WorldFromCluster(**cluster, flags.stamps);
  }
  if (!sourced) return Report(sourced.error());
  sourced->world.SettlePolicies(*now);
  const World& world = sourced->world;
  auto deployment = FindDeployment(world, flags.name, from);
  if (!deployment) return Report(deployment.error());
  auto to = PromotionNamespace(world, **deployment, flags.request);
  if (!to) return Report(to.error());
  const Json manifest = PromotedManifest(**deployment, *to);
  auto decision = JudgePromoted(world, manifest, *now);
  if (!decision) return Report(decision.error());
  std::cout << (global.IsJson() ? DumpJson(manifest) + "\n" : DumpYaml(manifest));
  std::cerr << PromotionText(*decision, *to + "/" + flags.name);
  for (const std::string& line : sourced->assumptions) std::cerr << "- " << line << "\n";
  return kOk;
}

}  // namespace

void AddPromote(CLI::App& app, Global& global, Run& run) {
  CLI::App* command = app.add_subcommand(
      "promote",
      "Print the next environment's ModelDeployment, and on standard error what it still needs");
  auto flags = std::make_shared<PromoteFlags>();
  command->add_option("name", flags->name, "ModelDeployment, in --namespace")->required();
  command->add_option("--to", flags->request.environment, "the next environment")->required();
  command->add_option("--to-namespace", flags->request.name_space,
                      "namespace there, where it has not just one");
  command->add_option("-f,--filename", flags->files,
                      "deployments, evidence and policies from this file, folder or - instead of "
                      "the cluster; repeatable");
  command->add_option("--now", flags->now, "take this time for now (RFC 3339)");
  AddStampFlags(*command, flags->stamps);
  AddOutput(*command, global, {"yaml", "json"});
  command->callback(
      [flags, &global, &run] { run = [flags, &global] { return Promote(*flags, global); }; });
}

}  // namespace countersign
