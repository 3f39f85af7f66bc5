#include "operator/render.h"

#include <filesystem>

#include "governance/measures/pod_template.h"
#include "governance/serving/model_mounts.h"
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

Json ListIn(const Json& json, const char* key) {
  const Json* list = Find(json, key);
  return list != nullptr && list->is_array() ? *list : Json::array();
}

Status MountModel(Json& container, const std::vector<ModelMount>& artifacts,
                  const std::string& path) {
  Json mounts = ListIn(container, "volumeMounts");
  for (const Json& mount : mounts) {
    if (HidesModel(StringAt(mount, "mountPath"))) {
      return Fail(Code::kInvalidArgument,
                  "must not mount anything at or under '/models', where the model is",
                  path + ".volumeMounts");
    }
  }
  for (const ModelMount& one : artifacts) mounts.push_back(AsMount(one));
  if (!mounts.empty()) SetPath(container, "volumeMounts", std::move(mounts));
  return {};
}

// A container learns which hosted models were approved; whether it calls those is for egress to
// see.
Status NameHosted(Json& container, const Model& model, const std::string& path) {
  const Json theirs = ListIn(container, "env");
  for (const Component& component : model.components) {
    for (const auto& [name, value] : VariablesOf(component)) {
      for (const Json& variable : theirs) {
        if (StringAt(variable, "name") != name) continue;
        return Fail(Code::kInvalidArgument,
                    "must not set '" + name + "', which the operator sets to what was approved",
                    path + ".env");
      }
    }
  }
  AddVariables(model, container);
  return {};
}

Status AddModel(Json& pod_spec, const char* list, const Model& model,
                const std::vector<ModelMount>& artifacts) {
  const auto containers = pod_spec.find(list);
  if (containers == pod_spec.end()) return {};
  const std::string of_list = std::string("spec.serving.template.spec.") + list;
  if (!containers->is_array()) return Fail(Code::kInvalidArgument, "must be a list", of_list);
  std::size_t index = 0;
  for (Json& container : *containers) {
    const std::string path = of_list + "[" + std::to_string(index++) + "]";
    if (!container.is_object()) return Fail(Code::kInvalidArgument, "must be an object", path);
    if (auto mounted = MountModel(container, artifacts, path); !mounted) return mounted;
    if (auto named = NameHosted(container, model, path); !named) return named;
  }
  return {};
}

Result<Json> PodTemplate(const RenderInput& input, const ModelDeploymentSpec& spec) {
  const auto tree = spec.serving.pod_template.Tree();
  if (!tree) return Fail(tree.error().code, tree.error().message, "spec.serving.template");
  const Json* pod = tree->get();
  auto artifacts = ModelMountsOf(spec.model);
  if (!artifacts) return Fail(artifacts.error());

  const Json* theirs = Find(*pod, "spec");
  if (theirs == nullptr || !theirs->is_object()) {
    return Fail(Code::kInvalidArgument, "must be an object", "spec.serving.template.spec");
  }
  Json pod_spec = *theirs;
  for (const char* list : {"containers", "initContainers"}) {
    auto added = AddModel(pod_spec, list, spec.model, *artifacts);
    if (!added) return Fail(added.error());
  }
  Json volumes = ListIn(pod_spec, "volumes");
  for (const ModelMount& one : *artifacts) {
    for (const Json& volume : volumes) {
      if (StringAt(volume, "name") != one.volume) continue;
      return Fail(Code::kInvalidArgument, "must not name a volume '" + one.volume + "'",
                  "spec.serving.template.spec.volumes");
    }
    volumes.push_back(AsVolume(one));
  }
  if (!volumes.empty()) SetPath(pod_spec, "volumes", std::move(volumes));

  Json labels = Labels(input, spec);
  Json metadata = {
      {"labels", Merged(FindPath(*pod, "metadata/labels"), labels)},
      {"annotations", Merged(FindPath(*pod, "metadata/annotations"), Annotations(input, spec))}};
  return Json{{"metadata", std::move(metadata)}, {"spec", std::move(pod_spec)}};
}

Json DisruptionBudget(const RenderInput& input, const ModelDeploymentSpec& spec,
                      const PodDisruptionBudget& budget) {
  Json rendered = {{"apiVersion", kPodDisruptionBudgets.ApiVersion()},
                   {"kind", kPodDisruptionBudgets.kind},
                   {"metadata", Metadata(input, spec)},
                   {"spec",
                    {{"selector", {{"matchLabels", SelectorLabels(input.name)}}},
                     // A Pod that serves nobody must not keep a node from being drained.
                     {"unhealthyPodEvictionPolicy", "AlwaysAllow"}}}};
  if (budget.min_available) rendered["spec"]["minAvailable"] = *budget.min_available;
  if (budget.max_unavailable) rendered["spec"]["maxUnavailable"] = *budget.max_unavailable;
  return rendered;
}

}  // namespace

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
  if (const auto& budget = spec.serving.disruption_budget) {
    rendered.disruption_budget = DisruptionBudget(input, spec, *budget);
  }
  return rendered;
}

}  // namespace countersign
