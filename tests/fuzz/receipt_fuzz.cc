// Stamps and receipts as annotations, which whoever applies an object writes. The first byte
// chooses whether the text is the receipt, the stamp, both, or a receipt's claims that a key has
// signed: none that is made up is this installation's, and another's names the key that signed it.
#include "base/digest.h"
#include "base/verification_key.h"
#include "evidence/dsse.h"
#include "evidence/receipt.h"
#include "tests/fuzz/require.h"

namespace {

using namespace countersign;

constexpr char kReceiptType[] = "application/vnd.countersign.receipt.v1+json";

const InstallationKey& Ours() {
  static const InstallationKey key = InstallationKey::Generate().value();
  return key;
}

const InstallationKey& Theirs() {
  static const InstallationKey key = InstallationKey::Generate().value();
  return key;
}

Json Bare() {
  return {{"apiVersion", "countersign.dev/v1alpha1"},
          {"kind", "SignOff"},
          {"metadata", {{"name", "yes"}, {"namespace", "lending"}}},
          {"spec", {{"decision", "Approve"}}}};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string text(fuzz::Text(data + 1, size - 1));
  Json object = Bare();
  std::string stamp = text;
  std::string receipt = text;
  if (data[0] % 4 == 0) {
    stamp = MakeStamp(Theirs(), "staging", object, "vera", {}, Time()).value();
  } else if (data[0] % 4 == 1) {
    receipt.clear();
  } else if (data[0] % 4 == 3) {
    auto claims = ParseJson(text, 8);
    if (!claims || !claims->is_object()) return 0;
    stamp = MakeStamp(Theirs(), "staging", object, "vera", {}, Time()).value();
    (*claims)["stamp"] = DigestText(Sha256(stamp));
    (*claims)["publicKey"] = Theirs().PublicPem();
    const auto made = SignEnvelope(Theirs(), kReceiptType, *claims);
    if (!made) return 0;
    receipt = *made;
  }
  object["metadata"]["annotations"] = {{std::string(kStampAnnotation), stamp},
                                       {std::string(kReceiptAnnotation), receipt}};
  object["metadata"]["creationTimestamp"] = "2026-11-24T08:30:00Z";
  const StampAuthority authority{"bank", Ours().Public()};
  const Provenance by =
      VerifyStored(authority, object, StampedDigest(object).value_or(std::string()));
  fuzz::Require(by.authenticity != Authenticity::kAttested, "nobody signed it with our key", text);
  if (by.authenticity == Authenticity::kForeign) {
    static const std::string theirs =
        VerificationKey::Parse(Theirs().PublicPem()).value().fingerprint();
    fuzz::Require(by.foreign->key == theirs, "the key that signed it", by.foreign->key);
  }
  fuzz::Require(CanonicalJson(Json(by.problem)).has_value(), "a problem is UTF-8", by.problem);
  (void)ReceiptKeyOf(object);
  return 0;
}
