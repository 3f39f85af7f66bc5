#include "operator/revision.h"

#include "evidence/dsse.h"
#include "operator/names.h"

namespace countersign {

Result<Json> RevisionObject(const Revision& revision, const EnvelopeSigner& sign) {
  auto envelope = sign(RevisionPayload(revision));
  if (!envelope) return Fail(envelope.error());
  const std::string child = ChildName(revision.deployment.name);
  Json owner = {{"apiVersion", kModelDeployments.ApiVersion()},
                {"kind", kModelDeployments.kind},
                {"name", revision.deployment.name},
                {"uid", revision.uid},
                {"controller", true},
                {"blockOwnerDeletion", true}};
  return Json{{"apiVersion", "apps/v1"},
              {"kind", "ControllerRevision"},
              {"metadata",
               {{"name", RevisionName(revision.deployment.name, revision.number)},
                {"namespace", revision.deployment.ns},
                {"labels", {{kManagedByLabel, kOperatorName}, {kDeploymentLabel, child}}},
                {"annotations", {{kGovernedDigestAnnotation, revision.governed_digest}}},
                {"ownerReferences", Json::array({std::move(owner)})}}},
              {"revision", revision.number},
              {"data", std::move(*envelope)}};
}

EnvelopeSigner SignWith(InstallationKey key) {
  return [key = std::move(key)](const Json& payload) -> Result<Json> {
    auto text = SignEnvelope(key, kRevisionPayloadType, payload);
    if (!text) return Fail(text.error());
    return ParseJson(*text);
  };
}

}  // namespace countersign
