#include "cli/pinned_template.h"

#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>
#include <set>

#include "base/shell.h"
#include "governance/measures/pod_template.h"

namespace countersign {
namespace {

// What the API server fills in where nothing is said; a reader need not meet it.
const std::array<std::pair<const char*, Json>, 6>& PodDefaults() {
  static const std::array<std::pair<const char*, Json>, 6> kDefaults = {
      {{"restartPolicy", "Always"},
       {"dnsPolicy", "ClusterFirst"},
       {"schedulerName", "default-scheduler"},
       {"terminationGracePeriodSeconds", 30},
       {"securityContext", Json::object()},
       {"enableServiceLinks", true}}};
  return kDefaults;
}

const std::array<std::pair<const char*, Json>, 3>& ContainerDefaults() {
  static const std::array<std::pair<const char*, Json>, 3> kDefaults = {
      {{"terminationMessagePath", "/dev/termination-log"},
       {"terminationMessagePolicy", "File"},
       {"resources", Json::object()}}};
  return kDefaults;
}

template <class Defaults>
void DropDefaults(Json& object, const Defaults& defaults) {
  for (const auto& [key, value] : defaults) {
    const Json* found = Find(object, key);
    if (found != nullptr && *found == value) object.erase(key);
  }
}

// The repository as the workload names it, without tag or digest.
std::string RepositoryOf(const std::string& image) {
  const std::string name = image.substr(0, image.find('@'));
  const auto colon = name.rfind(':');
  const bool tag = colon != std::string::npos && name.find('/', colon) == std::string::npos;
  return tag ? name.substr(0, colon) : name;
}

// Whether it is written as registries take it, in which nothing means anything to a shell.
bool IsImageReference(const std::string& image) {
  // The grammar of github.com/distribution/reference.
  static const RE2 kReference(
      R"re((?:(?:[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?|\[[a-fA-F0-9:]+\])(?::[0-9]+)?/)?)re"
      R"re([a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*)re"
      R"re((?::\w[\w.-]{0,127})?(?:@sha256:[0-9a-f]{64})?)re");
  return RE2::FullMatch(image, kReference);
}

// The path below the root as a kubelet takes it.
bool IsAtModels(const std::string& mount_path, bool exactly) {
  const auto path = (std::filesystem::path("/" + mount_path) / "").lexically_normal().string();
  const std::string root = std::string(kModelMountPath) + "/";
  return exactly ? path == root : path.starts_with(root);
}

Json Without(const Json* map, const std::vector<std::string>& prefixes) {
  Json kept = Json::object();
  if (map == nullptr || !map->is_object()) return kept;
  for (auto it = map->begin(); it != map->end(); ++it) {
    const bool drop = std::any_of(prefixes.begin(), prefixes.end(),
                                  [&](const auto& prefix) { return it.key().starts_with(prefix); });
    if (!drop) kept[it.key()] = it.value();
  }
  return kept;
}

class Pinner {
 public:
  Pinner(const Json& workload, const Recognition& recognition,
         const std::vector<std::vector<ResolvedImage>>& pods, const StatedReferences& stated,
         const AdoptCommand& command)
      : workload_(workload),
        recognition_(recognition),
        pods_(pods),
        stated_(stated),
        command_(command),
        ns_(StringAt(workload, "metadata/namespace")),
        name_(StringAt(workload, "metadata/name")) {}

  PinnedTemplate Run() {
    const Json* spec = FindPath(workload_, "spec/template/spec");
    if (spec == nullptr || !spec->is_object()) {
      Gap("it has no pod template", "look at it: kubectl get " + OfNamespace() + " -o yaml");
      return std::move(out_);
    }
    spec_ = *spec;
    DropDefaults(spec_, PodDefaults());
    if (spec_.contains("serviceAccountName")) spec_.erase("serviceAccount");  // its old name
    ForContainers([&](Json& container) {
      DropDefaults(container, ContainerDefaults());
      PinContainer(container);
    });
    PinVolumes();
    ChooseModel();
    PlaceModel();
    ConfigMaps();
    out_.pod_template = {{"spec", std::move(spec_)}};
    Metadata();
    return std::move(out_);
  }

 private:
  template <class Function>
  void ForContainers(Function f) {
    for (const char* list : {"initContainers", "containers"}) {
      const auto found = spec_.find(list);
      if (found == spec_.end() || !found->is_array()) continue;
      for (Json& container : *found) {
        if (container.is_object()) f(container);
      }
    }
  }

  template <class Function>
  static void ForItems(Json& object, const char* key, Function f) {
    const auto found = object.find(key);
    if (found == object.end() || !found->is_array()) return;
    for (Json& item : *found) {
      if (item.is_object()) f(item);
    }
  }

  void Gap(std::string what, std::string next) {
    out_.gaps.push_back({std::move(what), std::move(next)});
  }

  // Of the Pods that ask for this very image: what nodes say that it is.
  std::set<std::string> Pulled(const std::string& image, const std::string& of, bool volume,
                               bool& asked_for_another) const {
    std::set<std::string> digests;
    for (const auto& pod : pods_) {
      for (const ResolvedImage& one : pod) {
        if (one.of != of || one.volume != volume) continue;
        if (one.asked == image) {
          digests.insert(one.digest);
        } else {
          asked_for_another = true;
        }
      }
    }
    return digests;
  }

  // As somebody gave it, as it is named, or as all nodes pulled it; else a gap.
  std::optional<std::string> Pinned(const std::string& image, const std::string& of, bool volume) {
    if (const auto given = stated_.images.find(of); given != stated_.images.end()) {
      return given->second;
    }
    if (NormaliseImage(image).pinned) return image;
    bool asked_for_another = false;
    const std::set<std::string> pulled = Pulled(image, of, volume, asked_for_another);
    const std::string what = std::string(volume ? "volume" : "container") + " '" + of +
                             "' names '" + image + "' by a tag";
    if (pulled.size() > 1 || asked_for_another) {
      Gap(what + ", and its Pods do not run one and the same image",
          "wait until they do: kubectl rollout restart " + OfNamespace() + ", then " +
              command_.Text());
      return std::nullopt;
    }
    if (pulled.empty()) {
      Gap(what + ", and no node says which image that is", FindDigest(image, of));
      return std::nullopt;
    }
    const std::string pinned = RepositoryOf(image) + "@" + *pulled.begin();
    out_.notes.push_back(std::string(volume ? "volume" : "container") + " '" + of + "': '" + image +
                         "' is " + pinned + ", as nodes pulled it");
    return pinned;
  }

  // A command with what is no image's name would run whatever else it says.
  std::string FindDigest(const std::string& image, const std::string& of) const {
    if (!IsImageReference(image)) {
      return "correct the workload: that is no name of an image, as registries take it";
    }
    return "find the digest, with skopeo inspect --format '{{.Digest}}' docker://" + image +
           ", and give it: " +
           command_.With("--image " + ShellWord(ns_ + "/" + name_ + "/" + of) + "=" +
                         RepositoryOf(image) + "@sha256:…");
  }

  std::string Resource() const {
    return StringAt(workload_, "kind") == "StatefulSet" ? "statefulset" : "deployment";
  }

  std::string OfNamespace() const { return "-n " + ns_ + " " + Resource() + "/" + name_; }

  void PinContainer(Json& container) {
    const auto pinned = Pinned(StringAt(container, "image"), StringAt(container, "name"), false);
    if (pinned) container["image"] = *pinned;
  }

  void PinVolumes() {
    ForItems(spec_, "volumes", [&](Json& volume) {
      const auto image = volume.find("image");
      if (image == volume.end() || !image->is_object()) return;
      const auto pinned = Pinned(StringAt(*image, "reference"), StringAt(volume, "name"), true);
      if (!pinned) return;
      (*image)["reference"] = *pinned;
      candidates_.emplace(NormaliseImage(*pinned).digest, "oci://" + *pinned);
    });
  }

  // An image volume's tag is a reference too, which is pinned above.
  bool IsOfVolume(const ServedReference& reference) const {
    return reference.path.ends_with(".image.reference");
  }

  void ChooseModel() {
    if (!stated_.model.empty()) {
      const ServedReference reference = NormaliseUri(stated_.model);
      out_.model_uri = stated_.model;
      out_.model_digest = reference.digest;
      for (const ServedReference& one : recognition_.references) {
        if (one.kind != ServedReference::Kind::kModel || one.digest == reference.digest) continue;
        out_.notes.push_back("it goes on naming '" + one.text + "' at " + one.path +
                             ": make it use what is at /models");
      }
      return;
    }
    bool open = false;
    for (const ServedReference& reference : recognition_.references) {
      if (reference.kind != ServedReference::Kind::kModel || IsOfVolume(reference)) continue;
      if (!reference.digest.empty()) {
        candidates_.emplace(reference.digest, reference.text);
        continue;
      }
      open = true;
      Gap("model '" + reference.text + "' at " + reference.path +
              (reference.pinned ? " is no OCI artefact, and the operator mounts nothing else"
                                : " is named by no digest, so nobody can say what was approved"),
          "push the files that it serves as an OCI artefact (docs/adopting.md), and give it: " +
              StateModel(kSomewhere));
    }
    if (open) return;
    if (candidates_.size() == 1) {
      out_.model_digest = candidates_.begin()->first;
      out_.model_uri = candidates_.begin()->second;
      return;
    }
    if (candidates_.size() > 1) {
      return Gap("it serves " + std::to_string(candidates_.size()) + " models",
                 "write the ModelDeployment with spec.model.components by hand "
                 "(docs/components.md)");
    }
    if (!out_.gaps.empty() && HasImageVolume()) return;  // which has a gap already
    const std::string own = OwnImage();
    Gap("it names no model",
        own.empty()
            ? "say where the model is: " + StateModel(kSomewhere)
            : "say where the model is; if it is in the workload's own image: " + StateModel(own));
  }

  bool HasImageVolume() {
    bool has = false;
    ForItems(spec_, "volumes",
             [&](const Json& volume) { has |= Find(volume, "image") != nullptr; });
    return has;
  }

  std::string StateModel(const std::string& reference) const {
    return command_.With("--model " + ns_ + "/" + name_ + "=oci://" + reference);
  }

  // Of the only container: there the weights may be, which its owner knows. Empty: of no use.
  std::string OwnImage() {
    std::vector<std::string> images;
    ForContainers([&](const Json& container) { images.push_back(StringAt(container, "image")); });
    const bool known_server =
        std::any_of(recognition_.signs.begin(), recognition_.signs.end(),
                    [](const ServingSign& sign) { return sign.what.starts_with("image '"); });
    const bool own = images.size() == 1 && !known_server && NormaliseImage(images.front()).pinned &&
                     IsImageReference(images.front());
    return own ? images.front() : std::string();
  }

  // The operator mounts the model as volume `model` at /models.
  void PlaceModel() {
    std::set<std::string> dropped;
    ForContainers([&](Json& container) { PlaceIn(container, dropped); });
    const auto volumes = spec_.find("volumes");
    if (volumes == spec_.end() || !volumes->is_array()) return;
    Json kept = Json::array();
    for (Json& volume : *volumes) {
      const std::string name = StringAt(volume, "name");
      if (dropped.contains(name) && !IsMounted(name)) continue;
      if (name == kModelVolume) {
        volume["name"] = kRenamed;
        ForContainers([&](Json& container) {
          ForItems(container, "volumeMounts", [&](Json& mount) {
            if (StringAt(mount, "name") == kModelVolume) mount["name"] = kRenamed;
          });
        });
        out_.notes.push_back("volume 'model' is called '" + std::string(kRenamed) +
                             "': the operator's own has that name");
      }
      kept.push_back(std::move(volume));
    }
    if (kept.empty()) {
      spec_.erase("volumes");
    } else {
      *volumes = std::move(kept);
    }
  }

  void PlaceIn(Json& container, std::set<std::string>& dropped) {
    const auto mounts = container.find("volumeMounts");
    if (mounts == container.end() || !mounts->is_array()) return;
    Json kept = Json::array();
    for (Json& mount : *mounts) {
      const std::string path = StringAt(mount, "mountPath");
      const std::string volume = StringAt(mount, "name");
      if (!IsAtModels(path, false)) {
        kept.push_back(std::move(mount));
      } else if (IsAtModels(path, true) && StringAt(mount, "subPath").empty() &&
                 IsModelVolume(volume)) {
        dropped.insert(volume);
        out_.notes.push_back("the operator mounts the model at /models, as the workload did");
      } else {
        Gap("volume '" + volume + "' is mounted at '" + path +
                "', and /models is where the operator mounts the model",
            "mount it elsewhere in the workload: kubectl edit " + OfNamespace() + ", then " +
                command_.Text());
      }
    }
    if (kept.empty()) {
      container.erase("volumeMounts");
    } else {
      *mounts = std::move(kept);
    }
  }

  bool IsModelVolume(const std::string& name) {
    bool is = false;
    ForItems(spec_, "volumes", [&](const Json& volume) {
      const Json* image = Find(volume, "image");
      if (image == nullptr || StringAt(volume, "name") != name) return;
      const std::string digest = NormaliseImage(StringAt(*image, "reference")).digest;
      is |= !digest.empty() && digest == out_.model_digest;
    });
    return is;
  }

  bool IsMounted(const std::string& name) {
    bool is = false;
    ForContainers([&](Json& container) {
      ForItems(container, "volumeMounts",
               [&](const Json& mount) { is |= StringAt(mount, "name") == name; });
    });
    return is;
  }

  void ConfigMaps() {
    std::set<std::string> names;
    const auto add = [&](const Json& holder, const char* path) {
      if (const std::string name = StringAt(holder, path); !name.empty()) names.insert(name);
    };
    ForContainers([&](Json& container) {
      ForItems(container, "env",
               [&](const Json& env) { add(env, "valueFrom/configMapKeyRef/name"); });
      ForItems(container, "envFrom", [&](const Json& from) { add(from, "configMapRef/name"); });
    });
    ForItems(spec_, "volumes", [&](Json& volume) {
      add(volume, "configMap/name");
      const auto projected = volume.find("projected");
      if (projected == volume.end() || !projected->is_object()) return;
      ForItems(*projected, "sources", [&](const Json& source) { add(source, "configMap/name"); });
    });
    out_.config_maps.assign(names.begin(), names.end());
  }

  void Metadata() {
    const Json* metadata = FindPath(workload_, "spec/template/metadata");
    if (metadata == nullptr) return;
    // So that the Service which leads to the workload leads to the new Pods too.
    Json labels = Without(Find(*metadata, "labels"), {"countersign.dev/", "pod-template-hash"});
    Json annotations =
        Without(Find(*metadata, "annotations"), {"countersign.dev/", "kubectl.kubernetes.io/"});
    if (!labels.empty()) out_.pod_template["metadata"]["labels"] = std::move(labels);
    if (!annotations.empty()) out_.pod_template["metadata"]["annotations"] = std::move(annotations);
  }

  static constexpr const char* kRenamed = "adopted-model";
  static constexpr const char* kSomewhere = "REGISTRY/REPOSITORY@sha256:…";

  const Json& workload_;
  const Recognition& recognition_;
  const std::vector<std::vector<ResolvedImage>>& pods_;
  const StatedReferences& stated_;
  const AdoptCommand& command_;
  const std::string ns_;
  const std::string name_;
  Json spec_;
  std::map<std::string, std::string> candidates_;  // digest to URI
  PinnedTemplate out_;
};

}  // namespace

std::string AdoptCommand::Text() const {
  std::string text = "countersign adopt";
  for (const std::string& option : options) text += " " + option;
  return text;
}

std::string AdoptCommand::With(const std::string& option) const {
  const std::string name = option.substr(0, option.find_first_of(" ="));
  const bool repeatable = name == "--model" || name == "--image";
  AdoptCommand command;
  for (const std::string& one : options) {
    if (repeatable || !one.starts_with(name + "=")) command.options.push_back(one);
  }
  command.options.push_back(option);
  return command.Text();
}

PinnedTemplate PinTemplate(const Json& workload, const Recognition& recognition,
                           const std::vector<std::vector<ResolvedImage>>& pods,
                           const StatedReferences& stated, const AdoptCommand& command) {
  return Pinner(workload, recognition, pods, stated, command).Run();
}

}  // namespace countersign
