// evidence_import.h: files of tools as one evidence object, with what they do not say.
//
// The files are read and digested here; what they mean lib/importers says. Equal inputs give equal
// objects. Reads files; writes none.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "base/time.h"
#include "cli/evidence_model.h"
#include "cli/release_spec.h"
#include "importers/importer.h"

namespace countersign {

struct EvidenceImport {
  std::string format;
  std::vector<std::string> files;
  std::string use_case;  // NAMESPACE/NAME
  std::string name;      // how names of objects begin; empty: the use case's
  EvidenceModel model;
  std::string at;
  Time now{};  // nothing was done later than that
  std::string environment;
  std::string summary;
  std::string kept_at;
  std::string protocol;
  std::optional<ReleaseDataSet> data_set;
  std::vector<std::string> with;  // FORMAT=PATH each: further parts of a snapshot
  std::string dvc_cache;          // with dvc-lock
  ReleaseSpec run;                // what people say of the run
  ImportOptions options;
};

struct ImportedEvidence {
  Json object;
  std::vector<std::string> notes;
};

[[nodiscard]] Result<ImportedEvidence> ImportEvidence(const EvidenceImport& import);

}  // namespace countersign
