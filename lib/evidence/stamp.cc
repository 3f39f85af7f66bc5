#include "evidence/stamp.h"

#include "base/digest.h"
#include "evidence/dsse.h"
#include "governance/types/model_deployment.h"
#include "governance/types/object.h"

namespace countersign {
namespace {

constexpr std::string_view kStampType = "application/vnd.countersign.stamp.v1+json";

Provenance Forged(std::string problem) {
  Provenance by;
  by.authenticity = Authenticity::kForged;
  by.problem = std::move(problem);
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
                              const std::vector<std::string>& groups, Time now) {
  if (groups.size() > kMaxStampedGroups) {
    return Fail(Code::kResourceExhausted,
                "account '" + user + "' is in more than 256 groups and cannot be stamped");
  }
  auto digest = StampedDigest(object);
  if (!digest) return Fail(digest.error());
  const std::string name_space = StringAt(object, "metadata/namespace");
  const std::string kind = StringAt(object, "kind");
  if (name_space.empty() || kind.empty()) {
    return Fail(Code::kInvalidArgument, "kind and namespace are required", "metadata");
  }
  return SignEnvelope(key, kStampType,
                      Json{{"id", NewUuid(now)},
                           {"installation", installation},
                           {"kind", kind},
                           {"namespace", name_space},
                           {"digest", *digest},
                           {"user", user},
                           {"groups", groups},
                           {"firstSeen", FormatMicroTime(now)}});
}

Provenance VerifyStamp(const StampAuthority& authority, const Json& object) {
  const std::string text = DecodeMeta(object).stamp;
  if (text.empty()) return {};
  auto claims = OpenEnvelope(authority.trusted, kStampType, text);
  if (!claims) return Forged(claims.error().message);
  const auto differs = [&](const char* field, const std::string& wanted) {
    return StringAt(*claims, field) != wanted;
  };
  if (differs("installation", authority.installation)) {
    return Forged("it was made by installation '" + StringAt(*claims, "installation") + "'");
  }
  if (differs("kind", StringAt(object, "kind"))) {
    return Forged("it was made for a " + StringAt(*claims, "kind"));
  }
  if (differs("namespace", StringAt(object, "metadata/namespace"))) {
    return Forged("it was made in namespace '" + StringAt(*claims, "namespace") + "'");
  }
  auto digest = StampedDigest(object);
  if (!digest || differs("digest", *digest)) return Forged("it was made for another spec");
  auto first_seen = ParseTime(StringAt(*claims, "firstSeen"));
  Provenance by;
  by.user = StringAt(*claims, "user");
  if (!first_seen || by.user.empty()) return Forged("it lacks the person or the time");
  by.first_seen = *first_seen;
  if (const Json* groups = Find(*claims, "groups"); groups != nullptr && groups->is_array()) {
    for (const Json& group : *groups) {
      if (group.is_string()) by.groups.push_back(group.get<std::string>());
    }
  }
  by.authenticity = Authenticity::kAttested;
  return by;
}

}  // namespace countersign
