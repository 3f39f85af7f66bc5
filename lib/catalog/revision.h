// revision.h: an approved state of a ModelDeployment, as it stands in a ControllerRevision.
//
// The ControllerRevision's `data`, which the API server keeps immutable, is a DSSE envelope
// (https://github.com/secure-systems-lab/dsse) by the installation's key over a payload that binds
// installation, namespace, name and uid of the ModelDeployment, number, governed digest, the full
// spec, who wrote it and when it was approved. Only what verifies is ever served: an object that
// was edited, copied from elsewhere or written by anybody else is a Problem, not a revision. The
// operator makes them (operator/revision.h). Values; pure functions.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "base/time.h"
#include "evidence/installation_key.h"
#include "governance/facts.h"
#include "governance/types/model_deployment.h"
#include "kube/resource.h"

namespace countersign {

inline constexpr std::string_view kRevisionPayloadType =
    "application/vnd.countersign.revision+json";

struct Revision {
  std::string installation;
  ObjectKey deployment;  // the ModelDeployment
  std::string uid;
  std::int64_t number = 0;
  std::string governed_digest;
  std::string spec;   // compact JSON, exactly what was approved
  Provenance author;  // whose stamp the spec carried
  Time created{};
};

[[nodiscard]] Json RevisionPayload(const Revision& revision);
[[nodiscard]] Result<Revision> DecodeRevisionPayload(const Json& payload);

// The ModelDeployment as it was approved: its spec, under its name.
[[nodiscard]] Result<std::shared_ptr<const ModelDeployment>> DeploymentOf(const Revision& revision);

// A ControllerRevision as the cache keeps it: exactly one of `revision` and `problem` says
// something.
struct StoredRevision {
  ObjectKey key;
  std::string uid;
  std::string owner_uid;  // of the controlling owner
  std::string owner_name;
  std::int64_t number = 0;
  std::shared_ptr<const Revision> revision;  // verified
  std::string problem;                       // why it counts for nothing
};

// The payload of an envelope, if its signature holds.
using EnvelopeOpener = std::function<Result<Json>(const Json& envelope)>;
// By one of the installation's keys (evidence/dsse.h).
[[nodiscard]] EnvelopeOpener OpenWith(PublicKeys trusted);

// Checks signature and that the object stands where the payload says. `installation`: ours.
[[nodiscard]] StoredRevision DecodeRevisionObject(const Json& object,
                                                  const std::string& installation,
                                                  const EnvelopeOpener& open);

}  // namespace countersign
