#include "webhook/metrics.h"

#include <algorithm>
#include <mutex>
#include <set>
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
    0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025,
    0.005,   0.01,     0.05,    0.1,    0.5,     1,      2.5,   5};

double UnixSeconds(Time time) {
  return static_cast<double>(
      std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count());
}

bool IsOurs(const std::string& kind) {
  const auto ours = {GovernancePolicySpec::kKind,
                     UseCaseSpec::kKind,
                     ModelDeploymentSpec::kKind,
                     SignOffSpec::kKind,
                     ReproducibilitySnapshotSpec::kKind,
                     BiasTestSpec::kKind,
                     EvidenceSpec::kKind,
                     WaiverSpec::kKind,
                     IncidentSpec::kKind,
                     ModelRecordSpec::kKind};
  return std::find(ours.begin(), ours.end(), kind) != ours.end();
}

// The first so many label sets of a family, under whoever asks; thread-safe.
class Few {
 public:
  explicit Few(std::size_t most) : most_(most) {}
  // Whether these have a series of their own.
  bool Take(const prometheus::Labels& labels) {
    const std::lock_guard lock(mutex_);
    if (seen_.contains(labels)) return true;
    if (seen_.size() >= most_) return false;
    seen_.insert(labels);
    return true;
  }

 private:
  const std::size_t most_;
  std::mutex mutex_;
  std::set<prometheus::Labels> seen_;  // under mutex_
};

}  // namespace

class WebhookMetrics::Impl {
 public:
  Impl(std::string version, std::set<std::string> serving_kinds)
      : serving_kinds_(std::move(serving_kinds)),
        decisions_(prometheus::BuildCounter()
                       .Name("countersign_admission_decisions_total")
                       .Help("Admission decisions by kind, verdict and dry run.")
                       .Register(registry_)),
        reasons_(prometheus::BuildCounter()
                     .Name("countersign_admission_reasons_total")
                     .Help("Reasons of admission decisions that were not plainly allowed.")
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
        silence_(prometheus::BuildGauge()
                     .Name("countersign_cache_silence_seconds")
                     .Help("Since when the API server has not been heard about a kind.")
                     .Register(registry_)),
        synced_(
            OneGauge("countersign_cache_synced", "1 when every cache holds the cluster's state.")),
        ready_(OneGauge("countersign_ready", "1 when the replica says that it is ready.")),
        expiry_(OneGauge("countersign_certificate_expiry_timestamp_seconds",
                         "When the serving certificate ends, Unix time.")),
        lifetime_(OneGauge("countersign_certificate_lifetime_seconds",
                           "How long the serving certificate is valid in all.")),
        unloaded_(prometheus::BuildCounter()
                      .Name("countersign_certificate_load_failures_total")
                      .Help("Times that the files of the certificate or of the client CA were "
                            "found spoilt or missing; what was served before goes on.")
                      .Register(registry_)),
        authority_expiry_(prometheus::BuildGauge()
                              .Name("countersign_certificate_authority_expiry_timestamp_seconds")
                              .Help("When the built-in authority that is served ends, Unix time.")
                              .Register(registry_)),
        authority_steps_(prometheus::BuildCounter()
                             .Name("countersign_certificate_authority_steps_total")
                             .Help("Steps of the built-in authority taken by this replica.")
                             .Register(registry_)),
        authority_unreadable_(
            prometheus::BuildCounter()
                .Name("countersign_certificate_authority_unreadable_total")
                .Help("Times the Secret of the built-in authority was found unreadable.")
                .Register(registry_)),
        lost_records_(prometheus::BuildCounter()
                          .Name("countersign_decision_records_lost_total")
                          .Help("Decision records that could not be written.")
                          .Register(registry_)
                          .Add({})) {
    OneGauge("countersign_build_info", "1, with the version as label.",
             {{"version", std::move(version)}, {"program", "countersign-webhook"}})
        .Set(1);
    // An alert rests on it, so it has its series before others could take their place.
    for (const char* dry_run : {"false", "true"}) {
      const prometheus::Labels labels = {
          {"reason", "InternalError"}, {"allowed", "false"}, {"dry_run", dry_run}};
      reasoned_.Take(labels);
      reasons_.Add(labels);
    }
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
    prometheus::Labels labels = {{"kind", record.kind},
                                 {"verdict", verdict},
                                 {"allowed", record.allowed ? "true" : "false"},
                                 {"dry_run", record.dry_run ? "true" : "false"}};
    // A kind comes from the request: only those that are known become values of the label.
    if (!IsOurs(record.kind) && (!serving_kinds_.contains(record.kind) || !served_.Take(labels))) {
      labels["kind"] = "other";
    }
    decisions_.Add(labels).Increment();
    CountReasons(record);
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
    std::vector<CacheStatus> caches = sources.catalog.Caches();
    caches.insert(caches.end(), sources.guard.begin(), sources.guard.end());
    for (const CacheStatus& cache : caches) {
      const prometheus::Labels labels = {{"kind", std::string(cache.kind)}};
      cached_.Add(labels).Set(static_cast<double>(cache.objects));
      unreadable_.Add(labels).Set(static_cast<double>(cache.undecodable));
      if (!cache.last_heard) continue;
      silence_.Add(labels).Set(
          std::chrono::duration<double>(sources.now - *cache.last_heard).count());
    }
    const bool synced = std::all_of(caches.begin(), caches.end(),
                                    [](const CacheStatus& cache) { return cache.synced; });
    synced_.Set(synced ? 1 : 0);
    ready_.Set(sources.ready ? 1 : 0);
    RaiseTo(lost_records_, sources.lost_records);
    expiry_.Set(UnixSeconds(sources.certificate_expiry));
    lifetime_.Set(static_cast<double>(sources.certificate_lifetime.count()));
    if (sources.certificate_failures) RaiseTo(unloaded_.Add({}), *sources.certificate_failures);
    if (sources.authority) CountAuthority(*sources.authority);
    return prometheus::TextSerializer().Serialize(registry_.Collect());
  }

 private:
  void CountAuthority(const AuthorityStats& stats) {
    authority_expiry_.Add({}).Set(UnixSeconds(stats.not_after));
    for (std::size_t i = 1; i < kRotationSteps; ++i) {  // the first is doing nothing
      const std::string step(StepName(static_cast<RotationStep>(i)));
      RaiseTo(authority_steps_.Add({{"step", step}}), stats.steps.at(i));
    }
    RaiseTo(authority_unreadable_.Add({}), stats.unreadable);
  }

  prometheus::Gauge& OneGauge(const char* name, const char* help,
                              const prometheus::Labels& labels = {}) {
    return prometheus::BuildGauge().Name(name).Help(help).Register(registry_).Add(labels);
  }

  // A reason is one of our codes, of which there are more than series may be.
  void CountReasons(const DecisionRecord& record) {
    for (const std::string& reason : record.reasons) {
      prometheus::Labels labels = {{"reason", reason},
                                   {"allowed", record.allowed ? "true" : "false"},
                                   {"dry_run", record.dry_run ? "true" : "false"}};
      if (!reasoned_.Take(labels)) labels["reason"] = "other";
      reasons_.Add(labels).Increment();
    }
  }

  const std::set<std::string> serving_kinds_;
  prometheus::Registry registry_;
  prometheus::Family<prometheus::Counter>& decisions_;
  prometheus::Family<prometheus::Counter>& reasons_;
  prometheus::Histogram& seconds_;
  prometheus::Family<prometheus::Gauge>& server_;
  prometheus::Family<prometheus::Counter>& refused_;
  prometheus::Family<prometheus::Gauge>& cached_;
  prometheus::Family<prometheus::Gauge>& unreadable_;
  prometheus::Family<prometheus::Gauge>& silence_;
  prometheus::Gauge& synced_;
  prometheus::Gauge& ready_;
  prometheus::Gauge& expiry_;
  prometheus::Gauge& lifetime_;
  prometheus::Family<prometheus::Counter>& unloaded_;
  prometheus::Family<prometheus::Gauge>& authority_expiry_;
  prometheus::Family<prometheus::Counter>& authority_steps_;
  prometheus::Family<prometheus::Counter>& authority_unreadable_;
  prometheus::Counter& lost_records_;
  std::vector<prometheus::Counter*> totals_;  // as kTotals
  std::mutex scrape_;
  Few reasoned_{kMaxReasonSeries};
  Few served_{kMaxServingSeries};
};

WebhookMetrics::WebhookMetrics(std::string version, std::set<std::string> serving_kinds)
    : impl_(std::make_unique<Impl>(std::move(version), std::move(serving_kinds))) {}
WebhookMetrics::~WebhookMetrics() = default;
void WebhookMetrics::Count(const DecisionRecord& record) { impl_->Count(record); }
std::string WebhookMetrics::Text(const Sources& sources) { return impl_->Text(sources); }

}  // namespace countersign
