#include "governance/measures/reproducibility.h"

#include <algorithm>

#include "governance/measures/against.h"
#include "governance/measures/asked_signature.h"
#include "governance/measures/corrections.h"
#include "governance/measures/revoked.h"
#include "governance/measures/snapshot_level.h"
#include "governance/records.h"
#include "governance/signers.h"

namespace countersign {
namespace {

// Why one repetition does not count at all; the code for programs, the rest for people.
struct Exclusion {
  std::string reason;
  std::string why;
};

std::optional<Exclusion> Excluded(const Context& context, const ReproducibilityRequirement& r,
                                  const AttestedSnapshot& original, const AttestedSnapshot& copy) {
  const GovernancePolicySpec& policy = context.policy.spec;
  if (!IsAuthentic(copy.by)) return Exclusion{"EvidenceNotAuthentic", WhyNotAuthentic(copy.by)};
  if (r.reproduced_by == ReproducedBy::kIndependent &&
      copy.by.authenticity == Authenticity::kAttested) {
    Insiders insiders = context.insiders;
    for (const Provenance& one : EachSignerEver(policy, original.by)) {
      insiders.AddMakers(policy, one);
    }
    for (const std::string& name : original.object->spec.performed_by) insiders.Add(policy, name);
    // The authors of the code are the original's own: who repeats a run takes the code as it is.
    std::string who;
    for (const std::string& name : copy.object->spec.performed_by) {
      if (insiders.Has(policy, name)) who = name;
    }
    for (const Provenance& one : EachSignerEver(policy, copy.by)) {
      if (insiders.Has(policy, one)) who = one.user;
    }
    if (!who.empty()) {
      return Exclusion{"ReproductionNotIndependent", "'" + who + "' is not independent"};
    }
  }
  if (!IsTrustedIssuer(policy, r.reproducers, copy.by)) {
    return Exclusion{"ReproducerNotTrusted",
                     "'" + copy.by.user + "' is not among the measure's reproducers"};
  }
  if (auto weak = WhyTooWeak(r.assurance, copy.by); !weak.empty()) {
    return Exclusion{"EvidenceNotSigned", std::move(weak)};
  }
  if (auto few = WhyTooFew(policy, r.reproducers, r.signers, copy.by); !few.empty()) {
    return Exclusion{"TooFewSigners", std::move(few)};
  }
  return std::nullopt;
}

// The snapshot that governs although it was deleted, if there is one. `original`: the name of the
// snapshot that it repeats.
std::optional<PastResult> GoneSnapshot(const Context& context, const Believed& who,
                                       const std::string& original,
                                       const std::vector<const AttestedSnapshot*>& usable) {
  std::optional<PastResult> gone;
  const auto present = original.empty() ? context.index.Snapshots(context.model)
                                        : context.index.Repetitions(original);
  const AttestedSnapshot* latest = Latest(usable);
  for (const PastResult& past :
       PastResults(QueryOf(context), ReproducibilitySnapshotSpec::kKind, who)) {
    if (past.result->topic != original ||
        !GovernsAlthoughGone(context.policy.spec, who, past, latest, present)) {
      continue;
    }
    if (!gone || gone->by.first_seen < past.by.first_seen) gone = past;
  }
  return gone;
}

// What a repetition must be, and who makes one.
struct Asked {
  const std::string& wanted;
  const std::string& remedy;
};

// By `latest`, one of `count` repetitions.
Gate RepetitionGate(const Context& context, const ReproducibilityRequirement& r, Gate gate,
                    const AttestedSnapshot& original, const AttestedSnapshot& latest,
                    std::size_t count, const Asked& asked) {
  gate.evidence.push_back(RefTo(context.policy.spec, latest));
  if (auto wrong = WhyNoCorrection(context.policy.spec, context.index, latest)) {
    return Conclude(std::move(gate), GateState::kFailed, std::move(wrong->reason),
                    "snapshot '" + latest.object->meta.name + "': " + wrong->why, asked.remedy);
  }
  const std::string difference =
      WhyNoRepetition(original.object->spec, latest.object->spec, context.model, r.tolerance);
  if (!difference.empty()) {
    const std::string of = count > 1 ? " (the latest of " + std::to_string(count) + ")" : "";
    return Conclude(std::move(gate), GateState::kFailed, "ReproductionDiffers",
                    asked.wanted + "; '" + latest.object->meta.name + "'" + of +
                        " is none: " + Shorten(difference),
                    asked.remedy);
  }
  gate.message += ", reproduced";
  if (!latest.by.user.empty()) gate.message += " by '" + latest.by.user + "'";
  return gate;
}

Gate Reproduced(const Context& context, const ReproducibilityRequirement& r, Gate gate,
                const AttestedSnapshot& original) {
  if (r.reproduced_by == ReproducedBy::kNobody) return gate;
  const GovernancePolicySpec& policy = context.policy.spec;
  const bool independent = r.reproduced_by == ReproducedBy::kIndependent;
  const std::string& name = original.object->meta.name;
  const std::string who = r.reproducers.empty() ? "nobody: the measure lists no reproducers"
                                                : SubjectsText(r.reproducers);
  const std::string remedy =
      (independent ? "somebody of " + who + " who is neither author nor developer" : who) +
      " repeats the run and creates a ReproducibilitySnapshot with spec.reproductionOf: " + name +
      AskedSignature(policy, r.assurance, r.signers);
  ReproducibilityRequirement by_anybody = r;
  by_anybody.reproduced_by = ReproducedBy::kAnyone;
  std::vector<const AttestedSnapshot*> usable;
  std::vector<const AttestedSnapshot*> dependent;
  std::vector<std::string> notes;
  std::string reason;
  for (const AttestedSnapshot* copy : context.index.Repetitions(name)) {
    if (auto excluded = Excluded(context, r, original, *copy)) {
      notes.push_back("'" + copy->object->meta.name + "' does not count: " + excluded->why);
      if (reason.empty()) reason = excluded->reason;
    } else {
      usable.push_back(copy);
    }
  }
  const auto ever = context.index.Ever().Repetitions(name);
  for (const AttestedSnapshot* copy : ever) {
    if (Excluded(context, r, original, *copy) && !Excluded(context, by_anybody, original, *copy)) {
      dependent.push_back(copy);
    }
  }
  const auto revoked = RevokedOf(
      context.index.Repetitions(name), ever,
      [&](const AttestedSnapshot& copy) { return !Excluded(context, r, original, copy); });
  const std::string wanted = "needs a repetition of snapshot '" + name + "'" +
                             (independent ? " by an independent person or pipeline" : "");
  // The latest governs: nobody repeats a run until it happens to come out right once.
  if (const auto gone = GoneSnapshot(context, {r.reproducers, r.assurance}, name, usable)) {
    return Conclude(std::move(gate), GateState::kMissing, "ReproductionWithdrawn",
                    wanted + "; " + GoneText(*gone), remedy);
  }
  const auto judge = [&](const AttestedSnapshot& copy) {
    return RepetitionGate(context, r, gate, original, copy, usable.size(), {wanted, remedy});
  };
  if (usable.empty()) {
    Gate missing =
        Conclude(gate, GateState::kMissing, reason.empty() ? "ReproductionMissing" : reason,
                 wanted + (notes.empty() ? "" : "; " + Join(notes)), remedy);
    return WithAgainst(Time::min(), dependent, judge,
                       WithRevoked(Time::min(), revoked, judge, std::move(missing)));
  }
  const auto latest = LatestOf(usable);
  const Time since = latest.front()->by.first_seen;
  return WithAgainst(since, dependent, judge,
                     WithRevoked(since, revoked, judge, WorstOf(latest, judge)));
}

std::string UnpinnedText(const ReproducibilitySnapshotSpec& spec) {
  if (!spec.environment || spec.environment->unpinned.empty()) return {};
  return "; not pinned: " + Join(spec.environment->unpinned);
}

// By one of the latest snapshots.
Gate SnapshotGate(const Context& context, const ReproducibilityRequirement& r, Gate gate,
                  const AttestedSnapshot& latest, const std::string& remedy) {
  gate.evidence.push_back(RefTo(context.policy.spec, latest));
  const std::string& name = latest.object->meta.name;
  if (auto wrong = WhyNoCorrection(context.policy.spec, context.index, latest)) {
    return Conclude(std::move(gate), GateState::kFailed, std::move(wrong->reason),
                    "snapshot '" + name + "': " + wrong->why, remedy);
  }
  if (const std::string data = TestedOnTraining(latest.object->spec); !data.empty()) {
    return Conclude(std::move(gate), GateState::kFailed, "TestDataIsTrainingData",
                    "snapshot '" + name + "' tests on data set '" + data +
                        "', whose digest is that of Training data: results on known data say "
                        "nothing",
                    remedy);
  }
  if (const auto gaps = GapsOf(latest.object->spec, r.level); !gaps.empty()) {
    return Conclude(std::move(gate), GateState::kFailed, "SnapshotIncomplete",
                    "snapshot '" + name + "' does not reach level " + std::string(NameOf(r.level)) +
                        ": " + Join(gaps),
                    remedy);
  }
  const auto end = EndOf(AgesFrom(latest), r.max_age);
  if (r.max_age && end && *end <= context.facts.now) {
    gate.expired_at = end;
    return Conclude(std::move(gate), GateState::kExpired, "SnapshotExpired",
                    "snapshot '" + name + "' is older than " + FormatDuration(*r.max_age) +
                        ", it ended at " + FormatTime(*end),
                    remedy);
  }
  gate.valid_until = end;
  return Reproduced(context, r,
                    Conclude(std::move(gate), GateState::kPassed, "Reproducible",
                             "snapshot '" + name + "' reaches level " +
                                 std::string(NameOf(r.level)) + UnpinnedText(latest.object->spec)),
                    latest);
}

}  // namespace

Gate ReproducibilityGate(const Context& context, const ReproducibilityRequirement& r) {
  const ModelDigest& model = context.model;
  Gate gate = StartGate(context);
  std::vector<const AttestedSnapshot*> usable;
  std::vector<std::string> notes;
  std::string reason;
  std::size_t originals = 0;
  for (const AttestedSnapshot* found : context.index.Snapshots(model)) {
    const AttestedSnapshot& snapshot = *found;
    if (!snapshot.object->spec.reproduction_of.empty()) continue;
    ++originals;
    if (!IsAuthentic(snapshot.by)) {
      notes.push_back("'" + snapshot.object->meta.name +
                      "' does not count: " + WhyNotAuthentic(snapshot.by));
      reason = "EvidenceNotAuthentic";
    } else if (!IsTrustedIssuer(context.policy.spec, r.issuers, snapshot.by)) {
      notes.push_back("'" + snapshot.object->meta.name + "' does not count: '" + snapshot.by.user +
                      "' is not among the measure's issuers");
      reason = "IssuerNotTrusted";
    } else if (auto weak = WhyTooWeak(r.assurance, snapshot.by); !weak.empty()) {
      notes.push_back("'" + snapshot.object->meta.name + "' does not count: " + weak);
      reason = "EvidenceNotSigned";
    } else if (auto few = WhyTooFew(context.policy.spec, r.issuers, r.signers, snapshot.by);
               !few.empty()) {
      notes.push_back("'" + snapshot.object->meta.name + "' does not count: " + few);
      reason = "TooFewSigners";
    } else {
      usable.push_back(&snapshot);
    }
  }
  const std::string who =
      r.issuers.empty() ? "nobody: the measure lists no issuers" : SubjectsText(r.issuers);
  const std::string remedy = "a ReproducibilitySnapshot for model " + model.digest +
                             " in namespace '" +
                             context.facts.deployment->spec.use_case.name_space + "', created by " +
                             who + AskedSignature(context.policy.spec, r.assurance, r.signers);
  if (const auto gone = GoneSnapshot(context, {r.issuers, r.assurance}, {}, usable)) {
    return Conclude(std::move(gate), GateState::kMissing, "SnapshotWithdrawn",
                    "snapshot " + GoneText(*gone), remedy);
  }
  if (usable.empty()) {
    const std::size_t other_models = context.index.dossier().CountOfOriginals() - originals;
    if (reason.empty() && other_models > 0) {
      reason = "SnapshotForOtherModel";
      notes.push_back(std::to_string(other_models) + " for another model digest");
    }
    return Conclude(std::move(gate), GateState::kMissing,
                    reason.empty() ? "SnapshotMissing" : reason,
                    "needs a reproducibility snapshot of this model, level " +
                        std::string(NameOf(r.level)) + (notes.empty() ? "" : "; " + Join(notes)),
                    remedy);
  }
  const auto judge = [&](const AttestedSnapshot& one) {
    return SnapshotGate(context, r, gate, one, remedy);
  };
  const auto latest = LatestOf(usable);
  const auto counts = [&](const AttestedSnapshot& one) {
    return one.object->spec.reproduction_of.empty() &&
           IsBelieved(context.policy.spec, {r.issuers, r.assurance}, one.by) &&
           WhyTooFew(context.policy.spec, r.issuers, r.signers, one.by).empty();
  };
  const auto revoked =
      RevokedOf(context.index.Snapshots(model), context.index.Ever().Snapshots(model), counts);
  return WithRevoked(latest.front()->by.first_seen, revoked, judge, WorstOf(latest, judge));
}

}  // namespace countersign
