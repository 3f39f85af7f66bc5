#include "cli/explanation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace countersign {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

Json Deployment() {
  return Json::parse(R"({
    "metadata": {"name": "scorer", "namespace": "prod", "generation": 3},
    "spec": {"model": {"name": "scorer", "version": "2.0.0", "digest": "sha256:aa"},
             "useCaseRef": {"namespace": "lending", "name": "credit"}},
    "status": {"observedGeneration": 3, "environment": "prod", "classes": ["high"],
      "verdict": "Hold", "gatesPassed": "1/3", "servingRevision": 2, "servingVersion": "1.0.0",
      "replicas": 3, "availableReplicas": 2, "answersNote": "answers are not signed off",
      "conditions": [{"type": "Ready", "status": "False", "reason": "Held", "message": "waits"}],
      "gates": [
        {"state": "Passed", "measure": "a", "remedy": "nothing"},
        {"state": "Missing", "measure": "b", "reason": "SignOffMissing", "remedy": "run x"},
        {"state": "Missing", "measure": "c", "reason": "SignOffMissing", "remedy": "run x"}]}})");
}

TEST(Explanation, SaysWhatServesWhatHoldsItAndWhatToDo) {
  const std::string text = ExplanationText({Deployment(), "sha256:gg", {}});
  EXPECT_THAT(text, HasSubstr("ModelDeployment prod/scorer\n"));
  EXPECT_THAT(text, HasSubstr("version 1.0.0, revision 2, 2 of 3 pods available"));
  EXPECT_THAT(text, HasSubstr("governed digest  sha256:gg"));
  EXPECT_THAT(text, HasSubstr("Ready      False   Held    waits"));
  EXPECT_THAT(text, HasSubstr("What to do next:\n- run x\n- answers are not signed off\n"));
  EXPECT_THAT(text, Not(HasSubstr("has not looked")));
}

TEST(Explanation, ListsTheComponentsOfTheModel) {
  Json deployment = Deployment();
  deployment["spec"]["model"]["components"] = Json::parse(R"([
    {"name": "base", "role": "BaseModel",
     "hosted": {"provider": "acme", "model": "chat-4", "snapshot": "chat-4-0613"}},
    {"name": "guard", "role": "Guardrail", "artifact": {"digest": "sha256:bb"}}])");
  const std::string text = ExplanationText({deployment, "sha256:gg", {}});
  EXPECT_THAT(text, HasSubstr("base (BaseModel): hosted, acme/chat-4, snapshot chat-4-0613\n"));
  EXPECT_THAT(text, HasSubstr("guard (Guardrail): sha256:bb\n"));
}

TEST(Explanation, ARemedyThatCuresTwoGatesIsSaidOnceAndAPassedGateNeedsNone) {
  EXPECT_THAT(NextSteps({Deployment(), "", {}}),
              ElementsAre("run x", "answers are not signed off"));
}

TEST(Explanation, ShowsOfEverySignOffWhoGaveItWhenAndWithWhatMeaning) {
  Json deployment = Deployment();
  deployment["status"]["gates"][0]["evidence"] = Json::parse(R"([
    {"kind": "SignOff", "name": "a", "signatory": {
      "printedName": "Vera Jansen", "account": "vera", "at": "2026-11-10T10:00:00Z",
      "meaning": "Approve as model-validator", "key": "SHA256:abc", "assurance": "Signed"}},
    {"kind": "BiasTest", "name": "b", "signatory": {"printedName": "ci", "account": "ci"}},
    {"kind": "SignOff", "name": "c"}])");
  EXPECT_THAT(ExplanationText({deployment, "", {}}),
              HasSubstr("    Approve as model-validator: Vera Jansen (vera), "
                        "2026-11-10T10:00:00Z, Signed by key SHA256:abc\n"));
}

TEST(Explanation, SaysWhenTheOperatorHasNotSeenTheSpecAsItIs) {
  Json deployment = Deployment();
  deployment["metadata"]["generation"] = 4;
  EXPECT_THAT(ExplanationText({deployment, "", {}}),
              HasSubstr("has not looked at generation 4 yet: what follows is about generation 3"));
  deployment["status"] = {{"observedGeneration", -1}};
  EXPECT_THAT(ExplanationText({deployment, "", {}}), HasSubstr("has not looked at it yet"));
  deployment.erase("status");
  EXPECT_THAT(ExplanationText({deployment, "", {}}), HasSubstr("serving  "));
  EXPECT_FALSE(IsObserved(deployment));
}

TEST(Explanation, ListsTheConfigurationWithTheDigestThatWouldHaveToBeApproved) {
  const std::string text = ExplanationText({Deployment(),
                                            "",
                                            {{"same", "sha256:aa", "sha256:aa", ""},
                                             {"other", "sha256:aa", "sha256:bb", ""},
                                             {"gone", "sha256:aa", "", "does not exist"}}});
  EXPECT_THAT(text, HasSubstr("same       as approved             sha256:aa\n"));
  EXPECT_THAT(text, HasSubstr("other      differs from sha256:aa  sha256:bb\n"));
  EXPECT_THAT(text, HasSubstr("gone       does not exist"));
}

TEST(Explanation, JsonHasTheStatusAndTheSteps) {
  const Json json = ExplanationJson({Deployment(), "sha256:gg", {}});
  EXPECT_EQ(json.at("observed"), true);
  EXPECT_EQ(json.at("governedDigest"), "sha256:gg");
  EXPECT_EQ(json.at("status").at("verdict"), "Hold");
  EXPECT_EQ(json.at("next").size(), 2U);
}

TEST(Explanation, AStatusOfAnotherShapeDoesNotStopIt) {
  Json deployment = Deployment();
  deployment["status"] = {{"gates", "x"}, {"conditions", 7}, {"classes", {{"a", 1}}}};
  EXPECT_THAT(ExplanationText({deployment, "", {}}), HasSubstr("prod/scorer"));
}

}  // namespace
}  // namespace countersign
