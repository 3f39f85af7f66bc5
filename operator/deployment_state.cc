#include "operator/deployment_state.h"

#include "base/digest.h"

namespace countersign {

std::string StatusDigest(const Json& status) {
  auto digest = JsonDigest(status);
  return digest ? *digest : std::string();
}

Result<DeploymentState> DecodeDeploymentState(const Json& object, const CheckAuthor& author) {
  auto decoded = Decode<ModelDeploymentSpec>(object);
  if (!decoded) return Fail(decoded.error());
  DeploymentState state;
  state.object = std::make_shared<const ModelDeployment>(std::move(*decoded));
  auto digest = GovernedDigest(*Find(object, "spec"));
  if (!digest) return Fail(digest.error());
  state.governed_digest = std::move(*digest);
  state.author = author(object, state.governed_digest);
  if (const Json* status = Find(object, "status"); status != nullptr) {
    state.status_digest = StatusDigest(*status);
    state.conditions = DecodeConditions(*status);
  }
  return state;
}

}  // namespace countersign
