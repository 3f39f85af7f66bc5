// config_digest.h: the digest of a ConfigMap's content, by which a deployment binds configuration.
//
// One definition for the operator, which checks it before it serves, and the CLI, which prints it.
// Pure.
#pragma once

#include <string>

#include "base/json.h"
#include "base/result.h"

namespace countersign {

// SHA-256 over the canonical JSON of {"data": …, "binaryData": …}; an absent or empty member is
// left out.
[[nodiscard]] Result<std::string> ConfigMapDigest(const Json& config_map);

}  // namespace countersign
