#include "governance/types/signature.h"

#include "base/digest.h"

namespace countersign {
namespace {

constexpr std::string_view kOurPredicates = "https://countersign.dev/attestations/";

// A statement of another tool's, which says neither for which use case it is nor, for us, when.
bool IsOfAnotherTool(const Json& signature) {
  if (StringAt(signature, "format") != NameOf(SignatureFormat::kDsse)) return false;
  const auto envelope = ParseJson(StringAt(signature, "value"));
  if (!envelope) return false;
  // As evidence/dsse.h reads it: whatever verifies must be recognised here, however it is spelled.
  const auto payload = Base64DecodeEither(StringAt(*envelope, "payload"));
  const auto statement =
      payload ? ParseJson(*payload, kMaxForeignJsonDepth) : Result<Json>(Fail(payload.error()));
  return statement && !StringAt(*statement, "predicateType").starts_with(kOurPredicates);
}

}  // namespace

Result<std::string> RecordDigest(const Json& spec) {
  const Json* signature = Find(spec, "signature");
  if (signature == nullptr) return JsonDigest(spec);
  Json content = spec;
  content.erase("signature");
  if (IsOfAnotherTool(*signature)) {
    content.erase("performedAt");
    content.erase("useCase");
  }
  return JsonDigest(content);
}

}  // namespace countersign
