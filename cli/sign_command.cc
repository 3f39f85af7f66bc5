#include <iostream>
#include <memory>

#include "base/clock.h"
#include "base/yaml.h"
#include "cli/command.h"
#include "cli/manifests.h"
#include "cli/object_signature.h"
#include "cli/render.h"
#include "cli/world_source.h"
#include "evidence/signed_object.h"
#include "governance/types/bias_test.h"
#include "governance/types/evidence.h"
#include "governance/types/reproducibility_snapshot.h"
#include "governance/types/sign_off.h"
#include "governance/types/waiver.h"

namespace countersign {
namespace {

struct SignFlags {
  std::string file;
  std::string key;
  std::string now;
  std::string certificates;
  std::string signature;
  std::string payload;
  bool statement = false;
  bool add = false;
};

template <class Spec>
Status CheckAs(const Json& object) {
  auto decoded = Decode<Spec>(object);
  return decoded ? Status() : Fail(decoded.error());
}

Status CheckSignable(const Json& object) {
  const std::string kind = StringAt(object, "kind");
  if (kind == SignOffSpec::kKind) return CheckAs<SignOffSpec>(object);
  if (kind == BiasTestSpec::kKind) return CheckAs<BiasTestSpec>(object);
  if (kind == EvidenceSpec::kKind) return CheckAs<EvidenceSpec>(object);
  if (kind == ReproducibilitySnapshotSpec::kKind) {
    return CheckAs<ReproducibilitySnapshotSpec>(object);
  }
  if (kind == WaiverSpec::kKind) return CheckAs<WaiverSpec>(object);
  return Fail(
      Code::kInvalidArgument,
      "must be SignOff, BiasTest, Evidence, ReproducibilitySnapshot or Waiver, is '" + kind + "'",
      "kind");
}

Result<Json> Made(const SignFlags& flags, Json object, Time now) {
  if (!flags.signature.empty()) {
    return AttachSignature(std::move(object), flags.signature, flags.payload);
  }
  if (flags.add) return AddSignature(std::move(object), flags.key, flags.certificates);
  return SignObject(std::move(object), flags.key, now, flags.certificates);
}

int Sign(const SignFlags& flags, const Global& global) {
  auto now = TimeFlag(flags.now, "--now", SystemClock().Now());
  if (!now) return Report(now.error());
  auto manifests = ReadManifests({flags.file});
  if (!manifests) return Report(manifests.error());
  if ((flags.statement || !flags.signature.empty()) && manifests->size() != 1) {
    return Report({Code::kInvalidArgument,
                   "goes with one object, for what is signed is its bytes: '" + flags.file +
                       "' has " + std::to_string(manifests->size()),
                   flags.statement ? "--statement" : "--signature",
                   {}});
  }
  std::string yaml;
  std::vector<Json> all;
  for (Manifest& manifest : *manifests) {
    if (StringAt(manifest.object, "metadata/namespace").empty() && !global.name_space.empty()) {
      SetPath(manifest.object, "metadata/namespace", global.name_space);
    }
    const auto at = [&](const Error& error) {
      auto fault = FailIn(manifest, error.path, error.message);
      return Report(fault.value());
    };
    if (flags.statement) {
      auto statement = StatementOf(manifest.object);
      if (!statement) return at(statement.error());
      std::cout << *statement;
      continue;
    }
    auto made = Made(flags, std::move(manifest.object), *now);
    if (!made) return at(made.error());
    // Not what was read: a SignOff is whole only with the time of its signature.
    if (auto ok = CheckSignable(*made); !ok) return at(ok.error());
    yaml += (yaml.empty() ? "" : "---\n") + DumpYaml(*made);
    all.push_back(*std::move(made));
  }
  if (flags.statement) return kOk;
  if (global.IsJson()) yaml = DumpJson(ForApply(std::move(all))) + "\n";
  std::cout << yaml;
  return kOk;
}

}  // namespace

void AddSign(CLI::App& app, Global& global, Run& run) {
  CLI::App* command = app.add_subcommand(
      "sign", "Print evidence or a sign-off signed by a key of yours, for whoever applies it");
  AddOutput(*command, global, {"yaml", "json"});
  auto flags = std::make_shared<SignFlags>();
  command->add_option("-f,--filename", flags->file, "manifests to sign; - is standard input")
      ->required();
  auto* key = command->add_option(
      "--key", flags->key,
      "private key in PEM or of OpenSSH, or the public half of one that the agent holds");
  command
      ->add_option("--certificate-chain", flags->certificates,
                   "file with the key's certificate in PEM, and after it those that lead to an "
                   "authority of the policy: they go into the signature instead of the key")
      ->needs(key);
  command
      ->add_flag("--add", flags->add,
                 "add a signature to the DSSE envelope that the object carries, for measures that "
                 "want several signers")
      ->needs(key);
  auto* statement = command
                        ->add_flag("--statement", flags->statement,
                                   "print the bytes to sign instead, for another tool's signature")
                        ->excludes(key);
  auto* signature =
      command
          ->add_option("--signature", flags->signature,
                       "put this SSHSIG into the object, which `ssh-keygen -Y sign -n "
                       "countersign` made over what --statement printed")
          ->excludes(key)
          ->excludes(statement);
  command
      ->add_option("--payload", flags->payload,
                   "file that the signature was made over; what --statement prints of the object "
                   "now if left out")
      ->needs(signature);
  command->add_option("--now", flags->now, "take this time for now (RFC 3339)");
  command->callback([flags, &global, &run] {
    if (flags->key.empty() && flags->signature.empty() && !flags->statement) {
      throw CLI::RequiredError("--key, --signature or --statement");
    }
    run = [flags, &global] { return Sign(*flags, global); };
  });
}

}  // namespace countersign
