// cyclonedx.h: a deployment as a CycloneDX 1.6 machine-learning bill of materials (ML-BOM).
//
// The model and its components, each with the card and data sets of its own run, and images; each
// measure of the policies as a
// requirement, each gate as a claim with the evidence that it rests on, and the decision and each
// sign-off as an attestation by its assessor. https://cyclonedx.org/docs/1.6/json/. Pure.
#pragma once

#include <string>
#include <vector>

#include "governance/decision.h"
#include "governance/facts.h"

namespace countersign {

struct BomInput {
  const PolicySet& policies;
  const Facts& facts;
  const Decision& decision;
  // What was taken for granted, and so is in the document without anybody having shown it.
  const std::vector<std::string>& assumptions;
  std::string serial;   // a UUID; each BOM has its own
  std::string version;  // of this program
};

[[nodiscard]] Json CycloneDxBom(const BomInput& input);

}  // namespace countersign
