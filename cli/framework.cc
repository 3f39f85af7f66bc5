#include "cli/framework.h"

#include <algorithm>
#include <array>
#include <set>

#include "base/yaml.h"
#include "cli/embedded.h"
#include "cli/files.h"
#include "cli/render.h"
#include "governance/types/object.h"

namespace countersign {
namespace {

constexpr std::string_view kFolder = "examples/frameworks/";
constexpr std::string_view kSuffix = ".yaml";
constexpr std::string_view kFrameworkVersion = "cli.countersign.dev/v1";
constexpr std::int64_t kSentence = 1024;
// The gates of measures/preconditions.cc that say something about a control.
constexpr std::array<std::string_view, 6> kChecks = {
    "environment", "use-case", "author", "digest-binding", "fallback", kClassificationCheck};
constexpr std::array<std::string_view, 3> kLevels = {"Strategic", "Tactical", "Operational"};
constexpr std::array<std::string_view, 21> kRequirements = {"signOff",
                                                            "reproducibility",
                                                            "biasTest",
                                                            "evidence",
                                                            "documentation",
                                                            "verification",
                                                            "explainability",
                                                            "harmTest",
                                                            "loadTest",
                                                            "release",
                                                            "promotion",
                                                            "deploymentMode",
                                                            "monitoring",
                                                            "dataQuality",
                                                            "incidentReadiness",
                                                            "humanOversight",
                                                            "ethicsReview",
                                                            "components",
                                                            "environmentalImpact",
                                                            "dataSecurity",
                                                            "modelSignature"};

}  // namespace

template <class V>
void Describe(V& v, FrameworkApplies& a) {
  v.Field({.name = "classes", .doc = "Risk classes of the policy.", .max = 64}, a.classes);
  v.Field({.name = "answers", .doc = "Question to options.", .max = 64}, a.answers);
}

template <class V>
void Describe(V& v, FrameworkMatch& m) {
  v.Field({.name = "require", .doc = "Kind of requirement, as in measures[].require."}, m.require);
  v.Field({.name = "where", .doc = "Member of it to allowed values.", .max = 16}, m.where);
  v.Field({.name = "signerLevel", .doc = "Level of the role that signs off."}, m.signer_level);
  v.Field({.name = "check", .doc = "A check that every deployment has."}, m.check);
  v.Field({.name = "policyHas", .doc = "A part of the policy's spec, keys joined by '/'."},
          m.policy_has);
}

template <class V>
void Describe(V& v, Control& c) {
  v.Field({.name = "id", .doc = "Unique within the framework.", .required = true, .min = 1}, c.id);
  v.Field({.name = "title", .doc = "Its title.", .required = true, .min = 1}, c.title);
  v.Field({.name = "cite", .doc = "Where it stands.", .required = true, .min = 1}, c.cite);
  v.Field({.name = "source", .doc = "How its text was at hand.", .length = kSentence}, c.source);
  v.Field({.name = "asks",
           .doc = "What it asks, in one sentence.",
           .required = true,
           .min = 1,
           .length = kSentence},
          c.asks);
  v.Field({.name = "outside",
           .doc = "Where to look instead, as it is about the organisation.",
           .length = kSentence},
          c.outside);
  v.Field({.name = "applies", .doc = "To which deployments, if not as the framework."}, c.applies);
  v.Field({.name = "metBy", .doc = "What meets it; one is enough.", .max = 32}, c.met_by);
}

template <class V>
void Describe(V& v, Framework& f) {
  v.Field({.name = "title", .doc = "Its title.", .required = true, .min = 1}, f.title);
  v.Field({.name = "edition", .doc = "Which text.", .required = true, .min = 1}, f.edition);
  v.Field({.name = "source",
           .doc = "How the text was at hand.",
           .required = true,
           .min = 1,
           .length = kSentence},
          f.source);
  v.Field({.name = "note", .doc = "What its readers should know.", .length = kSentence}, f.note);
  v.Field({.name = "applies", .doc = "To which deployments."}, f.applies);
  v.Field({.name = "controls", .doc = "Its controls.", .required = true, .min = 1, .max = 512},
          f.controls);
}

namespace {

template <std::size_t n>
void CheckKnown(const std::array<std::string_view, n>& known, const std::string& word,
                const std::string& path, std::vector<Error>& errors) {
  if (word.empty() || std::find(known.begin(), known.end(), word) != known.end()) return;
  errors.push_back(
      {Code::kInvalidArgument,
       "must be one of " + Joined({known.begin(), known.end()}) + ", is '" + Excerpt(word) + "'",
       path, std::nullopt});
}

void CheckMatch(const FrameworkMatch& match, const std::string& at, std::vector<Error>& errors) {
  const auto fault = [&](const char* message) {
    errors.push_back({Code::kInvalidArgument, message, at, std::nullopt});
  };
  CheckKnown(kRequirements, match.require, at + ".require", errors);
  CheckKnown(kChecks, match.check, at + ".check", errors);
  const bool requires_something = !match.require.empty();
  if (requires_something ? !match.check.empty() || !match.policy_has.empty()
                         : match.check.empty() && match.policy_has.empty()) {
    fault("must have either require, or check or policyHas");
  }
  if (!requires_something && !match.where.empty()) fault("where needs require");
  CheckKnown(kLevels, match.signer_level, at + ".signerLevel", errors);
  if (!match.signer_level.empty() && match.require != "signOff") {
    fault("signerLevel needs require: signOff");
  }
}

void CheckControls(const Framework& framework, std::vector<Error>& errors) {
  std::set<std::string> ids;
  for (std::size_t i = 0; i < framework.controls.size(); ++i) {
    const Control& control = framework.controls[i];
    const std::string at = "spec.controls[" + std::to_string(i) + "]";
    if (!ids.insert(control.id).second) {
      errors.push_back({Code::kInvalidArgument, "'" + Excerpt(control.id) + "' is there twice",
                        at + ".id", std::nullopt});
    }
    if (control.outside.empty() == control.met_by.empty()) {
      errors.push_back(
          {Code::kInvalidArgument, "must have either metBy or outside", at, std::nullopt});
    }
    for (std::size_t m = 0; m < control.met_by.size(); ++m) {
      CheckMatch(control.met_by[m], at + ".metBy[" + std::to_string(m) + "]", errors);
    }
  }
}

Result<Framework> Read(const std::string& text, const std::string& file) {
  auto json = ParseYaml(text);
  if (!json) return Fail(json.error().code, json.error().message, file);
  if (StringAt(*json, "apiVersion") != kFrameworkVersion ||
      StringAt(*json, "kind") != "Framework") {
    return Fail(
        Code::kInvalidArgument,
        "must be 'apiVersion: " + std::string(kFrameworkVersion) + "' and 'kind: Framework'", file);
  }
  static const Json kNone;
  const Json* spec = Find(*json, "spec");
  Framework framework;
  framework.name = StringAt(*json, "metadata/name");
  auto errors = DecodeInto(spec == nullptr ? kNone : *spec, "spec", framework);
  if (framework.name.empty()) {
    errors.push_back({Code::kInvalidArgument, "is required", "metadata.name", std::nullopt});
  }
  if (errors.empty()) CheckControls(framework, errors);
  if (errors.empty()) return framework;
  const Error all = JoinErrors(errors);
  return Fail(all.code, all.message, file + ": " + all.path);
}

}  // namespace

std::vector<std::string> FrameworkNames() { return EmbeddedNames(kFolder, kSuffix); }

Result<Framework> LoadFramework(const std::string& name_or_file) {
  if (name_or_file.find('/') != std::string::npos || name_or_file.ends_with(kSuffix)) {
    auto text = ReadTextFile(name_or_file);
    if (!text) return Fail(text.error());
    return Read(*text, name_or_file);
  }
  const std::vector<std::string> names = FrameworkNames();
  if (std::find(names.begin(), names.end(), name_or_file) == names.end()) {
    return Fail(
        Code::kInvalidArgument,
        "must be one of " + Joined(names) + ", or a file, is '" + Excerpt(name_or_file) + "'",
        "--framework");
  }
  const std::string file = std::string(kFolder) + name_or_file + std::string(kSuffix);
  return Read(std::string(EmbeddedText(file)), file);
}

}  // namespace countersign
