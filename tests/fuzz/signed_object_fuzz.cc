// Objects that carry signatures, whole. The first byte chooses whether the text is an object with
// the signature that it has, or an object and, in the line after it, a statement, which is signed
// for it by a key that we have: what compares the two is not reached by what nobody signed. What
// holds says what was signed, and an object's own statement holds for it.
#include <optional>

#include "evidence/dsse.h"
#include "evidence/predicates.h"
#include "evidence/signed_object.h"
#include "evidence/signing_key.h"
#include "tests/fuzz/require.h"

namespace {

using namespace countersign;

// Made for this target, as the seeds were by it: `openssl genpkey -algorithm ed25519`.
constexpr char kKey[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MC4CAQAwBQYDK2VwBCIEIBtdbsZvLatdaE2JyuQ9fHZvJrnG4EQGfEndG5/qjUuz\n"
    "-----END PRIVATE KEY-----\n";
constexpr int kDepth = 24;

bool Holds(const Json& object) {
  const auto proof = VerifySignature(object);
  if (proof) return true;
  const SignatureFault& fault = proof.error();
  fuzz::Require(fault.reason.starts_with("Sign") || fault.reason.starts_with("Model"),
                "a reason of docs/signatures.md", fault.reason);
  fuzz::Require(!fault.message.empty(), "a fault says what is wrong", fault.reason);
  fuzz::Require(CanonicalJson(Json(fault.message)).has_value(), "a fault is UTF-8", fault.message);
  return false;
}

// What was signed, where it is a statement of ours.
std::optional<Json> SignedStatement(const Json& object) {
  const std::string value = StringAt(object, "spec/signature/value");
  if (StringAt(object, "spec/signature/format") == "DSSE") {
    auto payload = PeekEnvelope(kStatementPayload, value);
    if (!payload || IsForeignPredicate(StringAt(*payload, "predicateType"))) return std::nullopt;
    return *std::move(payload);
  }
  auto payload = ParseJson(StringAt(object, "spec/signature/payload"), kMaxForeignJsonDepth);
  if (!payload) return std::nullopt;
  return *std::move(payload);
}

void Verify(const Json& object) {
  if (!CarriesSignature(object) || !Holds(object)) return;
  if (FindPath(object, "spec/modelSignature") != nullptr) return;
  if (const auto statement = SignedStatement(object)) {
    Json bare = *Find(object, "spec");
    bare.erase("signature");
    const Json predicate = {{"namespace", StringAt(object, "metadata/namespace")}, {"spec", bare}};
    fuzz::Require(
        CanonicalJson(predicate).value() == CanonicalJson(statement->at("predicate")).value(),
        "what holds says what was signed", DumpJson(object));
  }
  Json edited = object;
  edited["spec"]["added"] = "later";
  fuzz::Require(edited == object || !Holds(edited), "an edited one does not hold",
                DumpJson(object));
}

Json Signed(Json object, std::string_view statement) {
  const auto made = SignDsse(kKey, kStatementPayload, statement).value();
  object["spec"]["signature"] = {
      {"format", "DSSE"}, {"value", made.envelope}, {"publicKey", made.public_key}};
  return object;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text = fuzz::Text(data + 1, size - 1);
  if (data[0] % 2 == 0) {
    if (const auto object = ParseJson(text, kDepth)) Verify(*object);
    return 0;
  }
  const auto line = text.find('\n');
  if (line == text.npos) return 0;
  auto object = ParseJson(text.substr(0, line), kDepth);
  if (!object || Find(*object, "spec") == nullptr || !Find(*object, "spec")->is_object()) return 0;
  (*object)["spec"].erase("modelSignature");
  Verify(Signed(*object, text.substr(line + 1)));
  if (const auto own = StatementOf(*object)) {
    fuzz::Require(Holds(Signed(*object, *own)), "an object's own statement holds for it",
                  DumpJson(*object));
  }
  return 0;
}
