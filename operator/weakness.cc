#include "operator/weakness.h"

#include <utility>

#include "base/log.h"
#include "base/shell.h"

namespace countersign {

std::string WeaknessText(const Weakness& weakness) {
  const std::string text = DriftText(weakness.configuration, weakness.report);
  std::string with_command = text + ". Put it right: " + weakness.report.repair;
  if (with_command.size() <= kMaxEventNote) return with_command;
  return "The operator's log has the command that puts it right (admission is not as it was "
         "installed). " +
         text;
}

// A table of one's own is where the chart keeps it; where there is no such ConfigMap the command
// ends before anything is applied.
std::string ReinstallCommand(const InstallOptions& installed) {
  const bool own_table = !installed.serving_profiles.empty();
  std::string command;
  if (own_table) {
    command =
        "kubectl get configmap -n " + ShellQuoted(installed.name_space) +
        " countersign-serving-profiles -o jsonpath='{.data.profiles\\.yaml}' > profiles.yaml && ";
  }
  command += "countersign install -n " + ShellQuoted(installed.name_space);
  command += installed.url.empty() ? " --service " + ShellQuoted(installed.service)
                                   : " --url " + ShellQuoted(installed.url);
  if (!installed.operator_user.empty()) {
    command += " --operator-user " + ShellQuoted(installed.operator_user);
  }
  if (own_table) command += " --serving-profiles profiles.yaml";
  // The authority is somebody else's, who has it.
  if (!installed.ca_pem.empty()) command += " --ca-file CA.pem";
  return command + " | kubectl apply --server-side --force-conflicts -f -";
}

bool WeaknessTeller::Tell(const Resource& resource, const std::string& name, const std::string& uid,
                          const Weakness& found) {
  const std::string text =
      found.report.drifts.empty() ? "" : DriftText(found.configuration, found.report);
  std::string& told = told_[found.configuration];
  if (told == text) return false;
  told = text;
  Event event;
  event.action = "CheckAdmission";
  event.regarding.api_version = resource.ApiVersion();
  event.regarding.kind = resource.kind;
  event.regarding.name = name;
  event.regarding.uid = uid;
  if (text.empty()) {
    Log(LogLevel::kInfo, "admission is as it was installed again",
        {{"configuration", found.configuration}});
    event.reason = "AdmissionRestored";
    event.note = found.configuration + " is as it was installed again";
  } else {
    Json differences = Json::array();
    for (const Drift& drift : found.report.drifts) {
      differences.push_back(
          {{"path", drift.path}, {"found", drift.found}, {"expected", drift.expected}});
    }
    Log(LogLevel::kError, "admission is not as it was installed",
        {{"configuration", found.configuration},
         {"differences", std::move(differences)},
         {"command", found.report.repair}});
    event.type = EventType::kWarning;
    event.reason = "AdmissionWeakened";
    event.note = WeaknessText(found);
  }
  events_.Record(std::move(event));
  return true;
}

}  // namespace countersign
