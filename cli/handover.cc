#include "cli/handover.h"

#include <algorithm>

#include "cli/render.h"
#include "governance/serving/child_name.h"

namespace countersign {
namespace {

std::string Lower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

class Check {
 public:
  Check(const Estate& estate, const AdoptionSurroundings& around)
      : estate_(estate), around_(around) {}

  Handover Run(const World::Deployment& deployment) const {
    const ObjectMeta& meta = deployment.object->meta;
    Handover out;
    out.name_space = meta.name_space;
    out.workload = deployment.adopted_from;
    out.deployment = meta.name;
    const auto slash = out.workload.find('/');
    const std::string kind = out.workload.substr(0, slash);
    const std::string name = slash == std::string::npos ? "" : out.workload.substr(slash + 1);
    // Whoever may change the ModelDeployment may write anything there.
    const AdoptableKind* known = FindAdoptable(kind);
    if (known == nullptr || !MatchesFormat(Format::kObjectName, name)) {
      return Unknown(std::move(out),
                     "annotation " + std::string(kAdoptedFrom) +
                         " names no Deployment, StatefulSet or Rollout",
                     "see what it was made from: kubectl get mdeploy " + meta.name + " -n " +
                         meta.name_space + " -o yaml");
    }
    const Json* old = Find(*known, meta.name_space, name, false);
    if (old == nullptr) {
      if (!IsReadWhole(*known)) return NotLookedAt(std::move(out), *known);
      out.gone = true;
      return out;
    }
    const std::string explain =
        "kubectl countersign explain " + meta.name + " -n " + meta.name_space;
    const AdoptableKind& made = *FindAdoptable("Deployment");
    const Json* child = Find(made, meta.name_space, ChildName(meta.name), true);
    if (child == nullptr) {
      if (!IsReadWhole(made)) return NotLookedAt(std::move(out), made);
      out.missing.push_back({"the operator serves nothing for it yet", explain});
      return out;
    }
    const std::int64_t wanted = std::max<std::int64_t>(IntAt(*old, "spec/replicas", 1), 1);
    const bool current =
        IntAt(*child, "status/observedGeneration") >= IntAt(*child, "metadata/generation");
    const std::int64_t available = current ? IntAt(*child, "status/availableReplicas") : 0;
    if (available < wanted) {
      out.missing.push_back({std::to_string(available) + " Pods of it are available, and " + kind +
                                 " '" + name + "' has " + std::to_string(wanted),
                             explain});
    }
    Services(meta.name_space, *old, *child, out);
    return out;
  }

 private:
  [[nodiscard]] bool IsReadWhole(const AdoptableKind& kind) const {
    return estate_.read_whole.contains(std::string(kind.group) + "/" + std::string(kind.kind));
  }

  static Handover Unknown(Handover out, std::string what, std::string next) {
    out.known = false;
    out.missing.push_back({std::move(what), std::move(next)});
    return out;
  }

  static Handover NotLookedAt(Handover out, const AdoptableKind& kind) {
    const std::string resource(kind.resource);
    const std::string ns = out.name_space;
    return Unknown(std::move(out),
                   "not all " + resource +
                       " of the namespace were looked at, so that nobody knows "
                       "what of it is there",
                   "run it on the cluster, with an account for which this says yes: kubectl auth "
                   "can-i list " +
                       resource + "." + std::string(kind.group) + " -n " + ns);
  }

  const Json* Find(const AdoptableKind& kind, const std::string& ns, const std::string& name,
                   bool operators_own) const {
    for (std::size_t i = 0; i < estate_.objects.size(); ++i) {
      const ScannedObject& object = estate_.objects[i];
      if (object.kind == kind.kind && object.name_space == ns && object.name == name &&
          object.operators_own == operators_own && object.api_version == kind.api_version) {
        return &estate_.manifests[i];
      }
    }
    return nullptr;
  }

  void Services(const std::string& ns, const Json& old, const Json& child, Handover& out) const {
    const Json* from = FindPath(old, "spec/template/metadata/labels");
    const Json* to = FindPath(child, "spec/template/metadata/labels");
    for (const Json& service : around_.services) {
      if (!SelectedBy(service, ns, from) || SelectedBy(service, ns, to)) continue;
      const std::string name = StringAt(service, "metadata/name");
      out.missing.push_back({"Service '" + name + "' does not lead to its Pods",
                             "add the labels that it selects to the ModelDeployment's "
                             "spec.serving.template.metadata.labels: kubectl edit mdeploy " +
                                 out.deployment + " -n " + ns});
    }
  }

  const Estate& estate_;
  const AdoptionSurroundings& around_;
};

std::string NextText(const Handover& one) {
  const auto slash = one.workload.find('/');
  return "kubectl delete " + Lower(one.workload.substr(0, slash)) + " " +
         one.workload.substr(slash == std::string::npos ? 0 : slash + 1) + " -n " + one.name_space;
}

}  // namespace

std::vector<Handover> Handovers(const World& world, const Estate& estate,
                                const AdoptionSurroundings& around, const ScanScope& scope) {
  const Check check(estate, around);
  std::vector<Handover> out;
  for (const World::Deployment& deployment : world.deployments()) {
    const bool adopted = !deployment.adopted_from.empty();
    if (adopted && scope.Has(deployment.object->meta.name_space)) {
      out.push_back(check.Run(deployment));
    }
  }
  return out;
}

std::string HandoverText(const std::vector<Handover>& handovers) {
  if (handovers.empty()) return "No ModelDeployment was made by adoption.\n";
  std::string text;
  for (const Handover& one : handovers) {
    text += Printable(one.workload + " in " + one.name_space + ", in whose place ModelDeployment " +
                      one.deployment + " serves: ");
    if (!one.known) {
      text += "is not known\n";
    } else if (one.gone) {
      text += "is gone\n";
    } else if (one.Ready()) {
      text += "can be deleted, with what scales it\n    Next: " + Printable(NextText(one)) + "\n";
    } else {
      text += "is still needed\n";
    }
    for (const AdoptionGap& gap : one.missing) {
      text += "  - " + Printable(gap.what) + "\n    Next: " + Printable(gap.next) + "\n";
    }
  }
  return text;
}

Json HandoverJson(const std::vector<Handover>& handovers) {
  Json json = VersionedJson("AdoptionRetirement");
  Json list = Json::array();
  for (const Handover& one : handovers) {
    Json missing = Json::array();
    for (const AdoptionGap& gap : one.missing) {
      missing.push_back({{"what", gap.what}, {"next", gap.next}});
    }
    list.push_back({{"namespace", one.name_space},
                    {"workload", one.workload},
                    {"modelDeployment", one.deployment},
                    {"known", one.known},
                    {"gone", one.gone},
                    {"ready", one.Ready()},
                    {"missing", std::move(missing)}});
  }
  json["workloads"] = std::move(list);
  return json;
}

}  // namespace countersign
