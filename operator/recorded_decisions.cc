#include "operator/recorded_decisions.h"

#include <algorithm>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "governance/decision.h"
#include "governance/dossier.h"
#include "operator/recorded_maker.h"

namespace countersign {
namespace {

// As much of a text as anybody is shown; of no character JSON makes many.
std::string Cut(const std::string& text) {
  constexpr std::size_t kShown = 512;
  return OneLine(text, kShown);
}

// What a rejection is judged by, without what only approvals have.
std::string ContentOf(const SignOffSpec& spec) {
  SignOffSpec kept = spec;
  kept.rationale = Cut(spec.rationale);
  kept.shown.reset();
  kept.signature.reset();
  kept.responses.clear();
  kept.conditions.clear();
  return DumpJson(EncodeSpec(kept));
}

std::string ContentOf(const IncidentSpec& spec) {
  IncidentSpec kept = spec;
  kept.summary = Cut(spec.summary);
  return DumpJson(EncodeSpec(kept));
}

// Whether `known` says all that there is to say of it. A rejection is one for each key that signed
// it: a copy by a key that the policy does not believe must not stand for one by a key that it
// does.
bool IsRecordOf(const RecordedDecision& known, const AttestedSignOff& one) {
  const SignOff& object = *one.object;
  if (known.digest != object.KnownAs() || known.name_space != object.meta.name_space) return false;
  if (object.spec.decision == SignOffDecision::kReject) {
    return known.by.signing_key == (one.by.signature ? one.by.signature->key : std::string());
  }
  return known.withdrawn.text.empty() || object.spec.signature ||
         one.by.first_seen <= known.withdrawn.time;
}

// An approval that was perhaps here before, and went: recorded anew it would count again.
bool IsForgotten(const AttestedSignOff& one, const ModelRecordSpec& record) {
  const SignOff& object = *one.object;
  const Time made =
      std::min(one.by.first_seen, object.spec.performed_at.value_or(one.by.first_seen));
  return object.spec.decision != SignOffDecision::kReject &&
         made <= record.DecisionsForgottenUntil(object.meta.name_space);
}

}  // namespace

void AddDecisions(const SeenOfModel& seen, ModelRecordSpec& record) {
  std::vector<RecordedDecision> fresh;
  for (const AttestedSignOff& one : seen.sign_offs) {
    const SignOff& object = *one.object;
    const auto is = [&](const RecordedDecision& known) { return IsRecordOf(known, one); };
    if (!MakerIsKnown(one.by) || IsForgotten(one, record) ||
        std::any_of(record.decisions.begin(), record.decisions.end(), is) ||
        std::any_of(fresh.begin(), fresh.end(), is)) {
      continue;
    }
    RecordedDecision decision;
    decision.name_space = object.meta.name_space;
    decision.use_case = object.spec.subject.use_case;
    decision.role = object.spec.role;
    decision.decision = object.spec.decision;
    decision.environments = object.spec.subject.environments;
    if (!object.spec.subject.environment.empty()) {
      decision.environments.push_back(object.spec.subject.environment);
    }
    decision.governed_digest = DigestOfSubject(object.spec.subject);
    decision.name = object.meta.name;
    decision.uid = object.meta.uid;
    decision.digest = object.KnownAs();
    decision.by = MakerOf(one.by);
    if (decision.decision == SignOffDecision::kReject) decision.content = ContentOf(object.spec);
    fresh.push_back(std::move(decision));
  }
  for (RecordedDecision& one : fresh) {
    // An approval that was withdrawn and made again replaces what is known of it.
    std::erase_if(record.decisions, [&](const RecordedDecision& known) {
      return one.decision != SignOffDecision::kReject && known.digest == one.digest &&
             known.name_space == one.name_space;
    });
    record.decisions.push_back(std::move(one));
  }
  std::stable_sort(record.decisions.begin(), record.decisions.end(),
                   [](const RecordedDecision& a, const RecordedDecision& b) {
                     return std::tie(a.by.first_seen.time, a.name) <
                            std::tie(b.by.first_seen.time, b.name);
                   });
}

void AddIncidents(const SeenOfModel& seen, ModelRecordSpec& record) {
  for (const auto& incident : seen.incidents) {
    const bool known = std::any_of(
        record.incidents.begin(), record.incidents.end(), [&](const RecordedIncident& one) {
          return one.digest == incident->spec_digest && one.name == incident->meta.name &&
                 one.name_space == incident->meta.name_space;
        });
    if (known) continue;
    RecordedIncident one;
    one.name_space = incident->meta.name_space;
    one.use_case = incident->spec.use_case;
    one.name = incident->meta.name;
    one.uid = incident->meta.uid;
    one.digest = incident->spec_digest;
    one.content = ContentOf(incident->spec);
    record.incidents.push_back(std::move(one));
  }
}

}  // namespace countersign
