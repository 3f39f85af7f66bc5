#include "cli/policy_approval.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/yaml.h"
#include "cli/policy_report.h"
#include "governance/types/sign_off.h"

namespace countersign {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Json Version(const std::string& name, const std::string& version, const std::string& role) {
  return ParseYaml(R"({
    apiVersion: countersign.dev/v1alpha1, kind: GovernancePolicy, metadata: {name: )" +
                   name + R"(}, spec: {
      version: )" + version +
                   R"(,
      succession: {signOff: {role: )" +
                   role + R"(, count: 1, assurance: Requester}},
      environments: [{name: prod, namespaces: [prod], enforcement: Deny}],
      roles: [{name: )" +
                   role + R"(, level: Strategic, subjects: [{kind: User, name: olga}]}],
      classification: {signOff: {role: )" +
                   role + R"(, count: 1, assurance: Requester},
                       classes: [{name: any, when: {otherwise: true}}]}}})")
      .value();
}

GovernancePolicy Decoded(const Json& object) {
  return Decode<GovernancePolicySpec>(object).value();
}

PolicyApproval Input() {
  const Json first = Version("bank-1", "{label: '1'}", "owner");
  const Json second =
      Version("bank-2", "{label: '2', supersedes: bank-1, transition: 10d}", "board");
  PolicyApproval input;
  input.policy = Decoded(second);
  input.spec = second.at("spec");
  input.before = Decoded(first);
  input.before_spec = first.at("spec");
  input.name_space = "governance";
  input.role = "owner";
  input.username = "olga";
  input.rationale = "It is better.";
  return input;
}

std::string Fault(const PolicyApproval& input) {
  auto made = MakePolicySignOff(input);
  return made ? "" : made.error().ToString();
}

TEST(PolicyApproval, IsMadeInTheRoleThatTheVersionBeforeNames) {
  const PolicyApproval input = Input();
  const Json made = MakePolicySignOff(input).value();
  const SignOff sign_off = Decode<SignOffSpec>(made).value();
  EXPECT_EQ(sign_off.spec.subject.policy, "bank-2");
  EXPECT_EQ(sign_off.spec.subject.policy_digest, input.policy.spec_digest);
  EXPECT_FALSE(sign_off.spec.subject.withdraw.has_value());
  EXPECT_EQ(StringAt(made, "metadata/generateName"), "bank-2-owner-");
  EXPECT_EQ(StringAt(made, "metadata/namespace"), "governance");
  PolicyApproval other = input;
  other.role = "board";
  EXPECT_THAT(Fault(other),
              HasSubstr("'bank-1' has what comes after it signed off by role 'owner'"));
}

TEST(PolicyApproval, AWithdrawalIsMadeInTheVersionsOwnRole) {
  PolicyApproval input = Input();
  input.withdraw = true;
  EXPECT_THAT(Fault(input), HasSubstr("signed off by role 'board', not 'owner'"));
  input.role = "board";
  EXPECT_EQ(MakePolicySignOff(input).value().at("spec").at("subject").at("withdraw"), true);
  EXPECT_THAT(PolicyApprovalText(input), HasSubstr("APPROVE THE WITHDRAWAL"));
}

TEST(PolicyApproval, SaysWhereThereIsNothingToSign) {
  PolicyApproval first = Input();
  first.policy = *first.before;
  first.before.reset();
  EXPECT_THAT(Fault(first), HasSubstr("first version of its line and needs no sign-off"));
  PolicyApproval unversioned = Input();
  unversioned.policy.spec.version.reset();
  EXPECT_THAT(Fault(unversioned), HasSubstr("has no spec.version"));
  PolicyApproval after = Input();
  after.before->spec.version.reset();
  EXPECT_THAT(Fault(after), HasSubstr("nobody can approve what comes after it"));
}

TEST(PolicyApproval, ShowsWhatChangesByTheNamesOfThings) {
  const Json before = ParseYaml(
                          "{version: {label: '1'}, measures: [{name: a, step: Deployment}, {name: "
                          "b, step: Deployment}], description: old}")
                          .value();
  const Json after = ParseYaml(
                         "{version: {label: '2'}, measures: [{name: b, step: Monitoring}, {name: "
                         "c, step: Deployment}], description: new}")
                         .value();
  EXPECT_THAT(ChangesBetween(before, after),
              ::testing::UnorderedElementsAre("~ description: \"old\" -> \"new\"", "- measures.a",
                                              "~ measures.b.step: \"Deployment\" -> \"Monitoring\"",
                                              "+ measures.c: {\"step\":\"Deployment\"}"));
  EXPECT_THAT(ChangesBetween(before, before), ElementsAre());
  const std::string text = PolicyApprovalText(Input());
  EXPECT_THAT(text, HasSubstr("bank-2, version 2"));
  EXPECT_THAT(text, HasSubstr("10d"));
  EXPECT_THAT(text, HasSubstr("- roles.owner"));
}

TEST(PolicyReport, LeavesOutWhatWasMadeLater) {
  PolicySet set;
  Json first = Version("bank-1", "{label: '1'}", "owner");
  SetPath(first, "metadata/creationTimestamp", "2026-11-01T00:00:00Z");
  Json second = Version("bank-2", "{label: '2', supersedes: bank-1}", "board");
  SetPath(second, "metadata/creationTimestamp", "2026-11-10T00:00:00Z");
  SetPath(second, "metadata/deletionTimestamp", "2026-11-11T00:00:00Z");
  for (const Json& json : {first, second}) {
    set.policies.push_back(std::make_shared<const GovernancePolicy>(Decoded(json)));
  }
  const PolicyReport early = ReportOn(set, ParseTime("2026-11-05T00:00:00Z").value());
  ASSERT_EQ(early.standings.size(), 1U);
  EXPECT_EQ(early.standings[0].policy->meta.name, "bank-1");
  const PolicyReport late = ReportOn(set, ParseTime("2026-11-12T00:00:00Z").value());
  const std::string text = PolicyReportText(late);
  EXPECT_THAT(text, HasSubstr("bank-2: not in force: needs 1 sign-off in role 'owner', has none"));
  EXPECT_THAT(text, HasSubstr("Deletion was asked for"));
  const Json json = PolicyReportJson(late);
  EXPECT_EQ(json.at("kind"), "PolicyVersions");
  EXPECT_EQ(json.at("policies").at(0).at("inForce"), true);
  EXPECT_EQ(json.at("policies").at(1).at("inForce"), false);
  EXPECT_EQ(json.at("policies").at(1).at("supersedes"), "bank-1");
}

}  // namespace
}  // namespace countersign
