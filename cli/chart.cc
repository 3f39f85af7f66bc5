#include "cli/chart.h"

#include "base/digest.h"
#include "base/yaml.h"
#include "cli/guard_installation.h"
#include "cli/installation.h"
#include "governance/crd.h"

namespace countersign {
namespace {

constexpr char kFolder[] = "charts/countersign/files/";

}  // namespace

std::vector<std::pair<std::string, std::string>> ChartFiles() {
  std::vector<std::pair<std::string, std::string>> files;
  Json crds = Json::array();
  for (const KindInfo& kind : AllKinds()) {
    crds.push_back(std::string(kind.plural) + ".yaml");
    files.emplace_back(std::string(kFolder) + "crds/" + crds.back().get<std::string>(),
                       DumpYaml(CrdOf(kind)));
  }
  // deploy/kustomize takes them from here. Not called *.yaml: those are the chart's.
  files.emplace_back(std::string(kFolder) + "crds/Kustomization",
                     DumpYaml({{"apiVersion", "kustomize.config.k8s.io/v1beta1"},
                               {"kind", "Kustomization"},
                               {"resources", std::move(crds)}}));
  InstallOptions options;
  options.name_space = "{{ .Release.Namespace }}";
  options.service = options.name_space + "/countersign-webhook";
  std::string text;
  const auto objects = InstallationObjects(options);
  if (!objects) return files;  // no option of these is refused
  for (const Json& object : *objects) {
    if (StringAt(object, "kind") == "Namespace") continue;  // a release is in one that is there
    text += "---\n" + DumpYaml(object);
  }
  files.emplace_back(std::string(kFolder) + "installation.yaml", std::move(text));
  return files;
}

Result<Json> ChartValues(const std::string& serving_profiles) {
  auto table = ParseServingProfiles(serving_profiles);
  if (!table) return Fail(table.error());
  // Those that are not made from the table are the chart's.
  Json conditions = Json::object();
  for (const auto& [name, expression] : GuardConditions(*table, {}, GuardEntryFor::kPeople)) {
    if (!name.starts_with("is-")) conditions[name] = expression;
  }
  return Json{{"guard",
               {{"profiles", serving_profiles},
                {"made",
                 {{"of", Sha256Hex(serving_profiles)},
                  {"rules", GuardRules(*table)},
                  {"conditions", std::move(conditions)},
                  {"lockRules", LockRules(*table)},
                  {"signs", SignsSet(*table)}}}}}};
}

}  // namespace countersign
