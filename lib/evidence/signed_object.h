// signed_object.h: signatures over objects of ours, made outside of the cluster.
//
// What is signed is a statement: an in-toto Statement v1 whose predicate is the object's kind,
// namespace and spec without spec.signature, in canonical form (RFC 8785). Its subject is the model
// that the object is about, or else the spec itself. It names no object, so a signature stays good
// under another name, and never in another namespace, as another kind or with another field.
// A DSSE envelope carries a statement that must say the same, and so may an SSHSIG
// (spec.signature.payload); without it the SSHSIG is over the statement's bytes.
// That one holds is worked out once, when an object is read, by the key that comes with it; whose
// key that is, a policy says (governance/signers.h). Pure functions; thread-safe.
#pragma once

#include <string>

#include "base/json.h"
#include "base/verification_key.h"
#include "evidence/signature_fault.h"
#include "governance/facts.h"

namespace countersign {

inline constexpr std::string_view kStatementType = "https://in-toto.io/Statement/v1";
inline constexpr std::string_view kStatementPayload = "application/vnd.in-toto+json";

// Version of the predicate: "https://countersign.dev/attestations/<kind>/v1".
[[nodiscard]] std::string PredicateType(std::string_view kind);

// The bytes to sign for `object`, which has kind, metadata.namespace and spec.
[[nodiscard]] Result<std::string> StatementOf(const Json& object);

// Whether `object` carries a signature at all: over itself, or over its model.
[[nodiscard]] bool CarriesSignature(const Json& object);

// Which key signed `object`; what is wrong with spec.signature, or spec.modelSignature, otherwise.
// Not to be called without one.
[[nodiscard]] Proven<SignatureProof> VerifySignature(const Json& object);

// `by`, who is known to have made `object`, with what its signature adds: kSigned, or
// kBadSignature with the reason. Unchanged where there is no signature, or no good stamp.
[[nodiscard]] Provenance WithSignature(Provenance by, const Json& object);

}  // namespace countersign
