#include "governance/measures/conditions.h"

#include <algorithm>

#include "governance/claims.h"

namespace countersign {
namespace {

bool IsFulfilled(const SignOffContext& context, const AttestedSignOff& approval,
                 const ConditionEvidence& wanted) {
  std::vector<const AttestedEvidence*> usable;
  const auto collect = [&](std::string_view model) {
    for (const AttestedEvidence* report : context.index.Reports(wanted.type, model)) {
      if (report->by.first_seen >= approval.by.first_seen &&
          (model.empty() || report->object->spec.model == context.target.model) &&
          IsTrustedIssuer(context.policy, wanted.issuers, report->by)) {
        usable.push_back(report);
      }
    }
  };
  collect({});
  if (context.target.model) collect(context.target.model->digest);
  const AttestedEvidence* latest = Latest(usable);
  return latest != nullptr &&
         std::all_of(wanted.claims.begin(), wanted.claims.end(), [&](const ClaimAssertion& claim) {
           return JudgeClaim(claim, latest->object->spec.claims).outcome == ClaimOutcome::kHolds;
         });
}

}  // namespace

OpenConditions OpenConditionsOf(const SignOffContext& context, const AttestedSignOff& approval) {
  std::vector<const ApprovalCondition*> open;
  for (const ApprovalCondition& condition : approval.object->spec.conditions) {
    if (!condition.evidence || !IsFulfilled(context, approval, *condition.evidence)) {
      open.push_back(&condition);
    }
  }
  std::stable_sort(open.begin(), open.end(),
                   [](const auto* a, const auto* b) { return a->due_at < b->due_at; });
  OpenConditions result;
  if (open.empty()) return result;
  result.due = open.front()->due_at;
  std::vector<std::string> texts;
  texts.reserve(open.size());
  for (const ApprovalCondition* condition : open) {
    texts.push_back("'" + condition->name + "' is due by " + FormatTime(condition->due_at) + ": " +
                    Shorten(condition->description));
  }
  result.text = Join(texts);
  return result;
}

}  // namespace countersign
