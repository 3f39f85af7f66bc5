#include <algorithm>
#include <iostream>
#include <memory>

#include "base/clock.h"
#include "base/yaml.h"
#include "cli/command.h"
#include "cli/files.h"
#include "cli/manifests.h"
#include "cli/render.h"
#include "cli/stamps.h"
#include "cli/verification.h"
#include "cli/verify_model.h"
#include "cli/world_source.h"
#include "governance/report_types.h"

namespace countersign {
namespace {

struct VerifyFlags {
  std::vector<std::string> files;
  std::string now;
  StampFlags stamps;
  bool accept_stamps = false;
  ModelCheck model;
  std::string use_case;  // of the evidence to print
};

std::string AssuranceText(Assurance assurance) {
  return assurance == Assurance::kReauthenticated ? "Reauthenticated" : "Signed";
}

// Printed name, meaning and time (21 CFR 11.50).
std::string Manifestation(const Verified& one) {
  std::string text = ": " + (one.signer.empty() ? "" : one.printed_name + ", ") + one.meaning;
  return one.at ? text + ", " + FormatTime(*one.at) : text;
}

Json AsJson(const Verified& one) {
  Json json = {{"source", one.source},
               {"object", one.object},
               {"proof", NameOf(one.proof)},
               {"holds", one.Holds()}};
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
  if (!one.stamped_by.empty()) json["stampedBy"] = one.stamped_by;
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
    std::cout << Printable((one.proof == Proof::kStamp && one.reason == "StampNotVerified"
                                ? "stamped only, by '" + one.stamped_by + "': "
                                : "does not count: ") +
                           one.problem + " [" + one.reason + "]")
              << "\n";
    return;
  }
  if (one.proof == Proof::kStamp) {
    std::cout << Printable("stamped when '" + one.stamped_by + "' created it" + Manifestation(one))
              << "\n";
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

// Stamps are verified, believed, or prove nothing.
Result<Maker> StampsBy(const VerifyFlags& flags) {
  if (flags.stamps.trusted_keys.empty() && !flags.accept_stamps) return Maker();
  return StampMaker(flags.stamps);
}

// What is among the files and is no evidence: said, so that nothing is passed over in silence.
struct Other {
  std::string source;
  std::string object;
  std::string what;
};

Other NotEvidence(const Manifest& manifest) {
  const std::string kind = StringAt(manifest.object, "kind");
  const bool ours =
      StringAt(manifest.object, "apiVersion").starts_with(std::string(kApiGroup) + "/");
  return {manifest.source, kind + " '" + StringAt(manifest.object, "metadata/name") + "'",
          !ours ? "no object of Countersign, and not looked at"
          : kind == GovernancePolicySpec::kKind
              ? "taken at its word for whose keys count"
              : "no evidence: it carries no signature, and nothing is proved by it"};
}

void PrintObjects(const std::vector<Verified>& objects, const std::vector<Other>& others,
                  const Global& global) {
  if (!global.IsJson()) {
    for (const Verified& one : objects) Print(one);
    for (const Other& one : others) {
      std::cout << Printable(one.source + ": " + one.object + ": " + one.what) << "\n";
    }
    return;
  }
  Json answer = VersionedJson("Verification");
  answer["objects"] = Json::array();
  for (const Verified& one : objects) answer["objects"].push_back(AsJson(one));
  answer["others"] = Json::array();
  for (const Other& one : others) {
    answer["others"].push_back(
        {{"source", one.source}, {"object", one.object}, {"what", one.what}});
  }
  std::cout << DumpJson(answer) << "\n";
}

int VerifyAll(const VerifyFlags& flags, const Global& global) {
  auto now = TimeFlag(flags.now, "--now", SystemClock().Now());
  if (!now) return Report(now.error());
  auto stamps = StampsBy(flags);
  if (!stamps) return Report(stamps.error());
  auto manifests = ReadManifests(flags.files);
  if (!manifests) return Report(manifests.error());
  auto policies = PoliciesAmong(*manifests);
  if (!policies) return Report(policies.error());
  const VerifyOptions options{*std::move(policies), *now, *std::move(stamps)};
  std::vector<Verified> objects;
  std::vector<Other> others;
  for (Manifest& manifest : *manifests) {
    if (!IsEvidence(manifest.object)) {
      if (auto malformed = RefuseMalformed(manifest)) {
        objects.push_back(*std::move(malformed));
      } else {
        others.push_back(NotEvidence(manifest));
      }
      continue;
    }
    if (StringAt(manifest.object, "metadata/namespace").empty() && !global.name_space.empty()) {
      SetPath(manifest.object, "metadata/namespace", global.name_space);
    }
    objects.push_back(VerifyObject(manifest, options));
  }
  if (objects.empty()) {
    return Report({Code::kNotFound,
                   "there is no evidence in what was given: no SignOff, BiasTest, Evidence, "
                   "ReproducibilitySnapshot or Waiver",
                   "-f",
                   {}});
  }
  PrintObjects(objects, others, global);
  const bool all_hold =
      std::all_of(objects.begin(), objects.end(), [](const Verified& one) { return one.Holds(); });
  return all_hold ? kOk : kDenied;
}

// The Evidence by which a cluster gets to know the signature.
Json EvidenceOf(const CheckedModel& checked, const VerifyFlags& flags, const Global& global,
                Time now) {
  const std::string& root = checked.signed_model->root;
  const std::string digits = root.substr(root.find(':') + 1);
  Json signature = {{"bundle", checked.bundle}};
  if (!checked.chain) signature["publicKey"] = checked.public_key;
  return {{"apiVersion", kApiVersion},
          {"kind", EvidenceSpec::kKind},
          {"metadata",
           {{"name", "model-signature-" + digits.substr(0, 10)}, {"namespace", global.name_space}}},
          {"spec",
           {{"useCase", flags.use_case},
            {"type", kModelSignatureType},
            {"model", {{"digest", root}, {"digestType", NameOf(DigestType::kModelSigningRoot)}}},
            {"performedAt", FormatTime(now)},
            {"modelSignature", std::move(signature)}}}};
}

// The signature, and what the policies say of whose it is.
Verified OfModel(const ModelCheck& check, const std::vector<GovernancePolicy>& policies,
                 const CheckedModel& checked, Time now) {
  Verified one;
  one.source = check.model;
  one.object = "model";
  one.proof = Proof::kSignature;
  one.meaning = "Authorship";
  if (checked.signed_model) {
    one.key = checked.fingerprint;
    one.assurance = Assurance::kSigned;
    SignatureProof proof{checked.fingerprint};
    proof.chain = checked.chain;
    Attribute(policies, proof, {}, std::nullopt, now, one);
    // A certificate that nobody vouches for says what its maker likes.
    if (check.key.empty() && check.authorities.empty() && one.signer.empty() &&
        one.problem.empty()) {
      one.reason = "SignerCertificateUntrusted";
      one.problem = "no policy given here vouches for its certificate";
    }
  }
  if (checked.faults.empty()) return one;
  one.reason = checked.faults.front().reason;
  one.problem.clear();
  for (const ModelFault& fault : checked.faults) {
    one.problem += (one.problem.empty() ? "" : "; ") + fault.message;
  }
  return one;
}

void PrintModel(const Verified& one, const CheckedModel& checked, const Global& global) {
  if (!global.IsJson()) {
    if (checked.faults.empty()) Print(one);
    for (const ModelFault& fault : checked.faults) {
      Verified each = one;
      each.reason = fault.reason;
      each.problem = fault.message;
      Print(each);
    }
    if (checked.signed_model) {
      std::cout << "digest " << checked.signed_model->root << " (modelSigningRoot), "
                << checked.signed_model->files.size() << " files\n";
    }
    return;
  }
  Json answer = VersionedJson("ModelVerification");
  answer.update(AsJson(one));
  answer["faults"] = Json::array();
  for (const ModelFault& fault : checked.faults) {
    answer["faults"].push_back({{"reason", fault.reason}, {"problem", fault.message}});
    if (!fault.paths.empty()) answer["faults"].back()["paths"] = fault.paths;
  }
  if (checked.faults.empty() && !one.Holds()) {
    answer["faults"].push_back({{"reason", one.reason}, {"problem", one.problem}});
  }
  if (checked.signed_model) {
    answer["digest"] = checked.signed_model->root;
    answer["digestType"] = std::string(NameOf(DigestType::kModelSigningRoot));
    answer["files"] = checked.signed_model->files.size();
  }
  std::cout << DumpJson(answer) << "\n";
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
  if (!checked) return Report(checked.error());
  if (checked->faults.empty() && !flags.use_case.empty()) {
    const Json object = EvidenceOf(*checked, flags, global, *now);
    if (auto made = Decode<EvidenceSpec>(object); !made) return Report(made.error());
    std::cout << (global.IsJson() ? DumpJson(object) + "\n" : DumpYaml(object));
    return kOk;
  }
  const Verified one = OfModel(flags.model, policies, *checked, *now);
  PrintModel(one, *checked, global);
  return one.Holds() ? kOk : kDenied;
}

}  // namespace

void AddVerify(CLI::App& app, Global& global, Run& run) {
  CLI::App* command = app.add_subcommand(
      "verify",
      "Say of each SignOff, BiasTest, Evidence, ReproducibilitySnapshot and Waiver in files, or of "
      "a "
      "model, which key signed it and whose that is by the policies among the files: exit code 0 "
      "all is proved, 1 something is malformed, or its proof is missing or does not hold, 2 error");
  AddOutput(*command, global, {"table", "json"});
  auto flags = std::make_shared<VerifyFlags>();
  command->add_option("-f,--filename", flags->files,
                      "file, folder or -, with the signed objects and policies; repeatable");
  AddStampFlags(*command, flags->stamps);
  command
      ->add_flag("--accept-stamps", flags->accept_stamps,
                 "take what is stamped and not signed for proved, without verifying the stamp")
      ->excludes("--trusted-keys");
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
    if (!flags->model.model.empty() &&
        (flags->accept_stamps || !flags->stamps.trusted_keys.empty())) {
      throw CLI::ExcludesError("--model",
                               flags->accept_stamps ? "--accept-stamps" : "--trusted-keys");
    }
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
