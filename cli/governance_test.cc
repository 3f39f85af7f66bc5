#include "cli/governance_test.h"

#include <algorithm>
#include <array>

#include "governance/types/object.h"

namespace countersign {
namespace {

constexpr std::array<std::string_view, 4> kVerdicts = {"Allow", "Warn", "Hold", "Deny"};
constexpr std::array<std::string_view, 7> kStates = {"Passed",       "Waived", "Expired", "Missing",
                                                     "Insufficient", "Failed", "Absent"};

}  // namespace

template <class V>
void Describe(V& v, TestTarget& t) {
  v.Field({.name = "kind", .doc = "Kind of the object.", .required = true}, t.kind);
  v.Field({.name = "name", .doc = "Its name.", .required = true}, t.name);
  v.Field({.name = "namespace", .doc = "Its namespace, if it has one."}, t.name_space);
}

template <class V>
void Describe(V& v, TestPatch& p) {
  v.Field({.name = "target", .doc = "The object that is changed.", .required = true}, p.target);
  v.Field({.name = "merge", .doc = "Merge patch (RFC 7386) over it; null removes a member."},
          p.merge);
  v.Field({.name = "remove", .doc = "Take the object away."}, p.remove);
}

template <class V>
void Describe(V& v, GateExpectation& g) {
  v.Field({.name = "state", .doc = "State of the gate, or Absent.", .required = true}, g.state);
  v.Field({.name = "reason", .doc = "Its reason code; any, if left out."}, g.reason);
}

template <class V>
void Describe(V& v, TestExpectation& e) {
  v.Field({.name = "verdict", .doc = "Allow, Warn, Hold or Deny; any, if left out."}, e.verdict);
  v.Field({.name = "gates", .doc = "Gates by measure, or by policy/measure.", .max = 512}, e.gates);
}

template <class V>
void Describe(V& v, TestCase& c) {
  v.Field({.name = "name", .doc = "One sentence.", .required = true, .min = 1}, c.name);
  v.Field({.name = "now", .doc = "The time of this case."}, c.now);
  v.Field({.name = "files", .doc = "Further files, for this case.", .max = 128, .length = 4096},
          c.files);
  v.Field({.name = "patches", .doc = "Changes of the objects, in order.", .max = 128}, c.patches);
  v.Field({.name = "deployment", .doc = "The ModelDeployment, namespace/name.", .length = 512},
          c.deployment);
  v.Field({.name = "expect", .doc = "What comes of it.", .required = true}, c.expect);
}

template <class V>
void Describe(V& v, GovernanceTest& t) {
  v.Field({.name = "now", .doc = "The time of the cases that name none."}, t.now);
  v.Field({.name = "files",
           .doc = "Policies and fixtures, relative to this file.",
           .required = true,
           .min = 1,
           .max = 128,
           .length = 4096},
          t.files);
  v.Field({.name = "cases", .doc = "The cases.", .required = true, .min = 1, .max = 1000}, t.cases);
}

namespace {

template <std::size_t n>
void CheckWord(const std::array<std::string_view, n>& allowed, const std::string& word,
               const std::string& path, std::vector<Error>& errors) {
  if (std::find(allowed.begin(), allowed.end(), word) != allowed.end()) return;
  std::string list;
  for (const std::string_view one : allowed) list.append(list.empty() ? "" : ", ").append(one);
  errors.push_back({Code::kInvalidArgument,
                    "must be one of " + list + ", is '" + Excerpt(word) + "'", path, std::nullopt});
}

void Check(const GovernanceTest& test, std::vector<Error>& errors) {
  for (std::size_t i = 0; i < test.cases.size(); ++i) {
    const TestCase& c = test.cases[i];
    const std::string at = "spec.cases[" + std::to_string(i) + "]";
    if (!c.now && !test.now) {
      errors.push_back(
          {Code::kInvalidArgument, "is required here or in spec.now", at + ".now", std::nullopt});
    }
    if (!c.expect.verdict.empty()) {
      CheckWord(kVerdicts, c.expect.verdict, at + ".expect.verdict", errors);
    }
    for (const auto& [gate, expected] : c.expect.gates) {
      std::string path = at;
      path.append(".expect.gates.").append(gate).append(".state");
      CheckWord(kStates, expected.state, path, errors);
    }
    if (c.expect.verdict.empty() && c.expect.gates.empty()) {
      errors.push_back(
          {Code::kInvalidArgument, "must name a verdict or a gate", at + ".expect", std::nullopt});
    }
    for (std::size_t p = 0; p < c.patches.size(); ++p) {
      if (c.patches[p].remove == c.patches[p].merge.empty()) continue;
      errors.push_back({Code::kInvalidArgument, "must have either merge or remove: true",
                        at + ".patches[" + std::to_string(p) + "]", std::nullopt});
    }
  }
}

}  // namespace

bool IsGovernanceTest(const Manifest& manifest) {
  return StringAt(manifest.object, "kind") == kTestKind &&
         StringAt(manifest.object, "apiVersion").starts_with("cli.countersign.dev/");
}

Located<GovernanceTest> DecodeTest(const Manifest& manifest) {
  const std::string version = StringAt(manifest.object, "apiVersion");
  if (version != kTestApiVersion) {
    return FailIn(manifest, "apiVersion",
                  "must be '" + std::string(kTestApiVersion) + "', is '" + Excerpt(version) + "'");
  }
  const Json* spec = Find(manifest.object, "spec");
  if (spec == nullptr) return FailIn(manifest, "spec", "is required");
  GovernanceTest test;
  auto errors = DecodeInto(*spec, "spec", test);
  if (errors.empty()) Check(test, errors);
  if (errors.empty()) return test;
  const Error joined = JoinErrors(errors);
  return FailIn(manifest, joined.path, joined.message);
}

}  // namespace countersign
