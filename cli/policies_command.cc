#include <iostream>
#include <memory>

#include "cli/command.h"
#include "cli/live.h"
#include "cli/policy_report.h"
#include "cli/stamps.h"

namespace countersign {
namespace {

struct PoliciesFlags {
  std::vector<std::string> files;
  std::string at;
  StampFlags stamps;
};

constexpr char kOnlyWhatIsLeft[] = "what was deleted before now is not known any more";

Result<World> FromFiles(const PoliciesFlags& flags, const Global& global, Time at) {
  auto manifests = ReadManifests(flags.files);
  if (!manifests) return Fail(Error(manifests.error()));
  World world({ClaimedMaker(at), global.name_space});
  if (auto added = world.AddAll(*manifests); !added) return Fail(Error(added.error()));
  return world;
}

Result<World> FromCluster(const PoliciesFlags& flags, const Global& global) {
  auto maker = StampMaker(flags.stamps);
  if (!maker) return Fail(maker.error());
  auto cluster = Cluster::Connect(global);
  if (!cluster) return Fail(cluster.error());
  World world({std::move(*maker), {}});
  if (auto read = ReadPolicies(**cluster, world); !read) return Fail(read.error());
  return world;
}

int PrintPolicies(const PoliciesFlags& flags, const Global& global) {
  const Time now = SystemClock().Now();
  Time at = now;
  if (!flags.at.empty()) {
    auto time = ParseTime(flags.at);
    if (!time) return Report({Code::kInvalidArgument, time.error().message, "--at", {}});
    at = *time;
  }
  auto world = flags.files.empty() ? FromCluster(flags, global) : FromFiles(flags, global, at);
  if (!world) return Report(world.error());
  if (world->policies().policies.empty()) {
    return Report({Code::kNotFound, "there is no GovernancePolicy", {}, {}});
  }
  PolicyReport report = ReportOn(world->policies(), at);
  if (flags.files.empty()) {
    if (auto assumed = StampAssumption(flags.stamps); !assumed.empty()) {
      report.assumptions.push_back(std::move(assumed));
    }
    if (at < now) report.assumptions.emplace_back(kOnlyWhatIsLeft);
  } else {
    report.assumptions.emplace_back(
        "nobody was authenticated: each SignOff counts as made by the signer it names, who counts "
        "as holding the role it names, and without creationTimestamp at this very time");
  }
  if (global.IsJson()) {
    std::cout << DumpJson(PolicyReportJson(report)) << "\n";
  } else {
    std::cout << PolicyReportText(report);
  }
  return report.unreadable.empty() ? kOk : kFailed;
}

}  // namespace

void AddPolicies(CLI::App& app, Global& global, Run& run) {
  CLI::App* command = app.add_subcommand(
      "policies", "Say which version of each policy is in force at a time, why, and who must sign");
  auto flags = std::make_shared<PoliciesFlags>();
  AddOutput(*command, global, {"table", "json"});
  command->add_option("-f,--filename", flags->files,
                      "policies and sign-offs from this file, folder or - instead of the cluster; "
                      "repeatable");
  command->add_option("--at", flags->at, "ask about this time (RFC 3339) instead of now");
  AddStampFlags(*command, flags->stamps);
  command->callback(
      [flags, &global, &run] { run = [flags, &global] { return PrintPolicies(*flags, global); }; });
}

}  // namespace countersign
