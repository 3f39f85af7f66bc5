#include "evidence/receipt.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/digest.h"
#include "base/verification_key.h"

namespace countersign {
namespace {

using namespace std::chrono_literals;

const Time kNow = ParseTime("2026-11-24T08:30:00.123456Z").value();
constexpr char kInstallation[] = "bank-prod";

const InstallationKey& Key() {
  static const InstallationKey key = InstallationKey::Generate().value();
  return key;
}

StampAuthority Authority() { return {kInstallation, Key().Public()}; }

Json Stamped(const std::string& kind = "SignOff") {
  Json object = {{"apiVersion", kApiVersion},
                 {"kind", kind},
                 {"metadata", {{"namespace", "lending"}, {"name", "vera-1"}, {"uid", "u"}}},
                 {"spec", {{"role", "validator"}, {"decision", "Approve"}}}};
  const std::string stamp =
      MakeStamp(Key(), kInstallation, object, "vera@bank.example", {"model-risk"}, kNow).value();
  object["metadata"]["annotations"][std::string(kStampAnnotation)] = stamp;
  return object;
}

Json Received(Json object, const InstallationKey& key = Key(),
              const std::string& installation = kInstallation) {
  const std::string receipt = MakeReceipt(key, installation, object, kNow).value();
  object["metadata"]["annotations"][std::string(kReceiptAnnotation)] = receipt;
  return object;
}

Provenance Stored(Json object, Time created) {
  object["metadata"]["creationTimestamp"] = FormatTime(created);
  return VerifyStored(Authority(), object, StampedDigest(object).value());
}

TEST(Receipt, IsForTheStampThatTheObjectCarries) {
  EXPECT_FALSE(HasReceipt(Authority(), Stamped()));
  const Json received = Received(Stamped());
  EXPECT_TRUE(HasReceipt(Authority(), received));
  Json other = Stamped();  // of the same second, with an id of its own
  other["metadata"]["annotations"][std::string(kReceiptAnnotation)] = ReceiptOf(received);
  EXPECT_FALSE(HasReceipt(Authority(), other));
  Json bare = received;
  bare["metadata"]["annotations"].erase(std::string(kStampAnnotation));
  EXPECT_FALSE(HasReceipt(Authority(), bare));
  EXPECT_FALSE(MakeReceipt(Key(), kInstallation, bare, kNow)) << "there is nothing to receive";
}

TEST(Receipt, IsThisInstallationsAlone) {
  const InstallationKey other = InstallationKey::Generate().value();
  EXPECT_FALSE(HasReceipt(Authority(), Received(Stamped(), other)));
  EXPECT_FALSE(HasReceipt(Authority(), Received(Stamped(), Key(), "bank-test")));
  // A stamp is no receipt, though the same key made it.
  Json twice = Stamped();
  twice["metadata"]["annotations"][std::string(kReceiptAnnotation)] =
      twice["metadata"]["annotations"][std::string(kStampAnnotation)];
  EXPECT_FALSE(HasReceipt(Authority(), twice));
}

TEST(Receipt, LetsEvidenceBeStoredLaterThanItWasMade) {
  EXPECT_EQ(Stored(Stamped(), kNow).authenticity, Authenticity::kAttested);
  EXPECT_EQ(Stored(Stamped(), kNow + kFreshStamp - 1s).authenticity, Authenticity::kAttested);
  for (const Time created : {kNow + kFreshStamp + 1s, kNow - kFreshStamp - 1s, kNow + 8760h}) {
    const Provenance bare = Stored(Stamped(), created);
    EXPECT_EQ(bare.authenticity, Authenticity::kForged);
    EXPECT_NE(bare.problem.find("needs its receipt"), std::string::npos) << bare.problem;
    const Provenance received = Stored(Received(Stamped()), created);
    EXPECT_EQ(received.authenticity, Authenticity::kAttested) << received.problem;
    EXPECT_EQ(received.user, "vera@bank.example");
    EXPECT_EQ(received.first_seen, kNow) << "it is as old as it was";
  }
}

TEST(Receipt, SavesNoStampThatDoesNotHold) {
  Json edited = Received(Stamped());
  edited["spec"]["decision"] = "Reject";
  EXPECT_EQ(Stored(edited, kNow).authenticity, Authenticity::kForged);
  Json moved = Received(Stamped());
  moved["metadata"]["namespace"] = "attic";
  EXPECT_EQ(Stored(moved, kNow + 1h).authenticity, Authenticity::kForged);
  Json another = Received(Stamped());
  another["kind"] = "BiasTest";
  EXPECT_EQ(Stored(another, kNow + 1h).authenticity, Authenticity::kForged);
}

TEST(Receipt, VouchesForAStampWhoseKeyWasReplacedSince) {
  const InstallationKey before = InstallationKey::Generate().value();
  Json object = Stamped();
  object["metadata"]["annotations"][std::string(kStampAnnotation)] =
      MakeStamp(before, kInstallation, object, "vera@bank.example", {}, kNow).value();
  EXPECT_EQ(Stored(object, kNow).authenticity, Authenticity::kForged);
  const Provenance by = Stored(Received(object), kNow + 8760h);
  EXPECT_EQ(by.authenticity, Authenticity::kAttested) << by.problem;
  EXPECT_EQ(by.user, "vera@bank.example");
  EXPECT_EQ(ReceiptKeyOf(Received(object)), Key().Fingerprint());
  EXPECT_EQ(ReceiptKeyOf(object), "");
}

TEST(Receipt, OfAnotherInstallationSaysWhoSawItAndByWhichKey) {
  const InstallationKey theirs = InstallationKey::Generate().value();
  const auto made = [&](const std::string& kind, const std::string& by = "staging") {
    Json object = Stamped(kind);
    object["metadata"]["annotations"][std::string(kStampAnnotation)] =
        MakeStamp(theirs, by, object, "vera@bank.example", {"model-risk"}, kNow).value();
    return object;
  };
  const Provenance by = Stored(Received(made("SignOff"), theirs, "staging"), kNow + 8760h);
  ASSERT_EQ(by.authenticity, Authenticity::kForeign) << by.problem;
  EXPECT_EQ(by.foreign->installation, "staging");
  EXPECT_EQ(by.foreign->key, VerificationKey::Parse(theirs.PublicPem())->fingerprint());
  EXPECT_EQ(by.user, "vera@bank.example");
  EXPECT_EQ(by.first_seen, kNow);
  const Json received = Received(made("SignOff"), theirs, "staging");
  EXPECT_EQ(Stored(received, kNow - kFreshStamp + 1s).authenticity, Authenticity::kForeign);
  const Provenance early = Stored(received, kNow - kFreshStamp - 1s);
  EXPECT_EQ(early.authenticity, Authenticity::kForged) << "nobody carries what is not made yet";
  EXPECT_THAT(early.problem, ::testing::HasSubstr("the clock of whoever saw it made was wrong"));

  EXPECT_EQ(Stored(made("SignOff"), kNow).authenticity, Authenticity::kForged)
      << "a stamp alone is worth nothing in other hands";
  EXPECT_EQ(Stored(Received(made("ModelDeployment"), theirs, "staging"), kNow).authenticity,
            Authenticity::kForged)
      << "a deployment is its requester's";
  EXPECT_NE(Stored(Received(made("SignOff"), theirs, "other"), kNow).authenticity,
            Authenticity::kForeign)
      << "it gives receipts for its own stamps";
  EXPECT_NE(
      Stored(Received(made("SignOff", kInstallation), theirs, kInstallation), kNow).authenticity,
      Authenticity::kForeign)
      << "nobody else goes by our name";
  Json edited = Received(made("SignOff"), theirs, "staging");
  edited["spec"]["decision"] = "Reject";
  EXPECT_EQ(Stored(edited, kNow).authenticity, Authenticity::kForged);
  Json signed_again = Received(made("SignOff"), theirs, "staging");
  signed_again["metadata"]["annotations"][std::string(kStampAnnotation)] =
      DecodeMeta(Stamped()).stamp;
  EXPECT_NE(Stored(signed_again, kNow + 1h).authenticity, Authenticity::kForeign);
}

TEST(Receipt, IsForEvidenceAlone) {
  for (const char* kind :
       {"SignOff", "ReproducibilitySnapshot", "BiasTest", "Evidence", "Waiver"}) {
    EXPECT_TRUE(CanBeCarried(kind)) << kind;
  }
  for (const char* kind : {"ModelDeployment", "GovernancePolicy", "ModelRecord", "UseCase"}) {
    EXPECT_FALSE(CanBeCarried(kind)) << kind;
  }
}

}  // namespace
}  // namespace countersign
