#include "operator/metrics.h"

#include <prometheus/text_serializer.h>

#include "base/log.h"

namespace countersign {
namespace {

// A reconcile at rest takes well below a millisecond, one that writes a few calls of tens. Each
// controller has these, so they are few.
const prometheus::Histogram::BucketBoundaries kSeconds{0.001, 0.01, 0.1, 1, 5, 30};

const char* ResultName(ReconcileResult::Kind kind) {
  switch (kind) {
    case ReconcileResult::Kind::kDone: return "done";
    case ReconcileResult::Kind::kWait: return "wait";
    case ReconcileResult::Kind::kConflict: return "conflict";
    case ReconcileResult::Kind::kFailed: return "failed";
  }
  return "failed";
}

prometheus::Gauge& OneGauge(prometheus::Registry& registry, const char* name, const char* help,
                            const prometheus::Labels& labels = {}) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(registry).Add(labels);
}

}  // namespace

OperatorMetrics::OperatorMetrics(std::string version, Sources sources)
    : sources_(std::move(sources)),
      reconciles_(prometheus::BuildCounter()
                      .Name("countersign_reconciles_total")
                      .Help("Rounds of a controller over one object, by result.")
                      .Register(registry_)),
      durations_(prometheus::BuildHistogram()
                     .Name("countersign_reconcile_duration_seconds")
                     .Help("Time that one round took.")
                     .Register(registry_)),
      busy_(prometheus::BuildGauge()
                .Name("countersign_reconcile_busy_seconds")
                .Help("Since when the slowest worker of a controller has been at one object.")
                .Register(registry_)),
      queued_(OneGauge(registry_, "countersign_queue_depth",
                       "ModelDeployments that wait to be reconciled now.")),
      delayed_(OneGauge(registry_, "countersign_queue_delayed",
                        "ModelDeployments that will be reconciled at a known time.")),
      leader_(OneGauge(registry_, "countersign_leader", "1 while this replica acts, else 0.")),
      deployments_(prometheus::BuildGauge()
                       .Name("countersign_deployments")
                       .Help("ModelDeployments by the verdict on what they ask for.")
                       .Register(registry_)),
      expiring_(OneGauge(registry_, "countersign_gates_expiring",
                         "Gates that pass now and stop to pass within 14 days.")),
      waived_(
          OneGauge(registry_, "countersign_gates_waived", "Gates that pass by a waiver alone.")),
      waivers_ending_(OneGauge(registry_, "countersign_gates_waived_ending",
                               "Gates whose waiver ends within 3 days.")),
      emergencies_(
          prometheus::BuildGauge()
              .Name("countersign_emergency_deployments")
              .Help("ModelDeployments, and what serves outside of Countersign, with an emergency "
                    "waiver that nobody has signed off, by whether it has ended.")
              .Register(registry_)),
      silence_(prometheus::BuildGauge()
                   .Name("countersign_cache_silence_seconds")
                   .Help("Since when the API server has not been heard about a kind.")
                   .Register(registry_)),
      ready_(OneGauge(registry_, "countersign_ready", "1 when the replica says that it is ready.")),
      shadows_(
          prometheus::BuildGauge()
              .Name("countersign_shadow_deployments")
              .Help("What serves a model and is allowed by nothing, as the last scan found it, "
                    "by what the guard does there.")
              .Register(registry_)),
      unread_kinds_(OneGauge(registry_, "countersign_scan_unread_kinds",
                             "Kinds that the last scan for shadow deployments could not read.")),
      exempt_(prometheus::BuildGauge()
                  .Name("countersign_exempt_namespace")
                  .Help("What should be governed and stands in the programs' own namespace, which "
                        "the guard is not asked about: environments, or objects that serve.")
                  .Register(registry_)),
      dropped_events_(prometheus::BuildCounter()
                          .Name("countersign_events_dropped_total")
                          .Help("Events that were not written.")
                          .Register(registry_)
                          .Add({})),
      admission_differences_(prometheus::BuildGauge()
                                 .Name("countersign_admission_differences")
                                 .Help("Where a webhook configuration is not as it was installed.")
                                 .Register(registry_)),
      lost_records_(prometheus::BuildCounter()
                        .Name("countersign_decision_records_lost_total")
                        .Help("Decision records that could not be written.")
                        .Register(registry_)
                        .Add({})) {
  OneGauge(registry_, "countersign_build_info", "1, with the version as label.",
           {{"version", std::move(version)}, {"program", "countersign-operator"}})
      .Set(1);
}

void OperatorMetrics::Reconciled(const std::string& controller, const ReconcileResult& result,
                                 std::chrono::nanoseconds took) {
  reconciles_.Add({{"controller", controller}, {"result", ResultName(result.kind)}}).Increment();
  durations_.Add({{"controller", controller}}, kSeconds)
      .Observe(std::chrono::duration<double>(took).count());
}

std::string OperatorMetrics::Text() {
  const WorkQueueStats queue = sources_.queue();
  for (const auto& [controller, seconds] : sources_.busy()) {
    busy_.Add({{"controller", controller}}).Set(seconds);
  }
  queued_.Set(static_cast<double>(queue.queued));
  delayed_.Set(static_cast<double>(queue.delayed));
  leader_.Set(sources_.leader() ? 1 : 0);
  unread_kinds_.Set(static_cast<double>(sources_.unread_kinds()));
  const Memory::Summary summary = sources_.summary();
  for (const Verdict verdict : {Verdict::kAllow, Verdict::kWarn, Verdict::kHold, Verdict::kDeny}) {
    const auto found = summary.verdicts.find(verdict);
    deployments_.Add({{"verdict", std::string(VerdictName(verdict))}})
        .Set(found == summary.verdicts.end() ? 0 : found->second);
  }
  expiring_.Set(summary.expiring_soon);
  waived_.Set(summary.waived);
  waivers_ending_.Set(summary.waivers_ending);
  emergencies_.Add({{"state", "open"}}).Set(summary.emergencies_open);
  emergencies_.Add({{"state", "overdue"}}).Set(summary.emergencies_overdue);
  for (const CacheAge& cache : sources_.caches()) {
    silence_.Add({{"kind", cache.kind}}).Set(cache.silence.count());
  }
  ready_.Set(sources_.ready() ? 1 : 0);
  const ExemptCounts exempt = sources_.exempt();
  exempt_.Add({{"what", "environments"}}).Set(static_cast<double>(exempt.environments));
  exempt_.Add({{"what", "objects"}}).Set(static_cast<double>(exempt.objects));
  const auto shadows = sources_.shadows();
  for (const auto& [mode, name] : EnumNames<GuardMode>::kNames) {
    const auto found = shadows.find(mode);
    shadows_.Add({{"mode", std::string(name)}})
        .Set(found == shadows.end() ? 0 : static_cast<double>(found->second));
  }
  for (const auto& [configuration, count] : sources_.admission_differences()) {
    admission_differences_.Add({{"configuration", configuration}}).Set(static_cast<double>(count));
  }
  // Two who ask at once must not both add the difference.
  const std::lock_guard lock(scrape_);
  const auto dropped = static_cast<double>(sources_.dropped_events());
  dropped_events_.Increment(dropped - dropped_events_.Value());
  lost_records_.Increment(static_cast<double>(LostRecords()) - lost_records_.Value());
  return prometheus::TextSerializer().Serialize(registry_.Collect());
}

}  // namespace countersign
