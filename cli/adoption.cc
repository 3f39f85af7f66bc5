#include "cli/adoption.h"

#include <algorithm>
#include <set>

#include "cli/adoption_policy.h"
#include "governance/environment.h"
#include "governance/evaluate.h"
#include "governance/in_force.h"
#include "governance/serving/child_name.h"

namespace countersign {
namespace {

constexpr std::int64_t kDefaultPort = 8080;

std::string KeyOf(const ScannedObject& object) { return object.name_space + "/" + object.name; }

// A map's entry whose key may hold a '/'.
std::string LabelOf(const Json& object, const char* map, std::string_view key) {
  const Json* labels = FindPath(object, map);
  const Json* value = labels == nullptr ? nullptr : Find(*labels, key);
  return value != nullptr && value->is_string() ? value->get<std::string>() : std::string();
}

// Labels may hold what names may not.
std::string AsName(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (!plain) c = '-';
  }
  const auto first = text.find_first_not_of('-');
  const auto last = text.find_last_not_of('-');
  return first == std::string::npos ? std::string() : text.substr(first, last - first + 1);
}

// Why a kind is not brought in by itself.
std::string WhyNot(const std::string& kind) {
  if (kind == "DaemonSet") {
    return "it runs once on each node, and a ModelDeployment as often as spec.serving.replicas "
           "says";
  }
  if (kind == "LeaderWorkerSet" || kind == "RayService") {
    return "several of its Pods serve one model together, and those of a ModelDeployment each by "
           "itself";
  }
  if (kind == "Job" || kind == "CronJob") {
    return "it ends, and a ModelDeployment goes on";
  }
  return "only Deployments, StatefulSets and Rollouts are brought in by themselves";
}

std::string Listed(const std::set<std::string>& names) {
  constexpr std::size_t kShown = 20;
  std::string text;
  std::size_t shown = 0;
  for (const std::string& name : names) {
    if (shown++ == kShown) return text + ", …";
    text += (text.empty() ? "" : ", ") + name;
  }
  return text.empty() ? "none" : text;
}

std::string NotAPart(const std::string& part, const std::string& workload,
                     const std::set<std::string>& parts) {
  return "speaks of '" + part + "' of '" + workload +
         "', which is none of its containers and image volumes: " + Listed(parts);
}

class Planner {
 public:
  Planner(const World& world, const Estate& estate, const AdoptionSurroundings& around,
          const PolicySet& toward, const ScanScope& scope, const AdoptionOptions& options)
      : world_(world),
        estate_(estate),
        index_(estate),
        around_(around),
        toward_(toward),
        scope_(scope),
        options_(options) {}

  Result<Adoption> Run() {
    const ScanReport report = MakeScan(world_, estate_, scope_);
    std::set<const ScannedObject*> seen;
    for (const ScanLine& line : report.found) {
      const ScanFinding& finding = line.finding;
      const bool by_owner = finding.of != nullptr && IsAdoptable(*finding.of);
      const ScannedObject& target = by_owner ? *finding.of : *finding.object;
      if (!seen.insert(&target).second) continue;
      Consider(line, target, finding.object->recognition);
    }
    Existing();
    if (auto known = CheckSaid(); !known) return Fail(known.error());
    auto policy =
        PolicyForAdoption(world_.policies(), PoliciesInForce(world_.policies(), scope_.now),
                          namespaces_, scope_, options_.policy, options_.environment);
    out_.refused = std::move(policy.refused);
    if (!policy.manifest.is_null()) out_.manifests.push_back(std::move(policy.manifest));
    World judged = world_;
    std::map<UseCaseRef, std::string> refused;
    for (const auto& [ref, use] : use_cases_) {
      Manifest added;
      added.source = "UseCase '" + ref.name_space + "/" + ref.name + "'";
      added.object = UseCaseManifest(ref, use);
      if (auto ok = judged.Add(added); !ok) {
        refused[ref] = ok.error().ToString();
      } else {
        out_.manifests.push_back(std::move(added.object));
      }
    }
    std::vector<AdoptedWorkload> adopted;
    for (Made& made : made_) {
      const auto why = refused.find(made.use_case);
      if (why != refused.end()) {
        LeaveOut(made.workload, "its use case would be refused: " + why->second,
                 "give another --home, --owner or --developers, or name one that is there: " +
                     options_.command.With("--use-case NAMESPACE/NAME"));
        continue;
      }
      made.workload.toward = Judge(judged, made.deployment);
      adopted.push_back(std::move(made.workload));
      out_.manifests.push_back(std::move(made.manifest));
    }
    out_.adopted.insert(out_.adopted.begin(), std::make_move_iterator(adopted.begin()),
                        std::make_move_iterator(adopted.end()));
    return std::move(out_);
  }

 private:
  struct Use {
    std::set<std::string> namespaces;
    std::string from;
  };

  struct Made {
    AdoptedWorkload workload;
    Json manifest;
    World::Deployment deployment;
    UseCaseRef use_case;
  };

  void LeaveOut(const ScannedObject& object, std::vector<AdoptionGap> gaps) {
    out_.left_out.push_back({object.kind, object.name_space, object.name, std::move(gaps)});
  }

  void LeaveOut(const AdoptedWorkload& workload, std::string what, std::string next) {
    out_.left_out.push_back(
        {workload.kind, workload.name_space, workload.name, {{std::move(what), std::move(next)}}});
  }

  // `manifest` null: its parts are not known.
  void Know(const std::string& ns, const std::string& name, const Json* manifest) {
    auto& parts = known_[ns + "/" + name];
    if (manifest != nullptr) parts.merge(PartsOf(*manifest));
  }

  // What is said of something that is not there would be taken for done.
  [[nodiscard]] Status CheckSaid() const {
    for (const auto& [key, said] : options_.said) {
      const auto found = known_.find(key);
      if (found == known_.end()) {
        std::set<std::string> names;
        for (const auto& [name, parts] : known_) names.insert(name);
        return Fail(Code::kInvalidArgument,
                    "speaks of '" + key +
                        "', which is none of what can be brought in: " + Listed(names) +
                        (estate_.not_looked_at.empty() ? "" : "; " + estate_.not_looked_at.front()),
                    said.model.empty() ? "--image" : "--model");
      }
      for (const auto& [part, image] : said.images) {
        if (found->second.empty() || found->second.contains(part)) continue;
        return Fail(Code::kInvalidArgument, NotAPart(part, key, found->second), "--image");
      }
    }
    return {};
  }

  void Consider(const ScanLine& line, const ScannedObject& object, const Recognition& recognition) {
    // Of a file. They become paths and words of commands.
    if (!MatchesFormat(Format::kName, object.name_space) ||
        !MatchesFormat(Format::kObjectName, object.name)) {
      return LeaveOut(object, {{"no object can have this name in this namespace",
                                "correct the manifest: lower-case letters, digits and '-'"}});
    }
    if (IsAdoptable(object)) {
      Know(object.name_space, object.name, &index_.ManifestOf(object));
    }
    if (line.guard == "exempt") {
      return LeaveOut(object, {{"namespace '" + object.name_space + "' is exempt from the guard",
                                "serve it from a namespace of its own"}});
    }
    namespaces_.insert(object.name_space);
    if (!IsAdoptable(object)) {
      return LeaveOut(object,
                      {{WhyNot(object.kind),
                        "countersign release -n " + object.name_space +
                            " for its model; once that ModelDeployment is approved it covers what "
                            "serves the same digest (docs/adopting.md)"}});
    }
    if (!object.owner_uid.empty()) {
      return LeaveOut(object, {{"a controller makes it for another object, and would make it again",
                                "see whose it is, and bring that in: kubectl get -n " +
                                    object.name_space + " " + object.kind + " " + object.name +
                                    " -o jsonpath='{.metadata.ownerReferences}'"}});
    }
    const std::string from = object.kind + "/" + object.name;
    for (const World::Deployment& deployment : world_.deployments()) {
      const ObjectMeta& meta = deployment.object->meta;
      if (meta.name_space == object.name_space && deployment.adopted_from == from) return;
    }
    Adopt(object, recognition);
  }

  void Adopt(const ScannedObject& object, const Recognition& recognition) {
    const Json& manifest = index_.ManifestOf(object);
    if (FindPath(manifest, "spec/template") == nullptr) {
      return LeaveOut(
          object,
          {{"it takes its template from " + StringAt(manifest, "spec/workloadRef/kind") + " '" +
                StringAt(manifest, "spec/workloadRef/name") + "'",
            "put the template into the " + object.kind +
                " itself, or serve its model: countersign release -n " + object.name_space}});
    }
    const auto said = options_.said.find(KeyOf(object));
    PinnedTemplate pinned = PinTemplate(
        manifest, recognition, index_.PodsOf(object),
        said == options_.said.end() ? StatedReferences{} : said->second, options_.command);
    const Json* claims = FindPath(manifest, "spec/volumeClaimTemplates");
    if (claims != nullptr && claims->is_array() && !claims->empty()) {
      pinned.gaps.push_back(
          {"each of its Pods has volumes of its own (volumeClaimTemplates), which "
           "a ModelDeployment has not",
           "serve the model from an image; countersign release"});
    }
    const UseCaseRef ref = UseCaseOf(object, manifest);
    const auto use_case = world_.FindUseCase(ref.name_space, ref.name);
    if (use_case != nullptr && !Lists(use_case->spec.deploy_to, object.name_space)) {
      pinned.gaps.push_back(
          {"use case '" + ref.name_space + "/" + ref.name + "' does not list namespace '" +
               object.name_space + "' in spec.deployTo",
           "its owner adds it: kubectl edit usecase " + ref.name + " -n " + ref.name_space});
    }
    const std::string name = object.name + options_.suffix;
    if (Taken(object.name_space, name)) {
      pinned.gaps.push_back(
          {"'" + name + "' is the name of something else in the namespace",
           "give another suffix: " + options_.command.With("--suffix=" + options_.suffix + "-2")});
    }
    if (!pinned.gaps.empty()) return LeaveOut(object, std::move(pinned.gaps));
    Json made = DeploymentManifest(object, manifest, ref, pinned);
    AdoptedWorkload workload{object.kind, object.name_space, object.name, name,
                             false,       pinned.model_uri,  {},          std::nullopt};
    auto decoded = Decode<ModelDeploymentSpec>(made);
    if (!decoded) {
      return LeaveOut(workload,
                      "a ModelDeployment cannot say what runs: " + decoded.error().ToString(),
                      "write it by hand: countersign release");
    }
    workload.notes = std::move(pinned.notes);
    if (object.kind == "StatefulSet") {
      workload.notes.emplace_back("its Pods have no stable names any more");
    }
    if (object.kind == "Rollout") {
      workload.notes.emplace_back(
          "its steps and analyses end with it: a ModelDeployment is rolled out as a Deployment is");
    }
    if (use_case == nullptr) {
      Use& use = use_cases_[ref];
      use.namespaces.insert(object.name_space);
      use.from = object.kind + " " + KeyOf(object);
    }
    World::Deployment deployment;
    deployment.object = std::make_shared<const ModelDeployment>(std::move(*decoded));
    deployment.spec = std::make_shared<const Json>(*Find(made, "spec"));
    deployment.governed_digest = deployment.object->spec_digest;
    // Whoever applies it; admission will say who that is.
    deployment.author.authenticity = Authenticity::kAssumed;
    made_.push_back({std::move(workload), std::move(made), std::move(deployment), ref});
  }

  static bool Lists(const std::vector<std::string>& list, const std::string& one) {
    return std::find(list.begin(), list.end(), one) != list.end();
  }

  bool Taken(const std::string& ns, const std::string& name) const {
    const bool deployment =
        std::any_of(world_.deployments().begin(), world_.deployments().end(), [&](const auto& one) {
          return one.object->meta.name_space == ns && one.object->meta.name == name;
        });
    const std::string child = ChildName(name);
    const bool service =
        std::any_of(around_.services.begin(), around_.services.end(), [&](const Json& one) {
          return StringAt(one, "metadata/namespace") == ns &&
                 StringAt(one, "metadata/name") == child;
        });
    return deployment || service || index_.HasDeployment(ns, child);
  }

  UseCaseRef UseCaseOf(const ScannedObject& object, const Json& manifest) const {
    if (!options_.use_case.empty()) {
      const auto slash = options_.use_case.find('/');
      return {options_.use_case.substr(0, slash), options_.use_case.substr(slash + 1)};
    }
    const std::string group = AsName(LabelOf(manifest, "metadata/labels", options_.group_label));
    return {options_.home.empty() ? object.name_space : options_.home,
            group.empty() ? object.name : group};
  }

  Json UseCaseManifest(const UseCaseRef& ref, const Use& use) const {
    Json developers = Json::array();
    for (const std::string& group : options_.developers) {
      developers.push_back({{"kind", "Group"}, {"name", group}});
    }
    if (developers.empty()) developers.push_back({{"kind", "Group"}, {"name", "your-developers"}});
    return {{"apiVersion", std::string(kApiVersion)},
            {"kind", std::string(UseCaseSpec::kKind)},
            {"metadata", {{"name", ref.name}, {"namespace", ref.name_space}}},
            {"spec",
             {{"title", ref.name + " (adopted)"},
              {"purpose", "Not stated yet, adopted from " + use.from +
                              ": say what is decided with it, about whom, and what happens then."},
              {"purposeCategory", "not-stated"},
              {"owner", options_.owner.empty() ? "your-owner" : options_.owner},
              {"developers", std::move(developers)},
              {"lifecycle", "Active"},
              {"deployTo", use.namespaces}}}};
  }

  Json DeploymentManifest(const ScannedObject& object, const Json& manifest, const UseCaseRef& ref,
                          PinnedTemplate& pinned) const {
    std::string version = LabelOf(manifest, "metadata/labels", "app.kubernetes.io/version");
    constexpr std::size_t kShort = 12;
    const std::string hex = pinned.model_digest.substr(pinned.model_digest.find(':') + 1);
    if (version.empty()) version = hex.substr(0, kShort);
    Json config = Json::array();
    for (const std::string& name : pinned.config_maps) {
      const auto digest = around_.config_digests.find(object.name_space + "/" + name);
      if (digest != around_.config_digests.end()) {
        config.push_back({{"name", name}, {"digest", digest->second}});
      } else {
        pinned.notes.push_back("ConfigMap '" + name +
                               "' could not be read; list it with its digest in "
                               "spec.serving.config before Deny");
      }
    }
    const auto port = PortOf(around_.services, object.name_space, pinned.pod_template);
    if (!port) {
      pinned.notes.push_back("neither a container nor a Service says on which port it serves; " +
                             std::to_string(kDefaultPort) + " is written");
    }
    const Json* replicas = FindPath(manifest, "spec/replicas");
    Json serving = {{"backend", "Deployment"},
                    {"replicas", replicas != nullptr ? *replicas : Json(1)},
                    {"port", port.value_or(kDefaultPort)},
                    {"template", std::move(pinned.pod_template)}};
    if (!config.empty()) serving["config"] = std::move(config);
    return {{"apiVersion", std::string(kApiVersion)},
            {"kind", std::string(ModelDeploymentSpec::kKind)},
            {"metadata",
             {{"name", object.name + options_.suffix},
              {"namespace", object.name_space},
              {"annotations", {{std::string(kAdoptedFrom), object.kind + "/" + object.name}}}}},
            {"spec",
             {{"useCaseRef", {{"namespace", ref.name_space}, {"name", ref.name}}},
              {"model",
               {{"name", object.name},
                {"version", version},
                {"uri", pinned.model_uri},
                {"digest", pinned.model_digest},
                {"digestType", "ociManifest"}}},
              {"serving", std::move(serving)}}}};
  }

  // The policies that ask for something in `ns`, as if they denied there. nullopt: none.
  std::optional<PolicySet> Strict(const std::string& ns) const {
    PolicySet strict = toward_;
    strict.policies.clear();
    bool any = false;
    for (const auto& policy : toward_.policies) {
      if (policy->meta.name == options_.policy || EnvironmentsOf(policy->spec, ns).empty())
        continue;
      any = true;
      auto copy = std::make_shared<GovernancePolicy>(*policy);
      std::set<std::string> concerned;
      for (const auto* one : EnvironmentsOf(policy->spec, ns)) concerned.insert(one->name);
      for (PolicyEnvironment& environment : copy->spec.environments) {
        if (concerned.contains(environment.name)) environment.enforcement = Enforcement::kDeny;
      }
      strict.policies.push_back(std::move(copy));
    }
    if (!any) return std::nullopt;
    return strict;
  }

  std::optional<Decision> Judge(const World& world, const World::Deployment& deployment) const {
    const auto strict = Strict(deployment.object->meta.name_space);
    if (!strict) return std::nullopt;
    return Evaluate(*strict, world.FactsOf(deployment, scope_.now));
  }

  // What was adopted before stays as people have it since.
  void Existing() {
    for (const World::Deployment& deployment : world_.deployments()) {
      const ObjectMeta& meta = deployment.object->meta;
      if (deployment.adopted_from.empty() || !scope_.Has(meta.name_space)) continue;
      const auto slash = deployment.adopted_from.find('/');
      AdoptedWorkload workload;
      workload.kind = deployment.adopted_from.substr(0, slash);
      workload.name_space = meta.name_space;
      if (slash != std::string::npos) workload.name = deployment.adopted_from.substr(slash + 1);
      workload.deployment = meta.name;
      workload.there = true;
      workload.model = deployment.object->spec.model.uri;
      workload.toward = Judge(world_, deployment);
      Know(meta.name_space, workload.name,
           index_.Find(workload.kind, meta.name_space, workload.name));
      out_.adopted.push_back(std::move(workload));
    }
  }

  const World& world_;
  const Estate& estate_;
  const AdoptableObjects index_;
  const AdoptionSurroundings& around_;
  const PolicySet& toward_;
  const ScanScope& scope_;
  const AdoptionOptions& options_;
  std::set<std::string> namespaces_;
  std::map<UseCaseRef, Use> use_cases_;  // to be written
  std::vector<Made> made_;
  std::map<std::string, std::set<std::string>>
      known_;  // "namespace/workload" to what --image names
  Adoption out_;
};

}  // namespace

Result<Adoption> PlanAdoption(const World& world, const Estate& estate,
                              const AdoptionSurroundings& around, const PolicySet& toward,
                              const ScanScope& scope, const AdoptionOptions& options) {
  return Planner(world, estate, around, toward, scope, options).Run();
}

}  // namespace countersign
