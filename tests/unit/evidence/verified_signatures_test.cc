#include "evidence/verified_signatures.h"

#include <gtest/gtest.h>

#include <string>

#include "evidence/installation_key.h"

namespace countersign {
namespace {

TEST(VerifiedSignatures, KnowsWhatWasAddedAndNothingElse) {
  VerifiedSignatures verified;
  verified.Add("data", "signature");
  EXPECT_TRUE(verified.Contains("data", "signature"));
  EXPECT_FALSE(verified.Contains("data", "signaturf"));
  EXPECT_FALSE(verified.Contains("datb", "signature"));
  // The same bytes, cut elsewhere.
  EXPECT_FALSE(verified.Contains("edata", "signatur"));
  EXPECT_FALSE(verified.Contains("ata", "signatured"));
}

TEST(VerifiedSignatures, ForgetsTheOldestAndKeepsWhatIsAskedFor) {
  VerifiedSignatures verified;
  verified.Add("first", "s");
  verified.Add("used", "s");
  for (std::size_t i = 0; i < 2 * VerifiedSignatures::kRemembered; ++i) {
    verified.Add(std::to_string(i), "s");
    EXPECT_TRUE(verified.Contains("used", "s")) << i;
  }
  EXPECT_FALSE(verified.Contains("first", "s"));
}

// What one set of keys has verified, another has not.
TEST(VerifiedSignatures, AreOfOneSetOfKeys) {
  const auto key = InstallationKey::Generate().value();
  const auto other = InstallationKey::Generate().value();
  const std::string signature = key.Sign("data").value();
  const PublicKeys mine = key.Public();
  EXPECT_TRUE(mine.Verify("data", signature));
  EXPECT_TRUE(mine.Verify("data", signature));
  EXPECT_FALSE(mine.Verify("datb", signature));
  EXPECT_FALSE(other.Public().Verify("data", signature));
  EXPECT_FALSE(PublicKeys().Verify("data", signature));
}

}  // namespace
}  // namespace countersign
