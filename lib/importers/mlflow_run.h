// mlflow_run.h: what an MLflow run left in its folder (mlruns/<experiment>/<run>).
//
// From the texts of meta.yaml, params/, metrics/ and tags/ of MLflow's file store. Only a run that
// has finished is taken: what another one wrote is not what it resulted in. Pure.
// Source: github.com/mlflow/mlflow, mlflow/store/tracking/file_store.py.
#pragma once

#include <map>
#include <span>
#include <string>
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

// `files` by their path in the folder, with slashes.
[[nodiscard]] Result<MlflowRun> ParseMlflowRun(std::span<const ImportText> files);

}  // namespace countersign
