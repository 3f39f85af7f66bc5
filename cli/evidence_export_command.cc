#include <iostream>
#include <memory>

#include "base/clock.h"
#include "base/digest.h"
#include "cli/cyclonedx.h"
#include "cli/evidence_command.h"
#include "cli/world_source.h"
#include "governance/evaluate.h"

namespace countersign {
namespace {

struct ExportFlags {
  std::vector<std::string> files;
  std::string name;
  bool cyclonedx = false;
  std::string now;
  StampFlags stamps;
};

Result<const World::Deployment*> Named(const World& world, const std::string& name,
                                       const std::string& name_space) {
  const World::Deployment* found = nullptr;
  for (const World::Deployment& one : world.deployments()) {
    if (one.object->meta.name != name ||
        (!name_space.empty() && one.object->meta.name_space != name_space)) {
      continue;
    }
    if (found != nullptr) {
      return Fail(Code::kInvalidArgument,
                  "there is a ModelDeployment '" + name + "' in more than one namespace: say which",
                  "--namespace");
    }
    found = &one;
  }
  if (found == nullptr) {
    return Fail(Code::kNotFound, "there is no ModelDeployment '" + name + "'", "name");
  }
  return found;
}

int Export(const ExportFlags& flags, const Global& global) {
  if (!flags.cyclonedx) {
    return Report({Code::kInvalidArgument, "say in which format: --cyclonedx", {}, {}});
  }
  auto now = TimeFlag(flags.now, "--now", SystemClock().Now());
  if (!now) return Report(now.error());
  auto sourced = ReadWorld(flags.files, flags.stamps, global, *now);
  if (!sourced) return Report(sourced.error());
  const World& world = sourced->world;
  auto deployment = Named(world, flags.name, global.name_space);
  if (!deployment) return Report(deployment.error());
  const Facts facts = world.FactsOf(**deployment, *now);
  const Decision decision = Evaluate(world.policies(), facts);
  const Json bom = CycloneDxBom({world.policies(), facts, decision, sourced->assumptions,
                                 NewUuid(SystemClock().Now()), COUNTERSIGN_VERSION});
  std::cout << DumpJson(bom) << "\n";
  // Beside the document, which goes into a file.
  for (const std::string& line : sourced->assumptions) {
    std::cerr << "taken for granted: " << line << "\n";
  }
  return kOk;
}

}  // namespace

void AddEvidenceExport(CLI::App& group, Global& global, Run& run) {
  CLI::App* command = group.add_subcommand(
      "export",
      "Write a deployment's bill of materials, with its gates as claims, the evidence "
      "that they rest on and the sign-offs as attestations");
  auto flags = std::make_shared<ExportFlags>();
  command->add_flag("--cyclonedx", flags->cyclonedx, "as CycloneDX 1.6 JSON (ML-BOM)");
  command->add_option("-f,--filename", flags->files,
                      "deployment, evidence and policies from this file, folder or - instead of "
                      "the cluster; repeatable");
  command->add_option("--now", flags->now, "take this time for now (RFC 3339)");
  command->add_option("name", flags->name, "ModelDeployment, in --namespace")->required();
  AddStampFlags(*command, flags->stamps);
  command->callback(
      [flags, &global, &run] { run = [flags, &global] { return Export(*flags, global); }; });
}

}  // namespace countersign
