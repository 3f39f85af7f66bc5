#include "cli/case_runner.h"

#include <algorithm>
#include <filesystem>

#include "cli/world.h"
#include "evidence/stamp.h"
#include "governance/evaluate.h"

namespace countersign {
namespace {

using Manifests = std::vector<Manifest>;

Located<Manifests> ReadBeside(const Manifest& test, const std::vector<std::string>& files) {
  std::vector<std::string> paths;
  paths.reserve(files.size());
  for (const std::string& file : files) {
    paths.push_back((std::filesystem::path(test.file).parent_path() / file).string());
  }
  auto manifests = ReadManifests(paths);
  if (manifests) std::erase_if(*manifests, IsGovernanceTest);  // a folder may hold the test itself
  return manifests;
}

bool Is(const Manifest& m, const TestTarget& target) {
  return StringAt(m.object, "kind") == target.kind &&
         StringAt(m.object, "metadata/name") == target.name &&
         StringAt(m.object, "metadata/namespace") == target.name_space;
}

std::string NameOf(const TestTarget& target) {
  return target.kind + " '" + (target.name_space.empty() ? "" : target.name_space + "/") +
         target.name + "'";
}

Status Patch(Manifests& objects, const std::vector<TestPatch>& patches) {
  for (const TestPatch& patch : patches) {
    const auto it = std::find_if(objects.begin(), objects.end(),
                                 [&](const Manifest& m) { return Is(m, patch.target); });
    if (it == objects.end()) {
      return Fail(Code::kNotFound,
                  "there is no " + NameOf(patch.target) + " to patch in the case's files");
    }
    if (patch.remove) {
      objects.erase(it);
      continue;
    }
    auto merge = patch.merge.Tree();
    if (!merge) return Fail(merge.error());
    it->object.merge_patch(**merge);
    it->lines = nullptr;  // its fields no longer stand where they did
  }
  return {};
}

Result<std::string> DigestOf(const Manifests& objects, const TestTarget& target) {
  const auto it = std::find_if(objects.begin(), objects.end(),
                               [&](const Manifest& m) { return Is(m, target); });
  if (it == objects.end()) return Fail(Code::kNotFound, "there is no " + NameOf(target));
  if (target.kind != UseCaseSpec::kKind) return StampedDigest(it->object);
  auto use_case = Decode<UseCaseSpec>(it->object);
  if (!use_case) return Fail(use_case.error());
  return AnswersDigest(use_case->spec);
}

// "$(digest KIND NAMESPACE/NAME)", and nothing else in the text.
std::optional<TestTarget> PlaceholderIn(const std::string& text) {
  constexpr std::string_view kBegin = "$(digest ";
  if (!text.starts_with(kBegin) || !text.ends_with(")")) return std::nullopt;
  const std::string inner = text.substr(kBegin.size(), text.size() - kBegin.size() - 1);
  const auto space = inner.find(' ');
  const auto slash = inner.find('/');
  if (space == std::string::npos || slash == std::string::npos || slash < space) {
    return std::nullopt;
  }
  return TestTarget{inner.substr(0, space), inner.substr(slash + 1),
                    inner.substr(space + 1, slash - space - 1)};
}

Status FillIn(Json& value, const Manifests& before) {
  if (value.is_structured()) {
    for (Json& member : value) {
      if (auto filled = FillIn(member, before); !filled) return filled;
    }
    return {};
  }
  if (!value.is_string()) return {};
  const auto target = PlaceholderIn(value.get_ref<const std::string&>());
  if (!target) return {};
  auto digest = DigestOf(before, *target);
  if (!digest) {
    return Fail(digest.error().code, value.get<std::string>() + ": " + digest.error().ToString());
  }
  value = std::move(*digest);
  return {};
}

Result<Decision> Decide(Manifests objects, const TestCase& c, Time now) {
  if (auto patched = Patch(objects, c.patches); !patched) return Fail(patched.error());
  const Manifests before = objects;
  for (Manifest& object : objects) {
    if (auto filled = FillIn(object.object, before); !filled) return Fail(filled.error());
  }
  World world({ClaimedMaker(now), {}});
  if (auto added = world.AddAll(objects); !added) return Fail(Error(added.error()));
  std::vector<Facts> asked;
  for (const World::Deployment& deployment : world.deployments()) {
    Facts facts = world.FactsOf(deployment, now);
    if (c.deployment.empty() || c.deployment == facts.name_space + "/" + facts.name) {
      asked.push_back(std::move(facts));
    }
  }
  if (asked.size() != 1) {
    return Fail(Code::kInvalidArgument,
                c.deployment.empty()
                    ? "must name its deployment: the files hold " + std::to_string(asked.size())
                    : "there is no ModelDeployment '" + c.deployment + "' in the case's files");
  }
  return Evaluate(world.policies(), asked.front());
}

std::string FullName(const Gate& gate) { return gate.policy + "/" + gate.measure; }

std::vector<std::string> GateDifferences(const std::string& name, const GateExpectation& expected,
                                         const Decision& decision) {
  std::vector<std::string> differences;
  const std::string wanted =
      expected.state + (expected.reason.empty() ? "" : " " + expected.reason);
  bool found = false;
  for (const Gate& gate : decision.gates) {
    if (gate.measure != name && FullName(gate) != name) continue;
    found = true;
    const std::string state(GateStateName(gate.state));
    if (state == expected.state && (expected.reason.empty() || gate.reason == expected.reason)) {
      continue;
    }
    std::string text = "gate " + name;
    text.append(": expected ").append(wanted).append(", is ").append(state);
    text.append(" ").append(gate.reason).append(" (").append(gate.message).append(")");
    differences.push_back(std::move(text));
  }
  if (!found && expected.state != "Absent") {
    differences.push_back("gate " + name + ": expected " + wanted + ", is absent");
  }
  return differences;
}

void Compare(const TestExpectation& expected, const Decision& decision, CaseResult& result) {
  const std::string verdict(VerdictName(decision.verdict));
  if (!expected.verdict.empty() && expected.verdict != verdict) {
    result.differences.push_back("verdict: expected " + expected.verdict + ", is " + verdict);
  }
  for (const auto& [name, gate] : expected.gates) {
    auto differences = GateDifferences(name, gate, decision);
    std::move(differences.begin(), differences.end(), std::back_inserter(result.differences));
  }
}

// What a case that passed has asserted of each measure.
void Count(const TestExpectation& expected, const Decision& decision,
           std::map<std::string, MeasureCoverage>& coverage) {
  for (const Gate& gate : decision.gates) {
    const std::string full = FullName(gate);
    if (!expected.gates.contains(gate.measure) && !expected.gates.contains(full)) continue;
    const auto it = coverage.find(full);
    if (it == coverage.end()) continue;
    (IsMet(gate.state) ? it->second.passed : it->second.refused) = true;
  }
}

Located<void> AddMeasures(const Manifests& objects,
                          std::map<std::string, MeasureCoverage>& coverage) {
  for (const Manifest& manifest : objects) {
    if (StringAt(manifest.object, "kind") != GovernancePolicySpec::kKind) continue;
    auto policy = Decode<GovernancePolicySpec>(manifest.object);
    if (!policy) return FailIn(manifest, policy.error().path, policy.error().message);
    for (const Measure& measure : policy->spec.measures) {
      coverage[policy->meta.name + "/" + measure.name];
    }
  }
  return {};
}

Located<void> RunTest(const Manifest& manifest, TestRun& run) {
  auto test = DecodeTest(manifest);
  if (!test) return tl::unexpected<Fault>(test.error());
  auto objects = ReadBeside(manifest, test->files);
  if (!objects) return tl::unexpected<Fault>(objects.error());
  if (auto added = AddMeasures(*objects, run.coverage); !added) return added;
  for (std::size_t i = 0; i < test->cases.size(); ++i) {
    const TestCase& c = test->cases[i];
    const std::string path = "spec.cases[" + std::to_string(i) + "]";
    CaseResult result{manifest.file, manifest.LineOf(path), c.name, {}, {}};
    Manifests all = *objects;
    if (auto more = ReadBeside(manifest, c.files); more) {
      std::move(more->begin(), more->end(), std::back_inserter(all));
    } else {
      result.fault = more.error().ToString();
    }
    if (result.fault.empty()) {
      // Check() has seen to it that one of them is there.
      const Time now = c.now ? *c.now : test->now.value_or(Time{});
      auto decision = Decide(std::move(all), c, now);
      if (!decision) {
        result.fault = decision.error().ToString();
      } else {
        Compare(c.expect, *decision, result);
        if (result.Passed()) Count(c.expect, *decision, run.coverage);
      }
    }
    run.cases.push_back(std::move(result));
  }
  return {};
}

}  // namespace

Located<TestRun> RunTests(const std::vector<Manifest>& manifests) {
  TestRun run;
  for (const Manifest& manifest : manifests) {
    if (!IsGovernanceTest(manifest)) continue;
    if (auto ran = RunTest(manifest, run); !ran) return tl::unexpected<Fault>(ran.error());
  }
  return run;
}

}  // namespace countersign
