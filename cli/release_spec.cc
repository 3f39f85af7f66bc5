#include "cli/release_spec.h"

#include <algorithm>
#include <cctype>
#include <filesystem>

#include "base/yaml.h"
#include "cli/files.h"
#include "governance/types/describe/component.h"
#include "governance/types/object.h"

namespace countersign {
namespace {

constexpr std::string_view kCliVersion = "cli.countersign.dev/v1";
constexpr std::int64_t kPathLength = 4096;

}  // namespace

const std::vector<ReleaseText>& ReleaseTexts() {
  using R = ReleaseSpec;
  static const std::vector<ReleaseText> kTexts = {
      {"useCase", "--use-case", "the use case, NAMESPACE/NAME", &R::use_case},
      {"namespace", "--namespace", "namespace to deploy to", &R::name_space},
      {"name", "--name", "name of the ModelDeployment", &R::name},
      {"modelName", "--model-name", "name of the model; default: --name", &R::model_name},
      {"version", "--version", "version of the model", &R::version},
      {"model", "--model", "the model: one file, a folder, or an OCI image layout", &R::model,
       true},
      {"uri", "--uri", "where the operator gets it: oci://REPOSITORY, with @sha256:… once pushed",
       &R::uri},
      {"run", "--run", "MLflow run, a folder or JSON: parameters, metrics, commit", &R::run, true},
      {"templateFile", "--template", "pod template of the serving pods", &R::template_file, true},
      {"image", "--image", "serving image …@sha256:…, instead of a template", &R::image},
      {"code", "--code", "the git working tree that trained the model", &R::code, true},
      {"repository", "--repository", "where the code is kept; default: remote 'origin' of --code",
       &R::repository},
      {"entryPoint", "--entry-point", "the command that was run", &R::entry_point},
      {"codeArchive", "--code-archive", "the code as it is kept, for example `git archive`'s file",
       &R::code_archive, true},
      {"previous", "--previous", "digest of the model that this one takes over from: sha256:…",
       &R::previous},
      {"algorithm", "--algorithm", "the learning algorithm, e.g. sklearn…LogisticRegression",
       &R::algorithm},
      {"features", "--features", "the inputs that the model reads, a name a line", &R::features,
       true},
      {"purposeCategory", "--purpose-category", "the use case's purposeCategory",
       &R::purpose_category},
      {"lockFile", "--lock-file", "the lock file that pins the dependencies", &R::lock_file, true},
      {"trainingImage", "--training-image", "image that training ran in, …@sha256:…",
       &R::training_image},
      {"runtime", "--runtime", "language runtime of the training, e.g. 'CPython 3.11.2'",
       &R::runtime},
      {"hardware", "--hardware", "hardware of the training, e.g. x86_64", &R::hardware},
      {"parameters", "--parameters", "YAML or JSON map of hyperparameters", &R::parameters, true},
      {"metrics", "--metrics", "YAML or JSON map of metrics", &R::metrics, true},
      {"counts", "--counts", "CSV of attributes and tp,fp,fn,tn: a row a cell", &R::counts, true},
      {"predictions", "--predictions",
       "CSV of attributes, y_true and y_pred: a row a person, counted here", &R::predictions, true},
      {"reproductionOf", "--reproduction-of",
       "name of the snapshot that this run repeats, by whoever is independent",
       &R::reproduction_of},
      {"component", "--component", "the component that was trained and tested; default: the whole",
       &R::component},
      {"protocol", "--protocol", "name of the bias test's protocol", &R::protocol},
      {"favorableOutcome", "--favorable-outcome", "the outcome that counts as positive",
       &R::favorable_outcome},
  };
  return kTexts;
}

template <class V>
void Describe(V& v, ReleaseData& d) {
  v.Field({.name = "name", .doc = "Name of the data set.", .required = true}, d.name);
  v.Field({.name = "file", .doc = "The file.", .required = true, .length = kPathLength}, d.file);
  v.Field({.name = "role", .doc = "Training, Validation or Test."}, d.role);
  v.Field({.name = "split", .doc = "How it was cut from the whole.", .length = 1024}, d.split);
  v.Field({.name = "seed", .doc = "Seed of the split.", .max = 9'007'199'254'740'991}, d.seed);
  v.Field({.name = "deterministic", .doc = "Whether the split takes no chance."}, d.deterministic);
}

template <class V>
void Describe(V& v, ReleaseDataSet& d) {
  v.Field({.name = "name", .doc = "Name of the test data.", .required = true}, d.name);
  v.Field({.name = "file", .doc = "The file.", .required = true, .length = kPathLength}, d.file);
}

template <class V>
void Describe(V& v, ReleaseArtifact& a) {
  v.Field({.name = "name", .doc = "Which part of the report.", .required = true}, a.name);
  v.Field({.name = "file", .doc = "Its file.", .required = true, .length = kPathLength}, a.file);
  v.Field({.name = "uri", .doc = "Where it is kept.", .required = true, .length = 2048}, a.uri);
}

template <class V>
void Describe(V& v, ReleaseComponent& c) {
  v.Field({.name = "name", .doc = "Its name.", .required = true, .format = Format::kName}, c.name);
  v.Field({.name = "role", .doc = "What it is to the model.", .required = true}, c.role);
  v.Field({.name = "uri", .doc = "oci://…@sha256:….", .length = 1024}, c.uri);
  v.Field({.name = "hosted", .doc = "A model that a provider runs."}, c.hosted);
}

template <class V>
void Describe(V& v, ReleaseReport& r) {
  v.Field({.name = "type", .doc = "Type of the Evidence.", .required = true}, r.type);
  v.Field({.name = "about", .doc = "Model or UseCase."}, r.about);
  v.Field({.name = "component", .doc = "The component it is about."}, r.component);
  v.Field({.name = "environment", .doc = "Where it was made."}, r.environment);
  v.Field({.name = "summary", .doc = "In a few sentences.", .length = 4096}, r.summary);
  v.Field({.name = "claimsFile", .doc = "YAML or JSON map of claims.", .length = kPathLength},
          r.claims_file);
  v.Field({.name = "claims", .doc = "Map of claims, over those of the file."}, r.claims);
  v.Field({.name = "artifacts", .doc = "Its parts.", .max = 64}, r.artifacts);
}

template <class V>
void Describe(V& v, ReleaseSpec& s) {
  for (const ReleaseText& text : ReleaseTexts()) {
    v.Field({.name = text.field, .doc = text.doc, .length = kPathLength}, s.*text.member);
  }
  v.Field({.name = "serving", .doc = "spec.serving of the ModelDeployment."}, s.serving);
  v.Field({.name = "decision", .doc = "spec.decision of the ModelDeployment."}, s.decision);
  v.Field({.name = "fallback", .doc = "spec.fallback of the ModelDeployment."}, s.fallback);
  v.Field({.name = "data", .doc = "Data sets of the training.", .max = 64}, s.data);
  v.Field(PerformedByField(), s.performed_by);
  v.Field({.name = "dataSet", .doc = "The data that the counts are of."}, s.data_set);
  v.Field({.name = "bins", .doc = "Attribute to inner boundaries.", .max = 32}, s.bins);
  v.Field({.name = "components",
           .doc = "What the model is put together from, instead of model and uri.",
           .max = 32,
           .list = ListType::kMap,
           .list_key = "name"},
          s.components);
  v.Field({.name = "evidence", .doc = "Other reports.", .max = 64}, s.evidence);
}

Result<ReleaseSpec> ReadReleaseFile(const std::string& path) {
  auto text = ReadTextFile(path);
  if (!text) return Fail(text.error());
  auto json = ParseYaml(*text);
  if (!json) return Fail(json.error().code, json.error().message, path);
  if (StringAt(*json, "apiVersion") != kCliVersion || StringAt(*json, "kind") != kReleaseKind) {
    return Fail(Code::kInvalidArgument,
                "must be 'apiVersion: " + std::string(kCliVersion) + "' and 'kind: Release'", path);
  }
  static const Json kNone;
  const Json* spec = Find(*json, "spec");
  ReleaseSpec out;
  const auto errors = DecodeInto(spec == nullptr ? kNone : *spec, "spec", out);
  if (!errors.empty()) {
    const Error all = JoinErrors(errors);
    return Fail(all.code, all.message, path + ": " + all.path);
  }
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  const auto resolve = [&](std::string& file) {
    if (!file.empty()) file = (folder / file).lexically_normal().string();
  };
  for (const ReleaseText& member : ReleaseTexts()) {
    if (member.path) resolve(out.*member.member);
  }
  for (ReleaseData& data : out.data) resolve(data.file);
  if (out.data_set) resolve(out.data_set->file);
  for (ReleaseReport& report : out.evidence) {
    resolve(report.claims_file);
    for (ReleaseArtifact& artifact : report.artifacts) resolve(artifact.file);
  }
  return out;
}

Result<ReleaseData> ParseDataFlag(const std::string& text) {
  auto named = ParseDataSetFlag(text);
  if (!named)
    return Fail(Code::kInvalidArgument, "must be NAME=FILE[:role], is '" + text + "'", "--data");
  ReleaseData data{named->name, named->file, DataRole::kTraining, {}, {}, false};
  const auto colon = data.file.rfind(':');
  if (colon == std::string::npos) return data;
  const std::string wanted = data.file.substr(colon + 1);
  // A path may have a colon of its own.
  std::error_code ignored;
  if (wanted.find('/') != std::string::npos || std::filesystem::exists(data.file, ignored)) {
    return data;
  }
  for (const auto& [role, name] : EnumNames<DataRole>::kNames) {
    if (wanted.empty() || !std::equal(wanted.begin(), wanted.end(), name.begin(), name.end(),
                                      [](unsigned char a, unsigned char b) {
                                        return std::tolower(a) == std::tolower(b);
                                      })) {
      continue;
    }
    data.role = role;
    data.file.resize(colon);
    return data;
  }
  return Fail(Code::kInvalidArgument,
              "role must be training, validation or test, is '" + Excerpt(wanted) + "'",
              "--data " + data.name);
}

Result<ReleaseDataSet> ParseDataSetFlag(const std::string& text) {
  const auto equals = text.find('=');
  if (equals == std::string::npos || equals == 0 || equals + 1 == text.size()) {
    return Fail(Code::kInvalidArgument, "must be NAME=FILE, is '" + Excerpt(text) + "'",
                "--data-set");
  }
  return ReleaseDataSet{text.substr(0, equals), text.substr(equals + 1)};
}

}  // namespace countersign
