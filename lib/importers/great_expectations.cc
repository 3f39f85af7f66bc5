// A validation result of Great Expectations, 0.x or 1.x: DataQuality.
//
// Results are counted one by one; an expectation that raised an exception did not hold. The
// statistics and the verdict must be what they give. Source: github.com/great-expectations/
// great_expectations, core/expectation_validation_result.py.
#include "base/rational.h"
#include "importers/claims.h"
#include "importers/fields.h"
#include "importers/formats.h"

namespace countersign {
namespace {

struct Verdicts {
  std::int64_t all = 0;
  std::int64_t failed = 0;
};

Result<Verdicts> Count(const Field& results) {
  if (!results.Is() || !results.value->is_array() || results.value->empty()) {
    return Wrong(results, "the results of at least one expectation");
  }
  Verdicts verdicts;
  for (std::size_t i = 0; results.At(i).Is(); ++i) {
    const Field one = results.At(i);
    const Field success = one.Get("success");
    if (!success.Is() || !success.value->is_boolean()) return Wrong(success, "true or false");
    const bool raised = BoolAt(*one.value, "exception_info/raised_exception");
    if (raised && success.value->get<bool>()) {
      return Wrong(success, "false, for the expectation raised an exception");
    }
    ++verdicts.all;
    verdicts.failed += success.value->get<bool>() ? 0 : 1;
  }
  return verdicts;
}

Status CheckStatistics(const Field& root, const Verdicts& verdicts) {
  const Field statistics = root.Get("statistics");
  for (const auto& [name, counted] : {std::pair{"evaluated_expectations", verdicts.all},
                                      {"unsuccessful_expectations", verdicts.failed}}) {
    const Field stated = statistics.Get(name);
    auto count = stated.Count();
    if (!count) return Fail(count.error());
    if (*count != counted)
      return Wrong(stated, "what the results give, " + std::to_string(counted));
  }
  const Field success = root.Get("success");
  if (!success.Is() || !success.value->is_boolean()) return Wrong(success, "true or false");
  if (success.value->get<bool>() == (verdicts.failed == 0)) return {};
  return Wrong(success, "what the results give");
}

}  // namespace

Result<Imported> ImportGreatExpectations(std::span<const ImportText> files,
                                         const ImportOptions& /*options*/) {
  const ImportText& file = files.front();
  auto json = ParseObject(file);
  if (!json) return Fail(json.error());
  const Field root = Root(*json, file);
  if (root.Get("run_results").Is() || root.Get("validation_results").Is()) {
    return Fail(Code::kInvalidArgument,
                "is the result of a checkpoint: import the validation results in it one by one",
                file.name);
  }
  auto verdicts = Count(root.Get("results"));
  if (!verdicts) return Fail(verdicts.error());
  if (auto same = CheckStatistics(root, *verdicts); !same) return Fail(same.error());
  EvidenceSpec spec;
  spec.type = "DataQuality";
  AddText(spec, "result", verdicts->failed == 0 ? "Passed" : "Failed");
  AddCount(spec, "expectationsEvaluated", verdicts->all);
  AddCount(spec, "expectationsFailed", verdicts->failed);
  const auto share = Rational::Fraction(verdicts->all - verdicts->failed, verdicts->all);
  if (share) {
    auto number = Decimal::Parse(share->ToText(kDecimalFractionDigits));
    if (number) AddNumber(spec, "expectationsMet", *number, "share");
  }
  Imported imported;
  imported.tool = "great_expectations";
  imported.tool_version = root.Get("meta").Get("great_expectations_version").Text();
  if (auto at = ParseTime(root.Get("meta").Get("run_id").Get("run_time").Text()); at) {
    imported.performed_at = *at;
  }
  imported.spec = std::move(spec);
  return imported;
}

}  // namespace countersign
