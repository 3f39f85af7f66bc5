#include <algorithm>

#include "cli/doctor_parts.h"
#include "cli/guard_installation.h"
#include "cli/installation.h"

namespace countersign {
namespace {

constexpr char kWebhook[] = "countersign-webhook";
constexpr char kProfilesFlag[] = "--serving-profiles";

std::string DataKeyOf(const std::string& path) { return path.substr(path.rfind('/') + 1); }

std::string TableOf(const Patient& patient) {
  const Json* webhook = DeploymentOf(patient, kWebhook);
  const auto found =
      patient.found.find(NameOf("ConfigMap", patient.name_space, ProfilesOf(patient)));
  if (webhook == nullptr || found == patient.found.end()) return {};
  const Json* data = Find(found->second, "data");
  const Json* text =
      data == nullptr ? nullptr : Find(*data, DataKeyOf(ArgumentOf(*webhook, kProfilesFlag)));
  return text != nullptr && text->is_string() ? text->get<std::string>() : std::string();
}

// What is made from the table: the guard's entries, the lock of environments, the signs of serving.
void EraseGuard(std::vector<Json>& objects) {
  std::erase_if(objects, [](const Json& object) {
    return IsMadeFromTable(StringAt(object, "metadata/name"));
  });
  for (Json& object : objects) {
    const auto webhooks = object.find("webhooks");
    if (webhooks == object.end()) continue;
    Json kept = Json::array();
    for (Json& entry : *webhooks) {
      const std::string name = StringAt(entry, "name");
      if (name != kGuardEntry && name != kControllersEntry) kept.push_back(std::move(entry));
    }
    *webhooks = std::move(kept);
  }
}

}  // namespace

const Json* DeploymentOf(const Patient& patient, const std::string& program) {
  const auto found = patient.found.find(NameOf("Deployment", patient.name_space, program));
  return found == patient.found.end() ? nullptr : &found->second;
}

std::string ProfilesOf(const Patient& patient) {
  const Json* webhook = DeploymentOf(patient, kWebhook);
  if (webhook == nullptr || ArgumentOf(*webhook, kProfilesFlag).empty()) return {};
  const Json* volumes = FindPath(*webhook, "spec/template/spec/volumes");
  if (volumes != nullptr && volumes->is_array()) {
    for (const Json& one : *volumes) {
      if (StringAt(one, "name") == "serving") return StringAt(one, "configMap/name");
    }
  }
  return "countersign-serving-profiles";
}

Result<ServingProfiles> ServingTableOf(const Patient& patient) {
  if (ProfilesOf(patient).empty()) return BuiltInServingProfiles();
  const std::string text = TableOf(patient);
  if (text.empty()) return Fail(Code::kNotFound, "the table of what serves a model was not read");
  return ParseServingProfiles(text);
}

std::vector<Json> WantedOf(const Patient& patient) {
  InstallOptions options;
  options.crds = true;
  options.name_space = patient.name_space;
  options.service = patient.name_space + "/" + kWebhook;
  if (const Json* webhook = DeploymentOf(patient, kWebhook)) {
    options.operator_user = ArgumentOf(*webhook, "--operator-user");
    // The built-in authority comes with rights. What is trusted is looked at by itself.
    if (ArgumentOf(*webhook, "--ca-secret").empty()) {
      options.ca_pem = "-----BEGIN CERTIFICATE-----";
    }
  }
  const bool own_table = !ProfilesOf(patient).empty();
  if (own_table) options.serving_profiles = TableOf(patient);
  const bool known = !own_table || !options.serving_profiles.empty();
  auto objects = InstallationObjects(options);
  if (!objects && own_table) {  // nobody can read it; the webhook does not start with it either
    options.serving_profiles.clear();
    objects = InstallationObjects(options);
    if (objects) EraseGuard(*objects);
  }
  if (!objects) return {};
  if (!known) EraseGuard(*objects);
  return std::move(*objects);
}

std::string ReleaseOf(const Patient& patient) {
  const Json* webhook = DeploymentOf(patient, kWebhook);
  const Json* annotations =
      webhook == nullptr ? nullptr : FindPath(*webhook, "metadata/annotations");
  const Json* release =
      annotations == nullptr ? nullptr : Find(*annotations, "meta.helm.sh/release-name");
  return release != nullptr && release->is_string() ? release->get<std::string>() : std::string();
}

std::string Reinstall(const Patient& patient, const std::string& setting) {
  const std::string& ns = patient.name_space;
  if (const std::string release = ReleaseOf(patient); !release.empty()) {
    return "helm upgrade " + release + " charts/countersign -n " + ns +
           " --reset-then-reuse-values" + (setting.empty() ? "" : " --set " + setting);
  }
  std::string command;
  const Json* webhook = DeploymentOf(patient, kWebhook);
  const std::string profiles = ProfilesOf(patient);
  if (!profiles.empty()) {
    std::string key = DataKeyOf(ArgumentOf(*webhook, kProfilesFlag));
    for (std::size_t at = 0; (at = key.find('.', at)) != std::string::npos; at += 2) {
      key.insert(at, "\\");
    }
    command = "kubectl get configmap -n " + ns + " " + profiles + " -o jsonpath='{.data." + key +
              "}' > profiles.yaml && ";
  }
  command += "countersign install --crds -n " + ns;
  const Address address = AddressOf(patient);
  command += address.url.empty() ? " --service " + address.service : " --url " + address.url;
  if (webhook != nullptr) {
    const std::string user = ArgumentOf(*webhook, "--operator-user");
    if (!user.empty() && user != "system:serviceaccount:" + ns + ":countersign-operator") {
      command += " --operator-user " + user;
    }
  }
  if (webhook == nullptr || ArgumentOf(*webhook, "--ca-secret").empty()) {
    command += " --ca-file ca.crt";
  }
  if (!profiles.empty()) command += " --serving-profiles profiles.yaml";
  return command + " | kubectl apply --server-side --force-conflicts -f -";
}

}  // namespace countersign
