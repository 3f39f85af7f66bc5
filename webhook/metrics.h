// metrics.h: what the webhook counts, in Prometheus' text format.
//
// Few series: labels are verdicts, kinds, flags and our own reason codes, never names that users
// choose; at most kMaxSeries lines of values. Thread-safe.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "audit/decision_record.h"
#include "catalog/catalog.h"
#include "webhook/authority/built_in_source.h"
#include "webhook/http/server.h"

namespace countersign {

inline constexpr std::size_t kMaxSeries = 300;
// Of countersign_admission_reasons_total; what comes beyond is counted as "other".
inline constexpr std::size_t kMaxReasonSeries = 80;

class WebhookMetrics {
 public:
  explicit WebhookMetrics(std::string version);
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
  };
  [[nodiscard]] std::string Text(const Sources& sources);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace countersign
