// offline_signer.h: under which account somebody signs whom no API server has authenticated.
//
// Whose a key is, policies say (spec.people[].keys). What they leave open, because nobody has the
// key or its owner has several accounts, the signer says; what they contradict is an error. Pure.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "governance/types/policy.h"

namespace countersign {

struct OfflineSigner {
  std::string account;
  std::string why;  // a sentence for the signer: who says that the key is theirs
};

// `fingerprint` of the key, empty where only ssh-keygen knows it; `claimed` is what --signer says,
// if it was given. Errors: path is the flag.
[[nodiscard]] Result<OfflineSigner> SignerOffline(const std::vector<GovernancePolicy>& policies,
                                                  const std::string& fingerprint,
                                                  const std::string& claimed, Time now);

}  // namespace countersign
