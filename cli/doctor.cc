#include "cli/doctor.h"

#include <algorithm>
#include <utility>

#include "cli/command.h"
#include "cli/doctor_parts.h"
#include "cli/render.h"
#include "kube/resource.h"

namespace countersign {
namespace {

constexpr std::size_t kWidth = 100;

const char* WordOf(Health health) {
  switch (health) {
    case Health::kGood: return "good";
    case Health::kWarning: return "warning";
    case Health::kUnknown: return "unknown";
    case Health::kFault: return "fault";
  }
  return "unknown";
}

bool Any(const std::vector<Diagnosis>& findings, Health health) {
  return std::any_of(findings.begin(), findings.end(),
                     [&](const Diagnosis& one) { return one.health == health; });
}

const Json* ContainerOf(const Json& deployment) {
  const Json* containers = FindPath(deployment, "spec/template/spec/containers");
  const bool one = containers != nullptr && containers->is_array() && !containers->empty();
  return one ? &containers->front() : nullptr;
}

// The namespace that the programs have by what the cluster holds for them; empty if it says none.
std::string InstalledIn(const Patient& patient) {
  const auto first = [&](const char* kind, const char* name, const char* list) -> const Json* {
    const auto found = patient.found.find(NameOf(kind, "", name));
    const Json* all = found == patient.found.end() ? nullptr : Find(found->second, list);
    return all == nullptr || !all->is_array() || all->empty() ? nullptr : &all->front();
  };
  if (const Json* entry = first("ValidatingWebhookConfiguration", "countersign", "webhooks")) {
    const std::string in = StringAt(*entry, "clientConfig/service/namespace");
    if (!in.empty()) return in;
  }
  const Json* subject = first("ClusterRoleBinding", "countersign-webhook", "subjects");
  return subject == nullptr ? std::string() : StringAt(*subject, "namespace");
}

// Examining a namespace that is mistyped would end in commands that move the rights and entries of
// the installation there.
std::optional<Diagnosis> IsElsewhere(const Patient& patient) {
  for (const char* program : {"countersign-webhook", "countersign-operator"}) {
    const std::string name = NameOf("Deployment", patient.name_space, program);
    if (patient.found.contains(name) || patient.unread.contains(name)) return std::nullopt;
  }
  const std::string in = InstalledIn(patient);
  if (in.empty() || in == patient.name_space) return std::nullopt;
  return Diagnosis{Health::kFault, "installation", NameOf("Namespace", "", patient.name_space),
                   "holds no installation: what guards this cluster is for the one in '" + in + "'",
                   "kubectl countersign doctor -n " + in};
}

}  // namespace

void Findings::Good(const std::string& subject, std::string message) {
  all_.push_back({Health::kGood, area_, subject, std::move(message), {}});
}
void Findings::Warn(const std::string& subject, std::string message, std::string next) {
  all_.push_back({Health::kWarning, area_, subject, std::move(message), std::move(next)});
}
void Findings::Fault(const std::string& subject, std::string message, std::string next) {
  all_.push_back({Health::kFault, area_, subject, std::move(message), std::move(next)});
}
void Findings::Unknown(const std::string& subject, std::string message, std::string next) {
  all_.push_back({Health::kUnknown, area_, subject, std::move(message), std::move(next)});
}

std::string NameOf(const std::string& kind, const std::string& ns, const std::string& name) {
  return kind + " " + ObjectKey{ns, name}.ToString();
}

std::string NameOf(const Json& object) {
  const ObjectKey key = KeyOf(object);
  return NameOf(StringAt(object, "kind"), key.ns, key.name);
}

std::string ArgumentOf(const Json& deployment, const std::string& flag) {
  const Json* container = ContainerOf(deployment);
  const Json* arguments = container == nullptr ? nullptr : Find(*container, "args");
  if (arguments == nullptr || !arguments->is_array()) return {};
  for (const Json& one : *arguments) {
    if (!one.is_string()) continue;
    const std::string& text = one.get_ref<const std::string&>();
    if (text.starts_with(flag + "=")) return text.substr(flag.size() + 1);
  }
  return {};
}

std::string SecretOf(const Json& deployment, const std::string& volume) {
  const Json* volumes = FindPath(deployment, "spec/template/spec/volumes");
  if (volumes == nullptr || !volumes->is_array()) return {};
  for (const Json& one : *volumes) {
    if (StringAt(one, "name") == volume) return StringAt(one, "secret/secretName");
  }
  return {};
}

const Json* Seen(const Patient& patient, const std::string& name, Findings& findings) {
  if (const auto found = patient.found.find(name); found != patient.found.end()) {
    return &found->second;
  }
  if (const auto why = patient.unread.find(name); why != patient.unread.end()) {
    findings.Unknown(name, "could not be read: " + why->second,
                     "ask somebody who may: kubectl countersign doctor -n " + patient.name_space);
    return nullptr;
  }
  findings.Fault(name, "is missing", Reinstall(patient));
  return nullptr;
}

std::vector<Diagnosis> Examine(const Patient& patient) {
  if (auto elsewhere = IsElsewhere(patient)) return {*std::move(elsewhere)};
  std::vector<Diagnosis> all;
  ExamineObjects(patient, all);
  ExaminePrograms(patient, all);
  ExamineCertificates(patient, all);
  ExamineStampKey(patient, all);
  ExamineLeader(patient, all);
  ExamineClocks(patient, all);
  ExaminePolicies(patient, all);
  ExamineCaches(patient, all);
  ExamineOwnNamespace(patient, all);
  ExamineProbe(patient, all);
  return all;
}

int ExitCodeOf(const std::vector<Diagnosis>& findings) {
  if (Any(findings, Health::kFault)) return kDenied;
  return Any(findings, Health::kUnknown) ? kFailed : kOk;
}

std::string DoctorText(const std::vector<Diagnosis>& findings) {
  std::vector<std::vector<std::string>> rows;
  for (const Diagnosis& one : findings) {
    std::string said = Printable((one.subject.empty() ? "" : one.subject + ": ") + one.message);
    if (!one.next.empty()) said += "\nNext: " + Printable(one.next);
    rows.push_back({WordOf(one.health), one.area, std::move(said)});
  }
  return WrappedTable(rows, kWidth);
}

Json DoctorJson(const std::vector<Diagnosis>& findings) {
  Json answer = VersionedJson("Doctor");
  answer["findings"] = Json::array();
  for (const Diagnosis& one : findings) {
    answer["findings"].push_back({{"health", WordOf(one.health)},
                                  {"area", one.area},
                                  {"subject", one.subject},
                                  {"message", one.message},
                                  {"next", one.next}});
  }
  return answer;
}

}  // namespace countersign
