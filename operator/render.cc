#include "operator/render.h"

#include <filesystem>

#include "governance/measures/pod_template.h"
#include "operator/names.h"

namespace countersign {
namespace {

// How often a rollout may fail before the Deployment says so: Kubernetes' own default, written out
// so that nobody else owns the field.
constexpr int kProgressDeadlineSeconds = 600;
// ReplicaSets of old revisions; ours are in ControllerRevisions, these only serve `rollout undo`,
// which would be reverted anyway.
constexpr int kReplicaSetHistory = 2;

Json Labels(const RenderInput& input, const ModelDeploymentSpec& spec) {
  const std::string child = ChildName(input.name);
  return {{kNameLabel, LabelValue(spec.model.name)},
          {kInstanceLabel, child},
          {kManagedByLabel, kOperatorName},
          {kDeploymentLabel, child},
          {kRevisionLabel, std::to_string(input.revision)}};
}

Json Annotations(const RenderInput& input, const ModelDeploymentSpec& spec) {
  return {{kGovernedDigestAnnotation, input.governed_digest},
          {kModelDigestAnnotation, spec.model.digest.digest}};
}

Json Metadata(const RenderInput& input, const ModelDeploymentSpec& spec) {
  return {{"name", ChildName(input.name)},
          {"namespace", input.name_space},
          {"labels", Labels(input, spec)},
          {"annotations", Annotations(input, spec)},
          {"ownerReferences", Json::array({Json{{"apiVersion", kModelDeployments.ApiVersion()},
                                                {"kind", kModelDeployments.kind},
                                                {"name", input.name},
                                                {"uid", input.uid},
                                                {"controller", true},
                                                {"blockOwnerDeletion", true}}})}};
}

// Ours win: the user's labels may not make pods look like another deployment's.
Json Merged(const Json* theirs, const Json& ours) {
  Json merged = theirs != nullptr && theirs->is_object() ? *theirs : Json::object();
  merged.update(ours);
  return merged;
}

// A mount at or under /models, however it is spelt, would hide what was approved.
bool HidesModel(const std::string& mount_path) {
  const auto path = std::filesystem::path("/" + mount_path).lexically_normal().generic_string();
  const std::string root(kModelMountPath);
  const auto start = path.find_first_not_of('/');
  const std::string normal = start == std::string::npos ? "/" : "/" + path.substr(start);
  return normal == root || normal.starts_with(root + "/");
}

Status MountModel(Json& pod_spec, const char* list) {
  const auto containers = pod_spec.find(list);
  if (containers == pod_spec.end()) return {};
  if (!containers->is_array()) {
    return Fail(Code::kInvalidArgument, "must be a list",
                std::string("spec.serving.template.spec.") + list);
  }
  std::size_t index = 0;
  for (Json& container : *containers) {
    const std::string path =
        std::string("spec.serving.template.spec.") + list + "[" + std::to_string(index++) + "]";
    if (!container.is_object()) return Fail(Code::kInvalidArgument, "must be an object", path);
    Json mounts = Json::array();
    if (const Json* theirs = Find(container, "volumeMounts");
        theirs != nullptr && theirs->is_array()) {
      mounts = *theirs;
    }
    for (const Json& mount : mounts) {
      if (HidesModel(StringAt(mount, "mountPath"))) {
        return Fail(Code::kInvalidArgument,
                    "must not mount anything at or under '/models', where the model is",
                    path + ".volumeMounts");
      }
    }
    mounts.push_back({{"name", kModelVolume}, {"mountPath", kModelMountPath}, {"readOnly", true}});
    SetPath(container, "volumeMounts", std::move(mounts));
  }
  return {};
}

Result<Json> PodTemplate(const RenderInput& input, const ModelDeploymentSpec& spec) {
  const auto tree = spec.serving.pod_template.Tree();
  if (!tree) return Fail(tree.error().code, tree.error().message, "spec.serving.template");
  const Json* pod = tree->get();
  auto image = ModelImage(spec.model);
  if (!image) return Fail(image.error());

  const Json* theirs = Find(*pod, "spec");
  if (theirs == nullptr || !theirs->is_object()) {
    return Fail(Code::kInvalidArgument, "must be an object", "spec.serving.template.spec");
  }
  Json pod_spec = *theirs;
  for (const char* list : {"containers", "initContainers"}) {
    if (auto mounted = MountModel(pod_spec, list); !mounted) return Fail(mounted.error());
  }
  Json volumes = Json::array();
  if (const Json* given = Find(pod_spec, "volumes"); given != nullptr && given->is_array()) {
    volumes = *given;
  }
  for (const Json& volume : volumes) {
    if (StringAt(volume, "name") == kModelVolume) {
      return Fail(Code::kInvalidArgument, "must not name a volume 'model'",
                  "spec.serving.template.spec.volumes");
    }
  }
  volumes.push_back(
      {{"name", kModelVolume}, {"image", {{"reference", *image}, {"pullPolicy", "IfNotPresent"}}}});
  SetPath(pod_spec, "volumes", std::move(volumes));

  Json labels = Labels(input, spec);
  Json metadata = {
      {"labels", Merged(FindPath(*pod, "metadata/labels"), labels)},
      {"annotations", Merged(FindPath(*pod, "metadata/annotations"), Annotations(input, spec))}};
  return Json{{"metadata", std::move(metadata)}, {"spec", std::move(pod_spec)}};
}

}  // namespace

Result<std::string> ModelImage(const Model& model) {
  constexpr std::string_view kScheme = "oci://";
  if (!model.uri.starts_with(kScheme) || model.uri.size() == kScheme.size()) {
    return Fail(Code::kInvalidArgument, "must start with 'oci://'", "spec.model.uri");
  }
  std::string reference = model.uri.substr(kScheme.size());
  // A tag may be moved; the digest is what was approved, also where a policy lets tags pass.
  if (reference.find('@') == std::string::npos && model.digest.type == DigestType::kOciManifest) {
    reference += "@" + model.digest.digest;
  }
  return reference;
}

Result<Rendered> Render(const RenderInput& input, const ModelDeploymentSpec& spec) {
  auto pod = PodTemplate(input, spec);
  if (!pod) return Fail(pod.error());
  Rendered rendered;
  rendered.deployment = {{"apiVersion", "apps/v1"},
                         {"kind", "Deployment"},
                         {"metadata", Metadata(input, spec)},
                         {"spec",
                          {{"replicas", input.replicas},
                           {"revisionHistoryLimit", kReplicaSetHistory},
                           {"progressDeadlineSeconds", kProgressDeadlineSeconds},
                           {"paused", false},
                           {"selector", {{"matchLabels", SelectorLabels(input.name)}}},
                           {"template", std::move(*pod)}}}};
  rendered.service = {{"apiVersion", "v1"},
                      {"kind", "Service"},
                      {"metadata", Metadata(input, spec)},
                      {"spec",
                       {{"type", "ClusterIP"},
                        {"selector", SelectorLabels(input.name)},
                        {"ports", Json::array({Json{{"name", "http"},
                                                    {"protocol", "TCP"},
                                                    {"port", spec.serving.port},
                                                    {"targetPort", spec.serving.port}}})}}}};
  return rendered;
}

}  // namespace countersign
