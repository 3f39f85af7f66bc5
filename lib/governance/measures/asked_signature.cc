#include "governance/measures/asked_signature.h"

namespace countersign {

std::string AskedSignature(const GovernancePolicySpec& policy, Assurance assurance,
                           std::int64_t signers) {
  if (assurance == Assurance::kRequester) return {};
  const bool touched = assurance == Assurance::kReauthenticated;
  std::string text = touched && policy.identity_tokens && signers <= 1
                         ? ", who has just signed in, or signed"
                         : ", signed";
  text += touched ? " by a hardware key of theirs that they touch" : " by a key of theirs";
  text += " before it is applied: countersign sign -f FILE --key KEYFILE";
  if (signers <= 1) return text;
  return text + "; and then by " + std::to_string(signers - 1) +
         " more of them: countersign sign -f SIGNED --key KEYFILE --add (all by keys in PEM: those "
         "of OpenSSH sign alone)";
}

}  // namespace countersign
