#include "governance/types/model_deployment.h"

#include <algorithm>
#include <array>

#include "governance/types/codec.h"
#include "governance/types/describe/component.h"

namespace countersign {

template <>
struct EnumNames<FallbackKind> {
  static constexpr std::pair<FallbackKind, std::string_view> kNames[] = {
      {FallbackKind::kHuman, "Human"},
      {FallbackKind::kRules, "Rules"},
      {FallbackKind::kVersion, "Version"}};
};
template <>
struct EnumNames<Backend> {
  static constexpr std::pair<Backend, std::string_view> kNames[] = {
      {Backend::kDeployment, "Deployment"}};
};

template <class V>
void Describe(V& v, UseCaseRef& r) {
  v.Field({.name = "namespace",
           .doc = "The use case's home namespace.",
           .required = true,
           .format = Format::kName,
           .length = 63},
          r.name_space);
  v.Field({.name = "name",
           .doc = "Name of the use case.",
           .required = true,
           .format = Format::kObjectName},
          r.name);
}

template <class V>
void Describe(V& v, Model& m) {
  v.Field({.name = "name", .doc = "Name of the model.", .required = true, .length = 128}, m.name);
  v.Field({.name = "version",
           .doc = "Version of the model, for people; the digest decides.",
           .required = true,
           .length = 128},
          m.version);
  v.Field({.name = "uri",
           .doc = "Where the operator gets the model from: oci://registry/repository@sha256:…, "
                  "with the same digest as the field digest. Tags are refused above the first "
                  "environment. Required, unless there are components.",
           .length = 1024},
          m.uri);
  Describe(v, m.digest);
  v.Field({.name = "components",
           .doc = "What the model is put together from, if it is more than one artefact or runs "
                  "elsewhere. The digest is then of type composite: SHA-256 over the canonical "
                  "JSON of the components by name, without their uris (`countersign digest` "
                  "prints it).",
           .min = 1,
           .max = 32,
           .list = ListType::kMap,
           .list_key = "name"},
          m.components);
  v.Rules({{"(self.digestType == 'composite') == has(self.components)",
            "digestType composite goes with components"},
           {"has(self.uri) != has(self.components)", "must have exactly one of uri and components"},
           {"self.digestType != 'hosted'",
            "a model that somebody else runs is a component: list it in components"}});
}

template <class V>
void Describe(V& v, DecisionRule& d) {
  v.Field(
      {.name = "threshold",
       .doc = "Score from which on the outcome is the favourable one; bias tests must have been "
              "made with the same. A decimal."},
      d.threshold);
  v.Field({.name = "preprocessing",
           .doc = "Version or digest of the preprocessing code.",
           .length = 1024},
          d.preprocessing);
  v.Field({.name = "postprocessing",
           .doc = "Version or digest of the postprocessing code.",
           .length = 1024},
          d.postprocessing);
}

template <class V>
void Describe(V& v, Fallback& f) {
  v.Field({.name = "kind",
           .doc = "Human (people decide), Rules (a rule set decides) or Version (an earlier "
                  "version serves).",
           .required = true},
          f.kind);
  v.Field({.name = "description",
           .doc = "What happens, who does it, how it is reached.",
           .required = true,
           .length = 1024},
          f.description);
}

template <class V>
void Describe(V& v, ConfigDigest& c) {
  v.Field({.name = "name",
           .doc = "Name of the ConfigMap, in this namespace.",
           .required = true,
           .format = Format::kObjectName},
          c.name);
  v.Field({.name = "digest",
           .doc = "SHA-256 over the canonical JSON of the ConfigMap's data and binaryData "
                  "(`kubectl countersign explain` prints it). The operator checks it before it "
                  "serves.",
           .required = true,
           .format = Format::kSha256,
           .length = 71},
          c.digest);
}

template <class V>
void Describe(V& v, PodDisruptionBudget& b) {
  v.Field({.name = "minAvailable",
           .doc = "Fewest pods that must stay available while nodes are drained, 0 to 1000. Not "
                  "with maxUnavailable.",
           .max = 1000},
          b.min_available);
  v.Field({.name = "maxUnavailable",
           .doc = "Most pods that may be unavailable while nodes are drained, 0 to 1000. Not with "
                  "minAvailable.",
           .max = 1000},
          b.max_unavailable);
}

template <class V>
void Describe(V& v, Serving& s) {
  v.Field({.name = "backend",
           .doc = "Deployment: an apps/v1 Deployment and a Service, made by the "
                  "operator.",
           .required = true},
          s.backend);
  v.Field({.name = "replicas",
           .doc = "Wanted number of pods, 0 to 1000. May be scaled without new approval between "
                  "minReplicas and maxReplicas where these are set.",
           .required = true,
           .max = 1000},
          s.replicas);
  v.Field({.name = "minReplicas",
           .doc = "Fewest pods that the approval covers, 0 to 1000.",
           .max = 1000},
          s.min_replicas);
  v.Field(
      {.name = "maxReplicas", .doc = "Most pods that the approval covers, 0 to 1000.", .max = 1000},
      s.max_replicas);
  v.Field({.name = "podDisruptionBudget",
           .doc = "Makes the operator keep a policy/v1 PodDisruptionBudget beside the Deployment, "
                  "with one of minAvailable and maxUnavailable. Covered by the approval."},
          s.disruption_budget);
  v.Field({.name = "port",
           .doc = "Port of the serving container that the Service leads to, 1 to "
                  "65535.",
           .required = true,
           .min = 1,
           .max = 65535},
          s.port);
  v.Field(
      {.name = "config",
       .doc = "Every ConfigMap that the template refers to, with the digest of its content: what "
              "was approved is what runs.",
       .max = 32,
       .list = ListType::kMap,
       .list_key = "name"},
      s.config);
  v.Field({.name = "template",
           .doc = "Pod template (core/v1 PodTemplateSpec) of the serving pods. The operator adds "
                  "the model as a read-only image volume at /models, or each component that is an "
                  "artefact at /models/<name>; hosted ones become the variables "
                  "COMPONENT_<NAME>_PROVIDER, _MODEL and _SNAPSHOT. Images are pinned by digest "
                  "above the first environment.",
           .required = true},
          s.pod_template);
}

template <class V>
void Describe(V& v, ModelDeploymentSpec& s) {
  v.Field({.name = "useCaseRef",
           .doc = "The use case this deployment serves. It must name this namespace in deployTo.",
           .required = true},
          s.use_case);
  v.Field({.name = "model", .doc = "The exact model version.", .required = true}, s.model);
  v.Field({.name = "decision", .doc = "How scores become outcomes."}, s.decision);
  v.Field({.name = "fallback",
           .doc = "What takes over when serving is suspended. Needed where a measure may suspend."},
          s.fallback);
  v.Field({.name = "serving", .doc = "How the model is served.", .required = true}, s.serving);
}

static void CheckModel(const Model& model, std::vector<Error>& errors) {
  const bool composite = model.digest.type == DigestType::kComposite;
  if (model.digest.type == DigestType::kHosted) {
    AddError(errors, "spec.model.digestType",
             "must not be 'hosted': a model that somebody else runs is a component, list it in "
             "spec.model.components");
  } else if (composite && model.components.empty()) {
    AddError(errors, "spec.model.components", "is required with digestType 'composite'");
  } else if (!composite && !model.components.empty()) {
    AddError(errors, "spec.model.digestType",
             "must be 'composite' where there are components, is '" +
                 std::string(NameOf(model.digest.type)) + "'");
  }
  if (model.components.empty() && model.uri.empty()) {
    AddError(errors, "spec.model.uri", "is required, unless there are components");
  } else if (!model.components.empty() && !model.uri.empty()) {
    AddError(errors, "spec.model.uri",
             "must not be set beside components, of which each artefact has a uri of its own");
  }
  CheckComponents(model.components, "spec.model.components", errors);
}

static void Check(const ModelDeploymentSpec& spec, const Json& json, std::vector<Error>& errors) {
  CheckModel(spec.model, errors);
  const Serving& s = spec.serving;
  if (s.min_replicas && s.max_replicas && *s.min_replicas > *s.max_replicas) {
    AddError(errors, "spec.serving.minReplicas", "must be at most maxReplicas");
  }
  if (const auto& budget = s.disruption_budget;
      budget && budget->min_available.has_value() == budget->max_unavailable.has_value()) {
    AddError(errors, "spec.serving.podDisruptionBudget",
             std::string("must have one of minAvailable and maxUnavailable, has ") +
                 (budget->min_available ? "both" : "neither"));
  }
  const Json* containers = FindPath(json, "serving/template/spec/containers");
  if (containers == nullptr || !containers->is_array() || containers->empty()) {
    AddError(errors, "spec.serving.template.spec.containers", "must list the serving container");
  }
}

namespace {

// Annotations of a pod template that only describe it. Any other may tell a webhook in the cluster
// what to put into the Pods: proxies, agents, files
// (docs/decisions/2026-11-29-template-annotations).
bool OnlyDescribes(std::string_view annotation) {
  constexpr std::array<std::string_view, 5> kDescriptive = {
      "prometheus.io/", "checksum/", "kubectl.kubernetes.io/", "app.kubernetes.io/",
      "argocd.argoproj.io/"};
  return std::any_of(kDescriptive.begin(), kDescriptive.end(),
                     [&](std::string_view prefix) { return annotation.starts_with(prefix); });
}

// Leaves out what only describes; true if anything is left.
bool GovernAnnotations(const Json& annotations, Replacements& instead) {
  if (!annotations.is_object()) return true;
  bool kept = false;
  for (auto it = annotations.begin(); it != annotations.end(); ++it) {
    if (it->is_null() || OnlyDescribes(it.key())) {
      instead.emplace_back(&*it, nullptr);
    } else {
      kept = true;
    }
  }
  return kept;
}

}  // namespace

Result<std::string> GovernedDigest(const Json& spec) {
  static const Json kFree = nullptr;
  Replacements instead;
  const std::int64_t replicas = IntAt(spec, "serving/replicas", -1);
  const std::int64_t least = IntAt(spec, "serving/minReplicas", -1);
  const std::int64_t most = IntAt(spec, "serving/maxReplicas", -1);
  // Only between bounds that are both set, themselves governed, is the number free.
  if (least >= 0 && most >= 0 && replicas >= least && replicas <= most) {
    instead.emplace_back(FindPath(spec, "serving/replicas"), &kFree);
  }
  const Json* metadata = FindPath(spec, "serving/template/metadata");
  if (metadata != nullptr && metadata->is_object()) {
    // Adding the first label must not change the digest: absent, empty and ignored are one.
    bool kept = false;
    for (auto it = metadata->begin(); it != metadata->end(); ++it) {
      if (it.key() == "labels" || it->is_null() ||
          (it.key() == "annotations" && !GovernAnnotations(*it, instead))) {
        instead.emplace_back(&*it, nullptr);
      } else {
        kept = true;
      }
    }
    if (!kept) instead.emplace_back(metadata, nullptr);
  }
  return JsonDigest(spec, instead);
}

template <>
void Derive(ModelDeploymentSpec& spec) {
  Model& model = spec.model;
  if (model.components.empty()) return;
  Identify(model.components);
  if (auto digest = CompositeDigest(model.components)) model.composite_digest = *digest;
}

template <>
Result<std::string> DigestOf<ModelDeploymentSpec>(const Json& spec) {
  return GovernedDigest(spec);
}

COUNTERSIGN_INSTANTIATE_KIND(ModelDeploymentSpec);

}  // namespace countersign
