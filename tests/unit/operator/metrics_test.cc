#include "operator/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

namespace countersign {
namespace {

using ::testing::HasSubstr;

// As the operator's own, of `memory` and nothing else.
OperatorMetrics::Sources Of(const Memory& memory, const Time& now) {
  return {[] { return WorkQueueStats{}; },
          [] { return true; },
          [&memory, now] { return memory.Summarise(now, Seconds(60), Seconds(60)); },
          [] { return std::uint64_t{0}; },
          [] { return std::map<std::string, std::size_t>{}; },
          [] { return std::vector<CacheAge>{}; },
          [] { return true; },
          [] { return std::map<GuardMode, std::size_t>{}; },
          [] { return std::size_t{0}; },
          [] { return ExemptCounts{}; },
          [] { return std::map<std::string, double>{}; }};
}

std::string Emergencies(const char* state, int count) {
  return "countersign_emergency_deployments{state=\"" + std::string(state) + "\"} " +
         std::to_string(count) + "\n";
}

TEST(Metrics, CountDeploymentsByTheEmergenciesThatNobodySignedOff) {
  Memory memory;
  OperatorMetrics metrics("x", Of(memory, Time{}));
  EXPECT_THAT(metrics.Text(), HasSubstr(Emergencies("open", 0)));
  const auto remember = [&](const std::string& name, Emergency emergency) {
    Remembered one = memory.Get({"env", name}, "uid");
    one.emergency = emergency;
    memory.Set({"env", name}, one);
  };
  remember("a", Emergency::kOpen);
  remember("b", Emergency::kOpen);
  remember("c", Emergency::kOverdue);
  remember("d", Emergency::kNone);
  EXPECT_THAT(metrics.Text(), HasSubstr(Emergencies("open", 2)));
  EXPECT_THAT(metrics.Text(), HasSubstr(Emergencies("overdue", 1)));
  remember("a", Emergency::kNone);
  memory.Forget({"env", "c"});
  EXPECT_THAT(metrics.Text(), HasSubstr(Emergencies("open", 1)));
  EXPECT_THAT(metrics.Text(), HasSubstr(Emergencies("overdue", 0)));
}

// Each of the operator's controllers with each result, and every cache that it can have.
TEST(Metrics, HaveFewSeriesWhateverTheControllersMeet) {
  constexpr int kControllers = 16;  // two more than there are
  constexpr int kKinds = 20;
  Memory memory;
  OperatorMetrics::Sources sources = Of(memory, Time{});
  sources.busy = [] {
    std::map<std::string, double> busy;
    for (int i = 0; i < kControllers; ++i) busy["controller-" + std::to_string(i)] = 1;
    return busy;
  };
  sources.caches = [] {
    std::vector<CacheAge> ages;
    for (int i = 0; i < kKinds; ++i) ages.push_back({"Kind" + std::to_string(i), {}});
    return ages;
  };
  sources.admission_differences = [] {
    return std::map<std::string, std::size_t>{{"mutating", 1}, {"validating", 1}, {"policies", 1}};
  };
  OperatorMetrics metrics("x", std::move(sources));
  for (int i = 0; i < kControllers; ++i) {
    for (const auto kind : {ReconcileResult::Kind::kDone, ReconcileResult::Kind::kWait,
                            ReconcileResult::Kind::kConflict, ReconcileResult::Kind::kFailed}) {
      ReconcileResult result;
      result.kind = kind;
      metrics.Reconciled("controller-" + std::to_string(i), result, std::chrono::seconds(1));
    }
  }
  std::istringstream text(metrics.Text());
  std::size_t series = 0;
  for (std::string line; std::getline(text, line);) series += !line.empty() && line[0] != '#';
  EXPECT_GT(series, 2U * kControllers);
  EXPECT_LE(series, kMaxOperatorSeries);
}

}  // namespace
}  // namespace countersign
