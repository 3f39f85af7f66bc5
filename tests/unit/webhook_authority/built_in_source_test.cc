#include "webhook/authority/built_in_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/digest.h"
#include "tests/unit/support/fake_api.h"
#include "tests/unit/support/fake_clock.h"

namespace countersign {
namespace {

using std::chrono::hours;
using std::chrono::seconds;
using ::testing::HasSubstr;

const ObjectKey kSecret{"system", "countersign-webhook-ca"};
constexpr char kName[] = "countersign-webhook.system.svc";

// One replica with its own client.
struct Replica {
  Replica(const std::shared_ptr<FakeApi>& api, FakeClock& clock, const RotationPolicy& policy)
      : server_clock(clock),
        client(WithServerClock(api, server_clock), clock, {.qps = 0}),
        source(client, clock, server_clock, {kSecret, kName, "countersign", policy, 0}) {
    source.Start();
  }
  ServerClock server_clock;
  KubeClient client;
  BuiltInSource source;
};

class BuiltInSourceTest : public testing::Test {
 protected:
  BuiltInSourceTest() {
    Publish("");
    Intercept([](const HttpRequest&) { return std::nullopt; });
  }

  // With an API server that says nothing of its clock, but what `first` makes of it.
  void Intercept(const FakeApi::Interceptor& first) {
    api_->Intercept([first](const HttpRequest& request) -> std::optional<Result<HttpResponse>> {
      auto answer = first(request);
      if (!answer && request.target == "/version") return HttpResponse{200, {}, "{}"};
      return answer;
    });
  }

  // Lets time pass until it holds; a test that fails takes a minute.
  bool Eventually(const std::function<bool()>& condition, seconds step = seconds(1)) {
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    while (!condition()) {
      if (std::chrono::steady_clock::now() > give_up) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      clock_.Advance(step);
    }
    return true;
  }

  std::unique_ptr<Replica> Start() { return std::make_unique<Replica>(api_, clock_, policy_); }
  std::unique_ptr<Replica> StartAndServe() {
    auto replica = Start();
    EXPECT_TRUE(Eventually([&] { return replica->source.Current() != nullptr; }));
    return replica;
  }

  std::optional<AuthorityState> Stored() {
    const auto secret = api_->Find(kSecrets, kSecret);
    if (!secret) return std::nullopt;
    auto state = AuthorityFromSecret(*secret);
    return state ? std::optional(*state) : std::nullopt;
  }
  AuthorityState Now() { return Stored().value(); }

  // As the operator does.
  void Publish(const std::string& bundle) {
    for (const Resource& resource :
         {kValidatingWebhookConfigurations, kMutatingWebhookConfigurations}) {
      api_->Put(resource, {{"metadata", {{"name", "countersign"}}},
                           {"webhooks",
                            {{{"name", "one.countersign.dev"},
                              {"clientConfig", {{"caBundle", Base64Encode(bundle)}}}}}}});
    }
  }
  void Ask() {
    Json secret = *api_->Find(kSecrets, kSecret);
    secret["metadata"]["annotations"][std::string(kRotateAnnotation)] = "now";
    api_->Put(kSecrets, secret);
  }
  static std::string Serial(const Replica& replica) { return replica.source.Current()->Serial(); }

  FakeClock clock_;
  RotationPolicy policy_;
  std::shared_ptr<FakeApi> api_ = std::make_shared<FakeApi>();
};

TEST_F(BuiltInSourceTest, AFreshInstallationGetsAnAuthorityAndIsReadyOnceItIsPublished) {
  const auto replica = StartAndServe();
  EXPECT_THAT(replica->source.Healthy().error().message, HasSubstr("is not in the caBundle"));
  Publish(Now().Bundle());
  EXPECT_TRUE(Eventually([&] { return replica->source.Healthy().has_value(); }));
  // Nobody is better served without a replica behind the Service.
  Publish("");
  EXPECT_TRUE(replica->source.Healthy());
  EXPECT_EQ(replica->source.NotAfter(), CheckAuthority(Now(), kName)->leaf.not_after);
}

TEST_F(BuiltInSourceTest, ReplicasThatBeginTogetherAgree) {
  std::vector<std::unique_ptr<Replica>> replicas;
  for (int i = 0; i < 4; ++i) replicas.push_back(Start());
  EXPECT_TRUE(Eventually([&] {
    for (const auto& replica : replicas) {
      if (replica->source.Current() == nullptr) return false;
    }
    return true;
  }));
  for (const auto& replica : replicas) EXPECT_EQ(Serial(*replica), Serial(*replicas.front()));
}

TEST_F(BuiltInSourceTest, ARotationThatWasAskedForIsServedWithoutARestart) {
  const auto first = StartAndServe();
  const auto second = StartAndServe();
  const AuthorityState old = Now();
  const std::string serial = Serial(*first);
  Publish(old.Bundle());
  Ask();
  ASSERT_TRUE(Eventually([&] { return Now().next.has_value(); }));
  EXPECT_EQ(FindPath(*api_->Find(kSecrets, kSecret), "metadata/annotations/countersign.dev/rotate"),
            nullptr);
  // However long it takes the operator.
  clock_.Advance(hours(5));
  EXPECT_EQ(Now().authority.certificate, old.authority.certificate);
  const std::string next = Now().next->certificate;
  Publish(Now().Bundle());
  ASSERT_TRUE(Eventually([&] { return Now().authority.certificate == next; }));
  EXPECT_EQ(Now().previous, old.authority.certificate);
  ASSERT_TRUE(Eventually([&] { return Serial(*first) != serial && Serial(*second) != serial; }));
  EXPECT_EQ(Serial(*first), Serial(*second));
  EXPECT_TRUE(Eventually([&] { return Now().previous.empty(); }));
}

TEST_F(BuiltInSourceTest, ADeletedSecretIsPutBackAndItsKeysAreReplacedInOrder) {
  const auto replica = StartAndServe();
  const AuthorityState old = Now();
  Publish(old.Bundle());
  api_->Remove(kSecrets, kSecret);
  ASSERT_TRUE(Eventually([&] { return Stored() && Stored()->next; }));
  EXPECT_EQ(Now().authority.certificate, old.authority.certificate);
  EXPECT_EQ(Now().leaf.certificate, old.leaf.certificate);
}

TEST_F(BuiltInSourceTest, ASpoiltSecretIsReplacedCountedAndNothingThatIsServedChanges) {
  const auto replica = StartAndServe();
  const AuthorityState old = Now();
  const std::string serial = Serial(*replica);
  Json secret = *api_->Find(kSecrets, kSecret);
  secret["metadata"]["labels"]["kept"] = "yes";
  secret["data"]["ca.key"] = "AAAA";
  api_->Put(kSecrets, secret);
  ASSERT_TRUE(Eventually([&] { return Stored().has_value(); }));
  EXPECT_EQ(Now().authority.key, old.authority.key);
  EXPECT_EQ(Serial(*replica), serial);
  EXPECT_EQ(StringAt(*api_->Find(kSecrets, kSecret), "metadata/labels/kept"), "yes");
  EXPECT_TRUE(Eventually([&] { return replica->source.Stats().unreadable == 1; }));
}

TEST_F(BuiltInSourceTest, ASecretThatWasSpoiltWhileNobodyRanIsMadeAnew) {
  api_->Put(kSecrets, {{"metadata", {{"namespace", kSecret.ns}, {"name", kSecret.name}}},
                       {"data", {{"ca.crt", "bm90aGluZw=="}}}});
  const auto replica = StartAndServe();
  EXPECT_TRUE(Stored());
}

TEST_F(BuiltInSourceTest, AnExpiredLeafIsRenewedAtTheStart) {
  StartAndServe();
  const AuthorityState old = Now();
  clock_.Advance(policy_.leaf_lifetime + hours(1));
  const auto replica = StartAndServe();
  EXPECT_EQ(Now().authority.certificate, old.authority.certificate);
  EXPECT_NE(Now().leaf.certificate, old.leaf.certificate);
  EXPECT_GT(replica->source.NotAfter(), clock_.Now());
}

TEST_F(BuiltInSourceTest, TheClockThatCountsIsTheApiServers) {
  // Ours was set a year ahead; theirs is what FakeClock began with, 2026-09-21.
  clock_.JumpWallClock(hours(24 * 365));
  Intercept([](const HttpRequest& request) -> std::optional<Result<HttpResponse>> {
    if (request.target != "/version") return std::nullopt;
    return HttpResponse{200, {{"Date", "Mon, 21 Sep 2026 14:13:20 GMT"}}, "{}"};
  });
  const auto replica = StartAndServe();
  const auto times = CheckAuthority(Now(), kName);
  const Time theirs = clock_.Now() - hours(24 * 365);
  EXPECT_LT(times->leaf.not_before, theirs);
  EXPECT_LT(times->leaf.not_after, theirs + policy_.leaf_lifetime + hours(1));
}

TEST_F(BuiltInSourceTest, WhatTheApiServerRefusesIsTriedAgain) {
  std::atomic<bool> refuses = true;
  std::atomic<int> refused = 0;
  Intercept([&](const HttpRequest& request) -> std::optional<Result<HttpResponse>> {
    if (request.method != "POST" || !refuses) return std::nullopt;
    ++refused;
    return HttpResponse{403, {}, R"({"kind":"Status","reason":"Forbidden","message":"no"})"};
  });
  const auto replica = Start();
  EXPECT_TRUE(Eventually([&] { return refused >= 3; }));
  EXPECT_THAT(replica->source.Healthy().error().message, HasSubstr("no serving certificate yet"));
  refuses = false;
  EXPECT_TRUE(Eventually([&] { return replica->source.Current() != nullptr; }));
}

}  // namespace
}  // namespace countersign
