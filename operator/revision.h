// revision.h: the ControllerRevision that keeps an approved state of a ModelDeployment, to be
// created. Pure functions.
#pragma once

#include <functional>

#include "catalog/revision.h"
#include "evidence/installation_key.h"

namespace countersign {

// The envelope of a payload.
using EnvelopeSigner = std::function<Result<Json>(const Json& payload)>;
// By the installation's key (evidence/dsse.h).
[[nodiscard]] EnvelopeSigner SignWith(InstallationKey key);

// The object to create. Errors: the envelope could not be made.
[[nodiscard]] Result<Json> RevisionObject(const Revision& revision, const EnvelopeSigner& sign);

}  // namespace countersign
