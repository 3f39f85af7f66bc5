#include <algorithm>

#include "governance/in_force.h"
#include "governance/policy_warnings.h"
#include "webhook/admission/handler.h"

namespace countersign {
namespace {

bool IsPublished(const Json& policy) { return FindPath(policy, "spec/version") != nullptr; }

}  // namespace

void AdmissionHandler::DecidePolicy(Context& context) const {
  const Review& review = context.review;
  ReviewAnswer& answer = context.answer;
  const bool update = review.operation == Operation::kUpdate;
  if (update && IsPublished(review.old_object)) return DecideVersionUpdate(context);
  auto policy = Decode<GovernancePolicySpec>(review.object);
  if (!policy) {
    if (update && SpecUnchanged(review)) {
      answer.allowed = true;
      return;
    }
    return Refuse(answer, "SpecInvalid", policy.error().message, policy.error().path);
  }
  std::vector<std::string> warnings = PolicyWarnings(policy->spec);
  for (std::string& line : SharedKeyWarnings(*policy, catalog_.Policies()->policies)) {
    warnings.push_back(std::move(line));
  }
  if (const auto& version = policy->spec.version) {
    if (version->supersedes == context.record.name) {
      return Refuse(answer, "SupersedesItself", "must name another GovernancePolicy",
                    "spec.version.supersedes");
    }
    if (!CheckStamp(context, true, policy->spec_digest)) return;
    for (std::string& line : VersionWarnings(context, *policy)) {
      warnings.push_back(std::move(line));
    }
  } else {
    warnings.emplace_back(
        "spec.version: is missing: whoever may update this policy changes it at once, without "
        "sign-offs");
  }
  answer.allowed = true;
  answer.warnings = std::move(warnings);
}

// Of a version that is published already nothing changes but its labels and the like.
void AdmissionHandler::DecideVersionUpdate(Context& context) const {
  const Review& review = context.review;
  ReviewAnswer& answer = context.answer;
  if (!SpecUnchanged(review)) {
    return Refuse(answer, "VersionIsFinal",
                  "the spec of a published version may not be changed; publish another "
                  "GovernancePolicy with spec.version.supersedes: " +
                      context.record.name,
                  "spec");
  }
  if (HasVersionFinalizer(review.old_object) && !HasVersionFinalizer(review.object) &&
      review.user.name != options_.operator_user) {
    return Refuse(answer, "VersionIsKept",
                  "only the Countersign operator takes off '" + std::string(kVersionFinalizer) +
                      "', once nothing rests on this version: kubectl countersign policies",
                  "metadata.finalizers");
  }
  if (CheckStamp(context, false, {})) answer.allowed = true;
}

std::vector<std::string> AdmissionHandler::VersionWarnings(Context& context,
                                                           const GovernancePolicy& policy) const {
  Provenance maker;
  maker.authenticity = Authenticity::kAttested;
  maker.user = context.review.user.name;
  maker.groups = context.review.user.groups;
  maker.first_seen = context.now;
  auto published = std::make_shared<GovernancePolicy>(policy);
  published->meta.name = context.record.name;
  const auto standing = [&] {
    PolicySet set = *catalog_.Policies();
    std::erase_if(set.policies,
                  [&](const auto& one) { return one->meta.name == published->meta.name; });
    set.policies.push_back(published);
    set.made_by[published->meta.name] = maker;
    for (PolicyStanding& one : PolicyStandings(set, context.now)) {
      if (one.policy->meta.name == published->meta.name) return std::move(one);
    }
    return PolicyStanding();
  };
  PolicyStanding found = standing();
  // The version before it may have been applied in the same breath.
  if (found.reason == "PredecessorMissing" && RefreshLive(context, {})) {
    found = standing();
  }
  std::vector<std::string> warnings = std::move(found.warnings);
  if (!found.Counts()) {
    warnings.insert(warnings.begin(),
                    found.message + (found.remedy.empty() ? "" : "; " + found.remedy));
  } else if (found.Supersedes().empty()) {
    warnings.insert(warnings.begin(),
                    "takes effect at once, as the first version of its line; from now on it "
                    "changes by versions that supersede it");
  }
  return warnings;
}

}  // namespace countersign
