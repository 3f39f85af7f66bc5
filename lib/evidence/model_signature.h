// model_signature.h: bundles of OpenSSF Model Signing v1.0: somebody's signature over the files of
// a model.
//
// A Sigstore bundle holds a DSSE envelope, which holds an in-toto Statement v1, whose predicate
// lists each file with its digest and says how they were taken. The subject is the root: SHA-256
// over the digests of the files in the order of their names, which is the digestType
// modelSigningRoot. What comes with the bundle (a hint at a key, certificates) is believed by
// nobody: it is opened with a key that the caller has from elsewhere.
// Refused: predicates before v1.0 (they have no root, so nobody would miss a file), manifests by
// shards or by other hashes than SHA-256, names that are no plain relative paths, or are in another
// order: the root would be none that anybody computes from the files.
// Source: https://github.com/ossf/model-signing-spec and sigstore/model-transparency 1.1.1.
// Each fault has a reason of its own.
// Pure functions; thread-safe.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/verification_key.h"
#include "evidence/signature_fault.h"

namespace countersign {

struct SignedModel {
  std::string root;                          // "sha256:…"
  std::map<std::string, std::string> files;  // path within the model to "sha256:…"
  std::vector<std::string> ignored;          // paths that were left out, sorted
  bool symlinks = false;                     // whether links were followed
};

struct ModelBundle {
  Json envelope;
  std::vector<std::string> certificates;  // X.509 in DER, the signer's first; empty: by a key
};

// A list of 300,000 files; what is stored in an object is far smaller.
inline constexpr std::size_t kMaxModelBundle = std::size_t{64} << 20U;
[[nodiscard]] Proven<ModelBundle> ReadModelBundle(std::string_view text);

// What was signed, if `key` signed it and it is consistent.
[[nodiscard]] Proven<SignedModel> OpenModelBundle(const ModelBundle& bundle,
                                                  const VerificationKey& key);

// As model-signing has it: by the parts of the path, so that "a/b" comes before "a-b" and "a.txt".
struct ModelFileOrder {
  bool operator()(std::string_view a, std::string_view b) const;
};

// Whether `path` never belongs to a model: what Git keeps beside it, and its signature. Such paths
// may be left out without saying so.
[[nodiscard]] bool IsNeverPartOfModel(std::string_view path);

}  // namespace countersign
