#include "cli/stamps.h"

#include <gtest/gtest.h>

#include "governance/types/sign_off.h"

namespace countersign {
namespace {

const Time kNow = *ParseTime("2026-11-20T00:00:00Z");

Json Stamped() {
  Json object = {{"apiVersion", std::string(kApiVersion)},
                 {"kind", "SignOff"},
                 {"metadata", {{"name", "a"}, {"namespace", "lending"}}},
                 {"spec", {{"role", "validator"}}}};
  const auto key = InstallationKey::Generate().value();
  const std::string stamp =
      MakeStamp(key, "test", object, "vera", {"model-risk", "staff"}, kNow).value();
  object["metadata"]["annotations"] = {{std::string(kStampAnnotation), stamp}};
  return object;
}

Provenance Believed(const Json& object) {
  return BelieveStamp(object, StampedDigest(object).value());
}

TEST(BelieveStamp, GivesThePersonTheGroupsAndTheTime) {
  const Provenance by = Believed(Stamped());
  EXPECT_EQ(by.authenticity, Authenticity::kAttested) << by.problem;
  EXPECT_EQ(by.user, "vera");
  EXPECT_EQ(by.groups, (std::vector<std::string>{"model-risk", "staff"}));
  EXPECT_EQ(by.first_seen, kNow);
}

TEST(BelieveStamp, AStampForAnotherObjectIsForged) {
  Json changed = Stamped();
  SetPath(changed, "spec/role", "owner");
  EXPECT_EQ(Believed(changed).authenticity, Authenticity::kForged);
  Json moved = Stamped();
  SetPath(moved, "metadata/namespace", "other");
  EXPECT_EQ(Believed(moved).authenticity, Authenticity::kForged);
}

TEST(BelieveStamp, WithoutAReadableStampNothingIsProven) {
  Json object = Stamped();
  object["metadata"].erase("annotations");
  EXPECT_EQ(Believed(object).authenticity, Authenticity::kUnproven);
  for (const char* stamp : {"x", "{}", R"({"payload": "e30="})", R"({"payload": "!"})"}) {
    object["metadata"]["annotations"] = {{std::string(kStampAnnotation), stamp}};
    EXPECT_EQ(Believed(object).authenticity, Authenticity::kForged) << stamp;
  }
}

}  // namespace
}  // namespace countersign
