#include <algorithm>
#include <set>
#include <tuple>

#include "cli/doctor_parts.h"
#include "cli/object_difference.h"

namespace countersign {
namespace {

// Group, resource (with the names that it is limited to), verb.
using Right = std::tuple<std::string, std::string, std::string>;

std::set<Right> RightsOf(const Json& role) {
  std::set<Right> rights;
  const Json* rules = Find(role, "rules");
  if (rules == nullptr || !rules->is_array()) return rights;
  const auto texts = [](const Json& rule, const char* key) {
    std::vector<std::string> found;
    const Json* list = Find(rule, key);
    if (list == nullptr || !list->is_array()) return found;
    for (const Json& one : *list) {
      if (one.is_string()) found.push_back(one.get<std::string>());
    }
    return found;
  };
  for (const Json& rule : *rules) {
    std::string named;
    for (const auto& name : texts(rule, "resourceNames")) named += " '" + name + "'";
    for (const auto& group : texts(rule, "apiGroups")) {
      for (const auto& resource : texts(rule, "resources")) {
        for (const auto& verb : texts(rule, "verbs"))
          rights.insert({group, resource + named, verb});
      }
    }
  }
  return rights;
}

std::string FirstOf(const std::set<Right>& rights, const std::set<Right>& but) {
  for (const Right& one : rights) {
    if (but.contains(one)) continue;
    const auto& [group, resource, verb] = one;
    std::string text = "'" + verb;
    text.append("' on ").append(resource);
    if (!group.empty()) text.append(" of ").append(group);
    return text;
  }
  return {};
}

std::string Told(const Difference& difference) {
  return difference.path + " should be " + difference.wanted + ", is " + difference.found;
}

void ExamineRole(const Patient& patient, const Json& wanted, const Json& found,
                 Findings& findings) {
  const auto should = RightsOf(wanted);
  const auto has = RightsOf(found);
  if (const std::string lacks = FirstOf(should, has); !lacks.empty()) {
    findings.Fault(NameOf(wanted), "does not grant " + lacks, Reinstall(patient));
  } else if (const std::string more = FirstOf(has, should); !more.empty()) {
    findings.Warn(NameOf(wanted), "grants " + more + ", which is not needed", Reinstall(patient));
  }
}

std::optional<std::size_t> EntryNamed(const Json& configuration, const std::string& name) {
  const Json* webhooks = Find(configuration, "webhooks");
  if (webhooks == nullptr || !webhooks->is_array()) return std::nullopt;
  const auto it = std::find_if(webhooks->begin(), webhooks->end(),
                               [&](const Json& one) { return StringAt(one, "name") == name; });
  if (it == webhooks->end()) return std::nullopt;
  return static_cast<std::size_t>(it - webhooks->begin());
}

// Where it is sent is looked at by itself; how long it may take is the installer's to choose.
Json Judged(Json entry) {
  entry.erase("clientConfig");
  entry.erase("timeoutSeconds");
  return entry;
}

void ExamineEntries(const Patient& patient, const Json& wanted, const Json& found,
                    Findings& findings) {
  for (const Json& entry : wanted.at("webhooks")) {
    const std::string name = StringAt(entry, "name");
    const std::string subject = NameOf(wanted) + ", entry " + name;
    const auto index = EntryNamed(found, name);
    if (!index) {
      findings.Fault(subject, "is missing: what it would be asked about is not judged",
                     Reinstall(patient));
      continue;
    }
    const Json* there = &found.at("webhooks").at(*index);
    ExamineAddress(patient, found, *index, findings);
    if (StringAt(entry, "failurePolicy") == "Fail" && StringAt(*there, "failurePolicy") != "Fail") {
      findings.Fault(subject, "failurePolicy is Ignore: while no replica answers nothing is judged",
                     Reinstall(patient, "webhook.failurePolicy=Fail"));
    } else if (auto difference = FirstDifference(Judged(entry), Judged(*there), "")) {
      findings.Fault(subject, Told(*difference), Reinstall(patient));
    }
  }
}

// A definition is of a version; that of a newer program knows more.
void ExamineDefinition(const Patient& patient, const Json& wanted, const Json& found,
                       Findings& findings) {
  const Json* versions = FindPath(found, "spec/versions");
  const Json& version = wanted.at("spec").at("versions").front();
  if (versions != nullptr && versions->is_array()) {
    for (const Json& one : *versions) {
      if (StringAt(one, "name") != StringAt(version, "name")) continue;
      if (auto difference =
              FirstDifference(version.at("schema"), one.value("schema", Json()), "")) {
        findings.Warn(NameOf(wanted),
                      "is of another version than this program: " + Told(*difference),
                      Reinstall(patient));
      }
      return;
    }
  }
  findings.Fault(NameOf(wanted), "does not serve version " + StringAt(version, "name"),
                 Reinstall(patient));
}

const char* AreaOf(const std::string& kind) {
  if (kind == "CustomResourceDefinition") return "definitions";
  if (kind.ends_with("WebhookConfiguration") || kind.starts_with("ValidatingAdmission")) {
    return "admission";
  }
  return "rights";
}

void ExamineObject(const Patient& patient, const Json& wanted, std::vector<Diagnosis>& all) {
  const std::string kind = StringAt(wanted, "kind");
  Findings findings(AreaOf(kind), all);
  // Roles for people are offered; a cluster may have its own.
  const std::string name = StringAt(wanted, "metadata/name");
  if (kind == "ClusterRole" && !name.starts_with("countersign-webhook") &&
      !name.starts_with("countersign-operator") && !patient.found.contains(NameOf(wanted))) {
    return;
  }
  const Json* found = Seen(patient, NameOf(wanted), findings);
  if (found == nullptr) return;
  if (kind == "CustomResourceDefinition") {
    ExamineDefinition(patient, wanted, *found, findings);
  } else if (kind == "ClusterRole" || kind == "Role") {
    ExamineRole(patient, wanted, *found, findings);
  } else if (kind.ends_with("WebhookConfiguration")) {
    ExamineEntries(patient, wanted, *found, findings);
  } else {
    for (const char* part : {"spec", "roleRef", "subjects"}) {
      const Json* should = Find(wanted, part);
      if (should == nullptr) continue;
      const auto difference = FirstDifference(*should, found->value(part, Json()), part);
      if (difference) findings.Fault(NameOf(wanted), Told(*difference), Reinstall(patient));
    }
  }
}

}  // namespace

void ExamineObjects(const Patient& patient, std::vector<Diagnosis>& all) {
  if (const std::string profiles = ProfilesOf(patient); !profiles.empty()) {
    Findings findings("admission", all);
    static_cast<void>(Seen(patient, NameOf("ConfigMap", patient.name_space, profiles), findings));
  }
  std::map<std::string, std::size_t> seen;  // by area
  for (const Json& wanted : patient.wanted) {
    ++seen[AreaOf(StringAt(wanted, "kind"))];
    ExamineObject(patient, wanted, all);
  }
  for (const auto& [area, count] : seen) {
    const bool clean = std::none_of(all.begin(), all.end(),
                                    [&](const Diagnosis& one) { return one.area == area; });
    if (clean) {
      Findings(area, all).Good("", std::to_string(count) + " objects are as they should be");
    }
  }
}

}  // namespace countersign
