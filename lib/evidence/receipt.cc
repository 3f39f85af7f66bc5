#include "evidence/receipt.h"

#include "base/digest.h"
#include "evidence/dsse.h"
#include "governance/types/object.h"

namespace countersign {
namespace {

constexpr std::string_view kReceiptType = "application/vnd.countersign.receipt.v1+json";

std::string StampDigest(const std::string& stamp) { return DigestText(Sha256(stamp)); }

}  // namespace

Result<std::string> MakeReceipt(const InstallationKey& key, const std::string& installation,
                                const Json& object, Time now) {
  const std::string stamp = DecodeMeta(object).stamp;
  if (stamp.empty()) return Fail(Code::kInvalidArgument, "carries no stamp", "metadata");
  return SignEnvelope(key, kReceiptType,
                      Json{{"installation", installation},
                           {"stamp", StampDigest(stamp)},
                           {"uid", StringAt(object, "metadata/uid")},
                           {"receivedAt", FormatMicroTime(now)}});
}

std::string ReceiptOf(const Json& object) {
  const Json* annotations = FindPath(object, "metadata/annotations");
  const Json* receipt = annotations == nullptr ? nullptr : Find(*annotations, kReceiptAnnotation);
  return receipt != nullptr && receipt->is_string() ? receipt->get<std::string>() : std::string();
}

bool HasReceipt(const StampAuthority& authority, const Json& object) {
  const std::string stamp = DecodeMeta(object).stamp;
  const std::string receipt = ReceiptOf(object);
  if (stamp.empty() || receipt.empty()) return false;
  const auto claims = OpenEnvelope(authority.trusted, kReceiptType, receipt);
  return claims && StringAt(*claims, "installation") == authority.installation &&
         StringAt(*claims, "stamp") == StampDigest(stamp);
}

bool CanBeCarried(std::string_view kind) {
  return kind == "SignOff" || kind == "ReproducibilitySnapshot" || kind == "BiasTest" ||
         kind == "Evidence" || kind == "Waiver";
}

Provenance VerifyStored(const StampAuthority& authority, const Json& object,
                        const std::string& stamped_digest) {
  Provenance by = VerifyStamp(authority, object, stamped_digest);
  if (by.authenticity != Authenticity::kAttested || !CanBeCarried(StringAt(object, "kind"))) {
    return by;
  }
  const auto created = DecodeMeta(object).creation_time;
  if (!created || std::chrono::abs(*created - by.first_seen) <= kFreshStamp ||
      HasReceipt(authority, object)) {
    return by;
  }
  Provenance stale;
  stale.authenticity = Authenticity::kForged;
  stale.problem = "it is of " + FormatTime(by.first_seen) + " and the object of " +
                  FormatTime(*created) + ": what is carried needs its receipt too (annotation " +
                  std::string(kReceiptAnnotation) + ")";
  return stale;
}

}  // namespace countersign
