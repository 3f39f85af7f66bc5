#include "cli/framework.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/files.h"
#include "governance/types/policy.h"

namespace countersign {
namespace {

using ::testing::HasSubstr;

class Frameworks : public ::testing::TestWithParam<std::string> {};

// A misspelt member would never agree with any policy: the control would be a gap for everybody.
TEST_P(Frameworks, AskForMembersThatPoliciesHave) {
  const auto framework = LoadFramework(GetParam());
  ASSERT_TRUE(framework) << framework.error().ToString();
  const Json schema = SpecSchema<GovernancePolicySpec>();
  const Json* require = FindPath(schema, "properties/measures/items/properties/require/properties");
  ASSERT_NE(require, nullptr);
  for (const Control& control : framework->controls) {
    for (const FrameworkMatch& match : control.met_by) {
      if (!match.require.empty()) {
        const Json* kind = Find(*require, match.require);
        ASSERT_NE(kind, nullptr) << control.id << ": " << match.require;
        for (const auto& [member, values] : match.where) {
          const Json* found = FindPath(*kind, "properties/" + member);
          ASSERT_NE(found, nullptr) << control.id << ": " << match.require << "." << member;
          const Json* allowed = Find(*found, "enum");
          if (allowed == nullptr) continue;
          for (const std::string& value : values) {
            EXPECT_THAT(*allowed, ::testing::Contains(Json(value))) << control.id;
          }
        }
      }
      if (!match.policy_has.empty()) {
        std::string path = match.policy_has;
        for (std::size_t at = 0; (at = path.find('/', at)) != std::string::npos;) {
          path.replace(at, 1, "/properties/");
          at += std::string("/properties/").size();
        }
        EXPECT_NE(FindPath(schema, "properties/" + path), nullptr) << control.id << ": " << path;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Shipped, Frameworks, ::testing::ValuesIn(FrameworkNames()),
                         [](const auto& one) {
                           std::string name = one.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

std::string FaultOf(const std::string& controls) {
  const std::string path = ::testing::TempDir() + "framework.yaml";
  EXPECT_TRUE(WriteTextFile(path,
                            "apiVersion: cli.countersign.dev/v1\nkind: Framework\n"
                            "metadata: {name: a}\nspec:\n  title: A\n  edition: B\n  source: C\n"
                            "  controls:\n" +
                                controls));
  const auto framework = LoadFramework(path);
  return framework ? "" : framework.error().ToString();
}

TEST(FrameworkFile, NamesWhatIsWrongAndWhere) {
  const std::string head = "  - {id: '1', title: T, cite: C, asks: A, ";
  EXPECT_EQ(FaultOf(head + "metBy: [{check: use-case}]}\n"), "");
  EXPECT_THAT(FaultOf(head + "metBy: [{check: weather}]}\n"),
              HasSubstr("spec.controls[0].metBy[0].check: must be one of environment, "));
  EXPECT_THAT(FaultOf(head + "outside: x, metBy: [{check: use-case}]}\n"),
              HasSubstr("spec.controls[0]: must have either metBy or outside"));
  EXPECT_THAT(FaultOf(head + "metBy: [{require: signOff, check: use-case}]}\n"),
              HasSubstr("metBy[0]: must have either require, or check or policyHas"));
  EXPECT_THAT(FaultOf(head + "metBy: [{check: use-case, where: {a: [b]}}]}\n"),
              HasSubstr("where needs require"));
  EXPECT_THAT(FaultOf(head + "metBy: [{require: biasTest, signerLevel: Tactical}]}\n"),
              HasSubstr("signerLevel needs require: signOff"));
  const std::string one = head + "outside: x}\n";
  EXPECT_THAT(FaultOf(one + one), HasSubstr("spec.controls[1].id: '1' is there twice"));
}

}  // namespace
}  // namespace countersign
