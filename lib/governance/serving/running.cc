#include "governance/serving/running.h"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>

#include "base/digest.h"
#include "governance/decision.h"
#include "governance/serving/stored_form.h"

namespace countersign {
namespace {

// Names, ports and resources do not decide what a container does.
// (VLLMRuntime calls its arguments extraArgs.)
constexpr const char* kRunning[] = {"command", "args",       "extraArgs", "env",
                                    "envFrom", "workingDir", "lifecycle"};
// What no injector has a reason to change.
constexpr std::string_view kProgram[] = {
    "image", "command", "args", "lifecycle", "livenessProbe", "readinessProbe", "startupProbe"};
constexpr const char* kProbes[] = {"livenessProbe", "readinessProbe", "startupProbe"};

// https://github.com/kubernetes/kubernetes/blob/master/pkg/apis/core/v1/defaults.go, and what Go
// leaves out where it is empty.
constexpr Default kContainerDefaults[] = {
    {"workingDir", R"("")"},
    {"env/*/value", R"("")"},
    {"env/*/valueFrom/fieldRef/apiVersion", R"("v1")"},
    {"env/*/valueFrom/resourceFieldRef/divisor", R"("0")"},
    {"env/*/valueFrom/resourceFieldRef/divisor", "0"},
    {"env/*/valueFrom/resourceFieldRef/containerName", R"("")"},
    {"env/*/valueFrom/fileKeyRef/optional", "false"},
    {"envFrom/*/prefix", R"("")"},
    {"lifecycle/*/httpGet/scheme", R"("HTTP")"},
    {"lifecycle/*/httpGet/path", R"("/")"},
    {"lifecycle/*/httpGet/path", R"("")"},
    {"lifecycle/*/httpGet/host", R"("")"},
    {"lifecycle/*/tcpSocket/host", R"("")"},
    {"lifecycle", "{}"},
};
constexpr Default kVolumeDefaults[] = {
    {"*/defaultMode", "420"},  // 0644
    {"*/readOnly", "false"},
    {"hostPath/type", R"("")"},
    {"downwardAPI/items/*/fieldRef/apiVersion", R"("v1")"},
    {"downwardAPI/items/*/resourceFieldRef/divisor", R"("0")"},
    {"downwardAPI/items/*/resourceFieldRef/divisor", "0"},
    {"projected/sources/*/downwardAPI/items/*/fieldRef/apiVersion", R"("v1")"},
    {"projected/sources/*/downwardAPI/items/*/resourceFieldRef/divisor", R"("0")"},
    {"projected/sources/*/downwardAPI/items/*/resourceFieldRef/divisor", "0"},
    {"projected/sources/*/serviceAccountToken/expirationSeconds", "3600"},
    {"projected/sources/*/serviceAccountToken/audience", R"("")"},
    {"ephemeral/volumeClaimTemplate/metadata", "{}"},
    {"ephemeral/volumeClaimTemplate/spec/volumeMode", R"("Filesystem")"},
    {"iscsi/iscsiInterface", R"("default")"},
    {"rbd/pool", R"("rbd")"},
    {"rbd/user", R"("admin")"},
    {"rbd/keyring", R"("/etc/ceph/keyring")"},
    {"azureDisk/cachingMode", R"("ReadWrite")"},
    {"azureDisk/kind", R"("Shared")"},
    {"azureDisk/fsType", R"("ext4")"},
    {"scaleIO/storageMode", R"("ThinProvisioned")"},
    {"scaleIO/fsType", R"("xfs")"},
};

// The most of one object: a Pod has seldom more than ten, and the API server takes objects of 3
// MiB.
constexpr std::size_t kMostParts = 256;
constexpr std::size_t kMostBytes = std::size_t{8} << 20;
constexpr std::size_t kLongestPath = 1024;
constexpr std::size_t kLongestText = 4096;

std::string FingerprintOf(const Json& value, Running& out) {
  const auto canonical = CanonicalJson(value);
  if (!canonical) return {};
  out.bytes += canonical->size();
  return "sha256:" + Sha256Hex(*canonical);
}

// Before the next one.
bool IsFull(Running& out) {
  out.is_full = out.is_full || out.parts.size() >= kMostParts || out.bytes > kMostBytes;
  return out.is_full;
}

void Keep(ServedReference reference, const Json& node, const JsonPath& at, Running& out) {
  reference.path = at.ToString();
  std::size_t kept = reference.path.size() + reference.text.size() + reference.name.size();
  for (const std::string& name : reference.mounted_by) kept += name.size();
  out.bytes += kept;
  // One alone that would be remembered at such length is nothing that runs.
  if (kept > kLongestPath + kLongestText || reference.path.size() > kLongestPath) {
    out.is_full = true;
    return;
  }
  out.parts.push_back({std::move(reference), &node});
}

template <typename Visit>
void ForEach(const Json& json, std::string_view key, const Visit& visit) {
  const Json* list = Find(json, key);
  if (list == nullptr || !list->is_array()) return;
  std::int64_t index = 0;
  for (const Json& item : *list) visit(item, index++);
}

// Mounted where clients of the API server look for it, and whole.
bool MountedAsServiceAccount(const std::string& volume, const Json& pod_spec) {
  constexpr std::string_view kPlace = "/var/run/secrets/kubernetes.io/serviceaccount";
  bool as_it_should_be = true;
  for (const char* list : kContainerLists) {
    ForEach(pod_spec, list, [&](const Json& container, std::int64_t) {
      ForEach(container, "volumeMounts", [&](const Json& mount, std::int64_t) {
        if (StringAt(mount, "name") != volume) return;
        as_it_should_be &= StringAt(mount, "mountPath") == kPlace &&
                           StringAt(mount, "subPath").empty() &&
                           StringAt(mount, "subPathExpr").empty();
      });
    });
  }
  return as_it_should_be;
}

std::vector<std::string> MountedBy(const std::string& volume, const Json& pod_spec) {
  std::vector<std::string> names;
  for (const char* list : kContainerLists) {
    ForEach(pod_spec, list, [&](const Json& container, std::int64_t) {
      bool mounts = false;
      for (const char* kind : {"volumeMounts", "volumeDevices"}) {
        ForEach(container, kind, [&](const Json& mount, std::int64_t) {
          mounts |= StringAt(mount, "name") == volume;
        });
      }
      if (mounts) names.push_back(StringAt(container, "name"));
    });
  }
  return names;
}

// As clouds mount them into every Pod by webhooks of theirs.
bool ShowsIdentityOnly(const Json& source) {
  const Json* sources = FindPath(source, "projected/sources");
  return source.size() == 1 && sources != nullptr && sources->is_array() && !sources->empty() &&
         std::all_of(sources->begin(), sources->end(), [](const Json& one) {
           return one.is_object() && one.size() == 1 && one.contains("serviceAccountToken");
         });
}

// What the API server adds to each Pod that speaks to it, without defaults.
constexpr std::string_view kServiceAccountSource = R"({"projected":{"sources":[
  {"serviceAccountToken":{"path":"token"}},
  {"configMap":{"name":"kube-root-ca.crt","items":[{"key":"ca.crt","path":"ca.crt"}]}},
  {"downwardAPI":{"items":[{"path":"namespace",
                            "fieldRef":{"fieldPath":"metadata.namespace"}}]}}]}})";

// Exactly that: the rest of what can be projected is its author's to write.
bool IsServiceAccount(Json source, const std::string& name, const Json& pod_spec) {
  static const Json kExpected = ParseJson(kServiceAccountSource).value_or(Json());
  if (!name.starts_with("kube-api-access-")) return false;
  // The token lives for as long as whoever mounted it likes.
  Erase(source, "projected/sources/*/serviceAccountToken/expirationSeconds", std::nullopt);
  return source == kExpected && MountedAsServiceAccount(name, pod_spec);
}

// Starts empty. One of no kind is an emptyDir as well.
bool IsEmptyVolume(const Json& source) {
  return source.empty() || (source.size() == 1 && source.contains("emptyDir"));
}

void AddVolume(const Json& volume, const Json& pod_spec, const JsonPath& at, Running& out) {
  if (IsFull(out)) return;
  VolumeSource source = SourceOf(volume, pod_spec);
  if (source.is_empty || source.is_service_account) return;
  ServedReference reference;
  reference.kind = ServedReference::Kind::kVolume;
  reference.text = std::move(source.text);
  reference.fingerprint = FingerprintOf(source.json, out);
  reference.name = StringAt(volume, "name");
  reference.mounted_by = MountedBy(reference.name, pod_spec);
  const bool is_object = source.json.is_object();
  reference.claimed = is_object && source.json.contains("persistentVolumeClaim");
  reference.identity_only = is_object && ShowsIdentityOnly(source.json);
  Keep(std::move(reference), volume, at, out);
}

// Something is said; a map of labels holds texts alone, whatever their keys.
bool Says(const Json& container, const char* key) {
  const Json* found = Find(container, key);
  return found != nullptr && found->is_structured() && !found->empty();
}

std::size_t CountOf(const Json& pod_spec, const char* list) {
  const Json* found = Find(pod_spec, list);
  return found == nullptr || !found->is_array() ? 0 : found->size();
}

}  // namespace

bool SaysWhatRuns(const Json& container) {
  if (!StringAt(container, "image").empty() || !StringAt(container, "workingDir").empty()) {
    return true;
  }
  const auto says = [&](const char* key) { return Says(container, key); };
  if (says("image")) return true;
  const auto executes = [&](const char* probe) {
    const Json* found = Find(container, probe);
    return found != nullptr && Says(*found, "exec");
  };
  return std::any_of(std::begin(kRunning), std::end(kRunning), says) ||
         std::any_of(std::begin(kProbes), std::end(kProbes), executes);
}

namespace {

// Of hooks what they run in the container.
Json ExecutedBy(const Json& hooks) {
  Json executed = Json::object();
  if (!hooks.is_object()) return executed;
  for (auto it = hooks.begin(); it != hooks.end(); ++it) {
    const Json* exec = Find(it.value(), "exec");
    if (exec != nullptr && !exec->is_null()) executed[it.key()] = *exec;
  }
  return executed;
}

}  // namespace

void AddContainer(const Json& container, const Json& node, const JsonPath& at, Running& out) {
  if (IsFull(out)) return;
  ServedReference reference = NormaliseImage(StringAt(container, "image"));
  Json running = Json::object();
  for (const char* key : kRunning) {
    if (const Json* found = Find(container, key)) running[key] = *found;
  }
  running = WithoutDefaults(std::move(running), kContainerDefaults);
  running["image"] = reference.pinned ? reference.digest : reference.text;
  // No container of a Pod has its image in parts, so that nobody can have approved of it.
  if (Says(container, "image")) running["image"] = container["image"];
  for (const char* probe : kProbes) {
    const Json* found = Find(container, probe);
    const Json* exec = found == nullptr ? nullptr : Find(*found, "exec");
    if (exec != nullptr && !exec->is_null()) running[probe] = WithoutDefaults(*exec, {});
  }
  reference.kind = ServedReference::Kind::kContainer;
  reference.fingerprint = FingerprintOf(running, out);
  std::erase_if(running.get_ref<Json::object_t&>(), [](const auto& member) {
    return std::find(std::begin(kProgram), std::end(kProgram), member.first) == std::end(kProgram);
  });
  if (const auto hooks = running.find("lifecycle"); hooks != running.end()) {
    *hooks = ExecutedBy(*hooks);
    if (hooks->empty()) running.erase(hooks);
  }
  reference.program = FingerprintOf(running, out);
  reference.name = StringAt(container, "name");
  if (Says(container, "image")) {
    reference.text = OneLine(DumpJson(container["image"]), 128);
  } else if (reference.text.empty()) {
    reference.text = "(that of its runtime)";
  }
  Keep(std::move(reference), node, at, out);
}

VolumeSource SourceOf(const Json& volume, const Json& pod_spec) {
  const std::string name = StringAt(volume, "name");
  VolumeSource source;
  source.text = "volume '" + OneLine(name, 63) + "'";
  source.json = WithoutDefaults(volume, kVolumeDefaults);
  if (!source.json.is_object()) return source;
  source.json.erase("name");
  source.json.erase("image");
  source.is_empty = IsEmptyVolume(source.json);
  source.is_service_account = IsServiceAccount(source.json, name, pod_spec);
  if (!source.json.empty()) source.text += " of " + OneLine(source.json.begin().key(), 63);
  return source;
}

void AddOtherVolume(std::string_view field, const Json& source, const JsonPath& at, Running& out) {
  std::string name = source.is_string() ? source.get<std::string>() : "";
  if (IsFull(out) || (source.is_string() && name.empty())) return;
  for (const char* path : {"metadata/name", "name", "path"}) {
    if (name.empty()) name = StringAt(source, path);
  }
  ServedReference reference;
  reference.kind = ServedReference::Kind::kVolume;
  reference.text = "volume '" + OneLine(name, 63) + "' of " + OneLine(std::string(field), 63);
  reference.name = name;
  reference.claimed = field == "volumeClaimTemplates";
  reference.fingerprint =
      FingerprintOf({{"beside a pod spec", {{std::string(field), source}}}}, out);
  Keep(std::move(reference), source, at, out);
}

void AddRunning(const Json& pod_spec, const JsonPath& at, Running& out) {
  std::size_t count = CountOf(pod_spec, "volumes");
  for (const char* list : kContainerLists) count += CountOf(pod_spec, list);
  if (count > kMostParts) out.is_full = true;
  for (const char* list : kContainerLists) {
    const JsonPath of_list{&at, list};
    ForEach(pod_spec, list, [&](const Json& container, std::int64_t index) {
      if (SaysWhatRuns(container)) {
        AddContainer(container, container, {&of_list, {}, index}, out);
      }
    });
  }
  const JsonPath of_volumes{&at, "volumes"};
  ForEach(pod_spec, "volumes", [&](const Json& volume, std::int64_t index) {
    AddVolume(volume, pod_spec, {&of_volumes, {}, index}, out);
  });
}

std::vector<ServedReference> RunsIn(const Json& pod_spec) {
  Running running;
  const JsonPath root{nullptr, ""};
  AddRunning(pod_spec, root, running);
  std::vector<ServedReference> out;
  out.reserve(running.parts.size());
  for (RunningPart& part : running.parts) out.push_back(std::move(part.reference));
  return out;
}

}  // namespace countersign
