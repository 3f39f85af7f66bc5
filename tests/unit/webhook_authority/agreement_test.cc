// Replicas, the operator and API servers that each see the world a little late, in random order:
// whatever happens, no API server is shown a leaf of an authority that it does not trust.
#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "webhook/authority/rotation.h"

namespace countersign {
namespace {

using std::chrono::seconds;

constexpr char kName[] = "countersign-webhook.system.svc";
constexpr std::size_t kReplicas = 3;
// What anybody sees is at most so old, and both waits of the policy are longer than that.
constexpr seconds kLag{2};
const RotationPolicy kPolicy{Seconds(90 * 86400), Seconds(730 * 86400), Seconds(6), Seconds(6)};

template <class T>
struct Written {
  T value;
  SteadyTime at;
};

struct Secret {
  std::optional<AuthorityState> state;  // none: deleted, or spoilt
  bool spoilt = false;
  bool asked = false;
};

struct Replica {
  std::size_t secret = 0;  // the version that it has seen
  std::size_t bundle = 0;
  std::optional<AuthorityState> remembered;
  std::string serves;  // certificate of the authority whose leaf it serves
  bool ready = false;
  RotationTimers timers;
};

class World {
 public:
  explicit World(unsigned seed) : random_(seed), replicas_(kReplicas) {
    secrets_.push_back({{}, steady_});
    bundles_.push_back({"", steady_});
    for (Replica& replica : replicas_) Start(replica);
  }

  void Tick(bool quiet) {
    steady_ += seconds(1);
    now_ += seconds(1);
    for (int i = 0; i < 12; ++i) Event(quiet);
    CatchUp();
    Check();
  }

  [[nodiscard]] const Secret& Now() const { return secrets_.back().value; }
  [[nodiscard]] const std::string& BundleNow() const { return bundles_.back().value; }
  [[nodiscard]] int Taken(RotationStep step) { return taken_[step]; }
  void Ask() { Put({Now().state, Now().spoilt, true}); }

 private:
  bool Once(int in) { return std::uniform_int_distribution<int>(1, in)(random_) == 1; }

  void Event(bool quiet) {
    Replica& replica = replicas_.at(random_() % kReplicas);
    switch (random_() % 6) {
      case 0:
        if (replica.secret + 1 < secrets_.size()) See(replica);
        break;
      case 1:
        if (replica.bundle + 1 < bundles_.size()) ++replica.bundle;
        break;
      case 2: Turn(replica); break;
      case 3: Publish(); break;
      case 4:
        if (operator_ + 1 < secrets_.size()) ++operator_;
        break;
      default:
        if (!quiet) Disturb(replica);
    }
    Check();
  }

  void Disturb(Replica& replica) {
    if (!Now().state) return;  // one fault at a time
    if (Once(40)) Put({std::nullopt, false, false});
    if (Once(40)) Put({std::nullopt, true, false});
    if (Once(20)) Ask();
    if (Once(40) && Now().state) {
      replica = {};
      Start(replica);
    }
    if (Once(60)) {
      bundles_.push_back({"", steady_});
      wiped_ = true;
    }
  }

  void Start(Replica& replica) {
    replica.secret = secrets_.size() - 1;
    replica.bundle = bundles_.size() - 1;
    Adopt(replica);
  }

  void See(Replica& replica) {
    ++replica.secret;
    Adopt(replica);
  }

  void Adopt(Replica& replica) {
    const Secret& secret = secrets_.at(replica.secret).value;
    if (!secret.state) return;
    replica.remembered = secret.state;
    replica.serves = secret.state->authority.certificate;
  }

  [[nodiscard]] bool Trusts(const Replica& replica, const std::string& certificate) const {
    return bundles_.at(replica.bundle).value.find(certificate) != std::string::npos;
  }

  void Turn(Replica& replica) {
    const Secret& secret = secrets_.at(replica.secret).value;
    RotationView view;
    view.remembered = replica.remembered.has_value();
    AuthorityState before = replica.remembered.value_or(AuthorityState{});
    if (secret.state) {
      before = *secret.state;
      view.stored = RotationView::Stored::kReadable;
      view.times = CheckAuthority(before, kName).value();
      view.has_previous = !before.previous.empty();
      view.rotation_asked = secret.asked;
      replica.timers.See(before, before.next && Trusts(replica, before.next->certificate), steady_,
                         view);
      replica.ready = replica.ready || Trusts(replica, replica.serves);
    } else if (secret.spoilt) {
      view.stored = RotationView::Stored::kUnreadable;
    }
    const RotationPlan plan = PlanRotation(view, kPolicy, now_, 0);
    if (plan.step == RotationStep::kNone) return;
    // Another one wrote in between: the resourceVersion is not the latest.
    if (replica.secret + 1 != secrets_.size()) return;
    const bool asked = plan.step == RotationStep::kRestore ||
                       (secret.asked && plan.step != RotationStep::kPrepare);
    Put({Advance(plan.step, before, kPolicy, kName, now_).value(), false, asked});
    ++taken_[plan.step];
    See(replica);
  }

  void Put(Secret secret) { secrets_.push_back({std::move(secret), steady_}); }

  void Publish() {
    const Secret& secret = secrets_.at(operator_).value;
    if (!secret.state || secret.state->Bundle() == BundleNow()) return;
    bundles_.push_back({secret.state->Bundle(), steady_});
  }

  // Nobody's knowledge is older than kLag.
  void CatchUp() {
    const auto late = [this](const auto& all, std::size_t seen) {
      return seen + 1 < all.size() && steady_ - all.at(seen + 1).at >= kLag;
    };
    for (Replica& replica : replicas_) {
      while (late(secrets_, replica.secret)) See(replica);
      while (late(bundles_, replica.bundle)) ++replica.bundle;
    }
    while (late(secrets_, operator_)) ++operator_;
  }

  void Check() {
    // An API server may use any bundle that was still the latest kLag ago.
    std::vector<const std::string*> used;
    for (std::size_t i = 0; i < bundles_.size(); ++i) {
      const bool latest = i + 1 == bundles_.size();
      if (latest || steady_ - bundles_.at(i + 1).at <= kLag) used.push_back(&bundles_.at(i).value);
    }
    if (wiped_) {
      for (const std::string* bundle : used) {
        if (bundle->empty()) return;
      }
      wiped_ = false;
    }
    for (const Replica& replica : replicas_) {
      if (!replica.ready) continue;
      for (const std::string* bundle : used) {
        ASSERT_NE(bundle->find(replica.serves), std::string::npos)
            << "a leaf is served that some API server does not accept";
      }
    }
  }

  std::minstd_rand random_;
  SteadyTime steady_{std::chrono::hours(1)};
  Time now_{seconds(1'790'000'000)};
  std::vector<Written<Secret>> secrets_;
  std::vector<Written<std::string>> bundles_;
  std::vector<Replica> replicas_;
  std::size_t operator_ = 0;
  bool wiped_ = true;  // nothing is published at first
  std::map<RotationStep, int> taken_;
};

class AgreementTest : public testing::TestWithParam<unsigned> {};

TEST_P(AgreementTest, NoApiServerIsShownALeafThatItDoesNotTrustAndAllComesToRest) {
  World world(GetParam());
  for (int i = 0; i < 150; ++i) {
    world.Tick(false);
    if (HasFatalFailure()) return;
  }
  EXPECT_GT(world.Taken(RotationStep::kPromote), 2);
  EXPECT_GT(world.Taken(RotationStep::kRestore), 0);
  EXPECT_EQ(world.Taken(RotationStep::kCreate), 1) << "replicas that begin agree on one authority";
  for (int i = 0; i < 60; ++i) {
    world.Tick(true);
    if (HasFatalFailure()) return;
  }
  ASSERT_TRUE(world.Now().state);
  EXPECT_EQ(world.BundleNow(), world.Now().state->authority.certificate);
  const std::string old = world.Now().state->authority.certificate;
  world.Ask();
  for (int i = 0; i < 40; ++i) world.Tick(true);
  EXPECT_NE(world.Now().state->authority.certificate, old);
  EXPECT_EQ(world.BundleNow(), world.Now().state->authority.certificate);
}

INSTANTIATE_TEST_SUITE_P(Seeds, AgreementTest, testing::Range(1U, 7U));

}  // namespace
}  // namespace countersign
