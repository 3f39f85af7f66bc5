// One answer of TrustyAI's metric endpoints: Evidence of type FairnessMetric.
//
// It has a value and bounds, and no counts: no BiasTest can be made of it. A policy asks for it by
// a measure `evidence`. Source: github.com/trustyai-explainability/trustyai-explainability,
// explainability-service, MetricsConfig, MetricThreshold and README: `thresholds`, where older
// versions wrote `threshold`; times as text or in milliseconds since 1970. Since the service is
// written in Python (github.com/trustyai-explainability/trustyai-service,
// src/endpoints/metrics/fairness/group/spd.py) the type is `FAIRNESS`, and there is no time.
#include "importers/claims.h"
#include "importers/fields.h"
#include "importers/formats.h"

namespace countersign {
namespace {

Result<Time> TimeOf(const Field& at) {
  if (at.value->is_number_integer()) {
    constexpr std::int64_t kYear2018 = 1'514'764'800'000;  // what is before is in seconds
    constexpr std::int64_t kYear3000 = 32'503'680'000'000;
    const auto number = at.value->get<std::int64_t>();
    if (number >= kYear2018 && number <= kYear3000) return Time(std::chrono::milliseconds(number));
  } else if (auto time = ParseTime(at.Text()); time) {
    return *time;
  }
  return Wrong(at, "a time (RFC 3339), or milliseconds since 1970");
}

}  // namespace

Result<Imported> ImportTrustyAi(std::span<const ImportText> files,
                                const ImportOptions& /*options*/) {
  const ImportText& file = files.front();
  auto json = ParseObject(file);
  if (!json) return Fail(json.error());
  const Field root = Root(*json, file);
  const std::string type = root.Get("type").Text();
  if (type != "metric" && type != "FAIRNESS") {
    return Wrong(root.Get("type"), "\"metric\" or \"FAIRNESS\"");
  }
  const std::string name = root.Get("name").Text();
  if (name.empty()) return Wrong(root.Get("name"), "the metric's name, SPD or DIR");
  const Field single = root.Get("value");
  if (root.Get("namedValues").Is() && (!single.Is() || single.value->is_null())) {
    return Fail(Code::kInvalidArgument,
                "has several values by name (namedValues) and bounds for none of them: import a "
                "metric that has one",
                file.name);
  }
  auto value = single.Number();
  if (!value) return Fail(value.error());
  EvidenceSpec spec;
  spec.type = "FairnessMetric";
  AddText(spec, "metric", name);
  AddNumber(spec, "value", *value);
  if (const std::string means = root.Get("specificDefinition").Text(); !means.empty()) {
    AddText(spec, "definition", means);
  }
  const Field newer = root.Get("thresholds");
  const Field thresholds = newer.Is() ? newer : root.Get("threshold");
  for (const char* bound : {"lowerBound", "upperBound"}) {
    auto number = thresholds.Get(bound).Number();
    if (!number) return Fail(number.error());
    AddNumber(spec, bound, *number);
  }
  if (*thresholds.Get("upperBound").Number() < *thresholds.Get("lowerBound").Number()) {
    return Wrong(thresholds.Get("upperBound"), "at least lowerBound");
  }
  const Field outside = thresholds.Get("outsideBounds");
  if (!outside.Is() || !outside.value->is_boolean()) return Wrong(outside, "true or false");
  const bool is_outside = *value < *thresholds.Get("lowerBound").Number() ||
                          *value > *thresholds.Get("upperBound").Number();
  if (is_outside != outside.value->get<bool>()) {
    return Wrong(outside, std::string(is_outside ? "true" : "false") +
                              " with this value and "
                              "these bounds");
  }
  AddFlag(spec, "outsideBounds", is_outside);
  Imported imported;
  imported.tool = "trustyai";
  if (const Field at = root.Get("timestamp"); at.Is()) {
    auto time = TimeOf(at);
    if (!time) return Fail(time.error());
    imported.performed_at = *time;
  }
  imported.spec = std::move(spec);
  return imported;
}

}  // namespace countersign
