// reproducibility_snapshot.h: all that it takes to make the model again. See object.h for
// threads.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "governance/types/common.h"
#include "governance/types/correction.h"
#include "governance/types/object.h"
#include "governance/types/signature.h"
#include "governance/types/source.h"

namespace countersign {

struct CodeState {
  std::string repository;
  std::string commit;
  bool clean = false;
  std::string entry_point;
  std::string artifact_digest;
  std::vector<std::string> authors;
};

enum class DataRole { kTraining, kValidation, kTest };

template <>
struct EnumNames<DataRole> {
  static constexpr std::pair<DataRole, std::string_view> kNames[] = {
      {DataRole::kTraining, "Training"},
      {DataRole::kValidation, "Validation"},
      {DataRole::kTest, "Test"}};
};

struct DataState {
  std::string name;
  std::string digest;
  DataRole role = DataRole::kTraining;
  std::optional<std::int64_t> rows;
  std::string split;
  std::optional<std::int64_t> seed;
  bool deterministic = false;
};

struct EnvironmentState {
  std::string image;
  std::string lock_file_digest;
  std::vector<std::string> unpinned;
  std::string runtime;
  std::string hardware;
};

// Which inputs the model reads: their names, or a digest of what lists them.
struct FeatureState {
  std::vector<std::string> names;
  std::string digest;
};

struct ReproducibilitySnapshotSpec {
  static constexpr std::string_view kKind = "ReproducibilitySnapshot";
  std::string use_case;
  ModelDigest model;
  Time performed_at{};
  std::vector<std::string> performed_by;
  std::optional<CodeState> code;
  std::vector<DataState> data;
  std::optional<EnvironmentState> environment;
  std::map<std::string, std::string> parameters;
  std::map<std::string, Decimal> metrics;
  std::string reproduction_of;
  // What a change is computed from (model_change.h).
  std::optional<ModelDigest> previous;
  std::string algorithm;
  std::optional<FeatureState> features;
  std::string purpose_category;
  std::optional<Decimal> decision_threshold;
  std::string serving_image;
  std::vector<EvidenceSource> sources;
  std::optional<Correction> supersedes;
  std::optional<ObjectSignature> signature;
};
using ReproducibilitySnapshot = Object<ReproducibilitySnapshotSpec>;

}  // namespace countersign
