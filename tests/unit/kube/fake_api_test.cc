#include "tests/unit/support/fake_api.h"

#include <gtest/gtest.h>

#include "kube/client.h"
#include "tests/unit/support/fake_clock.h"
#include "tests/unit/support/kube_objects.h"

namespace countersign {
namespace {

class FakeApiTest : public testing::Test {
 protected:
  FakeClock clock_;
  std::shared_ptr<FakeApi> api_ = std::make_shared<FakeApi>();
  KubeClient client_{api_, clock_, {.qps = 0}};
};

TEST_F(FakeApiTest, ObjectsLiveThroughTheirVerbs) {
  const auto created = client_.Create(kWidgets, Widget("a", "x", "", {{"n", 1}}));
  ASSERT_TRUE(created);
  EXPECT_EQ(IntAt(*created, "metadata/generation"), 1);
  EXPECT_EQ(client_.Create(kWidgets, Widget("a", "x", "")).error().code, Code::kAlreadyExists);
  EXPECT_EQ(*client_.Get(kWidgets, {"a", "x"}), *created);
  Json changed = *created;
  SetPath(changed, "spec/n", 2);
  const auto updated = client_.Update(kWidgets, changed);
  ASSERT_TRUE(updated);
  EXPECT_EQ(IntAt(*updated, "metadata/generation"), 2);
  EXPECT_EQ(client_.Update(kWidgets, changed).error().code, Code::kConflict);
  const auto patched = client_.Patch(kWidgets, {"a", "x"}, PatchType::kMerge,
                                     {{"status", {{"ok", true}}}}, {.subresource = "status"});
  ASSERT_TRUE(patched);
  EXPECT_EQ(IntAt(*patched, "metadata/generation"), 2);
  EXPECT_EQ(client_.Delete(kWidgets, {"a", "x"}, {.uid = "other"}).error().code, Code::kConflict);
  EXPECT_TRUE(client_.Delete(kWidgets, {"a", "x"}));
  EXPECT_EQ(client_.Get(kWidgets, {"a", "x"}).error().code, Code::kNotFound);
}

TEST_F(FakeApiTest, DryRunAndUnchangedObjectsWriteNothing) {
  ASSERT_TRUE(client_.Create(kWidgets, Widget("a", "x", ""), {.dry_run = true}));
  EXPECT_TRUE(api_->All(kWidgets).empty());
  const auto applied = client_.Apply(kWidgets, Widget("a", "x", ""));
  const auto again = client_.Apply(kWidgets, Widget("a", "x", ""));
  EXPECT_EQ(ResourceVersionOf(*applied), ResourceVersionOf(*again));
}

TEST_F(FakeApiTest, FinalizersHoldADeletionUp) {
  Json widget = Widget("a", "x", "");
  SetPath(widget, "metadata/finalizers", Json::array({"test.example/hold"}));
  ASSERT_TRUE(client_.Create(kWidgets, widget));
  ASSERT_TRUE(client_.Delete(kWidgets, {"a", "x"}));
  ASSERT_TRUE(client_.Get(kWidgets, {"a", "x"}));
  ASSERT_TRUE(client_.Patch(kWidgets, {"a", "x"}, PatchType::kMerge,
                            {{"metadata", {{"finalizers", nullptr}}}}));
  EXPECT_EQ(client_.Get(kWidgets, {"a", "x"}).error().code, Code::kNotFound);
}

TEST_F(FakeApiTest, ListsComeInPagesAndByNamespace) {
  for (int i = 0; i < 7; ++i) api_->Put(kWidgets, Widget("a", "w" + std::to_string(i), ""));
  api_->Put(kWidgets, Widget("b", "other", ""));
  EXPECT_EQ(client_.List(kWidgets, "a", {.page_size = 3})->items.size(), 7u);
  EXPECT_EQ(client_.List(kWidgets, "", {.page_size = 3})->items.size(), 8u);
  EXPECT_EQ(api_->Requests().size(), 6u);
}

TEST_F(FakeApiTest, AnInterceptorAnswersInItsPlace) {
  api_->Intercept([](const HttpRequest& request) -> std::optional<Result<HttpResponse>> {
    if (request.method != "GET") return std::nullopt;
    return HttpResponse{503, {}, StatusBody(503, "ServiceUnavailable")};
  });
  EXPECT_TRUE(client_.Create(kWidgets, Widget("a", "x", "")));
  EXPECT_EQ(client_.Get(kWidgets, {"a", "x"}).error().code, Code::kUnavailable);
}

}  // namespace
}  // namespace countersign
