#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string_view>

#include "cli/doctor_parts.h"
#include "governance/exempt_namespace.h"
#include "governance/types/object.h"

namespace countersign {
namespace {

// Stamps and sign-offs bear the programs' times; admission forgives five minutes (webhook).
constexpr std::chrono::seconds kSkew{30};
// Its duration is 15 s; an API server that is busy may delay a renewal.
constexpr std::chrono::seconds kLeaseIsOld{60};

std::string SkewText(std::chrono::microseconds skew) {
  const auto whole = std::chrono::duration_cast<std::chrono::seconds>(skew);
  return std::to_string(whole.count() < 0 ? -whole.count() : whole.count()) + " s " +
         (whole.count() < 0 ? "behind" : "ahead of");
}

bool IsBig(std::chrono::microseconds skew) { return skew > kSkew || skew < -kSkew; }

// When the API server stored the object last.
std::optional<Time> StoredAt(const Json& object) {
  const Json* fields = FindPath(object, "metadata/managedFields");
  if (fields == nullptr || !fields->is_array()) return std::nullopt;
  std::optional<Time> last;
  for (const Json& one : *fields) {
    auto time = ParseTime(StringAt(one, "time"));
    if (time && (!last || *time > *last)) last = *time;
  }
  return last;
}

// What the webhook's clock said when it refused: its decisions' ids are UUIDs of version 7, which
// begin with 48 bits of Unix milliseconds (RFC 9562, section 5.7).
std::optional<Time> RefusedAt(std::string_view message) {
  constexpr std::string_view kBefore = "(decision ";
  const auto at = message.rfind(kBefore);
  if (at == message.npos) return std::nullopt;
  const std::string_view id = message.substr(at + kBefore.size(), 36);
  if (id.size() != 36 || id[8] != '-' || id[13] != '-' || id[14] != '7') return std::nullopt;
  const std::string digits = std::string(id.substr(0, 8)).append(id.substr(9, 4));
  std::uint64_t millis = 0;
  const char* end = digits.data() + digits.size();
  const auto read = std::from_chars(digits.data(), end, millis, 16);
  if (read.ec != std::errc() || read.ptr != end) return std::nullopt;
  return Time(std::chrono::milliseconds(millis));
}

// The clock of one of the programs.
void ExamineClock(const Patient& patient, const std::string& program,
                  std::chrono::microseconds skew, const std::string& harm, Findings& findings) {
  if (!IsBig(skew)) return findings.Good("", "the " + program + " and the API server agree");
  findings.Fault("",
                 "the " + program + "'s clock is " + SkewText(skew) + " the API server's: " + harm,
                 "kubectl get pods -n " + patient.name_space +
                     " -o wide, then timedatectl status on the " + program + "'s node");
}

void ExamineProgram(const Patient& patient, const std::string& program, Findings& findings) {
  const std::string subject = NameOf("Deployment", patient.name_space, program);
  const Json* deployment = Seen(patient, subject, findings);
  if (deployment == nullptr) return;
  const std::string logs =
      "kubectl describe pods -n " + patient.name_space + " -l app.kubernetes.io/name=" + program;
  const std::int64_t wanted = IntAt(*deployment, "spec/replicas", 1);
  const std::int64_t ready = IntAt(*deployment, "status/readyReplicas", 0);
  const std::string count = std::to_string(ready) + " of " + std::to_string(wanted) + " replicas";
  if (ready == 0) {
    findings.Fault(subject, "no replica is ready", logs);
  } else if (ready < wanted) {
    findings.Warn(subject, "only " + count + " are ready", logs);
  } else {
    // Readiness of both programs is that every cache is synced.
    findings.Good(subject, count + " are ready, with all caches filled");
  }
  if (wanted == 1) {
    findings.Warn(
        subject, "has one replica: nobody answers while it is replaced",
        "kubectl scale -n " + patient.name_space + " deployment/" + program + " --replicas=2");
  }
  const Json* containers = FindPath(*deployment, "spec/template/spec/containers");
  if (containers != nullptr && containers->is_array() && !containers->empty()) {
    const std::string image = StringAt(containers->front(), "image");
    if (image.find("@sha256:") != std::string::npos) return;
    findings.Warn(subject, "its image is named by a tag, which may come to mean another: " + image,
                  ReleaseOf(patient).empty()
                      ? "kubectl set image -n " + patient.name_space + " deployment/" + program +
                            " " + StringAt(containers->front(), "name") + "=" + image + "@sha256:…"
                      : Reinstall(patient, "image.digest=sha256:…"));
  }
}

}  // namespace

std::string LogsOf(const Patient& patient, const std::string& program) {
  return "kubectl logs -n " + patient.name_space + " -l app.kubernetes.io/name=" + program +
         " --prefix --tail=-1";
}

void ExaminePrograms(const Patient& patient, std::vector<Diagnosis>& all) {
  Findings findings("programs", all);
  for (const char* program : {"countersign-webhook", "countersign-operator"}) {
    ExamineProgram(patient, program, findings);
  }
}

void ExamineLeader(const Patient& patient, std::vector<Diagnosis>& all) {
  Findings findings("leader", all);
  const std::string subject = NameOf("Lease", patient.name_space, "countersign-operator");
  const std::string logs = LogsOf(patient, "countersign-operator");
  if (!patient.found.contains(subject) && !patient.unread.contains(subject)) {
    return findings.Fault(subject, "is missing: no operator has ever led", logs);
  }
  const Json* lease = Seen(patient, subject, findings);
  if (lease == nullptr) return;
  const std::string holder = StringAt(*lease, "spec/holderIdentity");
  const auto stored = StoredAt(*lease);
  if (holder.empty())
    return findings.Fault(subject, "nobody holds it: nothing is reconciled", logs);
  if (!stored || !patient.server_now) {
    return findings.Unknown(subject, "does not say when it was renewed", logs);
  }
  const auto age = std::chrono::duration_cast<Seconds>(*patient.server_now - *stored);
  if (age > kLeaseIsOld) {
    return findings.Fault(
        subject,
        "'" + holder + "' renewed it " + FormatDuration(age) + " ago: nothing is reconciled", logs);
  }
  findings.Good(subject, "'" + holder + "' leads");
}

void ExamineClocks(const Patient& patient, std::vector<Diagnosis>& all) {
  Findings findings("clocks", all);
  const char* tell = "timedatectl status";
  if (!patient.server_now) {
    return findings.Unknown("", "the API server does not tell its time",
                            "kubectl auth whoami -o yaml");
  }
  if (const auto skew = patient.now - *patient.server_now; IsBig(skew)) {
    findings.Warn("", "the clock of this machine is " + SkewText(skew) + " the API server's", tell);
  } else {
    findings.Good("", "this machine and the API server agree");
  }
  if (const auto& probe = patient.probe) {
    if (const auto refused = RefusedAt(probe->message)) {
      // The probe was made later than the API server was asked for its time.
      const Time server_then = *patient.server_now + (probe->at - patient.now);
      ExamineClock(
          patient, "webhook", *refused - server_then,
          "what it stamps counts for nothing beyond five minutes, and expiry is judged wrongly",
          findings);
    }
  }
  const auto lease =
      patient.found.find(NameOf("Lease", patient.name_space, "countersign-operator"));
  if (lease == patient.found.end()) return;
  const auto stored = StoredAt(lease->second);
  const auto renewed = ParseTime(StringAt(lease->second, "spec/renewTime"));
  if (!stored || !renewed) return;
  ExamineClock(patient, "operator", *renewed - *stored,
               "expiry and dates of evidence are judged wrongly", findings);
}

void ExaminePolicies(const Patient& patient, std::vector<Diagnosis>& all) {
  Findings findings("policies", all);
  if (const auto why = patient.unread.find("GovernancePolicies"); why != patient.unread.end()) {
    return findings.Unknown("", why->second, "kubectl auth can-i list governancepolicies");
  }
  if (patient.policies.empty()) {
    return findings.Warn("",
                         "there is none: every model is refused, since no namespace is in an "
                         "environment",
                         "countersign init --pack self-service-analytics");
  }
  for (const Json& policy : patient.policies) {
    const std::int64_t seen = IntAt(policy, "status/observedGeneration", -1);
    if (seen == IntAt(policy, "metadata/generation", 0)) continue;
    return findings.Warn(NameOf("GovernancePolicy", "", StringAt(policy, "metadata/name")),
                         "the operator has not looked at it as it is now",
                         LogsOf(patient, "countersign-operator"));
  }
  findings.Good("", std::to_string(patient.policies.size()) + " known to the operator");
}

void ExamineOwnNamespace(const Patient& patient, std::vector<Diagnosis>& all) {
  Findings findings("own namespace", all);
  const std::string& own = patient.name_space;
  bool well = true;
  for (const Json& object : patient.policies) {
    const Json* in_force = FindPath(object, "status/inForce");
    const auto policy = Decode<GovernancePolicySpec>(object);
    if (!policy || in_force == nullptr || *in_force != true) continue;
    const std::string name = NameOf("GovernancePolicy", "", policy->meta.name);
    if (const std::string all_but = ExceptionText(policy->spec, own); !all_but.empty()) {
      findings.Good(name, all_but);
    }
    const std::string text = ExemptionText(policy->spec, own);
    if (text.empty()) continue;
    well = false;
    findings.Fault(name, text, "kubectl edit govpol " + policy->meta.name);
  }
  if (!patient.serving) {
    const auto why = patient.unread.find("serving");
    return findings.Unknown(NameOf("Namespace", "", own),
                            "nobody could tell whether something serves models there" +
                                (why == patient.unread.end() ? "" : ": " + why->second),
                            "ask somebody who may: kubectl countersign scan -n " + own);
  }
  if (!patient.serving->empty()) {
    return findings.Fault(NameOf("Namespace", "", own),
                          ExemptServingText(patient.serving->size(), patient.serving->front(), own),
                          "kubectl countersign scan -n " + own);
  }
  if (well) findings.Good("", "holds nothing that is governed: the guard is not asked about it");
}

void ExamineProbe(const Patient& patient, std::vector<Diagnosis>& all) {
  Findings findings("probe", all);
  const std::string logs = LogsOf(patient, "countersign-webhook");
  if (!patient.probe) {
    const auto why = patient.unread.find("probe");
    return findings.Unknown(
        "", "a dry run could not be made: " + (why == patient.unread.end() ? "" : why->second),
        "ask somebody who may create UseCases in " + patient.name_space);
  }
  if (patient.probe->admitted) {
    return findings.Fault("", "a dry run that must be refused was let through: nothing is judged",
                          Reinstall(patient));
  }
  const std::string& said = patient.probe->message;
  if (said.find("failed calling webhook") != std::string::npos) {
    return findings.Fault("", "the API server cannot reach the webhook: " + said, logs);
  }
  if (said.find("admission.countersign.dev") == std::string::npos) {
    return findings.Fault("", "a dry run was refused by somebody else: " + said, logs);
  }
  findings.Good("", "the API server asks the webhook, which refuses what it must");
}

}  // namespace countersign
