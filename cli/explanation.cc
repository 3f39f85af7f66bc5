#include "cli/explanation.h"

#include <algorithm>

#include "cli/render.h"

namespace countersign {
namespace {

std::string At(const Json& deployment, std::string_view path) {
  return Printable(StringAt(deployment, path));
}

std::string Serving(const Json& deployment) {
  const std::int64_t revision = IntAt(deployment, "status/servingRevision", -1);
  if (revision < 0) return "nothing";
  const std::string version = At(deployment, "status/servingVersion");
  return (version.empty() ? "" : "version " + version + ", ") + "revision " +
         std::to_string(revision) + ", " +
         std::to_string(IntAt(deployment, "status/availableReplicas")) + " of " +
         std::to_string(IntAt(deployment, "status/replicas")) + " pods available";
}

// One row for each part that the model is put together from.
std::vector<std::vector<std::string>> ComponentRows(const Json& deployment) {
  std::vector<std::vector<std::string>> rows;
  const Json* components = FindPath(deployment, "spec/model/components");
  if (components == nullptr || !components->is_array()) return rows;
  for (const Json& one : *components) {
    std::string what = At(one, "artifact/digest");
    if (Find(one, "hosted") != nullptr) {
      const std::string snapshot = At(one, "hosted/snapshot");
      what = "hosted, " + At(one, "hosted/provider") + "/" + At(one, "hosted/model") +
             (snapshot.empty() ? "" : ", snapshot " + snapshot);
    }
    rows.push_back({"  component", At(one, "name") + " (" + At(one, "role") + "): " + what});
  }
  return rows;
}

std::string NotObserved(const Json& deployment) {
  const std::int64_t seen = IntAt(deployment, "status/observedGeneration", -1);
  if (seen < 0) {
    return "The operator has not looked at it yet. If that stays so, see whether it runs: "
           "kubectl get pods -n countersign-system\n";
  }
  return "The operator has not looked at generation " +
         std::to_string(IntAt(deployment, "metadata/generation")) +
         " yet: what follows is about generation " + std::to_string(seen) + ".\n";
}

std::string ConditionsText(const Json& deployment) {
  const Json* conditions = FindPath(deployment, "status/conditions");
  if (conditions == nullptr || !conditions->is_array() || conditions->empty()) return {};
  std::vector<std::vector<std::string>> rows = {{"  CONDITION", "STATUS", "REASON", "MESSAGE"}};
  for (const Json& c : *conditions) {
    rows.push_back({"  " + At(c, "type"), At(c, "status"), At(c, "reason"), At(c, "message")});
  }
  return "\n" + Table(rows);
}

std::string ConfigText(const std::vector<ListedConfig>& configs) {
  if (configs.empty()) return {};
  std::vector<std::vector<std::string>> rows = {{"  CONFIGMAP", "CONTENT", "DIGEST"}};
  for (const ListedConfig& c : configs) {
    const std::string state = !c.problem.empty()    ? c.problem
                              : c.found == c.wanted ? "as approved"
                                                    : "differs from " + c.wanted;
    rows.push_back({"  " + Printable(c.name), Printable(state), c.found.empty() ? "-" : c.found});
  }
  return "\n" + Table(rows);
}

}  // namespace

bool IsObserved(const Json& deployment) {
  return IntAt(deployment, "status/observedGeneration", -1) ==
         IntAt(deployment, "metadata/generation");
}

std::vector<std::string> NextSteps(const Explanation& explanation) {
  std::vector<std::string> steps;
  const auto add = [&](const std::string& step) {
    if (!step.empty() && std::find(steps.begin(), steps.end(), step) == steps.end()) {
      steps.push_back(step);
    }
  };
  const Json* gates = FindPath(explanation.deployment, "status/gates");
  if (gates != nullptr && gates->is_array()) {
    for (const Json& gate : *gates) {
      if (StringAt(gate, "state") != "Passed") add(StringAt(gate, "remedy"));
    }
  }
  add(StringAt(explanation.deployment, "status/answersNote"));
  return steps;
}

std::string ExplanationText(const Explanation& explanation) {
  const Json& d = explanation.deployment;
  std::vector<std::vector<std::string>> rows = {
      {"  model", At(d, "spec/model/name") + " " + At(d, "spec/model/version")},
      {"  model digest", At(d, "spec/model/digest")},
      {"  use case", At(d, "spec/useCaseRef/namespace") + "/" + At(d, "spec/useCaseRef/name")},
      {"  environment", At(d, "status/environment")},
      {"  classes", ListText(FindPath(d, "status/classes"))},
      {"  verdict", At(d, "status/verdict")},
      {"  gates passed", At(d, "status/gatesPassed")},
      {"  serving", Serving(d)},
      {"  governed digest", explanation.governed_digest},
      {"  next change", At(d, "status/nextChange")}};
  const auto components = ComponentRows(d);
  rows.insert(rows.begin() + 2, components.begin(), components.end());  // below the model's digest
  std::erase_if(rows, [](const auto& row) { return row[1].empty(); });
  std::string out = "ModelDeployment " + At(d, "metadata/namespace") + "/" +
                    At(d, "metadata/name") + "\n" + Table(rows);
  if (!IsObserved(d)) out += "\n" + NotObserved(d);
  out += ConditionsText(d) + ConfigText(explanation.configs);
  if (const Json* changes = FindPath(d, "status/changes");
      changes != nullptr && changes->is_array()) {
    for (const Json& change : *changes) {
      if (change.is_string()) out += "\n  " + Printable(change.get<std::string>()) + "\n";
    }
  }
  if (const Json* gates = FindPath(d, "status/gates"); gates != nullptr) {
    out += "\n" + GatesText(*gates);
  }
  const auto steps = NextSteps(explanation);
  if (!steps.empty()) out += "\nWhat to do next:\n";
  for (const std::string& step : steps) out += "- " + Printable(step) + "\n";
  return out;
}

Json ExplanationJson(const Explanation& explanation) {
  const Json* status = Find(explanation.deployment, "status");
  Json configs = Json::array();
  for (const ListedConfig& c : explanation.configs) {
    Json config = {{"name", c.name}, {"wanted", c.wanted}};
    if (!c.found.empty()) config["found"] = c.found;
    if (!c.problem.empty()) config["problem"] = c.problem;
    configs.push_back(std::move(config));
  }
  Json out = VersionedJson("Explanation");
  out.update({{"namespace", StringAt(explanation.deployment, "metadata/namespace")},
              {"name", StringAt(explanation.deployment, "metadata/name")},
              {"generation", IntAt(explanation.deployment, "metadata/generation")},
              {"observed", IsObserved(explanation.deployment)},
              {"governedDigest", explanation.governed_digest},
              {"configs", std::move(configs)},
              {"status", status == nullptr ? Json::object() : *status},
              {"next", NextSteps(explanation)}});
  return out;
}

}  // namespace countersign
