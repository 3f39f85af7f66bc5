#include "catalog/workloads.h"

#include <thread>

#include <gtest/gtest.h>

#include "base/clock.h"
#include "catalog/estate.h"
#include "tests/unit/support/fake_api.h"

namespace countersign {
namespace {

class WorkloadsTest : public testing::Test {
 protected:
  // The first kind of the table that has several versions and is no built-in one.
  WorkloadsTest() {
    for (const ServingProfile& one : table_.profiles) {
      if (one.versions.size() > 1 && one.serves == ServesWhen::kAlways) profile_ = &one;
    }
  }
  [[nodiscard]] Resource In(const std::string& version) const {
    Resource resource = ResourceOf(*profile_);
    resource.version = version;
    return resource;
  }
  [[nodiscard]] std::string PathOf(const std::string& version) const {
    return "/apis/" + profile_->group + "/" + version + "/" + profile_->resource;
  }
  // As an API server that has only `served` of the kind's versions, or none.
  void ServeOnly(const std::string& served) {
    std::vector<std::string> others;
    for (const std::string& one : profile_->versions) {
      if (one != served) others.push_back(PathOf(one));
    }
    api_->Intercept([others](const HttpRequest& request) -> std::optional<Result<HttpResponse>> {
      for (const std::string& other : others) {
        if (!request.target.starts_with(other)) continue;
        return HttpResponse{404, {}, R"({"kind":"Status","reason":"NotFound","message":"no"})"};
      }
      return std::nullopt;
    });
  }
  void Put(const std::string& version, const std::string& name) {
    api_->Put(In(version),
              {{"metadata", {{"name", name}, {"namespace", "ns"}, {"uid", "uid-" + name}}},
               {"spec", Json::object()}});
  }

  // The informer's thread takes what the API server told.
  static void Until(const std::function<bool()>& ready) {
    for (int i = 0; i < 4000; ++i) {
      if (ready()) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    FAIL() << "waited in vain";
  }

  const ServingProfiles table_ = BuiltInServingProfiles().value();
  const ServingProfile* profile_ = nullptr;
  SystemClock clock_;
  std::shared_ptr<FakeApi> api_ = std::make_shared<FakeApi>();
  KubeClient client_{api_, clock_, [] {
                       ClientOptions options;
                       options.qps = 0;
                       return options;
                     }()};
};

TEST_F(WorkloadsTest, AKindIsFollowedByTheFirstOfItsVersionsThatIsServed) {
  ASSERT_NE(profile_, nullptr);
  const std::string oldest = profile_->versions.back();
  ServeOnly(oldest);
  Put(oldest, "served");
  Workloads workloads(client_, clock_, table_);
  EXPECT_EQ(workloads.ByUid("uid-served"), nullptr);
  workloads.Start();
  Until([&] { return workloads.ByUid("uid-served") != nullptr; });
  const auto found = workloads.ByUid("uid-served");
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->api_version, profile_->group + "/" + oldest);
  // Nor is it missed afterwards.
  Put(oldest, "later");
  Until([&] { return workloads.ByUid("uid-later") != nullptr; });
}

TEST_F(WorkloadsTest, WhereTheFirstVersionIsServedTheOthersAreLeftAlone) {
  ASSERT_NE(profile_, nullptr);
  const std::string newest = profile_->versions.front();
  ServeOnly(newest);
  Put(newest, "served");
  Workloads workloads(client_, clock_, table_);
  workloads.Start();
  Until([&] { return workloads.ByUid("uid-served") != nullptr; });
  for (const std::string& version : profile_->versions) {
    if (version != newest) {
      EXPECT_EQ(api_->CountRequests("GET " + PathOf(version)), 0U);
    }
  }
}

TEST_F(WorkloadsTest, AKindThatIsNotInstalledIsNoCondition) {
  ASSERT_NE(profile_, nullptr);
  ServeOnly("");
  Workloads workloads(client_, clock_, table_);
  workloads.Start();
  EXPECT_TRUE(workloads.WaitForSync({}, clock_.Steady() + std::chrono::seconds(20)));
  for (const std::string& version : profile_->versions) {
    Until([&] { return api_->CountRequests("GET " + PathOf(version)) > 0; });
  }
}

// Half an answer is no word of a kind's absence: the scan would be silent about all that serves.
TEST_F(WorkloadsTest, AKindIsNotAbsentForADiscoveryThatLacksItsLists) {
  ASSERT_NE(profile_, nullptr);
  const std::string group = "/apis/" + profile_->group;
  for (const auto& [versions, missing] :
       {std::pair(R"({"kind":"APIGroup"})", "versions"),
        std::pair(R"({"kind":"APIGroup","versions":[{"version":"v9"}]})", "resources")}) {
    api_->Intercept([&, versions = versions](
                        const HttpRequest& request) -> std::optional<Result<HttpResponse>> {
      if (request.target == group) return HttpResponse{200, {}, versions};
      if (request.target == group + "/v9") return HttpResponse{200, {}, R"({"kind":"List"})"};
      if (!request.target.starts_with(group)) return std::nullopt;
      return HttpResponse{404, {}, R"({"kind":"Status","reason":"NotFound","message":"no"})"};
    });
    const ApiStatus read = ReadKind(client_, *profile_, "", {}, [](const Json&) {});
    ASSERT_FALSE(read) << missing;
    EXPECT_NE(read.error().message.find(group), std::string::npos) << read.error().message;
    EXPECT_NE(read.error().message.find(missing), std::string::npos) << read.error().message;
  }
}

}  // namespace
}  // namespace countersign
