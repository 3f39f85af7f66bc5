#include "evidence/receipt.h"

#include <optional>
#include <utility>

#include "base/digest.h"
#include "base/verification_key.h"
#include "evidence/dsse.h"
#include "evidence/signed_object.h"
#include "governance/types/object.h"

namespace countersign {
namespace {

constexpr std::string_view kReceiptType = "application/vnd.countersign.receipt.v1+json";

std::string StampDigest(const std::string& stamp) { return DigestText(Sha256(stamp)); }

// The receipt's own word for who gave it, if the key that it names signed it.
std::optional<ForeignStamp> ForeignStampOf(const StampAuthority& authority, const Json& object) {
  const std::string receipt = ReceiptOf(object);
  const auto peeked = PeekEnvelope(kReceiptType, receipt);
  if (!peeked) return std::nullopt;
  const auto key = VerificationKey::Parse(StringAt(*peeked, "publicKey"));
  if (!key) return std::nullopt;
  const auto claims = OpenSignedEnvelope(*key, kReceiptType, receipt);
  if (!claims || StringAt(*claims, "stamp") != StampDigest(DecodeMeta(object).stamp)) {
    return std::nullopt;
  }
  std::string installation = StringAt(*claims, "installation");
  // Ours would be known by our keys.
  if (installation.empty() || installation == authority.installation) return std::nullopt;
  return ForeignStamp{std::move(installation), key->fingerprint()};
}

}  // namespace

Result<std::string> MakeReceipt(const InstallationKey& key, const std::string& installation,
                                const Json& object, Time now) {
  const std::string stamp = DecodeMeta(object).stamp;
  if (stamp.empty()) return Fail(Code::kInvalidArgument, "carries no stamp", "metadata");
  return SignEnvelope(key, kReceiptType,
                      Json{{"installation", installation},
                           {"stamp", StampDigest(stamp)},
                           {"uid", StringAt(object, "metadata/uid")},
                           {"publicKey", key.PublicPem()},
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

std::string ReceiptKeyOf(const Json& object) {
  const auto envelope = ParseJson(ReceiptOf(object), 8);
  const Json* signatures = envelope ? Find(*envelope, "signatures") : nullptr;
  if (signatures == nullptr || !signatures->is_array() || signatures->empty()) return {};
  return StringAt(signatures->front(), "keyid");
}

bool CanBeCarried(std::string_view kind) {
  return kind == "SignOff" || kind == "ReproducibilitySnapshot" || kind == "BiasTest" ||
         kind == "Evidence" || kind == "Waiver";
}

Provenance VerifyCarried(const StampAuthority& authority, const Json& object,
                         const std::string& stamped_digest) {
  if (!CanBeCarried(StringAt(object, "kind")) || ReceiptOf(object).empty()) return {};
  if (HasReceipt(authority, object)) {
    return ReadStamp(authority.installation, object, stamped_digest);
  }
  auto stamp = ForeignStampOf(authority, object);
  // What is signed by its maker's own key needs nobody's word for who made it.
  if (!stamp || CarriesSignature(object)) return {};
  Provenance by = ReadStamp(stamp->installation, object, stamped_digest);
  if (by.authenticity != Authenticity::kAttested) return by;
  by.authenticity = Authenticity::kForeign;
  by.foreign = std::make_shared<const ForeignStamp>(*std::move(stamp));
  return by;
}

Provenance VerifyStored(const StampAuthority& authority, const Json& object,
                        const std::string& stamped_digest) {
  Provenance by = VerifyStamp(authority, object, stamped_digest);
  if (!CanBeCarried(StringAt(object, "kind"))) return by;
  const bool attested = by.authenticity == Authenticity::kAttested;
  const auto created = DecodeMeta(object).creation_time;
  if (attested && (!created || std::chrono::abs(*created - by.first_seen) <= kFreshStamp)) {
    return by;
  }
  Provenance carried = VerifyCarried(authority, object, stamped_digest);
  if (carried.foreign && created && carried.first_seen > *created + kFreshStamp) {
    Provenance early;
    early.authenticity = Authenticity::kForged;
    early.problem = "it is of " + FormatTime(carried.first_seen) + ", after the object, of " +
                    FormatTime(*created) + ": the clock of whoever saw it made was wrong";
    return early;
  }
  if (carried.authenticity == Authenticity::kAttested ||
      carried.authenticity == Authenticity::kForeign || !attested) {
    return carried.authenticity == Authenticity::kUnproven ? by : carried;
  }
  Provenance stale;
  stale.authenticity = Authenticity::kForged;
  stale.problem = "it is of " + FormatTime(by.first_seen) + " and the object of " +
                  FormatTime(*created) + ": what is carried needs its receipt too (annotation " +
                  std::string(kReceiptAnnotation) + ")";
  return stale;
}

}  // namespace countersign
