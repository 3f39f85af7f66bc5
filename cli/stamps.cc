#include "cli/stamps.h"

#include <utility>

#include "base/digest.h"
#include "cli/files.h"
#include "evidence/receipt.h"

namespace countersign {
namespace {

Provenance Forged(std::string problem) {
  Provenance by;
  by.authenticity = Authenticity::kForged;
  by.problem = std::move(problem);
  return by;
}

}  // namespace

Provenance BelieveStamp(const Json& object, const std::string& stamped_digest) {
  const ObjectMeta meta = DecodeMeta(object);
  if (meta.stamp.empty()) return {};
  auto envelope = ParseJson(meta.stamp);
  if (!envelope) return Forged("it is no envelope");
  auto payload = Base64Decode(StringAt(*envelope, "payload"));
  if (!payload) return Forged("it has no payload");
  auto claims = ParseJson(*payload);
  if (!claims) return Forged("its payload is not JSON");
  if (StringAt(*claims, "kind") != StringAt(object, "kind") ||
      StringAt(*claims, "namespace") != meta.name_space ||
      StringAt(*claims, "digest") != stamped_digest) {
    return Forged("it was made for another object");
  }
  auto first_seen = ParseTime(StringAt(*claims, "firstSeen"));
  Provenance by;
  by.user = StringAt(*claims, "user");
  if (!first_seen || by.user.empty()) return Forged("it lacks the person or the time");
  by.first_seen = *first_seen;
  by.credential_id = StringAt(*claims, "credentialId");
  if (auto signed_in = ParseTime(StringAt(*claims, "signedInAt"))) by.sign_in = SignIn{*signed_in};
  if (const Json* groups = Find(*claims, "groups"); groups != nullptr && groups->is_array()) {
    for (const Json& group : *groups) {
      if (group.is_string()) by.groups.push_back(group.get<std::string>());
    }
  }
  by.authenticity = Authenticity::kAttested;
  return by;
}

void AddStampFlags(CLI::App& command, StampFlags& flags) {
  command.add_option("--trusted-keys", flags.trusted_keys,
                     "PEM file with the installation's public keys, to verify stamps in a cluster");
  command.add_option("--installation", flags.installation,
                     "name of the installation that made the stamps, with --trusted-keys");
}

Result<Maker> StampMaker(const StampFlags& flags) {
  if (flags.trusted_keys.empty()) return Maker(BelieveStamp);
  auto pem = ReadTextFile(flags.trusted_keys);
  if (!pem) return Fail(pem.error());
  auto keys = PublicKeys::Parse(*pem);
  if (!keys) return Fail(Code::kInvalidArgument, keys.error().ToString(), flags.trusted_keys);
  return Maker([authority = StampAuthority{flags.installation, std::move(*keys)}](
                   const Json& object, const std::string& stamped_digest) {
    return VerifyStored(authority, object, stamped_digest);
  });
}

std::string StampAssumption(const StampFlags& flags) {
  if (!flags.trusted_keys.empty()) return {};
  return "stamps were read and not verified: the account, groups and time in each are believed "
         "(give the installation's public key with --trusted-keys)";
}

}  // namespace countersign
