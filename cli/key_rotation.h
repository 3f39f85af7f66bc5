// key_rotation.h: how an installation changes the key with which it stamps.
//
// In two steps, between which webhook and operator restart, so that at no time one of them signs
// with a key that the other does not trust yet: first the next key's public half is trusted, then
// it signs. Keys lie in one Secret: `key.pem` signs, `next.pem` is about to, `trusted.pem` holds
// public keys that count. A key that was replaced counts until it is retired, since stamps are not
// made anew. Pure but for the making of a key.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "evidence/installation_key.h"
#include "evidence/stamp.h"

namespace countersign {

struct StampKeys {
  InstallationKey key;
  std::optional<InstallationKey> next;
  PublicKeys trusted;  // all that count, the key's own first
  std::optional<Time> prepared_at;
};

// Errors name the entry of the Secret.
[[nodiscard]] Result<StampKeys> ReadStampKeys(const Json& secret);

// The Secret as it is to be written: the next key trusted, or signing.
[[nodiscard]] Result<Json> Prepared(const Json& secret, const InstallationKey& next, Time now);
[[nodiscard]] Result<Json> Switched(const Json& secret);
// Without the public key of that fingerprint. Error: it signs, or is about to, or is not there.
[[nodiscard]] Result<Json> Retired(const Json& secret, const std::string& fingerprint);

// Which of our pods started before the next key was trusted, by name.
[[nodiscard]] std::vector<std::string> StartedBefore(const std::vector<Json>& pods, Time prepared);

// Whether the installation vouches for it by one of the keys: stamped evidence, a record, or a
// ControllerRevision.
[[nodiscard]] bool IsVouchedFor(const StampAuthority& authority, const Json& object);

}  // namespace countersign
