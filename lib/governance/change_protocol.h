// change_protocol.h: an Evidence of type ChangeProtocol, read: which changes of a model people
// approve of beforehand, within which bounds (design, "Change is normal"). Pure.
//
// It is about the model that it starts from (spec.model) and an environment; everything else
// stands in its claims. Whether it counts, measures/protocols.h judges.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "governance/types/evidence.h"
#include "governance/types/model_deployment.h"
#include "governance/types/policy.h"

namespace countersign {

inline constexpr std::string_view kChangeProtocolType = "ChangeProtocol";

struct ChangeProtocol {
  std::set<ChangeKind> kinds;
  std::vector<std::string> stands_for;  // sign-off measures that it answers
  std::vector<std::string> fresh;       // measures that each new model must meet by itself
  std::int64_t max_uses = 0;
  Time expires_at{};
  std::string policy;
  std::string policy_digest;
  std::string frame_digest;
  std::vector<NumberBound> bounds;  // on metrics that the new model's snapshot states
};

// Fails with the path of the claim at fault within `spec`, or of spec.claims when one is missing.
[[nodiscard]] Result<ChangeProtocol> ReadProtocol(const EvidenceSpec& spec);

// The governed digest of the deployment without what a refresh changes: digest, uri and version of
// its model. What a protocol approves of stays the same in all else.
[[nodiscard]] Result<std::string> FrameDigest(const ModelDeploymentSpec& spec);

}  // namespace countersign
