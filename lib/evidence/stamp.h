// stamp.h: the requester stamp: who created an object, as the API server authenticated them.
//
// Admission writes it into the annotation countersign.dev/stamp as a DSSE envelope by the
// installation's key over: random id, installation, kind, namespace, digest of the spec, user,
// groups and the time. It binds no name and no uid, which admission does not know yet. For a
// ModelDeployment the digest is the governed digest, so that scaling and labels leave the author's
// stamp standing. A stamp is worth nothing in other hands: on CREATE admission demands that the
// stamped person is the requester. Free functions; thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "evidence/installation_key.h"
#include "governance/facts.h"

namespace countersign {

// What signs and verifies in one installation, and its name (a cluster's, usually).
struct StampAuthority {
  std::string installation;
  PublicKeys trusted;  // the current key and those it replaced
};

// An account with more or longer names than these cannot be stamped at all: dropping the excess
// would let the order of groups decide which roles count. Together they keep the stamp, whose
// payload base64 makes a third longer, within an eighth of what annotations may take.
inline constexpr std::size_t kMaxStampedGroups = 256;         // groups of one account
inline constexpr std::size_t kMaxStampedNameBytes = 256;      // of the account and of each group
inline constexpr std::size_t kMaxStampedGroupBytes = 16'384;  // of all groups together

// What the API server says of the credential that a person came with, if it does.
struct RequestCredential {
  std::string id = {};
  std::optional<Time> signed_in_at =
      {};  // when they had last signed in (OpenID Connect: auth_time)
};

// The stamp for `object` as it stands, made for `user`. Fails when the object has no kind,
// namespace or canonical spec, or the user's name and groups are beyond the limits above.
[[nodiscard]] Result<std::string> MakeStamp(const InstallationKey& key,
                                            const std::string& installation, const Json& object,
                                            const std::string& user,
                                            const std::vector<std::string>& groups, Time now,
                                            const RequestCredential& credential = {});

// Who made `object`, by the stamp it carries: kUnproven without one, kForged with the reason when
// it does not hold for this very object.
[[nodiscard]] Provenance VerifyStamp(const StampAuthority& authority, const Json& object);
// The same where StampedDigest(object) is known already.
[[nodiscard]] Provenance VerifyStamp(const StampAuthority& authority, const Json& object,
                                     const std::string& stamped_digest);

// The same for a stamp whose text a receipt vouches for, whichever key signed it: who made `object`
// as `installation` saw it.
[[nodiscard]] Provenance ReadStamp(const std::string& installation, const Json& object,
                                   const std::string& stamped_digest);

// Whether one of `keys` made the stamp, whatever it says.
[[nodiscard]] bool IsStampBy(const PublicKeys& keys, const std::string& stamp);
// The same claims under `key`, where another of the authority's keys made the stamp, so that this
// one can be retired; else the stamp as it is.
[[nodiscard]] std::string RenewedStamp(const InstallationKey& key, const StampAuthority& authority,
                                       const std::string& stamp);
// Whether both claim the same, each by a key that counts.
[[nodiscard]] bool SayTheSame(const StampAuthority& authority, const std::string& a,
                              const std::string& b);

// What a stamp binds of the spec: GovernedDigest for a ModelDeployment, else the digest of it all.
[[nodiscard]] Result<std::string> StampedDigest(const Json& object);

}  // namespace countersign
