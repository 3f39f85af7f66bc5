// predicates.h: attestations in other people's formats, as evidence.
//
// Build systems and test runners sign in-toto statements of their own. An Evidence that carries
// such an envelope counts when it says what the envelope says and nothing else: type, model, time
// and claims are derived here from the verified statement, and compared. Read are
//   https://in-toto.io/attestation/test-result/v0.1   as type TestResult,
//   https://slsa.dev/provenance/v1                    as type SlsaProvenance,
//   https://cyclonedx.org/bom                         as type CycloneDxBom.
// Sources: in-toto/attestation spec/predicates/test-result.md, slsa.dev/spec/v1.0/provenance,
// cyclonedx.org/docs/1.6/json. Members that are not listed are not looked at. Pure functions.
#pragma once

#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"

namespace countersign {

// Whether an Evidence may carry a statement of this predicate.
[[nodiscard]] bool IsForeignPredicate(std::string_view predicate_type);

// What an Evidence of the statement says: `type` and `claims`, and `performedAt` where the
// statement tells the time. Error: the predicate is not of its type's shape.
[[nodiscard]] Result<Json> EvidenceOfStatement(const Json& statement);

// Why an Evidence with `spec` may not carry the statement: it names another model or says something
// that the statement does not; empty if it may. Beside what is derived a spec has useCase, the
// model's digestType, and performedAt where the statement has no time.
[[nodiscard]] std::string WhyNotOfStatement(const Json& statement, const Json& spec);

}  // namespace countersign
