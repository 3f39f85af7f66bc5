#include "governance/lowering.h"

#include <algorithm>
#include <map>
#include <set>

#include "governance/classify.h"
#include "governance/measures/sign_off.h"

namespace countersign {
namespace {

// Answers that somebody signed: when last, and what they were if the signer was shown them.
struct Signed {
  Time at{};
  const ShownUseCase* answers = nullptr;
};

// Whoever signed then need not hold the role now: what was agreed does not come undone by that,
// nor, in an index of all keys, by the end of one.
std::map<std::string, Signed> SignedBy(const Facts& facts, const EvidenceIndex& index,
                                       const std::string& role) {
  std::map<std::string, Signed> all;
  for (const AttestedSignOff* sign_off : index.SignOffsOnUseCase()) {
    const SignOffSpec& spec = sign_off->object->spec;
    if (spec.subject.answers_digest.empty() || spec.subject.use_case != facts.use_case->meta.name ||
        spec.role != role || !IsApproval(spec.decision) || !IsAuthentic(sign_off->by)) {
      continue;
    }
    Signed& one = all[spec.subject.answers_digest];
    one.at = std::max(one.at, sign_off->by.first_seen);
    if (spec.shown && spec.shown->use_case) one.answers = &*spec.shown->use_case;
  }
  return all;
}

SignOffOutcome Agreement(const GovernancePolicySpec& policy, const SignOffRequirement& lowering,
                         const Facts& facts, const Insiders& insiders, const EvidenceIndex& index,
                         const std::string& digest) {
  SignOffTarget target;
  target.kind = SubjectOfSignOff::kUseCase;
  target.use_case = facts.use_case->meta.name;
  target.answers_digest = digest;
  return JudgeSignOffs(policy, lowering, target, facts, insiders, index, digest);
}

// The last answers to which the role agreed, and when: nothing before them matters any more. Old
// agreements stay agreements when they are past their age, but not for the present answers.
std::pair<std::string, Time> LastAgreed(const GovernancePolicySpec& policy,
                                        const SignOffRequirement& lowering, const Facts& facts,
                                        const Insiders& insiders, const EvidenceIndex& index) {
  std::pair<std::string, Time> last;
  const std::string& present = facts.use_case->spec.answers_digest;
  for (const auto& [digest, one] : SignedBy(facts, index, lowering.role)) {
    const GateState state = Agreement(policy, lowering, facts, insiders, index, digest).state;
    const bool agreed =
        state == GateState::kPassed || (state == GateState::kExpired && digest != present);
    if (agreed && one.at > last.second) last = {digest, one.at};
  }
  return last;
}

std::string Listed(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "'" : ", '") + name + "'";
  return text;
}

}  // namespace

Lowering JudgeLowering(const GovernancePolicySpec& policy, const Facts& facts,
                       const Insiders& insiders, const EvidenceIndex& index,
                       const std::vector<std::string>& classes) {
  Lowering lowering;
  const auto& required = policy.classification.lowering;
  if (!required) return lowering;
  const std::string& present = facts.use_case->spec.answers_digest;
  const auto [agreed, since] = LastAgreed(policy, *required, facts, insiders, index);
  std::set<std::string> before;
  const auto signed_off = SignedBy(facts, index.Ever(), policy.classification.sign_off.role);
  for (const auto& [digest, one] : signed_off) {
    if (digest == present || (digest != agreed && one.at < since)) continue;
    // What the signer was not shown in full could have been anything.
    const UseCaseSpec answers = one.answers != nullptr ? AsUseCase(*one.answers) : UseCaseSpec{};
    const ClassesOf led_to =
        Classify(policy.classification, one.answers != nullptr ? &answers : nullptr, true);
    before.insert(led_to.classes.begin(), led_to.classes.end());
  }
  for (const std::string& name : classes) before.erase(name);
  // Whoever is in a class now is not in the class for the rest: that is no lowering.
  for (const RiskClass& risk : policy.classification.classes) {
    if (risk.when.otherwise) before.erase(risk.name);
  }
  const SignOffOutcome agreement = Agreement(policy, *required, facts, insiders, index, present);
  if (before.empty()) {
    if (agreed == present) lowering.valid_until = agreement.valid_until;
    return lowering;
  }
  for (const RiskClass& risk : policy.classification.classes) {
    if (before.contains(risk.name)) lowering.kept.push_back(risk.name);
  }
  const std::string& role = required->role;
  lowering.note =
      "Class " + Listed(lowering.kept) + " applies on, to which answers signed off earlier led: " +
      (agreement.state == GateState::kPassed
           ? "role '" + role +
                 "' agreed to the present answers before the earlier ones were "
                 "signed again"
           : "leaving it " + agreement.message) +
      ". " +
      ApproveText(
          policy, role,
          "--use-case " + facts.use_case->meta.name + " -n " + facts.use_case->meta.name_space);
  return lowering;
}

}  // namespace countersign
