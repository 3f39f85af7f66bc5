// release.h: one release of a model as the objects that make it deployable.
//
// A model folder or training run becomes a ReproducibilitySnapshot, a BiasTest, Evidence reports
// and a ModelDeployment, all bound to the model's digest, in that order, so that one
// `kubectl apply -f` brings the evidence before what needs it. What was not given and cannot be
// read is left out, or is an error that names the flag; nothing is guessed. Equal inputs give equal
// objects; the names of evidence carry the start of their own digest, because evidence is final.
// Reads files; writes none.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/time.h"
#include "cli/release_spec.h"
#include "governance/types/common.h"
#include "governance/types/model_deployment.h"
#include "governance/types/reproducibility_snapshot.h"
#include "importers/mlflow_run.h"

namespace countersign {

struct ReleaseOptions {
  std::optional<Time> at;  // when the work ended; else the run's end, else `now`
  Time now{};
  bool evidence_only = false;  // no ModelDeployment: for those who only report
};

struct Release {
  std::vector<Json> objects;
  std::vector<std::string> notes;  // what was left out or will matter, one sentence each
};

[[nodiscard]] Result<Release> MakeRelease(const ReleaseSpec& spec, const ReleaseOptions& options);

// --- the parts, for release*.cc alone ---

// What all objects of a release have in common.
struct ReleaseFrame {
  UseCaseRef use_case;
  std::string label;  // "<name>-<version>", fit for names of objects
  ModelDigest model;
  std::vector<Component> components;
  ModelDigest trained;  // what run and counts are about: the model, or one of its components
  Time performed_at{};
  std::optional<MlflowRun> run;
};

[[nodiscard]] Result<std::vector<Component>> ComponentsOf(const ReleaseSpec& spec);
// As a ModelDeployment lists them.
[[nodiscard]] Json ComponentsJson(const std::vector<Component>& components);
// What evidence about the component names; about the whole model, if `component` is empty.
[[nodiscard]] Result<ModelDigest> SubjectOf(const ReleaseFrame& frame, const std::string& component,
                                            const std::string& path);
// What is known of the run, which may be little.
[[nodiscard]] Result<ReproducibilitySnapshotSpec> SnapshotSpecOf(const ReleaseSpec& spec,
                                                                 const ReleaseFrame& frame,
                                                                 std::vector<std::string>& notes);
// Null: nothing to report.
[[nodiscard]] Result<Json> SnapshotOf(const ReleaseSpec& spec, const ReleaseFrame& frame,
                                      std::vector<std::string>& notes);
// That an option says what the run's files say, or that and more, in whole words: a script's
// command. Either may be empty: not said.
[[nodiscard]] Status CheckAsRecorded(const std::string& flag, const std::string& given,
                                     const std::string& recorded);
// A name a line.
[[nodiscard]] Result<std::vector<std::string>> ReadFeatureNames(const std::string& path);
[[nodiscard]] Status AddChangeState(const ReleaseSpec& spec, const ReleaseFrame& frame,
                                    ReproducibilitySnapshotSpec& snapshot);
// spec.decision.threshold, if there is one.
[[nodiscard]] Result<std::optional<Decimal>> ThresholdOf(const ReleaseSpec& spec);
[[nodiscard]] Result<Json> BiasTestOf(const ReleaseSpec& spec, const ReleaseFrame& frame);
[[nodiscard]] Result<Json> ReportOf(const ReleaseReport& report, const ReleaseFrame& frame);

// "NAMESPACE/NAME" of --use-case.
[[nodiscard]] Result<UseCaseRef> UseCaseOf(const std::string& use_case);

// The manifest of a piece of evidence, decoded to see that it holds; `what` is part of its name.
template <class Spec>
[[nodiscard]] Result<Json> EvidenceManifest(const Spec& spec, const ReleaseFrame& frame,
                                            const std::string& what);

// "RiskAssessment" gives "risk-assessment".
[[nodiscard]] std::string Kebab(const std::string& type);

// That work which ended at `at` is done, or clocks differ; `where` is the flag or file that says
// so.
[[nodiscard]] Status CheckPast(Time at, Time now, const std::string& where);
// "--flag: is required: what".
[[nodiscard]] tl::unexpected<Error> MissingFlag(const std::string& flag, const std::string& what);
// A YAML or JSON file (*.json) that holds a map.
[[nodiscard]] Result<Json> ReadMapFile(const std::string& path);

}  // namespace countersign
