// report_types.h: the well-known types of Evidence: which claims and artifacts each has, and what
// they mean. An organisation's own types (measure `evidence`) are its own affair.
//
// Pure and constant. Claims beyond the listed ones are allowed; a listed one must be of its type.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "governance/types/evidence.h"

namespace countersign {

enum class ClaimType { kNumber, kText, kFlag, kItems };
[[nodiscard]] std::string_view ClaimTypeName(ClaimType type);  // "number", "text", "flag", "items"

struct KnownClaim {
  std::string_view name;
  ClaimType type = ClaimType::kText;
  std::string_view doc;
  std::string_view unit = {};  // of a number; empty: as the report says
};

struct KnownArtifact {
  std::string_view name;
  std::string_view doc;
};

struct ReportType {
  std::string_view name;         // spec.type
  std::string_view requirement;  // member of measures[].require that asks for it
  std::string_view doc;
  std::span<const KnownClaim> claims;
  std::span<const KnownArtifact> artifacts;
};

// Evidence that is a signature over the model itself, see EvidenceSpec::model_signature.
inline constexpr std::string_view kModelSignatureType = "ModelSignature";

[[nodiscard]] std::span<const ReportType> ReportTypes();
[[nodiscard]] const ReportType* FindReportType(std::string_view name);  // null: not well known

// The unit that a claim of a well-known type is in; empty if there is none, or any is right.
[[nodiscard]] std::string_view UnitOf(std::string_view type, std::string_view claim);

// Whether both words mean the same unit.
[[nodiscard]] bool IsSameUnit(std::string_view a, std::string_view b);

// A claim of the wrong type, for each one that is; paths are within `spec`.
[[nodiscard]] std::vector<Error> CheckKnownClaims(const EvidenceSpec& spec);

}  // namespace countersign
