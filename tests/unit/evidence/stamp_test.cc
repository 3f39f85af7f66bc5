#include "evidence/stamp.h"

#include <gtest/gtest.h>

#include "base/digest.h"
#include "evidence/dsse.h"

namespace countersign {
namespace {

using namespace std::chrono_literals;

const Time kNow = ParseTime("2026-11-24T08:30:00.123456Z").value();
constexpr char kInstallation[] = "bank-prod";

const InstallationKey& Key() {
  static const InstallationKey key = InstallationKey::Generate().value();
  return key;
}

StampAuthority Authority(const PublicKeys& keys = Key().Public()) { return {kInstallation, keys}; }

Json SignOffJson() {
  return {{"apiVersion", kApiVersion},
          {"kind", "SignOff"},
          {"metadata", {{"namespace", "lending"}, {"name", "vera-1"}}},
          {"spec", {{"role", "validator"}, {"decision", "Approve"}}}};
}

Json DeploymentJson() {
  return {{"apiVersion", kApiVersion},
          {"kind", "ModelDeployment"},
          {"metadata", {{"namespace", "lending-prod"}, {"name", "scorer"}}},
          {"spec",
           {{"model", {{"name", "scorer"}, {"version", "1"}}},
            {"serving",
             {{"replicas", 2},
              {"minReplicas", 1},
              {"maxReplicas", 5},
              {"template", {{"metadata", {{"labels", {{"app", "x"}}}}}}}}}}}};
}

Json Annotated(Json object, const std::string& stamp) {
  object["metadata"]["annotations"][std::string(kStampAnnotation)] = stamp;
  return object;
}

Json Stamped(const Json& object, const InstallationKey& key = Key(),
             const std::string& installation = kInstallation) {
  return Annotated(object, MakeStamp(key, installation, object, "vera@bank.example",
                                     {"model-risk", "system:authenticated"}, kNow)
                               .value());
}

TEST(Stamp, SaysWhoMadeTheObjectAndWhen) {
  const Provenance by = VerifyStamp(Authority(), Stamped(SignOffJson()));
  EXPECT_EQ(by.authenticity, Authenticity::kAttested) << by.problem;
  EXPECT_EQ(by.user, "vera@bank.example");
  EXPECT_EQ(by.groups, (std::vector<std::string>{"model-risk", "system:authenticated"}));
  EXPECT_EQ(by.first_seen, kNow);
}

TEST(Stamp, IsUnprovenWithoutOne) {
  EXPECT_EQ(VerifyStamp(Authority(), SignOffJson()).authenticity, Authenticity::kUnproven);
  EXPECT_EQ(VerifyStamp(Authority(), Json()).authenticity, Authenticity::kUnproven);
  EXPECT_EQ(VerifyStamp(Authority(), Annotated(SignOffJson(), "")).authenticity,
            Authenticity::kUnproven);
}

TEST(Stamp, HoldsForNothingButTheObjectItWasMadeFor) {
  struct Case {
    std::string what;
    std::function<void(Json&)> edit;
    std::string problem;
  };
  const std::vector<Case> cases = {
      {"another namespace", [](Json& o) { o["metadata"]["namespace"] = "attic"; },
       "made in namespace 'lending'"},
      {"no namespace", [](Json& o) { o["metadata"].erase("namespace"); },
       "made in namespace 'lending'"},
      {"another kind", [](Json& o) { o["kind"] = "BiasTest"; }, "made for a SignOff"},
      {"an edited spec", [](Json& o) { o["spec"]["role"] = "owner"; }, "another spec"},
      {"an added field", [](Json& o) { o["spec"]["more"] = true; }, "another spec"},
      {"no spec", [](Json& o) { o.erase("spec"); }, "another spec"},
      {"a spec without canonical form", [](Json& o) { o["spec"]["big"] = 1ULL << 60; },
       "another spec"},
  };
  for (const Case& c : cases) {
    Json object = Stamped(SignOffJson());
    c.edit(object);
    const Provenance by = VerifyStamp(Authority(), object);
    EXPECT_EQ(by.authenticity, Authenticity::kForged) << c.what;
    EXPECT_NE(by.problem.find(c.problem), std::string::npos) << c.what << ": " << by.problem;
    EXPECT_TRUE(by.user.empty()) << c.what << " must not name a person who did not make it";
  }
}

TEST(Stamp, DoesNotHoldInAnotherInstallationOrUnderAnotherKey) {
  const auto other = InstallationKey::Generate().value();
  EXPECT_EQ(VerifyStamp(Authority(), Stamped(SignOffJson(), Key(), "bank-test")).authenticity,
            Authenticity::kForged);
  EXPECT_EQ(VerifyStamp(Authority(), Stamped(SignOffJson(), other)).authenticity,
            Authenticity::kForged);
  EXPECT_EQ(VerifyStamp(Authority(PublicKeys()), Stamped(SignOffJson())).authenticity,
            Authenticity::kForged);
}

TEST(Stamp, HoldsOnWhenTheKeyWasReplacedAndTheOldOneIsStillTrusted) {
  const auto next = InstallationKey::Generate().value();
  const auto both = PublicKeys::Parse(next.PublicPem() + Key().PublicPem()).value();
  EXPECT_EQ(VerifyStamp(Authority(both), Stamped(SignOffJson())).authenticity,
            Authenticity::kAttested);
  EXPECT_EQ(VerifyStamp(Authority(both), Stamped(SignOffJson(), next)).authenticity,
            Authenticity::kAttested);
  EXPECT_EQ(VerifyStamp(Authority(next.Public()), Stamped(SignOffJson())).authenticity,
            Authenticity::kForged);
}

TEST(Stamp, SurvivesWhatItDoesNotBind) {
  Json object = Stamped(SignOffJson());
  object["metadata"]["name"] = "given-later-by-generate-name";
  object["metadata"]["uid"] = "0b0c";
  object["metadata"]["labels"] = {{"team", "risk"}};
  object["status"] = {{"observedGeneration", 1}};
  EXPECT_EQ(VerifyStamp(Authority(), object).authenticity, Authenticity::kAttested);
}

TEST(Stamp, FollowsTheGovernedPartOfAModelDeployment) {
  Json object = Stamped(DeploymentJson());
  EXPECT_EQ(VerifyStamp(Authority(), object).authenticity, Authenticity::kAttested);
  object["spec"]["serving"]["replicas"] = 5;
  object["spec"]["serving"]["template"]["metadata"]["labels"]["team"] = "y";
  EXPECT_EQ(VerifyStamp(Authority(), object).authenticity, Authenticity::kAttested)
      << "scaling within bounds and labels leave the author standing";
  object["spec"]["model"]["version"] = "2";
  EXPECT_EQ(VerifyStamp(Authority(), object).authenticity, Authenticity::kForged)
      << "another revision has another author";
}

TEST(Stamp, IsRefusedWhateverElseStandsInTheAnnotation) {
  const std::vector<std::string> cases = {
      "x",
      "{}",
      "null",
      std::string(1 << 20, 'a'),
      std::string(50'000, '['),
      // Signed by us, but no stamp: a revision must never pass for one.
      SignEnvelope(Key(), "application/vnd.countersign.revision.v1+json", {{"user", "eve"}})
          .value(),
  };
  for (const std::string& text : cases) {
    const Provenance by = VerifyStamp(Authority(), Annotated(SignOffJson(), text));
    EXPECT_EQ(by.authenticity, Authenticity::kForged) << text.substr(0, 40);
    EXPECT_FALSE(by.problem.empty());
    EXPECT_LT(by.problem.size(), 400U) << "messages do not grow with the input";
  }
}

TEST(Stamp, IsRefusedWithClaimsThatOnlyABugOfOursCouldSign) {
  const Json object = SignOffJson();
  const Json good = {{"id", "x"},
                     {"installation", kInstallation},
                     {"kind", "SignOff"},
                     {"namespace", "lending"},
                     {"digest", StampedDigest(object).value()},
                     {"user", "vera"},
                     {"groups", {"a"}},
                     {"firstSeen", "2026-11-24T08:30:00Z"}};
  const auto verify = [&](const Json& claims) {
    const std::string text =
        SignEnvelope(Key(), "application/vnd.countersign.stamp.v1+json", claims).value();
    return VerifyStamp(Authority(), Annotated(object, text)).authenticity;
  };
  EXPECT_EQ(verify(good), Authenticity::kAttested);
  const std::map<std::string, Json> wrong = {{"user", ""},
                                             {"groups", "a"},
                                             {"groups", {"a", 1}},
                                             {"firstSeen", "yesterday"},
                                             {"installation", 7}};
  for (const auto& [field, value] : wrong) {
    Json claims = good;
    claims[field] = value;
    EXPECT_EQ(verify(claims), Authenticity::kForged) << field;
    claims.erase(field);
    EXPECT_EQ(verify(claims), Authenticity::kForged) << "without " << field;
  }
}

TEST(Stamp, IsNotMadeForAnAccountWhoseGroupsDoNotFit) {
  const auto make = [](const std::string& user, const std::vector<std::string>& groups) {
    return MakeStamp(Key(), kInstallation, SignOffJson(), user, groups, kNow);
  };
  EXPECT_TRUE(make("vera", std::vector<std::string>(kMaxStampedGroups, "g")));
  EXPECT_TRUE(make("vera", {std::string(kMaxStampedNameBytes, 'g')}));
  EXPECT_TRUE(make("vera", std::vector<std::string>(64, std::string(256, 'g'))));
  const std::vector<Result<std::string>> refused = {
      make("vera", std::vector<std::string>(kMaxStampedGroups + 1, "g")),
      make("vera", {std::string(kMaxStampedNameBytes + 1, 'g')}),
      make("vera", std::vector<std::string>(65, std::string(256, 'g'))),
      make(std::string(kMaxStampedNameBytes + 1, 'u'), {}),
  };
  for (const auto& stamp : refused) {
    ASSERT_FALSE(stamp);
    EXPECT_EQ(stamp.error().code, Code::kResourceExhausted);
    EXPECT_NE(stamp.error().message.find("cannot be stamped"), std::string::npos);
  }
}

TEST(Stamp, NeedsAnObjectThatCanBeNamedAndDigested) {
  for (const char* path : {"kind", "metadata", "spec"}) {
    Json object = SignOffJson();
    object.erase(path);
    EXPECT_FALSE(MakeStamp(Key(), kInstallation, object, "vera", {}, kNow)) << path;
  }
}

TEST(Stamp, IsDifferentEachTime) {
  const auto make = [] {
    return MakeStamp(Key(), kInstallation, SignOffJson(), "vera", {}, kNow).value();
  };
  EXPECT_NE(make(), make());
}

// So that a key can be retired although nobody makes the objects anew.
TEST(Stamp, IsRenewedUnderTheKeyInUseWithWhatItSays) {
  const InstallationKey before = InstallationKey::Generate().value();
  const InstallationKey strange = InstallationKey::Generate().value();
  const StampAuthority both =
      Authority(PublicKeys::Parse(Key().PublicPem() + before.PublicPem()).value());
  const std::string old = DecodeMeta(Stamped(DeploymentJson(), before)).stamp;
  const std::string renewed = RenewedStamp(Key(), both, old);
  EXPECT_TRUE(IsStampBy(Key().Public(), renewed));
  EXPECT_TRUE(SayTheSame(both, old, renewed));
  const Provenance by = VerifyStamp(Authority(), Annotated(DeploymentJson(), renewed));
  EXPECT_EQ(by.authenticity, Authenticity::kAttested) << by.problem;
  EXPECT_EQ(by.user, "vera@bank.example");
  EXPECT_EQ(by.first_seen, kNow);
  EXPECT_EQ(RenewedStamp(Key(), both, renewed), renewed) << "once is enough";

  const std::string forged = DecodeMeta(Stamped(DeploymentJson(), strange)).stamp;
  EXPECT_EQ(RenewedStamp(Key(), both, forged), forged) << "a key that counts for nothing";
  EXPECT_FALSE(SayTheSame(both, forged, renewed));
  EXPECT_FALSE(SayTheSame(both, old, DecodeMeta(Stamped(DeploymentJson(), before)).stamp))
      << "each stamp has an id";
  EXPECT_EQ(RenewedStamp(Key(), both, ""), "");
  EXPECT_EQ(RenewedStamp(Key(), both, "no envelope"), "no envelope");
}

}  // namespace
}  // namespace countersign
