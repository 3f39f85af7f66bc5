#include "cli/chart.h"

#include "base/yaml.h"
#include "cli/installation.h"
#include "governance/crd.h"

namespace countersign {
namespace {

constexpr char kFolder[] = "charts/countersign/files/";

}  // namespace

std::vector<std::pair<std::string, std::string>> ChartFiles() {
  std::vector<std::pair<std::string, std::string>> files;
  for (const KindInfo& kind : AllKinds()) {
    files.emplace_back(std::string(kFolder) + "crds/" + std::string(kind.plural) + ".yaml",
                       DumpYaml(CrdOf(kind)));
  }
  InstallOptions options;
  options.name_space = "{{ .Release.Namespace }}";
  options.service = options.name_space + "/countersign-webhook";
  options.ca_pem = "-----BEGIN CERTIFICATE-----";
  std::string text;
  const auto objects = InstallationObjects(options);
  if (!objects) return files;  // no option of these is refused
  for (Json object : *objects) {
    if (StringAt(object, "kind") == "Namespace") continue;  // a release is in one that is there
    if (object.contains("webhooks")) {
      for (Json& webhook : object["webhooks"]) {
        webhook["clientConfig"].erase("caBundle");  // the template's to fill in
      }
    }
    text += "---\n" + DumpYaml(object);
  }
  files.emplace_back(std::string(kFolder) + "installation.yaml", std::move(text));
  return files;
}

}  // namespace countersign
