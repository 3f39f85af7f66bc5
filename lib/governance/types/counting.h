// counting.h: what one count of a BiasTest is, and how far its labels can be trusted.
//
// Said once for all cells: counts of persons and of decisions, or with labels of different age,
// cannot be summed. See object.h for threads.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "base/describe.h"

namespace countersign {

// Where labels come from.
enum class LabelSource { kObservedOutcome, kHumanAnnotation, kModelJudge, kProxy };
template <>
struct EnumNames<LabelSource> {
  static constexpr std::pair<LabelSource, std::string_view> kNames[] = {
      {LabelSource::kObservedOutcome, "ObservedOutcome"},
      {LabelSource::kHumanAnnotation, "HumanAnnotation"},
      {LabelSource::kModelJudge, "ModelJudge"},
      {LabelSource::kProxy, "Proxy"}};
};

// Who has a label: everybody, or only those whom a model or person had selected before. Whether the
// others would have paid back is not known (Lakkaraju et al., KDD 2017, "the selective labels
// problem").
enum class LabelSelection { kAll, kSelectedOnly };
template <>
struct EnumNames<LabelSelection> {
  static constexpr std::pair<LabelSelection, std::string_view> kNames[] = {
      {LabelSelection::kAll, "All"}, {LabelSelection::kSelectedOnly, "SelectedOnly"}};
};

struct Counting {
  std::string unit;
  std::string error_unit;
  bool weighted = false;
  std::optional<LabelSource> label_source;
  std::optional<Seconds> label_window;
  std::optional<LabelSelection> selection;  // everybody, if not said
};

// The model that sorted answers into outcomes.
struct JudgeModel {
  std::string name;
  std::string digest;
};

// The variance of a metric's value for one group, by a method that knows weights and clusters.
struct SuppliedVariance {
  std::string metric;
  std::map<std::string, std::string> groups;
  Decimal variance;
};

}  // namespace countersign
