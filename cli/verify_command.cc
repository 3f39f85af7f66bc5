#include <iostream>
#include <memory>

#include "base/clock.h"
#include "base/verification_key.h"
#include "cli/command.h"
#include "cli/files.h"
#include "cli/manifests.h"
#include "cli/render.h"
#include "cli/world_source.h"
#include "evidence/signed_object.h"
#include "governance/identity.h"
#include "governance/signers.h"
#include "governance/types/sign_off.h"

namespace countersign {
namespace {

struct VerifyFlags {
  std::vector<std::string> files;
  std::string now;
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
  std::string problem;
  Assurance assurance = Assurance::kRequester;
  [[nodiscard]] bool Holds() const { return problem.empty(); }
};

std::string AssuranceText(Assurance assurance) {
  return assurance == Assurance::kReauthenticated ? "Reauthenticated" : "Signed";
}

Verified Verify(const Manifest& manifest, const std::vector<GovernancePolicy>& policies, Time now) {
  const Json& object = manifest.object;
  Verified out;
  out.source = manifest.source;
  out.object = StringAt(object, "kind") + " '" + StringAt(object, "metadata/name") +
               "' in namespace '" + StringAt(object, "metadata/namespace") + "'";
  auto proof = VerifySignature(object);
  if (!proof) {
    out.problem = proof.error().message;
    return out;
  }
  out.key = proof->key;
  out.assurance = proof->user_present ? Assurance::kReauthenticated : Assurance::kSigned;
  Provenance by;
  by.authenticity = Authenticity::kSigned;
  by.first_seen = now;
  by.signature = std::make_shared<const SignatureProof>(*std::move(proof));
  std::optional<Time> performed;
  if (auto time = ParseTime(StringAt(object, "spec/performedAt"))) performed = *time;
  out.at = performed;
  out.meaning = "Authorship";
  if (StringAt(object, "kind") == SignOffSpec::kKind) {
    out.meaning = StringAt(object, "spec/decision") + " as " + StringAt(object, "spec/role");
  }
  const std::string account = StringAt(object, "spec/signer/username");
  for (const GovernancePolicy& policy : policies) {
    const Provenance signer = SignerOf(policy.spec, by, account, performed);
    if (signer.authenticity != Authenticity::kAttested) {
      out.problem = "under policy '" + policy.meta.name + "' " + signer.problem;
      continue;
    }
    out.signer = signer.user;
    out.printed_name = PrintedName(policy.spec, signer.user);
    out.problem.clear();
    if (!account.empty() && account != signer.user) {
      out.problem = "spec.signer.username is '" + account + "', the key is of '" + signer.user +
                    "' (policy '" + policy.meta.name + "')";
    }
    break;
  }
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
  if (!one.problem.empty()) json["problem"] = one.problem;
  return json;
}

int VerifyAll(const VerifyFlags& flags, const Global& global) {
  auto now = TimeFlag(flags.now, "--now", SystemClock().Now());
  if (!now) return Report(now.error());
  auto manifests = ReadManifests(flags.files);
  if (!manifests) return Report(manifests.error());
  std::vector<GovernancePolicy> policies;
  for (const Manifest& manifest : *manifests) {
    if (StringAt(manifest.object, "kind") != GovernancePolicySpec::kKind) continue;
    auto policy = Decode<GovernancePolicySpec>(manifest.object);
    if (!policy) {
      return Report(FailIn(manifest, policy.error().path, policy.error().message).value());
    }
    policies.push_back(*std::move(policy));
  }
  Json list = Json::array();
  bool all_hold = true;
  for (Manifest& manifest : *manifests) {
    if (FindPath(manifest.object, "spec/signature") == nullptr) continue;
    if (StringAt(manifest.object, "metadata/namespace").empty() && !global.name_space.empty()) {
      SetPath(manifest.object, "metadata/namespace", global.name_space);
    }
    const Verified one = Verify(manifest, policies, *now);
    all_hold = all_hold && one.Holds();
    list.push_back(AsJson(one));
    if (global.IsJson()) continue;
    std::cout << Printable(one.source + ": " + one.object + ": ");
    if (!one.Holds()) {
      std::cout << Printable("does not count: " + one.problem) << "\n";
    } else {
      std::cout << Printable("signed by key " + one.key + " (" + AssuranceText(one.assurance) +
                             "), " +
                             (one.signer.empty() ? "whose it is no policy given here says"
                                                 : "of '" + one.signer + "'") +
                             Manifestation(one))
                << "\n";
    }
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

int Keys(const std::vector<std::string>& files, const Global& global) {
  Json list = Json::array();
  for (const std::string& file : files) {
    auto text = ReadTextFile(file);
    if (!text) return Report(text.error());
    auto key = VerificationKey::Parse(*text);
    if (!key) return Report({Code::kInvalidArgument, key.error().message, file, {}});
    list.push_back({{"file", file},
                    {"fingerprint", key->fingerprint()},
                    {"algorithm", key->algorithm()},
                    {"hardware", key->IsHardwareKey()}});
    if (!global.IsJson()) {
      std::cout << key->fingerprint() << " " << Printable(key->algorithm()) << " "
                << Printable(file) << "\n";
    }
  }
  if (global.IsJson()) {
    Json answer = VersionedJson("Keys");
    answer["keys"] = std::move(list);
    std::cout << DumpJson(answer) << "\n";
  }
  return kOk;
}

}  // namespace

void AddVerify(CLI::App& app, Global& global, Run& run) {
  CLI::App* command = app.add_subcommand(
      "verify",
      "Say which keys signed the objects in files, and whose they are by the policies among them: "
      "exit code 0 all signatures hold, 1 some do not, 2 error");
  AddOutput(*command, global, {"table", "json"});
  auto flags = std::make_shared<VerifyFlags>();
  command
      ->add_option("-f,--filename", flags->files,
                   "file, folder or -, with the signed objects and policies; repeatable")
      ->required();
  command->add_option("--now", flags->now, "take this time for now (RFC 3339)");
  command->callback(
      [flags, &global, &run] { run = [flags, &global] { return VerifyAll(*flags, global); }; });
}

void AddKeys(CLI::App& app, Global& global, Run& run) {
  CLI::App* command = app.add_subcommand(
      "keys", "Print the fingerprints of public keys, as refusals and records name them");
  AddOutput(*command, global, {"table", "json"});
  auto files = std::make_shared<std::vector<std::string>>();
  command->add_option("files", *files, "public keys, in PEM or of OpenSSH")->required();
  command->callback(
      [files, &global, &run] { run = [files, &global] { return Keys(*files, global); }; });
}

}  // namespace countersign
