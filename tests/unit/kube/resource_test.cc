#include "kube/resource.h"

#include <gtest/gtest.h>

#include "tests/unit/support/kube_objects.h"

namespace countersign {
namespace {

TEST(ResourceTest, PathsFollowGroupVersionScopeAndSubresource) {
  EXPECT_EQ(*CollectionTarget(kPods, ""), "/api/v1/pods");
  EXPECT_EQ(*CollectionTarget(kPods, "a"), "/api/v1/namespaces/a/pods");
  EXPECT_EQ(*CollectionTarget(kDeployments, "a"), "/apis/apps/v1/namespaces/a/deployments");
  EXPECT_EQ(*ObjectTarget(kNamespaces, {"", "a"}), "/api/v1/namespaces/a");
  EXPECT_EQ(*ObjectTarget(kDeployments, {"a", "web"}, "scale"),
            "/apis/apps/v1/namespaces/a/deployments/web/scale");
  EXPECT_EQ(*CollectionTarget(kPods, "a", {{"labelSelector", "a=b,c in (d)"}, {"limit", "5"}}),
            "/api/v1/namespaces/a/pods?labelSelector=a%3Db%2Cc%20in%20%28d%29&limit=5");
}

TEST(ResourceTest, NoNameReachesAnotherPath) {
  EXPECT_EQ(*ObjectTarget(kPods, {"a", "x/../../secrets"}),
            "/api/v1/namespaces/a/pods/x%2F..%2F..%2Fsecrets");
  EXPECT_EQ(*ObjectTarget(kPods, {"a?b", "x#y%00"}), "/api/v1/namespaces/a%3Fb/pods/x%23y%2500");
  for (const char* name : {"", ".", ".."}) {
    EXPECT_EQ(ObjectTarget(kPods, {"a", name}).error().code, Code::kInvalidArgument) << name;
  }
  EXPECT_EQ(CollectionTarget(kPods, "..").error().code, Code::kInvalidArgument);
}

TEST(ResourceTest, ScopeIsChecked) {
  EXPECT_EQ(ObjectTarget(kPods, {"", "x"}).error().message, "Pod x needs a namespace");
  EXPECT_EQ(CollectionTarget(kNamespaces, "a").error().message,
            "namespaces is cluster-scoped and has no namespace");
}

TEST(ResourceTest, ResourceVersionsCompareAsIntegersOfAnyLength) {
  struct Case {
    const char* a;
    const char* b;
    std::strong_ordering expected;
  };
  for (const Case& c :
       {Case{"9", "10", std::strong_ordering::less}, Case{"10", "9", std::strong_ordering::greater},
        Case{"007", "7", std::strong_ordering::equal},
        Case{"99999999999999999999999", "100000000000000000000000", std::strong_ordering::less},
        Case{"", "1", std::strong_ordering::less}, Case{"1", "x1", std::strong_ordering::greater},
        Case{"-5", "0", std::strong_ordering::less}, Case{"", "", std::strong_ordering::equal}}) {
    EXPECT_TRUE(CompareResourceVersions(c.a, c.b) == c.expected) << c.a << " and " << c.b;
  }
}

TEST(ResourceTest, MetadataIsReadWithoutTrust) {
  const Json widget = Widget("a", "x", "7");
  EXPECT_EQ(KeyOf(widget), (ObjectKey{"a", "x"}));
  EXPECT_EQ(UidOf(widget), "uid-x");
  EXPECT_EQ(ResourceVersionOf(widget), "7");
  for (const char* text :
       {"null", "[]", "{}", R"({"metadata":5})", R"({"metadata":{"name":[]}})"}) {
    EXPECT_EQ(KeyOf(*ParseJson(text)), ObjectKey()) << text;
  }
  EXPECT_EQ((ObjectKey{"a", "x"}).ToString(), "a/x");
  EXPECT_EQ((ObjectKey{"", "x"}).ToString(), "x");
}

}  // namespace
}  // namespace countersign
