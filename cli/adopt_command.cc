#include <algorithm>
#include <chrono>
#include <iostream>
#include <memory>
#include <thread>

#include "base/shell.h"
#include "base/yaml.h"
#include "catalog/resources.h"
#include "catalog/serving_table.h"
#include "cli/adoption.h"
#include "cli/adoption_files.h"
#include "cli/command.h"
#include "cli/handover.h"
#include "cli/render.h"
#include "cli/scan_source.h"
#include "cli/simulation.h"
#include "governance/config_digest.h"
#include "governance/in_force.h"

namespace countersign {
namespace {

constexpr char kFieldManager[] = "countersign-adopt";

struct AdoptFlags {
  std::vector<std::string> files;
  std::vector<std::string> toward;
  std::vector<std::string> models;
  std::vector<std::string> images;
  std::string folder;
  bool apply = false;
  bool retire = false;
  ScanSourceFlags source;
  AdoptionOptions options;
};

// "NAMESPACE/NAME=oci://…@sha256:…"
Status TakeModel(const std::string& text, AdoptionOptions& options) {
  const auto equals = text.find('=');
  const std::string key = text.substr(0, equals);
  const std::string uri = equals == std::string::npos ? "" : text.substr(equals + 1);
  if (!KeyFlag(key, "--model") || !uri.starts_with("oci://") || NormaliseUri(uri).digest.empty()) {
    return Fail(
        Code::kInvalidArgument,
        "must be NAMESPACE/NAME=oci://REPOSITORY@sha256:<64 digits>, is '" + Excerpt(text) + "'",
        "--model");
  }
  options.said[key].model = uri;
  return {};
}

// "NAMESPACE/NAME/CONTAINER=REPOSITORY@sha256:…"
Status TakeImage(const std::string& text, AdoptionOptions& options) {
  const auto equals = text.find('=');
  const std::string path = text.substr(0, equals);
  const auto slash = path.rfind('/');
  const std::string image = equals == std::string::npos ? "" : text.substr(equals + 1);
  if (slash == std::string::npos || slash + 1 == path.size() ||
      !KeyFlag(path.substr(0, slash), "--image") || !NormaliseImage(image).pinned) {
    return Fail(Code::kInvalidArgument,
                "must be NAMESPACE/NAME/CONTAINER=REPOSITORY@sha256:<64 digits>, is '" +
                    Excerpt(text) + "'",
                "--image");
  }
  options.said[path.substr(0, slash)].images[path.substr(slash + 1)] = image;
  return {};
}

Status CheckOptions(const AdoptFlags& flags, AdoptionOptions& options) {
  for (const std::string& one : flags.models) {
    if (auto taken = TakeModel(one, options); !taken) return taken;
  }
  for (const std::string& one : flags.images) {
    if (auto taken = TakeImage(one, options); !taken) return taken;
  }
  if (!options.use_case.empty()) {
    if (auto key = KeyFlag(options.use_case, "--use-case"); !key) return Fail(key.error());
  }
  for (const auto& [text, flag] : {std::pair{options.policy, "--policy"},
                                   {options.environment, "--environment"},
                                   {"x" + options.suffix, "--suffix"}}) {
    if (MatchesFormat(Format::kName, text) && !options.suffix.empty()) continue;
    return Fail(Code::kInvalidArgument, "must be lower-case letters, digits and '-'", flag);
  }
  if (!options.home.empty() && !MatchesFormat(Format::kName, options.home)) {
    return Fail(Code::kInvalidArgument, "must be the name of a namespace", "--home");
  }
  if (flags.apply && !flags.files.empty()) {
    return Fail(Code::kInvalidArgument, "needs the cluster, not files", "--apply");
  }
  return {};
}

// ConfigMaps that the workloads name, as far as they may be read.
void ReadConfigs(const Cluster& cluster, const Estate& estate, AdoptionSurroundings& around) {
  for (const Json& manifest : estate.manifests) {
    if (manifest.is_null()) continue;
    const std::string ns = StringAt(manifest, "metadata/namespace");
    for (const std::string& name : PinTemplate(manifest, {}, {}, {}, {}).config_maps) {
      std::string key = ns;
      key.append("/").append(name);
      if (around.config_digests.contains(key)) continue;
      const auto object = cluster.client().Get(kConfigMaps, {ns, name});
      if (!object) continue;
      if (auto digest = ConfigMapDigest(*object)) around.config_digests[key] = *digest;
    }
  }
}

// The mode that the webhook's own flag gives, if its Deployment can be read.
std::optional<GuardMode> ElsewhereOf(const Cluster& cluster, const std::string& own_namespace) {
  const auto page = cluster.client().List(kDeployments, own_namespace);
  if (!page) return std::nullopt;
  constexpr std::string_view kFlag = "--guard-elsewhere";
  for (const Json& deployment : page->items) {
    const Json* containers = FindPath(deployment, "spec/template/spec/containers");
    for (const Json& container : containers != nullptr ? *containers : Json::array()) {
      const Json* args = Find(container, "args");
      bool next = false;
      for (const Json& arg : args != nullptr ? *args : Json::array()) {
        const std::string text = arg.is_string() ? arg.get<std::string>() : std::string();
        std::string value = next ? text : std::string();
        if (text.starts_with(std::string(kFlag) + "=")) value = text.substr(kFlag.size() + 1);
        next = text == kFlag;
        if (value.empty()) continue;
        if (auto mode = GuardModeNamed(value, std::string(kFlag))) return *mode;
      }
    }
  }
  return std::nullopt;
}

Result<AdoptionSurroundings> Around(const AdoptFlags& flags, const Global& global,
                                    Scanned& scanned) {
  AdoptionSurroundings around;
  if (!flags.files.empty()) {
    auto manifests = ReadManifests(flags.files);
    if (!manifests) return Fail(Error(manifests.error()));
    for (Manifest& manifest : *manifests) {
      Json& object = manifest.object;
      if (StringAt(object, "apiVersion") != "v1") continue;
      if (StringAt(object, "metadata/namespace").empty()) {
        SetPath(object, "metadata/namespace", global.name_space);
      }
      const std::string key =
          StringAt(object, "metadata/namespace") + "/" + StringAt(object, "metadata/name");
      if (StringAt(object, "kind") == kConfigMaps.kind) {
        if (auto digest = ConfigMapDigest(object)) around.config_digests[key] = *digest;
      } else if (StringAt(object, "kind") == kServices.kind) {
        around.services.push_back(std::move(object));
      }
    }
    return around;
  }
  auto cluster = Cluster::Connect(global);
  if (!cluster) return Fail(cluster.error());
  auto services = (*cluster)->List(kServices, global.name_space);
  if (!services) return Fail(services.error());
  around.services = std::move(*services);
  ReadConfigs(**cluster, scanned.estate, around);
  if (auto elsewhere = ElsewhereOf(**cluster, flags.source.own_namespace)) {
    scanned.scope.elsewhere = std::max(scanned.scope.elsewhere, *elsewhere);
  } else {
    scanned.sourced.assumptions.push_back(
        "the guard's mode in namespaces of no environment is " + flags.source.elsewhere +
        " (--guard-elsewhere): no Deployment in '" + flags.source.own_namespace + "' says it");
  }
  return around;
}

const Resource& ResourceOf(const Json& manifest) {
  const std::string kind = StringAt(manifest, "kind");
  if (kind == kGovernancePolicies.kind) return kGovernancePolicies;
  return kind == kUseCases.kind ? kUseCases : kModelDeployments;
}

std::string SubjectOf(const Json& manifest) {
  const std::string ns = StringAt(manifest, "metadata/namespace");
  return StringAt(manifest, "kind") + " " + (ns.empty() ? "" : ns + "/") +
         StringAt(manifest, "metadata/name");
}

// Admission knows a policy and a use case a moment after they are applied.
bool MayBeTooEarly(const ApiError& error) {
  return error.message.find("NoEnvironment") != std::string::npos ||
         error.message.find("UseCaseNotAvailable") != std::string::npos;
}

// In their order. What is refused does not keep the rest back; it is told.
Result<bool> Apply(const Global& global, const std::vector<Json>& manifests) {
  auto cluster = Cluster::Connect(global);
  if (!cluster) return Fail(cluster.error());
  constexpr int kPatience = 20;
  constexpr std::chrono::milliseconds kPause{500};
  ApplyOptions options;
  options.field_manager = kFieldManager;
  bool all = true;
  for (const Json& manifest : manifests) {
    auto applied = (*cluster)->client().Apply(ResourceOf(manifest), manifest, options);
    for (int i = 0; i < kPatience && !applied && MayBeTooEarly(applied.error()); ++i) {
      std::this_thread::sleep_for(kPause);
      applied = (*cluster)->client().Apply(ResourceOf(manifest), manifest, options);
    }
    if (applied) {
      std::cerr << "applied " << Printable(SubjectOf(manifest)) << "\n";
      continue;
    }
    const Error error = (*cluster)->Explain("apply " + SubjectOf(manifest), applied.error());
    if (applied.error().http_status == 0) return Fail(error);
    Report(error);
    all = false;
  }
  return all;
}

Result<PolicySet> Toward(const AdoptFlags& flags, const World& world, Time now) {
  PolicySet changed;
  if (!flags.toward.empty()) {
    auto policies = PoliciesFromFiles(flags.toward);
    if (!policies) return Fail(policies.error());
    changed = std::move(*policies);
  }
  return PoliciesInForce(WithPolicies(world.policies(), changed, now), now);
}

int Retire(const Scanned& scanned, const AdoptionSurroundings& around, const Global& global) {
  const auto handovers = Handovers(scanned.sourced.world, scanned.estate, around, scanned.scope);
  if (global.IsJson()) {
    std::cout << DumpJson(HandoverJson(handovers)) << "\n";
  } else {
    std::cout << HandoverText(handovers);
  }
  for (const Handover& one : handovers) {
    if (!one.Ready()) return kDenied;
  }
  return scanned.estate.not_looked_at.empty() ? kOk : kFailed;
}

void PrintManifests(const std::vector<Json>& manifests) {
  for (const Json& manifest : manifests) std::cout << "---\n" << DumpYaml(manifest) << "\n";
}

int Adopt(const AdoptFlags& flags, const Global& global) {
  AdoptionOptions options = flags.options;
  if (auto ok = CheckOptions(flags, options); !ok) return Report(ok.error());
  auto scanned = ReadScan(flags.files, flags.source, global);
  if (!scanned) return Report(scanned.error());
  auto around = Around(flags, global, *scanned);
  if (!around) return Report(around.error());
  if (flags.retire) return Retire(*scanned, *around, global);
  const World& world = scanned->sourced.world;
  auto toward = Toward(flags, world, scanned->scope.now);
  if (!toward) return Report(toward.error());
  auto planned = PlanAdoption(world, scanned->estate, *around, *toward, scanned->scope, options);
  if (!planned) return Report(planned.error());
  Adoption& adoption = *planned;
  for (const auto* notes : {&scanned->estate.not_looked_at, &scanned->sourced.unreadable,
                            &scanned->sourced.assumptions}) {
    adoption.notes.insert(adoption.notes.end(), notes->begin(), notes->end());
  }
  // With a folder or a cluster to write to, the plan is the answer; else the manifests are.
  const bool streams = flags.folder.empty() && !flags.apply && !global.IsJson();
  if (!flags.folder.empty()) {
    auto written = WriteAdoption(flags.folder, adoption.manifests);
    if (!written) return Report(written.error());
    for (const std::string& line : written->told) std::cerr << Printable(line) << "\n";
    adoption.refused.insert(adoption.refused.end(), written->lacking.begin(),
                            written->lacking.end());
  }
  if (global.IsJson()) {
    std::cout << DumpJson(AdoptionJson(adoption)) << "\n";
  } else {
    (streams ? std::cerr : std::cout) << AdoptionText(adoption);
  }
  if (streams) PrintManifests(adoption.manifests);
  bool applied = true;
  if (flags.apply) {
    auto done = Apply(global, adoption.manifests);
    if (!done) return Report(done.error());
    applied = *done;
  }
  if (!applied || !adoption.Complete()) return kDenied;
  return scanned->estate.not_looked_at.empty() && scanned->sourced.unreadable.empty() ? kOk
                                                                                      : kFailed;
}

// What was given of this command and of those above it.
AdoptCommand Given(const CLI::App& command) {
  AdoptCommand given;
  for (const CLI::App* app = &command; app != nullptr; app = app->get_parent()) {
    for (const CLI::Option* option :
         app->get_options([](const CLI::Option* one) { return one->count() > 0; })) {
      const std::string name = option->get_name();
      if (option->get_items_expected_max() == 0) {
        given.options.push_back(name);
        continue;
      }
      for (const std::string& value : option->results()) {
        given.options.push_back(name + "=" + ShellWord(value));
      }
    }
  }
  return given;
}

void AddAdoptionFlags(CLI::App& command, AdoptFlags& flags) {
  AdoptionOptions& options = flags.options;
  command.add_option("--use-case", options.use_case,
                     "NAMESPACE/NAME of the use case of them all; default: one a group");
  command.add_option("--home", options.home, "namespace of new use cases; default: the workload's");
  command.add_option("--group-by", options.group_label,
                     "label of workloads whose value is their use case's name");
  command.add_option("--owner", options.owner, "account that answers for new use cases");
  command.add_option("--developers", options.developers, "group that develops them; repeatable");
  command.add_option("--policy", options.policy, "name of the policy that audits");
  command.add_option("--environment", options.environment, "name of its environment");
  command.add_option("--suffix", options.suffix, "of the names of ModelDeployments");
  command.add_option("--model", flags.models,
                     "NAMESPACE/WORKLOAD=oci://REPOSITORY@sha256:… where the workload does not "
                     "say it; repeatable");
  command.add_option("--image", flags.images,
                     "NAMESPACE/WORKLOAD/CONTAINER=REPOSITORY@sha256:… likewise, of a container "
                     "or an image volume; repeatable");
  command.add_option("--toward", flags.toward,
                     "policies that shall decide one day: says what is missing before Deny; file, "
                     "folder or -; repeatable");
}

}  // namespace

void AddAdopt(CLI::App& app, Global& global, Run& run) {
  CLI::App* command = app.add_subcommand(
      "adopt",
      "Bring what serves already in under Audit, as manifests and a plan: exit code 0 all of it, 1 "
      "something is left to people or refused, 2 error");
  AddOutput(*command, global, {"table", "json"});
  auto flags = std::make_shared<AdoptFlags>();
  auto* file = command->add_option("-f,--filename", flags->files,
                                   "workloads and objects of Countersign from this file, folder or "
                                   "- instead of the cluster; repeatable");
  auto* folder = command->add_option("--dir", flags->folder,
                                     "write the manifests into this folder, over nothing; default: "
                                     "to standard output");
  auto* apply = command->add_flag("--apply", flags->apply, "apply the manifests to the cluster");
  auto* retire = command->add_flag(
      "--retire", flags->retire, "say which workloads can go because their ModelDeployment serves");
  retire->excludes(apply)->excludes(folder);
  apply->excludes(file);
  AddAdoptionFlags(*command, *flags);
  AddScanSourceFlags(*command, flags->source);
  command->callback([flags, command, &global, &run] {
    flags->options.command = Given(*command);
    run = [flags, &global] { return Adopt(*flags, global); };
  });
}

}  // namespace countersign
