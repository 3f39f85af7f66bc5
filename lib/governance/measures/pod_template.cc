#include "governance/measures/pod_template.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <set>

#include "base/describe.h"
#include "governance/measures/context.h"

namespace countersign {
namespace {

// Volumes whose content is either governed (image, configMap), the cluster's own, or starts empty.
constexpr std::array<std::string_view, 6> kAllowedVolumes = {
    "image", "configMap", "secret", "emptyDir", "downwardAPI", "projected"};

class Inspector {
 public:
  Inspector(const ModelDeploymentSpec& spec, bool strict) : strict_(strict) {
    for (const ConfigDigest& config : spec.serving.config) pinned_.insert(config.name);
    for (const Component& component : spec.model.components) {
      if (component.artifact) volumes_.insert(VolumeOf(component));
      for (const auto& [name, value] : VariablesOf(component)) variables_.insert(name);
    }
    if (spec.model.components.empty()) volumes_.emplace(kModelVolume);
  }

  std::vector<TemplateFault> Run(const Json& pod_template) {
    const JsonPath of_spec{nullptr, "spec"};
    const JsonPath of_serving{&of_spec, "serving"};
    const JsonPath of_template{&of_serving, "template"};
    const JsonPath root{&of_template, "spec"};
    const Json* spec = Find(pod_template, "spec");
    if (spec == nullptr) return {};
    for (const char* list : {"initContainers", "containers"}) {
      ForEach(*spec, list, root, [&](const Json& c, const JsonPath& at) { Container(c, at); });
    }
    // Debugging containers are not part of a template; somebody is trying something.
    if (Find(*spec, "ephemeralContainers") != nullptr) {
      Add("EphemeralContainersNotAllowed", "must not be set", {&root, "ephemeralContainers"});
    }
    ForEach(*spec, "volumes", root, [&](const Json& v, const JsonPath& at) { Volume(v, at); });
    return std::move(faults_);
  }

 private:
  void Add(std::string reason, std::string message, const JsonPath& at) {
    faults_.push_back({std::move(reason), std::move(message), at.ToString()});
  }

  template <class Function>
  static void ForEach(const Json& json, std::string_view key, const JsonPath& at, Function f) {
    const Json* list = Find(json, key);
    if (list == nullptr || !list->is_array()) return;
    const JsonPath of_list{&at, key};
    std::int64_t index = 0;
    for (const Json& item : *list) f(item, JsonPath{&of_list, {}, index++});
  }

  void Container(const Json& container, const JsonPath& path) {
    if (strict_ && !MatchesFormat(Format::kImageDigest, StringAt(container, "image"))) {
      Add("ImageNotPinned",
          "must name the image by digest (…@sha256:<64 digits>), is '" +
              Shorten(StringAt(container, "image")) + "'",
          {&path, "image"});
    }
    ForEach(container, "volumeMounts", path, [&](const Json& mount, const JsonPath& at) {
      // The kubelet cleans the path and takes a relative one from the root: '//models', 'models'
      // and '/x/../models' are all the model's place.
      const std::filesystem::path where =
          std::filesystem::path("/" + StringAt(mount, "mountPath")).lexically_normal();
      if ((where / "").string().starts_with(std::string(kModelMountPath) + "/")) {
        Add("NameReserved", "'/models' is where the operator mounts the model", {&at, "mountPath"});
      }
    });
    ForEach(container, "envFrom", path, [&](const Json& from, const JsonPath& at) {
      if (const Json* ref = Find(from, "configMapRef")) Config(*ref, {&at, "configMapRef"});
    });
    ForEach(container, "env", path, [&](const Json& env, const JsonPath& at) {
      if (const std::string name = StringAt(env, "name"); variables_.contains(name)) {
        Add("NameReserved",
            "'" + name + "' is set by the operator to what was approved of the hosted component",
            {&at, "name"});
      }
      const Json* from = Find(env, "valueFrom");
      if (from == nullptr) return;
      const JsonPath of_value{&at, "valueFrom"};
      if (const Json* ref = Find(*from, "configMapKeyRef")) {
        Config(*ref, {&of_value, "configMapKeyRef"});
      }
      Field(*from, of_value);
    });
  }

  // What a Pod reads of its own labels and annotations can be said after the approval.
  void Field(const Json& from, const JsonPath& path) {
    const Json* ref = Find(from, "fieldRef");
    if (!strict_ || ref == nullptr) return;
    const std::string field = StringAt(*ref, "fieldPath");
    for (const std::string_view free : {"metadata.annotations", "metadata.labels"}) {
      if (!field.starts_with(free)) continue;
      const JsonPath of_ref{&path, "fieldRef"};
      Add("FieldNotGoverned",
          "must not read " + Shorten(field) +
              ": labels and annotations may change without approval; write the value here, or into "
              "a ConfigMap of spec.serving.config",
          {&of_ref, "fieldPath"});
    }
  }

  void Fields(const Json& downward, const JsonPath& path) {
    ForEach(downward, "items", path,
            [&](const Json& item, const JsonPath& at) { Field(item, at); });
  }

  void Config(const Json& ref, const JsonPath& path) {
    const std::string name = StringAt(ref, "name");
    if (!strict_ || pinned_.contains(name)) return;
    Add("ConfigNotPinned",
        "ConfigMap '" + name +
            "' must be listed in spec.serving.config with the digest of its content",
        {&path, "name"});
  }

  void Volume(const Json& volume, const JsonPath& path) {
    if (const std::string name = StringAt(volume, "name"); volumes_.contains(name)) {
      Add("NameReserved", "'" + name + "' is the volume that the operator adds", {&path, "name"});
    }
    if (!strict_ || !volume.is_object()) return;
    for (auto it = volume.begin(); it != volume.end(); ++it) {
      if (it.key() == "name") continue;
      const JsonPath at{&path, it.key()};
      if (std::find(kAllowedVolumes.begin(), kAllowedVolumes.end(), it.key()) ==
          kAllowedVolumes.end()) {
        Add("VolumeNotAllowed",
            "must be one of image, configMap, secret, emptyDir, downwardAPI, projected: code and "
            "weights come from what was approved",
            at);
      } else if (it.key() == "image" &&
                 !MatchesFormat(Format::kImageDigest, StringAt(it.value(), "reference"))) {
        Add("ImageNotPinned", "must name the image by digest (…@sha256:<64 digits>)",
            {&at, "reference"});
      } else if (it.key() == "configMap") {
        Config(it.value(), at);
      } else if (it.key() == "downwardAPI") {
        Fields(it.value(), at);
      } else if (it.key() == "projected") {
        ForEach(it.value(), "sources", at, [&](const Json& source, const JsonPath& where) {
          if (const Json* ref = Find(source, "configMap")) Config(*ref, {&where, "configMap"});
          if (const Json* own = Find(source, "downwardAPI")) Fields(*own, {&where, "downwardAPI"});
        });
      }
    }
  }

  const bool strict_;
  std::set<std::string> pinned_;
  std::set<std::string> volumes_;    // that the operator adds
  std::set<std::string> variables_;  // likewise
  std::vector<TemplateFault> faults_;
};

}  // namespace

std::vector<TemplateFault> TemplateFaults(const ModelDeploymentSpec& spec, bool strict) {
  const auto pod_template = spec.serving.pod_template.Tree();
  if (!pod_template) {
    return {{"TemplateUnreadable", pod_template.error().message, "spec.serving.template"}};
  }
  return Inspector(spec, strict).Run(**pod_template);
}

std::string VolumeOf(const Component& component) {
  return std::string(kModelVolume) + "-" + component.name;
}

std::vector<std::pair<std::string, std::string>> VariablesOf(const Component& component) {
  if (!component.hosted) return {};
  // No two names give one prefix: they are lower-case, and '_' is not in them.
  std::string prefix = "COMPONENT_" + component.name + "_";
  for (char& c : prefix) {
    if (c == '-') c = '_';
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  std::vector<std::pair<std::string, std::string>> variables = {
      {prefix + "PROVIDER", component.hosted->provider},
      {prefix + "MODEL", component.hosted->model}};
  if (!component.hosted->snapshot.empty()) {
    variables.emplace_back(prefix + "SNAPSHOT", component.hosted->snapshot);
  }
  return variables;
}

void AddVariables(const Model& model, Json& container) {
  const Json* theirs = Find(container, "env");
  Json env = theirs != nullptr && theirs->is_array() ? *theirs : Json::array();
  const std::size_t before = env.size();
  for (const Component& component : model.components) {
    for (const auto& [name, value] : VariablesOf(component)) {
      env.push_back({{"name", name}, {"value", value}});
    }
  }
  if (env.size() > before) SetPath(container, "env", std::move(env));
}

}  // namespace countersign
