#include "webhook/metrics.h"

#include <mutex>
#include <vector>

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

namespace countersign {
namespace {

struct Total {
  const char* name;
  const char* help;
  std::uint64_t http::ServerStats::* value;
};

constexpr Total kTotals[] = {
    {"countersign_webhook_connections_accepted_total", "Connections that were accepted.",
     &http::ServerStats::accepted},
    {"countersign_webhook_requests_total", "Requests that were given to a handler.",
     &http::ServerStats::requests},
    {"countersign_webhook_tls_failures_total", "TLS handshakes that failed.",
     &http::ServerStats::tls_failures},
    {"countersign_webhook_handler_exceptions_total", "Requests that ended in an exception.",
     &http::ServerStats::handler_exceptions}};

// The server keeps its totals itself. A total that is read late never lowers a counter.
void RaiseTo(prometheus::Counter& counter, std::uint64_t total) {
  const double more = static_cast<double>(total) - counter.Value();
  if (more > 0) counter.Increment(more);
}

// Seconds. An evaluation takes tens of microseconds, one with a live read some milliseconds.
const prometheus::Histogram::BucketBoundaries kBuckets = {
    0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5};

// A kind comes from the request: only ours become label values.
std::string KindLabel(const std::string& kind) {
  for (const std::string_view known :
       {GovernancePolicySpec::kKind, UseCaseSpec::kKind, ModelDeploymentSpec::kKind,
        SignOffSpec::kKind, ReproducibilitySnapshotSpec::kKind, BiasTestSpec::kKind,
        EvidenceSpec::kKind, WaiverSpec::kKind, IncidentSpec::kKind}) {
    if (kind == known) return kind;
  }
  return "other";
}

}  // namespace

class WebhookMetrics::Impl {
 public:
  Impl()
      : decisions_(prometheus::BuildCounter()
                       .Name("countersign_admission_decisions_total")
                       .Help("Admission decisions by kind, verdict and dry run.")
                       .Register(registry_)),
        seconds_(prometheus::BuildHistogram()
                     .Name("countersign_admission_duration_seconds")
                     .Help("Time from parsed bytes to answer.")
                     .Register(registry_)
                     .Add({}, kBuckets)),
        server_(prometheus::BuildGauge()
                    .Name("countersign_webhook_server")
                    .Help("State of the HTTPS server, by what is counted.")
                    .Register(registry_)),
        refused_(prometheus::BuildCounter()
                     .Name("countersign_webhook_refused_total")
                     .Help("Connections and requests that were not served, by reason.")
                     .Register(registry_)),
        cached_(prometheus::BuildGauge()
                    .Name("countersign_cache_objects")
                    .Help("Objects in the caches, by kind.")
                    .Register(registry_)),
        unreadable_(prometheus::BuildGauge()
                        .Name("countersign_cache_unreadable_objects")
                        .Help("Objects in the caches that could not be decoded, by kind.")
                        .Register(registry_)),
        synced_(prometheus::BuildGauge()
                    .Name("countersign_cache_synced")
                    .Help("1 when every cache holds the cluster's state.")
                    .Register(registry_)
                    .Add({})),
        expiry_(prometheus::BuildGauge()
                    .Name("countersign_certificate_expiry_timestamp_seconds")
                    .Help("When the serving certificate ends, Unix time.")
                    .Register(registry_)
                    .Add({})) {
    for (const Total& total : kTotals) {
      totals_.push_back(&prometheus::BuildCounter()
                             .Name(total.name)
                             .Help(total.help)
                             .Register(registry_)
                             .Add({}));
    }
  }

  void Count(const DecisionRecord& record) {
    const std::string verdict = record.decision != nullptr
                                    ? std::string(VerdictName(record.decision->verdict))
                                : record.allowed ? "Allow"
                                                 : "Deny";
    decisions_
        .Add({{"kind", KindLabel(record.kind)},
              {"verdict", verdict},
              {"allowed", record.allowed ? "true" : "false"},
              {"dry_run", record.dry_run ? "true" : "false"}})
        .Increment();
    seconds_.Observe(static_cast<double>(record.latency_micros) / 1e6);
  }

  std::string Text(const Sources& sources) {
    const http::ServerStats& stats = sources.server;
    // Two who ask at once must not both add the difference.
    const std::lock_guard lock(scrape_);
    for (std::size_t i = 0; i < totals_.size(); ++i) {
      RaiseTo(*totals_[i], stats.*kTotals[i].value);
    }
    const std::pair<const char*, std::uint64_t> values[] = {
        {"connections", stats.active},    {"silent_connections", stats.silent},
        {"idle_connections", stats.idle}, {"in_flight", stats.in_flight},
        {"queued", stats.queued},         {"buffered_bytes", stats.buffered_bytes}};
    for (const auto& [name, value] : values) {
      server_.Add({{"what", name}}).Set(static_cast<double>(value));
    }
    for (std::size_t i = 0; i < http::kRefusals; ++i) {
      RaiseTo(refused_.Add({{"reason", http::RefusalName(static_cast<http::Refusal>(i))}}),
              stats.refused.at(i));
    }
    const Catalog& c = sources.catalog;
    const std::pair<std::string_view, const InformerBase*> caches[] = {
        {GovernancePolicySpec::kKind, &c.policies()},
        {UseCaseSpec::kKind, &c.use_cases()},
        {ModelDeploymentSpec::kKind, &c.deployments()},
        {SignOffSpec::kKind, &c.sign_offs()},
        {ReproducibilitySnapshotSpec::kKind, &c.snapshots()},
        {BiasTestSpec::kKind, &c.bias_tests()},
        {EvidenceSpec::kKind, &c.reports()},
        {WaiverSpec::kKind, &c.waivers()},
        {IncidentSpec::kKind, &c.incidents()}};
    for (const auto& [kind, cache] : caches) {
      const prometheus::Labels labels = {{"kind", std::string(kind)}};
      cached_.Add(labels).Set(static_cast<double>(cache->Size()));
      unreadable_.Add(labels).Set(static_cast<double>(cache->UndecodableCount()));
    }
    synced_.Set(c.HasSynced() ? 1 : 0);
    expiry_.Set(static_cast<double>(std::chrono::duration_cast<std::chrono::seconds>(
                                        sources.certificate_expiry.time_since_epoch())
                                        .count()));
    return prometheus::TextSerializer().Serialize(registry_.Collect());
  }

 private:
  prometheus::Registry registry_;
  prometheus::Family<prometheus::Counter>& decisions_;
  prometheus::Histogram& seconds_;
  prometheus::Family<prometheus::Gauge>& server_;
  prometheus::Family<prometheus::Counter>& refused_;
  prometheus::Family<prometheus::Gauge>& cached_;
  prometheus::Family<prometheus::Gauge>& unreadable_;
  prometheus::Gauge& synced_;
  prometheus::Gauge& expiry_;
  std::vector<prometheus::Counter*> totals_;  // as kTotals
  std::mutex scrape_;
};

WebhookMetrics::WebhookMetrics() : impl_(std::make_unique<Impl>()) {}
WebhookMetrics::~WebhookMetrics() = default;
void WebhookMetrics::Count(const DecisionRecord& record) { impl_->Count(record); }
std::string WebhookMetrics::Text(const Sources& sources) { return impl_->Text(sources); }

}  // namespace countersign
