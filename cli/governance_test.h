// governance_test.h: declared cases, the tests of an organisation's own policies.
//
//   apiVersion: cli.countersign.dev/v1
//   kind: GovernanceTest
//   spec:
//     now: "2026-11-20T00:00:00Z"
//     files: [policy.yaml, fixtures/]
//     cases:
//     - name: Without validation a high-risk model is refused
//       patches: [{target: {kind: SignOff, name: vera, namespace: lending}, remove: true}]
//       expect: {verdict: Deny, gates: {validation: {state: Missing, reason: SignOffMissing}}}
//
// docs/cli.md describes the members. Decoding is strict; this is no kind of the API server. Plain
// values.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/describe.h"
#include "cli/manifests.h"

namespace countersign {

inline constexpr std::string_view kTestApiVersion = "cli.countersign.dev/v1";
inline constexpr std::string_view kTestKind = "GovernanceTest";

struct TestTarget {
  std::string kind;
  std::string name;
  std::string name_space;
};

// A change of one object: a merge patch (RFC 7386), or its removal.
struct TestPatch {
  TestTarget target;
  RawJson merge;
  bool remove = false;
};

struct GateExpectation {
  std::string state;   // of a gate, or "Absent"
  std::string reason;  // empty: any
};

struct TestExpectation {
  std::string verdict;                           // empty: any
  std::map<std::string, GateExpectation> gates;  // by measure, or policy/measure
};

struct TestCase {
  std::string name;
  std::optional<Time> now;
  std::vector<std::string> files;  // besides the test's
  std::vector<TestPatch> patches;
  std::string deployment;  // "namespace/name", where there are several
  TestExpectation expect;
};

struct GovernanceTest {
  std::optional<Time> now;
  std::vector<std::string> files;  // relative to the test's own
  std::vector<TestCase> cases;
};

[[nodiscard]] bool IsGovernanceTest(const Manifest& manifest);
[[nodiscard]] Located<GovernanceTest> DecodeTest(const Manifest& manifest);

}  // namespace countersign
