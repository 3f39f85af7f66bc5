#include "governance/matrix.h"
#include "base/yaml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "governance/requirement_text.h"

namespace countersign {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Measure SignOffMeasure(const std::string& name, std::int64_t count, Applies applies) {
  Measure measure;
  measure.name = name;
  measure.accountable = "validator";
  measure.applies = std::move(applies);
  SignOffRequirement& require = measure.require.sign_off.emplace();
  require.role = "validator";
  require.count = count;
  return measure;
}

std::shared_ptr<GovernancePolicy> Policy(const std::string& name,
                                         const std::vector<Measure>& measures) {
  auto policy = std::make_shared<GovernancePolicy>();
  policy->meta.name = name;
  policy->spec.environments = {{"dev", {"*-dev"}, Enforcement::kWarn},
                               {"prod", {"*-prod"}, Enforcement::kDeny}};
  policy->spec.roles = {
      {"validator", RoleLevel::kTactical, "", {{SubjectKind::kGroup, "model-risk"}}}};
  policy->spec.classification.sign_off.role = "validator";
  policy->spec.classification.questions = {{"audience", "", false, {{"public", 3}, {"one", 0}}}};
  RiskClass high{"high", "", {}};
  high.when.score_at_least = 3;
  RiskClass low{"low", "", {}};
  low.when.otherwise = true;
  policy->spec.classification.classes = {high, low};
  policy->spec.measures = measures;
  return policy;
}

std::shared_ptr<UseCase> Registered(const std::string& audience) {
  auto use_case = std::make_shared<UseCase>();
  use_case->meta.name_space = "home";
  use_case->meta.name = "credit";
  use_case->spec.answers = {{"audience", {audience}}};
  use_case->spec.developers = {{SubjectKind::kUser, "dev"}};
  use_case->spec.deploy_to = {"lending-prod"};
  return use_case;
}

AttestedSignOff Signed(const UseCase& use_case, const std::string& user) {
  auto object = std::make_shared<SignOff>();
  object->meta.name = "answers-by-" + user;
  object->meta.name_space = "home";
  object->spec.subject.kind = SubjectOfSignOff::kUseCase;
  object->spec.subject.use_case = use_case.meta.name;
  object->spec.subject.answers_digest = AnswersDigest(use_case.spec).value();
  object->spec.role = "validator";
  object->spec.signer.username = user;
  return {object, {Authenticity::kAttested, "", "", user, {"model-risk"}, Time{}}};
}

TEST(Matrix, ACellNamesTheEnvironmentsOnlyWhereTheyDiffer) {
  const Matrix matrix = MatrixOf({{Policy("lending", {SignOffMeasure("everywhere", 1, {}),
                                                      SignOffMeasure("late", 2, {{}, {"prod"}})})},
                                  {}});
  ASSERT_EQ(matrix.rows.size(), 2U);
  ASSERT_EQ(matrix.rows[0].cells[0].size(), 1U);
  EXPECT_THAT(matrix.rows[0].cells[0][0].environments, ElementsAre("dev", "prod"));
  EXPECT_THAT(matrix.rows[1].cells[0][0].environments, ElementsAre("prod"));
}

TEST(Matrix, AClassThatAsksForNothingHasNoMeasures) {
  const Matrix matrix =
      MatrixOf({{Policy("lending", {SignOffMeasure("late", 2, {{"high"}, {}})})}, {}});
  ASSERT_EQ(matrix.classes.size(), 2U);
  EXPECT_EQ(matrix.classes[0].measures, 1U);
  EXPECT_EQ(matrix.classes[1].measures, 0U);
  EXPECT_THAT(matrix.rows[0].cells[1], IsEmpty());
}

TEST(Matrix, PoliciesAddUpAndEachPartSaysWhereItComesFrom) {
  auto strict = SignOffMeasure("validation", 2, {{"high"}, {"prod"}});
  strict.enforcement = Enforcement::kDeny;
  const Matrix matrix = MatrixOf(
      {{Policy("z-bank", {strict}), Policy("a-group", {SignOffMeasure("validation", 1, {})})}, {}});
  ASSERT_EQ(matrix.rows.size(), 1U);
  EXPECT_THAT(matrix.policies, ElementsAre("a-group", "z-bank"));
  const auto& high = matrix.rows[0].cells[0];
  ASSERT_EQ(high.size(), 2U);  // dev and prod differ
  ASSERT_EQ(high[1].parts.size(), 2U);
  EXPECT_EQ(high[1].parts[0].policy, "a-group");
  EXPECT_EQ(high[1].parts[0].requirement, "1 sign-off by validator");
  EXPECT_EQ(high[1].parts[1].policy, "z-bank");
  EXPECT_EQ(high[1].parts[1].requirement, "2 sign-offs by validator");
  EXPECT_EQ(high[1].parts[1].at_least, Enforcement::kDeny);
  EXPECT_EQ(matrix.rows[0].duties.size(), 2U);
  EXPECT_EQ(matrix.rows[0].duties[0].accountable.holders, "group 'model-risk'");
}

TEST(Matrix, RowsFollowTheStepsOfTheProcess) {
  auto late = SignOffMeasure("late", 1, {});
  late.step = Step::kMonitoring;
  auto early = SignOffMeasure("early", 1, {});
  early.step = Step::kBusinessScoping;
  const Matrix matrix = MatrixOf({{Policy("lending", {late, early})}, {}});
  ASSERT_EQ(matrix.rows.size(), 2U);
  EXPECT_EQ(matrix.rows[0].measure, "early");
}

TEST(Matrix, AUseCaseIsReducedToItsClassesAndEnvironmentsOnceItsAnswersAreSigned) {
  const PolicySet policies{{Policy("lending", {SignOffMeasure("all", 1, {}),
                                               SignOffMeasure("high", 2, {{"high"}, {}})})},
                           {}};
  const auto use_case = Registered("one");
  const UseCaseMatrix unsigned_yet = MatrixFor(policies, use_case, {}, Time{});
  EXPECT_EQ(unsigned_yet.matrix.classes.size(), 2U);
  EXPECT_FALSE(unsigned_yet.classes.at("lending").approved);
  const UseCaseMatrix by_developer =
      MatrixFor(policies, use_case, {Signed(*use_case, "dev")}, Time{});
  EXPECT_TRUE(by_developer.classes.at("lending").approved)
      << "the role's sign-off does not ask for independence";
  const UseCaseMatrix done = MatrixFor(policies, use_case, {Signed(*use_case, "vera")}, Time{});
  ASSERT_EQ(done.matrix.classes.size(), 1U);
  EXPECT_EQ(done.matrix.classes[0].name, "low");
  ASSERT_EQ(done.matrix.environments.size(), 1U);
  EXPECT_EQ(done.matrix.environments[0].name, "prod");
  ASSERT_EQ(done.matrix.rows.size(), 1U);
  EXPECT_EQ(done.matrix.rows[0].measure, "all");
}

TEST(Matrix, ADeveloperCannotHaveSignedTheAnswersWhereIndependenceIsAskedFor) {
  auto policy = Policy("lending", {});
  policy->spec.classification.sign_off.distinct_from = {Distinct::kDevelopers};
  const auto use_case = Registered("one");
  const UseCaseMatrix out = MatrixFor({{policy}, {}}, use_case, {Signed(*use_case, "dev")}, Time{});
  EXPECT_FALSE(out.classes.at("lending").approved);
}

TEST(Matrix, AMeasureAtLevelNoneIsShownAndDoesNotCount) {
  auto none = SignOffMeasure("documented", 1, {});
  none.require = {};
  none.require.documentation.emplace().level = DocumentationLevel::kNone;
  const Matrix matrix = MatrixOf({{Policy("lending", {none})}, {}});
  EXPECT_EQ(matrix.classes[0].measures, 0U);
  ASSERT_EQ(matrix.rows.size(), 1U);
  EXPECT_EQ(matrix.rows[0].cells[0][0].parts[0].requirement, "none");
}

TEST(RequirementText, WhatIsCarriedOverIsSaidPerKind) {
  Measure measure = SignOffMeasure("bias", 1, {});
  EXPECT_EQ(CarryOverText(measure), "");
  measure.carry_over = {{{ChangeKind::kDataRefresh}, Seconds{30 * 86'400}},
                        {{ChangeKind::kParameter, ChangeKind::kThreshold}, std::nullopt}};
  EXPECT_EQ(CarryOverText(measure),
            ", carried over after DataRefresh (at most 30d old), Parameter, Threshold");
}

TEST(RequirementText, EachKindIsOnePhrase) {
  Requirement r;
  SignOffRequirement& sign_off = r.sign_off.emplace();
  sign_off.role = "validator";
  sign_off.count = 2;
  sign_off.distinct_from = {Distinct::kDevelopers, Distinct::kRequester};
  sign_off.max_age = Seconds(180 * 86400);
  EXPECT_EQ(RequirementText(r),
            "2 sign-offs by validator, none of them developer or requester, at most 180d old");
  sign_off.distinct_from_roles = {"owner"};
  sign_off.consultation.emplace().roles = {"privacy", "legal"};
  sign_off.conditional = Conditional::kAllowed;
  sign_off.own_environment = true;
  EXPECT_EQ(RequirementText(r),
            "2 sign-offs by validator, none of them developer or requester or owner, advised by "
            "privacy and legal, conditions allowed, for this environment alone, at most 180d old");
  r = {};
  r.reproducibility.emplace().level = ReproducibilityLevel::kRetrainable;
  r.reproducibility->reproduced_by = ReproducedBy::kIndependent;
  r.reproducibility->tolerance = Decimal::Parse("0.01").value();
  EXPECT_EQ(RequirementText(r), "retrainable snapshot, run repeated by somebody else within 0.01");
  r = {};
  r.bias_test = BiasTestRequirement{};
  r.bias_test->attributes.resize(2);
  r.bias_test->attributes[0].name = "sex";
  r.bias_test->attributes[1].name = "age";
  r.bias_test->intersections = {{"age", "sex"}};
  r.bias_test->metrics = {{"disparateImpact", Decimal::Parse("0.8").value(), std::nullopt}};
  EXPECT_EQ(RequirementText(r),
            "bias test on sex, age, age x sex: disparateImpact at least 0.8, groups of 100 or "
            "more");
  r = {};
  r.evidence = EvidenceRequirement{};
  r.evidence->type = "LoadTest";
  r.evidence->environments = {"qa", "preprod"};
  r.evidence->claims = {{"errorRate", ClaimOperator::kAtMost, "0.01", {}},
                        {"endpoints", ClaimOperator::kIncludes, "", {"score", "explain"}}};
  r.evidence->artifacts = {"report"};
  EXPECT_EQ(RequirementText(r),
            "LoadTest report from qa or preprod: errorRate at most 0.01, endpoints includes "
            "score, explain, with report");
  EXPECT_THAT(RequirementText({}), HasSubstr("does not know"));
}

TEST(RequirementText, ReportsSayTheirLevelAndWhatElseIsAsked) {
  const auto text = [](const char* require) {
    Json measure = ParseYaml("{name: a, step: Development, accountable: owner}").value();
    measure["require"] = ParseYaml(require).value();
    Json spec = ParseYaml(R"({
        ethics: {protectedAttributes: [sex]},
        environments: [{name: qa, namespaces: [qa], enforcement: Deny}],
        roles: [{name: owner, level: Strategic, subjects: [{kind: User, name: olga}]}],
        classification: {
          signOff: {role: owner, count: 1, assurance: Requester},
          classes: [{name: all, when: {otherwise: true}}]}})")
                    .value();
    spec["measures"] = Json::array({measure});
    const auto policy = Decode<GovernancePolicySpec>({{"apiVersion", kApiVersion},
                                                      {"kind", "GovernancePolicy"},
                                                      {"metadata", {{"name", "a"}}},
                                                      {"spec", spec}});
    return policy ? RequirementText(policy->spec.measures[0].require) : policy.error().ToString();
  };
  EXPECT_EQ(text("{documentation: {level: None}}"), "none");
  EXPECT_EQ(text("{documentation: {level: FullHistory, sections: [limits], maxAge: 90d}}"),
            "FullHistory documentation: limits, at most 90d old");
  EXPECT_EQ(text("{verification: {level: FullPipeline, environmentLikeness: Identical, metrics: "
                 "[{name: auc, min: '0.8'}, {name: rmse, max: '2'}], environments: [qa]}}"),
            "FullPipeline verification from qa: Identical environment, auc at least 0.8, rmse at "
            "most 2");
  EXPECT_EQ(text("{explainability: {level: Explained, methods: [SHAP], topFeatures: 5}}"),
            "Explained explanation: SHAP, no protected attribute in the top 5");
  EXPECT_EQ(text("{harmTest: {level: RedTeam, maxOpen: {high: 2}, independent: true}}"),
            "independent RedTeam harm test: open findings: at most 0 critical, 2 high");
  EXPECT_EQ(text("{loadTest: {maxLatencyP99: '80'}}"), "load test: p99 in ms at most 80");
  EXPECT_EQ(text("{release: {modes: [Shadow, ABTest], minDuration: 7d}}"),
            "Shadow or ABTest release first: for 7d");
  EXPECT_EQ(text("{monitoring: {level: InfrastructureOnly}}"),
            "InfrastructureOnly monitoring plan: Health, every 7d");
  EXPECT_EQ(text("{dataQuality: {rules: [{name: accuracy, min: '0.9', max: '1'}], lineage: true}}"),
            "data quality: accuracy 0.9 to 1, lineage of columns, impact assessment of personal "
            "data");
  EXPECT_EQ(text("{promotion: {from: qa, soak: 7d}}"), "ran in qa for 7d before");
  EXPECT_EQ(text("{incidentReadiness: {}}"), "incident plan");
  EXPECT_EQ(text("{humanOversight: {}}"), "human oversight");
  EXPECT_EQ(text("{environmentalImpact: {maxTrainingEnergy: '100', maxCarbon: '40'}}"),
            "environmental impact: at most 100 kWh, at most 40 kg CO2e");
  EXPECT_EQ(text("{dataSecurity: {regions: [eu-central]}}"), "data security: in eu-central");
  EXPECT_EQ(
      text("{deploymentMode: {minReplicas: 3, topologySpread: true, podDisruptionBudget: true}}"),
      "3 or more replicas, spread over nodes, disruption budget");
  EXPECT_EQ(text("{components: {requiredRoles: [Guardrail], providers: [acme]}}"),
            "components: Guardrail, hosted models by snapshot, hosted by acme");
  EXPECT_EQ(text("{components: {hosted: Refused}}"), "components: no hosted models");
}

}  // namespace
}  // namespace countersign
