#include "cli/scan.h"

#include <algorithm>

#include "cli/render.h"
#include "governance/in_force.h"
#include "governance/serving/covers.h"

namespace countersign {
namespace {

constexpr char kExempt[] = "exempt";
constexpr char kSystem[] = "kube-system";

std::string FullName(const ScannedObject& object) { return object.name_space + "/" + object.name; }

std::string Plural(std::size_t count, const std::string& one, const std::string& many) {
  return std::to_string(count) + " " + (count == 1 ? one : many);
}

ScanSources SourcesOf(const World& world, const PolicySet& in_force, const ScanScope& scope) {
  ScanSources sources;
  sources.setting = [&](const std::string& ns) {
    return GuardSettingOf(in_force, ns, scope.elsewhere);
  };
  sources.covers = [&](const ScannedObject& object, const std::vector<ServingOwner>& owners) {
    std::vector<Cover> covers;
    for (const World::Deployment& deployment : world.deployments()) {
      if (deployment.object->meta.name_space != object.name_space) continue;
      auto cover =
          CoverFor(world.policies(), *deployment.object, object.recognition, owners,
                   object.made_from, {[&] { return world.FactsOf(deployment, scope.now); }});
      if (cover) covers.push_back(std::move(*cover));
    }
    return covers;
  };
  sources.waivers = [&](const ScannedObject& object) {
    const WaiverLookups lookups{
        [&](const UseCaseRef& ref) { return world.FindUseCase(ref.name_space, ref.name); },
        [&](std::shared_ptr<const ModelDeployment> asked) {
          World::Deployment deployment;
          deployment.object = std::move(asked);
          return world.FactsOf(deployment, scope.now);
        }};
    std::vector<GuardWaiver> waivers;
    for (const AttestedWaiver& one : world.waivers()) {
      auto waiver = WaiverFor(in_force, object.name_space, object.recognition, one, lookups);
      if (waiver) waivers.push_back(std::move(*waiver));
    }
    return waivers;
  };
  return sources;
}

std::string Belonging(const ScanLine& line) {
  std::string text;
  if (line.finding.of != nullptr) {
    text += " of " + line.finding.of->kind + " " + line.finding.of->name;
  }
  if (line.finding.below > 0) {
    text += ", and " + Plural(line.finding.below, "object that belongs", "objects that belong") +
            " to it";
  }
  return text;
}

std::string Details(const ScanLine& line) {
  const ScannedObject& object = *line.finding.object;
  std::string text = object.kind + " " + FullName(object) + Belonging(line) +
                     "\n  taken for serving by " + WhyServing(object.recognition) + "\n";
  for (const std::string& image : line.finding.resolved) text += "  pulled: " + image + "\n";
  for (const GuardFault& fault : line.finding.decision.faults) {
    text += "  [" + fault.reason + "] " + (fault.path.empty() ? "" : fault.path + ": ") +
            fault.message + "\n";
  }
  return text;
}

Json ReferencesJson(const Recognition& recognition, bool models) {
  Json list = Json::array();
  for (const ServedReference& reference : recognition.references) {
    const bool model = reference.kind == ServedReference::Kind::kModel ||
                       reference.kind == ServedReference::Kind::kRoute;
    if (model != models) continue;
    Json one = {
        {"reference", reference.text}, {"pinned", reference.pinned}, {"path", reference.path}};
    if (!reference.digest.empty()) one["digest"] = reference.digest;
    list.push_back(std::move(one));
  }
  return list;
}

Json SignsJson(const Recognition& recognition) {
  Json list = Json::array();
  for (const ServingSign& sign : recognition.signs) {
    list.push_back({{"sign", sign.what},
                    {"path", sign.path},
                    {"found", sign.found},
                    {"certainty", std::string(NameOf(sign.certainty))}});
  }
  return list;
}

Json ObjectJson(const ScannedObject& object) {
  return {{"apiVersion", object.api_version},
          {"kind", object.kind},
          {"namespace", object.name_space},
          {"name", object.name},
          {"recognisedBy", WhyServing(object.recognition)},
          {"signs", SignsJson(object.recognition)}};
}

Json LineJson(const ScanLine& line) {
  const ScanFinding& finding = line.finding;
  Json json = ObjectJson(*finding.object);
  json["models"] = ReferencesJson(finding.object->recognition, true);
  json["runs"] = ReferencesJson(finding.object->recognition, false);
  json["pulled"] = finding.resolved;
  json["environment"] = line.setting.environment;
  json["guard"] = line.guard;
  json["belongToIt"] = finding.below;
  if (finding.of != nullptr) {
    json["owner"] = {{"kind", finding.of->kind}, {"name", finding.of->name}};
  }
  Json faults = Json::array();
  for (const GuardFault& fault : finding.decision.faults) {
    faults.push_back({{"reason", fault.reason}, {"path", fault.path}, {"message", fault.message}});
  }
  json["notCovered"] = std::move(faults);
  json["message"] = finding.decision.message;
  return json;
}

}  // namespace

ScanReport MakeScan(const World& world, const Estate& estate, const ScanScope& scope) {
  const PolicySet in_force = PoliciesInForce(world.policies(), scope.now);
  ScanReport report;
  for (ScanFinding& finding : FindShadows(estate.objects, SourcesOf(world, in_force, scope))) {
    const std::string& ns = finding.object->name_space;
    GuardSetting setting = GuardSettingOf(in_force, ns, scope.elsewhere);
    std::string guard = ns == kSystem || ns == scope.own_namespace
                            ? std::string(kExempt)
                            : std::string(NameOf(setting.mode));
    report.found.push_back({std::move(finding), std::move(setting), std::move(guard)});
  }
  report.suspected = FindSuspected(estate.objects);
  report.looked_at = estate.objects.size();
  report.not_looked_at = estate.not_looked_at;
  return report;
}

std::string ModelsText(const Recognition& recognition) {
  std::string first;
  std::size_t count = 0;
  for (const ServedReference& reference : recognition.references) {
    if (reference.kind != ServedReference::Kind::kModel) continue;
    if (count++ == 0) first = reference.text + (reference.pinned ? "" : " (not pinned)");
  }
  if (count == 0) return "none named";
  return count == 1 ? first : first + " and " + std::to_string(count - 1) + " more";
}

std::string ScanText(const ScanReport& report) {
  std::string text;
  if (!report.found.empty()) {
    std::vector<std::vector<std::string>> rows = {
        {"KIND", "WORKLOAD", "MODEL", "ENVIRONMENT", "GUARD"}};
    for (const ScanLine& line : report.found) {
      const ScannedObject& object = *line.finding.object;
      const std::string& environment = line.setting.environment;
      rows.push_back({Printable(object.kind), Printable(FullName(object)),
                      Printable(ModelsText(object.recognition)),
                      environment.empty() ? "none" : Printable(environment), line.guard});
    }
    text += Table(rows) + "\n";
    for (const ScanLine& line : report.found) {
      std::string details = Details(line);
      std::size_t from = 0;
      for (std::size_t end = details.find('\n'); end != std::string::npos;
           from = end + 1, end = details.find('\n', from)) {
        text += Printable(std::string_view(details).substr(from, end - from)) + "\n";
      }
      text += "\n";
    }
  }
  text += Plural(report.looked_at, "object", "objects") + " looked at: " +
          (report.found.empty() ? "nothing serves a model outside of Countersign"
                                : Plural(report.found.size(), "serves", "serve") +
                                      " a model outside of Countersign") +
          ".\n";
  if (!report.suspected.empty()) {
    text += "May serve a model, by one hint alone:\n";
    for (const ScannedObject* object : report.suspected) {
      text += Printable("- " + object->kind + " " + FullName(*object) + ": " +
                        WhyServing(object->recognition)) +
              "\n";
    }
  }
  const auto list = [&](const std::string& head, const std::vector<std::string>& lines) {
    if (!lines.empty()) text += head + "\n";
    for (const std::string& line : lines) text += Printable("- " + line) + "\n";
  };
  list("Not looked at:", report.not_looked_at);
  list("Taken for granted:", report.assumptions);
  return text;
}

Json ScanJson(const ScanReport& report) {
  Json json = VersionedJson("ScanResult");
  Json found = Json::array();
  for (const ScanLine& line : report.found) found.push_back(LineJson(line));
  json["found"] = std::move(found);
  Json suspected = Json::array();
  for (const ScannedObject* object : report.suspected) suspected.push_back(ObjectJson(*object));
  json["suspected"] = std::move(suspected);
  json["lookedAt"] = report.looked_at;
  json["notLookedAt"] = report.not_looked_at;
  json["assumptions"] = report.assumptions;
  return json;
}

}  // namespace countersign
