// context.h: what every measure's function is given, and the few steps that all of them share.
//
// Pure. A measure is one function over a Context that returns a Gate; measures.h lists them.
#pragma once

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "governance/decision.h"
#include "governance/evidence_index.h"
#include "governance/facts.h"
#include "governance/identity.h"
#include "governance/model_change.h"

namespace countersign {

// What a measure's gate rests on now.
struct EvidenceInUse {
  EvidenceRef ref;
  std::string measure;
  bool fails = false;  // the gate, whether waived or not
};

struct Context {
  const GovernancePolicy& policy;
  const PolicyEnvironment& environment;
  const Measure& measure;
  const Facts& facts;
  const Insiders& insiders;
  const EvidenceIndex& index;
  const std::string& answers_digest;
  const ModelDigest& model;  // whose evidence is judged: the deployment's, or an earlier one's
  const Lineage& lineage;    // the models before the deployment's
  // Of sign-offs: what the policy's other measures rest on.
  const std::vector<EvidenceInUse>* in_use = nullptr;
  // Names of all versions of the policy, its own among them; null: it has no others.
  const std::set<std::string>* versions = nullptr;
};

// A gate with the measure's name, step, accountable role, enforcement and reactions filled in.
[[nodiscard]] Gate StartGate(const Context& context);

// Sets state, reason and message; returns the gate for `return Conclude(…)`.
[[nodiscard]] Gate Conclude(Gate gate, GateState state, std::string reason, std::string message,
                            std::string remedy = {});

// "'ns/name'" of the deployment, as commands name it: "credit-scorer -n lending-prod".
[[nodiscard]] std::string DeploymentArgs(const Facts& facts);

// What a signature under such an object means.
template <class Spec>
[[nodiscard]] std::string MeaningOf(const Spec& /*spec*/) {
  return "Authorship";
}
// "Approve as model-validator for 'vera@bank.example'"
[[nodiscard]] std::string MeaningOf(const SignOffSpec& spec);

// By the policy's names; nullopt where nobody is known to have made it.
[[nodiscard]] std::optional<Signatory> SignatoryOf(const GovernancePolicySpec& policy,
                                                   const Provenance& by, std::string meaning);

template <class Spec>
[[nodiscard]] EvidenceRef RefTo(const GovernancePolicySpec& policy,
                                const Attested<Spec>& evidence) {
  const Object<Spec>& object = *evidence.object;
  return {std::string(Spec::kKind), object.meta.name_space, object.meta.name, object.spec_digest,
          SignatoryOf(policy, evidence.by, MeaningOf(object.spec))};
}

// Whether `by` may be believed at all: stamped, or assumed offline.
[[nodiscard]] bool IsAuthentic(const Provenance& by);

// Whether a report by `by` counts for a measure that believes `issuers`. Offline, where nobody was
// authenticated, any issuer is taken at their word and the CLI says so.
[[nodiscard]] bool IsTrustedIssuer(const GovernancePolicySpec& policy,
                                   const std::vector<Subject>& issuers, const Provenance& by);

// What evidence lacks for which a measure wants so many people among `issuers` to have signed it;
// empty if nothing.
[[nodiscard]] std::string WhyTooFew(const GovernancePolicySpec& policy,
                                    const std::vector<Subject>& issuers, std::int64_t signers,
                                    const Provenance& by);

// Why evidence does not count, for messages: "'name' (not stamped: …)".
[[nodiscard]] std::string WhyNotAuthentic(const Provenance& by);

// When evidence that is as old as `made` stops to hold; nullopt: never.
[[nodiscard]] std::optional<Time> EndOf(Time made, const std::optional<Seconds>& max_age);

// Since when a result ages. Applied late, it is as old as it says; it is never younger than it was
// seen.
template <class Spec>
[[nodiscard]] Time AgesFrom(const Attested<Spec>& one) {
  return std::min(one.by.first_seen, one.object->spec.performed_at);
}

// The latest of `list` by the time admission saw it, names breaking ties; null when empty.
template <class Spec>
[[nodiscard]] const Attested<Spec>* Latest(const std::vector<const Attested<Spec>*>& list) {
  const Attested<Spec>* latest = nullptr;
  for (const Attested<Spec>* one : list) {
    if (latest == nullptr || one->by.first_seen > latest->by.first_seen ||
        (one->by.first_seen == latest->by.first_seen &&
         one->object->meta.name > latest->object->meta.name)) {
      latest = one;
    }
  }
  return latest;
}

// The latest of `list` by when they count from: several, where they do from the same instant, since
// whoever names one must not choose which governs. Of copies of one object the last by name.
template <class Spec>
[[nodiscard]] std::vector<const Attested<Spec>*> LatestOf(
    const std::vector<const Attested<Spec>*>& list) {
  std::vector<const Attested<Spec>*> latest;
  for (const Attested<Spec>* one : list) {
    if (!latest.empty() && one->by.first_seen < latest.front()->by.first_seen) continue;
    if (!latest.empty() && one->by.first_seen > latest.front()->by.first_seen) latest.clear();
    const auto copy = std::find_if(latest.begin(), latest.end(), [&](const auto* other) {
      return other->object->spec_digest == one->object->spec_digest;
    });
    if (copy == latest.end()) {
      latest.push_back(one);
    } else if ((*copy)->object->meta.name < one->object->meta.name) {
      *copy = one;
    }
  }
  return latest;
}

void AddEvidence(const std::vector<EvidenceRef>& more, std::vector<EvidenceRef>& evidence);

// The worst that `judge` makes of any of `list`, which is not empty; it rests on all of them.
template <class Spec, class Judge>
[[nodiscard]] Gate WorstOf(const std::vector<const Attested<Spec>*>& list, const Judge& judge) {
  Gate worst = judge(*list.front());
  std::vector<EvidenceRef> evidence = worst.evidence;
  for (std::size_t i = 1; i < list.size(); ++i) {
    Gate gate = judge(*list[i]);
    AddEvidence(gate.evidence, evidence);
    const bool sooner = gate.state == worst.state && gate.valid_until &&
                        (!worst.valid_until || *gate.valid_until < *worst.valid_until);
    if (gate.state > worst.state || sooner) worst = std::move(gate);
  }
  worst.evidence = std::move(evidence);
  return worst;
}

// One line of at most 200 bytes of somebody's text, for a message: control characters become
// spaces, so that a rationale cannot add lines to a refusal, and no UTF-8 sequence is cut in two.
[[nodiscard]] std::string Shorten(const std::string& text);

// "a; b; c", at most `limit` of them and how many more.
[[nodiscard]] std::string Join(const std::vector<std::string>& parts, std::size_t limit = 5);

}  // namespace countersign
