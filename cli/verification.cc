#include "cli/verification.h"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "cli/stamps.h"
#include "evidence/signed_object.h"
#include "governance/identity.h"
#include "governance/signers.h"
#include "governance/types/bias_test.h"
#include "governance/types/evidence.h"
#include "governance/types/incident.h"
#include "governance/types/model_deployment.h"
#include "governance/types/model_record.h"
#include "governance/types/reproducibility_snapshot.h"
#include "governance/types/sign_off.h"
#include "governance/types/use_case.h"
#include "governance/types/waiver.h"

namespace countersign {
namespace {

// What a stamp binds of an object that decodes.
template <class Spec>
Result<std::string> DigestAs(const Json& object) {
  auto decoded = Decode<Spec>(object);
  if (!decoded) return Fail(decoded.error());
  return decoded->spec_digest;
}

using DigestOfKind = Result<std::string> (*)(const Json&);
using Kind = std::pair<std::string_view, DigestOfKind>;
constexpr std::array<Kind, 5> kEvidenceKinds = {{
    {SignOffSpec::kKind, DigestAs<SignOffSpec>},
    {BiasTestSpec::kKind, DigestAs<BiasTestSpec>},
    {EvidenceSpec::kKind, DigestAs<EvidenceSpec>},
    {ReproducibilitySnapshotSpec::kKind, DigestAs<ReproducibilitySnapshotSpec>},
    {WaiverSpec::kKind, DigestAs<WaiverSpec>},
}};
constexpr std::array<Kind, 5> kOtherKinds = {{
    {GovernancePolicySpec::kKind, DigestAs<GovernancePolicySpec>},
    {UseCaseSpec::kKind, DigestAs<UseCaseSpec>},
    {ModelDeploymentSpec::kKind, DigestAs<ModelDeploymentSpec>},
    {IncidentSpec::kKind, DigestAs<IncidentSpec>},
    {ModelRecordSpec::kKind, DigestAs<ModelRecordSpec>},
}};

bool IsOurs(const Json& object) {
  return StringAt(object, "apiVersion").starts_with(std::string(kApiGroup) + "/");
}

// The rest of what the API refuses of an object: Decode looks at its spec.
Status CheckMembers(const Json& object) {
  for (const auto& [key, value] : object.items()) {
    if (key != "apiVersion" && key != "kind" && key != "metadata" && key != "spec" &&
        key != "status") {
      return Fail(Code::kInvalidArgument, "is not a field of the kind", Excerpt(key));
    }
  }
  return {};
}

Result<std::string> Digest(const Json& object) {
  if (auto ok = CheckMembers(object); !ok) return Fail(ok.error());
  const std::string kind = StringAt(object, "kind");
  for (const auto& kinds : {kEvidenceKinds, kOtherKinds}) {
    for (const auto& [name, digest] : kinds) {
      if (name == kind) return digest(object);
    }
  }
  return Fail(Code::kInvalidArgument,
              "'" + Excerpt(kind) + "' is not a kind of " + std::string(kApiGroup), "kind");
}

Verified Named(const Manifest& manifest) {
  const Json& object = manifest.object;
  const std::string home = StringAt(object, "metadata/namespace");
  Verified out;
  out.source = manifest.source;
  out.object = StringAt(object, "kind") + " '" + StringAt(object, "metadata/name") + "'" +
               (home.empty() ? "" : " in namespace '" + home + "'");
  return out;
}

// Whether the API refuses it only because texts of its signature are too long: it would take the
// object if they were short.
bool SignatureIsTooLong(Json object) {
  constexpr std::size_t kShort = 64;
  const auto shorten = [](Json& texts) {
    if (!texts.is_object()) return;
    for (Json& text : texts) {
      if (text.is_string() && text.get_ref<const std::string&>().size() > kShort) text = "-";
    }
  };
  for (const char* name : {"signature", "modelSignature"}) {
    const std::string path = std::string("spec/") + name;
    if (FindPath(object, path) == nullptr) continue;
    Json& signature = object["spec"][name];
    shorten(signature);
    if (Find(signature, "cosigners") == nullptr) continue;
    for (Json& cosigner : signature["cosigners"]) shorten(cosigner);
  }
  return Digest(object).has_value();
}

Verified DoesNotHold(Verified out, std::string reason, std::string problem) {
  out.reason = std::move(reason);
  out.problem = std::move(problem);
  return out;
}

// What one policy says of whose a signature is.
struct Opinion {
  const GovernancePolicy* policy = nullptr;
  Provenance signer;
  bool revoked = false;  // which alone keeps it from counting

  [[nodiscard]] bool Believes() const { return signer.authenticity == Authenticity::kAttested; }
  // Whether it knows the key, or would know the certificate.
  [[nodiscard]] bool Lists() const {
    return Believes() || revoked ||
           (signer.reason != "SignerKeyUnknown" && signer.reason != "SignerCertificateUnknown" &&
            signer.reason != "SignerCertificateUntrusted");
  }
};

std::vector<Opinion> OpinionsOf(const std::vector<GovernancePolicy>& policies,
                                const SignatureProof& proof, const std::string& account,
                                const std::optional<Time>& performed, Time seen) {
  Provenance by;
  by.authenticity = Authenticity::kSigned;
  by.first_seen = seen;
  by.signature = std::make_shared<const SignatureProof>(proof);
  std::vector<Opinion> opinions;
  for (const GovernancePolicy& policy : policies) {
    Opinion one{&policy, SignerOf(policy.spec, by, account, performed)};
    one.revoked = DespiteRevocation(policy.spec, one.signer, performed).has_value();
    opinions.push_back(std::move(one));
  }
  return opinions;
}

// Of several signatures each by itself.
std::vector<SignatureProof> EachKey(const SignatureProof& proof) {
  std::vector<SignatureProof> all;
  const auto add = [&](const std::string& key, const auto& chain) {
    SignatureProof one = proof;
    one.key = key;
    one.chain = chain;
    one.cosigners.clear();
    all.push_back(std::move(one));
  };
  add(proof.key, proof.chain);
  for (const SignerProof& other : proof.cosigners) add(other.key, other.chain);
  return all;
}

// Whether policies disagree about one key, which then is the problem.
bool Disagree(const std::vector<Opinion>& opinions, Verified& out) {
  const auto believes = [](const Opinion& one) { return one.Believes(); };
  const auto first = std::find_if(opinions.begin(), opinions.end(), believes);
  if (first == opinions.end()) return false;
  const std::string& user = first->signer.user;
  const std::string who = "policy '" + first->policy->meta.name + "' believes it as of '" + user;
  for (const Opinion& one : opinions) {
    const std::string& other = one.signer.user;
    const std::string under = "', policy '" + one.policy->meta.name + "' does not: ";
    if (!one.Believes() && one.Lists()) {
      out.problem = who + under + one.signer.problem;
      out.reason = one.signer.reason;
      return true;
    }
    const GovernancePolicySpec& spec = one.policy->spec;
    if (!one.Believes() || PersonOf(spec, user) == PersonOf(spec, other) ||
        PersonOf(first->policy->spec, user) == PersonOf(first->policy->spec, other)) {
      continue;
    }
    out.problem = who;
    out.problem.append("', policy '").append(one.policy->meta.name);
    out.problem.append("' as of '").append(other).append("': a key is one person's");
    out.reason = "SignerAmbiguous";
    return true;
  }
  return false;
}

// When the system first saw it, which a stamp says that holds; a key is judged by that. Nothing:
// as far as anybody can tell now.
std::optional<Time> StampedAt(const Json& object, const std::string& digest,
                              const VerifyOptions& options) {
  if (!options.stamps || DecodeMeta(object).stamp.empty()) return std::nullopt;
  const Provenance by = options.stamps(object, digest);
  if (by.authenticity != Authenticity::kAttested) return std::nullopt;
  return by.first_seen;
}

Verified BySignature(Verified out, const Json& object, const std::string& digest,
                     const VerifyOptions& options) {
  out.proof = Proof::kSignature;
  auto proof = VerifySignature(object);
  if (!proof) return DoesNotHold(std::move(out), proof.error().reason, proof.error().message);
  out.key = proof->key;
  out.assurance = proof->user_present ? Assurance::kReauthenticated : Assurance::kSigned;
  // The signature over a model covers no date.
  std::optional<Time> performed = out.at;
  if (FindPath(object, "spec/modelSignature") != nullptr) performed.reset();
  out.at = performed;
  const std::optional<Time> stamped = StampedAt(object, digest, options);
  Attribute(options.policies, *proof, StringAt(object, "spec/signer/username"), performed,
            stamped.value_or(options.now), out);
  if (!out.Holds() && !stamped && out.problem.find("first seen") != std::string::npos) {
    out.problem += DecodeMeta(object).stamp.empty()
                       ? " (which is now, for it carries no stamp)"
                       : " (which is now, for its stamp is not verified: give the installation's "
                         "public key with --trusted-keys, or believe it with --accept-stamps)";
  }
  return out;
}

Verified ByStamp(Verified out, const Json& object, const std::string& digest,
                 const VerifyOptions& options) {
  out.proof = Proof::kStamp;
  const Provenance claimed = BelieveStamp(object, digest);
  const Provenance by = options.stamps ? options.stamps(object, digest) : claimed;
  if (by.authenticity != Authenticity::kAttested) {
    const std::string why =
        by.foreign ? "it was made by installation '" + by.foreign->installation +
                         "', and --installation names another"
        : by.problem.empty() ? "it is not of the installation that --installation names"
                             : by.problem;
    return DoesNotHold(std::move(out), "StampInvalid", "its stamp does not count: " + why);
  }
  out.stamped_by = by.user;
  if (!options.stamps) {
    return DoesNotHold(std::move(out), "StampNotVerified",
                       "it is stamped only, which cannot be verified without the installation's "
                       "public key: give it with --trusted-keys, or believe the stamp with "
                       "--accept-stamps");
  }
  const std::string account = StringAt(object, "spec/signer/username");
  if (!account.empty() && account != by.user) {
    return DoesNotHold(
        std::move(out), "SignerNotRequester",
        "spec.signer.username is '" + account + "', it was created by '" + by.user + "'");
  }
  return out;
}

}  // namespace

const char* NameOf(Proof proof) {
  switch (proof) {
    case Proof::kStamp: return "Stamp";
    case Proof::kSignature: return "Signature";
    case Proof::kNone: break;
  }
  return "None";
}

bool IsEvidence(const Json& object) {
  const std::string kind = StringAt(object, "kind");
  return IsOurs(object) && std::any_of(kEvidenceKinds.begin(), kEvidenceKinds.end(),
                                       [&](const auto& one) { return one.first == kind; });
}

void Attribute(const std::vector<GovernancePolicy>& policies, const SignatureProof& proof,
               const std::string& account, const std::optional<Time>& performed, Time seen,
               Verified& out) {
  if (proof.chain) out.certificate = proof.chain->Name();
  const Opinion* believed = nullptr;
  const Opinion* refused = nullptr;
  const std::vector<Opinion> opinions = OpinionsOf(policies, proof, account, performed, seen);
  for (const Opinion& one : opinions) {
    if (believed == nullptr && one.Believes()) believed = &one;
    // What a policy says of a key that it lists is news; that another does not know it is none.
    if (!one.Believes() && (refused == nullptr || (!refused->Lists() && one.Lists()))) {
      refused = &one;
    }
  }
  if (believed == nullptr) {
    if (refused == nullptr) return;  // no policy was given
    out.problem = "under policy '" + refused->policy->meta.name + "' " + refused->signer.problem;
    out.reason = refused->signer.reason;
    return;
  }
  out.signer = believed->signer.user;
  out.printed_name = PrintedName(believed->policy->spec, out.signer);
  for (const FurtherSigner& further : believed->signer.cosigners) {
    out.cosigners.push_back(further.user);
  }
  if (!account.empty() && account != out.signer) {
    out.reason = "SignerNotKeyHolder";
    out.problem = "spec.signer.username is '" + account + "', the key is of '" + out.signer +
                  "' (policy '" + believed->policy->meta.name + "')";
    return;
  }
  for (const SignatureProof& key : EachKey(proof)) {
    if (Disagree(OpinionsOf(policies, key, account, performed, seen), out)) return;
  }
}

std::optional<Verified> RefuseMalformed(const Manifest& manifest) {
  if (!IsOurs(manifest.object)) return std::nullopt;
  auto digest = Digest(manifest.object);
  if (digest) return std::nullopt;
  return DoesNotHold(Named(manifest), "SpecInvalid", digest.error().ToString());
}

Verified VerifyObject(const Manifest& manifest, const VerifyOptions& options) {
  const Json& object = manifest.object;
  const std::string kind = StringAt(object, "kind");
  Verified out = Named(manifest);
  auto digest = Digest(object);
  if (!digest) {
    std::string why = digest.error().ToString();
    const bool too_long = CarriesSignature(object) && SignatureIsTooLong(object);
    // It may have been edited after it was signed, which is the graver news.
    if (CarriesSignature(object)) {
      if (auto proof = VerifySignature(object); !proof) {
        why += "; its signature does not count either: " + proof.error().message;
      }
    }
    return DoesNotHold(std::move(out), too_long ? "SignatureTooLarge" : "SpecInvalid",
                       std::move(why));
  }
  const std::string account = StringAt(object, "spec/signer/username");
  if (kind == SignOffSpec::kKind && IsRobot(account)) {
    return DoesNotHold(std::move(out), "SignerIsRobot",
                       "spec.signer.username: service accounts do not sign off, nor does what is "
                       "the cluster's own (system:…): '" +
                           account + "'");
  }
  if (auto time = ParseTime(StringAt(object, "spec/performedAt")); time) out.at = *time;
  out.meaning = kind == SignOffSpec::kKind
                    ? StringAt(object, "spec/decision") + " as " + StringAt(object, "spec/role")
                    : "Authorship";
  if (CarriesSignature(object)) return BySignature(std::move(out), object, *digest, options);
  if (!DecodeMeta(object).stamp.empty()) {
    return ByStamp(std::move(out), object, *digest, options);
  }
  return DoesNotHold(std::move(out), "NotSigned",
                     "it is neither signed nor stamped, and proves nothing: have its author sign "
                     "it, countersign sign");
}

}  // namespace countersign
