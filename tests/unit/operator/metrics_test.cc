#include "operator/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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

}  // namespace
}  // namespace countersign
