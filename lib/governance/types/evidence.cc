#include "governance/types/evidence.h"

#include "governance/change_protocol.h"
#include "governance/report_types.h"
#include "governance/types/codec.h"

namespace countersign {

template <class V>
void Describe(V& v, Claim& c) {
  v.Field({.name = "name",
           .doc = "What the claim is about, in the words of the evidence's type.",
           .required = true,
           .format = Format::kIdentifier,
           .length = 63},
          c.name);
  v.Field({.name = "number", .doc = "A measured or counted value, as a decimal."}, c.number);
  v.Field({.name = "unit", .doc = "Unit of the number: ms, requests/s, percent.", .length = 63},
          c.unit);
  v.Field({.name = "text", .doc = "A word or a sentence.", .min = 1, .length = 4096}, c.text);
  v.Field({.name = "flag", .doc = "Yes or no."}, c.flag);
  v.Field({.name = "items",
           .doc = "Several words: features, methods, attacks tried.",
           .min = 1,
           .max = 256},
          c.items);
  v.Rules(
      {{"(has(self.number) ? 1 : 0) + (has(self.text) ? 1 : 0) + (has(self.flag) ? 1 : 0) + "
        "(has(self.items) ? 1 : 0) == 1",
        "must have exactly one of number, text, flag and items"}});
}

template <class V>
void Describe(V& v, Artifact& a) {
  v.Field({.name = "name",
           .doc = "Which part of the report it is, for example intended-use.",
           .required = true,
           .format = Format::kName,
           .length = 63},
          a.name);
  v.Field({.name = "uri", .doc = "Where it is kept.", .required = true, .length = 2048}, a.uri);
  v.Field({.name = "digest",
           .doc = "SHA-256 of its bytes: what was reviewed is what is kept.",
           .required = true,
           .format = Format::kSha256,
           .length = 71},
          a.digest);
}

template <class V>
void Describe(V& v, EvidenceTool& t) {
  v.Field({.name = "name", .doc = "The program.", .required = true}, t.name);
  v.Field({.name = "version", .doc = "Its version.", .required = true, .length = 63}, t.version);
}

template <class V>
void Describe(V& v, ModelSignature& s) {
  v.Field({.name = "bundle",
           .doc = "The bundle as `model_signing sign` wrote it (model.sig).",
           .required = true,
           .min = 1,
           .length = 524'288},
          s.bundle);
  v.Field({.name = "publicKey",
           .doc = "The key to verify it with, in PEM; absent where it was signed by a certificate, "
                  "which the bundle carries. Whose it is, and whether it counts, the policy says "
                  "(spec.people[].keys and certificates).",
           .length = 16'384},
          s.public_key);
}

template <class V>
void Describe(V& v, EvidenceSpec& s) {
  v.Field({.name = "useCase",
           .doc = "Name of the use case, in this object's namespace.",
           .required = true,
           .format = Format::kObjectName},
          s.use_case);
  v.Field({.name = "type",
           .doc = "What kind of report it is, as the policy's measures name it: LoadTest, RedTeam, "
                  "Documentation, DataQuality, ImpactAssessment, MonitoringPlan and so on.",
           .required = true,
           .format = Format::kToken,
           .length = 63},
          s.type);
  v.Field({.name = "model",
           .doc = "The model that the report is about; absent when it is about the use case as a "
                  "whole, whatever model serves it."},
          s.model);
  v.Field({.name = "environment",
           .doc = "The environment that it was made in or for; absent when it does not matter.",
           .format = Format::kName,
           .length = 63},
          s.environment);
  v.Field({.name = "performedAt", .doc = "When the work ended. RFC 3339.", .required = true},
          s.performed_at);
  v.Field(PerformedByField(), s.performed_by);
  v.Field({.name = "tool", .doc = "What made the report, if a program did."}, s.tool);
  v.Field({.name = "summary", .doc = "The result in a few sentences.", .length = 4096}, s.summary);
  v.Field({.name = "claims",
           .doc = "What the report says, in a form that a policy can judge.",
           .max = 128,
           .list = ListType::kMap,
           .list_key = "name"},
          s.claims);
  v.Field({.name = "artifacts",
           .doc = "The report's parts, by name, each with where it is kept and its digest.",
           .max = 64,
           .list = ListType::kMap,
           .list_key = "name"},
          s.artifacts);
  v.Field(SourcesField(), s.sources);
  v.Field(SupersedesField(), s.supersedes);
  v.Field(
      {.name = "modelSignature",
       .doc = "For type ModelSignature alone: a signature over the files of the model by OpenSSF "
              "Model Signing v1.0, whose root is model.digest. Who signed is who holds its key, "
              "whoever applies the object."},
      s.model_signature);
  v.Field(SignatureField(), s.signature);
  v.Rules({{"(self.type == 'ModelSignature') == has(self.modelSignature)",
            "type ModelSignature needs modelSignature, and no other type has it"},
           {"!has(self.modelSignature) || (has(self.model) && self.model.digestType == "
            "'modelSigningRoot' && !has(self.environment) && !has(self.tool) && "
            "!has(self.summary) && !has(self.claims) && !has(self.artifacts) && "
            "!has(self.sources) && !has(self.supersedes) && !has(self.signature))",
            "what a model signature says is model, of digestType modelSigningRoot: nothing else "
            "may be said beside it"}});
}

// The bundle signs the model's files and nothing of this object: what stood beside it would pass
// for its signer's word.
static void CheckModelSignature(const EvidenceSpec& spec, std::vector<Error>& errors) {
  if (spec.model_signature.has_value() != (spec.type == kModelSignatureType)) {
    AddError(errors, "spec.modelSignature",
             spec.model_signature ? "must not be set for type '" + spec.type + "'"
                                  : "is required for type ModelSignature");
    return;
  }
  if (!spec.model_signature) return;
  if (!spec.model) {
    AddError(errors, "spec.model", "is required for type ModelSignature");
  } else if (spec.model->type != DigestType::kModelSigningRoot) {
    AddError(errors, "spec.model.digestType",
             "must be modelSigningRoot for type ModelSignature, is '" +
                 std::string(NameOf(spec.model->type)) + "'");
  }
  const std::pair<const char*, bool> beside[] = {
      {"environment", !spec.environment.empty()}, {"tool", spec.tool.has_value()},
      {"summary", !spec.summary.empty()},         {"claims", !spec.claims.empty()},
      {"artifacts", !spec.artifacts.empty()},     {"supersedes", spec.supersedes.has_value()},
      {"sources", !spec.sources.empty()},         {"signature", spec.signature.has_value()}};
  for (const auto& [name, set] : beside) {
    if (!set) continue;
    AddError(errors, std::string("spec.") + name,
             "must not be set for type ModelSignature: its bundle does not sign it");
  }
}

static void Check(const EvidenceSpec& spec, const Json& /*json*/, std::vector<Error>& errors) {
  CheckSignature(spec.signature, errors);
  CheckModelSignature(spec, errors);
  for (std::size_t i = 0; i < spec.claims.size(); ++i) {
    const Claim& claim = spec.claims[i];
    const std::string path = "spec.claims[" + std::to_string(i) + "]";
    const int values = (claim.number ? 1 : 0) + (claim.text.empty() ? 0 : 1) +
                       (claim.flag ? 1 : 0) + (claim.items.empty() ? 0 : 1);
    if (values != 1) {
      AddError(
          errors, path,
          "must have exactly one of number, text, flag and items, has " + std::to_string(values));
    }
    if (!claim.unit.empty() && !claim.number) {
      AddError(errors, path + ".unit", "belongs to a number");
    }
  }
  for (Error& error : CheckKnownClaims(spec)) errors.push_back(std::move(error));
  if (spec.type == kChangeProtocolType && errors.empty()) {
    if (auto protocol = ReadProtocol(spec); !protocol) errors.push_back(protocol.error());
  }
}

COUNTERSIGN_INSTANTIATE_KIND(EvidenceSpec);

}  // namespace countersign
