#include <iostream>
#include <memory>

#include "catalog/resources.h"
#include "cli/command.h"
#include "cli/live.h"
#include "cli/offline.h"
#include "cli/simulation.h"
#include "cli/stamps.h"

namespace countersign {
namespace {

struct SimulateFlags {
  std::vector<std::string> files;
  std::vector<std::string> against;
  std::string now;
  std::string at;
  StampFlags stamps;
};

Result<Time> TimeFlag(const std::string& text, const std::string& flag, Time fallback) {
  if (text.empty()) return fallback;
  auto time = ParseTime(text);
  if (!time) return Fail(Code::kInvalidArgument, time.error().message, flag);
  return *time;
}

// Policies alone: what evidence would change is what `check` says.
Result<PolicySet> ChangedPolicies(const std::vector<std::string>& files) {
  if (files.empty()) return PolicySet{};
  auto manifests = ReadManifests(files);
  if (!manifests) return Fail(Error(manifests.error()));
  World world({ClaimedMaker({}), {}});
  for (const Manifest& manifest : *manifests) {
    if (StringAt(manifest.object, "kind") != GovernancePolicySpec::kKind) {
      return Fail(
          Code::kInvalidArgument,
          "must be a GovernancePolicy, is '" + Excerpt(StringAt(manifest.object, "kind")) + "'",
          manifest.source + ": kind");
    }
    if (auto added = world.Add(manifest); !added) return Fail(Error(added.error()));
  }
  if (world.policies().policies.empty()) {
    return Fail(Code::kNotFound, "there is no GovernancePolicy in the manifests");
  }
  return world.policies();
}

Result<World> FromCluster(const Cluster& cluster, const Maker& maker,
                          std::vector<std::string>& not_judged) {
  World world({maker, {}});
  for (const Resource& resource :
       {kGovernancePolicies, kUseCases, kModelDeployments, kSignOffs, kReproducibilitySnapshots,
        kBiasTests, kEvidence, kWaivers, kIncidents}) {
    auto manifests = ListManifests(cluster, resource, {});
    if (!manifests) return Fail(manifests.error());
    for (const Manifest& manifest : *manifests) {
      auto added = world.Add(manifest);
      if (added) continue;
      if (resource == kModelDeployments) {
        not_judged.push_back(added.error().ToString());
      } else {
        world.AddUnreadable(manifest, added.error());
      }
    }
  }
  return world;
}

Result<World> FromFiles(const SimulateFlags& flags, const Global& global, Time now) {
  auto manifests = ReadManifests(flags.against);
  if (!manifests) return Fail(Error(manifests.error()));
  World world({ClaimedMaker(now), global.name_space});
  if (auto added = world.AddAll(*manifests); !added) return Fail(Error(added.error()));
  return world;
}

Result<Simulation> MakeSimulation(const SimulateFlags& flags, const Global& global) {
  auto now = TimeFlag(flags.now, "--now", SystemClock().Now());
  if (!now) return Fail(now.error());
  auto at = TimeFlag(flags.at, "--at", *now);
  if (!at) return Fail(at.error());
  if (*at < *now) {
    return Fail(Code::kInvalidArgument, "must not be before " + FormatTime(*now), "--at");
  }
  auto changed = ChangedPolicies(flags.files);
  if (!changed) return Fail(changed.error());
  std::vector<std::string> not_judged;
  std::vector<std::string> assumptions;
  Result<World> world = Fail(Code::kInternal, "");
  if (!flags.against.empty()) {
    world = FromFiles(flags, global, *now);
    assumptions = OfflineAssumptions();
  } else {
    auto maker = StampMaker(flags.stamps);
    if (!maker) return Fail(maker.error());
    auto cluster = Cluster::Connect(global);
    if (!cluster) return Fail(cluster.error());
    world = FromCluster(**cluster, *maker, not_judged);
    if (auto assumed = StampAssumption(flags.stamps); !assumed.empty()) {
      assumptions.push_back(std::move(assumed));
    }
  }
  if (!world) return Fail(world.error());
  if (world->deployments().empty() && not_judged.empty()) {
    return Fail(Code::kNotFound, "there is no ModelDeployment to simulate with");
  }
  Simulation simulation = Simulate(*world, WithPolicies(world->policies(), *changed), *now, *at);
  simulation.unreadable = std::move(not_judged);
  simulation.assumptions = std::move(assumptions);
  return simulation;
}

int PrintSimulation(const SimulateFlags& flags, const Global& global) {
  auto simulation = MakeSimulation(flags, global);
  if (!simulation) return Report(simulation.error());
  if (global.IsJson()) {
    std::cout << DumpJson(SimulationJson(*simulation)) << "\n";
  } else {
    std::cout << SimulationText(*simulation);
  }
  if (!simulation->unreadable.empty()) return kFailed;
  return simulation->ForTheWorse() ? kDenied : kOk;
}

}  // namespace

void AddSimulate(CLI::App& app, Global& global, Run& run) {
  CLI::App* command = app.add_subcommand(
      "simulate",
      "Say what new policies, or time, would change for the deployments there are: exit code 0 "
      "nothing for the worse, 1 something, 2 error");
  AddOutput(*command, global, {"table", "json"});
  auto flags = std::make_shared<SimulateFlags>();
  auto* file = command->add_option("-f,--filename", flags->files,
                                   "policies that would be applied: file, folder or -; repeatable");
  command->add_option("--against", flags->against,
                      "deployments, evidence and policies in force from this file or folder "
                      "instead of the cluster; repeatable");
  auto* at = command->add_option("--at", flags->at, "look at this time (RFC 3339) instead of now");
  command->add_option("--now", flags->now, "take this time for now (RFC 3339)");
  AddStampFlags(*command, flags->stamps);
  command->callback([flags, file, at, &global, &run] {
    if (file->count() == 0 && at->count() == 0) throw CLI::RequiredError("-f or --at");
    run = [flags, &global] { return PrintSimulation(*flags, global); };
  });
}

}  // namespace countersign
