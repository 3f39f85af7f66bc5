// What the handler answers on a thread that must not wait.
#include "webhook/admission/handler.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bench/seeds.h"

namespace countersign {
namespace {

class AtOnceHandlerTest : public testing::Test {
 protected:
  AtOnceHandlerTest() {
    Seeder seeder(catalog_, key_, clock_.Now());
    seeder.Policy();
    seeder.Fill(0, kBytes);
  }

  // Of the deployment that has its evidence, or of one of a use case that nobody knows.
  [[nodiscard]] std::string Review(int use_case) const {
    return ReviewOf(Deployment(key_, use_case, kBytes, clock_.Now()));
  }
  [[nodiscard]] AdmissionCall Call(std::string_view body) const {
    return {body, {}, clock_.Steady() + std::chrono::hours(1)};
  }

  static constexpr std::size_t kBytes = 4096;
  SystemClock clock_;
  const InstallationKey key_ = InstallationKey::Generate().value();
  KubeClient client_{std::make_shared<NoServer>(), clock_, {}};
  Catalog catalog_{client_, clock_, {kInstallation, key_.Public()}};
  LiveReader live_{client_, clock_, catalog_};
  std::vector<bool> recorded_;  // what each was, allowed or not
  bool log_takes_more_ = true;
  AdmissionHandler handler_{
      catalog_, live_, clock_, key_, {}, [this](const DecisionRecord& record, bool may_wait) {
        if (!may_wait && !log_takes_more_) return false;
        recorded_.push_back(record.allowed);
        return true;
      }};
};

bool Allows(const std::string& answer) {
  return answer.find(R"("allowed":true)") != std::string::npos;
}

TEST_F(AtOnceHandlerTest, WhatTheCachesApproveIsApprovedAtOnceAndRecordedOnce) {
  const std::string body = Review(0);
  const auto reply = handler_.TryValidate(Call(body));
  ASSERT_TRUE(reply);
  EXPECT_TRUE(Allows(reply->body)) << reply->body;
  EXPECT_EQ(recorded_, std::vector<bool>{true});
}

TEST_F(AtOnceHandlerTest, WhatALookAtTheApiServerCouldChangeIsNotDeniedAtOnce) {
  const std::string body = Review(1);
  EXPECT_FALSE(handler_.TryValidate(Call(body)));
  EXPECT_TRUE(recorded_.empty()) << "nothing was decided";
  const AdmissionReply reply = handler_.Validate(Call(body));
  EXPECT_FALSE(Allows(reply.body)) << reply.body;
  EXPECT_EQ(recorded_, std::vector<bool>{false});
}

TEST_F(AtOnceHandlerTest, WhatNoLookCouldChangeIsDeniedAtOnce) {
  Json object = Deployment(key_, 0, kBytes, clock_.Now());
  object["spec"].erase("model");
  const std::string body = ReviewOf(std::move(object));
  const auto reply = handler_.TryValidate(Call(body));
  ASSERT_TRUE(reply);
  EXPECT_NE(reply->body.find("[SpecInvalid] spec.model"), std::string::npos) << reply->body;
  EXPECT_EQ(recorded_, std::vector<bool>{false});
}

TEST_F(AtOnceHandlerTest, NoDecisionIsGivenWhoseRecordWouldHaveToWait) {
  log_takes_more_ = false;
  const std::string body = Review(0);
  EXPECT_FALSE(handler_.TryValidate(Call(body)));
  EXPECT_TRUE(recorded_.empty());
  EXPECT_TRUE(Allows(handler_.Validate(Call(body)).body));
  EXPECT_EQ(recorded_, std::vector<bool>{true});
}

TEST_F(AtOnceHandlerTest, StampsAreMadeAtOnce) {
  Json object = Deployment(key_, 0, kBytes, clock_.Now());
  object["metadata"].erase("annotations");
  const std::string body = ReviewOf(std::move(object));
  const auto reply = handler_.TryMutate(Call(body));
  ASSERT_TRUE(reply);
  EXPECT_TRUE(Allows(reply->body)) << reply->body;
  EXPECT_NE(reply->body.find(R"("patchType":"JSONPatch")"), std::string::npos) << reply->body;
}

// Nor by taking away where it may be deployed to, in the same update or before.
TEST_F(AtOnceHandlerTest, NoUseCaseIsRetiredWithoutAgreement) {
  const auto answer = [&](const Json& from, const Json& to) {
    Json before = UseCaseJson(UseCaseName(0));
    Json after = before;
    before["spec"].merge_patch(from);
    after["spec"].merge_patch(to);
    Json review = ParseJson(ReviewOf(std::move(after))).value();
    Json& request = review["request"];
    request["operation"] = "UPDATE";
    request["oldObject"] = std::move(before);
    for (const char* of : {"resource", "requestResource"}) request[of]["resource"] = "usecases";
    for (const char* of : {"kind", "requestKind"}) request[of]["kind"] = "UseCase";
    return handler_.Validate(Call(DumpJson(review))).body;
  };
  const Json retirement = {
      {"reason", "Replaced."},
      {"data", Json::array({{{"data", "predictions"}, {"action", "Delete"}}})}};
  const Json here = {{"lifecycle", "Retired"}, {"retirement", retirement}};
  Json nowhere = here;
  nowhere["deployTo"] = Json::array();
  const Json listed = Json::object();
  const Json unlisted = {{"deployTo", Json::array()}};
  for (const auto& [from, to] :
       {std::pair(listed, here), {listed, nowhere}, {unlisted, nowhere}, {nowhere, here}}) {
    const std::string body = answer(from, to);
    EXPECT_FALSE(Allows(body)) << from << to;
    EXPECT_NE(body.find("must be agreed to under policy 'lending'"), std::string::npos) << body;
  }
  EXPECT_TRUE(Allows(answer(here, here)));
  EXPECT_TRUE(Allows(answer(here, nowhere)));
}

TEST_F(AtOnceHandlerTest, WhatIsNoReviewIsRefusedAtOnce) {
  for (const char* body : {"", "{}", "[1"}) {
    for (const auto& reply : {handler_.TryValidate(Call(body)), handler_.TryMutate(Call(body))}) {
      ASSERT_TRUE(reply) << body;
      EXPECT_EQ(reply->http_status, 400) << body;
      const auto status = ParseJson(reply->body);
      ASSERT_TRUE(status) << reply->body;
      EXPECT_EQ(StringAt(*status, "kind"), "Status") << "the API server shows the message of one";
    }
  }
}

}  // namespace
}  // namespace countersign
