#include <iostream>
#include <memory>

#include "base/clock.h"
#include "base/verification_key.h"
#include "base/yaml.h"
#include "cli/evidence_command.h"
#include "cli/files.h"
#include "cli/world_source.h"
#include "evidence/dsse.h"
#include "evidence/predicates.h"
#include "evidence/signed_object.h"
#include "governance/types/evidence.h"

namespace countersign {
namespace {

struct AttestationFlags {
  std::string file;
  std::string key;
  std::string use_case;
  std::string name;
  std::string model;
  std::string digest_type = "file";
  std::string performed_at;
};

// The one model that the statement is about, or the one that is asked for.
Result<std::string> ModelOf(const Json& statement, const std::string& wanted) {
  std::vector<std::string> digests;
  const Json* subjects = Find(statement, "subject");
  if (subjects != nullptr && subjects->is_array()) {
    for (const Json& one : *subjects) {
      const std::string digest = StringAt(one, "digest/sha256");
      if (!digest.empty()) digests.push_back("sha256:" + digest);
    }
  }
  if (!wanted.empty()) return wanted;
  if (digests.size() == 1) return digests.front();
  return Fail(Code::kInvalidArgument,
              "must say which of its " + std::to_string(digests.size()) +
                  " subjects with a sha256 is the model",
              "--model-digest");
}

Result<Json> MakeEvidence(const AttestationFlags& flags, const Global& global) {
  auto envelope = ReadTextFile(flags.file);
  if (!envelope) return Fail(envelope.error());
  auto public_key = ReadTextFile(flags.key);
  if (!public_key) return Fail(public_key.error());
  auto key = VerificationKey::Parse(*public_key);
  if (!key) return Fail(Code::kInvalidArgument, key.error().message, "--public-key");
  auto statement = OpenSignedEnvelope(*key, kStatementPayload, *envelope);
  if (!statement) return Fail(statement.error().code, statement.error().message, flags.file);
  auto derived = EvidenceOfStatement(*statement);
  if (!derived) return Fail(Code::kInvalidArgument, derived.error().ToString(), flags.file);
  auto model = ModelOf(*statement, flags.model);
  if (!model) return Fail(model.error());
  Json spec = *std::move(derived);
  spec["useCase"] = flags.use_case;
  spec["model"] = {{"digest", *model}, {"digestType", flags.digest_type}};
  if (Find(spec, "performedAt") == nullptr) {
    if (flags.performed_at.empty()) {
      return Fail(Code::kInvalidArgument,
                  "is needed: the statement does not tell when the work was done",
                  "--performed-at");
    }
    spec["performedAt"] = flags.performed_at;
  } else if (!flags.performed_at.empty()) {
    return Fail(Code::kInvalidArgument, "must not be given: the statement tells the time itself",
                "--performed-at");
  }
  spec["signature"] = {{"format", "DSSE"}, {"value", *envelope}, {"publicKey", *public_key}};
  Json object = {{"apiVersion", std::string(kApiVersion)},
                 {"kind", std::string(EvidenceSpec::kKind)},
                 {"metadata", {{"name", flags.name}, {"namespace", global.name_space}}},
                 {"spec", std::move(spec)}};
  // The same rules as for everybody else.
  if (auto valid = Decode<EvidenceSpec>(object); !valid) return Fail(valid.error());
  if (auto holds = VerifySignature(object); !holds) {
    return Fail(Code::kInvalidArgument, holds.error().message, "spec.signature");
  }
  return object;
}

int Attestation(const AttestationFlags& flags, const Global& global) {
  if (global.name_space.empty()) {
    return Report({Code::kInvalidArgument, "is needed: the use case's home", "--namespace", {}});
  }
  auto made = MakeEvidence(flags, global);
  if (!made) return Report(made.error());
  std::cout << (global.IsJson() ? DumpJson(*made) + "\n" : DumpYaml(*made));
  return kOk;
}

}  // namespace

void AddEvidenceAttestation(CLI::App& group, Global& global, Run& run) {
  CLI::App* command = group.add_subcommand(
      "attestation",
      "Print the Evidence of a signed in-toto statement: a test result, SLSA provenance or a "
      "CycloneDX bill of materials, in its DSSE envelope");
  AddOutput(*command, global, {"yaml", "json"});
  auto flags = std::make_shared<AttestationFlags>();
  command->add_option("file", flags->file, "the envelope, JSON")->required();
  command->add_option("--public-key", flags->key, "the key that signed it, in PEM or of OpenSSH")
      ->required();
  command->add_option("--use-case", flags->use_case, "UseCase that it is for")->required();
  command->add_option("--name", flags->name, "name of the Evidence")->required();
  command->add_option("--model-digest", flags->model, "which subject is the model, sha256:…");
  command->add_option("--digest-type", flags->digest_type, "what that digest was taken over")
      ->check(CLI::IsMember({"file", "ociManifest", "modelSigningRoot"}));
  command->add_option("--performed-at", flags->performed_at,
                      "when the work was done (RFC 3339), where the statement does not tell");
  command->callback(
      [flags, &global, &run] { run = [flags, &global] { return Attestation(*flags, global); }; });
}

}  // namespace countersign
