#include <iostream>
#include <memory>

#include "catalog/resources.h"
#include "cli/command.h"
#include "cli/live.h"
#include "cli/matrix_text.h"
#include "cli/world_source.h"
#include "governance/in_force.h"

namespace countersign {
namespace {

struct MatrixFlags {
  std::vector<std::string> files;
  std::string use_case;
  StampFlags stamps;
};

Result<World> FromFiles(const MatrixFlags& flags, const Global& global, Time now) {
  auto sourced = WorldFromFiles(flags.files, global, now);
  if (!sourced) return Fail(sourced.error());
  return std::move(sourced->world);
}

Result<World> FromCluster(const MatrixFlags& flags, const Global& global,
                          const std::optional<ObjectKey>& use_case) {
  auto maker = StampMaker(flags.stamps);
  if (!maker) return Fail(maker.error());
  auto cluster = Cluster::Connect(global);
  if (!cluster) return Fail(cluster.error());
  World world({std::move(*maker), {}});
  if (auto read = ReadPolicies(**cluster, world); !read) return Fail(read.error());
  if (use_case) {
    auto manifest = GetManifest(**cluster, kUseCases, *use_case);
    if (!manifest) return Fail(manifest.error());
    if (auto added = world.Add(*manifest); !added) return Fail(Error(added.error()));
    auto sign_offs =
        ListManifests(**cluster, kSignOffs, use_case->ns, "spec.subject.useCase=" + use_case->name);
    if (!sign_offs) return Fail(sign_offs.error());
    if (auto added = world.AddAll(*sign_offs); !added) return Fail(Error(added.error()));
  }
  return world;
}

int PrintMatrix(const MatrixFlags& flags, const Global& global) {
  std::optional<ObjectKey> key;
  if (!flags.use_case.empty()) {
    auto parsed = KeyFlag(flags.use_case, "--use-case");
    if (!parsed) return Report(parsed.error());
    key = std::move(*parsed);
  }
  const Time now = SystemClock().Now();
  auto world =
      flags.files.empty() ? FromCluster(flags, global, key) : FromFiles(flags, global, now);
  if (!world) return Report(world.error());
  if (!world->policies().unreadable.empty()) {
    return Report({Code::kInvalidArgument, world->policies().unreadable.front(), {}, {}});
  }
  const PolicySet in_force = PoliciesInForce(world->policies(), now);
  if (in_force.policies.empty()) {
    return Report({Code::kNotFound,
                   world->policies().policies.empty()
                       ? "there is no GovernancePolicy"
                       : "no GovernancePolicy is in force: see countersign policies",
                   {},
                   {}});
  }
  MatrixView view;
  if (key) {
    auto use_case = world->FindUseCase(key->ns, key->name);
    if (!use_case) {
      return Report({Code::kNotFound, "there is no UseCase '" + key->ToString() + "'", {}, {}});
    }
    std::vector<AttestedSignOff> own;
    for (const AttestedSignOff& one : world->sign_offs()) {
      if (one.object->meta.name_space == key->ns) own.push_back(one);
    }
    UseCaseMatrix part = MatrixFor(in_force, use_case, own, now);
    view = {std::move(part.matrix), key->ToString(), std::move(part.classes)};
  } else {
    view.matrix = MatrixOf(in_force);
  }
  if (global.output == "json") {
    std::cout << DumpJson(MatrixJson(view)) << "\n";
  } else {
    std::cout << (global.output == "markdown" ? MatrixMarkdown(view) : MatrixTable(view));
  }
  return kOk;
}

}  // namespace

void AddMatrix(CLI::App& app, Global& global, Run& run) {
  CLI::App* command = app.add_subcommand(
      "matrix", "Print which measures the policies in force ask for, by risk class");
  auto flags = std::make_shared<MatrixFlags>();
  AddOutput(*command, global, {"table", "markdown", "json"});
  command->add_option("-f,--filename", flags->files,
                      "policies from this file, folder or - instead of the cluster; repeatable");
  command->add_option("--use-case", flags->use_case,
                      "only what concerns this UseCase, NAMESPACE/NAME, with who is accountable");
  AddStampFlags(*command, flags->stamps);
  command->callback(
      [flags, &global, &run] { run = [flags, &global] { return PrintMatrix(*flags, global); }; });
}

}  // namespace countersign
