// evidence.h: any report that has no kind of its own: documentation, verification, explainability,
// red team, load test, data quality, impact assessment, plan. See object.h for threads.
//
// What it says is a list of typed claims and a list of artefacts with digests; a policy's measure
// asserts on them (types/policy.h, EvidenceRequirement). Numbers are decimals, compared exactly.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "governance/types/common.h"
#include "governance/types/correction.h"
#include "governance/types/object.h"
#include "governance/types/signature.h"
#include "governance/types/source.h"

namespace countersign {

// Exactly one of number, text, flag and items is given.
struct Claim {
  std::string name;
  std::optional<Decimal> number;
  std::string unit;
  std::string text;
  std::optional<bool> flag;
  std::vector<std::string> items;
};

struct Artifact {
  std::string name;
  std::string uri;
  std::string digest;
};

struct EvidenceTool {
  std::string name;
  std::string version;
};

// A bundle of OpenSSF Model Signing over the model's files, and the key to open it with.
struct ModelSignature {
  std::string bundle;
  std::string public_key;
};

struct EvidenceSpec {
  static constexpr std::string_view kKind = "Evidence";
  std::string use_case;
  std::string type;
  std::optional<ModelDigest> model;
  std::string environment;
  Time performed_at{};
  std::vector<std::string> performed_by;
  std::optional<EvidenceTool> tool;
  std::string summary;
  std::vector<Claim> claims;
  std::vector<Artifact> artifacts;
  std::vector<EvidenceSource> sources;
  std::optional<Correction> supersedes;
  std::optional<ModelSignature> model_signature;
  std::optional<ObjectSignature> signature;
};
using EvidenceReport = Object<EvidenceSpec>;

}  // namespace countersign
