// codec.h: the body of object.h's functions, for the one file of each kind that instantiates
// them.
//
// Not for anybody else: it brings the description machinery and its compile time along.
#pragma once

#include "base/describe.h"
#include "base/digest.h"
#include "governance/types/object.h"
#include "governance/types/signature.h"

namespace countersign {

// Checks apiVersion and kind and gives the spec, or says what is wrong.
[[nodiscard]] Result<const Json*> SpecOf(const Json& object, std::string_view kind);

// Object::spec_digest; specialised where part of the spec is not bound.
template <class Spec>
Result<std::string> DigestOf(const Json& spec) {
  return JsonDigest(spec);
}

// Fills what is computed from the rest of a spec; specialised where there is such.
template <class Spec>
void Derive(Spec& /*spec*/) {}

// Needs, next to the instantiation: Spec::kKind, Describe(V&, Spec&) and
// Check(const Spec&, const Json& spec, std::vector<Error>&) for what the schema cannot say.
template <class Spec>
Result<Object<Spec>> DecodeOwned(const Json& object, const std::shared_ptr<const Json>& owner) {
  auto json = SpecOf(object, Spec::kKind);
  if (!json) return Fail(json.error());
  Object<Spec> result;
  result.meta = DecodeMeta(object);
  auto errors = DecodeInto(**json, "spec", result.spec, owner);
  if (errors.empty()) Check(result.spec, **json, errors);
  if (!errors.empty()) return Fail(JoinErrors(errors));
  Derive(result.spec);
  auto digest = DigestOf<Spec>(**json);
  if (!digest) return Fail(Code::kInvalidArgument, digest.error().message, "spec");
  result.spec_digest = std::move(*digest);
  if (Find(**json, "signature") != nullptr) {
    auto known_as = RecordDigest(**json);
    if (!known_as) return Fail(Code::kInvalidArgument, known_as.error().message, "spec");
    result.record_digest = std::move(*known_as);
  }
  return result;
}

template <class Spec>
Result<Object<Spec>> Decode(const Json& object) {
  return DecodeOwned<Spec>(object, nullptr);
}

template <class Spec>
Result<Object<Spec>> Decode(const std::shared_ptr<const Json>& object) {
  return DecodeOwned<Spec>(*object, object);
}

template <class Spec>
Json EncodeSpec(const Spec& spec) {
  return Encode(spec);
}

template <class Spec>
Json SpecSchema() {
  return SchemaOf<Spec>();
}

inline void AddError(std::vector<Error>& errors, std::string path, std::string message) {
  errors.push_back({Code::kInvalidArgument, std::move(message), std::move(path), std::nullopt});
}

inline void CheckSignature(const std::optional<ObjectSignature>& signature,
                           std::vector<Error>& errors) {
  if (!signature) return;
  const int given =
      (signature->public_key.empty() ? 0 : 1) + (signature->certificate_chain.empty() ? 0 : 1);
  if (signature->format == SignatureFormat::kSsh) {
    if (given > 0 || !signature->cosigners.empty()) {
      AddError(errors, "spec.signature.publicKey",
               "must not be set for format SSHSIG, which carries its key, nor certificateChain or "
               "cosigners");
    }
    return;
  }
  if (!signature->payload.empty()) {
    AddError(errors, "spec.signature.payload",
             "must not be set for format DSSE, whose envelope carries it");
  }
  if (given != 1) {
    AddError(errors, "spec.signature.publicKey",
             "is required for format DSSE, or certificateChain instead of it");
  }
  for (std::size_t i = 0; i < signature->cosigners.size(); ++i) {
    const Cosigner& one = signature->cosigners[i];
    if (one.public_key.empty() != one.certificate_chain.empty()) continue;
    AddError(errors, "spec.signature.cosigners[" + std::to_string(i) + "]",
             "must have exactly one of publicKey and certificateChain");
  }
}

}  // namespace countersign

// At the end of a kind's .cc, inside namespace countersign.
// NOLINTBEGIN(bugprone-macro-parentheses): a type cannot stand in parentheses
#define COUNTERSIGN_INSTANTIATE_KIND(Spec)                                        \
  template Result<Object<Spec>> Decode<Spec>(const Json&);                        \
  template Result<Object<Spec>> Decode<Spec>(const std::shared_ptr<const Json>&); \
  template Json EncodeSpec<Spec>(const Spec&);                                    \
  template Json SpecSchema<Spec>()
// NOLINTEND(bugprone-macro-parentheses)
