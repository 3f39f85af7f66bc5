// Attestations in other people's formats: read as evidence, or refused with a reason. What is
// derived of a statement is what an Evidence of it must say.
#include "evidence/predicates.h"
#include "governance/types/evidence.h"
#include "tests/fuzz/require.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace countersign;
  const auto statement = ParseJson(fuzz::Text(data, size), kMaxForeignJsonDepth);
  if (!statement) return 0;
  auto derived = EvidenceOfStatement(*statement);
  if (!derived) {
    fuzz::RequireReadable(derived.error());
    return 0;
  }
  Json spec = *derived;
  spec["useCase"] = "credit";
  if (!spec.contains("performedAt")) spec["performedAt"] = "2026-11-24T08:30:00Z";
  // It is refused, for one where no subject is a model, with a reason that can be read.
  const std::string why = WhyNotOfStatement(*statement, spec);
  fuzz::Require(CanonicalJson(Json(why)).has_value(), "a reason is UTF-8", why);
  Json other = spec;
  other["type"] = "RedTeam";
  fuzz::Require(!WhyNotOfStatement(*statement, other).empty(), "another type is another evidence",
                DumpJson(*statement));
  return 0;
}
