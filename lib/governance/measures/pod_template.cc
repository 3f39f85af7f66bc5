#include "governance/measures/pod_template.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <set>

#include "governance/measures/context.h"

namespace countersign {
namespace {

// Volumes whose content is either governed (image, configMap), the cluster's own, or starts empty.
constexpr std::array<std::string_view, 6> kAllowedVolumes = {
    "image", "configMap", "secret", "emptyDir", "downwardAPI", "projected"};

class Inspector {
 public:
  Inspector(const Serving& serving, bool strict) : strict_(strict) {
    for (const ConfigDigest& config : serving.config) pinned_.insert(config.name);
  }

  std::vector<TemplateFault> Run(const Json& pod_template) {
    const std::string root = "spec.serving.template.spec";
    for (const char* list : {"initContainers", "containers"}) {
      ForEach(pod_template, std::string("spec/") + list, root + "." + list,
              [&](const Json& c, const std::string& path) { Container(c, path); });
    }
    // Debugging containers are not part of a template; somebody is trying something.
    if (FindPath(pod_template, "spec/ephemeralContainers") != nullptr) {
      Add("EphemeralContainersNotAllowed", "must not be set", root + ".ephemeralContainers");
    }
    ForEach(pod_template, "spec/volumes", root + ".volumes",
            [&](const Json& v, const std::string& path) { Volume(v, path); });
    return std::move(faults_);
  }

 private:
  void Add(std::string reason, std::string message, std::string path) {
    faults_.push_back({std::move(reason), std::move(message), std::move(path)});
  }

  template <class Function>
  void ForEach(const Json& json, const std::string& at, const std::string& path, Function f) {
    const Json* list = FindPath(json, at);
    if (list == nullptr || !list->is_array()) return;
    std::size_t index = 0;
    for (const Json& item : *list) f(item, path + "[" + std::to_string(index++) + "]");
  }

  void Container(const Json& container, const std::string& path) {
    if (strict_ && !MatchesFormat(Format::kImageDigest, StringAt(container, "image"))) {
      Add("ImageNotPinned",
          "must name the image by digest (…@sha256:<64 digits>), is '" +
              Shorten(StringAt(container, "image")) + "'",
          path + ".image");
    }
    ForEach(container, "volumeMounts", path + ".volumeMounts",
            [&](const Json& mount, const std::string& at) {
              // The kubelet cleans the path and takes a relative one from the root: '//models',
              // 'models' and '/x/../models' are all the model's place.
              const std::filesystem::path where =
                  std::filesystem::path("/" + StringAt(mount, "mountPath")).lexically_normal();
              if ((where / "").string().starts_with(std::string(kModelMountPath) + "/")) {
                Add("NameReserved", "'/models' is where the operator mounts the model",
                    at + ".mountPath");
              }
            });
    ForEach(container, "envFrom", path + ".envFrom", [&](const Json& from, const std::string& at) {
      if (const Json* ref = Find(from, "configMapRef")) Config(*ref, at + ".configMapRef");
    });
    ForEach(container, "env", path + ".env", [&](const Json& env, const std::string& at) {
      if (const Json* ref = FindPath(env, "valueFrom/configMapKeyRef")) {
        Config(*ref, at + ".valueFrom.configMapKeyRef");
      }
    });
  }

  void Config(const Json& ref, const std::string& path) {
    const std::string name = StringAt(ref, "name");
    if (!strict_ || pinned_.contains(name)) return;
    Add("ConfigNotPinned",
        "ConfigMap '" + name +
            "' must be listed in spec.serving.config with the digest of its content",
        path + ".name");
  }

  void Volume(const Json& volume, const std::string& path) {
    if (StringAt(volume, "name") == kModelVolume) {
      Add("NameReserved", "'model' is the volume that the operator adds", path + ".name");
    }
    if (!strict_ || !volume.is_object()) return;
    for (auto it = volume.begin(); it != volume.end(); ++it) {
      if (it.key() == "name") continue;
      const std::string at = path + "." + it.key();
      if (std::find(kAllowedVolumes.begin(), kAllowedVolumes.end(), it.key()) ==
          kAllowedVolumes.end()) {
        Add("VolumeNotAllowed",
            "must be one of image, configMap, secret, emptyDir, downwardAPI, projected: code and "
            "weights come from what was approved",
            at);
      } else if (it.key() == "image" &&
                 !MatchesFormat(Format::kImageDigest, StringAt(it.value(), "reference"))) {
        Add("ImageNotPinned", "must name the image by digest (…@sha256:<64 digits>)",
            at + ".reference");
      } else if (it.key() == "configMap") {
        Config(it.value(), at);
      } else if (it.key() == "projected") {
        ForEach(it.value(), "sources", at + ".sources",
                [&](const Json& source, const std::string& where) {
                  if (const Json* ref = Find(source, "configMap")) {
                    Config(*ref, where + ".configMap");
                  }
                });
      }
    }
  }

  const bool strict_;
  std::set<std::string> pinned_;
  std::vector<TemplateFault> faults_;
};

}  // namespace

std::vector<TemplateFault> TemplateFaults(const Serving& serving, bool strict) {
  const auto pod_template = serving.pod_template.Tree();
  if (!pod_template) {
    return {{"TemplateUnreadable", pod_template.error().message, "spec.serving.template"}};
  }
  return Inspector(serving, strict).Run(**pod_template);
}

}  // namespace countersign
