#include "governance/measures/carry_over.h"

#include <algorithm>
#include <map>

#include "governance/measures/bias_test_fitness.h"
#include "governance/measures/predecessor.h"

namespace countersign {
namespace {

// Nothing that counts was found, as opposed to something that leaves a part out, or that governs
// although it was deleted.
bool NothingBelieved(const Gate& gate) {
  return gate.state == GateState::kMissing && gate.evidence.empty() &&
         gate.reason != "EvidenceWithdrawn" && gate.reason != "BiasTestWithdrawn";
}

// The strictest age of the rules that the change needs; an obstacle when one of its kinds has none.
std::optional<Obstacle> Restrict(const Measure& measure, const LineageStep& step,
                                 Seconds& max_age) {
  for (const ChangeKind kind : step.change.kinds) {
    const CarryOverRule* rule = nullptr;
    for (const CarryOverRule& one : measure.carry_over) {
      if (std::find(one.kinds.begin(), one.kinds.end(), kind) != one.kinds.end()) rule = &one;
    }
    if (rule == nullptr) {
      return Obstacle{"ChangeNotCarried", "the change from it is " + std::string(NameOf(kind)) +
                                              ", which the measure's carryOver does not list (" +
                                              Join(step.change.because) + ")"};
    }
    if (rule->max_age) max_age = std::min(max_age, *rule->max_age);
  }
  return std::nullopt;
}

// A refresh may take in the very data that the model before was tested on.
std::optional<Obstacle> TestedOnOwnTraining(const Context& context, const Gate& before) {
  std::map<std::string, std::string> tests;  // by digest of the data set
  for (const EvidenceRef& ref : before.evidence) {
    if (ref.kind != BiasTestSpec::kKind) continue;
    for (const AttestedBiasTest* test : context.index.BiasTestsNamed(ref.name)) {
      tests.emplace(test->object->spec.data_set.digest, ref.name);
    }
  }
  for (const AttestedSnapshot* snapshot : context.index.Ever().Snapshots(context.model)) {
    if (!IsHeard(snapshot->by)) continue;
    for (const DataState& data : snapshot->object->spec.data) {
      const auto test = tests.find(data.digest);
      if (data.role == DataRole::kTest || test == tests.end()) continue;
      return Obstacle{"BiasDataNotIndependent", "the data set of BiasTest '" + test->second +
                                                    "' is " + std::string(NameOf(data.role)) +
                                                    " data of the new model"};
    }
  }
  if (tests.empty()) return std::nullopt;
  const auto believed = [&](const Provenance& by) {
    return IsTrustedIssuer(context.policy.spec, context.policy.spec.changes->issuers, by);
  };
  if (const auto gone = DeletedSnapshotOf(QueryOf(context), believed)) {
    return Obstacle{
        "BiasTrainingDataUnknown",
        "of the new model: " + gone->text + ", and what data it named nobody can read any more"};
  }
  return std::nullopt;
}

// A report that is about the use case is not carried over, and ages by no change.
bool IsAboutModel(const EvidenceSpec& spec) { return spec.model.has_value(); }
bool IsAboutModel(const BiasTestSpec& /*spec*/) { return true; }

template <class Spec>
void Oldest(const std::vector<const Attested<Spec>*>& all, std::optional<Time>& oldest) {
  for (const Attested<Spec>* one : all) {
    if (!IsAboutModel(one->object->spec)) continue;
    if (!oldest || AgesFrom(*one) < *oldest) oldest = AgesFrom(*one);
  }
}

Gate Carried(const Context& context, const std::string& remedy, Gate gate, std::size_t steps,
             const std::set<ChangeKind>& kinds, const ModelDigest& model, Seconds max_age) {
  std::optional<Time> oldest;
  for (const EvidenceRef& ref : gate.evidence) {
    if (ref.kind == EvidenceSpec::kKind) Oldest(context.index.ReportsNamed(ref.name), oldest);
    if (ref.kind == BiasTestSpec::kKind) Oldest(context.index.BiasTestsNamed(ref.name), oldest);
  }
  gate.carried_over = CarriedOver{model.digest, static_cast<std::int64_t>(steps), KindNames(kinds)};
  std::string text;
  for (const std::string& kind : gate.carried_over->kinds)
    text += (text.empty() ? "" : ", ") + kind;
  gate.message += "; carried over from model " + model.digest + ", " + std::to_string(steps) +
                  (steps == 1 ? " change" : " changes") + " ago (" + text + ")";
  if (gate.state != GateState::kPassed) {
    gate.remedy = remedy;
    return gate;
  }
  const Time end = oldest.value_or(context.facts.now) + max_age;
  if (end <= context.facts.now) {
    gate.valid_until.reset();
    gate.expired_at = end;
    std::string message = gate.message + ", which ended at " + FormatTime(end) +
                          ": after such changes evidence holds for " + FormatDuration(max_age);
    return Conclude(std::move(gate), GateState::kExpired, "CarryOverExpired", std::move(message),
                    remedy);
  }
  if (!gate.valid_until || end < *gate.valid_until) gate.valid_until = end;
  return gate;
}

Gate NotCarried(Gate gate, const ModelDigest* model, Obstacle obstacle) {
  gate.reason = std::move(obstacle.reason);
  gate.message += "; nothing is carried over";
  if (model != nullptr) gate.message += " from model " + model->digest;
  gate.message += ": " + obstacle.why;
  return gate;
}

}  // namespace

Gate ApplyCarryOver(const Context& context, Gate gate,
                    const std::function<Gate(const Context&)>& run) {
  const auto& changes = context.policy.spec.changes;
  if (!changes || context.measure.carry_over.empty() || !NothingBelieved(gate)) return gate;
  const Lineage& lineage = context.lineage;
  Seconds max_age = changes->max_total;
  std::set<ChangeKind> kinds;
  for (std::size_t i = 0; i < lineage.steps.size(); ++i) {
    const LineageStep& step = lineage.steps[i];
    auto obstacle = Restrict(context.measure, step, max_age);
    if (!obstacle) obstacle = WhyUnfit(context, step.model);
    if (obstacle) return NotCarried(std::move(gate), &step.model, *std::move(obstacle));
    kinds.insert(step.change.kinds.begin(), step.change.kinds.end());
    Gate before =
        run({context.policy, context.environment, context.measure, context.facts, context.insiders,
             context.index, context.answers_digest, step.model, lineage, context.in_use});
    if (!NothingBelieved(before)) {
      if (auto own = TestedOnOwnTraining(context, before)) {
        return NotCarried(std::move(gate), &step.model, *std::move(own));
      }
      return Carried(context, gate.remedy, std::move(before), i + 1, kinds, step.model, max_age);
    }
  }
  if (lineage.end_reason.empty()) return gate;
  return NotCarried(std::move(gate), nullptr, {lineage.end_reason, lineage.end});
}

}  // namespace countersign
