// metrics.h: what the webhook counts, in Prometheus' text format.
//
// Few series: labels are verdicts, kinds and flags, never names that users choose. Thread-safe.
#pragma once

#include <memory>
#include <string>

#include "audit/decision_record.h"
#include "catalog/catalog.h"
#include "webhook/http/server.h"

namespace countersign {

class WebhookMetrics {
 public:
  WebhookMetrics();
  ~WebhookMetrics();

  void Count(const DecisionRecord& record);

  // What is read when somebody scrapes.
  struct Sources {
    http::ServerStats server;
    Time certificate_expiry;
    const Catalog& catalog;
  };
  [[nodiscard]] std::string Text(const Sources& sources);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace countersign
