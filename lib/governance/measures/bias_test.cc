#include "governance/measures/bias_test.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "governance/fairness_metrics.h"
#include "governance/measures/bias_test_judge.h"
#include "governance/measures/corrections.h"
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
         (r.issuers.empty() ? "nobody: the measure lists no issuers" : SubjectsText(r.issuers));
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
                         const Attempts& attempts) {
  const AttestedBiasTest& latest = *attempts.back();
  const std::size_t earlier = attempts.size() - 1;
  std::string text = "'" + latest.object->meta.name + "' is attempt " +
                     std::to_string(attempts.size()) + " of protocol '" +
                     latest.object->spec.protocol + "' on data set '" +
                     latest.object->spec.data_set.name + "'";
  for (std::size_t i = 0; i < std::min(earlier, kEarlierShown); ++i) {
    text += i == 0 ? "; earlier results: " : ", ";
    text += ResultText(context, r, *attempts[earlier - 1 - i]);
  }
  if (earlier > kEarlierShown) {
    text += " and " + std::to_string(earlier - kEarlierShown) + " before them";
  }
  return text;
}

// The tests that count, by protocol and data set, and why others do not.
struct Candidates {
  std::map<std::pair<std::string, std::string>, Attempts> by_data;
  std::vector<std::string> notes;
  std::string reason = "BiasTestMissing";
};

// Whether all of the measure's metrics are computed from what the test counts. Another measure is
// for other counts: a calibration does not stand in for a selection.
bool Serves(const BiasTestRequirement& r, const BiasTestSpec& spec) {
  const auto shape = ShapeOf(spec);
  return shape && std::all_of(r.metrics.begin(), r.metrics.end(), [&](const MetricBound& bound) {
           const bool known = fairness::FindMetric(bound.name) != nullptr ||
                              fairness::FindSumMetric(bound.name) != nullptr;
           return !known || fairness::Serves(*shape, bound.name);
         });
}

Candidates CandidatesOf(const Context& context, const BiasTestRequirement& r) {
  Candidates candidates;
  const auto own = context.index.BiasTests(context.model);
  for (const AttestedBiasTest* found : own) {
    const AttestedBiasTest& test = *found;
    const BiasTestSpec& spec = test.object->spec;
    const std::string but = "'" + test.object->meta.name + "' does not count: ";
    if (!Serves(r, spec)) {
      const auto shape = ShapeOf(spec);
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
  return candidates;
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
                  Join(messages) + " (" + attempts + ")",
                  worst.remedy.empty() ? remedy : worst.remedy);
}

Gate Expired(Gate gate, const BiasTestRequirement& r, const AttestedBiasTest& newest,
             const std::string& remedy) {
  gate.expired_at = EndOf(newest.by.first_seen, r.max_age);
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
  if (candidates.by_data.empty()) {
    return Conclude(std::move(gate), GateState::kMissing, candidates.reason,
                    "needs a bias test of this model" +
                        (candidates.notes.empty() ? "" : "; " + Join(candidates.notes)),
                    remedy);
  }
  std::vector<BiasFinding> findings;
  std::vector<std::string> attempts;
  const AttestedBiasTest* newest_expired = nullptr;
  bool any_current = false;
  for (const auto& [data, tests] : candidates.by_data) {
    const AttestedBiasTest& latest = *tests.back();
    gate.evidence.push_back(RefTo(context.policy.spec, latest));
    attempts.push_back(AttemptsText(context, r, tests));
    auto found = JudgeBiasTest(context, r, latest);
    if (auto wrong = WhyNoCorrection(context.policy.spec, context.index, latest)) {
      found.push_back({GateState::kFailed,
                       std::move(wrong->reason),
                       "test '" + latest.object->meta.name + "': " + wrong->why,
                       "spec.supersedes",
                       {}});
    }
    const bool passed = found.empty();
    findings.insert(findings.end(), std::make_move_iterator(found.begin()),
                    std::make_move_iterator(found.end()));
    const auto end = EndOf(latest.by.first_seen, r.max_age);
    if (end && *end <= context.facts.now) {
      if (newest_expired == nullptr || latest.by.first_seen > newest_expired->by.first_seen) {
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
