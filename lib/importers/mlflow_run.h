// mlflow_run.h: what an MLflow run left in its folder (mlruns/<experiment>/<run>), or what a
// tracking server says of it.
//
// From the texts of meta.yaml, params/, metrics/ and tags/ of MLflow's file store; or from JSON, as
// `mlflow runs describe` prints it (members by name) and REST's runs/get answers it (lists of key
// and value, under `run`). Only a run that has finished and was not deleted is taken: what another
// one wrote is not what it resulted in. Pure. Source: github.com/mlflow/mlflow,
// mlflow/store/tracking/file_store.py, mlflow/entities/run.py, mlflow/protos/service.proto.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "importers/importer.h"

namespace countersign {

struct MlflowRun {
  Time ended{};
  std::map<std::string, std::string> parameters;
  std::map<std::string, std::string> metrics;  // of each the last step, as the number was written
  std::string id;
  std::string commit;  // empty: not recorded, as the next two
  std::string repository;
  std::string entry_point;
  std::vector<std::string> users;  // who started it, by its tag and by its meta.yaml
};

// The name of a run's only file, where it is no folder.
inline constexpr std::string_view kRunJson = "run.json";

// `files` by their path in the folder, with slashes; or kRunJson alone.
[[nodiscard]] Result<MlflowRun> ParseMlflowRun(std::span<const ImportText> files);

}  // namespace countersign
