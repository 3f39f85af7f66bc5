// metrics.h: what Prometheus is told about the operator.
//
// Counters and a histogram are fed as things happen; gauges of the queue, of leadership and of the
// deployments by verdict are read when somebody asks. Text() is the exposition format, version
// 0.0.4. Names follow https://prometheus.io/docs/practices/naming/. Thread-safe.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include "operator/controller.h"
#include "operator/memory.h"
#include "operator/serving_scan.h"

namespace countersign {

// Since when the API server has not been heard about a kind.
struct CacheAge {
  std::string kind;
  std::chrono::duration<double> silence;
};

// Lines of values, at most, whatever the controllers met.
inline constexpr std::size_t kMaxOperatorSeries = 300;

class OperatorMetrics {
 public:
  // What is read at each scrape.
  struct Sources {
    std::function<WorkQueueStats()> queue;
    std::function<bool()> leader;
    std::function<Memory::Summary()> summary;
    std::function<std::uint64_t()> dropped_events;
    std::function<std::map<std::string, std::size_t>()> admission_differences;
    std::function<std::vector<CacheAge>()> caches;
    std::function<bool()> ready;
    std::function<std::map<GuardMode, std::size_t>()> shadows;  // of the last scan
    std::function<std::size_t()> unread_kinds;                  // likewise
    std::function<ExemptCounts()> exempt;                       // likewise
    std::function<std::map<std::string, double>()> busy;        // seconds by controller
  };
  OperatorMetrics(std::string version, Sources sources);

  void Reconciled(const std::string& controller, const ReconcileResult& result,
                  std::chrono::nanoseconds took);
  [[nodiscard]] std::string Text();

 private:
  const Sources sources_;
  prometheus::Registry registry_;
  prometheus::Family<prometheus::Counter>& reconciles_;
  prometheus::Family<prometheus::Histogram>& durations_;
  prometheus::Family<prometheus::Gauge>& busy_;
  prometheus::Gauge& queued_;
  prometheus::Gauge& delayed_;
  prometheus::Gauge& leader_;
  prometheus::Family<prometheus::Gauge>& deployments_;
  prometheus::Gauge& expiring_;
  prometheus::Gauge& waived_;
  prometheus::Gauge& waivers_ending_;
  prometheus::Family<prometheus::Gauge>& emergencies_;
  prometheus::Family<prometheus::Gauge>& silence_;
  prometheus::Gauge& ready_;
  prometheus::Family<prometheus::Gauge>& shadows_;
  prometheus::Gauge& unread_kinds_;
  prometheus::Family<prometheus::Gauge>& exempt_;
  prometheus::Counter& dropped_events_;
  prometheus::Family<prometheus::Gauge>& admission_differences_;
  prometheus::Counter& lost_records_;
  std::mutex scrape_;
};

// Horizon of countersign_gates_expiring: time enough for a person to renew a sign-off.
inline constexpr Seconds kExpiringSoon{14 * 86400};
// Of countersign_gates_waived_ending: time enough to finish what the waiver was for, or to renew
// it.
inline constexpr Seconds kWaiverEndsSoon{3 * 86400};

}  // namespace countersign
