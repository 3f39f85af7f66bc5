// verify_model.h: whether a model on disk is the one that a bundle of OpenSSF Model Signing signs.
//
// Every file must be listed with its digest and every listed file be there; what the signature
// leaves out must be allowed by the caller. Reads files; writes none.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/certificate.h"
#include "base/time.h"
#include "evidence/model_signature.h"

namespace countersign {

struct ModelCheck {
  std::string model;        // file or folder
  std::string signature;    // empty: model.sig in the folder
  std::string key;          // file with the public key; empty: by the bundle's certificates
  std::string authorities;  // file with the authorities that may have issued these
  std::vector<std::string> revocation_lists;  // files
  std::vector<std::string> ignored;           // paths that may be left out
  bool symlinks = false;  // links to files are followed, if the signature says so too
};

// What of signature or files does not hold: docs/signatures.md lists the reasons.
struct ModelFault {
  std::string reason;
  std::string message;
  std::vector<std::string> paths = {};  // within the model, all of them
};

struct CheckedModel {
  std::string bundle;      // as it was read
  std::string public_key;  // empty: by certificate
  std::string fingerprint;
  std::optional<CertificateChain> chain;
  std::optional<SignedModel> signed_model;  // none: the signature itself does not hold
  std::vector<ModelFault> faults;           // empty: all holds
};

// Error: it could not be found out. What does not hold is in `faults`.
// Certificates are judged as of `now`, and only if there are authorities: else by whoever calls.
[[nodiscard]] Result<CheckedModel> CheckModel(const ModelCheck& check, Time now);

}  // namespace countersign
