#include "governance/measures/snapshot_level.h"

#include <algorithm>
#include <set>
#include <tuple>

namespace countersign {
namespace {

using Gaps = std::vector<std::string>;

void CheckCode(const ReproducibilitySnapshotSpec& spec, bool full, Gaps& gaps) {
  if (!spec.code) {
    gaps.emplace_back("spec.code is missing");
    return;
  }
  if (!spec.code->clean) {
    gaps.emplace_back("spec.code.clean is false: the run had changes beside the commit");
  }
  // A commit can vanish from its repository; what ran must be kept as bytes too.
  const bool kept =
      !spec.code->artifact_digest.empty() || (spec.environment && !spec.environment->image.empty());
  if (full && !kept) {
    gaps.emplace_back("neither spec.code.artifactDigest nor spec.environment.image is given");
  }
}

void CheckData(const ReproducibilitySnapshotSpec& spec, bool full, Gaps& gaps) {
  const auto has = [&](DataRole role) {
    return std::any_of(spec.data.begin(), spec.data.end(),
                       [&](const DataState& data) { return data.role == role; });
  };
  if (!has(DataRole::kTraining)) gaps.emplace_back("spec.data has no Training data");
  if (!full) return;
  if (!has(DataRole::kTest)) gaps.emplace_back("spec.data has no Test data");
  for (std::size_t i = 0; i < spec.data.size(); ++i) {
    const DataState& data = spec.data[i];
    const std::string at = "spec.data[" + std::to_string(i) + "] ('" + data.name + "')";
    if (data.split.empty()) gaps.push_back(at + " has no split");
    if (!data.seed && !data.deterministic) {
      gaps.push_back(at + " has neither seed nor deterministic: true");
    }
  }
}

void CheckEnvironment(const ReproducibilitySnapshotSpec& spec, bool full, Gaps& gaps) {
  if (!spec.environment) {
    gaps.emplace_back("spec.environment is missing");
    return;
  }
  const EnvironmentState& environment = *spec.environment;
  if (full && environment.lock_file_digest.empty()) {
    gaps.emplace_back("spec.environment.lockFileDigest is missing");
  } else if (environment.lock_file_digest.empty() && environment.image.empty()) {
    gaps.emplace_back("spec.environment has neither lockFileDigest nor image");
  }
  if (full && !environment.unpinned.empty()) {
    gaps.push_back("spec.environment.unpinned lists " +
                   std::to_string(environment.unpinned.size()) + " dependencies, first '" +
                   environment.unpinned.front() + "'");
  }
}

// What a data set was for, its bytes, and how it was drawn; its name may differ.
std::multiset<std::tuple<DataRole, std::string, std::optional<std::int64_t>>> DataOf(
    const ReproducibilitySnapshotSpec& spec) {
  std::multiset<std::tuple<DataRole, std::string, std::optional<std::int64_t>>> all;
  for (const DataState& data : spec.data) all.emplace(data.role, data.digest, data.seed);
  return all;
}

// Whether `b` is within `tolerance` of `a`, exactly. Unsigned, because the difference of two values
// of opposite sign can be twice the range of one.
bool Close(const Decimal& a, const Decimal& b, const Decimal& tolerance) {
  const auto [low, high] = std::minmax({a.billionths(), b.billionths()});
  const auto difference = static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low);
  return difference <= static_cast<std::uint64_t>(tolerance.billionths());
}

std::string OtherCode(const ReproducibilitySnapshotSpec& original,
                      const ReproducibilitySnapshotSpec& copy) {
  if (!original.code) return "the original names no commit that could be run again";
  if (!copy.code || original.code->commit != copy.code->commit) return "it ran another commit";
  if (!copy.code->clean) return "its working tree was not clean";
  if (original.code->entry_point != copy.code->entry_point) {
    return "it ran '" + copy.code->entry_point + "', not '" + original.code->entry_point + "'";
  }
  return {};
}

std::string OtherParameters(const ReproducibilitySnapshotSpec& original,
                            const ReproducibilitySnapshotSpec& copy) {
  for (const auto& [name, value] : original.parameters) {
    std::string text = "parameter '" + name + "'";
    const auto it = copy.parameters.find(name);
    if (it == copy.parameters.end()) return "it does not state " + text;
    if (it->second == value) continue;
    text.append(" is '").append(it->second).append("', was '").append(value).append("'");
    return text;
  }
  for (const auto& [name, value] : copy.parameters) {
    if (!original.parameters.contains(name)) return "it has parameter '" + name + "' more";
  }
  return {};
}

// An image pins what a lock file does; the hardware may be another, the tolerance is for that.
std::string OtherEnvironment(const ReproducibilitySnapshotSpec& original,
                             const ReproducibilitySnapshotSpec& copy) {
  if (!original.environment) return {};
  const EnvironmentState& was = *original.environment;
  const EnvironmentState is = copy.environment.value_or(EnvironmentState{});
  if (was.lock_file_digest != is.lock_file_digest) return "it used another lock file";
  if (was.lock_file_digest.empty() && was.image != is.image) return "it ran in another image";
  return {};
}

std::string OtherMetrics(const ReproducibilitySnapshotSpec& original,
                         const ReproducibilitySnapshotSpec& copy, const Decimal& tolerance) {
  if (original.metrics.empty()) return "the original has no metrics to compare";
  for (const auto& [name, value] : original.metrics) {
    const auto it = copy.metrics.find(name);
    if (it == copy.metrics.end()) return "it does not report metric '" + name + "'";
    if (!Close(value, it->second, tolerance)) {
      return "metric '" + name + "' is " + it->second.ToString() + ", was " + value.ToString() +
             ", allowed difference " + tolerance.ToString();
    }
  }
  return {};
}

}  // namespace

std::vector<std::string> GapsOf(const ReproducibilitySnapshotSpec& spec,
                                ReproducibilityLevel level) {
  Gaps gaps;
  if (spec.metrics.empty()) gaps.emplace_back("spec.metrics is empty");
  if (level == ReproducibilityLevel::kMetricsOnly) return gaps;
  const bool full = level == ReproducibilityLevel::kFullSnapshot;
  CheckCode(spec, full, gaps);
  CheckData(spec, full, gaps);
  CheckEnvironment(spec, full, gaps);
  if (full && spec.parameters.empty()) gaps.emplace_back("spec.parameters is empty");
  return gaps;
}

std::string TestedOnTraining(const ReproducibilitySnapshotSpec& spec) {
  for (const DataState& test : spec.data) {
    if (test.role != DataRole::kTest) continue;
    for (const DataState& other : spec.data) {
      if (other.role == DataRole::kTraining && other.digest == test.digest) return test.name;
    }
  }
  return {};
}

std::string WhyNoRepetition(const ReproducibilitySnapshotSpec& original,
                            const ReproducibilitySnapshotSpec& copy, const ModelDigest& model,
                            const std::optional<Decimal>& tolerance) {
  if (auto why = OtherCode(original, copy); !why.empty()) return why;
  if (DataOf(original) != DataOf(copy)) return "it used other data, or drew it with another seed";
  if (auto why = OtherParameters(original, copy); !why.empty()) return why;
  if (auto why = OtherEnvironment(original, copy); !why.empty()) return why;
  if (copy.model == model) return {};
  if (!tolerance) return "it resulted in another model, " + copy.model.digest;
  return OtherMetrics(original, copy, *tolerance);
}

}  // namespace countersign
