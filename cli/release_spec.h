// release_spec.h: what `countersign release` is told: its file, with the flags over it.
//
//   apiVersion: cli.countersign.dev/v1
//   kind: Release
//   spec: {useCase: lending/credit, namespace: lending-prod, name: credit, run: mlruns/0/4f…, …}
//
// docs/cli.md describes the members; every text member is also a flag. Paths of the file are
// relative to its folder. Decoding is strict; this is no kind of the API server. Plain values.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/describe.h"
#include "cli/manifests.h"
#include "governance/types/component.h"
#include "governance/types/reproducibility_snapshot.h"

namespace countersign {

inline constexpr std::string_view kReleaseKind = "Release";

struct ReleaseData {
  std::string name;
  std::string file;
  DataRole role = DataRole::kTraining;
  std::string split;
  std::optional<std::int64_t> seed;
  bool deterministic = false;
};

struct ReleaseDataSet {
  std::string name;
  std::string file;
};

struct ReleaseArtifact {
  std::string name;
  std::string file;
  std::string uri;
};

// What a report is about; kUseCase: whatever model serves it.
enum class ReportAbout { kModel, kUseCase };
template <>
struct EnumNames<ReportAbout> {
  static constexpr std::pair<ReportAbout, std::string_view> kNames[] = {
      {ReportAbout::kModel, "Model"}, {ReportAbout::kUseCase, "UseCase"}};
};

// One part of a model that is put together from several, pushed (`uri`) or hosted.
struct ReleaseComponent {
  std::string name;
  ComponentRole role = ComponentRole::kOther;
  std::string uri;
  std::optional<HostedModel> hosted;
};

struct ReleaseReport {
  std::string type;
  ReportAbout about = ReportAbout::kModel;
  std::string component;  // name of the one it is about; empty: the whole
  std::string environment;
  std::string summary;
  std::string claims_file;
  RawJson claims;  // over those of the file
  std::vector<ReleaseArtifact> artifacts;
};

struct ReleaseSpec {
  std::string use_case;  // namespace/name
  std::string name_space;
  std::string name;
  std::string model_name;
  std::string version;
  std::string model;  // path
  std::string uri;
  std::string run;            // path
  std::string template_file;  // path
  std::string image;
  RawJson serving;
  RawJson decision;
  RawJson fallback;
  std::string code;  // path
  std::string repository;
  std::string entry_point;
  std::string code_archive;  // path
  std::string previous;      // digest of the model before
  std::string algorithm;
  std::string features;  // path
  std::string purpose_category;
  std::string lock_file;  // path
  std::string training_image;
  std::string runtime;
  std::string hardware;
  std::vector<ReleaseData> data;
  std::string parameters;                 // path
  std::string metrics;                    // path
  std::string counts;                     // path
  std::string predictions;                // path
  std::string reproduction_of;            // name of a snapshot
  std::vector<std::string> performed_by;  // who started the run
  std::optional<ReleaseDataSet> data_set;
  std::string protocol;
  std::string favorable_outcome;
  std::map<std::string, std::vector<Decimal>> bins;
  std::string component;  // name of the one that run and counts are about; empty: the whole
  std::vector<ReleaseComponent> components;
  std::vector<ReleaseReport> evidence;
};

// A text member that is also a flag.
struct ReleaseText {
  const char* field;
  const char* flag;
  const char* doc;
  std::string ReleaseSpec::* member;
  bool path = false;
};
[[nodiscard]] const std::vector<ReleaseText>& ReleaseTexts();

// The file at `path`, with its paths made relative to the working directory.
[[nodiscard]] Result<ReleaseSpec> ReadReleaseFile(const std::string& path);

// "NAME=FILE[:role]" with a role of the API, in lower case; Training by default.
[[nodiscard]] Result<ReleaseData> ParseDataFlag(const std::string& text);
// "NAME=FILE".
[[nodiscard]] Result<ReleaseDataSet> ParseDataSetFlag(const std::string& text);

}  // namespace countersign
