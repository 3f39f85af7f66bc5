#include "evidence/stamp.h"

#include "base/digest.h"
#include "evidence/dsse.h"
#include "governance/types/model_deployment.h"
#include "governance/types/model_record.h"
#include "governance/types/object.h"
#include "governance/types/policy.h"

namespace countersign {
namespace {

constexpr std::string_view kStampType = "application/vnd.countersign.stamp.v1+json";

Provenance Forged(std::string problem) {
  Provenance by;
  by.authenticity = Authenticity::kForged;
  by.problem = std::move(problem);
  return by;
}

Status CheckLimits(const std::string& user, const std::vector<std::string>& groups) {
  const auto fail = [&](const std::string& why) {
    return Fail(Code::kResourceExhausted, "account '" + user.substr(0, kMaxStampedNameBytes) +
                                              "' " + why + " and cannot be stamped");
  };
  if (user.size() > kMaxStampedNameBytes) return fail("has a name of more than 256 bytes");
  if (groups.size() > kMaxStampedGroups) return fail("is in more than 256 groups");
  std::size_t total = 0;
  for (const std::string& group : groups) {
    if (group.size() > kMaxStampedNameBytes) return fail("is in a group of more than 256 bytes");
    total += group.size();
  }
  if (total > kMaxStampedGroupBytes) return fail("is in groups of more than 16 KiB together");
  return {};
}

// All or nothing: a person with half of their groups is another person.
bool ReadGroups(const Json& claims, std::vector<std::string>& out) {
  const Json* groups = Find(claims, "groups");
  if (groups == nullptr || !groups->is_array() || groups->size() > kMaxStampedGroups) return false;
  for (const Json& group : *groups) {
    if (!group.is_string()) return false;
    out.push_back(group.get<std::string>());
  }
  return true;
}

// Who made `object`, by claims that somebody trusted has made.
Provenance MakerBy(const Json& claims, const std::string& installation, const Json& object,
                   const std::string& stamped_digest) {
  const auto differs = [&](const char* field, const std::string& wanted) {
    return StringAt(claims, field) != wanted;
  };
  if (differs("installation", installation)) {
    return Forged("it was made by installation '" + StringAt(claims, "installation") + "'");
  }
  if (differs("kind", StringAt(object, "kind"))) {
    return Forged("it was made for a " + StringAt(claims, "kind"));
  }
  if (differs("namespace", StringAt(object, "metadata/namespace"))) {
    return Forged("it was made in namespace '" + StringAt(claims, "namespace") + "'");
  }
  if (stamped_digest.empty() || differs("digest", stamped_digest))
    return Forged("it was made for another spec");
  auto first_seen = ParseTime(StringAt(claims, "firstSeen"));
  Provenance by;
  by.user = StringAt(claims, "user");
  if (!first_seen || by.user.empty() || !ReadGroups(claims, by.groups)) {
    return Forged("it lacks the person, the groups or the time");
  }
  by.first_seen = *first_seen;
  by.credential_id = StringAt(claims, "credentialId");
  if (auto signed_in = ParseTime(StringAt(claims, "signedInAt"))) by.sign_in = SignIn{*signed_in};
  by.authenticity = Authenticity::kAttested;
  return by;
}

}  // namespace

Result<std::string> StampedDigest(const Json& object) {
  const Json* spec = Find(object, "spec");
  if (spec == nullptr) return Fail(Code::kInvalidArgument, "is required", "spec");
  return StringAt(object, "kind") == ModelDeploymentSpec::kKind ? GovernedDigest(*spec)
                                                                : JsonDigest(*spec);
}

Result<std::string> MakeStamp(const InstallationKey& key, const std::string& installation,
                              const Json& object, const std::string& user,
                              const std::vector<std::string>& groups, Time now,
                              const RequestCredential& credential) {
  if (auto within = CheckLimits(user, groups); !within) return Fail(within.error());
  auto digest = StampedDigest(object);
  if (!digest) return Fail(digest.error());
  const std::string name_space = StringAt(object, "metadata/namespace");
  const std::string kind = StringAt(object, "kind");
  const bool cluster_scoped = kind == GovernancePolicySpec::kKind || kind == ModelRecordSpec::kKind;
  if (kind.empty() || (name_space.empty() && !cluster_scoped)) {
    return Fail(Code::kInvalidArgument, "kind and namespace are required", "metadata");
  }
  Json claims = {{"id", NewUuid(now)}, {"installation", installation},
                 {"kind", kind},       {"namespace", name_space},
                 {"digest", *digest},  {"user", user},
                 {"groups", groups},   {"firstSeen", FormatMicroTime(now)}};
  // Whoever acts as somebody else (--as) shows none: the stamp keeps the trace.
  if (!credential.id.empty())
    claims["credentialId"] = credential.id.substr(0, kMaxStampedNameBytes);
  if (credential.signed_in_at) claims["signedInAt"] = FormatTime(*credential.signed_in_at);
  return SignEnvelope(key, kStampType, claims);
}

Provenance VerifyStamp(const StampAuthority& authority, const Json& object) {
  if (DecodeMeta(object).stamp.empty()) return {};
  // Without a digest no claim can match: an empty one is in no stamp of ours.
  return VerifyStamp(authority, object, StampedDigest(object).value_or(std::string()));
}

Provenance VerifyStamp(const StampAuthority& authority, const Json& object,
                       const std::string& stamped_digest) {
  const std::string text = DecodeMeta(object).stamp;
  if (text.empty()) return {};
  auto claims = OpenEnvelope(authority.trusted, kStampType, text);
  if (!claims) return Forged(claims.error().message);
  return MakerBy(*claims, authority.installation, object, stamped_digest);
}

bool IsStampBy(const PublicKeys& keys, const std::string& stamp) {
  return OpenEnvelope(keys, kStampType, stamp).has_value();
}

std::string RenewedStamp(const InstallationKey& key, const StampAuthority& authority,
                         const std::string& stamp) {
  if (stamp.empty() || IsStampBy(key.Public(), stamp)) return stamp;
  const auto claims = OpenEnvelope(authority.trusted, kStampType, stamp);
  return claims ? SignEnvelope(key, kStampType, *claims).value_or(stamp) : stamp;
}

bool SayTheSame(const StampAuthority& authority, const std::string& a, const std::string& b) {
  const auto first = OpenEnvelope(authority.trusted, kStampType, a);
  const auto second = OpenEnvelope(authority.trusted, kStampType, b);
  return first && second && *first == *second;
}

Provenance ReadStamp(const std::string& installation, const Json& object,
                     const std::string& stamped_digest) {
  auto claims = PeekEnvelope(kStampType, DecodeMeta(object).stamp);
  if (!claims) return Forged(claims.error().message);
  return MakerBy(*claims, installation, object, stamped_digest);
}

}  // namespace countersign
