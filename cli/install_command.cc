#include <iostream>
#include <memory>

#include "base/yaml.h"
#include "cli/chart.h"
#include "cli/command.h"
#include "cli/files.h"
#include "cli/installation.h"

namespace countersign {
namespace {

int PrintValues(const std::string& profiles, bool json) {
  auto text = ReadTextFile(profiles);
  if (!text) return Report(text.error());
  auto values = ChartValues(*text);
  if (!values) return Report(values.error());
  std::cout << (json ? DumpJson(*values) + "\n" : DumpYaml(*values));
  return kOk;
}

int Install(InstallOptions options, const std::string& ca_file, const std::string& profiles,
            bool json) {
  if (!ca_file.empty()) {
    auto ca = ReadTextFile(ca_file);
    if (!ca) return Report(ca.error());
    // Empty would mean the built-in authority.
    options.ca_pem = ca->empty() ? "\n" : std::move(*ca);
  }
  if (!profiles.empty()) {
    auto table = ReadTextFile(profiles);
    if (!table) return Report(table.error());
    options.serving_profiles = std::move(*table);
  }
  auto objects = InstallationObjects(options);
  if (!objects) return Report(objects.error());
  if (json) {
    std::cout << DumpJson({{"apiVersion", "v1"}, {"kind", "List"}, {"items", *objects}}) << "\n";
    return kOk;
  }
  for (const Json& object : *objects) std::cout << "---\n" << DumpYaml(object);
  return kOk;
}

}  // namespace

void AddInstall(CLI::App& app, Global& global, Run& run) {
  CLI::App* command = app.add_subcommand(
      "install",
      "Print what the cluster needs (webhook entries, admission policies, roles), for "
      "`kubectl apply --server-side -f -`");
  AddOutput(*command, global, {"table", "json"});
  auto options = std::make_shared<InstallOptions>();
  auto ca_file = std::make_shared<std::string>();
  auto profiles = std::make_shared<std::string>();
  command->add_option("--url", options->url, "webhook as a URL, https://host:port");
  command->add_option("--service", options->service, "webhook as a Service, NAMESPACE/NAME");
  command->add_option("--ca-file", *ca_file,
                      "CA that signed the webhook's certificate, PEM; default: the built-in one "
                      "(--ca-secret of both programs), which the operator publishes");
  command->add_option("--operator-user", options->operator_user,
                      "account of the operator; default: its service account");
  CLI::Option* table =
      command->add_option("--serving-profiles", *profiles,
                          "table of what serves a model, YAML; the webhook is given the same");
  auto values = std::make_shared<bool>(false);
  command
      ->add_flag("--chart-values", *values,
                 "print the chart's values for that table instead, for helm's --values")
      ->needs(table);
  command->add_flag("--crds", options->crds, "the CustomResourceDefinitions too");
  command->callback([options, ca_file, profiles, values, &global, &run] {
    run = [options, ca_file, profiles, values, &global] {
      if (*values) return PrintValues(*profiles, global.IsJson());
      InstallOptions o = *options;
      if (!global.name_space.empty()) o.name_space = global.name_space;
      return Install(std::move(o), *ca_file, *profiles, global.IsJson());
    };
  });
}

}  // namespace countersign
