// What matters to a model, by feature: SHAP values and permutation importance: Explainability.
//
// Neither tool has a file format of its own. SHAP: an Explanation's `feature_names` and `values`
// (samples x features, or samples x features x classes), ranked by the mean of their sizes, as its
// bar plot does. Permutation importance: scikit-learn's `importances_mean` with `feature_names`.
#include <algorithm>
#include <cmath>
#include <set>

#include "importers/claims.h"
#include "importers/fields.h"
#include "importers/formats.h"

namespace countersign {
namespace {

struct Importance {
  std::string feature;
  double value = 0;
};

Result<std::vector<Importance>> FeaturesOf(const Field& root) {
  const Field names = root.Get("feature_names");
  if (!names.Is() || !names.value->is_array() || names.value->empty()) {
    return Wrong(names, "the names of the features, in the order of the values");
  }
  std::vector<Importance> features;
  std::set<std::string> seen;
  for (std::size_t i = 0; names.At(i).Is(); ++i) {
    const std::string name = names.At(i).Text();
    if (name.empty()) return Wrong(names.At(i), "a name");
    if (!seen.insert(name).second) return Wrong(names.At(i), "a name that stands there once");
    features.push_back({name, 0});
  }
  return features;
}

Result<double> ValueAt(const Field& field) {
  if (field.Is() && field.value->is_number()) return field.value->get<double>();
  return Wrong(field, "a number");
}

// The greatest first; the API takes 256 words.
EvidenceSpec Ranked(std::vector<Importance> features, const char* method,
                    std::vector<std::string>& notes) {
  constexpr std::size_t kMost = 256;
  std::stable_sort(features.begin(), features.end(),
                   [](const Importance& a, const Importance& b) { return a.value > b.value; });
  if (features.size() > kMost) {
    notes.push_back("only the first 256 of " + std::to_string(features.size()) +
                    " features are listed");
    features.resize(kMost);
  }
  EvidenceSpec spec;
  spec.type = "Explainability";
  AddItems(spec, "methods", {method});
  std::vector<std::string> names;
  names.reserve(features.size());
  for (Importance& one : features) names.push_back(std::move(one.feature));
  AddItems(spec, "topFeatures", std::move(names));
  return spec;
}

// Of one sample: a number a feature, or of several classes the one of --output-class.
Status AddSample(const Field& sample, const ImportOptions& options, bool& several,
                 std::vector<Importance>& features) {
  if (!sample.value->is_array() || sample.value->size() != features.size()) {
    return Wrong(sample, "a value for each of " + std::to_string(features.size()) + " features");
  }
  for (std::size_t i = 0; i < features.size(); ++i) {
    Field value = sample.At(i);
    if (value.value->is_array()) {
      several = true;
      const std::size_t classes = value.value->size();
      const auto chosen = Decimal::Parse(options.output_class);
      const bool given =
          chosen && *chosen >= Decimal() && chosen->billionths() % kBillionthsPerOne == 0 &&
          static_cast<std::size_t>(chosen->billionths() / kBillionthsPerOne) < classes;
      if (!given) {
        return Fail(
            Code::kInvalidArgument,
            "is required: values are of " + std::to_string(classes) + " classes; which one, from 0",
            "--output-class");
      }
      value = value.At(static_cast<std::size_t>(chosen->billionths() / kBillionthsPerOne));
    }
    auto number = ValueAt(value);
    if (!number) return Fail(number.error());
    features[i].value += std::abs(*number);
    // What is beyond every number cannot be ranked.
    if (!std::isfinite(features[i].value)) {
      return Wrong(value, "a value whose sizes can be added up");
    }
  }
  return {};
}

}  // namespace

Result<Imported> ImportShap(std::span<const ImportText> files, const ImportOptions& options) {
  const ImportText& file = files.front();
  auto json = ParseObject(file);
  if (!json) return Fail(json.error());
  const Field root = Root(*json, file);
  auto features = FeaturesOf(root);
  if (!features) return Fail(features.error());
  const Field values = root.Get("values");
  if (!values.Is() || !values.value->is_array() || values.value->empty()) {
    return Wrong(values, "the SHAP values of at least one sample");
  }
  bool several = false;
  for (std::size_t i = 0; values.At(i).Is(); ++i) {
    if (auto added = AddSample(values.At(i), options, several, *features); !added) {
      return Fail(added.error());
    }
  }
  if (!several && !options.output_class.empty()) {
    return Fail(Code::kInvalidArgument, "must be left out: the values are of one class",
                "--output-class");
  }
  Imported imported;
  imported.tool = "shap";
  EvidenceSpec spec = Ranked(std::move(*features), "SHAP", imported.notes);
  AddCount(spec, "samples", static_cast<std::int64_t>(values.value->size()));
  imported.spec = std::move(spec);
  imported.artifacts = {"explanation"};
  return imported;
}

Result<Imported> ImportPermutationImportance(std::span<const ImportText> files,
                                             const ImportOptions& /*options*/) {
  const ImportText& file = files.front();
  auto json = ParseObject(file);
  if (!json) return Fail(json.error());
  const Field root = Root(*json, file);
  auto features = FeaturesOf(root);
  if (!features) return Fail(features.error());
  const Field means = root.Get("importances_mean");
  if (!means.Is() || !means.value->is_array() || means.value->size() != features->size()) {
    return Wrong(means, "a mean for each of " + std::to_string(features->size()) + " features");
  }
  for (std::size_t i = 0; i < features->size(); ++i) {
    auto number = ValueAt(means.At(i));
    if (!number) return Fail(number.error());
    (*features)[i].value = *number;
  }
  Imported imported;
  imported.tool = "scikit-learn";
  imported.spec = Ranked(std::move(*features), "PermutationImportance", imported.notes);
  imported.artifacts = {"explanation"};
  return imported;
}

}  // namespace countersign
