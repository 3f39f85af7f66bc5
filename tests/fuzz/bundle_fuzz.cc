// Bundles of OpenSSF Model Signing: taken, or refused with a reason. The first byte chooses whether
// the text is a bundle, or the statement in one that a key has signed. Nothing that is made up may
// hold, and what holds names files within the model alone.
#include "base/digest.h"
#include "evidence/model_signature.h"
#include "evidence/signed_object.h"
#include "evidence/signing_key.h"
#include "tests/fuzz/require.h"

namespace {

using namespace countersign;

// Made for this: `openssl genpkey -algorithm ed25519`.
constexpr char kPrivate[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MC4CAQAwBQYDK2VwBCIEIBtdbsZvLatdaE2JyuQ9fHZvJrnG4EQGfEndG5/qjUuz\n"
    "-----END PRIVATE KEY-----\n";

void RequireReadable(const SignatureFault& fault) {
  fuzz::Require(!fault.reason.empty(), "a fault has a reason", fault.message);
  fuzz::RequireReadable(Error{Code::kInvalidArgument, fault.message, {}, {}});
}

void Opened(const Proven<SignedModel>& model) {
  if (!model) {
    RequireReadable(model.error());
    return;
  }
  fuzz::Require(!model->files.empty(), "a model has files", model->root);
  for (const auto& [name, digest] : model->files) {
    fuzz::Require(name.find("..") != 0 && !name.starts_with("/"), "stays within the model", name);
    fuzz::Require(digest.size() == 71, "a digest", digest);
  }
}

void AsStatement(std::string_view text) {
  const auto made = SignDsse(kPrivate, kStatementPayload, text).value();
  ModelBundle bundle;
  bundle.envelope = ParseJson(made.envelope).value();
  Opened(OpenModelBundle(bundle, VerificationKey::Parse(made.public_key).value()));
}

void AsBundle(std::string_view text) {
  const auto bundle = ReadModelBundle(text);
  if (!bundle) {
    RequireReadable(bundle.error());
    return;
  }
  static const VerificationKey key =
      VerificationKey::Parse(SignDsse(kPrivate, "t", "{}").value().public_key).value();
  const auto model = OpenModelBundle(*bundle, key);
  fuzz::Require(!model, "nobody signed it with this key", std::string(text));
  RequireReadable(model.error());
  if (bundle->certificates.empty()) return;
  const auto chain = CertificateChain::FromDer(bundle->certificates);
  if (!chain) {
    fuzz::RequireReadable(chain.error());
    return;
  }
  Opened(OpenModelBundle(*bundle, chain->key()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text = fuzz::Text(data + 1, size - 1);
  if (data[0] % 2 == 0) {
    AsStatement(text);
  } else {
    AsBundle(text);
  }
  return 0;
}
