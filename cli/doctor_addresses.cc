#include <algorithm>
#include <map>
#include <utility>

#include "base/shell.h"
#include "cli/doctor_parts.h"

namespace countersign {
namespace {

constexpr char kConfig[] = "clientConfig";

std::string WithoutSlash(std::string url) {
  while (url.ends_with('/')) url.pop_back();
  return url;
}

const Json* EntriesOf(const Json& configuration) {
  const Json* entries = Find(configuration, "webhooks");
  return entries != nullptr && entries->is_array() ? entries : nullptr;
}

// Where on the webhook an entry is answered; empty for one that we do not install.
std::string PathOf(const Patient& patient, const std::string& entry) {
  for (const Json& object : patient.wanted) {
    const Json* entries = EntriesOf(object);
    if (entries == nullptr) continue;
    for (const Json& one : *entries) {
      if (StringAt(one, "name") == entry) return StringAt(one, "clientConfig/service/path");
    }
  }
  return {};
}

// Where most of the entries are sent, which is where whoever installed them sent them.
Address MostCommon(const Patient& patient) {
  const Address usual{patient.name_space + "/countersign-webhook", {}};
  std::map<std::pair<std::string, std::string>, std::size_t> sent;  // by Service and URL
  for (const char* kind : {"MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"}) {
    const auto found = patient.found.find(NameOf(kind, "", "countersign"));
    const Json* entries = found == patient.found.end() ? nullptr : EntriesOf(found->second);
    if (entries == nullptr) continue;
    for (const Json& one : *entries) {
      const std::string url = StringAt(one, "clientConfig/url");
      const std::string path = PathOf(patient, StringAt(one, "name"));
      const std::string service = StringAt(one, "clientConfig/service/name");
      if (!service.empty()) {
        ++sent[{StringAt(one, "clientConfig/service/namespace") + "/" + service, {}}];
      } else if (!path.empty() && url.ends_with(path)) {
        ++sent[{{}, url.substr(0, url.size() - path.size())}];
      }
    }
  }
  const auto most = std::max_element(
      sent.begin(), sent.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  const auto at_usual = sent.find({usual.service, usual.url});
  const std::size_t of_usual = at_usual == sent.end() ? 0 : at_usual->second;
  if (most == sent.end() || most->second <= of_usual) return usual;
  return {most->first.first, most->first.second};
}

std::string Told(const Json& config) {
  if (const Json* url = Find(config, "url"); url != nullptr && url->is_string()) {
    return url->get<std::string>();
  }
  return "Service " + StringAt(config, "service/namespace") + "/" +
         StringAt(config, "service/name") + ":" +
         std::to_string(IntAt(config, "service/port", 443)) + StringAt(config, "service/path");
}

// Of what is not there nothing is removed, and what is trusted stays: it is looked at by itself.
std::string Repair(const Json& configuration, std::size_t index, const Json& found,
                   const Json& wanted) {
  const std::string at = "/webhooks/" + std::to_string(index);
  // Indexes change when somebody edits in between: better nothing than the wrong entry.
  Json patch = Json::array({{{"op", "test"},
                             {"path", at + "/name"},
                             {"value", StringAt(configuration.at("webhooks").at(index), "name")}}});
  for (const char* member : {"url", "service"}) {
    const std::string path = at + "/" + kConfig + "/" + member;
    if (const Json* value = Find(wanted, member)) {
      patch.push_back({{"op", "add"}, {"path", path}, {"value", *value}});
    } else if (Find(found, member) != nullptr) {
      patch.push_back({{"op", "remove"}, {"path", path}});
    }
  }
  const bool mutates = StringAt(configuration, "kind") == "MutatingWebhookConfiguration";
  return std::string("kubectl patch ") +
         (mutates ? "mutatingwebhookconfiguration" : "validatingwebhookconfiguration") +
         " countersign --type=json -p " + ShellQuoted(DumpJson(patch));
}

}  // namespace

Address AddressOf(const Patient& patient) {
  if (const Json* program = DeploymentOf(patient, "countersign-operator")) {
    const std::string url = WithoutSlash(ArgumentOf(*program, "--webhook-url"));
    if (!url.empty()) return {{}, url};
    const std::string service = ArgumentOf(*program, "--webhook-service");
    if (!service.empty()) return {service, {}};
  }
  return MostCommon(patient);
}

void ExamineAddress(const Patient& patient, const Json& configuration, std::size_t index,
                    Findings& findings) {
  const Json& entry = configuration.at("webhooks").at(index);
  const std::string name = StringAt(entry, "name");
  const std::string path = PathOf(patient, name);
  const Json found = entry.value(kConfig, Json::object());
  const Address address = AddressOf(patient);
  Json wanted;
  if (!address.url.empty()) {
    wanted["url"] = address.url + path;
  } else {
    const auto slash = address.service.find('/');
    wanted["service"] = {{"namespace", address.service.substr(0, slash)},
                         {"name", address.service.substr(slash + 1)},
                         {"path", path},
                         {"port", 443}};
  }
  if (Told(found) == Told(wanted)) return;
  const std::string subject = NameOf(configuration) + ", entry " + name;
  const std::string message = "is sent to " + Told(found) + ", should be to " + Told(wanted);
  const std::string ns = StringAt(wanted, "service/namespace");
  const std::string service = StringAt(wanted, "service/name");
  // Nothing is admitted by a Service that is not there.
  if (!service.empty() && !patient.found.contains(NameOf("Service", ns, service))) {
    const auto unread = patient.unread.find(NameOf("Service", ns, service));
    findings.Fault(
        subject,
        message + (unread == patient.unread.end() ? ", which is not there"
                                                  : ", which could not be read: " + unread->second),
        ReleaseOf(patient).empty() ? "kubectl get services -n " + ns : Reinstall(patient));
    return;
  }
  findings.Fault(subject, message + ": who answers there decides",
                 Repair(configuration, index, found, wanted));
}

}  // namespace countersign
