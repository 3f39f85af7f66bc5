#include "cli/starter.h"

#include <algorithm>
#include <istream>
#include <ostream>

#include "base/yaml.h"
#include "cli/embedded.h"
#include "cli/render.h"
#include "governance/classify.h"
#include "governance/identity.h"
#include "governance/report_types.h"
#include "governance/requirement_text.h"

namespace countersign {
namespace {

constexpr std::string_view kFolder = "examples/policies/";
constexpr std::string_view kPolicyFile = "/policy.yaml";

std::string Options(const Question& question) {
  std::vector<std::string> names;
  names.reserve(question.options.size());
  for (const auto& [option, score] : question.options) names.push_back(option);
  return Joined(names);
}

std::vector<std::string> SplitAtCommas(const std::string& text) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == ',') {
      parts.emplace_back();
    } else if (c != ' ' && c != '\r') {
      parts.back() += c;
    }
  }
  return parts;
}

// What is wrong with the options chosen for `question`, or nothing.
std::string Wrong(const Question& question, const std::vector<std::string>& options) {
  for (const std::string& option : options) {
    if (question.options.contains(option)) continue;
    return "must be one of " + Options(question) + ", is '" + Excerpt(option) + "'";
  }
  if (options.size() > 1 && !question.multiple) {
    return "must be one option, is " + std::to_string(options.size());
  }
  return {};
}

bool Meet(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  return a.empty() || std::any_of(a.begin(), a.end(), [&](const std::string& one) {
           return std::find(b.begin(), b.end(), one) != b.end();
         });
}

std::vector<std::string> ArtifactsOf(const std::string& type, const EvidenceRequirement& asked) {
  if (!asked.artifacts.empty()) return asked.artifacts;
  std::vector<std::string> names;
  if (const ReportType* known = FindReportType(type); known != nullptr) {
    for (const KnownArtifact& one : known->artifacts) names.emplace_back(one.name);
  }
  return names;
}

// The members of a release file that give what the measure asks for; empty: none does.
std::string MembersFor(const Requirement& require) {
  if (require.reproducibility) {
    if (require.reproducibility->level == ReproducibilityLevel::kFullSnapshot) {
      return "run, or metrics and parameters; code, codeArchive, entryPoint, lockFile, runtime, "
             "hardware, data with split and seed";
    }
    return require.reproducibility->level == ReproducibilityLevel::kMetricsOnly
               ? "metrics, or run"
               : "run or metrics, code, entryPoint, lockFile, runtime, hardware, data";
  }
  if (require.bias_test) {
    return "predictions or counts, dataSet, protocol, favorableOutcome: " +
           require.bias_test->favorable_outcome;
  }
  if (require.deployment_mode) return "serving";
  if (!require.report) return {};
  std::string text = "evidence: [{type: " + require.report->type;
  if (require.report->scope == EvidenceScope::kUseCase) text += ", about: UseCase";
  text += ", claims: {…}";
  std::vector<std::string> artifacts;
  for (const std::string& one : ArtifactsOf(require.report->type, *require.report)) {
    artifacts.push_back("{name: " + one + ", file: …, uri: …}");
  }
  if (!artifacts.empty()) text += ", artifacts: [" + Joined(artifacts) + "]";
  return text + "}]";
}

std::string IssuersOf(const Requirement& require) {
  if (require.report) return SubjectsText(require.report->issuers);
  if (require.reproducibility) return SubjectsText(require.reproducibility->issuers);
  if (require.bias_test) return SubjectsText(require.bias_test->issuers);
  return {};
}

}  // namespace

std::vector<std::string> PackNames() { return EmbeddedNames(kFolder, kPolicyFile); }

Result<Pack> LoadPack(const std::string& name) {
  const std::vector<std::string> names = PackNames();
  if (std::find(names.begin(), names.end(), name) == names.end()) {
    return Fail(Code::kInvalidArgument,
                "must be one of " + Joined(names) + ", is '" + Excerpt(name) + "'", "--pack");
  }
  Pack pack;
  pack.name = name;
  pack.text = EmbeddedText(std::string(kFolder) + name + std::string(kPolicyFile));
  auto json = ParseYaml(pack.text);
  if (!json) return Fail(json.error());
  auto policy = Decode<GovernancePolicySpec>(*json);
  if (!policy) return Fail(policy.error());
  pack.policy = std::move(*policy);
  return pack;
}

Result<Answers> ParseAnswers(const std::vector<Question>& questions,
                             const std::vector<std::string>& arguments) {
  Answers answers;
  for (const std::string& argument : arguments) {
    const auto equals = argument.find('=');
    if (equals == std::string::npos) {
      return Fail(Code::kInvalidArgument, "must be QUESTION=OPTION, is '" + Excerpt(argument) + "'",
                  "--answer");
    }
    const std::string name = argument.substr(0, equals);
    const auto question = std::find_if(questions.begin(), questions.end(),
                                       [&](const Question& q) { return q.name == name; });
    if (question == questions.end()) {
      std::vector<std::string> names;
      names.reserve(questions.size());
      for (const Question& q : questions) names.push_back(q.name);
      return Fail(Code::kInvalidArgument,
                  "question must be one of " + Joined(names) + ", is '" + Excerpt(name) + "'",
                  "--answer");
    }
    std::vector<std::string>& chosen = answers[name];
    for (std::string& option : SplitAtCommas(argument.substr(equals + 1))) {
      if (std::find(chosen.begin(), chosen.end(), option) == chosen.end()) {
        chosen.push_back(std::move(option));
      }
    }
    if (auto wrong = Wrong(*question, chosen); !wrong.empty()) {
      return Fail(Code::kInvalidArgument, wrong, "--answer " + name);
    }
  }
  return answers;
}

Status Ask(const std::vector<Question>& questions, std::istream& in, std::ostream& out,
           Answers& answers) {
  for (const Question& question : questions) {
    while (!answers.contains(question.name)) {
      out << question.description << "\n  " << question.name << " ("
          << (question.multiple ? "one or several, with commas, of " : "one of ")
          << Options(question) << "): " << std::flush;
      std::string line;
      if (!std::getline(in, line)) {
        return Fail(Code::kInvalidArgument, "the input ended before the answer",
                    "question " + question.name);
      }
      auto options = SplitAtCommas(line);
      if (auto wrong = Wrong(question, options); !wrong.empty()) {
        out << "  " << wrong << "\n";
      } else {
        answers[question.name] = std::move(options);
      }
    }
  }
  return {};
}

Json StarterUseCase(const Pack& pack, const std::string& name, const std::string& name_space,
                    const Answers& answers) {
  Json namespaces = Json::array();
  for (const PolicyEnvironment& environment : pack.policy.spec.environments) {
    for (const std::string& one : environment.namespaces) namespaces.push_back(one);
  }
  Json spec = {{"title", name},
               {"purpose", "Say what the model decides, about whom, and what happens with it."},
               {"purposeCategory", "your-purpose"},
               {"owner", "your-owner@example.org"},
               {"developers", {{{"kind", "Group"}, {"name", "your-developers"}}}},
               {"lifecycle", "Active"},
               {"answers", answers},
               {"deployTo", std::move(namespaces)}};
  return {{"apiVersion", "countersign.dev/v1alpha1"},
          {"kind", "UseCase"},
          {"metadata", {{"name", name}, {"namespace", name_space}}},
          {"spec", std::move(spec)}};
}

std::string StarterRelease(const Pack& pack, const std::string& name, const std::string& name_space,
                           const UseCaseSpec& spec) {
  const GovernancePolicySpec& policy = pack.policy.spec;
  std::string text =
      "# What a release of this model consists of: countersign release -c release.yaml --version "
      "…\n"
      "# Paths are relative to this file. Every text member is a flag too; docs/cli.md lists all.\n"
      "apiVersion: cli.countersign.dev/v1\n"
      "kind: Release\n"
      "spec:\n"
      "  useCase: " +
      name_space + "/" + name +
      "\n"
      "  namespace: " +
      policy.environments.front().namespaces.front() + "   # environment " +
      policy.environments.front().name +
      "\n"
      "  name: " +
      name +
      "\n"
      "  uri: oci://your-registry.example/" +
      name +
      "@sha256:…   # of what was pushed\n"
      "  metrics: metrics.yaml   # a map of names to numbers, as the training measured them\n"
      "  serving:\n"
      "    template:\n"
      "      spec:\n"
      "        containers:\n"
      "        - name: server\n"
      "          image: your-registry.example/server@sha256:…\n"
      "          resources: {requests: {cpu: 100m, memory: 256Mi}, limits: {memory: 256Mi}}\n"
      "  fallback: {kind: Human, description: Say who or what decides when it is stopped.}\n";
  const std::vector<std::string> classes = Classify(policy.classification, &spec, true).classes;
  std::string owed;
  for (const Measure& measure : policy.measures) {
    const std::string members = MembersFor(measure.require);
    if (members.empty() || !Meet(measure.applies.classes, classes)) continue;
    const std::string issuers = IssuersOf(measure.require);
    owed.append("#\n# ").append(measure.name);
    if (!measure.applies.environments.empty()) {
      owed.append(" (").append(Joined(measure.applies.environments)).append(")");
    }
    owed.append(": ").append(RequirementText(measure.require));
    if (!issuers.empty()) owed.append(", believed of ").append(issuers);
    owed.append("\n#   ").append(members).append("\n");
  }
  if (owed.empty()) return text;
  return text + "# What its classes (" + Joined(classes) +
         ") owe, measure by measure, by which members of this file. Whoever else\n"
         "# has to report does so from a file of their own, with --evidence-only. What each type "
         "of\n"
         "# evidence claims: docs/reference/evidence-types.md.\n" +
         owed;
}

std::string StarterReadme(const Pack& pack, const std::string& name,
                          const std::string& name_space) {
  const std::string& role = pack.policy.spec.classification.sign_off.role;
  const std::string use_case = name_space + "/" + name;
  return "# " + name +
         "\n\n"
         "Started from the policy pack `" +
         pack.name +
         "`. Before you apply it:\n\n"
         "1. In `policy.yaml` put your own groups and people in place of `your-…`, and your\n"
         "   namespaces into `environments`.\n"
         "2. In `use-case.yaml` say what the model is for, who owns and who develops it.\n\n"
         "Then, once:\n\n"
         "    kubectl apply -f policy.yaml -f use-case.yaml\n"
         "    kubectl countersign approve --use-case " +
         name + " -n " + name_space + " --role " + role + " --rationale \"…\"" +
         "   # somebody in that role\n"
         "\nWhat it will owe, and who answers for it:\n\n"
         "    countersign matrix -f policy.yaml -f use-case.yaml --use-case " +
         use_case +
         "\n\nFill in `release.yaml`, once. For every release:\n\n"
         "    countersign release -c release.yaml --version 1.0.0 > out.yaml\n"
         "    countersign check -f policy.yaml -f use-case.yaml -f out.yaml   # would it serve?\n"
         "    kubectl apply -f out.yaml\n"
         "    kubectl countersign todo   # who must do what next\n"
         "\nOnce `policy.yaml` says what you mean, publish it, so that nobody changes it alone any "
         "more.\nAdd to its `spec`, and from then on have each new version signed off:\n\n"
         "    version: {label: \"1\"}\n"
         "    succession: {signOff: {role: " +
         role + ", count: 1, distinctFrom: [requester], assurance: Requester}}\n";
}

}  // namespace countersign
