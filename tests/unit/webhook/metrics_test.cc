#include "webhook/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "governance/serving/profiles.h"
#include "tests/unit/support/fake_clock.h"
#include "tests/unit/support/scripted_transport.h"

namespace countersign {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class WebhookMetricsTest : public testing::Test {
 protected:
  std::string Scrape(bool ready = true) {
    WebhookMetrics::Sources sources{
        http::ServerStats{}, Time{Seconds{1'800'000'000}}, catalog_, clock_.Steady(), ready, 3};
    for (const char* kind : {"workloads", "ControllerRevision"}) {
      sources.guard.push_back({kind, 7, 0, false, clock_.Steady()});
    }
    return metrics_.Text(sources);
  }

  // Lines with a value.
  std::size_t Series() {
    std::istringstream text(Scrape());
    std::size_t series = 0;
    for (std::string line; std::getline(text, line);) series += !line.empty() && line[0] != '#';
    return series;
  }

  static std::set<std::string> ServingKinds() {
    std::set<std::string> kinds;
    const ServingProfiles table = BuiltInServingProfiles().value();
    for (const ServingProfile& profile : table.profiles) kinds.insert(profile.kind);
    return kinds;
  }

  FakeClock clock_;
  KubeClient client_{std::make_unique<ScriptedTransport>(), clock_, {}};
  Catalog catalog_{client_, clock_, {"test", {}}};
  WebhookMetrics metrics_{"1.2.3", ServingKinds()};
};

DecisionRecord RecordOf(const std::string& kind, bool allowed, bool dry_run) {
  DecisionRecord record;
  record.kind = kind;
  record.allowed = allowed;
  record.dry_run = dry_run;
  return record;
}

TEST_F(WebhookMetricsTest, CountDecisionsByVerdictReasonKindAndDryRun) {
  DecisionRecord record = RecordOf("SignOff", false, true);
  record.reasons = {"SignerNotInRole"};
  record.latency_micros = 20;
  metrics_.Count(record);
  const std::string text = Scrape();
  EXPECT_THAT(text, HasSubstr("countersign_admission_decisions_total{allowed=\"false\",dry_run="
                              "\"true\",kind=\"SignOff\",verdict=\"Deny\"} 1"));
  EXPECT_THAT(text, HasSubstr("countersign_admission_reasons_total{allowed=\"false\",dry_run="
                              "\"true\",reason=\"SignerNotInRole\"} 1"));
  EXPECT_THAT(text, HasSubstr("countersign_admission_duration_seconds_bucket{le=\"1e-05\"} 0"));
  EXPECT_THAT(text, HasSubstr("countersign_admission_duration_seconds_bucket{le=\"2.5e-05\"} 1"));
  EXPECT_THAT(text, HasSubstr("countersign_build_info{program=\"countersign-webhook\","
                              "version=\"1.2.3\"} 1"));
  EXPECT_THAT(text, HasSubstr("countersign_decision_records_lost_total 3"));
  EXPECT_THAT(text, HasSubstr("countersign_ready 1"));
  EXPECT_THAT(Scrape(false), HasSubstr("countersign_ready 0"));
}

TEST_F(WebhookMetricsTest, GuardDecisionsAreCountedByTheKindsOfTheServingTable) {
  metrics_.Count(RecordOf("InferenceService", false, false));
  metrics_.Count(RecordOf("Deployment", true, false));
  metrics_.Count(RecordOf("Toaster", true, false));
  const std::string text = Scrape();
  const std::string decisions = "countersign_admission_decisions_total";
  EXPECT_THAT(text, HasSubstr(decisions + "{allowed=\"false\",dry_run=\"false\",kind="
                                          "\"InferenceService\",verdict=\"Deny\"} 1"));
  EXPECT_THAT(text, HasSubstr(decisions + "{allowed=\"true\",dry_run=\"false\",kind="
                                          "\"Deployment\",verdict=\"Allow\"} 1"));
  EXPECT_THAT(text, HasSubstr("kind=\"other\""));
  EXPECT_THAT(text, Not(HasSubstr("Toaster")));
}

TEST_F(WebhookMetricsTest, CachesOfTheGuardAreToldOfAsTheOthersAre) {
  const std::string text = Scrape();
  EXPECT_THAT(text, HasSubstr("countersign_cache_objects{kind=\"ControllerRevision\"} 7"));
  EXPECT_THAT(text, HasSubstr("countersign_cache_silence_seconds{kind=\"workloads\"} 0"));
  EXPECT_THAT(text, HasSubstr("countersign_cache_synced 0"));
}

// Whatever is asked: each series costs memory in every Prometheus that scrapes.
TEST_F(WebhookMetricsTest, HaveFewSeriesWhateverIsAsked) {
  std::vector<std::string> kinds;
  for (const CacheStatus& cache : catalog_.Caches()) kinds.emplace_back(cache.kind);
  for (int i = 0; i < 1000; ++i) kinds.push_back("Kind" + std::to_string(i));
  for (const std::string& kind : ServingKinds()) kinds.push_back(kind);
  Decision decision;
  for (const bool dry_run : {false, true}) {
    for (const std::string& kind : kinds) {
      metrics_.Count(RecordOf(kind, true, dry_run));
      DecisionRecord refused = RecordOf(kind, false, dry_run);
      for (int i = 0; i < 20; ++i) refused.reasons.push_back(kind + "Reason" + std::to_string(i));
      metrics_.Count(refused);
    }
    for (const Verdict verdict :
         {Verdict::kAllow, Verdict::kWarn, Verdict::kHold, Verdict::kDeny}) {
      decision.verdict = verdict;
      for (const bool allowed : {false, true}) {
        DecisionRecord record = RecordOf("ModelDeployment", allowed, dry_run);
        record.decision = &decision;
        record.reasons = {"ReasonBeyondTheLimit"};
        metrics_.Count(record);
      }
    }
  }
  EXPECT_LE(Series(), kMaxSeries);
  EXPECT_THAT(Scrape(), HasSubstr("reason=\"other\""));
  // The alert on errors of ours finds them all the same.
  for (const bool dry_run : {false, true}) {
    DecisionRecord failed = RecordOf("SignOff", false, dry_run);
    failed.reasons = {"InternalError"};
    metrics_.Count(failed);
    EXPECT_THAT(
        Scrape(),
        HasSubstr("countersign_admission_reasons_total{allowed=\"false\",dry_run=\"" +
                  std::string(dry_run ? "true" : "false") + "\",reason=\"InternalError\"} 1"));
  }
  const std::size_t series = Series();
  metrics_.Count(RecordOf("Another", true, false));
  EXPECT_EQ(Series(), series);
}

TEST_F(WebhookMetricsTest, StepsOfTheBuiltInAuthorityAreCountedWhereThereIsOne) {
  EXPECT_THAT(Scrape(), Not(HasSubstr("countersign_certificate_authority")));
  AuthorityStats stats;
  stats.not_after = Time{Seconds{1'900'000'000}};
  stats.steps.at(static_cast<std::size_t>(RotationStep::kPromote)) = 2;
  stats.unreadable = 1;
  const std::string text =
      metrics_.Text({http::ServerStats{}, Time{}, catalog_, clock_.Steady(), true, 0, stats});
  EXPECT_THAT(text,
              HasSubstr("countersign_certificate_authority_expiry_timestamp_seconds 1900000000"));
  EXPECT_THAT(text, HasSubstr("countersign_certificate_authority_steps_total{step=\"promote\"} 2"));
  EXPECT_THAT(text, HasSubstr("countersign_certificate_authority_steps_total{step=\"create\"} 0"));
  EXPECT_THAT(text, HasSubstr("countersign_certificate_authority_unreadable_total 1"));
}

}  // namespace
}  // namespace countersign
