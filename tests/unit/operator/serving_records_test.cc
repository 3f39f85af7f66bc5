#include "operator/serving_records.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>

namespace countersign {
namespace {

using std::chrono::minutes;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

const Time kNow{std::chrono::hours(24 * 365 * 50)};
const UseCaseRef kUseCase{"lending", "credit"};
const ModelDigest kModel{"sha256:" + std::string(64, '1'), DigestType::kOciManifest};
const ModelDigest kOther{"sha256:" + std::string(64, '2'), DigestType::kOciManifest};
const std::vector<std::string> kQa = {"qa"};

ServingRecord Recorded(const ModelDigest& model, bool healthy, bool ended, int minutes_ago) {
  return {{kUseCase, model, "qa"}, healthy, ended, kNow - minutes(minutes_ago)};
}

ServingState Serving(bool available, std::optional<Time> unavailable_since = std::nullopt) {
  return {kUseCase, kModel, available, unavailable_since};
}

// What is written: "<first digit of the digest> <state> <environment>".
std::vector<std::string> Written(const RecordsPlan& plan) {
  std::vector<std::string> texts;
  for (const ServingRecord& record : plan.write) {
    texts.push_back(std::string(1, record.run.model.digest[7]) +
                    (record.ended     ? " ended "
                     : record.healthy ? " healthy "
                                      : " unhealthy ") +
                    record.run.environment);
  }
  return texts;
}

std::vector<std::string> Written(const std::vector<ServingRecord>& records,
                                 const std::optional<ServingState>& serving) {
  return Written(PlanServingRecords(kQa, records, serving, kNow));
}

TEST(ServingRecords, AreWrittenOnceWhenItBecomesAvailable) {
  EXPECT_THAT(Written({}, Serving(false)), IsEmpty());
  EXPECT_THAT(Written({}, Serving(true)), ElementsAre("1 healthy qa"));
  EXPECT_THAT(Written({Recorded(kModel, true, false, 60)}, Serving(true)), IsEmpty());
  // A rollout of another revision of the same model is no news.
  EXPECT_THAT(Written({Recorded(kModel, true, false, 60)}, Serving(false)), IsEmpty());
}

TEST(ServingRecords, AreWrittenForEachEnvironmentThatIsAskedAbout) {
  EXPECT_THAT(Written(PlanServingRecords({"qa", "test"}, {}, Serving(true), kNow)),
              ElementsAre("1 healthy qa", "1 healthy test"));
  EXPECT_THAT(
      Written(PlanServingRecords({}, {Recorded(kOther, true, false, 60)}, Serving(true), kNow)),
      IsEmpty());
}

TEST(ServingRecords, SayUnhealthyWhenItWasUnavailableForTooLong) {
  const std::vector<ServingRecord> healthy = {Recorded(kModel, true, false, 60)};
  const RecordsPlan waiting =
      PlanServingRecords(kQa, healthy, Serving(false, kNow - minutes(4)), kNow);
  EXPECT_THAT(Written(waiting), IsEmpty());
  EXPECT_EQ(waiting.look_again, kNow + minutes(1));
  EXPECT_THAT(Written(healthy, Serving(false, kNow - kUnavailableLimit)),
              ElementsAre("1 unhealthy qa"));
  // What never was available is not news, nor is what was said.
  EXPECT_THAT(Written({}, Serving(false, kNow - minutes(10))), IsEmpty());
  const std::vector<ServingRecord> ill = {Recorded(kModel, false, false, 1),
                                          Recorded(kModel, true, false, 60)};
  EXPECT_THAT(Written(ill, Serving(false, kNow - minutes(10))), IsEmpty());
  EXPECT_THAT(Written(ill, Serving(true)), ElementsAre("1 healthy qa"));
}

TEST(ServingRecords, EndWhenAnotherModelServesOrNone) {
  const std::vector<ServingRecord> healthy = {Recorded(kModel, true, false, 60)};
  EXPECT_THAT(Written(healthy, std::nullopt), ElementsAre("1 ended qa"));
  EXPECT_THAT(Written({Recorded(kOther, true, false, 60)}, Serving(true)),
              ElementsAre("2 ended qa", "1 healthy qa"));
  const std::vector<ServingRecord> ended = {Recorded(kModel, true, false, 60),
                                            Recorded(kModel, true, true, 1)};
  EXPECT_THAT(Written(ended, std::nullopt), IsEmpty());
  EXPECT_THAT(Written(ended, Serving(true)), ElementsAre("1 healthy qa"));
  EXPECT_THAT(Written({Recorded(kModel, false, false, 1)}, std::nullopt), IsEmpty());
}

// A policy with the environments dev and qa, and what `change` makes of it.
PolicySet Policies(const std::function<void(GovernancePolicySpec&)>& change) {
  auto policy = std::make_shared<GovernancePolicy>();
  policy->meta.name = "bank";
  for (const char* name : {"dev", "qa"}) {
    PolicyEnvironment environment;
    environment.name = name;
    environment.namespaces = {std::string("lending-") + name};
    policy->spec.environments.push_back(environment);
  }
  change(policy->spec);
  PolicySet set;
  set.policies.push_back(policy);
  return set;
}

TEST(ServingRecords, AreAskedForByPromotionAndChangesThatBelieveUs) {
  const std::vector<Subject> us = {{SubjectKind::kUser, "operator"}};
  const std::vector<Subject> others = {{SubjectKind::kGroup, "sre"}};
  Provenance self;
  self.authenticity = Authenticity::kAttested;
  self.user = "operator";
  const auto asked = [&](const PolicySet& policies, const std::string& ns) {
    return EnvironmentsWithRecords(policies, ns, self, kNow);
  };
  const auto promotion = [](const std::vector<Subject>& issuers) {
    return Policies([&](GovernancePolicySpec& policy) {
      Measure measure;
      measure.require.promotion.emplace();
      measure.require.promotion->from = "qa";
      measure.require.promotion->rules.issuers = issuers;
      policy.measures.push_back(measure);
    });
  };
  EXPECT_THAT(asked(promotion(us), "lending-qa"), ElementsAre("qa"));
  EXPECT_THAT(asked(promotion(us), "lending-dev"), IsEmpty());
  EXPECT_THAT(asked(promotion(others), "lending-qa"), IsEmpty());
  EXPECT_THAT(EnvironmentsWithRecords(promotion(others), "lending-qa", std::nullopt, kNow),
              ElementsAre("qa"));
  const auto changes = [](const std::vector<Subject>& issuers) {
    return Policies([&](GovernancePolicySpec& policy) {
      policy.changes.emplace();
      policy.changes->health_issuers = issuers;
    });
  };
  EXPECT_THAT(asked(changes(us), "lending-dev"), ElementsAre("dev"));
  EXPECT_THAT(asked(changes(others), "lending-dev"), IsEmpty());
  EXPECT_THAT(asked(changes(us), "elsewhere"), IsEmpty());
}

}  // namespace
}  // namespace countersign
