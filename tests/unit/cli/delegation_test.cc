#include "cli/delegation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/yaml.h"
#include "cli/files.h"
#include "governance/types/sign_off.h"

namespace countersign {
namespace {

using ::testing::HasSubstr;

// Vera lends the sample policy's role to Ana.
DelegationInput Input() {
  DelegationInput input;
  auto text =
      ReadTextFile(std::string(SOURCE_DIR) + "/tests/unit/governance/testdata/samples.yaml");
  const auto objects = ParseYamlDocuments(text.value_or(""));
  EXPECT_TRUE(objects);
  for (const Json& object : *objects) {
    if (StringAt(object, "kind") != "GovernancePolicy") continue;
    input.policies.push_back(*Decode<GovernancePolicySpec>(object));
  }
  input.name_space = "lending";
  input.use_case = "sample";
  input.role = "model-validator";
  input.lender = "vera@bank.example";
  input.deputy = "ana@bank.example";
  input.rationale = "On holiday.";
  input.lasts = Seconds(14 * 86400);
  input.now = *ParseTime("2026-12-01T00:00:00Z");
  return input;
}

std::string Fault(const DelegationInput& input) {
  auto delegation = MakeDelegation(input);
  return delegation ? "" : delegation.error().ToString();
}

TEST(Delegation, LendsOneRoleForOneUseCaseUntilATime) {
  DelegationInput input = Input();
  input.environments = {"prod"};
  auto delegation = MakeDelegation(input);
  ASSERT_TRUE(delegation) << delegation.error().ToString();
  const auto decoded = Decode<SignOffSpec>(*delegation);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->spec.subject.kind, SubjectOfSignOff::kDelegation);
  EXPECT_EQ(decoded->spec.subject.deputy, "ana@bank.example");
  EXPECT_EQ(decoded->spec.subject.environments, std::vector<std::string>{"prod"});
  EXPECT_EQ(decoded->spec.decision, SignOffDecision::kApprove);
  EXPECT_EQ(FormatTime(*decoded->spec.expires_at), "2026-12-15T00:00:00Z");
  EXPECT_EQ(decoded->meta.name_space, "lending");
  const std::string text = DelegationText(input, *delegation);
  EXPECT_THAT(text, HasSubstr("LEND THE ROLE"));
  EXPECT_THAT(text, HasSubstr("2026-12-15T00:00:00Z"));
}

TEST(Delegation, IsWithdrawnWithoutAnEnd) {
  DelegationInput input = Input();
  input.withdraw = true;
  input.lasts.reset();
  auto delegation = MakeDelegation(input);
  ASSERT_TRUE(delegation) << delegation.error().ToString();
  EXPECT_EQ(StringAt(*delegation, "spec/decision"), "Reject");
  EXPECT_FALSE(delegation->at("spec").contains("expiresAt"));
  EXPECT_THAT(DelegationText(input, *delegation), HasSubstr("WITHDRAW THE ROLE"));
}

TEST(Delegation, WhatNoPolicyAllowsIsRefusedBeforeItIsSent) {
  DelegationInput input = Input();
  input.lasts = Seconds(22 * 86400);
  EXPECT_EQ(Fault(input), "--for: role 'model-validator' may be lent for at most 21d");
  input.lasts.reset();
  EXPECT_EQ(Fault(input), "--for: must say for how long, e.g. 14d");
  input = Input();
  input.role = "owner";
  EXPECT_THAT(Fault(input), HasSubstr("--role: no policy lets role 'owner' be lent"));
  input = Input();
  input.environments = {"moon"};
  EXPECT_EQ(Fault(input), "--environments: no policy has environment 'moon'");
  input = Input();
  input.deputy = input.lender;
  EXPECT_THAT(Fault(input), HasSubstr("must be somebody other than the signer"));
}

}  // namespace
}  // namespace countersign
