#include "evidence/installation_key.h"

#include <gtest/gtest.h>
#include <openssl/err.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>

namespace countersign {
namespace {

// Made with `openssl genpkey -algorithm ed25519` for this test alone.
constexpr char kEd25519[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MC4CAQAwBQYDK2VwBCIEIJbjK8r5pYfJaFFasOO5thC+67KQMsZNjNeSiG15caaH\n"
    "-----END PRIVATE KEY-----\n";
constexpr char kEd25519Public[] =
    "-----BEGIN PUBLIC KEY-----\n"
    "MCowBQYDK2VwAyEAq52yiRuoS5PhNBpN963smHxzGfqwFahB9gFPiWYkWXg=\n"
    "-----END PUBLIC KEY-----\n";

TEST(InstallationKey, SignsWhatItsPublicHalfVerifiesAndNothingElse) {
  const auto key = InstallationKey::Generate().value();
  const std::string signature = key.Sign("hello").value();
  EXPECT_TRUE(key.Public().Verify("hello", signature));
  EXPECT_FALSE(key.Public().Verify("hellO", signature));
  EXPECT_FALSE(key.Public().Verify("hello", signature + "x"));
  EXPECT_FALSE(key.Public().Verify("hello", ""));
  EXPECT_FALSE(PublicKeys().Verify("hello", signature));
  EXPECT_FALSE(InstallationKey::Generate().value().Public().Verify("hello", signature));
}

TEST(InstallationKey, SurvivesItsPemForm) {
  const auto key = InstallationKey::Generate().value();
  const auto again = InstallationKey::Parse(key.PrivatePem()).value();
  EXPECT_EQ(again.Fingerprint(), key.Fingerprint());
  EXPECT_TRUE(PublicKeys::Parse(key.PublicPem()).value().Verify("x", again.Sign("x").value()));
}

TEST(InstallationKey, AcceptsTheOldKeyBesideTheNewOneDuringRotation) {
  const auto before = InstallationKey::Generate().value();
  const auto after = InstallationKey::Generate().value();
  const auto both = PublicKeys::Parse(after.PublicPem() + before.PublicPem()).value();
  EXPECT_TRUE(both.Verify("x", before.Sign("x").value()));
  EXPECT_TRUE(both.Verify("x", after.Sign("x").value()));
}

TEST(InstallationKey, IsRefusedWhenItIsNotAnUnencryptedP256Key) {
  const std::string p256 = InstallationKey::Generate().value().PrivatePem();
  const std::map<std::string, std::string> cases = {
      {"nothing at all", ""},
      {"text that is not PEM", "hello"},
      {"a public key", InstallationKey::Generate().value().PublicPem()},
      {"a key on another curve family", kEd25519},
      {"a key cut in the middle", p256.substr(0, p256.size() / 2)},
  };
  for (const auto& [what, pem] : cases) {
    const auto key = InstallationKey::Parse(pem);
    ASSERT_FALSE(key) << what;
    EXPECT_EQ(key.error().code, Code::kInvalidArgument) << what;
    EXPECT_NE(key.error().message.find("P-256"), std::string::npos) << what;
    EXPECT_EQ(ERR_peek_error(), 0U) << what << " left an error for the next TLS read to trip over";
  }
}

TEST(InstallationKey, NeverLeavesAPublicKeyOutSilently) {
  const auto key = InstallationKey::Generate().value();
  const std::string good = key.PublicPem();
  const std::map<std::string, std::string> cases = {
      {"nothing at all", ""},
      {"a broken second key",
       good + "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"},
      {"a second key that was cut off", good + good.substr(0, good.size() - 30)},
      {"a private key beside it", good + key.PrivatePem()},
      {"a key of another kind", good + kEd25519Public},
  };
  for (const auto& [what, pem] : cases) {
    EXPECT_FALSE(PublicKeys::Parse(pem)) << what;
    EXPECT_EQ(ERR_peek_error(), 0U) << what;
  }
}

TEST(InstallationKey, IsReadFromAFileThatTheErrorNames) {
  const std::string file = std::filesystem::temp_directory_path() /
                           ("countersign-key-" + std::to_string(getpid()) + ".pem");
  const auto key = InstallationKey::Generate().value();
  std::ofstream(file) << "# made by keygen\n" << key.PrivatePem();
  EXPECT_EQ(InstallationKey::Load(file).value().Fingerprint(), key.Fingerprint());
  std::ofstream(file) << key.PrivatePem() << std::string(1 << 20, 'x');
  EXPECT_EQ(InstallationKey::Load(file).error().code, Code::kNotFound) << "a megabyte is no key";
  std::ofstream(file) << "secret-looking text";
  const Error error = InstallationKey::Load(file).error();
  EXPECT_NE(error.message.find(file), std::string::npos);
  EXPECT_EQ(error.message.find("secret-looking"), std::string::npos);
  std::filesystem::remove(file);
  EXPECT_EQ(InstallationKey::Load(file).error().code, Code::kNotFound);
  EXPECT_FALSE(InstallationKey::Load(std::filesystem::temp_directory_path()));
}

TEST(InstallationKey, HasAFingerprintOfItsOwn) {
  const auto key = InstallationKey::Generate().value();
  EXPECT_TRUE(key.Fingerprint().starts_with("SHA256:"));
  EXPECT_EQ(key.Fingerprint().size(), 7U + 44U);
  EXPECT_NE(key.Fingerprint(), InstallationKey::Generate().value().Fingerprint());
}

}  // namespace
}  // namespace countersign
