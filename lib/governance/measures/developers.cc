#include "governance/measures/developers.h"

#include <algorithm>

#include "governance/measures/sign_off.h"

namespace countersign {
namespace {

// Whoever signed then need not hold the role now, nor the key count: the list binds all the same.
EvidenceIndex::SignOffList AgreementsToAnswers(const GovernancePolicySpec& policy,
                                               const Facts& facts, const EvidenceIndex& index) {
  const Classification& classification = policy.classification;
  EvidenceIndex::SignOffList all = index.Ever().SignOffsOnUseCase();
  std::erase_if(all, [&](const AttestedSignOff* one) {
    const SignOffSpec& spec = one->object->spec;
    const bool in_role = spec.role == classification.sign_off.role ||
                         (classification.lowering && spec.role == classification.lowering->role);
    return !in_role || spec.subject.use_case != facts.use_case->meta.name ||
           spec.subject.answers_digest.empty() || !IsApproval(spec.decision) || WhyNotSigners(*one);
  });
  return all;
}

}  // namespace

Insiders DevelopersEver(const GovernancePolicySpec& policy, const Facts& facts,
                        const EvidenceIndex& index) {
  UseCaseSpec listed = facts.use_case->spec;
  for (const AttestedSignOff* one : AgreementsToAnswers(policy, facts, index)) {
    const auto& shown = one->object->spec.shown;
    if (!shown || !shown->use_case) continue;
    const std::vector<Subject>& then = shown->use_case->developers;
    listed.developers.insert(listed.developers.end(), then.begin(), then.end());
  }
  return DevelopersOf(policy, listed);
}

std::string WhyDevelopersUnknown(const GovernancePolicySpec& policy, const Facts& facts,
                                 const Insiders& insiders, const EvidenceIndex& index) {
  if (facts.use_case == nullptr) return {};
  const UseCase& use_case = *facts.use_case;
  const std::string& present = use_case.spec.answers_digest;
  const auto agreements = AgreementsToAnswers(policy, facts, index);
  const bool unseen =
      std::any_of(agreements.begin(), agreements.end(), [&](const AttestedSignOff* one) {
        const SignOffSpec& spec = one->object->spec;
        return spec.subject.answers_digest != present && !(spec.shown && spec.shown->use_case);
      });
  if (!unseen) return {};
  SignOffTarget target;
  target.kind = SubjectOfSignOff::kUseCase;
  target.use_case = use_case.meta.name;
  target.answers_digest = present;
  const SignOffOutcome outcome = JudgeSignOffs(policy, policy.classification.sign_off, target,
                                               facts, insiders, index, present);
  // An agreement that is past its age was one to this list all the same.
  if (outcome.state == GateState::kPassed || outcome.state == GateState::kExpired) return {};
  return "may be a developer of the model: the use case was changed since its answers were signed, "
         "and who was listed then is not known; first the answers are signed again: " +
         RemedyText(policy, outcome,
                    "--use-case " + use_case.meta.name + " -n " + use_case.meta.name_space);
}

}  // namespace countersign
