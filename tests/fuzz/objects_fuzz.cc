// Each kind's decoder, on YAML or JSON: refusals say where, and what was accepted is encoded to
// something that decodes to the same.
#include "base/yaml.h"
#include "governance/types/bias_test.h"
#include "governance/types/evidence.h"
#include "governance/types/incident.h"
#include "governance/types/model_deployment.h"
#include "governance/types/model_record.h"
#include "governance/types/object.h"
#include "governance/types/policy.h"
#include "governance/types/reproducibility_snapshot.h"
#include "governance/types/sign_off.h"
#include "governance/types/status.h"
#include "governance/types/use_case.h"
#include "governance/types/waiver.h"
#include "tests/fuzz/require.h"

namespace countersign::fuzz {
namespace {

// The kind is set, so that every document tries every decoder.
template <class Spec>
void TryKind(Json object) {
  SetPath(object, "apiVersion", std::string(kApiVersion));
  SetPath(object, "kind", std::string(Spec::kKind));
  const auto decoded = Decode<Spec>(object);
  if (!decoded) {
    RequireReadable(decoded.error());
    Require(!decoded.error().path.empty(), "a refusal says where", decoded.error().message);
    return;
  }
  const Json encoded = EncodeSpec(decoded->spec);
  SetPath(object, "spec", encoded);
  const auto again = Decode<Spec>(object);
  Require(again.has_value(), "an encoded spec decodes",
          again ? "" : again.error().ToString() + "\n" + DumpJson(encoded));
  Require(EncodeSpec(again->spec) == encoded, "encoding twice changes nothing", DumpJson(encoded));
}

template <class StatusType>
void TryStatus(const Json& status) {
  const auto decoded = DecodeStatus<StatusType>(status);
  if (!decoded) return RequireReadable(decoded.error());
  const Json encoded = EncodeStatus(*decoded);
  const auto again = DecodeStatus<StatusType>(encoded);
  Require(again.has_value(), "an encoded status decodes", DumpJson(encoded));
  Require(EncodeStatus(*again) == encoded, "encoding twice changes nothing", DumpJson(encoded));
}

void TryAll(const Json& object) {
  if (!object.is_object()) return;
  TryKind<BiasTestSpec>(object);
  TryKind<EvidenceSpec>(object);
  TryKind<GovernancePolicySpec>(object);
  TryKind<IncidentSpec>(object);
  TryKind<ModelDeploymentSpec>(object);
  TryKind<ModelRecordSpec>(object);
  TryKind<ReproducibilitySnapshotSpec>(object);
  TryKind<SignOffSpec>(object);
  TryKind<UseCaseSpec>(object);
  TryKind<WaiverSpec>(object);
  if (const Json* status = Find(object, "status"); status != nullptr) {
    TryStatus<EvidenceStatus>(*status);
    TryStatus<GovernancePolicyStatus>(*status);
    TryStatus<ModelDeploymentStatus>(*status);
    TryStatus<UseCaseStatus>(*status);
  }
  if (const Json* spec = Find(object, "spec"); spec != nullptr) {
    if (const auto digest = GovernedDigest(*spec); !digest) RequireReadable(digest.error());
  }
}

}  // namespace
}  // namespace countersign::fuzz

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace countersign;
  const std::string_view text = fuzz::Text(data, size);
  if (text.starts_with('{')) {
    if (const auto json = ParseJson(text); json) fuzz::TryAll(*json);
  } else if (const auto documents = ParseYamlDocuments(text); documents) {
    for (const Json& document : *documents) fuzz::TryAll(document);
  }
  return 0;
}
