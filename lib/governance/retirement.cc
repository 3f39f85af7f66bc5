#include "governance/retirement.h"

#include <algorithm>
#include <map>

#include "governance/environment.h"
#include "governance/in_force.h"
#include "governance/measures/developers.h"
#include "governance/signers.h"

namespace countersign {
namespace {

const SignOffRequirement& RequirementOf(const GovernancePolicySpec& policy) {
  return policy.retirement ? policy.retirement->sign_off : policy.classification.sign_off;
}

SignOffOutcome Judge(const GovernancePolicySpec& policy, const SignOffRequirement& requirement,
                     const Facts& facts, const Insiders& insiders, const EvidenceIndex& index,
                     const std::string& digest) {
  SignOffTarget target;
  target.kind = SubjectOfSignOff::kUseCase;
  target.use_case = facts.use_case->meta.name;
  target.retirement_digest = digest;
  return JudgeSignOffs(policy, requirement, target, facts, insiders, index,
                       facts.use_case->spec.answers_digest);
}

bool Governs(const GovernancePolicySpec& policy, const std::vector<std::string>& name_spaces) {
  return std::any_of(name_spaces.begin(), name_spaces.end(), [&](const std::string& name_space) {
    return !EnvironmentsOf(policy, name_space).empty();
  });
}

// Who developed the use case then, as the answers say that were signed last before. Whoever
// registers it anew lists whom they like, and would so undo what these had signed.
Insiders DevelopersAt(const GovernancePolicySpec& policy, const Facts& facts,
                      const EvidenceIndex& index, Time then) {
  const AttestedSignOff* last = nullptr;
  const ShownUseCase* listed = nullptr;
  for (const AttestedSignOff* sign_off : index.SignOffsOnUseCase()) {
    const SignOffSpec& spec = sign_off->object->spec;
    const ShownUseCase* shown =
        spec.shown && spec.shown->use_case ? &*spec.shown->use_case : nullptr;
    if (spec.subject.use_case != facts.use_case->meta.name ||
        spec.role != policy.classification.sign_off.role || !IsApproval(spec.decision) ||
        shown == nullptr || !IsAuthentic(sign_off->by) || sign_off->by.Recorded() > then) {
      continue;
    }
    if (last == nullptr || last->by.Recorded() < sign_off->by.Recorded()) {
      last = sign_off;
      listed = shown;
    }
  }
  return listed == nullptr ? Insiders() : DevelopersOf(policy, AsUseCase(*listed));
}

}  // namespace

std::vector<RetirementShortfall> RetirementShortfalls(const PolicySet& policies, const Facts& facts,
                                                      const std::vector<std::string>& deployed_to) {
  const UseCase& use_case = *facts.use_case;
  const Dossier dossier(facts);
  std::vector<RetirementShortfall> shortfalls;
  shortfalls.reserve(policies.unreadable.size() + policies.policies.size());
  const PolicySet in_force = PoliciesInForce(policies, facts.now);
  for (const std::string& fault : policies.unreadable) {
    shortfalls.push_back({"", "PolicyUnreadable", fault, "the owner of the policy corrects it"});
  }
  std::vector<std::string> name_spaces = use_case.spec.deploy_to;
  name_spaces.insert(name_spaces.end(), deployed_to.begin(), deployed_to.end());
  const bool governed =
      std::any_of(in_force.policies.begin(), in_force.policies.end(),
                  [&](const auto& policy) { return Governs(policy->spec, name_spaces); });
  for (const auto& policy : in_force.policies) {
    if (governed ? !Governs(policy->spec, name_spaces) : policy->spec.environments.empty())
      continue;
    const EvidenceIndex index(dossier, policy->spec, {});
    Insiders insiders = DevelopersEver(policy->spec, facts, index);
    if (!facts.author.user.empty()) {
      insiders.Add(policy->spec, facts.author.user);
    }
    const SignOffOutcome outcome = Judge(policy->spec, RequirementOf(policy->spec), facts, insiders,
                                         index, use_case.spec.retirement_digest);
    if (outcome.state == GateState::kPassed) continue;
    const std::string& role = RequirementOf(policy->spec).role;
    shortfalls.push_back({policy->meta.name, outcome.reason, outcome.message,
                          ApproveText(policy->spec, role,
                                      "--use-case " + use_case.meta.name + " -n " +
                                          use_case.meta.name_space + " --retirement")});
  }
  return shortfalls;
}

std::optional<SignOffOutcome> AgreedRetirement(const GovernancePolicySpec& policy,
                                               const Facts& facts, const EvidenceIndex& index) {
  std::map<std::string, Time> ends;  // digest to when the first word on it was recorded
  for (const AttestedSignOff* sign_off : index.Ever().SignOffsOnUseCase()) {
    const SignOffSubject& subject = sign_off->object->spec.subject;
    if (subject.retirement_digest.empty()) continue;
    Time& first = ends.emplace(subject.retirement_digest, Time::max()).first->second;
    if (IsAuthentic(sign_off->by)) first = std::min(first, sign_off->by.Recorded());
  }
  // Who asked for the end is not who deploys now.
  SignOffRequirement requirement = RequirementOf(policy);
  std::erase(requirement.distinct_from, Distinct::kRequester);
  // An agreement that is past its age was one all the same, and so was one by a key that has ended;
  // by such a key nobody takes it back.
  for (const EvidenceIndex* seen : {&index.Strict(), &index.Ever().Strict()}) {
    for (const auto& [digest, first] : ends) {
      for (const Insiders& insiders : {DevelopersAt(policy, facts, *seen, first),
                                       DevelopersOf(policy, facts.use_case->spec)}) {
        SignOffOutcome outcome = Judge(policy, requirement, facts, insiders, *seen, digest);
        if (outcome.state == GateState::kPassed || outcome.state == GateState::kExpired) {
          return outcome;
        }
      }
    }
  }
  return std::nullopt;
}

}  // namespace countersign
