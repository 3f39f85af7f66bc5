// case_runner.h: runs declared cases, and says which measures they cover.
//
// A case is the test's files with its patches, decided offline. Before that, every text
// "$(digest KIND NAMESPACE/NAME)" becomes what a sign-off of that object names: the governed digest
// of a ModelDeployment, the answers' of a UseCase, the spec's of anything else. So fixtures need
// not be signed anew when a deployment changes. Reads files; prints nothing.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "cli/governance_test.h"
#include "governance/decision.h"

namespace countersign {

struct CaseResult {
  std::string file;
  std::size_t line = 0;
  std::string name;
  std::vector<std::string> differences;  // between what was expected and what came; empty: passed
  std::string fault;                     // why it could not be evaluated; empty: it was
  [[nodiscard]] bool Passed() const { return differences.empty() && fault.empty(); }
};

// Whether some case that passed has asserted that a measure's gate passes, and that it does not.
struct MeasureCoverage {
  bool passed = false;
  bool refused = false;
  [[nodiscard]] bool Full() const { return passed && refused; }
};

struct TestRun {
  std::vector<CaseResult> cases;
  std::map<std::string, MeasureCoverage> coverage;  // by "policy/measure"
};

// Runs the tests among `manifests`. Fails on a test that is malformed, or whose files cannot be
// read; what is wrong with one case alone is that case's fault.
[[nodiscard]] Located<TestRun> RunTests(const std::vector<Manifest>& manifests);

}  // namespace countersign
