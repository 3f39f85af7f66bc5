// What a ModelDeployment says of the Pods that Kubernetes makes for its child, by the facts.
#include "governance/serving/covers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/yaml.h"
#include "case_files.h"

namespace countersign::testing {
namespace {

using ::testing::HasSubstr;

constexpr char kUnsigned[] = "evidence: {validation-vera: null}";
constexpr char kChanged[] = "deployment: {model: {version: 2.4.0}}";
constexpr char kQuarantine[] = R"(
evidence:
  wrong:
    kind: Incident
    spec:
      useCase: credit
      severity: Critical
      category: SeriousIncident
      awareAt: "2026-11-20T12:00:00Z"
      summary: Wrong.
      quarantine: {scope: UseCase}
)";

// The base situation with these patches; its validation asks for `reaction` of what serves.
Situation Made(const std::vector<std::string>& patches, const std::string& reaction = "Suspend") {
  Json situation = BaseSituation();
  const std::string asks = "policies: {bank: {measures: {validation: {onViolation: " + reaction;
  MergePatch(situation, ParseYaml(asks + "}}}}").value());
  for (const std::string& patch : patches) MergePatch(situation, ParseYaml(patch).value());
  return MakeSituation(situation, BaseSituation());
}

// Of a Pod of the child, made from the spec with this digest. Revisions that are known of it are
// these.
Cover CoverOfChild(const Situation& now, const std::string& made_from,
                   const std::vector<Facts>& earlier = {}, bool unknown = false,
                   const std::string& silent = {}) {
  ModelDeployment deployment = *now.facts.deployment;
  deployment.meta.name = "live";
  const std::vector<ServingOwner> owners = {{"Deployment", "live", true, {}, "live"}};
  const CoverLookups lookups{[&] { return now.facts; },
                             [&] { return EarlierRevisions{earlier, unknown, silent}; }};
  const auto cover = CoverFor(now.policies, deployment, {}, owners, {made_from, {}}, lookups);
  EXPECT_TRUE(cover.has_value());
  return cover.value_or(Cover{});
}

Cover CoverOfChild(const Situation& now) { return CoverOfChild(now, now.facts.governed_digest); }

TEST(CoverOfChild, IsSuspendedWhereTheGatesAskForIt) {
  EXPECT_TRUE(CoverOfChild(Made({})).approved);
  EXPECT_FALSE(CoverOfChild(Made({})).suspended);
  for (const char* reaction : {"Suspend", "Rollback"}) {
    const Cover cover = CoverOfChild(Made({kUnsigned}, reaction));
    EXPECT_TRUE(cover.suspended) << reaction;
    EXPECT_THAT(cover.why_not, HasSubstr("validation")) << reaction;
  }
  for (const char* reaction : {"Hold", "Alert"}) {
    EXPECT_FALSE(CoverOfChild(Made({kUnsigned}, reaction)).suspended) << reaction;
  }
}

TEST(CoverOfChild, IsSuspendedWithoutItsUseCaseWhereAMeasureAsksForIt) {
  for (const char* without : {"useCase: null", "useCase: {deployTo: [lending-dev]}"}) {
    for (const char* reaction : {"Suspend", "Rollback"}) {
      EXPECT_TRUE(CoverOfChild(Made({without}, reaction)).suspended) << without << reaction;
    }
    EXPECT_FALSE(CoverOfChild(Made({without}, "Hold")).suspended) << without;
  }
}

// If the stamp on it does not hold, neither do those on its evidence, and it is our key that may be
// the wrong one.
TEST(CoverOfChild, OfAnAuthorWhoseStampDoesNotHoldIsSuspendedForNoEvidence) {
  Situation made = Made({kUnsigned});
  for (const Authenticity authenticity : {Authenticity::kForged, Authenticity::kUnproven}) {
    made.facts.author.authenticity = authenticity;
    const Cover cover = CoverOfChild(made);
    EXPECT_FALSE(cover.approved);
    EXPECT_FALSE(cover.suspended);
  }
}

TEST(CoverOfChild, OfSuchAnAuthorIsSuspendedForWhatNoEvidenceCures) {
  Situation made = Made({kQuarantine});
  made.facts.author.authenticity = Authenticity::kForged;
  EXPECT_TRUE(CoverOfChild(made).suspended);
}

TEST(CoverOfEarlier, EndsByItsOwnGatesAlone) {
  const Situation now = Made({kChanged, kUnsigned});
  const Situation good = Made({});
  const Situation bad = Made({kUnsigned});
  const std::string& digest = good.facts.governed_digest;
  ASSERT_NE(digest, now.facts.governed_digest);
  EXPECT_TRUE(CoverOfChild(now, digest).suspended) << "that which stands there is";
  EXPECT_EQ(CoverOfChild(now, digest, {good.facts}).earlier_ended, "");
  EXPECT_THAT(CoverOfChild(now, digest, {bad.facts}).earlier_ended, HasSubstr("validation: "));
  const Situation approved = Made({kChanged});
  EXPECT_THAT(CoverOfChild(approved, digest, {bad.facts}).earlier_ended, HasSubstr("validation: "))
      << "the one that stands there serves";
}

TEST(CoverOfEarlier, GoesOnWhereItIsOnlyHeld) {
  const Situation now = Made({kChanged}, "Hold");
  const Situation held = Made({kUnsigned}, "Hold");
  EXPECT_EQ(CoverOfChild(now, held.facts.governed_digest, {held.facts}).earlier_ended, "");
}

TEST(CoverOfEarlier, GoesOnWhereNobodyKnowsIt) {
  const Situation now = Made({kChanged, kUnsigned});
  EXPECT_EQ(CoverOfChild(now, Made({}).facts.governed_digest).earlier_ended, "");
}

// Nobody knows what was made up; what is known says that it is not what was approved.
TEST(CoverOfEarlier, IsOfNoneOfThoseThatAreKnownAndEndsWithTheOneThatStands) {
  const std::string made_up = "sha256:" + std::string(64, '1');
  const Situation now = Made({kChanged, kUnsigned});
  EXPECT_THAT(CoverOfChild(now, made_up, {}, true).earlier_ended, HasSubstr("validation"));
  EXPECT_EQ(CoverOfChild(Made({kChanged}), made_up, {}, true).earlier_ended, "")
      << "the one that stands there serves";
  EXPECT_EQ(CoverOfChild(Made({kChanged, kUnsigned}, "Hold"), made_up, {}, true).earlier_ended, "")
      << "what stands there is only held";
}

TEST(CoverOfEarlier, EndsWhereNobodyKnowsItWhileRevisionsAreNotHeardAbout) {
  const Situation now = Made({kChanged});
  const Facts good = Made({}).facts;
  const std::string silent = "the API server has not been heard about them";
  EXPECT_THAT(CoverOfChild(now, good.governed_digest, {}, false, silent).earlier_ended,
              HasSubstr(silent));
  EXPECT_EQ(CoverOfChild(now, good.governed_digest, {good}, false, silent).earlier_ended, "")
      << "what was approved does not change";
  EXPECT_EQ(CoverOfChild(now, now.facts.governed_digest, {}, false, silent).earlier_ended, "");
}

// Two who wrote the same spec: the Pod does not say which of them it was made from.
TEST(CoverOfEarlier, GoesOnWhereOneOfThatDigestMayServe) {
  const Situation now = Made({kChanged});
  const Facts good = Made({}).facts;
  const Facts bad = Made({kUnsigned}).facts;
  EXPECT_EQ(CoverOfChild(now, good.governed_digest, {bad, good}).earlier_ended, "");
  EXPECT_EQ(CoverOfChild(now, good.governed_digest, {good, bad}).earlier_ended, "");
}

TEST(CoverOfEarlier, EndsOnlyByWhatNoEvidenceCuresWhereOurKeyMayBeWrong) {
  Situation now = Made({kChanged});
  now.facts.author.authenticity = Authenticity::kForged;
  const Facts bad = Made({kUnsigned}).facts;
  EXPECT_EQ(CoverOfChild(now, bad.governed_digest, {bad}).earlier_ended, "");
  const Facts quarantined = Made({kQuarantine}).facts;
  EXPECT_THAT(CoverOfChild(now, quarantined.governed_digest, {quarantined}).earlier_ended,
              HasSubstr("quarantined"));
}

// To read and judge revisions takes a request's time.
TEST(CoverOfEarlier, IsLookedForWhereThePodIsOfOneAlone) {
  const Situation now = Made({});
  ModelDeployment deployment = *now.facts.deployment;
  deployment.meta.name = "live";
  bool looked = false;
  const CoverLookups lookups{[&] { return now.facts; },
                             [&] {
                               looked = true;
                               return EarlierRevisions{};
                             }};
  const std::vector<ServingOwner> owners = {{"Deployment", "live", true, {}, "live"}};
  for (const std::string& digest : {std::string(), now.facts.governed_digest}) {
    ASSERT_TRUE(CoverFor(now.policies, deployment, {}, owners, {digest, {}}, lookups));
    EXPECT_FALSE(looked) << digest;
  }
  ASSERT_TRUE(CoverFor(now.policies, deployment, {}, owners, {"sha256:0", {}}, lookups));
  EXPECT_TRUE(looked);
}

}  // namespace
}  // namespace countersign::testing
