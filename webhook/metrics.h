// metrics.h: what the webhook counts, in Prometheus' text format.
//
// Few series: labels are verdicts, kinds, flags and our own reason codes, never names that users
// choose; at most kMaxSeries lines of values. Thread-safe.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "audit/decision_record.h"
#include "catalog/catalog.h"
#include "webhook/authority/built_in_source.h"
#include "webhook/http/server.h"

namespace countersign {

inline constexpr std::size_t kMaxSeries = 300;
// Of countersign_admission_reasons_total, and of countersign_admission_decisions_total about kinds
// of others; what comes beyond is counted as "other".
inline constexpr std::size_t kMaxReasonSeries = 80;
inline constexpr std::size_t kMaxServingSeries = 60;

class WebhookMetrics {
 public:
  // `serving_kinds`: those of the serving table, which are counted by name as ours are.
  explicit WebhookMetrics(std::string version, std::set<std::string> serving_kinds = {});
  ~WebhookMetrics();

  void Count(const DecisionRecord& record);

  // What is read when somebody scrapes.
  struct Sources {
    http::ServerStats server;
    Time certificate_expiry;
    const Catalog& catalog;
    SteadyTime now;
    bool ready = false;
    std::uint64_t lost_records = 0;
    std::optional<AuthorityStats> authority = std::nullopt;  // where it is the built-in one
    std::chrono::seconds certificate_lifetime{0};
    std::optional<std::uint64_t> certificate_failures = std::nullopt;  // where it is in files
    std::vector<CacheStatus> guard = {};                               // its caches
  };
  [[nodiscard]] std::string Text(const Sources& sources);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace countersign
