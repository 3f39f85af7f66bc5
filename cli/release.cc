#include "cli/release.h"

#include <algorithm>
#include <cctype>

#include "base/digest.h"
#include "base/yaml.h"
#include "cli/content_digest.h"
#include "cli/files.h"
#include "cli/mlflow_run.h"
#include "governance/signers.h"
#include "governance/types/bias_test.h"
#include "governance/types/evidence.h"
#include "governance/types/reproducibility_snapshot.h"

namespace countersign {
namespace {

constexpr std::string_view kOci = "oci://";

// Letters, digits, '-' and '.', as names of objects must be.
std::string Label(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    out += std::isalnum(byte) != 0 || c == '.' ? static_cast<char>(std::tolower(byte)) : '-';
  }
  return out;
}

struct ReleasedModel {
  ModelDigest digest;
  std::string uri;  // empty where there are components
};

Result<ReleasedModel> PushedModel(const ReleaseSpec& spec) {
  ReleasedModel model{{spec.uri.substr(spec.uri.find('@') + 1), DigestType::kOciManifest},
                      spec.uri};
  if (!MatchesFormat(Format::kSha256, model.digest.digest)) {
    return Fail(Code::kInvalidArgument,
                "must end in '@sha256:<64 digits>', is '" + Excerpt(spec.uri) + "'", "--uri");
  }
  if (spec.model.empty()) return model;
  auto found = DigestModel(spec.model);
  if (!found) return Fail(found.error());
  if (*found == model.digest) return model;
  return Fail(Code::kInvalidArgument,
              found->type == DigestType::kOciManifest
                  ? "has digest " + found->digest + ", and --uri names " + model.digest.digest
                  : "must be an OCI image layout where --uri names a digest; leave it out, for "
                    "what was pushed is named by --uri alone",
              "--model");
}

Result<ReleasedModel> CompositeOf(const ReleaseSpec& spec, const ReleaseFrame& frame) {
  for (const auto& [flag, value] : {std::pair{"--uri", &spec.uri}, {"--model", &spec.model}}) {
    if (value->empty()) continue;
    return Fail(Code::kInvalidArgument, "cannot be given along with components", flag);
  }
  auto digest = CompositeDigest(frame.components);
  if (!digest) return Fail(digest.error());
  return ReleasedModel{{*digest, DigestType::kComposite}, {}};
}

Result<ReleasedModel> ModelOf(const ReleaseSpec& spec, const ReleaseFrame& frame,
                              const ReleaseOptions& options, std::vector<std::string>& notes) {
  if (!frame.components.empty()) return CompositeOf(spec, frame);
  if (!spec.uri.empty() && (!spec.uri.starts_with(kOci) || spec.uri.size() == kOci.size())) {
    return Fail(Code::kInvalidArgument, "must start with 'oci://', is '" + Excerpt(spec.uri) + "'",
                "--uri");
  }
  if (spec.uri.find('@') != std::string::npos) return PushedModel(spec);
  if (spec.model.empty()) {
    return MissingFlag("--model",
                       "the model's file or folder; or --uri oci://…@sha256:… of one that "
                       "was pushed");
  }
  auto digest = DigestModel(spec.model);
  if (!digest) return Fail(digest.error());
  ReleasedModel model{*digest, spec.uri};
  if (options.evidence_only) return model;
  if (spec.uri.empty()) return MissingFlag("--uri", "where the operator gets the model, oci://…");
  if (digest->type == DigestType::kOciManifest) {
    model.uri += "@" + digest->digest;
  } else {
    notes.push_back(
        "the model is named by the digest of its files, which no registry serves it by: "
        "above the first environment push it, and give --uri oci://…@sha256:…");
  }
  return model;
}

Status SetContainer(const ReleaseSpec& spec, Json& serving) {
  if (spec.image.empty()) return {};
  if (FindPath(serving, "template") != nullptr) {
    return Fail(Code::kInvalidArgument, "cannot be given along with a template", "--image");
  }
  if (!MatchesFormat(Format::kImageDigest, spec.image)) {
    return Fail(Code::kInvalidArgument,
                "must end in '@sha256:<64 digits>', is '" + Excerpt(spec.image) + "'", "--image");
  }
  Json container = {{"name", "server"}, {"image", spec.image}};
  if (const Json* resources = Find(serving, "resources"); resources != nullptr) {
    container["resources"] = *resources;
    serving.erase("resources");
  }
  SetPath(serving, "template/spec/containers", Json::array({std::move(container)}));
  return {};
}

Result<Json> ServingOf(const ReleaseSpec& spec) {
  Json serving = Json::object();
  if (!spec.serving.empty()) {
    auto tree = spec.serving.Tree();
    if (!tree) return Fail(tree.error());
    serving = **tree;
    if (!serving.is_object()) return Fail(Code::kInvalidArgument, "must be a map", "serving");
  }
  if (!spec.template_file.empty()) {
    auto pod = ReadMapFile(spec.template_file);
    if (!pod) return Fail(pod.error());
    // A whole PodTemplate or Deployment may be given as well as the part.
    const Json* inner = FindPath(*pod, "spec/template");
    if (inner == nullptr) inner = Find(*pod, "template");
    serving["template"] = inner == nullptr ? *pod : *inner;
  }
  if (auto set = SetContainer(spec, serving); !set) return Fail(set.error());
  if (Find(serving, "template") == nullptr) {
    return MissingFlag("--template", "the pod template of the serving pods; or --image …@sha256:…");
  }
  for (const auto& [name, value] :
       {std::pair<const char*, Json>{"backend", "Deployment"}, {"replicas", 1}, {"port", 8080}}) {
    if (Find(serving, name) == nullptr) serving[name] = value;
  }
  return serving;
}

Result<Json> DeploymentOf(const ReleaseSpec& spec, const ReleaseFrame& frame,
                          const ReleasedModel& model) {
  if (spec.name_space.empty()) return MissingFlag("--namespace", "namespace to deploy to");
  auto serving = ServingOf(spec);
  if (!serving) return Fail(serving.error());
  Json body = {
      {"useCaseRef", {{"namespace", frame.use_case.name_space}, {"name", frame.use_case.name}}},
      {"model",
       {{"name", spec.model_name.empty() ? spec.name : spec.model_name},
        {"version", spec.version},
        {"digest", model.digest.digest},
        {"digestType", std::string(NameOf(model.digest.type))}}},
      {"serving", std::move(*serving)}};
  if (frame.components.empty()) {
    body["model"]["uri"] = model.uri;
  } else {
    body["model"]["components"] = ComponentsJson(frame.components);
  }
  for (const auto& [name, raw] :
       {std::pair{"decision", &spec.decision}, {"fallback", &spec.fallback}}) {
    if (raw->empty()) continue;
    auto tree = raw->Tree();
    if (!tree) return Fail(tree.error());
    body[name] = **tree;
  }
  Json manifest = {{"apiVersion", std::string(kApiVersion)},
                   {"kind", std::string(ModelDeploymentSpec::kKind)},
                   {"metadata", {{"name", spec.name}, {"namespace", spec.name_space}}},
                   {"spec", std::move(body)}};
  auto decoded = Decode<ModelDeploymentSpec>(manifest);
  if (!decoded) return Fail(Code::kInvalidArgument, decoded.error().ToString(), "ModelDeployment");
  return manifest;
}

Result<ReleaseFrame> FrameOf(const ReleaseSpec& spec, const ReleaseOptions& options) {
  ReleaseFrame frame;
  auto use_case = UseCaseOf(spec.use_case);
  if (!use_case) return Fail(use_case.error());
  frame.use_case = std::move(*use_case);
  if (spec.name.empty()) return MissingFlag("--name", "name of the ModelDeployment");
  if (spec.version.empty()) return MissingFlag("--version", "version of the model");
  if (!MatchesFormat(Format::kName, spec.name)) {
    return Fail(Code::kInvalidArgument,
                "must be lower-case letters, digits and '-', is '" + Excerpt(spec.name) + "'",
                "--name");
  }
  frame.label = spec.name + "-" + Label(spec.version);
  if (!spec.run.empty()) {
    auto run = ReadMlflowRun(spec.run);
    if (!run) return Fail(run.error());
    frame.run = std::move(*run);
  }
  frame.performed_at = options.at.value_or(frame.run ? frame.run->ended : options.now);
  const std::string where = options.at ? "--at" : "--run";
  if (auto past = CheckPast(frame.performed_at, options.now, where); !past) {
    return Fail(past.error());
  }
  return frame;
}

Status AddEvidence(const ReleaseSpec& spec, const ReleaseFrame& frame, Release& release) {
  auto snapshot = SnapshotOf(spec, frame, release.notes);
  if (!snapshot) return Fail(snapshot.error());
  if (!snapshot->is_null()) release.objects.push_back(std::move(*snapshot));
  auto bias_test = BiasTestOf(spec, frame);
  if (!bias_test) return Fail(bias_test.error());
  if (!bias_test->is_null()) release.objects.push_back(std::move(*bias_test));
  for (const ReleaseReport& report : spec.evidence) {
    auto manifest = ReportOf(report, frame);
    if (!manifest) return Fail(manifest.error());
    release.objects.push_back(std::move(*manifest));
  }
  return {};
}

}  // namespace

template <class Spec>
Result<Json> EvidenceManifest(const Spec& spec, const ReleaseFrame& frame,
                              const std::string& what) {
  Json body = EncodeSpec(spec);
  auto digest = JsonDigest(body);
  if (!digest) return Fail(digest.error());
  constexpr std::size_t kPrefix = 7;  // "sha256:"
  Json manifest = {{"apiVersion", std::string(kApiVersion)},
                   {"kind", std::string(Spec::kKind)},
                   {"metadata",
                    {{"name", frame.label + "-" + what + "-" + digest->substr(kPrefix, 8)},
                     {"namespace", frame.use_case.name_space}}},
                   {"spec", std::move(body)}};
  auto decoded = Decode<Spec>(manifest);
  if (!decoded) {
    return Fail(Code::kInvalidArgument, decoded.error().ToString(),
                std::string(Spec::kKind) + " '" + what + "'");
  }
  return manifest;
}
template Result<Json> EvidenceManifest(const ReproducibilitySnapshotSpec&, const ReleaseFrame&,
                                       const std::string&);
template Result<Json> EvidenceManifest(const BiasTestSpec&, const ReleaseFrame&,
                                       const std::string&);
template Result<Json> EvidenceManifest(const EvidenceSpec&, const ReleaseFrame&,
                                       const std::string&);

Result<UseCaseRef> UseCaseOf(const std::string& use_case) {
  const auto slash = use_case.find('/');
  if (use_case.empty()) return MissingFlag("--use-case", "the use case, NAMESPACE/NAME");
  if (slash == std::string::npos) {
    return Fail(Code::kInvalidArgument, "must be NAMESPACE/NAME, is '" + use_case + "'",
                "--use-case");
  }
  return UseCaseRef{use_case.substr(0, slash), use_case.substr(slash + 1)};
}

Status CheckPast(Time at, Time now, const std::string& where) {
  if (at <= now + kClockSkew) return {};
  return Fail(
      Code::kInvalidArgument,
      "must be work that has ended, is of " + FormatTime(at) + ", and now is " + FormatTime(now),
      where);
}

tl::unexpected<Error> MissingFlag(const std::string& flag, const std::string& what) {
  return Fail(Code::kInvalidArgument, "is required: " + what, flag);
}

Result<Json> ReadMapFile(const std::string& path) {
  auto text = ReadTextFile(path);
  if (!text) return Fail(text.error());
  auto json = path.ends_with(".json") ? ParseJson(*text) : ParseYaml(*text);
  if (!json) return Fail(json.error().code, json.error().message, path);
  if (!json->is_object()) return Fail(Code::kInvalidArgument, "must be a map", path);
  return std::move(*json);
}

Result<Release> MakeRelease(const ReleaseSpec& spec, const ReleaseOptions& options) {
  Release release;
  auto frame = FrameOf(spec, options);
  if (!frame) return Fail(frame.error());
  auto components = ComponentsOf(spec);
  if (!components) return Fail(components.error());
  frame->components = std::move(*components);
  auto model = ModelOf(spec, *frame, options, release.notes);
  if (!model) return Fail(model.error());
  frame->model = model->digest;
  auto trained = SubjectOf(*frame, spec.component, "--component");
  if (!trained) return Fail(trained.error());
  frame->trained = std::move(*trained);
  if (auto added = AddEvidence(spec, *frame, release); !added) return Fail(added.error());
  if (options.evidence_only) {
    if (!release.objects.empty()) return release;
    return Fail(Code::kInvalidArgument,
                "there is no evidence: give --run, --metrics, --counts or "
                "a file with 'evidence'",
                "--evidence-only");
  }
  auto deployment = DeploymentOf(spec, *frame, *model);
  if (!deployment) return Fail(deployment.error());
  release.objects.push_back(std::move(*deployment));
  return release;
}

}  // namespace countersign
