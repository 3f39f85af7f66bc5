#include "operator/admission_drift.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "base/shell.h"
#include "cli/object_difference.h"

namespace countersign {
namespace {

// Members of an entry that are compared, and what the API server makes of one that is not given.
struct Member {
  const char* name;
  Json by_default;
};

const std::vector<Member>& Members() {
  static const std::vector<Member> members = {{"rules", Json::array()},
                                              {"namespaceSelector", Json::object()},
                                              {"objectSelector", Json::object()},
                                              {"matchConditions", Json::array()},
                                              {"matchPolicy", "Equivalent"},
                                              {"failurePolicy", "Fail"},
                                              {"timeoutSeconds", 10},
                                              {"reinvocationPolicy", "Never"},
                                              {"sideEffects", nullptr}};
  return members;
}

std::string Shown(const Json& value) { return value.is_null() ? "absent" : DumpJson(value); }

bool HoldsObjects(const Json& value) {
  return value.is_array() &&
         std::all_of(value.begin(), value.end(), [](const Json& one) { return one.is_object(); });
}

std::string Inside(const std::string& path, const std::string& key) {
  std::string inside = path;
  inside += '.';
  inside += key;
  return inside;
}

// The finest paths at which two values differ. Lists of names differ as a whole.
void Compare(const std::string& path, const Json& expected, const Json& found,
             std::vector<Drift>& drifts) {
  if (expected == found) return;
  if (expected.is_object() && found.is_object()) {
    static const Json kNothing;
    for (const auto& [key, value] : expected.items()) {
      const Json* other = Find(found, key);
      Compare(Inside(path, key), value, other == nullptr ? kNothing : *other, drifts);
    }
    for (const auto& [key, value] : found.items()) {
      if (!expected.contains(key)) Compare(Inside(path, key), kNothing, value, drifts);
    }
    return;
  }
  if (HoldsObjects(expected) && HoldsObjects(found) && expected.size() == found.size()) {
    for (std::size_t i = 0; i < expected.size(); ++i) {
      Compare(path + "[" + std::to_string(i) + "]", expected[i], found[i], drifts);
    }
    return;
  }
  drifts.push_back({path, Shown(found), Shown(expected)});
}

Json MemberOf(const Json& entry, const Member& member) {
  const Json* value = Find(entry, member.name);
  return value == nullptr ? member.by_default : *value;
}

// Where the call goes, without whom to trust there.
Json Target(const Json& entry) {
  Json config = entry.value("clientConfig", Json::object());
  config.erase("caBundle");
  if (config.contains("service") && !config["service"].contains("port")) {
    config["service"]["port"] = 443;
  }
  return config;
}

// Compares one entry and adds the operations that put it right.
void CompareEntry(const Json& expected, const Json& found, std::size_t index,
                  std::vector<Drift>& drifts, Json& patch) {
  const std::string path = "webhooks[" + DumpJson(expected.at("name")) + "]";
  const std::string pointer = "/webhooks/" + std::to_string(index);
  Json operations = Json::array();
  for (const Member& member : Members()) {
    const Json wanted = MemberOf(expected, member);
    const std::size_t before = drifts.size();
    Compare(path + "." + member.name, wanted, MemberOf(found, member), drifts);
    if (drifts.size() == before) continue;
    const std::string at = pointer + "/" + member.name;
    if (wanted.is_array() && wanted.empty()) {
      operations.push_back({{"op", "remove"}, {"path", at}});
    } else {
      operations.push_back({{"op", "add"}, {"path", at}, {"value", wanted}});
    }
  }
  const std::size_t before = drifts.size();
  Compare(path + ".clientConfig", Target(expected), Target(found), drifts);
  if (drifts.size() != before) {
    Json config = Target(expected);
    if (const Json* bundle = FindPath(found, "clientConfig/caBundle")) config["caBundle"] = *bundle;
    operations.push_back(
        {{"op", "add"}, {"path", pointer + "/clientConfig"}, {"value", std::move(config)}});
  }
  if (operations.empty()) return;
  // Indexes change when somebody edits in between: better nothing than the wrong entry.
  patch.push_back({{"op", "test"}, {"path", pointer + "/name"}, {"value", expected.at("name")}});
  for (Json& operation : operations) patch.push_back(std::move(operation));
}

// An entry that is gone comes back with the trust of those that are there.
Json Renewed(const Json& expected, const Json& others) {
  Json entry = expected;
  for (const Json& other : others) {
    const Json* bundle = FindPath(other, "clientConfig/caBundle");
    if (bundle == nullptr) continue;
    entry["clientConfig"]["caBundle"] = *bundle;
    break;
  }
  return entry;
}

std::string Lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

std::string PatchCommand(const Json& expected, const Json& patch) {
  return "kubectl patch " + Lower(StringAt(expected, "kind")) + " " +
         StringAt(expected, "metadata/name") + " --type=json -p " + ShellQuoted(DumpJson(patch));
}

}  // namespace

std::string Drift::Text() const { return path + " is " + found + ", must be " + expected; }

DriftReport FindDrift(const Json& expected, const Json* found, const std::string& reinstall) {
  DriftReport report;
  if (found == nullptr) {
    return {{{"webhooks", "absent", std::to_string(expected.at("webhooks").size()) + " entries"}},
            reinstall};
  }
  const Json there = found->value("webhooks", Json::array());
  Json patch = Json::array();
  Json missing = Json::array();
  for (const Json& wanted : expected.at("webhooks")) {
    const auto same = std::find_if(there.begin(), there.end(), [&](const Json& one) {
      return StringAt(one, "name") == StringAt(wanted, "name");
    });
    if (same == there.end()) {
      report.drifts.push_back({"webhooks[" + DumpJson(wanted.at("name")) + "]", "absent", "there"});
      missing.push_back(
          {{"op", "add"}, {"path", "/webhooks/-"}, {"value", Renewed(wanted, there)}});
      continue;
    }
    CompareEntry(wanted, *same, static_cast<std::size_t>(same - there.begin()), report.drifts,
                 patch);
  }
  if (report.drifts.empty()) return report;
  if (!missing.empty() && !found->contains("webhooks")) {
    patch.push_back({{"op", "add"}, {"path", "/webhooks"}, {"value", Json::array()}});
  }
  for (Json& one : missing) patch.push_back(std::move(one));
  report.repair = PatchCommand(expected, patch);
  return report;
}

DriftReport FindPolicyDrift(const Json& expected, const Json* found, const std::string& reinstall) {
  if (found == nullptr) return {{{"spec", "absent", "there"}}, reinstall};
  const Json& wanted = expected.at("spec");
  DriftReport report;
  for (Difference& one : Differences(wanted, found->value("spec", Json::object()), "spec")) {
    report.drifts.push_back({std::move(one.path), std::move(one.found), std::move(one.wanted)});
  }
  if (report.drifts.empty()) return report;
  report.repair = PatchCommand(
      expected, Json::array({{{"op", "replace"}, {"path", "/spec"}, {"value", wanted}}}));
  return report;
}

std::string DriftText(const std::string& configuration, const DriftReport& report) {
  std::string text = configuration + ": ";
  for (std::size_t i = 0; i < report.drifts.size(); ++i) {
    text += (i == 0 ? "" : "; ") + report.drifts[i].Text();
  }
  return text;
}

}  // namespace countersign
