#include "governance/measures/deployment_mode.h"

#include <algorithm>

#include "governance/measures/shortfall.h"

namespace countersign {
namespace {

constexpr char kTemplate[] = "spec.serving.template.spec";

class Inspector {
 public:
  Inspector(const Serving& serving, const DeploymentModeRequirement& r)
      : serving_(serving), r_(r) {}

  Shortfall Run(const Json& pod_template) {
    Replicas();
    if (r_.disruption_budget) DisruptionBudget();
    const Json* spec = Find(pod_template, "spec");
    static const Json kNone = Json::object();
    if (spec == nullptr) spec = &kNone;
    if (r_.topology_spread) TopologySpread(*spec);
    const Json* containers = Find(*spec, "containers");
    if (containers == nullptr || !containers->is_array()) containers = &kNone;
    if (r_.resources) {
      std::size_t index = 0;
      for (const Json& container : *containers) Resources(container, index++);
    }
    if (r_.readiness_probe &&
        std::none_of(containers->begin(), containers->end(), [](const Json& container) {
          const Json* probe = Find(container, "readinessProbe");
          return probe != nullptr && probe->is_object() && !probe->empty();
        })) {
      Add("ReadinessProbeMissing", std::string(kTemplate) + ".containers",
          "must have a readinessProbe: without one, traffic reaches a model that is not loaded");
    }
    return std::move(shortfall_);
  }

 private:
  void Add(const char* code, const std::string& path, const std::string& text) {
    shortfall_.Add(GateState::kFailed, code, path + " " + text);
    if (shortfall_.path.empty()) shortfall_.path = path;
  }

  void Replicas() {
    const auto at_least = [&](std::int64_t found, const char* path) {
      if (found >= r_.min_replicas) return;
      Add("TooFewReplicas", path,
          "must be at least " + std::to_string(r_.min_replicas) + ", is " + std::to_string(found));
    };
    at_least(serving_.replicas, "spec.serving.replicas");
    if (serving_.min_replicas) at_least(*serving_.min_replicas, "spec.serving.minReplicas");
    if (r_.autoscaling && !(serving_.min_replicas && serving_.max_replicas)) {
      Add("AutoscalingNotBounded", "spec.serving",
          "must have minReplicas and maxReplicas, between which the number may change");
    }
    if (!r_.max_replicas) return;
    const std::int64_t most = std::max(serving_.replicas, serving_.max_replicas.value_or(0));
    if (most <= *r_.max_replicas) return;
    Add("TooManyReplicas", "spec.serving",
        "must not reach more than " + std::to_string(*r_.max_replicas) + " replicas, may reach " +
            std::to_string(most));
  }

  // At the fewest replicas there may be: the budget is the same when scaling has taken the others.
  void DisruptionBudget() {
    static const std::string kPath = "spec.serving.podDisruptionBudget";
    if (!serving_.disruption_budget) {
      return Add("DisruptionBudgetMissing", kPath,
                 "must be set, to minAvailable or maxUnavailable: without it, draining nodes may "
                 "take every Pod at once");
    }
    const std::int64_t fewest =
        std::min(serving_.replicas, serving_.min_replicas.value_or(serving_.replicas));
    const auto& [least, most] = *serving_.disruption_budget;
    const std::string path = kPath + (least ? ".minAvailable" : ".maxUnavailable");
    const std::int64_t found = least ? *least : most.value_or(0);
    const std::int64_t may_go = least ? fewest - found : found;
    const std::string text =
        "is " + std::to_string(found) + " with as few as " + std::to_string(fewest) + " replicas";
    if (may_go >= fewest) {
      Add("DisruptionBudgetProtectsNothing", path,
          text + ", so that a drain may take every Pod at once: must keep at least 1");
    } else if (may_go <= 0) {
      Add("DisruptionBudgetBlocksDrains", path,
          text + ", so that no drain of a node ever ends: must let at least 1 Pod go");
    }
  }

  void TopologySpread(const Json& spec) {
    const Json* constraints = Find(spec, "topologySpreadConstraints");
    const bool strict =
        constraints != nullptr && constraints->is_array() &&
        std::any_of(constraints->begin(), constraints->end(), [](const Json& c) {
          // The API server's default is DoNotSchedule.
          return StringAt(c, "whenUnsatisfiable", "DoNotSchedule") == "DoNotSchedule";
        });
    if (strict) return;
    Add("TopologyNotSpread", std::string(kTemplate) + ".topologySpreadConstraints",
        "must spread the Pods with whenUnsatisfiable DoNotSchedule, so that the loss of one node "
        "or zone is not the loss of the model");
  }

  void Resources(const Json& container, std::size_t index) {
    for (const char* path :
         {"resources/requests/cpu", "resources/requests/memory", "resources/limits/memory"}) {
      const Json* found = FindPath(container, path);
      if (found != nullptr && (found->is_string() || found->is_number())) continue;
      std::string field(path);
      std::replace(field.begin(), field.end(), '/', '.');
      Add("ResourcesNotSet",
          std::string(kTemplate) + ".containers[" + std::to_string(index) + "]." + field,
          "must be set");
    }
  }

  const Serving& serving_;
  const DeploymentModeRequirement& r_;
  Shortfall shortfall_;
};

}  // namespace

Gate DeploymentModeGate(const Context& context, const DeploymentModeRequirement& requirement) {
  Gate gate = StartGate(context);
  const Serving& serving = context.facts.deployment->spec.serving;
  const auto pod_template = serving.pod_template.Tree();
  if (!pod_template) {
    gate.path = "spec.serving.template";
    return Conclude(std::move(gate), GateState::kFailed, "TemplateUnreadable",
                    pod_template.error().message, "correct the field in the ModelDeployment");
  }
  Shortfall shortfall = Inspector(serving, requirement).Run(**pod_template);
  if (shortfall.state == GateState::kPassed) {
    return Conclude(std::move(gate), GateState::kPassed, "DeploymentModeSufficient",
                    "replicas, scheduling and resources are as the measure asks");
  }
  gate.path = shortfall.path;
  return Conclude(std::move(gate), shortfall.state, std::move(shortfall.reason),
                  Join(shortfall.texts), "correct the fields in the ModelDeployment");
}

}  // namespace countersign
