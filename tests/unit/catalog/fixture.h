// fixture.h: a catalog over FakeCollections, and a way to wait for what its watches bring.
#pragma once

#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <vector>

#include "base/clock.h"
#include "catalog/catalog.h"
#include "tests/unit/catalog/fake_collections.h"
#include "tests/unit/catalog/objects.h"
#include "tests/unit/support/shifted_clock.h"

namespace countersign {

inline ClientOptions Unlimited() {
  ClientOptions options;
  options.qps = 0;
  return options;
}

class CatalogTest : public testing::Test {
 protected:
  static constexpr std::chrono::seconds kPatience{20};

  CatalogTest() {
    catalog_.OnChange([this](const CatalogChange& change) {
      const std::lock_guard lock(mutex_);
      changes_.push_back(change);
      changed_.notify_all();
    });
  }
  // Handlers use members that are destroyed before the catalog.
  ~CatalogTest() override { catalog_.Stop(); }

  void StartCatalog() {
    catalog_.Start();
    ASSERT_TRUE(catalog_.WaitForSync({}, clock_.Steady() + kPatience));
  }

  // Waits for a change to have made `ready` true.
  bool Await(const std::function<bool()>& ready) {
    std::unique_lock lock(mutex_);
    return clock_.WaitUntil(lock, changed_, {}, clock_.Steady() + kPatience, ready);
  }
  // Waits for one that tells of this kind and object, and gives it.
  CatalogChange AwaitChange(const std::string& kind, const std::string& name) {
    CatalogChange found;
    EXPECT_TRUE(Await([&] {
      for (const CatalogChange& change : changes_) {
        if (change.kind != kind || change.key.name != name) continue;
        found = change;
        return true;
      }
      return false;
    })) << kind
        << " " << name;
    return found;
  }
  void ForgetChanges() {
    const std::lock_guard lock(mutex_);
    changes_.clear();
  }

  Facts GatherFor(const std::string& use_case, const std::string& ns = "lending-prod") {
    const auto deployment = std::make_shared<const ModelDeployment>(
        Decode<ModelDeploymentSpec>(DeploymentJson("scorer", use_case, ns)).value());
    return catalog_.Gather(deployment, "sha256:g", {}, ns, "scorer", clock_.Now());
  }

  ShiftedClock clock_;
  const InstallationKey key_ = InstallationKey::Generate().value();
  const std::shared_ptr<FakeCollections> server_ = std::make_shared<FakeCollections>();
  KubeClient client_{server_, clock_, Unlimited()};
  Catalog catalog_{client_, clock_, StampAuthority{"test", key_.Public()}};
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::vector<CatalogChange> changes_;
};

}  // namespace countersign
