// What ModelDeployments say may serve (guard.h), and what is missing.
#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "governance/measures/pod_template.h"
#include "governance/serving/child_name.h"
#include "governance/serving/guard.h"
#include "governance/serving/model_mounts.h"
#include "governance/serving/pod_difference.h"
#include "governance/serving/running.h"

namespace countersign {
namespace {

using Kind = ServedReference::Kind;

// A ModelDeployment's uri is an OCI artefact's, so a model of Hugging Face's Hub is a component of
// it. Empty for any other model.
std::string HowToCoverOfHub(std::string_view reference) {
  constexpr std::string_view kScheme = "hf://";
  if (!reference.starts_with(kScheme)) return {};
  reference.remove_prefix(kScheme.size());
  const std::size_t colon = reference.rfind(':');
  return ". A commit of it is covered by an approved ModelDeployment with the component {hosted: "
         "{provider: huggingface, model: " +
         std::string(reference.substr(0, colon)) +
         ", snapshot: <commit>}}; or push the model to a registry, and name it as "
         "oci://…@sha256:<64 digits>";
}

// Why nothing covers one reference: not nameable, not approved yet, or unknown.
GuardFault FaultOf(const ServedReference& reference, const std::vector<Cover>& covers) {
  for (const Cover& cover : covers) {
    if (cover.approved || !Holds(cover, reference)) continue;
    return {"DeploymentNotApproved",
            "ModelDeployment '" + cover.name + "' names " + reference.text +
                " but is not approved: " + cover.why_not,
            reference.path};
  }
  switch (reference.kind) {
    case Kind::kModel:
      if (!reference.pinned) {
        return {
            "ModelNotPinned",
            "model '" + reference.text +
                "' is not named by a digest (…@sha256:<64 digits>, or hf://org/model:<commit>), "
                "so nobody can have approved of it" +
                HowToCoverOfHub(reference.text),
            reference.path};
      }
      return {"ModelNotApproved",
              "no approved ModelDeployment of this namespace is for model '" + reference.text +
                  "'" + HowToCoverOfHub(reference.text),
              reference.path};
    case Kind::kContainer:
      return {"ContainerNotApproved",
              "no approved ModelDeployment runs image '" + reference.text +
                  "' with this command, arguments and environment",
              reference.path};
    case Kind::kVolume:
      return {"VolumeNotApproved",
              "code or weights may come from " + reference.text +
                  ", which no approved ModelDeployment mounts",
              reference.path};
    case Kind::kRoute:
      return {"RouteNotApproved",
              "traffic goes to '" + reference.text + "', which is no approved ModelDeployment",
              reference.path};
  }
  return {};
}

bool IsRunning(const ServedReference& reference) {
  return reference.kind == Kind::kContainer || reference.kind == Kind::kVolume;
}

// The operator tells containers more than the template does, and mounts the model in them.
Json AsRendered(Json pod_spec, const Model& model, const std::vector<ModelMount>& mounts) {
  const auto list_in = [](const Json& json, const char* key) {
    const Json* list = Find(json, key);
    return list != nullptr && list->is_array() ? *list : Json::array();
  };
  for (const char* list : {"initContainers", "containers"}) {
    const auto containers = pod_spec.find(list);
    if (containers == pod_spec.end() || !containers->is_array()) continue;
    for (Json& container : *containers) {
      if (!container.is_object()) continue;
      AddVariables(model, container);
      Json all = list_in(container, "volumeMounts");
      for (const ModelMount& one : mounts) all.push_back(AsMount(one));
      container["volumeMounts"] = std::move(all);
    }
  }
  Json volumes = list_in(pod_spec, "volumes");
  for (const ModelMount& one : mounts) volumes.push_back(AsVolume(one));
  pod_spec["volumes"] = std::move(volumes);
  return pod_spec;
}

// What its containers are told, whatever image they run: another stack brings an image of its own.
void AddSettings(Json pod_spec, Cover& cover) {
  for (const char* list : kContainerLists) {
    const auto containers = pod_spec.find(list);
    if (containers == pod_spec.end() || !containers->is_array()) continue;
    for (Json& container : *containers) {
      if (container.is_object()) container.erase("image");
    }
  }
  for (const ServedReference& reference : RunsIn(pod_spec)) {
    if (reference.kind == Kind::kContainer) cover.running.insert(reference.fingerprint);
  }
}

// What it names, but not what it runs.
Cover ModelsOf(const std::string& name, const ModelDeploymentSpec& spec) {
  Cover cover;
  cover.name = name;
  const auto add = [&](const std::string& uri, const ModelDigest& digest) {
    const ServedReference reference = NormaliseUri(uri);
    if (reference.pinned && reference.digest.empty()) cover.names.insert(reference.text);
    if (!reference.digest.empty()) cover.digests.insert(reference.digest);
    if (digest.type == DigestType::kOciManifest) cover.digests.insert(digest.digest);
  };
  if (spec.model.components.empty()) add(spec.model.uri, spec.model.digest);
  for (const Component& component : spec.model.components) {
    if (component.artifact) add(component.artifact->uri, component.artifact->digest);
    if (component.hosted && component.hosted->provider == "huggingface") {
      const ServedReference reference =
          NormaliseHuggingFace(component.hosted->model, component.hosted->snapshot);
      if (reference.pinned) cover.names.insert(reference.text);
    }
  }
  return cover;
}

bool IsForOneOf(const Cover& cover, const Recognition& serving) {
  return std::any_of(serving.references.begin(), serving.references.end(),
                     [&](const ServedReference& reference) {
                       return !IsRunning(reference) && Holds(cover, reference);
                     });
}

// A model may be an image that runs by itself.
bool RunsModelAsImage(const Recognition& serving, const std::vector<Cover>& covers) {
  return std::any_of(serving.references.begin(), serving.references.end(),
                     [&](const ServedReference& reference) {
                       return reference.kind == Kind::kContainer && reference.pinned &&
                              std::any_of(covers.begin(), covers.end(), [&](const Cover& cover) {
                                return cover.approved && cover.digests.contains(reference.digest);
                              });
                     });
}

// All that runs must be of one deployment, which is for one of these models: what was approved is
// a container with its volumes, not each by itself.
void AddRunningFaults(const Recognition& serving, const std::vector<Cover>& covers,
                      bool names_models, std::vector<GuardFault>& faults) {
  std::vector<const ServedReference*> running;
  for (const ServedReference& reference : serving.references) {
    if (IsRunning(reference)) running.push_back(&reference);
  }
  std::vector<const ServedReference*> missing = running;
  const Cover* nearest = nullptr;
  for (const Cover& cover : covers) {
    if (!cover.approved || (names_models && !IsForOneOf(cover, serving))) continue;
    std::vector<const ServedReference*> lacks;
    std::copy_if(running.begin(), running.end(), std::back_inserter(lacks),
                 [&](const ServedReference* one) { return !Holds(cover, *one); });
    if (nearest != nullptr && lacks.size() >= missing.size()) continue;
    nearest = &cover;
    missing = std::move(lacks);
  }
  for (const ServedReference* reference : missing) {
    GuardFault fault = FaultOf(*reference, covers);
    const bool elsewhere =
        nearest != nullptr && missing.size() < running.size() &&
        std::any_of(
            covers.begin(), covers.end(),
            [&](const Cover& cover) { return cover.approved && Holds(cover, *reference); });
    if (elsewhere) {
      fault.message = reference->text +
                      " is approved, but not together with the rest, which is of "
                      "ModelDeployment '" +
                      nearest->name + "'";
    }
    faults.push_back(std::move(fault));
  }
}

// What Kubernetes' own controllers make of it is the Pod that was approved, and nothing less: with
// a container left out, with another volume in the model's place or with another identity it would
// be something that nobody has looked at.
void AddDifferences(const Recognition& serving, const PodShape& pod,
                    const std::vector<Cover>& covers, bool names_models,
                    std::vector<GuardFault>& faults) {
  std::optional<std::vector<GuardFault>> fewest;
  for (const Cover& cover : covers) {
    const bool runs_it =
        std::all_of(serving.references.begin(), serving.references.end(),
                    [&](const auto& one) { return !IsRunning(one) || Holds(cover, one); });
    if (!cover.approved || !runs_it || (names_models && !IsForOneOf(cover, serving))) continue;
    std::vector<GuardFault> differences =
        cover.pod
            ? DifferencesFrom(*cover.pod, cover.name, pod)
            : std::vector<GuardFault>{
                  {"NotAsApproved",
                   "ModelDeployment '" + cover.name + "' has no Pod to compare it with", pod.path}};
    if (!fewest || differences.size() < fewest->size()) fewest = std::move(differences);
  }
  if (!fewest) {
    faults.push_back({"NotAsApproved", "no approved ModelDeployment runs this alone", pod.path});
    return;
  }
  std::move(fewest->begin(), fewest->end(), std::back_inserter(faults));
}

}  // namespace

bool Holds(const Cover& cover, const ServedReference& reference) {
  switch (reference.kind) {
    case Kind::kModel:
      return reference.pinned &&
             (reference.digest.empty() ? cover.names.contains(reference.text)
                                       : cover.digests.contains(reference.digest));
    case Kind::kContainer:
    case Kind::kVolume:
      return !reference.fingerprint.empty() && cover.running.contains(reference.fingerprint);
    case Kind::kRoute: return reference.text == cover.name;
  }
  return false;
}

Cover CoverOf(const std::string& name, const ModelDeploymentSpec& spec) {
  Cover cover = ModelsOf(name, spec);
  // A model that is an image runs by itself, as long as nobody tells it to do something else.
  for (const std::string& digest : cover.digests) {
    const Json bare = {{"containers", Json::array({{{"image", "model@" + digest}}})}};
    for (const ServedReference& reference : RunsIn(bare)) {
      cover.running.insert(reference.fingerprint);
    }
  }
  const auto tree = spec.serving.pod_template.Tree();
  const Json* pod_spec = tree ? Find(**tree, "spec") : nullptr;
  if (pod_spec == nullptr || !pod_spec->is_object()) return cover;
  const auto mounts = ModelMountsOf(spec.model);
  Json rendered = AsRendered(*pod_spec, spec.model, mounts.value_or(std::vector<ModelMount>()));
  const std::vector<ServedReference> runs = RunsIn(rendered);
  // Of a model that cannot be mounted the operator makes nothing.
  if (mounts) cover.pod = PodShapeOf(rendered, {nullptr, ""}, runs);
  for (const ServedReference& reference : runs) {
    const bool image_by_tag = reference.kind == Kind::kContainer && !reference.pinned;
    // A tag may have been moved since it was approved.
    if (!image_by_tag) cover.running.insert(reference.fingerprint);
  }
  AddSettings(std::move(rendered), cover);
  return cover;
}

std::set<std::string> ModelDigestsOf(const ModelDeploymentSpec& spec) {
  return ModelsOf({}, spec).digests;
}

namespace {

// Of what it runs and says, whatever answers by it.
std::vector<GuardFault> NotApproved(const Recognition& serving, const std::vector<Cover>& covers) {
  std::vector<GuardFault> faults;
  faults.reserve(serving.faults.size());
  for (const Error& fault : serving.faults) {
    faults.push_back({"CannotBeRead", fault.message, fault.path});
  }
  bool names_models = false;
  for (const ServedReference& reference : serving.references) {
    if (IsRunning(reference)) continue;
    names_models = true;
    const bool covered = std::any_of(covers.begin(), covers.end(), [&](const Cover& cover) {
      return cover.approved && Holds(cover, reference);
    });
    if (!covered) faults.push_back(FaultOf(reference, covers));
  }
  // What another stack runs by default is a model nobody has said; a container beside it is none.
  if (serving.references.empty() ||
      (serving.by_kind && !names_models && !RunsModelAsImage(serving, covers))) {
    faults.push_back({"NamesNoModel", "it names no model that could be looked up", ""});
  }
  AddRunningFaults(serving, covers, names_models, faults);
  if (faults.empty() && serving.pod)
    AddDifferences(serving, *serving.pod, covers, names_models, faults);
  return faults;
}

}  // namespace

GuardFault AnswersForAnother(const JoinedService& service) {
  return {"AnswersForAnother",
          "by this label and " + std::string(kManagedByLabel) + " the Service '" + service.child +
              "' of the operator's sends requests to it, and what answers there the operator makes "
              "of its ModelDeployment: leave the label out",
          service.path};
}

std::vector<GuardFault> NotCovered(const Recognition& serving, const std::vector<Cover>& covers) {
  std::vector<GuardFault> faults = NotApproved(serving, covers);
  if (!faults.empty()) return faults;
  for (const JoinedService& service : serving.joins) {
    std::vector<Cover> of_it;
    std::copy_if(covers.begin(), covers.end(), std::back_inserter(of_it),
                 [&](const Cover& cover) { return ChildName(cover.name) == service.child; });
    if (!NotApproved(serving, of_it).empty()) faults.push_back(AnswersForAnother(service));
  }
  return faults;
}

}  // namespace countersign
