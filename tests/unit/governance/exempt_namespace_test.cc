#include "governance/exempt_namespace.h"

#include <gtest/gtest.h>

namespace countersign {
namespace {

GovernancePolicySpec PolicyFor(const std::vector<std::string>& namespaces) {
  GovernancePolicySpec policy;
  PolicyEnvironment environment;
  environment.name = "prod";
  environment.namespaces = namespaces;
  policy.environments.push_back(environment);
  return policy;
}

std::string Said(const std::vector<std::string>& namespaces) {
  return ExemptionText(PolicyFor(namespaces), "countersign-system");
}

TEST(ExemptNamespace, APolicyThatMeansItIsTold) {
  EXPECT_EQ(
      Said({"a", "countersign-system"}),
      "environment 'prod' holds namespace 'countersign-system', where Countersign itself runs "
      "and neither the guard nor a lock is asked about anything; take it out of the "
      "environment, or install Countersign in a namespace of its own");
  EXPECT_NE(Said({"*-system"}), "");
}

TEST(ExemptNamespace, APolicyForAllNamespacesDoesNotMeanThisOne) {
  EXPECT_EQ(Said({"*"}), "");
  EXPECT_EQ(Said({"**", "lending-*"}), "");
  EXPECT_EQ(Said({}), "");
}

TEST(ExemptNamespace, ThatAllNamespacesAreNotAllIsSaid) {
  const auto said = [](const std::vector<std::string>& namespaces) {
    return ExceptionText(PolicyFor(namespaces), "countersign-system");
  };
  EXPECT_EQ(said({"*"}),
            "environment 'prod' is for every namespace but 'countersign-system', where Countersign "
            "itself runs and neither the guard nor a lock is asked about anything");
  EXPECT_EQ(said({"lending-*"}), "");
  EXPECT_EQ(said({"*", "countersign-system"}), "") << "that one is told of as wrong";
}

TEST(ExemptNamespace, WhatServesThereIsCounted) {
  EXPECT_TRUE(ExemptServingText(1, "Pod 'a'", "ns").starts_with("1 object serves models in"));
  EXPECT_TRUE(ExemptServingText(2, "Pod 'a'", "ns").starts_with("2 objects serve models in"));
}

}  // namespace
}  // namespace countersign
