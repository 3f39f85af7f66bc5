#include "governance/measures/conditions.h"

#include <algorithm>

#include "governance/claims.h"
#include "governance/measures/revoked.h"
#include "governance/records.h"

namespace countersign {
namespace {

// Whether a later report than those of `usable` was deleted: what it said governs, and nobody can
// read it.
bool IsGone(const SignOffContext& context, const AttestedSignOff& approval,
            const ConditionEvidence& wanted, const std::vector<const AttestedEvidence*>& usable) {
  const Believed who{wanted.issuers, Assurance::kRequester};
  const AttestedEvidence* latest = Latest(usable);
  const auto is_gone = [&](const ModelDigest& subject, std::string_view model) {
    const auto present = context.index.Reports(wanted.type, model);
    const auto past = PastResults({context.policy, context.facts, context.index, subject},
                                  EvidenceSpec::kKind, who);
    return std::any_of(past.begin(), past.end(), [&](const PastResult& one) {
      return one.result->topic == wanted.type && one.by.first_seen >= approval.by.first_seen &&
             GovernsAlthoughGone(context.policy, who, one, latest, present);
    });
  };
  const auto& model = context.target.model;
  if (model && is_gone(*model, model->digest)) return true;
  return context.facts.use_case != nullptr && is_gone(InPlaceOfModel(*context.facts.use_case), {});
}

bool IsFulfilled(const SignOffContext& context, const AttestedSignOff& approval,
                 const ConditionEvidence& wanted) {
  std::vector<const AttestedEvidence*> usable;
  const auto counts = [&](const AttestedEvidence& report) {
    return report.by.first_seen >= approval.by.first_seen &&
           (!report.object->spec.model || report.object->spec.model == context.target.model) &&
           IsTrustedIssuer(context.policy, wanted.issuers, report.by);
  };
  const auto holds = [&](const AttestedEvidence& report) {
    return std::all_of(
        wanted.claims.begin(), wanted.claims.end(), [&](const ClaimAssertion& claim) {
          return JudgeClaim(wanted.type, claim, report.object->spec.claims).outcome ==
                 ClaimOutcome::kHolds;
        });
  };
  const auto reports = [&](const EvidenceIndex& index) {
    auto found = index.Reports(wanted.type, {});
    if (context.target.model) {
      const auto about = index.Reports(wanted.type, context.target.model->digest);
      found.insert(found.end(), about.begin(), about.end());
    }
    return found;
  };
  const auto all = reports(context.index);
  for (const AttestedEvidence* report : all) {
    if (counts(*report)) usable.push_back(report);
  }
  if (usable.empty() || IsGone(context, approval, wanted, usable)) return false;
  const auto latest = LatestOf(usable);
  const auto revoked = RevokedOf(all, reports(context.index.Ever()), counts);
  return std::all_of(latest.begin(), latest.end(), [&](const auto* one) { return holds(*one); }) &&
         std::all_of(revoked.begin(), revoked.end(), [&](const AttestedEvidence* one) {
           return one->by.first_seen < latest.front()->by.first_seen || holds(*one);
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
