#include "evidence/signed_object.h"

#include <algorithm>

#include "base/digest.h"
#include "evidence/dsse.h"
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

// Beside what is ours a statement may say more, of which we know nothing; the predicate may not.
Status SaysTheSame(const Json& signed_statement, const Statement& own) {
  if (StringAt(signed_statement, "_type") != kStatementType) {
    return Bad("its payload must be an in-toto Statement v1");
  }
  const Json* type = Find(own.json, "predicateType");
  if (StringAt(signed_statement, "predicateType") != type->get<std::string>()) {
    return Bad("it was made for predicateType '" +
               Excerpt(StringAt(signed_statement, "predicateType")) + "', must be '" +
               type->get<std::string>() + "'");
  }
  const Json* predicate = Find(signed_statement, "predicate");
  if (predicate == nullptr) return Bad("its payload has no predicate");
  if (StringAt(*predicate, "namespace") != StringAt(own.json, "predicate/namespace")) {
    return Bad("it was made for namespace '" + Excerpt(StringAt(*predicate, "namespace")) + "'");
  }
  const auto found = CanonicalJson(*predicate);
  const auto wanted = CanonicalJson(*Find(own.json, "predicate"));
  if (!found || !wanted || *found != *wanted) {
    return Bad("it was made for another spec: something beside it was changed");
  }
  if (!HasSubject(signed_statement, own.subject)) {
    return Bad("its subject is not sha256 " + own.subject);
  }
  return {};
}

Result<SignatureProof> VerifyDsse(const Statement& statement, const std::string& envelope,
                                  const std::string& public_key) {
  auto key = VerificationKey::Parse(public_key);
  if (!key) return Bad("spec.signature.publicKey " + key.error().message);
  if (key->IsHardwareKey()) return Bad("hardware keys of OpenSSH sign as SSHSIG");
  auto payload = OpenSignedEnvelope(*key, kStatementPayload, envelope);
  if (!payload) return Fail(payload.error());
  if (auto same = SaysTheSame(*payload, statement); !same) return Fail(same.error());
  return SignatureProof{key->fingerprint()};
}

}  // namespace

std::string PredicateType(std::string_view kind) {
  return "https://countersign.dev/attestations/" + std::string(kind) + "/v1";
}

Result<std::string> StatementOf(const Json& object) {
  auto statement = MakeStatement(object);
  if (!statement) return Fail(statement.error());
  return std::move(statement->canonical);
}

Result<SignatureProof> VerifySignature(const Json& object) {
  auto statement = MakeStatement(object);
  if (!statement) return Bad(statement.error().ToString());
  const std::string format = StringAt(object, "spec/signature/format");
  const std::string value = StringAt(object, "spec/signature/value");
  if (format == NameOf(SignatureFormat::kDsse)) {
    return VerifyDsse(*statement, value, StringAt(object, "spec/signature/publicKey"));
  }
  if (format != NameOf(SignatureFormat::kSsh)) return Bad("its format must be DSSE or SSHSIG");
  auto opened = OpenSshSignature(value, statement->canonical);
  if (!opened) return Fail(opened.error());
  return SignatureProof{opened->key.fingerprint(), opened->user_present, opened->user_verified};
}

Provenance WithSignature(Provenance by, const Json& object) {
  if (FindPath(object, "spec/signature") == nullptr) return by;
  if (by.authenticity != Authenticity::kAttested && by.authenticity != Authenticity::kAssumed) {
    return by;
  }
  auto proof = VerifySignature(object);
  if (!proof) {
    by.authenticity = Authenticity::kBadSignature;
    by.problem = proof.error().message;
    return by;
  }
  by.authenticity = Authenticity::kSigned;
  by.signature = std::make_shared<const SignatureProof>(*std::move(proof));
  return by;
}

}  // namespace countersign
