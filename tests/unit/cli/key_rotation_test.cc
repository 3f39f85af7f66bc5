#include "cli/key_rotation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/digest.h"

namespace countersign {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

const Time kNow = *ParseTime("2026-11-29T12:00:00Z");

InstallationKey NewKey() { return *InstallationKey::Generate(); }

Json SecretWith(const InstallationKey& key) {
  return {{"kind", "Secret"},
          {"metadata", {{"name", "countersign-stamp-key"}, {"resourceVersion", "7"}}},
          {"data", {{"key.pem", Base64Encode(key.PrivatePem())}}}};
}

Json Pod(const std::string& name, const std::string& started,
         const std::string& phase = "Running") {
  Json pod = {{"metadata", {{"name", name}}}, {"status", {{"phase", phase}}}};
  if (!started.empty()) pod["status"]["startTime"] = started;
  return pod;
}

TEST(KeyRotation, TrustsTheNextKeyBeforeItSigns) {
  const InstallationKey first = NewKey();
  const InstallationKey second = NewKey();
  const auto prepared = Prepared(SecretWith(first), second, kNow);
  ASSERT_TRUE(prepared);
  EXPECT_EQ((*prepared)["metadata"]["resourceVersion"], "7") << "the write must fail if it changed";
  const auto between = ReadStampKeys(*prepared);
  ASSERT_TRUE(between);
  EXPECT_EQ(between->key.Fingerprint(), first.Fingerprint());
  ASSERT_TRUE(between->next);
  EXPECT_EQ(between->next->Fingerprint(), second.Fingerprint());
  EXPECT_TRUE(between->trusted.Verify("data", *second.Sign("data")));
  EXPECT_EQ(between->prepared_at, kNow);

  const auto switched = Switched(*prepared);
  ASSERT_TRUE(switched);
  const auto after = ReadStampKeys(*switched);
  ASSERT_TRUE(after);
  EXPECT_EQ(after->key.Fingerprint(), second.Fingerprint());
  EXPECT_FALSE(after->next);
  EXPECT_FALSE(after->prepared_at);
  EXPECT_TRUE(after->trusted.Verify("data", *first.Sign("data")))
      << "what it signed goes on to count";
}

TEST(KeyRotation, ARollbackToTheKeyBeforeStillTrustsTheOneThatReplacedIt) {
  const InstallationKey first = NewKey();
  const InstallationKey second = NewKey();
  Json secret = *Switched(*Prepared(SecretWith(first), second, kNow));
  secret["data"]["key.pem"] = Base64Encode(first.PrivatePem());
  EXPECT_TRUE(ReadStampKeys(secret)->trusted.Verify("data", *second.Sign("data")));
}

TEST(KeyRotation, RetiresOnlyWhatNeitherSignsNorIsAboutTo) {
  const InstallationKey first = NewKey();
  const InstallationKey second = NewKey();
  const Json prepared = *Prepared(SecretWith(first), second, kNow);
  EXPECT_THAT(Retired(prepared, first.Fingerprint()).error().message, HasSubstr("rotate first"));
  EXPECT_THAT(Retired(prepared, second.Fingerprint()).error().message, HasSubstr("about to sign"));
  EXPECT_THAT(Retired(prepared, "SHA256:x").error().message, HasSubstr(first.Fingerprint()));
  const auto retired = Retired(*Switched(prepared), first.Fingerprint());
  ASSERT_TRUE(retired);
  EXPECT_FALSE(ReadStampKeys(*retired)->trusted.Verify("data", *first.Sign("data")));
}

TEST(KeyRotation, FindsPodsThatMayNotTrustTheNextKey) {
  EXPECT_THAT(
      StartedBefore({Pod("old", "2026-11-29T11:59:59Z"), Pod("same", "2026-11-29T12:00:00Z"),
                     Pod("new", "2026-11-29T12:00:01Z"), Pod("pending", ""),
                     Pod("done", "2026-11-29T11:00:00Z", "Succeeded")},
                    kNow),
      ElementsAre("old", "same", "pending"));
}

TEST(KeyRotation, NamesTheEntryOfTheSecretThatIsWrong) {
  Json secret = SecretWith(NewKey());
  secret["data"]["trusted.pem"] =
      Base64Encode("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n");
  ASSERT_FALSE(ReadStampKeys(secret));
  EXPECT_EQ(ReadStampKeys(secret).error().path, "data[trusted.pem]");
  secret["data"]["trusted.pem"] = "***";
  ASSERT_FALSE(ReadStampKeys(secret));
  EXPECT_EQ(ReadStampKeys(secret).error().path, "data[trusted.pem]");
  EXPECT_EQ(ReadStampKeys(Json{{"kind", "Secret"}}).error().path, "data[key.pem]");
}

TEST(KeyRotation, SaysWhatRestsOnAKey) {
  const InstallationKey first = NewKey();
  const InstallationKey second = NewKey();
  Json waiver = {{"apiVersion", "countersign.dev/v1alpha1"},
                 {"kind", "Waiver"},
                 {"metadata", {{"name", "w"}, {"namespace", "lending"}}},
                 {"spec", {{"reason", "ill"}}}};
  const auto stamp = MakeStamp(first, "test", waiver, "vera", {}, kNow);
  ASSERT_TRUE(stamp);
  waiver["metadata"]["annotations"] = {{"countersign.dev/stamp", *stamp}};
  EXPECT_TRUE(IsVouchedFor({"test", first.Public()}, waiver));
  EXPECT_FALSE(IsVouchedFor({"test", second.Public()}, waiver));
}

TEST(PublicKeys, NameTheirKeysAndLeaveOneOut) {
  const InstallationKey first = NewKey();
  const InstallationKey second = NewKey();
  const auto both = PublicKeys::Parse(first.PublicPem() + second.PublicPem());
  ASSERT_TRUE(both);
  EXPECT_THAT(both->Fingerprints(),
              UnorderedElementsAre(first.Fingerprint(), second.Fingerprint()));
  const PublicKeys rest = both->Without(first.Fingerprint());
  EXPECT_THAT(rest.Fingerprints(), ElementsAre(second.Fingerprint()));
  EXPECT_EQ(rest.Pem(), second.PublicPem());
}

}  // namespace
}  // namespace countersign
