#include <algorithm>

#include "governance/emergency.h"
#include "governance/in_force.h"
#include "governance/serving/guard_waiver.h"
#include "webhook/admission/handler.h"

namespace countersign {
namespace {

struct EmergencyRefusal {
  Disregarded why;
  std::string path = "spec.emergency";
};

template <class List, class NameOf>
std::string Listed(const List& list, const NameOf& name_of) {
  std::string text;
  for (const auto& one : list) text += (text.empty() ? "'" : ", '") + name_of(one) + "'";
  return text.empty() ? "none" : text;
}

// What the emergency names has to be there: it cannot be changed or deleted once it is made.
std::optional<EmergencyRefusal> WhyUnknown(const PolicySet& policies, const WaiverSpec& spec) {
  const GovernancePolicy* policy = nullptr;
  for (const auto& one : policies.policies) {
    if (one->meta.name == spec.policy) policy = one.get();
  }
  if (policy == nullptr) {
    return EmergencyRefusal{
        {"PolicyUnknown",
         "no policy in force is named '" + Shorten(spec.policy) + "'; there is " +
             Listed(policies.policies, [](const auto& one) { return one->meta.name; })},
        "spec.policy"};
  }
  const auto& environments = policy->spec.environments;
  if (std::none_of(environments.begin(), environments.end(),
                   [&](const auto& one) { return one.name == spec.environment; })) {
    return EmergencyRefusal{
        {"EnvironmentUnknown", "policy '" + spec.policy + "' has no environment '" +
                                   Shorten(spec.environment) + "'; it has " +
                                   Listed(environments, [](const auto& one) { return one.name; })},
        "spec.environment"};
  }
  const auto& measures = policy->spec.measures;
  for (std::size_t i = 0; i < spec.measures.size(); ++i) {
    const std::string& name = spec.measures[i];
    const std::string path = "spec.measures[" + std::to_string(i) + "]";
    const bool known =
        name == kShadowMeasure || std::any_of(measures.begin(), measures.end(),
                                              [&](const Measure& one) { return one.name == name; });
    if (!known) {
      return EmergencyRefusal{
          {"MeasureUnknown", "policy '" + spec.policy + "' has no measure '" + Shorten(name) +
                                 "'; it has " +
                                 Listed(measures, [](const auto& one) { return one.name; })},
          path};
    }
    const auto& rules = policy->spec.waivers;
    if (rules && std::find(rules->never.begin(), rules->never.end(), name) != rules->never.end()) {
      return EmergencyRefusal{{"WaiverNotAllowed", "the policy's spec.waivers.never lists '" +
                                                       name + "': not in an emergency either"},
                              path};
    }
  }
  return std::nullopt;
}

// Told at once, since there is no time to find out later.
std::optional<EmergencyRefusal> WhyNoEmergency(const PolicySet& policies, const WaiverSpec& spec,
                                               const Provenance& by, bool carried) {
  for (const auto& policy : policies.policies) {
    if (policy->meta.name != spec.policy) continue;
    if (auto fault = EmergencyFault(policy->spec, spec, by)) {
      return EmergencyRefusal{*std::move(fault)};
    }
  }
  // What is carried named what was there when it was made.
  return carried ? std::nullopt : WhyUnknown(policies, spec);
}

}  // namespace

// Whether it counts, evaluation judges: the policy may come later, or change.
void AdmissionHandler::DecideWaiver(Context& context) const {
  const auto waiver = NewEvidence<WaiverSpec>(context);
  if (!waiver) return;
  if (waiver->spec.expires_at <= context.now && !Carried(context)) {
    return Refuse(context.answer, "ExpiresInPast",
                  "must be in the future, is " + FormatTime(waiver->spec.expires_at),
                  "spec.expiresAt");
  }
  if (waiver->spec.signature && !CheckSignature(context)) return;
  if (waiver->spec.emergency && !CheckEmergency(context, waiver->spec)) return;
  if (CheckStamp(context, true, waiver->spec_digest)) context.answer.allowed = true;
}

bool AdmissionHandler::CheckEmergency(Context& context, const WaiverSpec& spec) const {
  const std::optional<Provenance> carrier = Carried(context);
  const bool carried = carrier.has_value();
  // Whoever restores a back-up declares no emergency.
  Provenance by;
  if (carried) {
    by = *carrier;
  } else {
    by.authenticity = Authenticity::kAttested;
    by.user = context.review.user.name;
    by.groups = context.review.user.groups;
    by.first_seen = context.now;
  }
  const auto judge = [&] {
    return WhyNoEmergency(PoliciesInForce(*catalog_.Policies(), context.now), spec, by, carried);
  };
  auto why = judge();
  // A policy applied in the same breath may not be in the cache yet.
  if (why && RefreshLive(context, {context.review.name_space, spec.use_case})) {
    why = judge();
  }
  if (why) {
    Refuse(context.answer, why->why.reason, why->why.why, why->path);
    return false;
  }
  const auto deployments = catalog_.deployments().List();
  if (!carried && std::none_of(deployments.begin(), deployments.end(), [&](const auto& one) {
        return one->object.spec.model.digest == spec.model;
      })) {
    context.answer.warnings.push_back("spec.model.digest: no ModelDeployment is of model " +
                                      spec.model.digest +
                                      " (yet); an emergency counts for this very digest alone");
  }
  return true;
}

}  // namespace countersign
