// findings.h: what is wrong with manifests, each with file and line, for pipelines.
//
// One finding a gate that is not passed, or one for the fault that stopped everything. The formats
// are SARIF 2.1.0 (OASIS), JUnit XML as Jenkins, GitLab and GitHub's actions read it, and workflow
// commands of GitHub Actions. Pure functions.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "cli/junit.h"
#include "cli/manifests.h"
#include "cli/offline.h"

namespace countersign {

// kError: it would not serve. kWarning and kNote: it would, and is flagged.
enum class Severity { kNote, kWarning, kError };

struct Finding {
  Severity severity = Severity::kError;
  std::string rule;     // the gate's reason code, or "ManifestInvalid"
  std::string measure;  // the gate
  std::string policy;
  std::string subject;  // "namespace/name" of the deployment; empty for a fault of a manifest
  std::string message;  // path, what is required, what was found
  std::string remedy;
  std::string file;      // empty: unknown, for example standard input
  std::size_t line = 0;  // counted from 1; 0: unknown
};

// In the order of the deployments and their gates. `manifests` are those that were judged.
[[nodiscard]] std::vector<Finding> FindingsOf(const std::vector<OfflineDecision>& decisions,
                                              const std::vector<Manifest>& manifests);
[[nodiscard]] Finding FindingOf(const Fault& fault);
// Of gates as they stand in a status, which is as GateJson writes them; no file and line.
[[nodiscard]] std::vector<Finding> FindingsOf(const Json& gates, const std::string& subject);

// A case a gate; `findings` are those of the gates that do not pass, in their order. What is only
// flagged passes, as the exit code has it, and says so in its output.
[[nodiscard]] JunitSuite SuiteOf(const Json& gates, const std::string& subject,
                                 const std::vector<Finding>& findings);

// A fault in the format that a pipeline shows beside the file; empty for the other formats, whose
// readers look at standard error.
[[nodiscard]] std::string FaultText(const Fault& fault, const std::string& format);

// A SARIF log of one run. `completed` says that everything was evaluated; `notes` are what was
// taken for granted.
[[nodiscard]] Json SarifLog(const std::vector<Finding>& findings, bool completed,
                            const std::vector<std::string>& notes);
// One line a finding: "::error file=…,line=…,title=…::message".
[[nodiscard]] std::string GithubCommands(const std::vector<Finding>& findings);

}  // namespace countersign
