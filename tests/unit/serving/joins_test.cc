// The labels by which the Service of a ModelDeployment finds Pods are for that one's Pods alone.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "governance/serving/child_name.h"
#include "governance/serving/match_condition.h"
#include "tests/unit/serving/guarded.h"

namespace countersign {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Json Labels(const std::string& instance) {
  return {{kInstanceLabel, instance}, {kManagedByLabel, kOperatorName}};
}

Recognition Pod(const Json& labels, const Json& spec = PodSpec()) {
  return Recognise(
      Table(), {{"apiVersion", "v1"},
                {"kind", "Pod"},
                {"metadata", {{"name", "d"}, {"namespace", "lending-prod"}, {"labels", labels}}},
                {"spec", spec}});
}

Recognition Templated(const Json& labels) {
  return Recognise(
      Table(),
      {{"apiVersion", "apps/v1"},
       {"kind", "Deployment"},
       {"metadata", {{"name", "d"}, {"namespace", "lending-prod"}}},
       {"spec", {{"template", {{"metadata", {{"labels", labels}}}, {"spec", PodSpec()}}}}}});
}

GuardFacts FactsOfPod(Recognition serving) {
  GuardFacts facts = FactsOf(std::move(serving));
  facts.kind = "Pod";
  facts.covers = {Approved()};
  return facts;
}

TEST(Joins, WhatOneDeploymentCoversAnswersForNoOther) {
  for (Recognition serving : {Pod(Labels("other")), Templated(Labels("other"))}) {
    const std::string path = serving.joins.at(0).path;
    GuardFacts facts = FactsOf(std::move(serving));
    facts.covers = {Approved(), Approved(Spec(kOther), "other")};
    const GuardDecision decision = JudgeServing(facts);
    EXPECT_EQ(decision.verdict, GuardVerdict::kDeny);
    EXPECT_THAT(Reasons(decision), ElementsAre("AnswersForAnother"));
    EXPECT_THAT(path, HasSubstr("metadata.labels"));
    EXPECT_THAT(decision.message, HasSubstr("the Service 'other' of the operator's"));
    // Of one that is not there yet neither: its Service would find it.
    facts.covers.pop_back();
    EXPECT_THAT(Reasons(JudgeServing(facts)), ElementsAre("AnswersForAnother"));
  }
}

TEST(Joins, WhatOneLabelAloneSaysIsNoneOfIt) {
  for (const Json& labels :
       {Json({{kInstanceLabel, "other"}}), Json({{kManagedByLabel, kOperatorName}})}) {
    EXPECT_EQ(JudgeServing(FactsOfPod(Pod(labels))).reason, "Covered") << labels;
  }
}

// A copy would answer on when what the operator made is suspended.
TEST(Joins, WhatSomebodyMakesDoesNotAnswerAlsoForWhatCoversIt) {
  for (Recognition serving : {Pod(Labels("scorer")), Templated(Labels("scorer"))}) {
    GuardFacts facts = FactsOf(std::move(serving));
    facts.covers = {Approved()};
    EXPECT_THAT(Reasons(JudgeServing(facts)), ElementsAre("AnswersForAnother"));
  }
}

TEST(Joins, WhatAControllerMakesOfSomethingElseDoesNotEither) {
  GuardFacts facts = FactsOfPod(Pod(Labels("scorer")));
  facts.by_trusted_controller = true;
  EXPECT_THAT(Reasons(JudgeServing(facts)), ElementsAre("AnswersForAnother"));
  // Where the operator made it, of a name that it shortens too.
  const std::string dotted = "scorer.v2";
  facts = FactsOfPod(Pod(Labels(ChildName(dotted))));
  facts.by_trusted_controller = true;
  facts.covers = {Approved(Spec(), dotted)};
  const Recognition made = Templated(Labels(ChildName(dotted)));
  facts.owners = {{"ReplicaSet", "r", false, made},
                  {"Deployment", ChildName(dotted), true, made, dotted}};
  EXPECT_EQ(JudgeServing(facts).reason, "OwnerGoverned");
}

TEST(Joins, APodThatServesIsNotMovedBehindAnotherServiceButMayLeaveItsOwn) {
  GuardFacts facts = FactsOfPod(Pod(Labels("other")));
  facts.before = Pod(Labels("scorer"));
  EXPECT_FALSE(ServesAsBefore(facts));
  EXPECT_THAT(Reasons(JudgeServing(facts)), ElementsAre("AnswersForAnother"));
  // Also where nothing approves of it any more.
  facts.covers[0].approved = false;
  EXPECT_EQ(JudgeServing(facts).verdict, GuardVerdict::kDeny);
  facts.serving = Pod(Labels("scorer"));
  EXPECT_EQ(JudgeServing(facts).reason, "ServingUnchanged");
  facts.serving = Pod({{kManagedByLabel, kOperatorName}});
  EXPECT_EQ(JudgeServing(facts).reason, "ServingUnchanged");
}

TEST(Joins, AWaiverLetsNothingAnswerForWhatWasApproved) {
  GuardFacts facts = FactsOfPod(Pod(Labels("other"), PodSpec(kOther)));
  facts.waivers = {{"home/w", true, "", kOther}};
  facts.waivers.push_back({"home/image", true, "", "sha256:" + std::string(64, 'c')});
  const GuardDecision decision = JudgeServing(facts);
  EXPECT_EQ(decision.verdict, GuardVerdict::kDeny);
  EXPECT_THAT(Reasons(decision), testing::Contains("AnswersForAnother"));
  facts.serving = Pod({{kManagedByLabel, kOperatorName}}, PodSpec(kOther));
  EXPECT_EQ(JudgeServing(facts).reason, "Waived");
}

TEST(Joins, WhatHasATemplateJoinsByThatAlone) {
  Json deployment = {{"apiVersion", "apps/v1"},
                     {"kind", "Deployment"},
                     {"metadata", {{"name", "d"}, {"labels", Labels("other")}}},
                     {"spec", {{"template", {{"spec", PodSpec()}}}}}};
  EXPECT_THAT(Recognise(Table(), deployment).joins, IsEmpty());
  const Json service = {
      {"apiVersion", "serving.kserve.io/v1beta1"},
      {"kind", "InferenceService"},
      {"metadata", {{"name", "s"}, {"labels", Labels("other")}}},
      {"spec", {{"predictor", {{"model", {{"storageUri", "oci://r.example/m@" + kModel}}}}}}}};
  EXPECT_EQ(Recognise(Table(), service).joins.size(), 1U);
}

// Where the guard is not asked, the API server itself has to see it.
TEST(Joins, TheApiServerIsToldOfTheLabel) {
  EXPECT_THAT(ServingChangeExpression(Table()), HasSubstr(R"(app\\.kubernetes\\.io/instance)"));
  EXPECT_THAT(ServingLabelsExpression(Table().signals, "keys", "labels"),
              HasSubstr("k == 'app.kubernetes.io/instance' && (request.kind.kind == 'Binding' || "
                        "labels[?'app.kubernetes.io/managed-by'].orValue('') == "
                        "'countersign-operator')"));
  EXPECT_THAT(ServingRootsExpression(Table()),
              HasSubstr("['app.kubernetes.io/instance', 'app.kubernetes.io/managed-by'].exists(k, "
                        "object.?metadata.?labels[?k].hasValue() && "));
}

// A Service sends requests to what is being deleted where nothing else is ready.
TEST(Joins, WhatIsBeingDeletedJoinsNothingAnyMore) {
  const Json plain = {{"containers", Json::array({{{"name", "c"}, {"image", "bank/app:1"}}})}};
  GuardFacts facts = FactsOfPod(Pod(Labels("scorer"), plain));
  facts.only_ends = true;
  EXPECT_EQ(JudgeServing(facts).verdict, GuardVerdict::kDeny);
  for (const Json& before : {Json::object(), Labels("other")}) {
    facts.before = Pod(before, plain);
    EXPECT_FALSE(ServesAsBefore(facts)) << before;
    EXPECT_EQ(JudgeServing(facts).verdict, GuardVerdict::kDeny) << before;
  }
  facts.before = facts.serving;
  EXPECT_EQ(JudgeServing(facts).reason, "ServingUnchanged");
  facts.serving = Pod({{kManagedByLabel, kOperatorName}}, plain);
  EXPECT_EQ(JudgeServing(facts).reason, "ServingUnchanged") << "it leaves";
}

// InferenceServices give their Pods labels that stand in spec.predictor.labels.
TEST(Joins, WhatACoveredOwnerMakesJoinsNothingThatTheOwnerDoesNot) {
  const auto service = [](const Json& labels) {
    return Recognise(
        Table(),
        {{"apiVersion", "serving.kserve.io/v1beta1"},
         {"kind", "InferenceService"},
         {"metadata", {{"name", "s"}, {"labels", labels}}},
         {"spec", {{"predictor", {{"model", {{"storageUri", "oci://r.example/m@" + kModel}}}}}}}});
  };
  Json server = PodSpec();
  server["containers"][0]["image"] = "kserve/server@sha256:" + std::string(64, 'd');
  GuardFacts facts = FactsOfPod(Pod(Labels("other"), server));
  facts.by_trusted_controller = true;
  facts.covers.push_back(Approved(Spec(kOther), "other"));
  facts.owners = {{"InferenceService", "s", false, service(Json::object())}};
  const GuardDecision decision = JudgeServing(facts);
  EXPECT_EQ(decision.verdict, GuardVerdict::kDeny);
  ASSERT_THAT(Reasons(decision), testing::Contains("AnswersForAnother"));
  EXPECT_THAT(decision.message, HasSubstr("the Service 'other' of the operator's"));
  // Nor does a waiver let it, which is said once.
  facts.waivers = {{"home/w", true, "", kModel}};
  EXPECT_THAT(Reasons(JudgeServing(facts)), testing::Contains("AnswersForAnother").Times(1));
  facts.waivers.clear();
  for (const Json& labels : {Json::object(), Json({{kInstanceLabel, "other"}})}) {
    facts.serving = Pod(labels, server);
    EXPECT_EQ(JudgeServing(facts).reason, "OwnerGoverned") << labels;
  }
  // Those of the object itself were judged with it.
  facts.owners[0].recognition = service(Labels("scorer"));
  facts.serving = Pod(Labels("scorer"), server);
  EXPECT_EQ(JudgeServing(facts).reason, "OwnerGoverned");
  facts.owners[0].recognition = service(Labels("other"));
  facts.serving = Pod(Labels("other"), server);
  EXPECT_EQ(JudgeServing(facts).verdict, GuardVerdict::kDeny);
}

TEST(Joins, WhatJoinsServesWhateverATableSaysOfLabels) {
  ServingProfiles table = Table();
  const auto look = [&](const Json& labels) {
    return Recognise(
        table,
        {{"apiVersion", "v1"},
         {"kind", "Pod"},
         {"metadata", {{"name", "p"}, {"labels", labels}}},
         {"spec", {{"containers", Json::array({{{"name", "c"}, {"image", "bank/app:1"}}})}}}});
  };
  const Recognition as_built_in = look(Labels("scorer"));
  table.signals.labels.clear();
  const Recognition serving = look(Labels("scorer"));
  EXPECT_TRUE(serving.serves);
  EXPECT_EQ(WhyServing(serving), WhyServing(as_built_in));
  EXPECT_EQ(as_built_in.signs.size(), 1U);
  EXPECT_EQ(JudgeServing(FactsOfPod(serving)).verdict, GuardVerdict::kDeny);
  EXPECT_FALSE(look({{kInstanceLabel, "scorer"}}).serves);
  // And the API server asks.
  const std::string ours = R"(app\\.kubernetes\\.io/managed-by=countersign-operator)";
  EXPECT_THAT(ServingMatchExpression(table.signals), HasSubstr(ours));
  EXPECT_THAT(ServingLabelsExpression(table.signals, "keys", "labels"), HasSubstr(ours));
  EXPECT_THAT(ServingChangeExpression(table), HasSubstr(R"(app\\.kubernetes\\.io/managed-by)"));
}

}  // namespace
}  // namespace countersign
