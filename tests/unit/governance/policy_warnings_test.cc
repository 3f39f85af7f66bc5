#include "governance/policy_warnings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/yaml.h"

namespace countersign {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// The policy's classes and measures as given, in flow style.
std::vector<std::string> Warnings(
    const std::string& classes, const std::string& measures,
    const std::string& environments = "[{name: prod, namespaces: [prod], enforcement: Deny}]") {
  const auto object = ParseYaml(R"({
    apiVersion: countersign.dev/v1alpha1, kind: GovernancePolicy, metadata: {name: bank}, spec: {
      environments: )" + environments +
                                R"(,
      roles: [{name: owner, level: Strategic, subjects: [{kind: User, name: olga}]}],
      classification: {
        signOff: {role: owner, count: 1, assurance: Requester},
        questions: [{name: audience, options: {public: 3, internal: 1}},
                    {name: impact, multiple: true, options: {legal: 5, financial: 4}}],
        classes: )" + classes + R"(},
      measures: )" + measures + "}}");
  return PolicyWarnings(Decode<GovernancePolicySpec>(object.value()).value().spec);
}

std::string Asked(const std::string& name, const std::string& classes) {
  return "{name: " + name +
         ", step: Deployment, accountable: owner, applies: {classes: " + classes +
         "}, require: {signOff: {role: owner, count: 1, assurance: Requester}}}";
}

constexpr char kTwo[] =
    "[{name: high, when: {scoreAtLeast: 8}}, {name: low, when: {otherwise: true}}]";

TEST(PolicyWarnings, APolicyThatMeansWhatItSaysGivesNone) {
  EXPECT_THAT(Warnings(kTwo, "[" + Asked("sign", "[high, low]") + "]"), IsEmpty());
  EXPECT_THAT(Warnings("[{name: high, when: {anyOf: [{scoreAtLeast: 12}, {scoreAtLeast: 90}]}}, "
                       "{name: low, when: {otherwise: true}}]",
                       "[" + Asked("sign", "[]") + "]"),
              IsEmpty());
}

TEST(PolicyWarnings, AnAccountThatWhoeverServesModelsMayTake) {
  const auto asked = [](const std::string& ns) {
    const std::string account = "[{kind: User, name: 'system:serviceaccount:" + ns + ":ci'}]";
    return Warnings("[{name: high, when: {otherwise: true}}]",
                    "[{name: run, step: Development, accountable: owner, require: "
                    "{reproducibility: {level: Retrainable, issuers: " +
                        account + "}}}]",
                    "[{name: prod, namespaces: ['prod-*'], enforcement: Deny, locked: "
                    "{requesters: " +
                        account + "}}]");
  };
  EXPECT_THAT(asked("ci"), IsEmpty());
  const std::string why =
      ": 'system:serviceaccount:prod-eu:ci' lives in namespace 'prod-eu' of environment 'prod': "
      "whoever has the role edit there acts as it; keep it where nobody has";
  EXPECT_THAT(asked("prod-eu"), ElementsAre("spec.environments[0].locked.requesters" + why,
                                            "spec.measures[0].require" + why));
}

TEST(PolicyWarnings, ARepetitionOfWhatNamesNoCommit) {
  const auto asked = [](const std::string& level, const std::string& by) {
    return Warnings(kTwo,
                    "[{name: run, step: Development, accountable: owner, require: "
                    "{reproducibility: {level: " +
                        level + ", reproducedBy: " + by + "}}}]");
  };
  EXPECT_THAT(asked("Retrainable", "Anyone"), IsEmpty());
  EXPECT_THAT(asked("MetricsOnly", "Nobody"), IsEmpty());
  EXPECT_THAT(
      asked("MetricsOnly", "Anyone"),
      ElementsAre("spec.measures[0].require.reproducibility.reproducedBy: level MetricsOnly "
                  "asks for no commit, and a run without one cannot be repeated"));
}

// The printed name is the entry's name, where there is no displayName.
TEST(PolicyWarnings, TwoPeopleOfOnePrintedName) {
  const auto named = [](const std::string& second) {
    const auto object = ParseYaml(R"({
      apiVersion: countersign.dev/v1alpha1, kind: GovernancePolicy, metadata: {name: bank}, spec: {
        environments: [{name: prod, namespaces: [prod], enforcement: Deny}],
        roles: [{name: owner, level: Strategic, subjects: [{kind: User, name: olga}]}],
        people: [{name: vera, displayName: Vera Jansen, accounts: [vera]}, )" +
                                  second + R"(],
        classification: {signOff: {role: owner, count: 1, assurance: Requester},
          questions: [{name: q, options: {a: 1}}], classes: [{name: all, when: {otherwise: true}}]},
        measures: [)" + Asked("sign", "[]") +
                                  "]}}");
    return PolicyWarnings(Decode<GovernancePolicySpec>(object.value()).value().spec);
  };
  EXPECT_THAT(named("{name: vera2, displayName: Vera de Jong, accounts: [vera2]}"), IsEmpty());
  EXPECT_THAT(named("{name: vera2, accounts: [vera2]}"), IsEmpty());
  EXPECT_THAT(named("{name: vera2, displayName: Vera Jansen, accounts: [vera2]}"),
              ElementsAre("spec.people[1].displayName: 'Vera Jansen' is also the printed name of "
                          "'vera': which of the two signed, it does not tell; one person has one "
                          "entry with all accounts"));
}

TEST(PolicyWarnings, MoreSignersThanThereArePeople) {
  const auto asked = [](const std::string& signers, const std::string& require) {
    const auto object = ParseYaml(R"({
      apiVersion: countersign.dev/v1alpha1, kind: GovernancePolicy, metadata: {name: bank}, spec: {
        environments: [{name: prod, namespaces: [prod], enforcement: Deny}],
        roles: [{name: owner, level: Strategic, subjects: [{kind: User, name: olga}]}],
        people: [
          {name: lena, accounts: [lena, lena2], groups: [sre], keys: [
            {publicKey: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIP+1yfFYXYcdn/z5WKqhxDOH6qTlB4zLxcyH1uQzm+te"}]},
          {name: sam, accounts: [sam], keys: [
            {publicKey: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB2zIFiXC0XS4ZyXbNJJwxRc5hUlcokEx73L5yen8QLQ"}]},
          {name: keyless, accounts: [keyless], groups: [sre]}],
        classification: {signOff: {role: owner, count: 1, assurance: Requester},
          questions: [{name: q, options: {a: 1}}], classes: [{name: all, when: {otherwise: true}}]},
        measures: [{name: load, step: Deployment, accountable: owner, require: {)" +
                                  require + ", assurance: Signed, signers: " + signers + "}}}]}}");
    return PolicyWarnings(Decode<GovernancePolicySpec>(object.value()).value().spec);
  };
  const std::string load = "loadTest: {maxErrorRate: '0.01', issuers: ";
  EXPECT_THAT(asked("1", load + "[{kind: Group, name: sre}]"), IsEmpty());
  EXPECT_THAT(asked("2", load + "[{kind: Group, name: sre}, {kind: User, name: sam}]"), IsEmpty());
  EXPECT_THAT(
      asked("2", load + "[{kind: Group, name: sre}, {kind: User, name: lena2}]"),
      ElementsAre("spec.measures[0].require: signers: 2 asks for more people than can sign: 1 of "
                  "spec.people with a key or certificate are among the issuers"));
  EXPECT_THAT(asked("3",
                    "reproducibility: {level: Retrainable, issuers: [{kind: User, name: sam}, "
                    "{kind: User, name: lena}]"),
              SizeIs(1));
}

TEST(PolicyWarnings, ClassesThatNoAnswersLeadTo) {
  EXPECT_THAT(
      Warnings("[{name: high, when: {scoreAtLeast: 13}}, {name: low, when: {otherwise: true}}]",
               "[" + Asked("sign", "[high]") + ", " + Asked("all", "[]") + "]"),
      ElementsAre("spec.classification.classes[0].when: no answers lead to class 'high': they add "
                  "up to at most 12",
                  "spec.measures[0].applies.classes: nobody owes measure 'sign': no answers lead "
                  "to its classes"));
  EXPECT_THAT(Warnings("[{name: high, when: {allOf: [{answer: impact, includes: legal}, "
                       "{scoreAtLeast: 13}]}}, {name: low, when: {otherwise: true}}]",
                       "[" + Asked("all", "[]") + "]"),
              ElementsAre("spec.classification.classes[0].when: no answers lead to class 'high': "
                          "they add up to at most 12"));
}

TEST(PolicyWarnings, AClassThatAsksForNothingAndAMeasureThatOnlyTheMildestOwes) {
  EXPECT_THAT(Warnings(kTwo, "[" + Asked("sign", "[high]") + "]"),
              ElementsAre("spec.classification.classes[1]: class 'low' asks for nothing (measures: "
                          "none)"));
  EXPECT_THAT(Warnings(kTwo, "[" + Asked("sign", "[low]") + ", " + Asked("all", "[]") + "]"),
              ElementsAre("spec.measures[0].applies.classes: only class 'low' owes measure 'sign': "
                          "a use case in any stricter class does not"));
}

TEST(PolicyWarnings, ANamespaceInTwoEnvironments) {
  EXPECT_THAT(Warnings(kTwo, "[" + Asked("sign", "[]") + "]",
                       "[{name: qa, namespaces: [qa], enforcement: Hold}, {name: prod, namespaces: "
                       "[prod, qa], enforcement: Deny}]"),
              ElementsAre("spec.environments[1].namespaces[1]: 'qa' is also in environment 'qa': "
                          "what both demand adds up"));
}

TEST(PolicyWarnings, FeaturesOfWhichNoneIsExcluded) {
  const auto asked = [](const std::string& more) {
    return "[{name: why, step: Development, accountable: owner, require: {explainability: {level: "
           "Explained, topFeatures: 3" +
           more + "}}}]";
  };
  EXPECT_THAT(Warnings(kTwo, asked("")),
              ElementsAre("spec.measures[0].require.explainability.topFeatures: none is excluded: "
                          "neither excludedFeatures nor ethics.protectedAttributes names any"));
  EXPECT_THAT(Warnings(kTwo, asked(", excludedFeatures: [race]")), IsEmpty());
}

TEST(PolicyWarnings, PredictiveParityTogetherWithEqualizedOdds) {
  const auto asked = [](const std::string& name, const std::string& metrics) {
    return "{name: " + name +
           ", step: Development, accountable: owner, require: {biasTest: {favorableOutcome: yes1, "
           "attributes: [{name: sex, groups: [f, m], reference: m}], metrics: [" +
           metrics + "]}}}";
  };
  const std::string odds = "{name: equalizedOddsDifference, max: '0.1'}";
  const std::string parity = "{name: predictiveParityRatio, min: '0.8'}";
  const std::string why =
      " cannot both hold exactly where groups differ in their share of positives (Chouldechova "
      "2017; Kleinberg, Mullainathan and Raghavan 2017): leave room in the bounds, or choose one";
  EXPECT_THAT(Warnings(kTwo, "[" + asked("bias", odds + ", " + parity) + "]"),
              ElementsAre("spec.measures[0].require.biasTest.metrics: predictive parity here and "
                          "equalized odds in measure 'bias'" +
                          why));
  EXPECT_THAT(Warnings(kTwo, "[" + asked("odds", odds) + ", " + asked("parity", parity) + "]"),
              ElementsAre("spec.measures[1].require.biasTest.metrics: predictive parity here and "
                          "equalized odds in measure 'odds'" +
                          why));
  // One of the two error rates leaves the other free, and with it the precision.
  EXPECT_THAT(
      Warnings(kTwo,
               "[" + asked("bias", parity + ", {name: falsePositiveRateRatio, max: '1.25'}") + "]"),
      IsEmpty());
}

TEST(PolicyWarnings, AreCountedWhenThereAreTooMany) {
  std::string measures;
  for (int i = 0; i < 20; ++i) {
    measures += (i == 0 ? "[" : ", ") + Asked("m" + std::to_string(i), "[low]");
  }
  const auto warnings = Warnings(kTwo, measures + ", " + Asked("all", "[]") + "]");
  ASSERT_EQ(warnings.size(), kMaxPolicyWarnings);
  EXPECT_EQ(warnings.back(), "and 5 more");
}

// Each policy believes its own list: under one of the two somebody else signs.
TEST(PolicyWarnings, AKeyOfTwoPeopleInTwoPoliciesIsShown) {
  const auto policy = [](const std::string& name, const std::string& person,
                         const std::string& account) {
    const auto object = ParseYaml(R"({
      apiVersion: countersign.dev/v1alpha1, kind: GovernancePolicy, metadata: {name: )" +
                                  name +
                                  R"(}, spec: {
        environments: [{name: prod, namespaces: [prod], enforcement: Deny}],
        people: [{name: )" + person +
                                  ", accounts: [" + account + R"(], keys: [{publicKey:
          "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB2zIFiXC0XS4ZyXbNJJwxRc5hUlcokEx73L5yen8QLQ"}]}],
        roles: [{name: owner, level: Strategic, subjects: [{kind: User, name: olga}]}],
        classification: {
          signOff: {role: owner, count: 1, assurance: Requester},
          questions: [{name: audience, options: {public: 3, internal: 1}}],
          classes: [{name: any, when: {otherwise: true}}]},
        measures: []}})");
    return std::make_shared<const GovernancePolicy>(
        Decode<GovernancePolicySpec>(object.value()).value());
  };
  const auto vera = policy("bank", "vera", "vera@bank.example");
  const auto mallory = policy("shadow", "mallory", "mallory@bank.example");
  EXPECT_THAT(SharedKeyWarnings(*mallory, {vera, mallory}),
              ElementsAre("spec.people[0].keys[0]: is of 'mallory' here and of 'vera', who shares "
                          "no account, in policy 'bank': a key is one person's"));
  EXPECT_THAT(SharedKeyWarnings(*policy("other", "v-jansen", "vera@bank.example"), {vera}),
              IsEmpty())
      << "the same person by another name";
  EXPECT_THAT(SharedKeyWarnings(*vera, {vera}), IsEmpty());
}

}  // namespace
}  // namespace countersign
