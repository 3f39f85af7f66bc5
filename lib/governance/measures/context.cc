#include "governance/measures/context.h"

#include <algorithm>

#include "governance/signers.h"

namespace countersign {

Gate StartGate(const Context& context) {
  Gate gate;
  gate.policy = context.policy.meta.name;
  gate.measure = context.measure.name;
  gate.step = std::string(NameOf(context.measure.step));
  gate.accountable = context.measure.accountable;
  gate.enforcement = context.environment.enforcement;
  if (context.measure.enforcement) {
    gate.enforcement = std::max(gate.enforcement, *context.measure.enforcement);
  }
  gate.on_violation = context.measure.on_violation;
  gate.on_expiry = context.measure.on_expiry;
  return gate;
}

Gate Conclude(Gate gate, GateState state, std::string reason, std::string message,
              std::string remedy) {
  gate.state = state;
  gate.reason = std::move(reason);
  gate.message = std::move(message);
  gate.remedy = std::move(remedy);
  return gate;
}

std::string MeaningOf(const SignOffSpec& spec) {
  const std::string meaning = std::string(NameOf(spec.decision)) + " as " + spec.role;
  return spec.on_behalf_of.empty() ? meaning : meaning + " for '" + spec.on_behalf_of + "'";
}

std::optional<Signatory> SignatoryOf(const GovernancePolicySpec& policy, const Provenance& by,
                                     std::string meaning) {
  if (!IsAuthentic(by) || by.user.empty()) return std::nullopt;
  return Signatory{PrintedName(policy, by.user),
                   by.user,
                   by.first_seen,
                   std::move(meaning),
                   by.signature ? by.signature->key : std::string(),
                   AssuranceOf(by)};
}

std::string DeploymentArgs(const Facts& facts) { return facts.name + " -n " + facts.name_space; }

bool IsAuthentic(const Provenance& by) {
  return by.authenticity == Authenticity::kAttested || by.authenticity == Authenticity::kAssumed;
}

bool IsTrustedIssuer(const GovernancePolicySpec& policy, const std::vector<Subject>& issuers,
                     const Provenance& by) {
  if (by.authenticity == Authenticity::kAssumed) return !issuers.empty();
  if (by.authenticity != Authenticity::kAttested) return false;
  if (IsNamedByAny(policy, issuers, by)) return true;
  if (by.cosigners.empty()) return false;
  const auto all = EachSigner(by);
  return std::any_of(all.begin(), all.end(),
                     [&](const Provenance& one) { return IsNamedByAny(policy, issuers, one); });
}

std::string WhyTooFew(const GovernancePolicySpec& policy, const std::vector<Subject>& issuers,
                      std::int64_t signers, const Provenance& by) {
  if (signers <= 1) return {};
  std::string names;
  std::int64_t count = 0;
  for (const Provenance& one : EachSigner(by)) {
    if (!by.signature || !IsNamedByAny(policy, issuers, one)) continue;
    names += (count == 0 ? ": '" : ", '") + one.user + "'";
    ++count;
  }
  if (count >= signers) return {};
  return "the measure wants it signed by " + std::to_string(signers) +
         " people among its issuers, and it is by " + std::to_string(count) + names +
         "; countersign sign --add adds a signature, by keys in PEM (OpenSSH's sign alone)";
}

std::string WhyNotAuthentic(const Provenance& by) {
  switch (by.authenticity) {
    case Authenticity::kForged: return "its stamp does not hold: " + by.problem;
    case Authenticity::kBadSignature: return "its signature does not count: " + by.problem;
    case Authenticity::kForeign:
    case Authenticity::kWithdrawn: return by.problem;
    default: return "it carries no stamp of this installation";
  }
}

std::optional<Time> EndOf(Time made, const std::optional<Seconds>& max_age) {
  if (!max_age) return std::nullopt;
  return made + *max_age;
}

void AddEvidence(const std::vector<EvidenceRef>& more, std::vector<EvidenceRef>& evidence) {
  for (const EvidenceRef& one : more) {
    const bool known = std::any_of(evidence.begin(), evidence.end(), [&](const EvidenceRef& other) {
      return other.kind == one.kind && other.name == one.name;
    });
    if (!known) evidence.push_back(one);
  }
}

std::string Shorten(const std::string& text) {
  constexpr std::size_t kShown = 200;  // what a reader of a refusal can use
  return OneLine(text, kShown);
}

std::string Join(const std::vector<std::string>& parts, std::size_t limit) {
  std::string text;
  for (std::size_t i = 0; i < parts.size() && i < limit; ++i) {
    if (i > 0) text += "; ";
    text += parts[i];
  }
  if (parts.size() > limit) text += "; and " + std::to_string(parts.size() - limit) + " more";
  return text;
}

}  // namespace countersign
