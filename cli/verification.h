// verification.h: what stands behind an object, without a cluster: a signature, a stamp, or
// nothing.
//
// An object is decoded as admission would decode it first: what the API refuses proves nothing.
// Whose a key is, the policies at hand say. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/time.h"
#include "cli/manifests.h"
#include "cli/world.h"
#include "governance/facts.h"
#include "governance/types/policy.h"

namespace countersign {

// How an object is proved.
enum class Proof { kNone, kStamp, kSignature };
[[nodiscard]] const char* NameOf(Proof proof);

struct Verified {
  std::string source;
  std::string object;  // "SignOff 'a' in namespace 'b'"
  Proof proof = Proof::kNone;
  std::string key;           // of the signature; empty: it does not hold
  std::string signer;        // empty: no policy lists the key
  std::string printed_name;  // of the signer, by that policy
  std::string meaning;
  std::optional<Time> at;
  std::vector<std::string> cosigners;
  std::string certificate;  // whose, if it was signed by one
  std::string stamped_by;   // whom the stamp names
  std::string reason;
  std::string problem;
  Assurance assurance = Assurance::kRequester;
  [[nodiscard]] bool Holds() const { return problem.empty(); }
};

struct VerifyOptions {
  std::vector<GovernancePolicy> policies;
  Time now{};
  // Who made a stamped object; not to be called: stamps prove nothing here.
  Maker stamps;
};

// Whether it is of ours, and of a kind that somebody must stand behind.
[[nodiscard]] bool IsEvidence(const Json& object);

// Not to be called for anything else.
[[nodiscard]] Verified VerifyObject(const Manifest& manifest, const VerifyOptions& options);

// The same for everything else: whether the API would take it, if it is of ours. What does not hold
// is that, and nothing else is looked at.
[[nodiscard]] std::optional<Verified> RefuseMalformed(const Manifest& manifest);

// Adds what the policies say of whose key it is, seen first at `seen`. A key that one of them
// believes and another refuses, or has for somebody else's, proves nothing: which of them will
// judge the object is not known here.
void Attribute(const std::vector<GovernancePolicy>& policies, const SignatureProof& proof,
               const std::string& account, const std::optional<Time>& performed, Time seen,
               Verified& out);

}  // namespace countersign
