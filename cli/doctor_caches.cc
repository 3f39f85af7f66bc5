#include <algorithm>
#include <map>

#include "base/shell.h"
#include "cli/doctor_parts.h"
#include "governance/types/bias_test.h"
#include "governance/types/evidence.h"
#include "governance/types/incident.h"
#include "governance/types/model_deployment.h"
#include "governance/types/model_record.h"
#include "governance/types/object.h"
#include "governance/types/policy.h"
#include "governance/types/reproducibility_snapshot.h"
#include "governance/types/sign_off.h"
#include "governance/types/use_case.h"
#include "governance/types/waiver.h"

namespace countersign {
namespace {

constexpr char kPage[] = "docs/operations/alerts.md#countersigncacheunreadable";

template <class Spec>
std::string WhyUndecodable(const Json& object) {
  const auto decoded = Decode<Spec>(object);
  return decoded ? std::string() : decoded.error().ToString();
}

// How people put right what cannot be decoded.
enum class Cure {
  kEdit,   // its spec may be changed
  kRenew,  // it is final: made again, and then deleted
  kAsk,    // it neither changes nor goes
};

struct Kind {
  std::string (*why)(const Json&);
  const char* plural;
  Cure cure;
};

const std::map<std::string_view, Kind>& Kinds() {
  static const std::map<std::string_view, Kind> kKinds = {
      {GovernancePolicySpec::kKind,
       {WhyUndecodable<GovernancePolicySpec>, "governancepolicies", Cure::kEdit}},
      {UseCaseSpec::kKind, {WhyUndecodable<UseCaseSpec>, "usecases", Cure::kEdit}},
      {ModelDeploymentSpec::kKind,
       {WhyUndecodable<ModelDeploymentSpec>, "modeldeployments", Cure::kEdit}},
      {SignOffSpec::kKind, {WhyUndecodable<SignOffSpec>, "signoffs", Cure::kRenew}},
      {ReproducibilitySnapshotSpec::kKind,
       {WhyUndecodable<ReproducibilitySnapshotSpec>, "reproducibilitysnapshots", Cure::kRenew}},
      {BiasTestSpec::kKind, {WhyUndecodable<BiasTestSpec>, "biastests", Cure::kRenew}},
      {EvidenceSpec::kKind, {WhyUndecodable<EvidenceSpec>, "evidence", Cure::kRenew}},
      {WaiverSpec::kKind, {WhyUndecodable<WaiverSpec>, "waivers", Cure::kRenew}},
      {IncidentSpec::kKind, {WhyUndecodable<IncidentSpec>, "incidents", Cure::kAsk}},
      {ModelRecordSpec::kKind, {WhyUndecodable<ModelRecordSpec>, "modelrecords", Cure::kAsk}}};
  return kKinds;
}

// What the operator says of an object as it is now.
enum class Said { kNothing, kDecoded, kUndecodable };

Said SaidByOperator(const Json& object, std::string& why) {
  const Json* conditions = FindPath(object, "status/conditions");
  const bool now =
      IntAt(object, "status/observedGeneration", -1) == IntAt(object, "metadata/generation", 0);
  if (!now || conditions == nullptr || !conditions->is_array() || conditions->empty()) {
    return Said::kNothing;
  }
  for (const Json& one : *conditions) {
    if (StringAt(one, "type") != "Stalled" || StringAt(one, "reason") != "Invalid") continue;
    why = StringAt(one, "message", "the operator does not say why");
    return Said::kUndecodable;
  }
  // Of a ModelDeployment it says what becomes of what serves.
  return StringAt(object, "kind") == ModelDeploymentSpec::kKind ? Said::kNothing : Said::kDecoded;
}

// A published version of a policy changes for nobody, and while it bears our finalizer goes for
// nobody but the operator; a sign-off on a policy and an emergency do not go.
Cure CureOf(const Kind& kind, const Json& object) {
  if (FindPath(object, "spec/version") != nullptr &&
      StringAt(object, "kind") == GovernancePolicySpec::kKind) {
    const Json* finalizers = FindPath(object, "metadata/finalizers");
    const bool kept =
        finalizers != nullptr && finalizers->is_array() &&
        std::find(finalizers->begin(), finalizers->end(), kVersionFinalizer) != finalizers->end();
    return kept ? Cure::kAsk : Cure::kRenew;
  }
  const Json* emergency = FindPath(object, "spec/emergency");
  const bool stays = StringAt(object, "spec/subject/kind") == GovernancePolicySpec::kKind ||
                     (emergency != nullptr && *emergency == true);
  return kind.cure == Cure::kRenew && stays ? Cure::kAsk : kind.cure;
}

std::string NextFor(const Kind& kind, const Json& object) {
  const std::string ns = StringAt(object, "metadata/namespace");
  const std::string named = std::string(" ") + kind.plural + " " +
                            ShellWord(StringAt(object, "metadata/name")) +
                            (ns.empty() ? "" : " -n " + ShellWord(ns));
  switch (CureOf(kind, object)) {
    case Cure::kEdit: return "kubectl edit" + named;
    case Cure::kRenew: return "have its author make it again, then kubectl delete" + named;
    case Cure::kAsk: break;
  }
  return "kubectl get" + named + " -o yaml, and " + kPage;
}

}  // namespace

void ExamineCaches(const Patient& patient, std::vector<Diagnosis>& all) {
  Findings findings("caches", all);
  std::size_t looked_at = 0;
  std::size_t undecodable = 0;
  for (const auto* objects : {&patient.policies, &patient.sign_offs, &patient.others}) {
    for (const Json& object : *objects) {
      const auto kind = Kinds().find(StringAt(object, "kind"));
      if (kind == Kinds().end()) continue;
      ++looked_at;
      std::string why;
      const Said said = SaidByOperator(object, why);
      if (said != Said::kUndecodable) why = kind->second.why(object);
      if (why.empty() && said != Said::kUndecodable) continue;
      ++undecodable;
      if (said == Said::kDecoded) {
        findings.Warn(NameOf(object), "the operator can decode it, this program cannot: " + why,
                      "kubectl countersign version, and take that of the installation");
        continue;
      }
      findings.Fault(NameOf(object), "cannot be decoded, so what it may concern is refused: " + why,
                     NextFor(kind->second, object));
    }
  }
  for (const char* list : {"GovernancePolicies", "caches"}) {
    const auto why = patient.unread.find(list);
    if (why == patient.unread.end()) continue;
    return findings.Unknown(
        "", "nobody could tell whether what they hold can be decoded: " + why->second,
        "ask somebody who may: kubectl countersign doctor -n " + patient.name_space);
  }
  if (undecodable == 0 && looked_at > 0) {
    findings.Good("", std::to_string(looked_at) + " objects looked at, which can be decoded");
  }
}

}  // namespace countersign
