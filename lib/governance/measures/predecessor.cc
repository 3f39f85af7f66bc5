#include "governance/measures/predecessor.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <tuple>

#include "governance/incidents.h"
#include "governance/measures/revoked.h"
#include "governance/records.h"

namespace countersign {
namespace {

std::optional<Obstacle> Unhealthy(const Context& context, const ModelDigest& model) {
  const auto& changes = context.policy.spec.changes;
  const std::vector<Subject> issuers = changes ? changes->health_issuers : std::vector<Subject>{};
  const auto counts = [&](const AttestedEvidence& record) {
    return record.object->spec.model == model &&
           record.object->spec.environment == context.environment.name &&
           IsTrustedIssuer(context.policy.spec, issuers, record.by);
  };
  const auto present = context.index.Reports("ServingRecord", model.digest);
  std::vector<const AttestedEvidence*> records;
  std::copy_if(present.begin(), present.end(), std::back_inserter(records),
               [&](const AttestedEvidence* record) { return counts(*record); });
  const Believed who{issuers, Assurance::kRequester};
  const RecordQuery query{context.policy.spec, context.facts, context.index, model};
  for (const PastResult& past : PastResults(query, EvidenceSpec::kKind, who)) {
    if (past.result->topic == "ServingRecord" &&
        past.result->environment == context.environment.name &&
        GovernsAlthoughGone(query.policy, who, past, Latest(records), present)) {
      return Obstacle{"PredecessorNotHealthy", "ServingRecord " + GoneText(past)};
    }
  }
  if (records.empty()) {
    return Obstacle{"PredecessorNotHealthy",
                    "no ServingRecord by " +
                        (issuers.empty() ? "anybody (spec.changes.healthIssuers is empty)"
                                         : SubjectsText(issuers)) +
                        " says that it ran in '" + context.environment.name + "'"};
  }
  // Also of a key that has ended the last word counts, if it is that the model was not healthy.
  auto last = LatestOf(records);
  const Time since = last.front()->by.first_seen;
  for (const AttestedEvidence* one :
       RevokedOf(present, context.index.Ever().Reports("ServingRecord", model.digest), counts)) {
    if (one->by.first_seen >= since) last.push_back(one);
  }
  for (const AttestedEvidence* latest : last) {
    const auto& claims = latest->object->spec.claims;
    const bool healthy = std::any_of(claims.begin(), claims.end(), [](const Claim& claim) {
      return claim.name == "healthy" && claim.flag && *claim.flag;
    });
    if (healthy) continue;
    return Obstacle{"PredecessorNotHealthy", "ServingRecord '" + latest->object->meta.name +
                                                 "' says that it was not healthy in '" +
                                                 context.environment.name + "'"};
  }
  return std::nullopt;
}

// One by one, since each can be taken back by itself.
std::vector<std::string> EnvironmentsOf(const SignOffSubject& subject) {
  return subject.environments.empty() ? std::vector<std::string>{subject.environment}
                                      : subject.environments;
}

std::optional<Obstacle> Quarantined(const Context& context, const ModelDigest& model) {
  const auto incident = OpenQuarantineOf(context.policy, context.facts, context.insiders,
                                         context.index, context.answers_digest, model);
  if (!incident) return std::nullopt;
  return Obstacle{"PredecessorQuarantined", "Incident '" + *incident + "' quarantines it"};
}

}  // namespace

std::optional<Obstacle> WhyRejected(const Context& context, const ModelDigest& model) {
  const GovernancePolicySpec& policy = context.policy.spec;
  std::map<std::tuple<std::string, std::string, std::string, std::string>, const AttestedSignOff*>
      latest;
  const auto rank = [](const AttestedSignOff& s) {
    return std::tuple(s.by.first_seen, s.object->spec.decision == SignOffDecision::kReject);
  };
  for (const AttestedSignOff* found : context.index.SignOffsAbout(model)) {
    const AttestedSignOff& sign_off = *found;
    const SignOffSpec& spec = sign_off.object->spec;
    // Advice decides nothing. A deputy's word counts here without looking at who lent the role: to
    // take a rejection for one is the safe reading.
    const bool holds = sign_off.by.authenticity == Authenticity::kAssumed ||
                       !spec.on_behalf_of.empty() ||
                       IsNamedBy(policy, {SubjectKind::kRole, spec.role}, sign_off.by);
    if (spec.decision == SignOffDecision::kAdvise || !IsAuthentic(sign_off.by) ||
        spec.signer.username != sign_off.by.user || !holds) {
      continue;
    }
    for (const std::string& environment : EnvironmentsOf(spec.subject)) {
      const AttestedSignOff*& kept = latest[{PersonOf(policy, sign_off.by.user), spec.role,
                                             environment, spec.subject.governed_digest}];
      if (kept == nullptr || rank(*kept) < rank(sign_off)) kept = &sign_off;
    }
  }
  for (const auto& [key, sign_off] : latest) {
    const SignOffSpec& spec = sign_off->object->spec;
    if (spec.decision != SignOffDecision::kReject) continue;
    return Obstacle{"PredecessorRejected", "'" + sign_off->by.user + "' rejected it as '" +
                                               spec.role + "': " + Shorten(spec.rationale)};
  }
  return std::nullopt;
}

std::optional<Obstacle> WhyUnfit(const Context& context, const ModelDigest& model) {
  for (const auto check : {Unhealthy, WhyRejected, Quarantined}) {
    if (auto obstacle = check(context, model)) return obstacle;
  }
  return std::nullopt;
}

}  // namespace countersign
