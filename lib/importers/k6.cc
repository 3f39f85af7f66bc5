// The end-of-test summary of k6: LoadTest.
//
// Three layouts. `--summary-export` has the statistics of a metric beside each other; `data` of
// handleSummary() has them in `values`; the machine-readable one (version 1.0.0, from k6 1.5) lists
// metrics under `results`. Source: github.com/grafana/k6, internal/lib/summary/machine_readable.go
// and internal/js/summary.go. Times are milliseconds in all of them. http_req_failed is a rate *of
// failures*: what it calls passes are failed requests, so only its rate is read.
#include <algorithm>
#include <array>

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

Status AddLatencies(const K6Summary& summary, EvidenceSpec& spec, Imported& imported) {
  struct Percentile {
    const char* claim;
    std::array<const char*, 2> names;
  };
  constexpr Percentile kPercentiles[] = {{"latencyP50", {"med", "p(50)"}},
                                         {"latencyP95", {"p(95)", ""}},
                                         {"latencyP99", {"p(99)", ""}}};
  const Field duration = summary.Statistics("http_req_duration");
  for (const Percentile& percentile : kPercentiles) {
    Field found;
    for (const char* name : percentile.names) {
      if (!found.Is() && *name != '\0') found = duration.Get(name);
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
    if (*number < Decimal()) return Wrong(found, "at least 0");
    AddNumber(spec, percentile.claim, *number, "ms");
  }
  return {};
}

Status CheckLayout(const K6Summary& summary) {
  const Field& root = summary.root();
  if (summary.IsMachineReadable()) {
    const Field version = root.Get("version");
    if (version.Text() == kMachineReadable) return {};
    return Wrong(version, "1.0.0, the one layout of this kind that is known");
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
  imported.tool_version = summary.root().Get("metadata").Get("k6Version").Text();
  if (const Field at = summary.root().Get("metadata").Get("generatedAt"); at.Is()) {
    auto time = ParseTime(at.Text());
    if (!time) return Wrong(at, "a time (RFC 3339)");
    imported.performed_at = *time;
  }
  EvidenceSpec spec;
  spec.type = "LoadTest";
  auto rate = PerSecond(summary);
  if (!rate) return Fail(rate.error());
  AddNumber(spec, "requestsPerSecond", *rate, "requests/s");
  const Field failed = FailureRate(summary.Statistics("http_req_failed"));
  auto errors = failed.Number();
  if (!errors) return Fail(errors.error());
  if (*errors < Decimal() || errors->billionths() > kBillionthsPerOne) {
    return Wrong(failed, "a share between 0 and 1");
  }
  AddNumber(spec, "errorRate", *errors, "share");
  if (auto added = AddLatencies(summary, spec, imported); !added) return Fail(added.error());
  imported.spec = std::move(spec);
  return imported;
}

}  // namespace countersign
