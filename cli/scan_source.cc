#include "cli/scan_source.h"

#include "base/clock.h"
#include "catalog/serving_table.h"
#include "cli/offline.h"

namespace countersign {

void AddScanSourceFlags(CLI::App& command, ScanSourceFlags& flags) {
  command.add_option("--serving-profiles", flags.serving_profiles,
                     "the table of what serves models, if the webhook has another than the one "
                     "built in");
  command
      .add_option("--guard-elsewhere", flags.elsewhere,
                  "what the webhook's guard does in namespaces of no environment")
      ->check(CLI::IsMember({"Deny", "Warn", "Audit"}));
  command.add_option("--own-namespace", flags.own_namespace,
                     "where Countersign runs, which its guard exempts");
  command.add_option("--now", flags.now, "take this time for now (RFC 3339)");
  AddStampFlags(command, flags.stamps);
}

Result<Scanned> ReadScan(const std::vector<std::string>& files, const ScanSourceFlags& flags,
                         const Global& global) {
  auto table = LoadServingProfiles(flags.serving_profiles);
  if (!table) return Fail(table.error());
  auto now = TimeFlag(flags.now, "--now", SystemClock().Now());
  if (!now) return Fail(now.error());
  auto elsewhere = GuardModeNamed(flags.elsewhere, "--guard-elsewhere");
  if (!elsewhere) return Fail(elsewhere.error());
  ScanScope scope{*now, *elsewhere, flags.own_namespace};
  if (!files.empty()) {
    auto manifests = ReadManifests(files);
    if (!manifests) return Fail(Error(manifests.error()));
    SourcedWorld sourced{World({ClaimedMaker(*now), global.name_space}), {}, {}};
    sourced.assumptions = OfflineAssumptions();
    if (auto added = sourced.world.AddAll(*manifests); !added) return Fail(Error(added.error()));
    auto estate = EstateFromManifests(*manifests, *table, sourced.world, global.name_space);
    if (!estate) return Fail(Error(estate.error()));
    return Scanned{std::move(sourced), std::move(*estate), scope};
  }
  scope.name_space = global.name_space;
  auto cluster = Cluster::Connect(global);
  if (!cluster) return Fail(cluster.error());
  if (auto there = (*cluster)->CheckNamespace(global.name_space); !there) {
    return Fail(there.error());
  }
  auto sourced = WorldFromCluster(**cluster, flags.stamps);
  if (!sourced) return Fail(sourced.error());
  auto estate = EstateFromCluster(**cluster, *table, sourced->world, global.name_space);
  if (!estate) return Fail(estate.error());
  return Scanned{std::move(*sourced), std::move(*estate), scope};
}

}  // namespace countersign
