#include "governance/measures/evidence.h"

#include <algorithm>

#include "governance/claims.h"
#include "governance/measures/against.h"
#include "governance/measures/asked_signature.h"
#include "governance/measures/corrections.h"
#include "governance/measures/report_checks.h"
#include "governance/measures/revoked.h"
#include "governance/records.h"
#include "governance/signers.h"

namespace countersign {
namespace {

// Why one report does not count: the code for programs, the rest for people.
struct Exclusion {
  std::string reason;
  std::string why;
};

// The insider among those who signed a report or whom it names as having made it: with several, one
// is one too many. Empty if there is none.
std::string InsiderOf(const Context& context, const Provenance& by,
                      const std::vector<std::string>& performed_by) {
  const GovernancePolicySpec& policy = context.policy.spec;
  const auto is_author = [&](const std::string& name) {
    return !context.facts.author.user.empty() && MayBeOne(policy, name, context.facts.author.user);
  };
  for (const Provenance& one : EachSignerEver(policy, by)) {
    if (is_author(one.user) || context.insiders.Has(policy, one)) return one.user;
  }
  for (const std::string& name : performed_by) {
    if (is_author(name) || context.insiders.Has(policy, name)) return name;
  }
  return {};
}

std::optional<Exclusion> Excluded(const Context& context, const EvidenceRequirement& r,
                                  const AttestedEvidence& report) {
  const EvidenceSpec& spec = report.object->spec;
  const ModelDigest& model = context.model;
  if (r.scope == EvidenceScope::kModel) {
    if (!spec.model) return Exclusion{"EvidenceForOtherModel", "it names no model"};
    if (*spec.model != model) {
      return Exclusion{"EvidenceForOtherModel", "it is about model " + spec.model->digest};
    }
  } else if (spec.model) {
    return Exclusion{"EvidenceForOtherModel",
                     "it is about one model, " + spec.model->digest + ", not the use case"};
  }
  if (!r.environments.empty() && std::find(r.environments.begin(), r.environments.end(),
                                           spec.environment) == r.environments.end()) {
    return Exclusion{"EvidenceForOtherEnvironment",
                     spec.environment.empty()
                         ? "it names no environment"
                         : "it is from environment '" + spec.environment + "'"};
  }
  if (!IsAuthentic(report.by)) {
    return Exclusion{"EvidenceNotAuthentic", WhyNotAuthentic(report.by)};
  }
  if (!IsTrustedIssuer(context.policy.spec, r.issuers, report.by)) {
    return Exclusion{"IssuerNotTrusted",
                     "'" + report.by.user + "' is not among the measure's issuers"};
  }
  if (auto weak = WhyTooWeak(r.assurance, report.by); !weak.empty()) {
    return Exclusion{"EvidenceNotSigned", std::move(weak)};
  }
  if (auto few = WhyTooFew(context.policy.spec, r.issuers, r.signers, report.by); !few.empty()) {
    return Exclusion{"TooFewSigners", std::move(few)};
  }
  if (r.independent && report.by.authenticity == Authenticity::kAttested) {
    if (const std::string who = InsiderOf(context, report.by, spec.performed_by); !who.empty()) {
      return Exclusion{"IssuerNotIndependent", "'" + who + "' is not independent"};
    }
  }
  return std::nullopt;
}

// "a LoadTest of this model made in or for 'preprod'"
std::string Wanted(const EvidenceRequirement& r) {
  std::string text = "an Evidence of type '" + r.type + "' about this " +
                     (r.scope == EvidenceScope::kModel ? "model" : "use case");
  for (std::size_t i = 0; i < r.environments.size(); ++i) {
    text += (i == 0 ? ", made in or for '" : " or '") + r.environments[i] + "'";
  }
  return text;
}

std::string Remedy(const Context& context, const EvidenceRequirement& r) {
  const std::string who =
      r.issuers.empty() ? "nobody: the measure lists no issuers" : SubjectsText(r.issuers);
  std::string text = "an Evidence with spec.type: " + r.type;
  if (r.scope == EvidenceScope::kModel) {
    text += " for model " + context.model.digest;
  }
  return text + " in namespace '" + context.facts.deployment->spec.use_case.name_space +
         "', created by " + who +
         (r.independent ? ", somebody who is neither author nor developer" : "") +
         AskedSignature(context.policy.spec, r.assurance, r.signers);
}

Shortfall Judge(const EvidenceRequirement& r, const EvidenceSpec& spec) {
  Shortfall shortfall;
  for (const std::string& name : r.artifacts) {
    if (std::none_of(spec.artifacts.begin(), spec.artifacts.end(),
                     [&](const Artifact& artifact) { return artifact.name == name; })) {
      shortfall.Add(GateState::kFailed, "ArtifactMissing", "artifact '" + name + "' is missing");
    }
  }
  for (const ClaimAssertion& assertion : r.claims) {
    ClaimJudgement judgement = JudgeClaim(r.type, assertion, spec.claims);
    switch (judgement.outcome) {
      case ClaimOutcome::kHolds: break;
      case ClaimOutcome::kFails:
        shortfall.Add(GateState::kFailed, "ClaimFails", std::move(judgement.text));
        break;
      case ClaimOutcome::kMissing:
        shortfall.Add(GateState::kInsufficient, "ClaimMissing", std::move(judgement.text));
        break;
      case ClaimOutcome::kUnusable:
        shortfall.Add(GateState::kInsufficient, "ClaimUnusable", std::move(judgement.text));
        break;
      case ClaimOutcome::kOtherUnit:
        shortfall.Add(GateState::kInsufficient, "ClaimUnitDiffers", std::move(judgement.text));
        break;
    }
  }
  return shortfall;
}

// About what a report of the measure is: empty for the use case.
std::string_view ModelOf(const Context& context, const EvidenceRequirement& r) {
  return r.scope == EvidenceScope::kModel ? std::string_view(context.model.digest)
                                          : std::string_view();
}

// By one of the latest of `usable`.
Gate GateOf(const Context& context, const EvidenceRequirement& r, Gate gate,
            const UsableReportsResult& reports, const AttestedEvidence& latest) {
  const auto& usable = reports.usable;
  gate.evidence.push_back(RefTo(context.policy.spec, latest));
  const std::string name = "'" + latest.object->meta.name + "'";
  Shortfall shortfall = Judge(r, latest.object->spec);
  CheckReport(context, reports, latest, shortfall);
  AddEvidence(shortfall.evidence, gate.evidence);
  if (auto wrong = WhyNoCorrection(context.policy.spec, context.index, latest)) {
    shortfall.Add(GateState::kFailed, std::move(wrong->reason), std::move(wrong->why));
  }
  gate.path = shortfall.path;
  gate.passes_from = shortfall.passes_from;
  if (shortfall.state == GateState::kExpired) gate.expired_at = shortfall.holds_until;
  if (shortfall.state != GateState::kPassed) {
    const std::string of =
        usable.size() > 1 ? " (the latest of " + std::to_string(usable.size()) + ")" : "";
    return Conclude(std::move(gate), shortfall.state, std::move(shortfall.reason),
                    r.type + " " + name + of + ": " + Join(shortfall.texts), Remedy(context, r));
  }
  // Beside a bundle stands whatever date its applier likes.
  const Time made = latest.object->spec.model_signature ? latest.by.first_seen : AgesFrom(latest);
  const auto end = EndOf(made, r.max_age);
  if (r.max_age && end && *end <= context.facts.now) {
    gate.expired_at = end;
    return Conclude(std::move(gate), GateState::kExpired, "EvidenceExpired",
                    r.type + " " + name + " is older than " + FormatDuration(*r.max_age) +
                        ", it ended at " + FormatTime(*end),
                    Remedy(context, r));
  }
  gate.valid_until = end;
  if (shortfall.holds_until && (!end || *shortfall.holds_until < *end)) {
    gate.valid_until = shortfall.holds_until;
  }
  return Conclude(std::move(gate), GateState::kPassed, "EvidenceSufficient",
                  r.type + " " + name + " says what it must");
}

}  // namespace

EvidenceIndex::ReportList DependentReports(const Context& context, const EvidenceRequirement& r) {
  EvidenceIndex::ReportList dependent;
  if (!r.independent) return dependent;
  EvidenceRequirement by_anybody = r;
  by_anybody.independent = false;
  for (const AttestedEvidence* report : context.index.Ever().Reports(r.type, ModelOf(context, r))) {
    if (Excluded(context, r, *report) && !Excluded(context, by_anybody, *report)) {
      dependent.push_back(report);
    }
  }
  return dependent;
}

std::optional<PastResult> GoneReport(const Context& context, const EvidenceRequirement& r,
                                     const std::vector<const AttestedEvidence*>& usable) {
  std::optional<PastResult> gone;
  const AttestedEvidence* latest = Latest(usable);
  const Believed who{r.issuers, r.assurance};
  const auto present = context.index.Reports(r.type, ModelOf(context, r));
  const ModelDigest subject =
      r.scope == EvidenceScope::kModel ? context.model : InPlaceOfModel(*context.facts.use_case);
  const RecordQuery query{context.policy.spec, context.facts, context.index, subject};
  for (const PastResult& past : PastResults(query, EvidenceSpec::kKind, who)) {
    if (past.result->topic != r.type ||
        (!r.environments.empty() && std::find(r.environments.begin(), r.environments.end(),
                                              past.result->environment) == r.environments.end()) ||
        (r.independent && HasPassed(*past.result) &&
         !InsiderOf(context, past.by, past.result->performed_by).empty()) ||
        !GovernsAlthoughGone(context.policy.spec, who, past, latest, present)) {
      continue;
    }
    if (!gone || gone->by.first_seen < past.by.first_seen) gone = past;
  }
  return gone;
}

UsableReportsResult UsableReports(const Context& context, const EvidenceRequirement& r) {
  UsableReportsResult result;
  const auto own = context.index.Reports(r.type, ModelOf(context, r));
  for (const AttestedEvidence* report : own) {
    if (!Excluded(context, r, *report)) result.usable.push_back(report);
  }
  result.revoked =
      RevokedOf(own, context.index.Ever().Reports(r.type, ModelOf(context, r)),
                [&](const AttestedEvidence& one) { return !Excluded(context, r, one); });
  if (!result.usable.empty()) return result;
  // Only then does anybody want to know about others too.
  const auto note = [&](const EvidenceIndex::ReportList& reports) {
    for (const AttestedEvidence* report : reports) {
      const auto excluded = Excluded(context, r, *report);
      if (!excluded) continue;
      result.notes.push_back("'" + report->object->meta.name +
                             "' does not count: " + excluded->why);
      if (result.reason.empty()) result.reason = excluded->reason;
    }
  };
  note(own);
  if (!result.notes.empty()) return result;
  constexpr std::size_t kSome = 5;
  const auto [some, count] = context.index.dossier().SomeOfType(r.type, kSome);
  note(context.index.ReportsAt(some));
  if (count > some.size()) {
    result.notes.push_back(std::to_string(count - some.size()) + " more of them do not either");
  }
  return result;
}

Gate EvidenceGate(const Context& context, const EvidenceRequirement& r) {
  Gate gate = StartGate(context);
  if (context.measure.require.model_signature &&
      context.model.type != DigestType::kModelSigningRoot) {
    gate.path = "spec.model.digestType";
    return Conclude(std::move(gate), GateState::kFailed, "ModelDigestUnsigned",
                    "must be modelSigningRoot, which is what a signature over the model's files "
                    "signs, is '" +
                        std::string(NameOf(context.model.type)) + "'",
                    "name the model by its root: countersign digest FOLDER");
  }
  const UsableReportsResult reports = UsableReports(context, r);
  const auto& [usable, revoked, notes, reason] = reports;
  if (const auto gone = GoneReport(context, r, usable)) {
    return Conclude(std::move(gate), GateState::kMissing, "EvidenceWithdrawn",
                    r.type + " " + GoneText(*gone), Remedy(context, r));
  }
  const auto judge = [&](const AttestedEvidence& one) {
    return GateOf(context, r, gate, reports, one);
  };
  const auto dependent = DependentReports(context, r);
  if (usable.empty()) {
    Gate missing = Conclude(gate, GateState::kMissing, reason.empty() ? "EvidenceMissing" : reason,
                            "needs " + Wanted(r) + (notes.empty() ? "" : "; " + Join(notes)),
                            Remedy(context, r));
    return WithAgainst(Time::min(), dependent, judge,
                       WithRevoked(Time::min(), revoked, judge, std::move(missing)));
  }
  const auto latest = LatestOf(usable);
  const Time since = latest.front()->by.first_seen;
  return WithAgainst(since, dependent, judge,
                     WithRevoked(since, revoked, judge, WorstOf(latest, judge)));
}

}  // namespace countersign
