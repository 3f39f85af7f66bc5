#include "governance/measures/protocols.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "governance/change_protocol.h"
#include "governance/measures/predecessor.h"
#include "governance/measures/sign_off.h"
#include "governance/records.h"
#include "governance/signers.h"

namespace countersign {
namespace {

bool Names(const std::vector<std::string>& list, const std::string& name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

// What one protocol comes to for the measure of a context.
struct Judgement {
  GateState state = GateState::kMissing;
  std::string reason;
  std::string text;
  std::string remedy;
  std::vector<EvidenceRef> evidence;
  std::optional<Time> valid_until;
};

Judgement Not(GateState state, std::string reason, std::string text, std::string remedy = {}) {
  return {state, std::move(reason), std::move(text), std::move(remedy), {}, std::nullopt};
}

class Judge {
 public:
  // `base`: the model that the protocol starts from, `steps` models before the deployment's,
  // from 1.
  Judge(const Context& context, const ProtocolRules& rules, const AttestedEvidence& report,
        ChangeProtocol protocol, const ModelDigest& base, std::size_t steps,
        const std::function<Gate(const Context&)>& run)
      : context_(context),
        rules_(rules),
        report_(report),
        protocol_(std::move(protocol)),
        base_(base),
        steps_(steps),
        run_(run) {}

  Judgement Run() {
    if (!IsAuthentic(report_.by)) {
      return Not(GateState::kMissing, "ProtocolNotAuthentic", WhyNotAuthentic(report_.by));
    }
    if (auto other = Bound()) return *std::move(other);
    if (auto broad = TooBroad(); !broad.empty()) {
      return Not(GateState::kMissing, "ProtocolTooBroad", std::move(broad));
    }
    if (protocol_.expires_at <= context_.facts.now) {
      Judgement expired = Not(GateState::kExpired, "ProtocolExpired",
                              "it ended at " + FormatTime(protocol_.expires_at));
      expired.valid_until = protocol_.expires_at;
      return expired;
    }
    SignOffOutcome approval = Approval();
    if (approval.state != GateState::kPassed) {
      return Not(GateState::kMissing, "ProtocolNotApproved", approval.message,
                 ApproveText(context_.policy.spec, rules_.sign_off.role,
                             "--protocol " + report_.object->meta.name + " -n " +
                                 report_.object->meta.name_space));
    }
    Shorten(approval.valid_until);
    Shorten(protocol_.expires_at);
    if (auto violation = Violation(); !violation.empty()) {
      return Not(GateState::kFailed, "ProtocolViolated", std::move(violation));
    }
    const std::int64_t use = UseNumber();
    if (use > protocol_.max_uses) {
      return Not(GateState::kMissing, "ProtocolExhausted",
                 "this is model " + std::to_string(use) + " since it was made, it covers " +
                     std::to_string(protocol_.max_uses));
    }
    Judgement active;
    active.state = GateState::kPassed;
    active.reason = "PreApproved";
    active.text = "approved beforehand by ChangeProtocol '" + report_.object->meta.name +
                  "', use " + std::to_string(use) + " of " + std::to_string(protocol_.max_uses) +
                  ", " + approval.message;
    active.evidence = {RefTo(context_.policy.spec, report_)};
    active.evidence.insert(active.evidence.end(), approval.evidence.begin(),
                           approval.evidence.end());
    active.valid_until = valid_until_;
    return active;
  }

 private:
  void Shorten(const std::optional<Time>& end) {
    if (end && (!valid_until_ || *end < *valid_until_)) valid_until_ = end;
  }

  // People approved of refreshes of one deployment under one policy.
  std::optional<Judgement> Bound() {
    if (protocol_.policy_digest != context_.policy.spec_digest) {
      return Not(GateState::kMissing, "ProtocolForOtherPolicy",
                 "its claim policyDigest is not the digest of policy '" +
                     context_.policy.meta.name + "' as it is now, " + context_.policy.spec_digest);
    }
    const auto frame = FrameDigest(context_.facts.deployment->spec);
    if (!frame || *frame != protocol_.frame_digest) {
      return Not(GateState::kMissing, "ProtocolForOtherFrame",
                 "its claim frameDigest is not that of this deployment without its model, " +
                     (frame ? *frame : frame.error().message));
    }
    return std::nullopt;
  }

  std::string TooBroad() const {
    if (protocol_.max_uses > rules_.max_uses) {
      return "it covers " + std::to_string(protocol_.max_uses) + " models, allowed are " +
             std::to_string(rules_.max_uses);
    }
    const auto lasts = std::chrono::ceil<Seconds>(protocol_.expires_at - report_.by.first_seen);
    if (lasts > rules_.max_duration) {
      return "it is for " + FormatDuration(lasts) + ", allowed are " +
             FormatDuration(rules_.max_duration);
    }
    for (const ChangeKind kind : protocol_.kinds) {
      if (std::find(rules_.kinds.begin(), rules_.kinds.end(), kind) == rules_.kinds.end()) {
        return "it covers " + std::string(NameOf(kind)) +
               ", which spec.changes.protocols.kinds does not list";
      }
    }
    return {};
  }

  // Approval is always by others than those whom it saves the asking.
  SignOffOutcome Approval() const {
    SignOffRequirement requirement = rules_.sign_off;
    requirement.distinct_from = {Distinct::kDevelopers, Distinct::kRequester};
    Insiders insiders = context_.insiders;
    for (const Provenance& one : EachSignerEver(context_.policy.spec, report_.by)) {
      insiders.AddMakers(context_.policy.spec, one);
    }
    for (const std::string& name : report_.object->spec.performed_by) {
      insiders.Add(context_.policy.spec, name);
    }
    SignOffTarget target;
    target.kind = SubjectOfSignOff::kChangeProtocol;
    target.use_case = report_.object->spec.use_case;
    target.protocol = report_.object->meta.name;
    target.protocol_digest = report_.object->spec_digest;
    return JudgeSignOffs(context_.policy.spec, requirement, target, context_.facts, insiders,
                         context_.index, context_.answers_digest);
  }

  std::string Violation() {
    const AttestedSnapshot* own = SnapshotOf(context_.policy.spec, context_.index, context_.model);
    if (own == nullptr || KnownSince(*own) < report_.by.first_seen) {
      return "the model was there before it: what exists is not approved of beforehand";
    }
    for (std::size_t i = 0; i < steps_; ++i) {
      const LineageStep& step = context_.lineage.steps[i];
      for (const ChangeKind kind : step.change.kinds) {
        if (protocol_.kinds.contains(kind)) continue;
        return "the change from model " + step.model.digest + " is " + std::string(NameOf(kind)) +
               " (" + Join(step.change.because) + ")";
      }
      if (const auto obstacle = WhyUnfit(context_, step.model)) {
        return "model " + step.model.digest + ": " + obstacle->why;
      }
    }
    // Another version, uri or replica count is another revision, and the model is the same.
    if (const auto rejected = WhyRejected(context_, context_.model)) {
      return "this model: " + rejected->why;
    }
    if (auto metric = MetricOutOfBounds(own->object->spec); !metric.empty()) return metric;
    std::vector<std::string> fresh = rules_.fresh;
    fresh.insert(fresh.end(), protocol_.fresh.begin(), protocol_.fresh.end());
    for (const std::string& name : fresh) {
      if (auto unmet = Unmet(name); !unmet.empty()) return unmet;
    }
    return {};
  }

  // When anybody told of the model first, also what is gone: telling of it again makes it no newer.
  Time KnownSince(const AttestedSnapshot& own) const {
    Time since = own.by.first_seen;
    for (const AttestedSnapshot* one : context_.index.Ever().Snapshots(context_.model)) {
      if (IsAuthentic(one->by)) since = std::min(since, one->by.first_seen);
    }
    const ModelRecord* record = RecordOf(context_.facts, context_.model.digest);
    if (record == nullptr) return since;
    std::int64_t let_go = 0;
    for (const RecordedResult& one : record->spec.results) {
      if (one.kind != ReproducibilitySnapshotSpec::kKind) continue;
      since = std::min(since, one.by.first_seen.time);
      for (const EarlierResult& earlier : one.earlier) {
        since = std::min(since, earlier.first_seen.time);
      }
      let_go += LetGo(one);
    }
    const auto present = RecordedSnapshots(context_.index.Ever(), context_.model, *record);
    const auto told = [](const AttestedSnapshot& one) { return IsAuthentic(one.by); };
    return IsAnyGone(let_go, *record, present, told) ? Time::min() : since;
  }

  std::string MetricOutOfBounds(const ReproducibilitySnapshotSpec& spec) const {
    for (const NumberBound& bound : protocol_.bounds) {
      const auto it = spec.metrics.find(bound.name);
      if (it == spec.metrics.end()) return "the snapshot states no metric '" + bound.name + "'";
      const std::string is = "metric '" + bound.name + "' is " + it->second.ToString();
      if (bound.min && it->second < *bound.min) {
        return is + ", must be at least " + bound.min->ToString();
      }
      if (bound.max && it->second > *bound.max) {
        return is + ", must be at most " + bound.max->ToString();
      }
    }
    return {};
  }

  // The measure by evidence about the new model itself: nothing is carried over here.
  std::string Unmet(const std::string& name) {
    const auto& measures = context_.policy.spec.measures;
    const auto found = std::find_if(measures.begin(), measures.end(),
                                    [&](const Measure& m) { return m.name == name; });
    if (found == measures.end()) return "measure '" + name + "' is none of this policy";
    const Gate gate = run_({context_.policy, context_.environment, *found, context_.facts,
                            context_.insiders, context_.index, context_.answers_digest,
                            context_.model, context_.lineage, context_.in_use});
    if (gate.state == GateState::kPassed) {
      Shorten(gate.valid_until);
      return {};
    }
    return "measure '" + name + "' must be met by the new model itself: " + gate.message;
  }

  // Which model since the protocol was made this is, of all whose snapshots lead back to where it
  // starts. A model counts though it never served: whoever tries twenty has used twenty.
  std::int64_t UseNumber() const {
    using Key = std::pair<std::string, DigestType>;
    struct Made {
      std::optional<Time> first;
      std::set<Key> previous;  // all that anybody told
    };
    const auto key = [](const ModelDigest& model) { return Key(model.digest, model.type); };
    std::map<Key, Made> models;
    // Of a key that has ended too: what was used up does not come back.
    for (const AttestedSnapshot* snapshot : context_.index.Ever().AllSnapshots()) {
      if (!TellsOfChange(context_.policy.spec, *snapshot)) continue;
      Made& made = models[key(snapshot->object->spec.model)];
      made.first = std::min(made.first.value_or(Time::max()), snapshot->by.first_seen);
      if (const auto& previous = snapshot->object->spec.previous) {
        made.previous.insert(key(*previous));
      }
    }
    const Key base = key(base_);
    const auto leads_to_base = [&](const Key& model) {
      std::set<Key> visited = {model};
      std::vector<Key> open = {model};
      while (!open.empty()) {
        const auto it = models.find(open.back());
        open.pop_back();
        if (it == models.end()) continue;
        for (const Key& previous : it->second.previous) {
          if (previous == base) return true;
          if (visited.insert(previous).second) open.push_back(previous);
        }
      }
      return false;
    };
    const Key own = key(context_.model);
    const auto order = std::pair(models[own].first.value_or(Time::max()), own);
    return std::count_if(models.begin(), models.end(), [&](const auto& entry) {
      const auto& [model, made] = entry;
      const Time first = made.first.value_or(Time::max());
      return model != base && first >= report_.by.first_seen && std::pair(first, model) <= order &&
             leads_to_base(model);
    });
  }

  const Context& context_;
  const ProtocolRules& rules_;
  const AttestedEvidence& report_;
  const ChangeProtocol protocol_;
  const ModelDigest& base_;
  const std::size_t steps_;
  const std::function<Gate(const Context&)>& run_;
  std::optional<Time> valid_until_;
};

}  // namespace

Gate ApplyProtocols(const Context& context, Gate gate,
                    const std::function<Gate(const Context&)>& run) {
  const auto& changes = context.policy.spec.changes;
  if (!context.measure.require.sign_off || !changes || !changes->protocols ||
      !Names(changes->protocols->measures, context.measure.name) ||
      gate.state == GateState::kPassed || gate.state == GateState::kFailed) {
    return gate;
  }
  std::vector<std::string> notes;
  std::optional<Judgement> first;
  for (std::size_t i = 0; i < context.lineage.steps.size(); ++i) {
    const ModelDigest& base = context.lineage.steps[i].model;
    for (const AttestedEvidence* report : context.index.Reports(kChangeProtocolType, base.digest)) {
      const EvidenceSpec& spec = report->object->spec;
      auto protocol = ReadProtocol(spec);  // admission lets none through that cannot be read
      if (!protocol || spec.model != base || spec.environment != context.environment.name ||
          protocol->policy != context.policy.meta.name ||
          !Names(protocol->stands_for, context.measure.name)) {
        continue;
      }
      Judgement judgement =
          Judge(context, *changes->protocols, *report, *std::move(protocol), base, i + 1, run)
              .Run();
      if (judgement.state == GateState::kPassed) {
        gate.evidence = std::move(judgement.evidence);
        gate.valid_until = judgement.valid_until;
        gate.expired_at.reset();
        return Conclude(std::move(gate), GateState::kPassed, std::move(judgement.reason),
                        std::move(judgement.text));
      }
      notes.push_back("ChangeProtocol '" + report->object->meta.name + "' does not count (" +
                      judgement.reason + "): " + judgement.text);
      if (!first) first = std::move(judgement);
    }
  }
  if (!first) return gate;
  gate.message += "; " + Join(notes);
  // Sign-offs of its own that ended say more about a deployment than a protocol that does not fit.
  if (gate.state == GateState::kMissing) {
    gate.state = first->state;
    gate.reason = first->reason;
    if (first->state == GateState::kExpired) gate.expired_at = first->valid_until;
  }
  if (!first->remedy.empty()) gate.remedy += "; or " + first->remedy;
  return gate;
}

}  // namespace countersign
