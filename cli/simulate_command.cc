#include <iostream>
#include <memory>

#include "base/clock.h"
#include "cli/command.h"
#include "cli/simulation.h"
#include "cli/world_source.h"

namespace countersign {
namespace {

struct SimulateFlags {
  std::vector<std::string> files;
  std::vector<std::string> against;
  std::string now;
  std::string at;
  StampFlags stamps;
};

Result<Simulation> MakeSimulation(const SimulateFlags& flags, const Global& global) {
  auto now = TimeFlag(flags.now, "--now", SystemClock().Now());
  if (!now) return Fail(now.error());
  auto at = TimeFlag(flags.at, "--at", *now);
  if (!at) return Fail(at.error());
  if (*at < *now) {
    return Fail(Code::kInvalidArgument, "must not be before " + FormatTime(*now), "--at");
  }
  PolicySet changed;
  if (!flags.files.empty()) {
    auto policies = PoliciesFromFiles(flags.files);
    if (!policies) return Fail(policies.error());
    changed = std::move(*policies);
  }
  auto sourced = ReadWorld(flags.against, flags.stamps, global, *now);
  if (!sourced) return Fail(sourced.error());
  const World& world = sourced->world;
  if (world.deployments().empty() && sourced->unreadable.empty()) {
    return Fail(Code::kNotFound, "there is no ModelDeployment to simulate with");
  }
  Simulation simulation = Simulate(world, WithPolicies(world.policies(), changed, *at), *now, *at);
  simulation.unreadable = std::move(sourced->unreadable);
  simulation.assumptions = std::move(sourced->assumptions);
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
