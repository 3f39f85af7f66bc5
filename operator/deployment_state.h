// deployment_state.h: a ModelDeployment as the operator's cache keeps it.
//
// The decoded object, and of the rest only what reconciling needs: the governed digest, who wrote
// it, and of the status the digest and the conditions, so that an unchanged status is not written
// again. The raw JSON is not kept (10,000 of them are 60 MB); what is recorded as a revision is
// read live. Values, immutable once in the cache.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "governance/facts.h"
#include "governance/types/model_deployment.h"
#include "operator/conditions.h"

namespace countersign {

struct DeploymentState {
  std::shared_ptr<const ModelDeployment> object;
  std::string governed_digest;
  Provenance author;
  std::string status_digest;  // of the whole status as stored
  std::vector<Condition> conditions;
};

// Whether the stamp of an object holds for this governed digest, and whose it is.
using CheckAuthor =
    std::function<Provenance(const Json& object, const std::string& governed_digest)>;

// Errors: the spec cannot be decoded.
[[nodiscard]] Result<DeploymentState> DecodeDeploymentState(const Json& object,
                                                            const CheckAuthor& author);

// Digest of a status, to compare one that is stored with one that would be.
[[nodiscard]] std::string StatusDigest(const Json& status);

}  // namespace countersign
