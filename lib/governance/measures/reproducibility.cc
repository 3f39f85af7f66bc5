#include "governance/measures/reproducibility.h"

#include <algorithm>
#include <set>

#include "base/rational.h"

namespace countersign {
namespace {

// What `level` asks for and `spec` lacks, as field paths with reasons.
std::vector<std::string> Gaps(const ReproducibilitySnapshotSpec& spec, ReproducibilityLevel level) {
  std::vector<std::string> gaps;
  if (spec.metrics.empty()) gaps.emplace_back("spec.metrics is empty");
  if (level == ReproducibilityLevel::kMetricsOnly) return gaps;
  const bool full = level == ReproducibilityLevel::kFullSnapshot;
  if (!spec.code) {
    gaps.emplace_back("spec.code is missing");
  } else if (!spec.code->clean) {
    gaps.emplace_back("spec.code.clean is false: the run had changes beside the commit");
  }
  const auto has = [&](DataRole role) {
    return std::any_of(spec.data.begin(), spec.data.end(),
                       [&](const DataState& data) { return data.role == role; });
  };
  if (!has(DataRole::kTraining)) gaps.emplace_back("spec.data has no Training data");
  if (full && !has(DataRole::kTest)) gaps.emplace_back("spec.data has no Test data");
  if (!spec.environment) {
    gaps.emplace_back("spec.environment is missing");
    return gaps;
  }
  if (spec.environment->lock_file_digest.empty() && spec.environment->image.empty()) {
    gaps.emplace_back("spec.environment has neither lockFileDigest nor image");
  }
  if (full && !spec.environment->unpinned.empty()) {
    gaps.push_back("spec.environment.unpinned lists " +
                   std::to_string(spec.environment->unpinned.size()) + " dependencies, first '" +
                   spec.environment->unpinned.front() + "'");
  }
  return gaps;
}

std::set<std::pair<std::string, std::string>> DataDigests(const ReproducibilitySnapshotSpec& spec) {
  std::set<std::pair<std::string, std::string>> digests;
  for (const DataState& data : spec.data) {
    digests.emplace(std::string(NameOf(data.role)), data.digest);
  }
  return digests;
}

// Whether `b` is within `tolerance` of `a`, exactly.
bool Close(const Decimal& a, const Decimal& b, const Decimal& tolerance) {
  const auto difference = a.billionths() > b.billionths() ? a.billionths() - b.billionths()
                                                          : b.billionths() - a.billionths();
  return difference <= tolerance.billionths();
}

// Why `copy` is no repetition of `original`; empty if it is one.
std::string Difference(const ReproducibilitySnapshotSpec& original,
                       const ReproducibilitySnapshotSpec& copy, const ModelDigest& model,
                       const std::optional<Decimal>& tolerance) {
  if (!original.code || !copy.code || original.code->commit != copy.code->commit) {
    return "it ran another commit";
  }
  if (!copy.code->clean) return "its working tree was not clean";
  if (DataDigests(original) != DataDigests(copy)) return "it used other data";
  if (copy.model == model) return {};
  if (!tolerance) return "it resulted in another model, " + copy.model.digest;
  if (original.metrics.empty()) return "the original has no metrics to compare";
  for (const auto& [name, value] : original.metrics) {
    const auto it = copy.metrics.find(name);
    if (it == copy.metrics.end()) return "it does not report metric '" + name + "'";
    if (!Close(value, it->second, *tolerance)) {
      return "metric '" + name + "' is " + it->second.ToString() + ", was " + value.ToString() +
             ", allowed difference " + tolerance->ToString();
    }
  }
  return {};
}

Gate Reproduced(const Context& context, const ReproducibilityRequirement& r, Gate gate,
                const AttestedSnapshot& original) {
  if (r.reproduced_by == ReproducedBy::kNobody) return gate;
  const bool independent = r.reproduced_by == ReproducedBy::kIndependent;
  const std::string& name = original.object->meta.name;
  const std::string who = r.reproducers.empty() ? "nobody: the measure lists no reproducers"
                                                : SubjectsText(r.reproducers);
  const std::string remedy =
      (independent ? "somebody of " + who + " who is neither author nor developer" : who) +
      " repeats the run and creates a ReproducibilitySnapshot with spec.reproductionOf: " + name;
  const std::string author = PersonOf(context.policy.spec, original.by.user);
  std::vector<std::string> notes;
  std::string reason;
  for (const AttestedSnapshot& copy : context.facts.snapshots) {
    const ReproducibilitySnapshotSpec& spec = copy.object->spec;
    if (spec.reproduction_of != name) continue;
    const std::string person = PersonOf(context.policy.spec, copy.by.user);
    std::string why;
    std::string code;
    if (!IsAuthentic(copy.by)) {
      why = WhyNotAuthentic(copy.by);
      code = "EvidenceNotAuthentic";
    } else if (independent && copy.by.authenticity == Authenticity::kAttested &&
               (person == author || context.insiders.people.contains(person) ||
                IsNamedByAny(context.policy.spec, context.insiders.groups, copy.by))) {
      why = "'" + copy.by.user + "' is not independent";
      code = "ReproductionNotIndependent";
    } else if (!IsTrustedIssuer(context.policy.spec, r.reproducers, copy.by)) {
      why = "'" + copy.by.user + "' is not among the measure's reproducers";
      code = "ReproducerNotTrusted";
    } else if (why = Difference(original.object->spec, spec,
                                context.facts.deployment->spec.model.digest, r.tolerance);
               !why.empty()) {
      code = "ReproductionDiffers";
    } else {
      gate.evidence.push_back(RefTo(copy));
      gate.message += ", reproduced";
      if (!copy.by.user.empty()) gate.message += " by '" + copy.by.user + "'";
      return gate;
    }
    notes.push_back("'" + copy.object->meta.name + "' does not count: " + why);
    if (reason.empty() || code == "ReproductionDiffers") reason = code;
  }
  const bool differs = reason == "ReproductionDiffers";
  return Conclude(std::move(gate), differs ? GateState::kFailed : GateState::kMissing,
                  reason.empty() ? "ReproductionMissing" : reason,
                  "needs a repetition of snapshot '" + name + "'" +
                      (independent ? " by an independent person" : "") +
                      (notes.empty() ? "" : "; " + Join(notes)),
                  remedy);
}

}  // namespace

Gate ReproducibilityGate(const Context& context, const ReproducibilityRequirement& r) {
  const ModelDigest& model = context.facts.deployment->spec.model.digest;
  Gate gate = StartGate(context);
  std::vector<const AttestedSnapshot*> usable;
  std::vector<std::string> notes;
  std::string reason;
  int other_models = 0;
  for (const AttestedSnapshot& snapshot : context.facts.snapshots) {
    const ReproducibilitySnapshotSpec& spec = snapshot.object->spec;
    if (!spec.reproduction_of.empty()) continue;
    if (spec.model != model) {
      ++other_models;
      continue;
    }
    if (!IsAuthentic(snapshot.by)) {
      notes.push_back("'" + snapshot.object->meta.name +
                      "' does not count: " + WhyNotAuthentic(snapshot.by));
      reason = "EvidenceNotAuthentic";
    } else if (!IsTrustedIssuer(context.policy.spec, r.issuers, snapshot.by)) {
      notes.push_back("'" + snapshot.object->meta.name + "' does not count: '" + snapshot.by.user +
                      "' is not among the measure's issuers");
      reason = "IssuerNotTrusted";
    } else {
      usable.push_back(&snapshot);
    }
  }
  const std::string who =
      r.issuers.empty() ? "nobody: the measure lists no issuers" : SubjectsText(r.issuers);
  const std::string remedy =
      "a ReproducibilitySnapshot for model " + model.digest + " in namespace '" +
      context.facts.deployment->spec.use_case.name_space + "', created by " + who;
  const AttestedSnapshot* latest = Latest(usable);
  if (latest == nullptr) {
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
  gate.evidence.push_back(RefTo(*latest));
  const std::string& name = latest->object->meta.name;
  if (const auto gaps = Gaps(latest->object->spec, r.level); !gaps.empty()) {
    return Conclude(std::move(gate), GateState::kFailed, "SnapshotIncomplete",
                    "snapshot '" + name + "' does not reach level " + std::string(NameOf(r.level)) +
                        ": " + Join(gaps),
                    remedy);
  }
  const auto end = EndOf(latest->by.first_seen, r.max_age);
  if (r.max_age && end && *end <= context.facts.now) {
    gate.expired_at = end;
    return Conclude(std::move(gate), GateState::kExpired, "SnapshotExpired",
                    "snapshot '" + name + "' is older than " + FormatDuration(*r.max_age) +
                        ", it ended at " + FormatTime(*end),
                    remedy);
  }
  gate.valid_until = end;
  return Reproduced(
      context, r,
      Conclude(std::move(gate), GateState::kPassed, "Reproducible",
               "snapshot '" + name + "' reaches level " + std::string(NameOf(r.level))),
      *latest);
}

}  // namespace countersign
