#include "operator/checks.h"

#include <algorithm>
#include <set>
#include <utility>

#include "governance/evaluate.h"
#include "governance/exempt_namespace.h"
#include "governance/in_force.h"
#include "governance/incidents.h"
#include "governance/measures/context.h"
#include "governance/signers.h"
#include "governance/types/status.h"

namespace countersign {
namespace {

std::optional<Checked> Absent() { return std::nullopt; }

Checked Invalid(const Error& error) {
  Checked checked;
  checked.fault = "Invalid";
  checked.message = error.ToString();
  return checked;
}

std::string Count(std::size_t n, const char* what) {
  return std::to_string(n) + " " + what + (n == 1 ? "" : "s");
}

Condition InForceCondition(const PolicyStanding& standing) {
  Condition condition;
  condition.type = "InForce";
  condition.status = standing.Counts() ? "True" : "False";
  condition.reason = standing.reason;
  condition.message = standing.message.empty() ? "counts as it stands" : standing.message;
  for (const std::string& warning : standing.warnings) condition.message += "; " + warning;
  return condition;
}

Condition EnforcedCondition(const std::string& missing, const std::string& exempt) {
  Condition condition;
  condition.type = "Enforced";
  condition.status = missing.empty() && exempt.empty() ? "True" : "False";
  condition.reason = !missing.empty()  ? "AdmissionWeakened"
                     : !exempt.empty() ? "NamespaceExempt"
                                       : "AsInstalled";
  condition.message = missing + (missing.empty() || exempt.empty() ? "" : "; ") + exempt;
  if (condition.message.empty()) {
    condition.message = "the API server asks admission as it was installed";
  }
  return condition;
}

GovernancePolicyStatus StatusOf(const PolicyStanding& standing, const Provenance& by) {
  GovernancePolicyStatus status;
  status.in_force = standing.Counts();
  status.state = PolicyStateName(standing.state);
  status.since = standing.since;
  status.until = standing.until;
  if (by.authenticity == Authenticity::kAttested) {
    status.published_by = by.user;
    status.published_at = by.first_seen;
  }
  status.remedy = CutMessage(standing.remedy);
  status.next_change = standing.next_change;
  return status;
}

// Empty: it may go. What is not known might rest on it.
std::string WhyKept(const std::vector<PolicyStanding>& standings, const std::string& name,
                    const PolicySet& set, const std::vector<std::string>& stale) {
  if (auto kept = KeptBecause(standings, name)) return CutMessage(*std::move(kept));
  if (!set.unreadable.empty()) return CutMessage(set.unreadable.front());
  return stale.empty() ? std::string() : CutMessage(stale.front());
}

// "certificate of 'vera@bank.example' (key SHA256:…) and 1 more"
std::string SignerText(const SignatureProof& proof) {
  std::string text = "key " + proof.key;
  if (proof.chain) text = "certificate of " + proof.chain->Name() + " (" + text + ")";
  if (!proof.cosigners.empty()) text += " and " + std::to_string(proof.cosigners.size()) + " more";
  return text;
}

// "of evidence in namespace 'a'"; empty where there is room.
std::string FullOf(const ModelRecordSpec& record) {
  if (record.full) return "of anything";
  for (const RecordBounds& one : record.bounds) {
    if (one.full) return "of evidence in namespace '" + one.name_space + "'";
  }
  return {};
}

EvidenceStatus StampStatus(const Provenance& by) {
  EvidenceStatus status;
  status.stamped_user = by.user;
  status.first_seen = by.first_seen;
  status.groups = by.groups;
  status.credential_id = by.credential_id;
  if (by.sign_in) status.signed_in_at = by.sign_in->at;
  if (by.signature) status.signing_key = by.signature->key;
  return status;
}

// By the first policy, in the order of names, that has the role and, where a key signed, knows it.
std::optional<Signatory> ManifestationOf(const std::shared_ptr<const Cached<SignOffSpec>>& cached,
                                         PolicySet policies) {
  std::sort(policies.policies.begin(), policies.policies.end(),
            [](const auto& a, const auto& b) { return a->meta.name < b->meta.name; });
  const AttestedSignOff raw{std::shared_ptr<const SignOff>(cached, &cached->object), cached->by};
  for (const auto& policy : policies.policies) {
    if (FindRole(policy->spec, raw.object->spec.role) == nullptr) continue;
    const AttestedSignOff one = WithSigner(policy->spec, kAnyEnvironment, raw);
    if (auto by = SignatoryOf(policy->spec, one.by, MeaningOf(one.object->spec))) return by;
  }
  return std::nullopt;
}

template <class Spec>
std::optional<Checked> CheckStamp(const Lookup<Cached<Spec>>& found) {
  if (found.found == Found::kAbsent) return Absent();
  if (found.found == Found::kUndecodable) return Invalid(*found.error);
  const Provenance& by = found.value->by;
  Checked checked;
  EvidenceStatus status;
  if (by.authenticity == Authenticity::kAttested || by.authenticity == Authenticity::kSigned ||
      by.authenticity == Authenticity::kForeign) {
    status = StampStatus(by);
  }
  if (by.authenticity == Authenticity::kAttested) {
    checked.reason = "Attested";
    checked.message =
        "made by '" + by.user + "', seen by admission at " + FormatTime(by.first_seen);
    checked.stamped = true;
  } else if (by.authenticity == Authenticity::kForeign) {
    checked.reason = "Carried";
    checked.message = "made by '" + by.user + "', seen by installation '" +
                      by.foreign->installation + "' at " + FormatTime(by.first_seen) +
                      "; each policy says whether that counts (spec.trustedInstallations)";
  } else if (by.authenticity == Authenticity::kSigned) {
    checked.reason = "Signed";
    checked.message = "signed by " + SignerText(*by.signature) + ", applied by '" + by.user +
                      "', seen by admission at " + FormatTime(by.first_seen) +
                      "; each policy says whose that is (spec.people[])";
    checked.stamped = true;
  } else {
    checked.fault = by.authenticity == Authenticity::kForged         ? "StampInvalid"
                    : by.authenticity == Authenticity::kBadSignature ? "SignatureInvalid"
                                                                     : "NotStamped";
    checked.message =
        "counts for nothing: " +
        (by.problem.empty() ? std::string("admission did not see who made it") : by.problem) +
        "; delete it and have its author create it again";
  }
  checked.more = EncodeStatus(status);
  return checked;
}

}  // namespace

Check CheckPolicy(const Catalog& catalog, Clock& clock, AdmissionGap gap,
                  std::string own_namespace) {
  return [&catalog, &clock, gap = std::move(gap), own_namespace = std::move(own_namespace)](
             const ObjectKey& key, Time now) -> std::optional<Checked> {
    const auto found = catalog.policies().Find(key);
    if (found.found == Found::kAbsent) return Absent();
    if (found.found == Found::kUndecodable) return Invalid(*found.error);
    const auto set = catalog.Policies();
    const auto standings = PolicyStandings(*set, now);
    const auto standing =
        std::find_if(standings.begin(), standings.end(),
                     [&](const PolicyStanding& one) { return one.policy->meta.name == key.name; });
    if (standing == standings.end()) return Absent();
    const GovernancePolicySpec& spec = found.value->object.spec;
    Checked checked;
    checked.reason = standing->Counts() ? "InForce" : std::string(PolicyStateName(standing->state));
    checked.message = Count(spec.measures.size(), "measure") + " for " +
                      Count(spec.environments.size(), "environment");
    if (standing->state == PolicyState::kOrphaned || standing->state == PolicyState::kRejected) {
      checked.fault = standing->reason;
      checked.message = standing->message;
    }
    checked.in_force = InForceCondition(*standing);
    const std::string exempt =
        standing->Counts() ? ExemptionText(spec, own_namespace) : std::string();
    const auto missing = gap();
    if (missing || !exempt.empty()) {
      checked.enforced = EnforcedCondition(missing.value_or(""), exempt);
    }
    checked.next_change = standing->next_change;
    GovernancePolicyStatus status = StatusOf(*standing, found.value->by);
    if (spec.version && found.value->object.meta.deleting) {
      status.kept_because = WhyKept(standings, key.name, *set, catalog.Stale(clock.Steady()));
      checked.may_go = status.kept_because.empty();
    }
    checked.more = EncodeStatus(status);
    return checked;
  };
}

Check CheckUseCase(const Catalog& catalog) {
  return [&catalog](const ObjectKey& key, Time now) -> std::optional<Checked> {
    const auto found = catalog.use_cases().Find(key);
    if (found.found == Found::kAbsent) return Absent();
    if (found.found == Found::kUndecodable) return Invalid(*found.error);
    const UseCase& use_case = *found.value;
    // What would be asked of any deployment of it, in the namespaces that it lists.
    auto any = std::make_shared<ModelDeployment>();
    any->spec.use_case = {key.ns, key.name};
    const auto policies = catalog.Policies();
    std::set<std::string> classes;
    bool approved = !use_case.spec.deploy_to.empty();
    std::string note;
    Checked checked;
    for (const std::string& ns : use_case.spec.deploy_to) {
      const Decision decision =
          Evaluate(*policies, catalog.Gather(any, "", Provenance{}, ns, key.name, now));
      classes.insert(decision.classes.begin(), decision.classes.end());
      approved = approved && decision.answers_approved;
      if (note.empty()) note = decision.answers_note;
      if (decision.next_change &&
          (!checked.next_change || *decision.next_change < *checked.next_change)) {
        checked.next_change = decision.next_change;
      }
    }
    UseCaseStatus status;
    if (const auto digest = AnswersDigest(use_case.spec)) status.answers_digest = *digest;
    status.classes.assign(classes.begin(), classes.end());
    status.class_summary = ClassSummary(status.classes);
    status.answers_approved = approved;
    status.answers_note = note;
    checked.more = EncodeStatus(status);
    checked.reason = approved ? "Classified" : "Registered";
    checked.message = approved ? "the answers are signed off and count" : note;
    if (checked.message.empty()) checked.message = "no policy covers the namespaces it lists";
    return checked;
  };
}

Check CheckSignOff(const Catalog& catalog) {
  return [&catalog](const ObjectKey& key, Time now) {
    const auto found = catalog.sign_offs().Find(key);
    auto checked = CheckStamp(found);
    if (!checked || !checked->fault.empty()) return checked;
    EvidenceStatus status = StampStatus(found.value->by);
    status.signatory = ManifestationOf(found.value, PoliciesInForce(*catalog.Policies(), now));
    checked->more = EncodeStatus(status);
    const auto& expires = found.value->object.spec.expires_at;
    if (expires && *expires <= now) {
      checked->fault = "Expired";
      checked->message = "expired at " + FormatTime(*expires) + "; its role decides again";
    } else if (expires) {
      checked->next_change = expires;
    }
    return checked;
  };
}

Check CheckSnapshot(const Catalog& catalog) {
  return
      [&catalog](const ObjectKey& key, Time) { return CheckStamp(catalog.snapshots().Find(key)); };
}

Check CheckBiasTest(const Catalog& catalog) {
  return
      [&catalog](const ObjectKey& key, Time) { return CheckStamp(catalog.bias_tests().Find(key)); };
}

Check CheckReport(const Catalog& catalog) {
  return [&catalog](const ObjectKey& key, Time) { return CheckStamp(catalog.reports().Find(key)); };
}

Check CheckRecord(const Catalog& catalog) {
  return [&catalog](const ObjectKey& key, Time) -> std::optional<Checked> {
    const auto found = catalog.records().Find(key);
    if (found.found == Found::kAbsent) return Absent();
    if (found.found == Found::kUndecodable) return Invalid(*found.error);
    Checked checked;
    checked.more = EncodeStatus(EvidenceStatus{});
    checked.reason = "Recorded";
    const ModelRecordSpec& record = found.value->object.spec;
    checked.message = Count(record.results.size(), "result") + ", " +
                      Count(record.decisions.size(), "decision") + ", " +
                      Count(record.incidents.size(), "incident");
    if (found.value->by.authenticity != Authenticity::kAttested) {
      checked.fault = "NotSigned";
      checked.message =
          "is not signed by this installation: its model is held until an "
          "administrator finds out who wrote it";
    } else if (const std::string full = FullOf(record); !full.empty()) {
      checked.fault = "Full";
      checked.message =
          "can hold no more " + full + ": release the model anew, under another digest";
    }
    return checked;
  };
}

Check CheckIncident(const Catalog& catalog) {
  return [&catalog](const ObjectKey& key, Time now) -> std::optional<Checked> {
    const auto found = catalog.incidents().Find(key);
    if (found.found == Found::kAbsent) return Absent();
    if (found.found == Found::kUndecodable) return Invalid(*found.error);
    const Incident& incident = found.value->object;
    Checked checked;
    checked.reason = "Raised";
    checked.message = "stands in the way of what it quarantines until it is closed";
    std::optional<Time> due;
    for (const auto& policy : PoliciesInForce(*catalog.Policies(), now).policies) {
      const auto by_policy = ReportDue(policy->spec, incident.spec);
      if (by_policy && (!due || *by_policy < *due)) due = by_policy;
    }
    if (due) checked.message += "; a report is due by " + FormatTime(*due);
    checked.more = EncodeStatus(EvidenceStatus{});
    return checked;
  };
}

Check CheckWaiver(const Catalog& catalog) {
  return [&catalog](const ObjectKey& key, Time now) {
    const auto found = catalog.waivers().Find(key);
    auto checked = CheckStamp(found);
    if (!checked || !checked->fault.empty()) return checked;
    const WaiverSpec& spec = found.value->object.spec;
    const Time expires = spec.expires_at;
    if (expires <= now) {
      checked->fault = "Expired";
      checked->message = "expired at " + FormatTime(expires);
    } else {
      checked->next_change = expires;
    }
    if (spec.emergency) {
      if (checked->fault.empty()) checked->reason = "Emergency";
      checked->message +=
          "; an emergency stays open until people sign it off: kubectl countersign "
          "approve --waiver " +
          key.name + " -n " + key.ns;
    }
    return checked;
  };
}

}  // namespace countersign
