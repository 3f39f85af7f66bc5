// The end-of-test summary of k6: LoadTest.
//
// Three layouts. `--summary-export` has the statistics of a metric beside each other; `data` of
// handleSummary() has them in `values`; the machine-readable one (version 1.0.0, from k6 1.5) lists
// metrics under `results`, which k6 writes by way of JavaScript and so with names of their own
// (p95, generated_at; its types have p(95), generatedAt), and null for what was not asked for.
// Source: github.com/grafana/k6, internal/lib/summary/machine_readable.go and
// internal/js/summary.go; samples of 1.8.1. Times are milliseconds in all of them. http_req_failed
// is a rate *of failures*: what it calls passes are failed requests (`matches` of `total` in the
// last layout), so the rate is theirs. A threshold is true where it was crossed in the first
// layout, and `ok` where it was not in the second; the third has none.
#include <algorithm>
#include <array>
#include <optional>
#include <set>

#include "base/rational.h"
#include "importers/claims.h"
#include "importers/fields.h"
#include "importers/formats.h"

namespace countersign {
namespace {

constexpr std::string_view kMachineReadable = "1.0.0";

class K6Summary {
 public:
  explicit K6Summary(Field root) : root_(std::move(root)) {}

  // The statistics of a metric; no value: there is none of that name.
  [[nodiscard]] Field Statistics(std::string_view metric) const {
    if (const Field listed = root_.Get("results").Get("metrics"); listed.Is()) {
      for (std::size_t i = 0; listed.At(i).Is(); ++i) {
        if (listed.At(i).Get("name").Text() == metric) return listed.At(i).Get("values");
      }
      return {nullptr, listed.path + ", metric " + std::string(metric)};
    }
    const Field one = root_.Get("metrics").Get(metric);
    const Field values = one.Get("values");
    return values.Is() ? values : one;
  }

  [[nodiscard]] bool IsMachineReadable() const { return root_.Get("results").Is(); }
  [[nodiscard]] const Field& root() const { return root_; }

 private:
  Field root_;
};

Result<std::int64_t> RequestsOf(const K6Summary& summary) {
  const Field field = summary.Statistics("http_reqs").Get("count");
  auto count = field.Count();
  if (!count || *count > 0) return count;
  return Wrong(field, "at least 1: nothing was asked of the model");
}

Result<Decimal> PerSecond(const K6Summary& summary) {
  const Field requests = summary.Statistics("http_reqs");
  if (!summary.IsMachineReadable()) return requests.Get("rate").Number();
  const Field count = requests.Get("count");
  const Field duration = summary.root().Get("config").Get("duration");
  auto number = count.Number();
  if (!number) return number;
  auto seconds = duration.Number();
  if (!seconds) return seconds;
  const auto rate = Rational::Quotient(Rational(*number), Rational(*seconds));
  if (!rate || *seconds < Decimal()) return Wrong(duration, "above 0 seconds");
  return ToDecimal(Json(rate->ToText(kDecimalFractionDigits)), duration.path);
}

// `value` in the oldest layout, else `rate`.
Field FailureRate(const Field& failed) {
  const Field value = failed.Get("value");
  return value.Is() ? value : failed.Get("rate");
}

// The rate that the counts beside it give.
Result<Decimal> ErrorRate(const K6Summary& summary, std::int64_t requests) {
  const Field statistics = summary.Statistics("http_req_failed");
  const Field stated = FailureRate(statistics);
  auto rate = stated.Number();
  if (!rate) return rate;
  if (*rate < Decimal() || rate->billionths() > kBillionthsPerOne) {
    return Wrong(stated, "a share between 0 and 1");
  }
  const bool newest = summary.IsMachineReadable();
  const Field failed = statistics.Get(newest ? "matches" : "passes");
  const Field others = statistics.Get(newest ? "total" : "fails");
  // What a script made of the summary may have the rate alone.
  if (!failed.Is() && !others.Is()) return rate;
  auto failures = failed.Count();
  if (!failures) return Fail(failures.error());
  auto rest = others.Count();
  if (!rest) return Fail(rest.error());
  const std::int64_t total = newest ? *rest : *failures + *rest;
  const auto counted = Rational::Fraction(*failures, total);
  if (!counted || total > requests) {
    return Wrong(others, "a count of requests, of which there are " + std::to_string(requests));
  }
  static const Rational kRounding = Rational::Fraction(1, 1'000'000).value_or(Rational());
  if ((*counted - Rational(*rate)).Abs() < kRounding) return rate;
  return Wrong(stated, "the share of " + std::to_string(*failures) + " failed of " +
                           std::to_string(total) + " requests");
}

Field Statistic(const Field& duration, const char* name) {
  Field field = duration.Get(name);
  if (field.Is() && field.value->is_null()) field.value = nullptr;
  return field;
}

// Each at least the one before.
Status CheckOrder(const Field& duration) {
  std::optional<Decimal> before;
  std::string name;
  for (const char* next :
       {"min", "med", "p(50)", "p(90)", "p90", "p(95)", "p95", "p(99)", "p99", "max"}) {
    const Field field = Statistic(duration, next);
    if (!field.Is()) continue;
    auto number = field.Number();
    if (!number) return Fail(number.error());
    if (*number < Decimal()) return Wrong(field, "at least 0");
    if (before && *number < *before) {
      return Wrong(field, "at least what '" + name + "' is, " + before->ToString());
    }
    before = *number;
    name = next;
  }
  return {};
}

// How many of the script's own thresholds were crossed, of all metrics; nothing: it has none.
Result<std::optional<std::int64_t>> CrossedThresholds(const K6Summary& summary,
                                                      std::vector<std::string>& notes) {
  std::optional<std::int64_t> crossed;
  const Field metrics = summary.root().Get("metrics");
  if (!metrics.Is()) return crossed;
  for (auto metric = metrics.value->begin(); metric != metrics.value->end(); ++metric) {
    const Field thresholds = metrics.Get(metric.key()).Get("thresholds");
    if (!thresholds.Is()) continue;
    if (!thresholds.value->is_object()) return Wrong(thresholds, "thresholds by their condition");
    for (auto one = thresholds.value->begin(); one != thresholds.value->end(); ++one) {
      const Field met = thresholds.Get(one.key()).Get("ok");
      const Field flag = met.Is() ? met : thresholds.Get(one.key());
      if (!flag.value->is_boolean()) return Wrong(flag, "true or false");
      const bool is_crossed = flag.value->get<bool>() != met.Is();
      crossed = crossed.value_or(0) + (is_crossed ? 1 : 0);
      if (!is_crossed) continue;
      notes.push_back("k6 calls this run failed: threshold '" + Excerpt(one.key()) + "' of " +
                      Excerpt(metric.key()) + " was crossed (claim 'thresholdsCrossed')");
    }
  }
  return crossed;
}

Status AddLatencies(const K6Summary& summary, EvidenceSpec& spec, Imported& imported) {
  struct Percentile {
    const char* claim;
    std::array<const char*, 2> names;
  };
  constexpr Percentile kPercentiles[] = {{"latencyP50", {"med", "p(50)"}},
                                         {"latencyP95", {"p(95)", "p95"}},
                                         {"latencyP99", {"p(99)", "p99"}}};
  const Field duration = summary.Statistics("http_req_duration");
  if (auto ordered = CheckOrder(duration); !ordered) return ordered;
  for (const Percentile& percentile : kPercentiles) {
    Field found;
    for (const char* name : percentile.names) {
      if (!found.Is()) found = Statistic(duration, name);
    }
    if (!found.Is()) {
      imported.notes.push_back(
          std::string(percentile.claim) +
          " is left out: the summary has none; run k6 with --summary-trend-stats "
          "\"med,p(95),p(99)\" and without --new-machine-readable-summary");
      continue;
    }
    auto number = found.Number();
    if (!number) return Fail(number.error());
    AddNumber(spec, percentile.claim, *number, "ms");
  }
  return {};
}

Status CheckLayout(const K6Summary& summary) {
  const Field& root = summary.root();
  if (summary.IsMachineReadable()) {
    const Field version = root.Get("version");
    if (version.Text() != kMachineReadable) {
      return Wrong(version, "1.0.0, the one layout of this kind that is known");
    }
    std::set<std::string> seen;
    const Field listed = root.Get("results").Get("metrics");
    for (std::size_t i = 0; listed.At(i).Is(); ++i) {
      const Field name = listed.At(i).Get("name");
      if (!seen.insert(name.Text()).second) return Wrong(name, "a metric that stands there once");
    }
    return {};
  }
  const Field metrics = root.Get("metrics");
  if (metrics.Is() && metrics.value->is_object()) return {};
  return Wrong(metrics, "the metrics of a summary of k6");
}

}  // namespace

Result<Imported> ImportK6(std::span<const ImportText> files, const ImportOptions& /*options*/) {
  const ImportText& file = files.front();
  auto json = ParseObject(file);
  if (!json) return Fail(json.error());
  const K6Summary summary(Root(*json, file));
  if (auto known = CheckLayout(summary); !known) return Fail(known.error());
  Imported imported;
  imported.tool = "k6";
  const Field metadata = summary.root().Get("metadata");
  const auto either = [&](const char* name, const char* other) {
    Field field = metadata.Get(name);
    return field.Is() ? field : metadata.Get(other);
  };
  imported.tool_version = either("k6_version", "k6Version").Text();
  if (const Field at = either("generated_at", "generatedAt"); at.Is()) {
    auto time = ParseTime(at.Text());
    if (!time) return Wrong(at, "a time (RFC 3339)");
    imported.performed_at = *time;
  }
  EvidenceSpec spec;
  spec.type = "LoadTest";
  auto requests = RequestsOf(summary);
  if (!requests) return Fail(requests.error());
  auto rate = PerSecond(summary);
  if (!rate) return Fail(rate.error());
  AddNumber(spec, "requestsPerSecond", *rate, "requests/s");
  auto errors = ErrorRate(summary, *requests);
  if (!errors) return Fail(errors.error());
  AddNumber(spec, "errorRate", *errors, "share");
  if (auto added = AddLatencies(summary, spec, imported); !added) return Fail(added.error());
  auto crossed = CrossedThresholds(summary, imported.notes);
  if (!crossed) return Fail(crossed.error());
  const std::optional<std::int64_t> count = *crossed;
  if (count) AddCount(spec, "thresholdsCrossed", *count);
  imported.spec = std::move(spec);
  return imported;
}

}  // namespace countersign
