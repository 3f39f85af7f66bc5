// mlflow_run.h: an MLflow run read from its folder, or from a file (importers/mlflow_run.h).
#pragma once

#include <map>
#include <string>

#include "base/result.h"
#include "importers/mlflow_run.h"

namespace countersign {

// Whether it is a run of the file store and not a file with JSON.
[[nodiscard]] bool IsRunFolder(const std::string& path);

// The texts that say what the run was, by their path in the folder; not its artifacts. Of a file
// its text, as kRunJson.
[[nodiscard]] Result<std::map<std::string, std::string>> ReadRun(const std::string& folder);

[[nodiscard]] Result<MlflowRun> ReadMlflowRun(const std::string& folder);

}  // namespace countersign
