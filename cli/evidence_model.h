// evidence_model.h: the model that a piece of evidence is about, as the commands that make evidence
// are told it.
#pragma once

#include <string>

#include "base/result.h"
#include "cli/command.h"
#include "governance/types/common.h"

namespace countersign {

// Exactly one of the first three.
struct EvidenceModel {
  std::string path;    // file or folder
  std::string uri;     // oci://…@sha256:…
  std::string digest;  // or the digest itself, with its type
  std::string digest_type;
};

void AddModelFlags(CLI::App& command, EvidenceModel& model);

// Reads the model's files where they are given. Errors: path is the flag.
[[nodiscard]] Result<ModelDigest> ModelOf(const EvidenceModel& model);

}  // namespace countersign
