// When the operator says that only a new start can help.
#include <gmock/gmock.h>

#include <atomic>
#include <future>

#include "tests/unit/operator/operator_site.h"

namespace countersign {
namespace {

using ::testing::HasSubstr;

TEST(OperatorLiveness, AWorkerThatIsStuckForLongIsTold) {
  std::promise<void> open;
  const std::shared_future<void> opened = open.get_future().share();
  std::atomic<bool> stuck = false;
  OperatorSite site;
  site.api->Intercept([&](const HttpRequest& request) -> std::optional<Result<HttpResponse>> {
    if (request.method == "PATCH") {
      stuck = true;
      opened.wait();
    }
    return std::nullopt;
  });
  site.PutPolicy();
  site.PutUseCase();
  site.Start();
  site.Until("a worker to be stuck", [&] { return stuck.load(); });
  const SteadyTime later = site.clock.Steady() + kMaxReconcile;
  EXPECT_EQ(site.program->Stalled(site.clock.Steady()), std::nullopt);
  EXPECT_THAT(site.program->Stalled(later).value_or(""), HasSubstr("at one object for 5 minutes"));
  // Long before, Prometheus knows.
  const auto busy = [&] {
    const std::string text = site.program->MetricsText();
    for (const char* controller : {"governancepolicy", "usecase"}) {
      const std::string name =
          "countersign_reconcile_busy_seconds{controller=\"" + std::string(controller) + "\"} ";
      const auto at = text.find(name);
      if (at != std::string::npos && std::stod(text.substr(at + name.size())) > 0) return true;
    }
    return false;
  };
  EXPECT_TRUE(busy());
  open.set_value();
  site.Until("it to go on", [&] { return !site.program->Stalled(later) && !busy(); });
}

}  // namespace
}  // namespace countersign
