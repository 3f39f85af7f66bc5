#include "cli/offline_signer.h"

#include <memory>
#include <set>

#include "cli/render.h"
#include "governance/signers.h"

namespace countersign {
namespace {

constexpr char kSigner[] = "--signer";

// Who has the key by one policy; null: nobody.
const Person* OwnerOf(const GovernancePolicySpec& policy, const std::string& fingerprint) {
  for (const Person& person : policy.people) {
    for (const SignerKey& key : person.keys) {
      if (key.fingerprint == fingerprint) return &person;
    }
  }
  return nullptr;
}

std::string Quoted(const std::set<std::string>& names) {
  return "'" + Joined({names.begin(), names.end()}, "', '") + "'";
}

tl::unexpected<Error> Ask(const std::string& message) {
  return Fail(Code::kInvalidArgument, message, kSigner);
}

}  // namespace

Result<OfflineSigner> SignerOffline(const std::vector<GovernancePolicy>& policies,
                                    const std::string& fingerprint, const std::string& claimed,
                                    Time now) {
  Provenance by;
  by.authenticity = Authenticity::kSigned;
  by.first_seen = now;
  by.signature = std::make_shared<const SignatureProof>(SignatureProof{fingerprint});
  std::set<std::string> accounts;
  std::set<std::string> saying;
  for (const GovernancePolicy& policy : policies) {
    const Person* owner = OwnerOf(policy.spec, fingerprint);
    if (owner == nullptr) continue;
    const Provenance signer = SignerOf(policy.spec, by, claimed, std::nullopt);
    if (signer.authenticity != Authenticity::kAttested) {
      return Fail(
          Code::kInvalidArgument,
          "must be of a key that counts: under policy '" + policy.meta.name + "' " + signer.problem,
          "--sign-with");
    }
    accounts.insert(owner->accounts.begin(), owner->accounts.end());
    saying.insert(policy.meta.name);
  }
  if (accounts.empty()) {
    const std::string whose =
        fingerprint.empty()
            ? "whose key it is cannot be told, for its public half does not lie beside it (….pub)"
            : "no policy among the files lists key " + fingerprint +
                  " (whoever it knows by a certificate gives that with --certificate-chain)";
    if (!claimed.empty()) return OfflineSigner{claimed, whose + ": taken from --signer"};
    return Ask("must say under which account the cluster knows you: " + whose);
  }
  const std::string owner = "key " + fingerprint + " is of " + Quoted(accounts) +
                            " by the policies among the files (" + Quoted(saying) + ")";
  if (claimed.empty() && accounts.size() > 1) {
    return Ask("must say which of these signs: " + owner);
  }
  if (!claimed.empty() && !accounts.contains(claimed)) {
    return Ask("must be an account of whoever has the key, is '" + claimed + "': " + owner);
  }
  return OfflineSigner{claimed.empty() ? *accounts.begin() : claimed, owner};
}

}  // namespace countersign
