// What `verify` says of each object: signatures themselves are tested in tests/unit/evidence.
#include "cli/verification.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/files.h"
#include "cli/stamps.h"
#include "evidence/installation_key.h"
#include "evidence/stamp.h"

namespace countersign {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

const Time kNow = *ParseTime("2026-11-20T00:00:00Z");

// The sample of a kind, without the signature that it may have.
Manifest Sample(const std::string& kind, const std::string& name = "sample") {
  auto text =
      ReadTextFile(std::string(SOURCE_DIR) + "/tests/unit/governance/testdata/samples.yaml");
  auto manifests = ParseManifests("set.yaml", text.value_or(""));
  for (Manifest& manifest : manifests.value_or(std::vector<Manifest>())) {
    if (StringAt(manifest.object, "kind") != kind) continue;
    if (StringAt(manifest.object, "metadata/name") != name) continue;
    manifest.object["spec"].erase("signature");
    return manifest;
  }
  ADD_FAILURE() << "there is no " << kind << " '" << name << "'";
  return {};
}

Verified Verify(const Manifest& manifest, const Maker& stamps = {}) {
  return VerifyObject(manifest, {{}, kNow, stamps});
}

void Stamp(Manifest& manifest, const InstallationKey& key, const std::string& user) {
  auto stamp = MakeStamp(key, "default", manifest.object, user, {}, kNow);
  ASSERT_TRUE(stamp) << stamp.error().ToString();
  manifest.object["metadata"]["annotations"][std::string(kStampAnnotation)] = *stamp;
}

TEST(Verification, WhatIsUnsignedProvesNothing) {
  for (const char* kind :
       {"SignOff", "BiasTest", "Evidence", "ReproducibilitySnapshot", "Waiver"}) {
    const Manifest manifest = Sample(kind);
    ASSERT_TRUE(IsEvidence(manifest.object)) << kind;
    const Verified one = Verify(manifest);
    EXPECT_FALSE(one.Holds()) << kind;
    EXPECT_EQ(one.reason, "NotSigned") << kind << ": " << one.problem;
    EXPECT_EQ(one.proof, Proof::kNone);
    EXPECT_THAT(one.problem, HasSubstr("proves nothing"));
  }
}

TEST(Verification, AStampIsNotTakenForVerified) {
  auto key = InstallationKey::Generate();
  ASSERT_TRUE(key);
  Manifest manifest = Sample("BiasTest");
  Stamp(manifest, *key, "dana");
  const Verified one = Verify(manifest);
  EXPECT_EQ(one.reason, "StampNotVerified");
  EXPECT_EQ(one.proof, Proof::kStamp);
  EXPECT_EQ(one.stamped_by, "dana");
  EXPECT_THAT(one.problem, AllOf(HasSubstr("--trusted-keys"), HasSubstr("--accept-stamps")));
}

TEST(Verification, AStampHoldsIfItIsBelievedOrVerified) {
  auto key = InstallationKey::Generate();
  auto stranger = InstallationKey::Generate();
  ASSERT_TRUE(key && stranger);
  Manifest manifest = Sample("BiasTest");
  Stamp(manifest, *key, "dana");
  EXPECT_TRUE(Verify(manifest, BelieveStamp).Holds());
  const auto by = [](const InstallationKey& one) {
    return [authority = StampAuthority{"default", one.Public()}](const Json& object,
                                                                 const std::string& digest) {
      return VerifyStamp(authority, object, digest);
    };
  };
  EXPECT_TRUE(Verify(manifest, by(*key)).Holds()) << Verify(manifest, by(*key)).problem;
  EXPECT_EQ(Verify(manifest, by(*stranger)).reason, "StampInvalid");
  manifest.object["spec"]["protocol"] = "another";
  EXPECT_EQ(Verify(manifest, BelieveStamp).reason, "StampInvalid");
  EXPECT_EQ(Verify(manifest).reason, "StampInvalid");
}

TEST(Verification, NobodySignsInAnotherPersonsName) {
  auto key = InstallationKey::Generate();
  ASSERT_TRUE(key);
  Manifest manifest = Sample("SignOff");
  Stamp(manifest, *key, "somebody-else");
  EXPECT_EQ(Verify(manifest, BelieveStamp).reason, "SignerNotRequester");
}

TEST(Verification, WhatTheApiRefusesIsToldWithItsPath) {
  Manifest manifest = Sample("BiasTest");
  manifest.object["spec"]["colour"] = "red";
  Verified one = Verify(manifest);
  EXPECT_EQ(one.reason, "SpecInvalid");
  EXPECT_THAT(one.problem, HasSubstr("spec.colour"));

  manifest = Sample("BiasTest");
  manifest.object["spec"]["dataSet"]["rows"] = "many";
  one = Verify(manifest);
  EXPECT_EQ(one.reason, "SpecInvalid");
  EXPECT_THAT(one.problem, HasSubstr("spec.dataSet.rows"));

  manifest = Sample("BiasTest");
  manifest.object["sepc"] = Json::object();
  EXPECT_THAT(Verify(manifest).problem, HasSubstr("sepc: is not a field"));

  manifest = Sample("UseCase");
  EXPECT_FALSE(IsEvidence(manifest.object));
  EXPECT_FALSE(RefuseMalformed(manifest));
  manifest.object["spec"]["colour"] = "red";
  const auto malformed = RefuseMalformed(manifest);
  ASSERT_TRUE(malformed);
  EXPECT_THAT(malformed->problem, HasSubstr("spec.colour"));
}

TEST(Verification, RobotsDoNotSignOff) {
  Manifest manifest = Sample("SignOff");
  manifest.object["spec"]["signer"]["username"] = "system:serviceaccount:ci:robot";
  const Verified one = Verify(manifest);
  EXPECT_EQ(one.reason, "SignerIsRobot");
  EXPECT_THAT(one.problem, HasSubstr("spec.signer.username"));
}

TEST(Verification, ObjectsOfOthersAreNotJudged) {
  Manifest manifest;
  manifest.object = {{"apiVersion", "v1"}, {"kind", "ConfigMap"}, {"data", 7}};
  EXPECT_FALSE(IsEvidence(manifest.object));
  EXPECT_FALSE(RefuseMalformed(manifest));
}

}  // namespace
}  // namespace countersign
