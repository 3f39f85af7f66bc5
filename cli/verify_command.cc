#include <iostream>
#include <memory>

#include "base/clock.h"
#include "base/verification_key.h"
#include "base/yaml.h"
#include "cli/command.h"
#include "cli/files.h"
#include "cli/manifests.h"
#include "cli/render.h"
#include "cli/verify_model.h"
#include "cli/world_source.h"
#include "evidence/signed_object.h"
#include "governance/identity.h"
#include "governance/report_types.h"
#include "governance/signers.h"
#include "governance/types/sign_off.h"

namespace countersign {
namespace {

struct VerifyFlags {
  std::vector<std::string> files;
  std::string now;
  ModelCheck model;
  std::string use_case;  // of the evidence to print
};

// One signed object, and what the policies at hand say of its key.
struct Verified {
  std::string source;
  std::string object;        // "SignOff 'a' in namespace 'b'"
  std::string key;           // empty: the signature does not hold
  std::string signer;        // empty: no policy lists the key
  std::string printed_name;  // of the signer, by that policy
  std::string meaning;
  std::optional<Time> at;
  std::vector<std::string> cosigners;
  std::string certificate;  // whose, if it was signed by one
  std::string reason;
  std::string problem;
  Assurance assurance = Assurance::kRequester;
  [[nodiscard]] bool Holds() const { return problem.empty(); }
};

std::string AssuranceText(Assurance assurance) {
  return assurance == Assurance::kReauthenticated ? "Reauthenticated" : "Signed";
}

// Adds what the policies say of whose key it is.
void Attribute(const std::vector<GovernancePolicy>& policies, const SignatureProof& proof,
               const std::string& account, const std::optional<Time>& performed, Time now,
               Verified& out) {
  Provenance by;
  by.authenticity = Authenticity::kSigned;
  by.first_seen = now;
  by.signature = std::make_shared<const SignatureProof>(proof);
  if (proof.chain) out.certificate = proof.chain->Name();
  for (const GovernancePolicy& policy : policies) {
    const Provenance signer = SignerOf(policy.spec, by, account, performed);
    if (signer.authenticity != Authenticity::kAttested) {
      out.problem = "under policy '" + policy.meta.name + "' " + signer.problem;
      out.reason = signer.reason;
      continue;
    }
    out.signer = signer.user;
    out.printed_name = PrintedName(policy.spec, signer.user);
    for (const FurtherSigner& further : signer.cosigners) out.cosigners.push_back(further.user);
    out.problem.clear();
    out.reason.clear();
    if (!account.empty() && account != signer.user) {
      out.reason = "SignerNotKeyHolder";
      out.problem = "spec.signer.username is '" + account + "', the key is of '" + signer.user +
                    "' (policy '" + policy.meta.name + "')";
    }
    break;
  }
}

Verified Verify(const Manifest& manifest, const std::vector<GovernancePolicy>& policies, Time now) {
  const Json& object = manifest.object;
  Verified out;
  out.source = manifest.source;
  out.object = StringAt(object, "kind") + " '" + StringAt(object, "metadata/name") +
               "' in namespace '" + StringAt(object, "metadata/namespace") + "'";
  auto proof = VerifySignature(object);
  if (!proof) {
    out.reason = proof.error().reason;
    out.problem = proof.error().message;
    return out;
  }
  out.key = proof->key;
  out.assurance = proof->user_present ? Assurance::kReauthenticated : Assurance::kSigned;
  std::optional<Time> performed;
  // The signature over a model covers no date.
  if (auto time = ParseTime(StringAt(object, "spec/performedAt"));
      time && FindPath(object, "spec/modelSignature") == nullptr) {
    performed = *time;
  }
  out.at = performed;
  out.meaning = "Authorship";
  if (StringAt(object, "kind") == SignOffSpec::kKind) {
    out.meaning = StringAt(object, "spec/decision") + " as " + StringAt(object, "spec/role");
  }
  const std::string account = StringAt(object, "spec/signer/username");
  Attribute(policies, *proof, account, performed, now, out);
  return out;
}

// Printed name, meaning and time (21 CFR 11.50).
std::string Manifestation(const Verified& one) {
  std::string text = ": " + (one.signer.empty() ? "" : one.printed_name + ", ") + one.meaning;
  return one.at ? text + ", " + FormatTime(*one.at) : text;
}

Json AsJson(const Verified& one) {
  Json json = {{"source", one.source}, {"object", one.object}, {"holds", one.Holds()}};
  if (!one.key.empty()) {
    json["key"] = one.key;
    json["assurance"] = AssuranceText(one.assurance);
  }
  if (!one.signer.empty()) {
    json["signer"] = one.signer;
    json["printedName"] = one.printed_name;
  }
  if (!one.meaning.empty()) json["meaning"] = one.meaning;
  if (one.at) json["signedAt"] = FormatTime(*one.at);
  if (!one.cosigners.empty()) json["cosigners"] = one.cosigners;
  if (!one.certificate.empty()) json["certificate"] = one.certificate;
  if (!one.reason.empty()) json["reason"] = one.reason;
  if (!one.problem.empty()) json["problem"] = one.problem;
  return json;
}

std::string SignersText(const Verified& one) {
  if (one.signer.empty()) return "whose it is no policy given here says";
  std::string text = "of '" + one.signer + "'";
  for (const std::string& further : one.cosigners) text += " and '" + further + "'";
  return text;
}

void Print(const Verified& one) {
  std::cout << Printable(one.source + ": " + one.object + ": ");
  if (!one.Holds()) {
    std::cout << Printable("does not count: " + one.problem) << "\n";
    return;
  }
  const std::string by =
      one.certificate.empty() ? "key " + one.key : "certificate of " + one.certificate;
  std::cout << Printable("signed by " + by + " (" + AssuranceText(one.assurance) + "), " +
                         SignersText(one) + Manifestation(one))
            << "\n";
}

Located<std::vector<GovernancePolicy>> PoliciesAmong(const std::vector<Manifest>& manifests) {
  std::vector<GovernancePolicy> policies;
  for (const Manifest& manifest : manifests) {
    if (StringAt(manifest.object, "kind") != GovernancePolicySpec::kKind) continue;
    auto policy = Decode<GovernancePolicySpec>(manifest.object);
    if (!policy) return FailIn(manifest, policy.error().path, policy.error().message);
    policies.push_back(*std::move(policy));
  }
  return policies;
}

int VerifyAll(const VerifyFlags& flags, const Global& global) {
  auto now = TimeFlag(flags.now, "--now", SystemClock().Now());
  if (!now) return Report(now.error());
  auto manifests = ReadManifests(flags.files);
  if (!manifests) return Report(manifests.error());
  auto policies = PoliciesAmong(*manifests);
  if (!policies) return Report(policies.error());
  Json list = Json::array();
  bool all_hold = true;
  for (Manifest& manifest : *manifests) {
    if (!CarriesSignature(manifest.object)) continue;
    if (StringAt(manifest.object, "metadata/namespace").empty() && !global.name_space.empty()) {
      SetPath(manifest.object, "metadata/namespace", global.name_space);
    }
    const Verified one = Verify(manifest, *policies, *now);
    all_hold = all_hold && one.Holds();
    list.push_back(AsJson(one));
    if (global.IsJson()) continue;
    Print(one);
  }
  if (list.empty()) {
    return Report({Code::kNotFound, "there is nothing signed in what was given", "-f", {}});
  }
  if (global.IsJson()) {
    Json answer = VersionedJson("Verification");
    answer["objects"] = std::move(list);
    std::cout << DumpJson(answer) << "\n";
  }
  return all_hold ? kOk : kDenied;
}

// The Evidence by which a cluster gets to know the signature.
Json EvidenceOf(const CheckedModel& checked, const VerifyFlags& flags, const Global& global,
                Time now) {
  const std::string digits =
      checked.signed_model.root.substr(checked.signed_model.root.find(':') + 1);
  Json signature = {{"bundle", checked.bundle}};
  if (!checked.chain) signature["publicKey"] = checked.public_key;
  return {{"apiVersion", kApiVersion},
          {"kind", EvidenceSpec::kKind},
          {"metadata",
           {{"name", "model-signature-" + digits.substr(0, 10)}, {"namespace", global.name_space}}},
          {"spec",
           {{"useCase", flags.use_case},
            {"type", kModelSignatureType},
            {"model",
             {{"digest", checked.signed_model.root},
              {"digestType", NameOf(DigestType::kModelSigningRoot)}}},
            {"performedAt", FormatTime(now)},
            {"modelSignature", std::move(signature)}}}};
}

int VerifyModel(const VerifyFlags& flags, const Global& global) {
  auto now = TimeFlag(flags.now, "--now", SystemClock().Now());
  if (!now) return Report(now.error());
  if (!flags.use_case.empty() && global.name_space.empty()) {
    return Report({Code::kInvalidArgument, "is required with --use-case", "--namespace", {}});
  }
  std::vector<GovernancePolicy> policies;
  if (!flags.files.empty()) {
    auto manifests = ReadManifests(flags.files);
    if (!manifests) return Report(manifests.error());
    auto among = PoliciesAmong(*manifests);
    if (!among) return Report(among.error());
    policies = *std::move(among);
  }
  auto checked = CheckModel(flags.model, *now);
  Verified one;
  one.source = flags.model.model;
  one.object = "model";
  one.meaning = "Authorship";
  if (!checked) {
    if (checked.error().code != Code::kFailedPrecondition) return Report(checked.error());
    one.reason = "ModelNotSigned";
    one.problem = checked.error().message;
  } else {
    one.key = checked->fingerprint;
    one.assurance = Assurance::kSigned;
    if (!flags.use_case.empty()) {
      const Json object = EvidenceOf(*checked, flags, global, *now);
      if (auto made = Decode<EvidenceSpec>(object); !made) return Report(made.error());
      std::cout << (global.IsJson() ? DumpJson(object) + "\n" : DumpYaml(object));
      return kOk;
    }
    SignatureProof proof{checked->fingerprint};
    proof.chain = checked->chain;
    Attribute(policies, proof, {}, std::nullopt, *now, one);
    // A certificate that nobody vouches for says what its maker likes.
    if (flags.model.key.empty() && flags.model.authorities.empty() && one.signer.empty() &&
        one.problem.empty()) {
      one.reason = "SignerCertificateUntrusted";
      one.problem = "no policy given here vouches for its certificate";
    }
  }
  if (global.IsJson()) {
    Json answer = VersionedJson("ModelVerification");
    answer.update(AsJson(one));
    if (checked) {
      answer["digest"] = checked->signed_model.root;
      answer["digestType"] = std::string(NameOf(DigestType::kModelSigningRoot));
      answer["files"] = checked->signed_model.files.size();
    }
    std::cout << DumpJson(answer) << "\n";
  } else {
    Print(one);
    if (checked) {
      std::cout << "digest " << checked->signed_model.root << " (modelSigningRoot), "
                << checked->signed_model.files.size() << " files\n";
    }
  }
  return one.Holds() ? kOk : kDenied;
}

}  // namespace

void AddVerify(CLI::App& app, Global& global, Run& run) {
  CLI::App* command = app.add_subcommand(
      "verify",
      "Say which keys signed the objects in files, or a model, and whose they are by the policies "
      "among the files: "
      "exit code 0 all signatures hold, 1 some do not, 2 error");
  AddOutput(*command, global, {"table", "json"});
  auto flags = std::make_shared<VerifyFlags>();
  command->add_option("-f,--filename", flags->files,
                      "file, folder or -, with the signed objects and policies; repeatable");
  auto* model = command->add_option(
      "--model", flags->model.model,
      "a model, folder or file, to compare with its OpenSSF Model Signing bundle");
  command
      ->add_option("--signature", flags->model.signature,
                   "the bundle; default: model.sig in the folder")
      ->needs(model);
  auto* key =
      command->add_option("--key", flags->model.key, "public key to verify the bundle with");
  key->needs(model);
  auto* authorities = command->add_option(
      "--certificate-chain", flags->model.authorities,
      "certificates in PEM of the authorities that may have issued the bundle's; without it and "
      "--key those of the policies count");
  authorities->needs(model)->excludes(key);
  command
      ->add_option("--revocation-list", flags->model.revocation_lists,
                   "what an authority has revoked (X509 CRL in PEM); repeatable")
      ->needs(authorities);
  command
      ->add_option("--ignore-path", flags->model.ignored,
                   "path within the model that the signature may leave out; repeatable. What Git "
                   "keeps beside it and model.sig always may")
      ->needs(model);
  command
      ->add_flag(
          "--allow-symlinks", flags->model.symlinks,
          "take a signature for which symbolic links were followed, and follow those to files")
      ->needs(model);
  command
      ->add_option("--use-case", flags->use_case,
                   "print the Evidence of the bundle for this use case of --namespace, if it holds")
      ->needs(model);
  command->add_option("--now", flags->now, "take this time for now (RFC 3339)");
  command->callback([flags, &global, &run] {
    if (flags->files.empty() && flags->model.model.empty()) {
      throw CLI::RequiredError("--filename or --model");
    }
    if (!flags->model.model.empty() && flags->model.key.empty() &&
        flags->model.authorities.empty() && flags->files.empty()) {
      throw CLI::RequiredError("--key, --certificate-chain or -f with a policy");
    }
    run = [flags, &global] {
      return flags->model.model.empty() ? VerifyAll(*flags, global) : VerifyModel(*flags, global);
    };
  });
}

}  // namespace countersign
