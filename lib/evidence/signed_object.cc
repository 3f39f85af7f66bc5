#include "evidence/signed_object.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/digest.h"
#include "evidence/dsse.h"
#include "evidence/model_signature.h"
#include "evidence/predicates.h"
#include "evidence/sshsig.h"
#include "governance/types/signature.h"

namespace countersign {
namespace {

constexpr std::string_view kDigestPrefix = "sha256:";

tl::unexpected<Error> Bad(std::string why) { return Fail(Code::kInvalidArgument, std::move(why)); }

struct Statement {
  Json json;
  std::string canonical;  // of json
  std::string subject;    // hexadecimal SHA-256
};

Result<Statement> MakeStatement(const Json& object) {
  const std::string kind = StringAt(object, "kind");
  const std::string name_space = StringAt(object, "metadata/namespace");
  const Json* spec = Find(object, "spec");
  if (kind.empty()) return Fail(Code::kInvalidArgument, "is required", "kind");
  if (name_space.empty()) {
    return Fail(Code::kInvalidArgument, "is required: a signature is for one namespace",
                "metadata.namespace");
  }
  if (spec == nullptr || !spec->is_object()) {
    return Fail(Code::kInvalidArgument, "is required", "spec");
  }
  Json bare = *spec;
  bare.erase("signature");
  std::string digest = StringAt(bare, "model/digest");
  if (digest.empty()) digest = StringAt(bare, "subject/model/digest");
  const bool of_model = !digest.empty();
  if (!of_model) {
    auto own = JsonDigest(bare);
    if (!own) return Fail(own.error());
    digest = *std::move(own);
  }
  if (!digest.starts_with(kDigestPrefix)) return Bad("the model's digest must be sha256:…");
  Statement statement;
  statement.subject = digest.substr(kDigestPrefix.size());
  statement.json = {{"_type", std::string(kStatementType)},
                    {"subject", Json::array({{{"name", of_model ? "model" : "spec"},
                                              {"digest", {{"sha256", statement.subject}}}}})},
                    {"predicateType", PredicateType(kind)},
                    {"predicate", {{"namespace", name_space}, {"spec", std::move(bare)}}}};
  auto canonical = CanonicalJson(statement.json);
  if (!canonical) return Fail(canonical.error());
  statement.canonical = *std::move(canonical);
  return statement;
}

bool HasSubject(const Json& statement, const std::string& sha256) {
  const Json* subjects = Find(statement, "subject");
  return subjects != nullptr && subjects->is_array() &&
         std::any_of(subjects->begin(), subjects->end(), [&](const Json& subject) {
           return StringAt(subject, "digest/sha256") == sha256;
         });
}

// What of a spec tells another model, use case and so on apart, so that the reason can say so.
struct Bound {
  const char* path;
  const char* reason;
};
constexpr Bound kBound[] = {{"model/digest", "SignatureForOtherModel"},
                            {"subject/model/digest", "SignatureForOtherModel"},
                            {"useCase", "SignatureForOtherUseCase"},
                            {"subject/useCase", "SignatureForOtherUseCase"},
                            {"environment", "SignatureForOtherEnvironment"},
                            {"subject/environment", "SignatureForOtherEnvironment"},
                            {"subject/environments", "SignatureForOtherEnvironment"},
                            {"policy", "SignatureForOtherPolicy"},
                            {"subject/policy", "SignatureForOtherPolicy"},
                            {"subject/policyDigest", "SignatureForOtherPolicy"},
                            {"signer/username", "SignatureForOtherPerson"},
                            {"subject/deputy", "SignatureForOtherPerson"},
                            {"onBehalfOf", "SignatureForOtherPerson"}};

// A text, or a list of them, as a message shows it.
std::string Shown(const Json* value) {
  if (value == nullptr) return "none";
  if (value->is_string()) return "'" + Excerpt(value->get_ref<const std::string&>()) + "'";
  if (!value->is_array()) return "of another type";
  std::string text;
  for (const Json& item : *value) {
    if (item.is_string()) text += (text.empty() ? "" : ", ") + item.get_ref<const std::string&>();
  }
  return "'" + Excerpt(text) + "'";
}

std::string Dotted(std::string path) {
  std::replace(path.begin(), path.end(), '/', '.');
  return "spec." + path;
}

// What a signature must have been made for to hold here, where it does not tell what it was made
// for.
std::string Binding(const Statement& own) {
  const std::string type = StringAt(own.json, "predicateType");
  std::string text = "predicateType '" + type + "', namespace '" +
                     Excerpt(StringAt(own.json, "predicate/namespace")) + "'";
  const Json& spec = *FindPath(own.json, "predicate/spec");
  for (const Bound& bound : kBound) {
    const Json* is = FindPath(spec, bound.path);
    if (is != nullptr) text += ", " + Dotted(bound.path) + " " + Shown(is);
  }
  return text + " and every other field of the spec";
}

// How the spec that was signed differs from the object's, `now`.
SignatureFault Difference(const Json& then, const Json& now) {
  for (const Bound& bound : kBound) {
    const Json* was = FindPath(then, bound.path);
    const Json* is = FindPath(now, bound.path);
    if (was == is || (was != nullptr && is != nullptr && *was == *is)) continue;
    return {bound.reason,
            "it was made for " + Dotted(bound.path) + " " + Shown(was) + ", is " + Shown(is)};
  }
  std::string changed;
  const auto note = [&](const Json& one, const Json& other) {
    for (auto it = one.begin(); it != one.end() && changed.empty(); ++it) {
      const Json* counterpart = Find(other, it.key());
      if (counterpart == nullptr || *counterpart != it.value()) changed = it.key();
    }
  };
  if (then.is_object()) {
    note(then, now);
    note(now, then);
  }
  return {"SignedContentChanged",
          "it was made for another spec" +
              (changed.empty() ? "" : ": " + Dotted(changed) + " was changed after it")};
}

// Beside what is ours a statement may say more, of which we know nothing; the predicate may not.
std::optional<SignatureFault> WhyNotTheSame(const Json& signed_statement, const Statement& own) {
  if (StringAt(signed_statement, "_type") != kStatementType) {
    return SignatureFault{"SignatureOfOtherType", "its payload must be an in-toto Statement v1"};
  }
  const std::string type = StringAt(own.json, "predicateType");
  if (StringAt(signed_statement, "predicateType") != type) {
    return SignatureFault{"SignatureForOtherKind",
                          "it was made for predicateType '" +
                              Excerpt(StringAt(signed_statement, "predicateType")) +
                              "', must be '" + type + "'"};
  }
  const Json* predicate = Find(signed_statement, "predicate");
  if (predicate == nullptr) {
    return SignatureFault{"SignatureMalformed", "its payload has no predicate"};
  }
  if (StringAt(*predicate, "namespace") != StringAt(own.json, "predicate/namespace")) {
    return SignatureFault{
        "SignatureForOtherNamespace",
        "it was made for namespace '" + Excerpt(StringAt(*predicate, "namespace")) + "'"};
  }
  const auto found = CanonicalJson(*predicate);
  const auto wanted = CanonicalJson(*Find(own.json, "predicate"));
  if (!found || !wanted || *found != *wanted) {
    const Json* then = Find(*predicate, "spec");
    return Difference(then == nullptr ? Json() : *then, *FindPath(own.json, "predicate/spec"));
  }
  if (!HasSubject(signed_statement, own.subject)) {
    return SignatureFault{"SignatureForOtherModel", "its subject is not sha256 " + own.subject};
  }
  return std::nullopt;
}

struct Verifier {
  VerificationKey key;
  std::optional<CertificateChain> chain;
};

// The key, or the certificate's, that came along at `path`.
Proven<Verifier> VerifierOf(const Json& given, const std::string& path) {
  const auto unsupported = [&](const char* field, const Error& error) {
    return Refuted({"SignatureKeyUnsupported", path + "." + field + " " + error.message});
  };
  if (Find(given, "certificateChain") != nullptr) {
    auto chain = CertificateChain::FromPem(StringAt(given, "certificateChain"));
    if (!chain) return unsupported("certificateChain", chain.error());
    return Verifier{chain->key(), *chain};
  }
  auto key = VerificationKey::Parse(StringAt(given, "publicKey"));
  if (!key) return unsupported("publicKey", key.error());
  if (key->IsHardwareKey()) {
    return Refuted({"SignatureKeyUnsupported", "hardware keys of OpenSSH sign as SSHSIG"});
  }
  return Verifier{*std::move(key), std::nullopt};
}

// A statement of another tool, which an Evidence carries and repeats.
std::optional<SignatureFault> WhyNotForeign(const Json& signed_statement, const Statement& own) {
  if (StringAt(signed_statement, "_type") != kStatementType) {
    return SignatureFault{"SignatureOfOtherType", "its payload must be an in-toto Statement v1"};
  }
  if (StringAt(own.json, "predicateType") != PredicateType("Evidence")) {
    return SignatureFault{"SignatureForOtherKind",
                          "a statement of another tool is carried by an Evidence alone"};
  }
  std::string why = WhyNotOfStatement(signed_statement, *FindPath(own.json, "predicate/spec"));
  if (why.empty()) return std::nullopt;
  return SignatureFault{"SignedContentChanged", std::move(why)};
}

Proven<SignatureProof> VerifyDsse(const Statement& statement, const Json& signature) {
  const std::string envelope = StringAt(signature, "value");
  auto first = VerifierOf(signature, "spec.signature");
  if (!first) return Refuted(first.error());
  auto payload = OpenSignedEnvelope(first->key, kStatementPayload, envelope);
  if (!payload) return Refuted(payload.error());
  const bool foreign = IsForeignPredicate(StringAt(*payload, "predicateType"));
  auto why = foreign ? WhyNotForeign(*payload, statement) : WhyNotTheSame(*payload, statement);
  if (why) return Refuted(*std::move(why));
  SignatureProof proof{first->key.fingerprint()};
  proof.chain = std::move(first->chain);
  const Json* cosigners = Find(signature, "cosigners");
  for (std::size_t i = 0; cosigners != nullptr && i < cosigners->size(); ++i) {
    auto further =
        VerifierOf((*cosigners)[i], "spec.signature.cosigners[" + std::to_string(i) + "]");
    if (!further) return Refuted(further.error());
    // The same bytes, so what they say needs no second look.
    auto same = OpenSignedEnvelope(further->key, kStatementPayload, envelope);
    if (!same) return Refuted(same.error());
    proof.cosigners.push_back({further->key.fingerprint(), std::move(further->chain)});
  }
  return proof;
}

// The payload beside an SSHSIG is what was signed, so it is what is verified and read; without one
// nothing but the object's own statement can have been.
Proven<SignatureProof> VerifySsh(const Statement& statement, const Json& signature) {
  const bool carried = Find(signature, "payload") != nullptr;
  const std::string payload = carried ? StringAt(signature, "payload") : statement.canonical;
  if (carried && payload.size() > static_cast<std::size_t>(kMaxSignedPayload)) {
    return Refuted("SignatureTooLarge", "its payload is larger than 256 KiB");
  }
  auto opened = OpenSshSignature(StringAt(signature, "value"), payload);
  if (!opened && opened.error().code == Code::kPermissionDenied) {
    return Refuted("SignatureInvalid",
                   carried ? "it does not hold for spec.signature.payload: one of the two was "
                             "edited, or they do not belong together"
                           : "it does not hold for this content, and without "
                             "spec.signature.payload does not tell for what it was made; it must "
                             "be for " +
                                 Binding(statement) +
                                 ", as `countersign sign --statement` prints them");
  }
  if (!opened) return Refuted(opened.error());
  if (carried) {
    const auto body = ParseJson(payload, kMaxForeignJsonDepth);
    if (!body) {
      return Refuted("SignatureMalformed", "its payload is not JSON: " + body.error().message);
    }
    if (auto why = WhyNotTheSame(*body, statement)) return Refuted(*std::move(why));
  }
  return SignatureProof{opened->key.fingerprint(), opened->user_present, opened->user_verified};
}

Proven<Verifier> VerifierOfBundle(const ModelBundle& bundle, const Json& given) {
  if (Find(given, "publicKey") != nullptr) return VerifierOf(given, "spec.modelSignature");
  if (bundle.certificates.empty()) {
    return Refuted(
        {"SignatureKeyUnsupported",
         "spec.modelSignature.publicKey is required: the bundle carries no certificate"});
  }
  auto chain = CertificateChain::FromDer(bundle.certificates);
  if (!chain) {
    return Refuted({"SignatureKeyUnsupported", "its certificate " + chain.error().message});
  }
  return Verifier{chain->key(), *chain};
}

// The bundle's own words about its model must be the object's: its root is the digest.
Proven<SignatureProof> VerifyModelSignature(const Json& object, const Json& given) {
  auto bundle = ReadModelBundle(StringAt(given, "bundle"));
  if (!bundle) return Refuted(bundle.error());
  auto verifier = VerifierOfBundle(*bundle, given);
  if (!verifier) return Refuted(verifier.error());
  auto model = OpenModelBundle(*bundle, verifier->key);
  if (!model) return Refuted(model.error());
  const std::string digest = StringAt(object, "spec/model/digest");
  if (digest != model->root) {
    return Refuted({"SignatureForOtherModel", "it was made for model " + model->root +
                                                  ", spec.model.digest is " + Excerpt(digest)});
  }
  SignatureProof proof{verifier->key.fingerprint()};
  proof.chain = std::move(verifier->chain);
  proof.symlinks = model->symlinks;
  for (std::string& path : model->ignored) {
    if (!IsNeverPartOfModel(path)) proof.ignored_paths.push_back(std::move(path));
  }
  return proof;
}

}  // namespace

bool CarriesSignature(const Json& object) {
  return FindPath(object, "spec/signature") != nullptr ||
         FindPath(object, "spec/modelSignature") != nullptr;
}

std::string PredicateType(std::string_view kind) {
  return "https://countersign.dev/attestations/" + std::string(kind) + "/v1";
}

Result<std::string> StatementOf(const Json& object) {
  auto statement = MakeStatement(object);
  if (!statement) return Fail(statement.error());
  return std::move(statement->canonical);
}

Proven<SignatureProof> VerifySignature(const Json& object) {
  if (const Json* given = FindPath(object, "spec/modelSignature")) {
    return VerifyModelSignature(object, *given);
  }
  auto statement = MakeStatement(object);
  if (!statement) return Refuted(statement.error());
  const Json* signature = FindPath(object, "spec/signature");
  const Json* cosigners = signature == nullptr ? nullptr : Find(*signature, "cosigners");
  if (cosigners != nullptr && !cosigners->empty() && StringAt(object, "kind") == "SignOff") {
    return Refuted({"SignOffCosigned",
                    "each person signs off for themselves, in a SignOff of "
                    "their own, without spec.signature.cosigners"});
  }
  const std::string format = signature == nullptr ? "" : StringAt(*signature, "format");
  if (format == NameOf(SignatureFormat::kDsse)) return VerifyDsse(*statement, *signature);
  if (format != NameOf(SignatureFormat::kSsh)) {
    return Refuted({"SignatureMalformed", "its format must be DSSE or SSHSIG"});
  }
  return VerifySsh(*statement, *signature);
}

Provenance WithSignature(Provenance by, const Json& object) {
  if (!CarriesSignature(object)) return by;
  if (by.authenticity != Authenticity::kAttested && by.authenticity != Authenticity::kAssumed) {
    return by;
  }
  auto proof = VerifySignature(object);
  if (!proof) {
    by.authenticity = Authenticity::kBadSignature;
    by.problem = std::move(proof.error().message);
    return by;
  }
  by.authenticity = Authenticity::kSigned;
  by.signature = std::make_shared<const SignatureProof>(*std::move(proof));
  return by;
}

}  // namespace countersign
