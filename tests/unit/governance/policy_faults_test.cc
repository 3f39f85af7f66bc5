// What the check of policies refuses: each row is one change of a valid policy, and the path and
// text of the complaint.
#include <gtest/gtest.h>

#include "objects.h"
#include "situation.h"

namespace countersign::testing {
namespace {

struct Fault {
  std::string name;
  std::string merge;  // of the policy's spec in tests/cases/base.yaml
  std::string text;
};
void PrintTo(const Fault& fault, std::ostream* out) { *out << fault.name; }

class PolicyFaults : public ::testing::TestWithParam<Fault> {};

TEST_P(PolicyFaults, AreRefusedWithPathAndReason) {
  const Json base = ReadCases("base.yaml");
  Json broken = base;
  MergePatch(broken["policies"]["bank"], Yaml(GetParam().merge));
  try {
    (void)MakeSituation(broken, base);
    FAIL() << "the policy was accepted";
  } catch (const std::runtime_error& e) {
    EXPECT_NE(std::string(e.what()).find(GetParam().text), std::string::npos) << e.what();
  }
}

// Lists come in the order of names: acceptance, bias, reproducible, validation.
INSTANTIATE_TEST_SUITE_P(
    All, PolicyFaults,
    ::testing::Values(
        Fault{"AnAccountOfTwoPeople", "{people: {zoe: {accounts: [vera@bank.example]}}}",
              "spec.people[1].accounts[0]: account 'vera@bank.example' already belongs to 'vera'"},
        Fault{"ARoleHeldByARole",
              "{roles: {product-owner: {subjects: [{kind: Role, name: model-validator}]}}}",
              "spec.roles[2].subjects[0].kind"},
        Fault{"ARoleHeldByAnUnknownPerson",
              "{roles: {product-owner: {subjects: [{kind: Person, name: nobody}]}}}",
              "spec.roles[2].subjects[0].name: 'nobody' is not a person"},
        Fault{"AVersionWithoutSuccession", "{version: {label: '1'}}",
              "spec.succession: is required for a published version"},
        Fault{"AFirstVersionThatWaits",
              "{version: {label: '1', effectiveFrom: '2027-01-01T00:00:00Z'}}",
              "spec.version.effectiveFrom: needs spec.version.supersedes"},
        Fault{"AFirstVersionWithATransition", "{version: {label: '1', transition: 30d}}",
              "spec.version.transition: needs spec.version.supersedes"},
        Fault{"SuccessionByAnUnknownRole",
              "{succession: {signOff: {role: nobody, count: 1, assurance: Requester}}}",
              "spec.succession.signOff.role: 'nobody' is not a role"},
        Fault{"SuccessionDistinctFromDevelopers",
              "{succession: {signOff: {role: product-owner, count: 1, distinctFrom: [requester, "
              "developers], assurance: Requester}}}",
              "spec.succession.signOff.distinctFrom[1]: must be 'requester'"},
        Fault{"ClassificationSignedOffByAnUnknownRole",
              "{classification: {signOff: {role: nobody}}}",
              "spec.classification.signOff.role: 'nobody' is not a role"},
        Fault{"AnUnknownRoleThatSignersMustNotHold",
              "{measures: {acceptance: {require: {signOff: {distinctFromRoles: [nobody]}}}}}",
              "spec.measures[0].require.signOff.distinctFromRoles[0]: 'nobody' is not a role"},
        Fault{
            "SignersWhoMustNotHoldTheirOwnRole",
            "{measures: {acceptance: {require: {signOff: {distinctFromRoles: [product-owner]}}}}}",
            "distinctFromRoles[0]: must be another role than 'product-owner' itself"},
        Fault{"AnUnknownRoleToConsult",
              "{measures: {acceptance: {require: {signOff: {consultation: {roles: [nobody]}}}}}}",
              "spec.measures[0].require.signOff.consultation.roles[0]: 'nobody' is not a role"},
        Fault{"ARoleThatConsultsItself",
              "{waivers: {maxDuration: 30d, signOff: {role: product-owner, count: 1, assurance: "
              "Requester, consultation: {roles: [product-owner]}}}}",
              "spec.waivers.signOff.consultation.roles[0]: must be another role"},
        Fault{"AnswersForOneEnvironment", "{classification: {signOff: {ownEnvironment: true}}}",
              "spec.classification.signOff.ownEnvironment: only a measure's signOff may ask"},
        Fault{"ClassesLoweredByAnUnknownRole",
              "{classification: {lowering: {role: nobody, count: 1, assurance: Requester}}}",
              "spec.classification.lowering.role: 'nobody' is not a role"},
        Fault{"ARoleThatIsLentForNoTime",
              "{roles: {product-owner: {delegation: {maxDuration: 0s}}}}",
              "spec.roles[2].delegation.maxDuration: must be positive"},
        Fault{"AnUnknownDeputy",
              "{roles: {product-owner: {delegation: {maxDuration: 7d, deputies: [{kind: Person, "
              "name: nobody}]}}}}",
              "spec.roles[2].delegation.deputies[0].name: 'nobody' is not a person"},
        Fault{"AConditionWithTwoTests",
              "{classification: {classes: {medium: {when: {answer: impact, includes: legal}}}}}",
              "must have exactly one of its tests, has 2"},
        Fault{"AConditionWithoutTest",
              "{classification: {classes: {medium: {when: {scoreAtLeast: null}}}}}",
              "must have exactly one of its tests, has 0"},
        Fault{"AnAnswerWithoutOption",
              "{classification: {classes: {medium: {when: {scoreAtLeast: null, answer: impact}}}}}",
              "answer and includes go together"},
        Fault{"AConditionOnAnUnknownQuestion",
              "{classification: {classes: {medium: {when: {scoreAtLeast: null, answer: colour, "
              "includes: red}}}}}",
              "'colour' is not a question"},
        Fault{"AConditionOnAnUnknownOption",
              "{classification: {classes: {medium: {when: {scoreAtLeast: null, answer: impact, "
              "includes: red}}}}}",
              "'red' is not an option of question 'impact'"},
        Fault{"NoClassForWhatIsLeft",
              "{classification: {classes: {low: {when: {otherwise: null, scoreAtLeast: 1}}}}}",
              "there are 0"},
        Fault{"TwoClassesForWhatIsLeft",
              "{classification: {classes: {medium: {when: {otherwise: true, scoreAtLeast: "
              "null}}}}}",
              "there are 2"},
        Fault{"AnUnknownAccountableRole", "{measures: {acceptance: {accountable: nobody}}}",
              "spec.measures[0].accountable: 'nobody' is not a role"},
        Fault{"CarryOverWithoutWhoTellsWhatChanged",
              "{measures: {bias: {carryOver: [{kinds: [DataRefresh]}]}}}",
              "spec.measures[1].carryOver: needs spec.changes"},
        Fault{"CarryOverOfASignOff",
              "{changes: {maxTotal: 60d}, measures: {acceptance: {carryOver: [{kinds: "
              "[DataRefresh]}]}}}",
              "spec.measures[0].carryOver: only a biasTest or a report about the model"},
        Fault{"CarryOverOfAReportOnTheUseCase",
              "{changes: {maxTotal: 60d}, measures: {load-test: {require: {evidence: {scope: "
              "UseCase}}, carryOver: [{kinds: [DataRefresh]}]}}}",
              "spec.measures[2].carryOver: only a biasTest or a report about the model"},
        Fault{"CarryOverAfterAnyChange",
              "{changes: {maxTotal: 60d}, measures: {bias: {carryOver: [{kinds: [DataRefresh, "
              "Algorithm]}]}}}",
              "spec.measures[1].carryOver[0].kinds[1]: 'Algorithm' carries nothing over"},
        Fault{"CarryOverWithTwoRulesForOneKind",
              "{changes: {maxTotal: 60d}, measures: {bias: {carryOver: [{kinds: [DataRefresh]}, "
              "{kinds: [DataRefresh]}]}}}",
              "spec.measures[1].carryOver[1].kinds[0]: 'DataRefresh' is listed twice"},
        Fault{"AProtocolForWhatIsNoSignOff",
              "{changes: {maxTotal: 60d, protocols: {signOff: {role: model-validator, count: 1, "
              "assurance: Requester}, measures: [validation, bias], kinds: [DataRefresh], maxUses: "
              "1, maxDuration: 30d}}}",
              "spec.changes.protocols.measures[1]: 'bias' is not a measure of this policy that "
              "requires a signOff"},
        Fault{"AProtocolForAnyChange",
              "{changes: {maxTotal: 60d, protocols: {signOff: {role: model-validator, count: 1, "
              "assurance: Requester}, measures: [validation], kinds: [Purpose], maxUses: 1, "
              "maxDuration: 30d}}}",
              "spec.changes.protocols.kinds[0]: 'Purpose' cannot be approved of beforehand"},
        Fault{"AProtocolWithAnUnknownTest",
              "{changes: {maxTotal: 60d, protocols: {signOff: {role: model-validator, count: 1, "
              "assurance: Requester}, measures: [validation], kinds: [DataRefresh], "
              "freshMeasures: [none], maxUses: 1, maxDuration: 30d}}}",
              "spec.changes.protocols.freshMeasures[0]: 'none' is not a measure"},
        Fault{"AProtocolSignedByNobodyForNoTime",
              "{changes: {maxTotal: 60d, protocols: {signOff: {role: nobody, count: 1, assurance: "
              "Requester}, measures: [validation], kinds: [DataRefresh], maxUses: 1, maxDuration: "
              "0d}}}",
              "spec.changes.protocols.signOff.role: 'nobody' is not a role"},
        Fault{"ChangesWithoutTime", "{changes: {maxTotal: 0d}}", "spec.changes.maxTotal"},
        Fault{"ChangesToldByAnUnknownRole",
              "{changes: {maxTotal: 60d, issuers: [{kind: Role, name: nobody}]}}",
              "spec.changes.issuers[0].name: 'nobody' is not a role"},
        Fault{"AnUnknownResponsibleRole", "{measures: {acceptance: {responsible: [nobody]}}}",
              "spec.measures[0].responsible[0]"},
        Fault{"AnUnknownConsultedRole", "{measures: {acceptance: {consulted: [nobody]}}}",
              "spec.measures[0].consulted[0]"},
        Fault{"AnUnknownInformedRole", "{measures: {acceptance: {informed: [nobody]}}}",
              "spec.measures[0].informed[0]"},
        Fault{"AMeasureForAnUnknownClass", "{measures: {bias: {applies: {classes: [hihg]}}}}",
              "spec.measures[1].applies.classes[0]: 'hihg' is not a class"},
        Fault{"AMeasureForAnUnknownEnvironment",
              "{measures: {bias: {applies: {environments: [production]}}}}",
              "spec.measures[1].applies.environments[0]: 'production' is not an environment"},
        Fault{"AMeasureThatRequiresNothing", "{measures: {acceptance: {require: {signOff: null}}}}",
              "must have exactly one kind of requirement, has 0"},
        Fault{"AMeasureThatRequiresTwoThings",
              "{measures: {acceptance: {require: {reproducibility: {level: MetricsOnly, "
              "reproducedBy: Nobody, issuers: []}}}}}",
              "must have exactly one kind of requirement, has 2"},
        Fault{
            "DocumentationFromAnUnknownEnvironment",
            R"({measures: {acceptance: {require: {signOff: null, documentation: {level: Automatic, environments: [moon]}}}}})",
            R"(spec.measures[0].require.documentation.environments[0]: 'moon' is not an environment)"},
        Fault{
            "AHarmTestByAnUnknownRole",
            R"({measures: {acceptance: {require: {signOff: null, harmTest: {level: RedTeam, issuers: [{kind: Role, name: nobody}]}}}}})",
            R"(spec.measures[0].require.harmTest.issuers[0].name)"},
        Fault{
            "MoreThanTheWholeOfAModelCard",
            R"({measures: {acceptance: {require: {signOff: null, documentation: {level: FullHistory, minCompleteness: '1.1'}}}}})",
            R"(spec.measures[0].require.documentation.minCompleteness: must be between 0 and 1, is 1.1)"},
        Fault{
            "ABoundThatNothingCanMeet",
            R"({measures: {acceptance: {require: {signOff: null, verification: {level: FullPipeline, metrics: [{name: auc, min: '0.9', max: '0.8'}]}}}}})",
            R"(spec.measures[0].require.verification.metrics[0].min: must be at most max, 0.8, is 0.9)"},
        Fault{
            "ABoundThatBoundsNothing",
            R"({measures: {acceptance: {require: {signOff: null, release: {modes: [Shadow], metrics: [{name: auc}]}}}}})",
            R"(spec.measures[0].require.release.metrics[0]: must have min or max)"},
        Fault{
            "AModelNamePatternThatIsNone",
            R"({measures: {acceptance: {require: {signOff: null, verification: {level: FullPipeline, modelNamePattern: '('}}}}})",
            R"(spec.measures[0].require.verification.modelNamePattern: must be an RE2 expression)"},
        Fault{"ALoadTestThatMayShowAnything",
              R"({measures: {acceptance: {require: {signOff: null, loadTest: {issuers: []}}}}})",
              R"(spec.measures[0].require.loadTest: must bound a rate, errors or latency)"},
        Fault{
            "FewerReplicasAtMostThanAtLeast",
            R"({measures: {acceptance: {require: {signOff: null, deploymentMode: {minReplicas: 3, maxReplicas: 2}}}}})",
            R"(spec.measures[0].require.deploymentMode.maxReplicas: must be at least minReplicas, 3, is 2)"},
        Fault{"ComponentsThatAskForNothing",
              R"({measures: {acceptance: {require: {signOff: null, components: {hosted: Any}}}}})",
              R"(spec.measures[0].require.components: must ask for something)"},
        Fault{
            "ProvidersOfNobody",
            R"({measures: {acceptance: {require: {signOff: null, components: {hosted: Refused, providers: [acme]}}}}})",
            R"(spec.measures[0].require.components.providers: must be empty)"},
        Fault{"ASubjectThatIsNoRole", R"({measures: {bias: {subject: Guardrails}}})",
              R"(spec.measures[1].subject: must be Composite, Each, a role)"},
        Fault{"ASubjectOfASignOff", R"({measures: {acceptance: {subject: Each}}})",
              R"(spec.measures[0].subject: only a biasTest, reproducibility or a report)"},
        Fault{"ASubjectOfAReportAboutTheUseCase",
              R"({measures: {load-test: {subject: Each, require: {evidence: {scope: UseCase}}}}})",
              R"(spec.measures[2].subject: only a biasTest, reproducibility or a report)"},
        Fault{
            "ASubjectThatCarriesOver",
            R"({changes: {maxTotal: 30d}, measures: {bias: {subject: Each, carryOver: [{kinds: [DataRefresh]}]}}})",
            R"(spec.measures[1].subject: goes with no carryOver)"},
        Fault{"APromotionFromAnUnknownEnvironment",
              R"({measures: {acceptance: {require: {signOff: null, promotion: {from: moon}}}}})",
              R"(spec.measures[0].require.promotion.from: 'moon' is not an environment)"},
        Fault{"AReleaseInNoWay",
              R"({measures: {acceptance: {require: {signOff: null, release: {modes: []}}}}})",
              R"(spec.measures[0].require.release.modes: must have 1 to 4 items)"},
        Fault{"ASignOffInAnUnknownRole",
              "{measures: {acceptance: {require: {signOff: {role: nobody}}}}}",
              "spec.measures[0].require.signOff.role"},
        Fault{"ASignOffByNobody", "{measures: {acceptance: {require: {signOff: {count: 0}}}}}",
              "spec.measures[0].require.signOff.count"},
        Fault{"AReportFromAnUnknownEnvironment",
              "{measures: {load-test: {require: {evidence: {environments: [moon]}}}}}",
              "spec.measures[2].require.evidence.environments[0]: 'moon' is not an environment"},
        Fault{"AReportByAnUnknownRole",
              "{measures: {load-test: {require: {evidence: {issuers: [{kind: Role, name: "
              "nobody}]}}}}}",
              "spec.measures[2].require.evidence.issuers[0].name"},
        Fault{"AReportThatMaySayAnything",
              "{measures: {load-test: {require: {evidence: {claims: null, artifacts: null}}}}}",
              "must ask for claims or artifacts"},
        Fault{"ABoundThatIsNoNumber",
              "{measures: {load-test: {require: {evidence: {claims: {errorRate: {value: low}}}}}}}",
              "spec.measures[2].require.evidence.claims[0].value: must be a decimal for operator "
              "AtMost, is 'low'"},
        Fault{
            "AComparisonWithNothing",
            "{measures: {load-test: {require: {evidence: {claims: {errorRate: {value: null}}}}}}}",
            "spec.measures[2].require.evidence.claims[0].value: is required for operator AtMost"},
        Fault{"AUnitWithoutANumber",
              "{measures: {load-test: {require: {evidence: {claims: {errorRate: {operator: Equals, "
              "value: low, unit: share}}}}}}}",
              "spec.measures[2].require.evidence.claims[0].value: must be a decimal for operator "
              "Equals with a unit, is 'low'"},
        Fault{"AUnitOfAList",
              "{measures: {load-test: {require: {evidence: {claims: {errorRate: {operator: In, "
              "value: null, values: [a], unit: share}}}}}}}",
              "spec.measures[2].require.evidence.claims[0].unit: does not go with operator In"},
        Fault{
            "AnotherUnitThanTheClaims",
            "{measures: {load-test: {require: {evidence: {claims: {errorRate: {unit: "
            "percent}}}}}}}",
            "spec.measures[2].require.evidence.claims[0].unit: must be 'share', the unit of claim "
            "'errorRate' of a LoadTest, is 'percent'"},
        Fault{"AnotherUnitInARule",
              "{measures: {load-test: {require: {evidence: null, dataQuality: {rules: "
              "{retentionDays: "
              "{max: '3', unit: years}}}}}}}",
              "spec.measures[2].require.dataQuality.rules[0].unit: must be 'days'"},
        Fault{
            "AComparisonWithAList",
            "{measures: {load-test: {require: {evidence: {claims: {errorRate: {values: [a]}}}}}}}",
            "spec.measures[2].require.evidence.claims[0].values: does not go with operator AtMost"},
        Fault{"AListOfNothing",
              "{measures: {load-test: {require: {evidence: {claims: {errorRate: {operator: In, "
              "value: null}}}}}}}",
              "spec.measures[2].require.evidence.claims[0].values: must not be empty for operator "
              "In"},
        Fault{"AListAndAValue",
              "{measures: {load-test: {require: {evidence: {claims: {errorRate: {operator: In, "
              "values: [a]}}}}}}}",
              "spec.measures[2].require.evidence.claims[0].value: does not go with operator In"},
        Fault{
            "ExistenceWithAValue",
            "{measures: {load-test: {require: {evidence: {claims: {errorRate: {operator: "
            "Exists}}}}}}}",
            "spec.measures[2].require.evidence.claims[0].value: does not go with operator Exists"},
        Fault{"AnExpressionThatIsNone",
              "{measures: {load-test: {require: {evidence: {claims: {errorRate: {operator: "
              "Matches, value: '('}}}}}}}",
              "spec.measures[2].require.evidence.claims[0].value: must be an RE2 expression: "
              "missing"},
        Fault{"AWaiverByAnUnknownRole",
              "{waivers: {signOff: {role: nobody, count: 1, assurance: Requester}, maxDuration: "
              "30d, never: []}}",
              "spec.waivers.signOff.role: 'nobody' is not a role"},
        Fault{"AMeasureThatIsUnknownAndNeverWaived",
              "{waivers: {signOff: {role: model-validator, count: 1, assurance: Requester}, "
              "maxDuration: 30d, never: [moon]}}",
              "spec.waivers.never[0]: 'moon' is not a measure"},
        Fault{"AWaiverForNoTime",
              "{waivers: {signOff: {role: model-validator, count: 1, assurance: Requester}, "
              "maxDuration: 0s, never: []}}",
              "spec.waivers.maxDuration: must be positive"},
        Fault{"AnEmergencyByAnUnknownRole",
              "{waivers: {signOff: {role: model-validator, count: 1, assurance: Requester}, "
              "maxDuration: 30d, emergency: {role: nobody, maxDuration: 8h}}}",
              "spec.waivers.emergency.role: 'nobody' is not a role"},
        Fault{"AnEmergencyForWeeks",
              "{waivers: {signOff: {role: model-validator, count: 1, assurance: Requester}, "
              "maxDuration: 30d, emergency: {role: model-validator, maxDuration: 4d}}}",
              "spec.waivers.emergency.maxDuration: must be positive and at most 3d"},
        Fault{"AnIssuerInAnUnknownRole",
              "{measures: {reproducible: {require: {reproducibility: {issuers: [{kind: Role, name: "
              "nobody}]}}}}}",
              "spec.measures[3].require.reproducibility.issuers[0].name"},
        Fault{
            "AnIssuerWhoIsAnUnknownPerson",
            "{measures: {bias: {require: {biasTest: {issuers: [{kind: Person, name: nobody}]}}}}}",
            "spec.measures[1].require.biasTest.issuers[0].name"},
        Fault{"ANegativeTolerance",
              "{measures: {reproducible: {require: {reproducibility: {tolerance: \"-0.1\"}}}}}",
              "must not be negative"},
        Fault{
            "AReferenceThatIsNoGroup",
            "{measures: {bias: {require: {biasTest: {attributes: {race: {reference: purple}}}}}}}",
            "attributes[0].reference: 'purple' is not one of the groups"},
        Fault{"AnUnknownGroupThatIsJudged",
              "{measures: {bias: {require: {biasTest: {attributes: {race: {unknownGroup: "
              "black}}}}}}}",
              "must not be one of the groups that are judged"},
        Fault{"ACoverageBeyondOne",
              "{measures: {bias: {require: {biasTest: {attributes: {race: {minCoverage: "
              "\"1.01\"}}}}}}}",
              "must be between 0 and 1"},
        Fault{"ACoverageWithoutUnknownGroup",
              "{measures: {bias: {require: {biasTest: {attributes: {race: {unknownGroup: "
              "null}}}}}}}",
              "needs unknownGroup"},
        Fault{"BinsThatDoNotAscend",
              "{measures: {bias: {require: {biasTest: {attributes: {race: {bins: [\"2\", "
              "\"2\"]}}}}}}}",
              "must be ascending"},
        Fault{"AnIntersectionOfOneAttribute",
              "{measures: {bias: {require: {biasTest: {intersections: [[race]]}}}}}",
              "intersections[0]"},
        Fault{"AnIntersectionOfAnUnknownAttribute",
              "{measures: {bias: {require: {biasTest: {intersections: [[race, age]]}}}}}",
              "'age' is not an attribute"},
        Fault{"AnUnknownMetric",
              "{measures: {bias: {require: {biasTest: {metrics: {luck: {min: \"1\"}}}}}}}",
              "'luck' is not a known metric"},
        Fault{"AMetricWithoutBounds",
              "{measures: {bias: {require: {biasTest: {metrics: {disparateImpact: {min: null, max: "
              "null}}}}}}}",
              "metrics[0]"},
        Fault{"BoundsTheWrongWayRound",
              "{measures: {bias: {require: {biasTest: {metrics: {disparateImpact: {min: "
              "\"1.3\"}}}}}}}",
              "metrics[0]"},
        Fault{"AWholeIntervalOfAMetricThatDeclaresNone",
              "{measures: {bias: {require: {biasTest: {judge: WholeInterval, metrics: "
              "{equalizedOddsDifference: {max: \"0.1\"}}}}}}}",
              "spec.measures[1].require.biasTest.judge: equalizedOddsDifference has no declared "
              "interval, so it can only be judged by PointEstimate, found WholeInterval"},
        Fault{"SomeOfTheIntervalOfAMetricThatDeclaresNone",
              "{measures: {bias: {require: {biasTest: {judge: NotWhollyOutside, metrics: "
              "{demographicParityRatio: {min: \"0.8\"}}}}}}}",
              "found NotWhollyOutside"},
        Fault{"AWholeIntervalOfSeveralOutcomes",
              "{measures: {bias: {require: {biasTest: {judge: WholeInterval, outcomes: [approved, "
              "refused], metrics: {classAccuracyDifference: {max: \"0.1\"}}}}}}}",
              "spec.measures[1].require.biasTest.judge: classAccuracyDifference has no declared "
              "interval"},
        Fault{"AMetricOfOutcomesThatNobodyLists",
              "{measures: {bias: {require: {biasTest: {metrics: {classAccuracyDifference: {max: "
              "\"0.1\"}}}}}}}",
              "spec.measures[1].require.biasTest.outcomes: is required by metric "
              "'classAccuracyDifference'"},
        Fault{"AFavorableOutcomeThatIsNone",
              "{measures: {bias: {require: {biasTest: {outcomes: [granted, refused]}}}}}",
              "spec.measures[1].require.biasTest.favorableOutcome: 'approved' is not one of "
              "outcomes"},
        Fault{
            "AFurtherFavorableOutcomeThatIsNone",
            "{measures: {bias: {require: {biasTest: {outcomes: [approved, refused], "
            "alsoFavorable: [granted]}}}}}",
            "spec.measures[1].require.biasTest.alsoFavorable[0]: 'granted' is not one of outcomes"},
        Fault{"AFavorableOutcomeNamedTwice",
              "{measures: {bias: {require: {biasTest: {alsoFavorable: [approved]}}}}}",
              "alsoFavorable[0]: 'approved' is the favorableOutcome already"},
        Fault{"OutcomesThatAreAllFavorable",
              "{measures: {bias: {require: {biasTest: {outcomes: [approved, referred], "
              "alsoFavorable: [referred]}}}}}",
              "spec.measures[1].require.biasTest.outcomes: must have one that is not favourable"},
        Fault{"AnAgreementAboveOne",
              "{measures: {bias: {require: {biasTest: {judgeModel: {minAgreement: \"1.1\"}}}}}}",
              "spec.measures[1].require.biasTest.judgeModel.minAgreement: must be between 0 and 1"},
        Fault{
            "MetricsOfDifferentCounts",
            "{measures: {bias: {require: {biasTest: {scoreBins: [\"0.5\"], metrics: "
            "{expectedCalibrationError: {max: \"0.1\"}}}}}}}",
            "spec.measures[1].require.biasTest.metrics[2].name: 'expectedCalibrationError' is not "
            "computed from the counts that the metrics before it are computed from"},
        Fault{"ACalibrationWithoutBins",
              "{measures: {bias: {require: {biasTest: {metrics: {disparateImpact: null, "
              "equalOpportunityDifference: null, expectedCalibrationError: {max: \"0.1\"}}}}}}}",
              "spec.measures[1].require.biasTest.scoreBins: is required by metric "
              "'expectedCalibrationError'"},
        Fault{"ADifferenceOfErrorsWithoutUnit",
              "{measures: {bias: {require: {biasTest: {metrics: {disparateImpact: null, "
              "equalOpportunityDifference: null, meanErrorDifference: {max: \"5\"}}}}}}}",
              "spec.measures[1].require.biasTest.errorUnit: is required by metric "
              "'meanErrorDifference'"},
        Fault{"ASelectionOfNoOutcome",
              "{measures: {bias: {require: {biasTest: {favorableOutcome: null}}}}}",
              "spec.measures[1].require.biasTest.favorableOutcome: is required by metric "
              "'disparateImpact'"},
        Fault{"ScoreBinsThatDoNotAscend",
              "{measures: {bias: {require: {biasTest: {scoreBins: [\"0.5\", \"0.5\"]}}}}}",
              "spec.measures[1].require.biasTest.scoreBins: must be ascending"},
        Fault{"AScoreBinBeyondOne",
              "{measures: {bias: {require: {biasTest: {scoreBins: [\"0.5\", \"1\"]}}}}}",
              "spec.measures[1].require.biasTest.scoreBins: must lie between 0 and 1, has 1"},
        Fault{"ABoundOfARatioBelowZero",
              "{measures: {bias: {require: {biasTest: {metrics: {disparateImpact: null, "
              "equalOpportunityDifference: null, rootMeanSquaredErrorRatio: {min: \"-1\", max: "
              "\"2\"}}}}}}}",
              "metrics[0].min: rootMeanSquaredErrorRatio ranges from 0 upwards (RootRatio), found "
              "the bound -1"},
        Fault{"AConfidenceThatNobodyTabulated",
              "{measures: {bias: {require: {biasTest: {confidence: \"0.5\"}}}}}",
              "must be one of 0.9, 0.95, 0.99"},
        Fault{
            "TooManyCells",
            "{measures: {bias: {require: {biasTest: {attributes: {sex: {groups: "
            "[male, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o]}, x: {groups: [male, a, b, c, d, "
            "e, f, g, h, i, j, k], reference: male}}}}}}}",
            "at most 512 cells"},
        Fault{"AFieldThatNobodyKnows", "{measures: {bias: {enforcment: Deny}}}",
              "spec.measures[1].enforcment"}),
    [](const auto& fault) { return fault.param.name; });

}  // namespace
}  // namespace countersign::testing
