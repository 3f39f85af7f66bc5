// mlflow_run.h: what an MLflow run left in its folder (mlruns/<experiment>/<run>).
//
// Reads meta.yaml, params/, metrics/ and tags/ of MLflow's file store. Only a run that has finished
// is read: what another one wrote is not what it resulted in.
// Source: github.com/mlflow/mlflow, mlflow/store/tracking/file_store.py.
#pragma once

#include <map>
#include <string>

#include "base/result.h"
#include "base/time.h"

namespace countersign {

struct MlflowRun {
  Time ended{};
  std::map<std::string, std::string> parameters;
  std::map<std::string, std::string> metrics;  // of each the last step, as the number was written
  std::string commit;                          // empty: not recorded, as the next two
  std::string repository;
  std::string entry_point;
};

[[nodiscard]] Result<MlflowRun> ReadMlflowRun(const std::string& folder);

}  // namespace countersign
