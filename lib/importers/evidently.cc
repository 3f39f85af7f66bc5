// Reports of Evidently, in the layout up to 0.6 (metric, result) and the one since 0.7
// (metric_name, config, value): drift as Evidence of type DataDrift, or missing values as
// DataQuality.
//
// Drift has no type of its own here; a policy asks for it by a measure `evidence`. Evidently
// decides by its own defaults (a test a column, half of the columns), which are taken along. Its
// times have no zone. Source: github.com/evidentlyai/evidently, src/evidently/{legacy,metrics}; the
// tests are those of 0.7.23, legacy/calculations/stattests.
#include <algorithm>
#include <array>
#include <cmath>

#include "base/rational.h"
#include "importers/claims.h"
#include "importers/fields.h"
#include "importers/formats.h"

namespace countersign {
namespace {

struct Drift {
  std::int64_t drifted = 0;
  Decimal share;
  Decimal threshold;                  // share of columns from which on the data set has drifted
  std::vector<std::string> features;  // those that did, where they are told
};

struct Found {
  std::optional<Drift> drift;
  std::optional<Decimal> missing;  // share of values
  // Since 0.7, whose `share` of missing values is per row and not per value.
  std::optional<std::int64_t> missing_values;
  std::optional<std::int64_t> rows;
  std::optional<std::int64_t> columns;
};

Result<Decimal> ShareOf(const Field& field) {
  auto share = field.Number();
  if (!share) return share;
  if (*share < Decimal() || share->billionths() > kBillionthsPerOne) {
    return Wrong(field, "a share between 0 and 1");
  }
  return share;
}

Result<Drift> DriftOf(const Field& count, const Field& share, const Field& threshold) {
  Drift drift;
  auto number = count.Count();
  if (!number) return Fail(number.error());
  auto part = ShareOf(share);
  if (!part) return Fail(part.error());
  auto most = ShareOf(threshold);
  if (!most) return Fail(most.error());
  drift.drifted = *number;
  drift.share = *part;
  drift.threshold = *most;
  return drift;
}

// What the report says of single columns.
struct Columns {
  std::vector<std::string> drifted;
  bool all_known = true;
};

// Two of one kind are of other columns or by other tests, and neither is the data set's.
template <class T>
Status TakeOnce(T value, const Field& metric, std::optional<T>& member) {
  if (member) {
    return Fail(Code::kInvalidArgument,
                "is the second of its kind: a report to import has one of the drift of the data "
                "set, and one of its missing values",
                metric.path);
  }
  member = std::move(value);
  return {};
}

// --- since 0.7 ---

// A test as its user names it, as Evidently calls it where it chose it, and how it decides.
struct DriftTest {
  std::string_view name;
  std::string_view display_name;
  bool (*drifted)(double value, double threshold);
};

bool Below(double value, double threshold) { return value < threshold; }
bool AtMost(double value, double threshold) { return value <= threshold; }
bool AtLeast(double value, double threshold) { return value >= threshold; }
bool Above(double value, double threshold) { return value > threshold; }

// Of a p-value a low one is drift, of a distance a high one. Where a text has drifted its score
// alone does not always say.
constexpr std::array<DriftTest, 19> kDriftTests = {{
    {"anderson", "Anderson-Darling", Below},
    {"chisquare", "chi-square p_value", Below},
    {"cramer_von_mises", "Cramer-von Mises", AtMost},
    {"ed", "Energy-distance", Above},
    {"empirical_mmd", "empirical_mmd", Below},
    {"es", "Epps-Singleton", Below},
    {"fisher_exact", "Fisher's Exact test", Below},
    {"g_test", "g_test", Below},
    {"hellinger", "Hellinger distance", AtLeast},
    {"jensenshannon", "Jensen-Shannon distance", AtLeast},
    {"kl_div", "Kullback-Leibler divergence", AtLeast},
    {"ks", "K-S p_value", AtMost},
    {"mannw", "Mann-Whitney U-rank test", Below},
    {"psi", "PSI", AtLeast},
    {"t_test", "t_test", Below},
    {"TVD", "Total-Variation-Distance", Below},
    {"wasserstein", "Wasserstein distance (normed)", AtLeast},
    {"z", "Z-test p_value", Below},
    {"abs_text_content_drift", "Absolute text content drift", Above},
}};

// Whether the column has drifted; nothing: it was tested by what is not known here.
Result<std::optional<bool>> HasDrifted(const Field& metric) {
  const Field value = metric.Get("value");
  if (!value.Is() || !value.value->is_number()) return Wrong(value, "a number");
  const Field threshold = metric.Get("config").Get("threshold");
  if (!threshold.Is() || !threshold.value->is_number()) return Wrong(threshold, "a number");
  const std::string method = metric.Get("config").Get("method").Text();
  const auto* const test = std::find_if(
      kDriftTests.begin(), kDriftTests.end(),
      [&](const DriftTest& one) { return one.name == method || one.display_name == method; });
  if (test == kDriftTests.end()) return std::optional<bool>();
  return std::optional(test->drifted(value.value->get<double>(), threshold.value->get<double>()));
}

Status TakeCount(const Field& metric, const Field& field, std::optional<std::int64_t>& member) {
  auto count = field.Count();
  if (!count) return Fail(count.error());
  if (member == *count) return {};  // presets ask for the number of rows as well
  return TakeOnce(*count, metric, member);
}

Status TakeNew(const Field& metric, Found& found, Columns& columns) {
  const std::string type = metric.Get("config").Get("type").Text();
  const Field value = metric.Get("value");
  if (type.ends_with(":DriftedColumnsCount")) {
    const Field some = metric.Get("config").Get("columns");
    if (some.Is() && !some.value->is_null()) {
      return Wrong(some,
                   "left out: the drift of a data set is that of all its columns; which those "
                   "are, its DataDefinition says");
    }
    auto drift =
        DriftOf(value.Get("count"), value.Get("share"), metric.Get("config").Get("drift_share"));
    if (!drift) return Fail(drift.error());
    return TakeOnce(std::move(*drift), metric, found.drift);
  }
  if (type.ends_with(":ValueDrift")) {
    auto yes = HasDrifted(metric);
    if (!yes) return Fail(yes.error());
    const std::optional<bool> known = *yes;
    columns.all_known = columns.all_known && known;
    if (known.value_or(false)) {
      columns.drifted.push_back(metric.Get("config").Get("column").Text());
    }
  } else if (type.ends_with(":DatasetMissingValueCount")) {
    return TakeCount(metric, value.Get("count"), found.missing_values);
  } else if (type.ends_with(":RowCount")) {
    return TakeCount(metric, value, found.rows);
  } else if (type.ends_with(":ColumnCount") && !metric.Get("config").Get("column_type").Is()) {
    return TakeCount(metric, value, found.columns);
  }
  return {};
}

// missing_values of rows times columns.
Status ShareMissing(Found& found, const std::string& file) {
  if (!found.missing_values) return {};
  if (!found.rows || !found.columns) {
    return Fail(Code::kInvalidArgument,
                "has DatasetMissingValueCount, whose share is of rows: add RowCount and "
                "ColumnCount to the report, or take DataSummaryPreset",
                file);
  }
  constexpr std::int64_t kMostColumns = 1'000'000;
  const std::int64_t columns = std::min(*found.columns, kMostColumns);
  const auto share = Rational::Fraction(*found.missing_values, *found.rows * columns);
  auto number = share ? Decimal::Parse(share->ToText(kDecimalFractionDigits))
                      : Result<Decimal>(Fail(Code::kInvalidArgument, ""));
  if (!number || number->billionths() > kBillionthsPerOne) {
    return Fail(Code::kInvalidArgument,
                "has more missing values than values: " + std::to_string(*found.missing_values),
                file);
  }
  found.missing = *number;
  return {};
}

// --- up to 0.6 ---

Status TakeOld(const Field& metric, Found& found, Columns& columns) {
  const std::string name = metric.Get("metric").Text();
  const Field result = metric.Get("result");
  if (name == "DatasetDriftMetric") {
    auto drift = DriftOf(result.Get("number_of_drifted_columns"),
                         result.Get("share_of_drifted_columns"), result.Get("drift_share"));
    if (!drift) return Fail(drift.error());
    const Field said = result.Get("dataset_drift");
    const bool yes = drift->share >= drift->threshold;
    if (!said.Is() || !said.value->is_boolean() || said.value->get<bool>() != yes) {
      return Wrong(said, std::string(yes ? "true" : "false") + " with these shares");
    }
    return TakeOnce(std::move(*drift), metric, found.drift);
  }
  if (name == "DataDriftTable") {
    const Field by_column = result.Get("drift_by_columns");
    if (!by_column.Is() || !by_column.value->is_object()) return {};
    for (auto it = by_column.value->begin(); it != by_column.value->end(); ++it) {
      if (BoolAt(*it, "drift_detected")) columns.drifted.push_back(it.key());
    }
  } else if (name == "DatasetMissingValuesMetric") {
    auto share = ShareOf(result.Get("current").Get("share_of_missing_values"));
    if (!share) return Fail(share.error());
    return TakeOnce(*share, metric, found.missing);
  }
  return {};
}

Result<Found> Read(const Field& root) {
  const Field metrics = root.Get("metrics");
  if (!metrics.Is() || !metrics.value->is_array()) return Wrong(metrics, "a list of metrics");
  Found found;
  Columns columns;
  for (std::size_t i = 0; metrics.At(i).Is(); ++i) {
    const Field metric = metrics.At(i);
    auto taken = metric.Get("metric").Is() ? TakeOld(metric, found, columns)
                                           : TakeNew(metric, found, columns);
    if (!taken) return Fail(taken.error());
  }
  if (auto share = ShareMissing(found, root.path); !share) return Fail(share.error());
  const bool told = found.drift && columns.all_known &&
                    columns.drifted.size() == static_cast<std::size_t>(found.drift->drifted);
  if (told) found.drift->features = std::move(columns.drifted);
  return found;
}

EvidenceSpec DriftReport(const Drift& drift) {
  EvidenceSpec spec;
  spec.type = "DataDrift";
  AddCount(spec, "driftedColumns", drift.drifted);
  AddNumber(spec, "driftedShare", drift.share, "share");
  AddNumber(spec, "driftShareThreshold", drift.threshold, "share");
  AddFlag(spec, "driftDetected", drift.share >= drift.threshold);
  if (!drift.features.empty()) AddItems(spec, "driftedFeatures", drift.features);
  return spec;
}

EvidenceSpec QualityReport(const Decimal& missing) {
  EvidenceSpec spec;
  spec.type = "DataQuality";
  const Rational there = Rational(1) - Rational(missing);
  if (auto share = Decimal::Parse(there.ToText(kDecimalFractionDigits)); share) {
    AddNumber(spec, "completeness", *share, "share");
  }
  return spec;
}

}  // namespace

Result<Imported> ImportEvidently(std::span<const ImportText> files, const ImportOptions& options) {
  const ImportText& file = files.front();
  auto json = ParseObject(file);
  if (!json) return Fail(json.error());
  const Field root = Root(*json, file);
  auto found = Read(root);
  if (!found) return Fail(found.error());
  if (!found->drift && !found->missing) {
    return Fail(Code::kInvalidArgument,
                "has neither the drift of a data set (DriftedColumnsCount, DatasetDriftMetric) nor "
                "its missing values (DatasetMissingValueCount, DatasetMissingValuesMetric)",
                file.name);
  }
  const bool both = found->drift && found->missing;
  if (both && options.type != "DataDrift" && options.type != "DataQuality") {
    return Fail(Code::kInvalidArgument,
                "is required: the report has both, DataDrift and DataQuality; import each",
                "--type");
  }
  Imported imported;
  imported.tool = "evidently";
  imported.tool_version = root.Get("version").Text();
  if (found->drift && (!found->missing || options.type == "DataDrift")) {
    imported.spec = DriftReport(*found->drift);
  } else if (found->missing) {
    imported.spec = QualityReport(*found->missing);
  }
  return imported;
}

}  // namespace countersign
