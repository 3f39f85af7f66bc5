// receipt.h: that an installation has seen an object stored under the stamp that it carries.
//
// A stamp alone is worth nothing in other hands: whoever calls the webhook directly gets one in
// anybody's name. A receipt, in the annotation countersign.dev/receipt, is a DSSE envelope by the
// installation's key over the stamp's digest; the operator adds it once the API server has stored
// the object, which admission lets happen for the stamped person alone. With it, anybody may apply
// the object again (GitOps, restore), and it stays that person's. Free functions; thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "base/json.h"
#include "evidence/stamp.h"

namespace countersign {

inline constexpr std::string_view kReceiptAnnotation = "countersign.dev/receipt";

// An object of its own is created within moments of its stamp, give or take the clocks of webhook
// and API server.
inline constexpr Seconds kFreshStamp = std::chrono::minutes(5);

// The receipt for `object`, which carries a stamp.
[[nodiscard]] Result<std::string> MakeReceipt(const InstallationKey& key,
                                              const std::string& installation, const Json& object,
                                              Time now);
[[nodiscard]] std::string ReceiptOf(const Json& object);  // the annotation; empty if there is none
// Whether it is this installation's, for the stamp that the object carries.
[[nodiscard]] bool HasReceipt(const StampAuthority& authority, const Json& object);

// Who made `object`, by its receipt: kAttested where it is this installation's, by a key that
// counts (whichever key signed the stamp); kForeign where it is another one's, by the key that the
// receipt itself names, of which a policy says what it is worth (spec.trustedInstallations). Else
// kUnproven, or kForged with the reason.
[[nodiscard]] Provenance VerifyCarried(const StampAuthority& authority, const Json& object,
                                       const std::string& stamped_digest);

// Fingerprint of the installation key that it says it is by; empty if there is none. A hint.
[[nodiscard]] std::string ReceiptKeyOf(const Json& object);

// Evidence can be carried; a ModelDeployment is its requester's, whoever asked for it before.
[[nodiscard]] bool CanBeCarried(std::string_view kind);

// VerifyStamp for what the API server has stored: a stamp that is much older or younger than the
// object counts with a receipt alone.
[[nodiscard]] Provenance VerifyStored(const StampAuthority& authority, const Json& object,
                                      const std::string& stamped_digest);

}  // namespace countersign
