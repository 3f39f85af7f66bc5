#include <algorithm>
#include <iostream>
#include <memory>

#include "base/verification_key.h"
#include "base/yaml.h"
#include "cli/evidence_command.h"
#include "cli/evidence_model.h"
#include "cli/files.h"
#include "cli/release.h"
#include "cli/render.h"
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
  EvidenceModel model;
  std::string at;
  std::string out;
};

// The model that the statement is about: the one that is named, or its only subject, whose digest
// says nothing of what it was taken over.
Result<ModelDigest> ModelIn(const Json& statement, EvidenceModel named) {
  std::vector<std::string> digests;
  const Json* subjects = Find(statement, "subject");
  if (subjects != nullptr && subjects->is_array()) {
    for (const Json& one : *subjects) {
      const std::string digest = StringAt(one, "digest/sha256");
      if (!digest.empty()) digests.push_back("sha256:" + digest);
    }
  }
  if (named.path.empty() && named.uri.empty() && named.digest.empty()) {
    if (digests.size() != 1) {
      return Fail(Code::kInvalidArgument,
                  "one of the three must say which of its " + std::to_string(digests.size()) +
                      " subjects with a sha256 is the model",
                  "--model, --uri, --digest");
    }
    named.digest = digests.front();
  }
  auto model = ModelOf(named);
  if (!model) return model;
  if (std::find(digests.begin(), digests.end(), model->digest) == digests.end()) {
    return Fail(Code::kInvalidArgument,
                "the statement is not about " + model->digest + ", but about " +
                    (digests.empty() ? "no sha256" : Joined(digests)),
                "--model, --uri, --digest");
  }
  return model;
}

// The statement's own words, or --at.
Result<std::string> PerformedAt(const Json& derived, const std::string& at) {
  std::string stated = StringAt(derived, "performedAt");
  if (!stated.empty()) {
    if (at.empty()) return stated;
    return Fail(Code::kInvalidArgument, "must be left out: the statement says " + stated, "--at");
  }
  if (at.empty()) {
    return MissingFlag("--at", "when the work ended (RFC 3339): the statement does not say");
  }
  auto time = ParseTime(at);
  if (!time) return Fail(Code::kInvalidArgument, time.error().message, "--at");
  return FormatTime(*time);
}

Result<Json> MakeEvidence(const AttestationFlags& flags) {
  ReleaseFrame frame;
  auto use_case = UseCaseOf(flags.use_case);
  if (!use_case) return Fail(use_case.error());
  frame.use_case = *std::move(use_case);
  frame.label = flags.name.empty() ? frame.use_case.name : flags.name;
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
  auto model = ModelIn(*statement, flags.model);
  if (!model) return Fail(model.error());
  auto at = PerformedAt(*derived, flags.at);
  if (!at) return Fail(at.error());
  Json spec = *std::move(derived);
  spec["useCase"] = frame.use_case.name;
  spec["model"] = {{"digest", model->digest}, {"digestType", NameOf(model->type)}};
  spec["performedAt"] = *at;
  spec["signature"] = {{"format", "DSSE"}, {"value", *envelope}, {"publicKey", *public_key}};
  Json object = {{"apiVersion", std::string(kApiVersion)},
                 {"kind", std::string(EvidenceSpec::kKind)},
                 {"metadata", {{"name", frame.label}, {"namespace", frame.use_case.name_space}}},
                 {"spec", std::move(spec)}};
  // The same rules as for everybody else.
  auto decoded = Decode<EvidenceSpec>(object);
  if (!decoded) return Fail(decoded.error());
  // Named as `import` names it.
  auto named = EvidenceManifest(decoded->spec, frame, Kebab(decoded->spec.type));
  if (!named) return Fail(named.error());
  object["metadata"] = *Find(*named, "metadata");
  if (auto holds = VerifySignature(object); !holds) {
    return Fail(Code::kInvalidArgument, holds.error().message, "spec.signature");
  }
  return object;
}

int Attestation(const AttestationFlags& flags, const Global& global) {
  auto made = MakeEvidence(flags);
  if (!made) return Report(made.error());
  const std::string text = global.IsJson() ? DumpJson(*made) + "\n" : DumpYaml(*made);
  if (flags.out.empty() || flags.out == "-") {
    std::cout << text;
    return kOk;
  }
  if (auto written = WriteTextFile(flags.out, text); !written) return Report(written.error());
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
  command->add_option("--use-case", flags->use_case, "use case that it is about, NAMESPACE/NAME");
  command->add_option("--name", flags->name, "how the object's name begins; default: the use case");
  AddModelFlags(*command, flags->model);
  command->add_option("--at", flags->at,
                      "when the work ended (RFC 3339), where the statement does not say");
  command->add_option("--out", flags->out, "file to write; default: standard output");
  command->callback(
      [flags, &global, &run] { run = [flags, &global] { return Attestation(*flags, global); }; });
}

}  // namespace countersign
