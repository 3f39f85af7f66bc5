#include "governance/serving/scan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace countersign {
namespace {

using ::testing::ElementsAre;

ScannedObject Object(const std::string& kind, const std::string& name, const std::string& owner,
                     bool serves = true) {
  ScannedObject object;
  object.kind = kind;
  object.name_space = "ns";
  object.name = name;
  object.uid = "uid-" + name;
  if (!owner.empty()) object.owner_uid = "uid-" + owner;
  object.recognition.serves = serves;
  return object;
}

GuardDecision Shadow(const ScannedObject& /*object*/, const std::vector<ServingOwner>& /*owners*/) {
  GuardDecision decision;
  decision.shadow = true;
  return decision;
}

std::vector<std::string> Names(const std::vector<ScanFinding>& findings) {
  std::vector<std::string> names;
  for (const ScanFinding& finding : findings) {
    names.push_back(finding.object->name + "+" + std::to_string(finding.below));
  }
  return names;
}

TEST(Scan, AWorkloadAndWhatBelongsToItAreOneFinding) {
  const std::vector<ScannedObject> objects = {
      Object("Pod", "p1", "rs"), Object("Pod", "p2", "rs"), Object("ReplicaSet", "rs", "d"),
      Object("Deployment", "d", ""), Object("Pod", "bare", "")};
  EXPECT_THAT(Names(FindShadows(objects, Shadow)), ElementsAre("d+3", "bare+0"));
}

TEST(Scan, TheHighestThatNothingAllowsIsTheFinding) {
  // Something was added to the Pod on its way from an owner that does not serve.
  const std::vector<ScannedObject> objects = {Object("Pod", "p", "rs"),
                                              Object("ReplicaSet", "rs", "d", false),
                                              Object("Deployment", "d", "", false)};
  EXPECT_THAT(Names(FindShadows(objects, Shadow)), ElementsAre("p+0"));
}

TEST(Scan, OwnersAreGivenByUidNearestFirst) {
  const std::vector<ScannedObject> objects = {
      Object("Pod", "p", "rs"), Object("ReplicaSet", "rs", "d"), Object("Deployment", "d", "")};
  std::vector<std::string> seen;
  static_cast<void>(FindShadows(
      objects, [&](const ScannedObject& object, const std::vector<ServingOwner>& owners) {
        for (const ServingOwner& owner : owners) seen.push_back(object.name + "<" + owner.name);
        return GuardDecision{};
      }));
  EXPECT_THAT(seen, ElementsAre("p<rs", "p<d", "rs<d"));
}

TEST(Scan, WhatTheOperatorMadeIsNoShadow) {
  std::vector<ScannedObject> objects = {Object("Deployment", "d", "")};
  objects[0].operators_own = true;
  EXPECT_THAT(Names(FindShadows(objects, Shadow)), ElementsAre());
}

TEST(Scan, ALoopOfOwnersOrOneElsewhereEndsTheChain) {
  std::vector<ScannedObject> objects = {Object("Pod", "a", "b"), Object("Pod", "b", "a")};
  EXPECT_EQ(FindShadows(objects, Shadow).size(), 2U);
  objects[1].name_space = "other";
  EXPECT_THAT(Names(FindShadows(objects, Shadow)), ElementsAre("a+0", "b+0"));
}

}  // namespace
}  // namespace countersign
