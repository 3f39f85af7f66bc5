// mlflow_run.h: an MLflow run read from its folder (importers/mlflow_run.h).
#pragma once

#include <map>
#include <string>

#include "base/result.h"
#include "importers/mlflow_run.h"

namespace countersign {

// The texts that say what the run was, by their path in the folder; not its artifacts.
[[nodiscard]] Result<std::map<std::string, std::string>> ReadRunFolder(const std::string& folder);

[[nodiscard]] Result<MlflowRun> ReadMlflowRun(const std::string& folder);

}  // namespace countersign
