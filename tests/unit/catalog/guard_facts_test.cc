#include "catalog/guard_facts.h"

#include <gtest/gtest.h>

namespace countersign {
namespace {

Workload Owned(const std::string& name, const std::string& api_version, const std::string& uid) {
  Workload workload;
  workload.key = {"lending-prod", name};
  workload.kind = "Deployment";
  workload.owner = WorkloadOwner{"ModelDeployment", "live", uid, api_version};
  return workload;
}

TEST(OperatorsOwn, IsWhatAModelDeploymentOfOursOwnsByNameAndUid) {
  const auto uid_of = [](const ObjectKey& key) {
    return key == ObjectKey{"lending-prod", "live"} ? "1" : "";
  };
  EXPECT_TRUE(IsOperatorsOwn(Owned("live", "countersign.dev/v1alpha1", "1"), uid_of));
  EXPECT_FALSE(IsOperatorsOwn(Owned("other", "countersign.dev/v1alpha1", "1"), uid_of));
  EXPECT_FALSE(IsOperatorsOwn(Owned("live", "countersign.dev/v1alpha1", "2"), uid_of));
  // Of kinds that others call so anybody may set the owner.
  EXPECT_FALSE(IsOperatorsOwn(Owned("live", "other.example/v1", "1"), uid_of));
  EXPECT_FALSE(IsOperatorsOwn(Owned("live", "countersign.dev.example/v1", "1"), uid_of));
}

}  // namespace
}  // namespace countersign
