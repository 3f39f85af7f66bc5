// What a later change is computed from: the model before, and what this one is made of.

#include <sstream>

#include "cli/content_digest.h"
#include "cli/files.h"
#include "cli/release.h"

namespace countersign {
namespace {

constexpr std::size_t kMaxNames = 1024;  // the API's; more are named by the file's digest

Result<FeatureState> FeaturesOf(const std::string& path) {
  auto names = ReadFeatureNames(path);
  if (!names) return Fail(names.error());
  FeatureState features;
  features.names = std::move(*names);
  if (features.names.size() <= kMaxNames) return features;
  auto file = DigestFile(path);
  if (!file) return Fail(file.error());
  features.names.clear();
  features.digest = file->digest;
  return features;
}

}  // namespace

Result<std::vector<std::string>> ReadFeatureNames(const std::string& path) {
  auto text = ReadTextFile(path);
  if (!text) return Fail(text.error());
  std::vector<std::string> names;
  std::istringstream lines(*text);
  for (std::string line; std::getline(lines, line);) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (!line.empty()) names.push_back(line);
  }
  if (names.empty()) return Fail(Code::kInvalidArgument, "must name a feature a line", path);
  return names;
}

Status AddChangeState(const ReleaseSpec& spec, const ReleaseFrame& frame,
                      ReproducibilitySnapshotSpec& snapshot) {
  if (!spec.previous.empty()) snapshot.previous = ModelDigest{spec.previous, frame.trained.type};
  snapshot.algorithm = spec.algorithm;
  snapshot.purpose_category = spec.purpose_category;
  snapshot.serving_image = spec.image;
  if (!spec.features.empty()) {
    auto features = FeaturesOf(spec.features);
    if (!features) return Fail(features.error());
    snapshot.features = std::move(*features);
  }
  auto threshold = ThresholdOf(spec);
  if (!threshold) return Fail(threshold.error());
  snapshot.decision_threshold = *threshold;
  return {};
}

Result<std::optional<Decimal>> ThresholdOf(const ReleaseSpec& spec) {
  if (spec.decision.empty()) return std::optional<Decimal>();
  auto decision = spec.decision.Tree();
  if (!decision) return Fail(decision.error());
  auto threshold = Decimal::Parse(StringAt(**decision, "threshold"));
  return threshold ? std::optional<Decimal>(*threshold) : std::nullopt;
}

}  // namespace countersign
