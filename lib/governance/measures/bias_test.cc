#include "governance/measures/bias_test.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "governance/fairness_metrics.h"
#include "governance/measures/asked_signature.h"
#include "governance/measures/bias_test_judge.h"
#include "governance/measures/corrections.h"
#include "governance/measures/revoked.h"
#include "governance/records.h"
#include "governance/signers.h"
#include "governance/sum_metrics.h"
#include "governance/types/bias_cells.h"

namespace countersign {
namespace {

// Earlier results that are judged again to be told to approvers; the rest is only counted, so that
// twenty runs cost no more than four.
constexpr std::size_t kEarlierShown = 3;

// All results for one protocol and data set, the latest last.
using Attempts = std::vector<const AttestedBiasTest*>;

std::string RemedyOf(const Context& context, const BiasTestRequirement& r) {
  std::string attributes;
  for (const RequiredAttribute& a : r.attributes) {
    attributes += (attributes.empty() ? "" : ", ") + a.name;
  }
  return "a BiasTest for model " + context.model.digest + " over " + attributes +
         " in namespace '" + context.facts.deployment->spec.use_case.name_space + "', created by " +
         (r.issuers.empty() ? "nobody: the measure lists no issuers" : SubjectsText(r.issuers)) +
         AskedSignature(context.policy.spec, r.assurance, r.signers);
}

std::string ResultText(const Context& context, const BiasTestRequirement& r,
                       const AttestedBiasTest& test) {
  const auto findings = JudgeBiasTest(context, r, test);
  std::string text = "'" + test.object->meta.name + "' ";
  if (findings.empty()) return text + "passed";
  const BiasFinding& worst = *std::max_element(
      findings.begin(), findings.end(),
      [](const BiasFinding& a, const BiasFinding& b) { return a.state < b.state; });
  return text + std::string(GateStateName(worst.state)) + " " + worst.reason;
}

// "'b' is attempt 2 of protocol 'holdout' on data set 'h'; earlier results: 'a' Failed …". Whoever
// approves must see how often it was tried: a pass in the twentieth run is not one in the first.
std::string AttemptsText(const Context& context, const BiasTestRequirement& r,
                         const Attempts& attempts, std::size_t recorded) {
  const AttestedBiasTest& latest = *attempts.back();
  const std::size_t earlier = attempts.size() - 1;
  std::string text = "'" + latest.object->meta.name + "' is attempt " +
                     std::to_string(std::max(attempts.size(), recorded)) + " of protocol '" +
                     latest.object->spec.protocol + "' on data set '" +
                     latest.object->spec.data_set.name + "'";
  for (std::size_t i = 0; i < std::min(earlier, kEarlierShown); ++i) {
    text += i == 0 ? "; earlier results: " : ", ";
    text += ResultText(context, r, *attempts[earlier - 1 - i]);
  }
  if (earlier > kEarlierShown) {
    text += " and " + std::to_string(earlier - kEarlierShown) + " before them";
  }
  if (recorded > attempts.size()) {
    text += "; " + std::to_string(recorded - attempts.size()) + " of them were deleted";
  }
  return text;
}

using Data = std::pair<std::string, std::string>;  // protocol, digest of the data set

// What the model's record knows of one protocol and data set.
struct Recorded {
  std::size_t attempts = 0;
  Time newest{};  // when the last of them was seen
};

// The tests that count, by protocol and data set, and why others do not.
struct Candidates {
  std::map<Data, Attempts> by_data;
  std::map<Data, Recorded> recorded;
  std::map<Data, PastResult> gone;   // the latest, where nobody can read it any more
  std::map<Data, Attempts> revoked;  // by keys that have ended, and would count
  std::vector<std::string> notes;
  std::string reason = "BiasTestMissing";
};

// Whether all of the measure's metrics are computed from what the test counts. Another measure is
// for other counts: a calibration does not stand in for a selection.
bool Serves(const BiasTestRequirement& r, const std::optional<CountShape>& shape) {
  return shape && std::all_of(r.metrics.begin(), r.metrics.end(), [&](const MetricBound& bound) {
           const bool known = fairness::FindMetric(bound.name) != nullptr ||
                              fairness::FindSumMetric(bound.name) != nullptr;
           return !known || fairness::Serves(*shape, bound.name);
         });
}

bool Serves(const BiasTestRequirement& r, const std::string& counts) {
  for (int i = 0; i <= static_cast<int>(CountShape::kRanking); ++i) {
    const auto shape = static_cast<CountShape>(i);
    if (fairness::ShapeName(shape) == counts) return Serves(r, std::optional(shape));
  }
  return true;  // a later version wrote it; what it counted cannot be told
}

void AddRecorded(const Context& context, const BiasTestRequirement& r, Candidates& candidates) {
  const Believed who{r.issuers, r.assurance};
  const auto present = context.index.BiasTests(context.model);
  for (const PastResult& past : PastResults(QueryOf(context), BiasTestSpec::kKind, who)) {
    const RecordedResult& result = *past.result;
    if (!Serves(r, result.counts)) continue;
    const Data data{result.topic, result.data_set};
    Recorded& recorded = candidates.recorded[data];
    recorded.attempts += static_cast<std::size_t>(result.attempts);
    recorded.newest = std::max(recorded.newest, past.by.first_seen);
    const auto found = candidates.by_data.find(data);
    const AttestedBiasTest* latest =
        found == candidates.by_data.end() ? nullptr : found->second.back();
    if (!GovernsAlthoughGone(context.policy.spec, who, past, latest, present)) continue;
    const auto [gone, fresh] = candidates.gone.emplace(data, past);
    if (!fresh && gone->second.by.first_seen < past.by.first_seen) gone->second = past;
  }
}

// All attempts that are known of: those of the record, and what came later, which it may not have
// yet.
std::size_t KnownAttempts(const Context& context, const Candidates& candidates, const Data& data,
                          const Attempts& tests) {
  const auto recorded = candidates.recorded.find(data);
  const ModelRecord* record = RecordOf(context.facts, context.model.digest);
  if (recorded == candidates.recorded.end() || record == nullptr) return tests.size();
  const auto later = std::count_if(tests.begin(), tests.end(), [&](const AttestedBiasTest* one) {
    return one->by.first_seen > recorded->second.newest &&
           record->spec.Find(one->object->KnownAs(), one->object->meta.name_space) == nullptr;
  });
  return recorded->second.attempts + static_cast<std::size_t>(later);
}

Candidates CandidatesOf(const Context& context, const BiasTestRequirement& r) {
  Candidates candidates;
  const auto own = context.index.BiasTests(context.model);
  for (const AttestedBiasTest* found : own) {
    const AttestedBiasTest& test = *found;
    const BiasTestSpec& spec = test.object->spec;
    const std::string but = "'" + test.object->meta.name + "' does not count: ";
    const auto shape = ShapeOf(spec);
    if (!Serves(r, shape)) {
      candidates.notes.push_back(but + "its cells count " +
                                 (shape ? std::string(fairness::ShapeName(*shape)) : "nothing") +
                                 ", from which " + r.metrics.front().name + " is not computed");
      candidates.reason = "BiasCountsUnfit";
    } else if (!IsAuthentic(test.by)) {
      candidates.notes.push_back(but + WhyNotAuthentic(test.by));
      candidates.reason = "EvidenceNotAuthentic";
    } else if (!IsTrustedIssuer(context.policy.spec, r.issuers, test.by)) {
      candidates.notes.push_back(but + "'" + test.by.user + "' is not among the measure's issuers");
      candidates.reason = "IssuerNotTrusted";
    } else if (auto weak = WhyTooWeak(r.assurance, test.by); !weak.empty()) {
      candidates.notes.push_back(but + weak);
      candidates.reason = "EvidenceNotSigned";
    } else if (auto few = WhyTooFew(context.policy.spec, r.issuers, r.signers, test.by);
               !few.empty()) {
      candidates.notes.push_back(but + few);
      candidates.reason = "TooFewSigners";
    } else {
      candidates.by_data[{spec.protocol, spec.data_set.digest}].push_back(&test);
    }
  }
  const std::size_t other_models = context.facts.bias_tests.size() - own.size();
  if (candidates.notes.empty() && other_models > 0) {
    candidates.reason = "BiasTestForOtherModel";
    candidates.notes.push_back(std::to_string(other_models) + " for another model digest");
  }
  for (auto& [data, attempts] : candidates.by_data) {
    std::sort(attempts.begin(), attempts.end(), [](const auto* a, const auto* b) {
      return std::tie(a->by.first_seen, a->object->meta.name) <
             std::tie(b->by.first_seen, b->object->meta.name);
    });
  }
  const auto counts = [&](const AttestedBiasTest& test) {
    return Serves(r, ShapeOf(test.object->spec)) &&
           IsBelieved(context.policy.spec, {r.issuers, r.assurance}, test.by) &&
           WhyTooFew(context.policy.spec, r.issuers, r.signers, test.by).empty();
  };
  for (const AttestedBiasTest* test :
       RevokedOf(own, context.index.Ever().BiasTests(context.model), counts)) {
    const BiasTestSpec& spec = test->object->spec;
    candidates.revoked[{spec.protocol, spec.data_set.digest}].push_back(test);
  }
  AddRecorded(context, r, candidates);
  return candidates;
}

// What is wrong with one of the latest results.
void AddFindings(const Context& context, const BiasTestRequirement& r, const AttestedBiasTest& test,
                 std::vector<BiasFinding>& findings) {
  auto found = JudgeBiasTest(context, r, test);
  if (auto wrong = WhyNoCorrection(context.policy.spec, context.index, test)) {
    found.push_back({GateState::kFailed,
                     std::move(wrong->reason),
                     "test '" + test.object->meta.name + "': " + wrong->why,
                     "spec.supersedes",
                     {}});
  }
  findings.insert(findings.end(), std::make_move_iterator(found.begin()),
                  std::make_move_iterator(found.end()));
}

// And with results on the same data from `since` on by keys that have ended.
void AddRevoked(const Context& context, const BiasTestRequirement& r, const Candidates& candidates,
                const Data& data, Time since, Gate& gate, std::vector<BiasFinding>& findings) {
  const auto revoked = candidates.revoked.find(data);
  if (revoked == candidates.revoked.end()) return;
  for (const AttestedBiasTest* test : revoked->second) {
    if (test->by.first_seen < since) continue;
    std::vector<BiasFinding> found;
    AddFindings(context, r, *test, found);
    if (!found.empty()) AddEvidence({RefTo(context.policy.spec, *test)}, gate.evidence);
    for (BiasFinding& one : found) {
      one.message += kRevokedText;
      findings.push_back(std::move(one));
    }
  }
}

Gate Failing(Gate gate, std::vector<BiasFinding> findings, const std::string& attempts,
             const std::string& remedy) {
  std::stable_sort(findings.begin(), findings.end(),
                   [](const BiasFinding& a, const BiasFinding& b) { return a.state > b.state; });
  std::vector<std::string> messages;
  messages.reserve(findings.size());
  for (const BiasFinding& finding : findings) messages.push_back(finding.message);
  const BiasFinding& worst = findings.front();
  gate.path = worst.path;
  return Conclude(std::move(gate), worst.state, worst.reason,
                  Join(messages) + (attempts.empty() ? "" : " (" + attempts + ")"),
                  worst.remedy.empty() ? remedy : worst.remedy);
}

Gate Expired(Gate gate, const BiasTestRequirement& r, const AttestedBiasTest& newest,
             const std::string& remedy) {
  gate.expired_at = EndOf(AgesFrom(newest), r.max_age);
  std::string message = "test '" + newest.object->meta.name + "' is too old";
  if (r.max_age && gate.expired_at) {
    message += ", older than " + FormatDuration(*r.max_age) + ", it ended at " +
               FormatTime(*gate.expired_at);
  }
  return Conclude(std::move(gate), GateState::kExpired, "BiasTestExpired", std::move(message),
                  remedy);
}

}  // namespace

Gate BiasTestGate(const Context& context, const BiasTestRequirement& r) {
  Gate gate = StartGate(context);
  const Candidates candidates = CandidatesOf(context, r);
  const std::string remedy = RemedyOf(context, r);
  std::vector<BiasFinding> findings;
  findings.reserve(candidates.gone.size());
  for (const auto& [data, past] : candidates.gone) {
    findings.push_back(
        {GateState::kMissing, "BiasTestWithdrawn",
         "of protocol '" + data.first + "' on data set " + data.second + " " + GoneText(past), "",
         remedy});
  }
  for (const auto& [data, tests] : candidates.revoked) {
    if (candidates.by_data.contains(data)) continue;
    AddRevoked(context, r, candidates, data, Time::min(), gate, findings);
  }
  if (candidates.by_data.empty() && findings.empty()) {
    return Conclude(std::move(gate), GateState::kMissing, candidates.reason,
                    "needs a bias test of this model" +
                        (candidates.notes.empty() ? "" : "; " + Join(candidates.notes)),
                    remedy);
  }
  std::vector<std::string> attempts;
  const AttestedBiasTest* newest_expired = nullptr;
  bool any_current = false;
  for (const auto& [data, tests] : candidates.by_data) {
    const AttestedBiasTest& latest = *tests.back();
    gate.evidence.push_back(RefTo(context.policy.spec, latest));
    attempts.push_back(
        AttemptsText(context, r, tests, KnownAttempts(context, candidates, data, tests)));
    std::vector<BiasFinding> found;
    for (const AttestedBiasTest* one : LatestOf(tests)) {
      if (one != &latest) AddEvidence({RefTo(context.policy.spec, *one)}, gate.evidence);
      AddFindings(context, r, *one, found);
    }
    AddRevoked(context, r, candidates, data, latest.by.first_seen, gate, found);
    const bool passed = found.empty();
    findings.insert(findings.end(), std::make_move_iterator(found.begin()),
                    std::make_move_iterator(found.end()));
    const auto end = EndOf(AgesFrom(latest), r.max_age);
    if (end && *end <= context.facts.now) {
      if (newest_expired == nullptr || AgesFrom(latest) > AgesFrom(*newest_expired)) {
        newest_expired = &latest;
      }
    } else if (passed) {
      any_current = true;
      // The gate holds as long as one current result does.
      if (!end) {
        gate.valid_until = Time::max();
      } else if (!gate.valid_until || *end > *gate.valid_until) {
        gate.valid_until = end;
      }
    }
  }
  if (gate.valid_until == Time::max()) gate.valid_until.reset();
  if (!findings.empty()) {
    gate.valid_until.reset();
    return Failing(std::move(gate), std::move(findings), Join(attempts), remedy);
  }
  if (!any_current) return Expired(std::move(gate), r, *newest_expired, remedy);
  return Conclude(std::move(gate), GateState::kPassed, "BiasWithinBounds",
                  "all metrics are within bounds; " + Join(attempts));
}

}  // namespace countersign
