#include "governance/serving/pod_shape.h"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <map>
#include <string_view>
#include <tuple>
#include <utility>

#include "base/digest.h"
#include "governance/decision.h"
#include "governance/serving/running.h"
#include "governance/serving/stored_form.h"

namespace countersign {
namespace {

using Said = PodShape::Said;

// What is compared elsewhere; where it runs and what that takes; how it ends. Of images, which are
// named by digest, how they are pulled. A controller names the Pods of a StatefulSet.
constexpr std::string_view kPodLeavesOut[] = {"containers",
                                              "initContainers",
                                              "ephemeralContainers",
                                              "volumes",
                                              "serviceAccount",
                                              "hostname",
                                              "subdomain",
                                              "nodeName",
                                              "nodeSelector",
                                              "affinity",
                                              "tolerations",
                                              "topologySpreadConstraints",
                                              "schedulerName",
                                              "schedulingGates",
                                              "priority",
                                              "priorityClassName",
                                              "preemptionPolicy",
                                              "overhead",
                                              "resources",
                                              "readinessGates",
                                              "imagePullSecrets",
                                              "restartPolicy",
                                              "terminationGracePeriodSeconds",
                                              "activeDeadlineSeconds"};
constexpr std::string_view kContainerLeavesOut[] = {"name",
                                                    "image",
                                                    "imagePullPolicy",
                                                    "command",
                                                    "args",
                                                    "extraArgs",
                                                    "env",
                                                    "envFrom",
                                                    "workingDir",
                                                    "lifecycle",
                                                    "livenessProbe",
                                                    "readinessProbe",
                                                    "startupProbe",
                                                    "volumeMounts",
                                                    "volumeDevices",
                                                    "ports",
                                                    "resources",
                                                    "resizePolicy",
                                                    "stdin",
                                                    "stdinOnce",
                                                    "tty",
                                                    "terminationMessagePolicy"};

constexpr Default kPodDefaults[] = {
    {"serviceAccountName", R"("")"},
    {"serviceAccountName", R"("default")"},
    {"dnsPolicy", R"("ClusterFirst")"},
    {"dnsConfig", "{}"},
    {"hostNetwork", "false"},
    {"hostPID", "false"},
    {"hostIPC", "false"},
    {"hostUsers", "true"},
    {"shareProcessNamespace", "false"},
    {"setHostnameAsFQDN", "false"},
    {"enableServiceLinks", "true"},
    {"securityContext/seLinuxOptions", "{}"},
    {"securityContext/windowsOptions", "{}"},
    {"securityContext", "{}"},
};
constexpr Default kContainerDefaults[] = {
    // The kubelet mounts a file there.
    {"terminationMessagePath", R"("/dev/termination-log")"},
    {"securityContext/capabilities", "{}"},
    {"securityContext/privileged", "false"},
    {"securityContext/procMount", R"("Default")"},
    {"securityContext/seLinuxOptions", "{}"},
    {"securityContext/windowsOptions", "{}"},
    {"securityContext", "{}"},
};
constexpr Default kMountDefaults[] = {
    {"readOnly", "false"},
    {"subPath", R"("")"},
    {"subPathExpr", R"("")"},
    {"mountPropagation", R"("None")"},
    {"recursiveReadOnly", R"("Disabled")"},
};

// Of one object, as what it runs is bounded (running.cc).
constexpr std::size_t kMostSaid = 2048;
constexpr std::size_t kMostBytes = std::size_t{128} << 10;

class Shaper {
 public:
  Shaper(const Json& pod_spec, const std::vector<ServedReference>& running)
      : pod_spec_(pod_spec), running_(running) {}

  PodShape Run(const JsonPath& at) {
    out_.path = at.ToString();
    if (!pod_spec_.is_object()) return std::move(out_);
    Volumes();
    for (const char* list : kContainerLists) {
      const Json* containers = Find(pod_spec_, list);
      if (containers == nullptr || !containers->is_array()) continue;
      const JsonPath of_list{&at, list};
      std::int64_t index = 0;
      for (const Json& container : *containers) {
        if (out_.incomplete) return std::move(out_);
        Container(container, list, {&of_list, {}, index++});
      }
    }
    Json said = Without(pod_spec_, kPodLeavesOut);
    // The older name of it, which the API server keeps filled in.
    if (StringAt(said, "serviceAccountName").empty()) {
      said["serviceAccountName"] = StringAt(pod_spec_, "serviceAccount");
    }
    out_.fields = Fields(WithoutDefaults(std::move(said), kPodDefaults));
    return std::move(out_);
  }

 private:
  template <class List>
  static Json Without(const Json& object, const List& left_out) {
    Json kept = Json::object();
    if (!object.is_object()) return kept;
    for (auto it = object.begin(); it != object.end(); ++it) {
      if (std::find(std::begin(left_out), std::end(left_out), it.key()) == std::end(left_out)) {
        kept[it.key()] = it.value();
      }
    }
    return kept;
  }

  // Without a canonical form it is the same as nothing.
  std::string FingerprintOf(const Json& value) {
    const auto canonical = CanonicalJson(value);
    if (!canonical) {
      out_.incomplete = true;
      return {};
    }
    return "sha256:" + Sha256Hex(*canonical);
  }

  Said Keep(Said said) {
    bytes_ += said.what.size() + said.text.size();
    out_.incomplete = out_.incomplete || ++count_ > kMostSaid || bytes_ > kMostBytes;
    return said;
  }

  std::vector<Said> Fields(const Json& of) {
    std::vector<Said> fields;
    for (auto it = of.begin(); it != of.end() && !out_.incomplete; ++it) {
      fields.push_back(Keep({it.key(), FingerprintOf(it.value()), {}}));
    }
    return fields;
  }

  // Names are the Pod's own; what is mounted is where the content comes from.
  void Volumes() {
    const Json* volumes = Find(pod_spec_, "volumes");
    if (volumes == nullptr || !volumes->is_array()) return;
    // The API server mounts nothing where it is told not to.
    const Json* automount = Find(pod_spec_, "automountServiceAccountToken");
    const bool no_account = automount != nullptr && *automount == Json(false);
    for (const Json& volume : *volumes) {
      const std::string name = StringAt(volume, "name");
      VolumeSource source = SourceOf(volume, pod_spec_);
      if (source.is_service_account && !no_account) {
        service_account_ = name;
        continue;
      }
      if (source.is_empty) source.json = Json::object();
      const Json* image = Find(volume, "image");
      if (image != nullptr && !image->is_null()) {
        const std::string named = StringAt(*image, "reference");
        const ServedReference reference = NormaliseImage(named);
        source.json["image"] = reference.pinned ? reference.digest : named;
        source.text = "image '" + reference.text + "'";
      }
      volumes_[name] = {{}, FingerprintOf(source.json), std::move(source.text)};
    }
  }

  void Container(const Json& container, const char* list, const JsonPath& at) {
    PodShape::Container shape;
    shape.list = list;
    shape.name = StringAt(container, "name");
    shape.image = StringAt(container, "image");
    shape.path = at.ToString();
    const auto found =
        std::find_if(running_.begin(), running_.end(), [&](const ServedReference& one) {
          return one.kind == ServedReference::Kind::kContainer && one.path == shape.path;
        });
    if (found != running_.end()) shape.fingerprint = found->fingerprint;
    bytes_ += shape.name.size() + shape.image.size() + shape.path.size();
    shape.fields =
        Fields(WithoutDefaults(Without(container, kContainerLeavesOut), kContainerDefaults));
    Mounts(container, "volumeMounts", "mountPath", "", shape.mounts);
    Mounts(container, "volumeDevices", "devicePath", "device ", shape.mounts);
    std::sort(shape.mounts.begin(), shape.mounts.end(), [](const Said& a, const Said& b) {
      return std::tie(a.what, a.fingerprint) < std::tie(b.what, b.fingerprint);
    });
    out_.containers.push_back(std::move(shape));
  }

  void Mounts(const Json& container, const char* list, const char* place, const char* prefix,
              std::vector<Said>& out) {
    const Json* mounts = Find(container, list);
    if (mounts == nullptr || !mounts->is_array()) return;
    for (const Json& mount : *mounts) {
      if (out_.incomplete) return;
      const std::string name = StringAt(mount, "name");
      if (!service_account_.empty() && name == service_account_) continue;
      Json how = WithoutDefaults(mount, kMountDefaults);
      if (how.is_object()) {
        how.erase("name");
        how.erase(place);
      }
      const auto volume = volumes_.find(name);
      const bool known = volume != volumes_.end();
      // Of a StatefulSet's claims, or what some webhook still adds.
      how["of"] = known ? volume->second.fingerprint : "volume " + name;
      // As the kubelet takes it.
      const auto path = std::filesystem::path("/" + StringAt(mount, place)).lexically_normal();
      std::string where = path.generic_string();
      while (where.size() > 1 && (where.ends_with('/') || where.starts_with("//"))) {
        where.erase(where.ends_with('/') ? where.size() - 1 : 0, 1);
      }
      out.push_back(Keep({prefix + where, FingerprintOf(how),
                          known ? volume->second.text : "volume '" + OneLine(name, 63) + "'"}));
    }
  }

  const Json& pod_spec_;
  const std::vector<ServedReference>& running_;
  PodShape out_;
  std::map<std::string, Said> volumes_;
  std::string service_account_;
  std::size_t count_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace

PodShape PodShapeOf(const Json& pod_spec, const JsonPath& at,
                    const std::vector<ServedReference>& running) {
  return Shaper(pod_spec, running).Run(at);
}

std::optional<PodShape> PodShapeIn(const Json& object,
                                   const std::vector<ServedReference>& running) {
  const std::string version = StringAt(object, "apiVersion");
  const std::string kind = StringAt(object, "kind");
  static const std::map<std::string, std::vector<std::string_view>, std::less<>> kPlaces = {
      {"Pod", {"spec"}},
      {"ReplicationController", {"spec", "template", "spec"}},
      {"Deployment", {"spec", "template", "spec"}},
      {"ReplicaSet", {"spec", "template", "spec"}},
      {"StatefulSet", {"spec", "template", "spec"}},
      {"DaemonSet", {"spec", "template", "spec"}},
      {"Job", {"spec", "template", "spec"}},
      {"CronJob", {"spec", "jobTemplate", "spec", "template", "spec"}}};
  const auto slash = version.find('/');
  const std::string group = slash == std::string::npos ? "" : version.substr(0, slash);
  const auto place = kPlaces.find(kind);
  if ((!group.empty() && group != "apps" && group != "batch") || place == kPlaces.end()) {
    return std::nullopt;
  }
  std::vector<JsonPath> path;
  path.reserve(place->second.size() + 1);  // each points to the one before
  path.push_back({nullptr, ""});
  const Json nothing;
  const Json* spec = &object;
  for (const std::string_view step : place->second) {
    spec = spec == nullptr ? nullptr : Find(*spec, step);
    path.push_back({&path.back(), step});
  }
  return PodShapeOf(spec == nullptr ? nothing : *spec, path.back(), running);
}

}  // namespace countersign
