#include "cli/doctor_command.h"

#include <array>
#include <iostream>
#include <memory>
#include <tuple>

#include "catalog/estate.h"
#include "catalog/resources.h"
#include "cli/cluster.h"
#include "cli/doctor.h"
#include "cli/doctor_parts.h"
#include "governance/serving/recognise.h"

namespace countersign {
namespace {

constexpr char kRbac[] = "rbac.authorization.k8s.io";
constexpr int kSome = 100;

const std::array kExamined = {
    kNamespaces,
    kDeployments,
    kSecrets,
    kServices,
    kConfigMaps,
    kLeases,
    kCustomResourceDefinitions,
    kValidatingWebhookConfigurations,
    kMutatingWebhookConfigurations,
    Resource{"", "v1", "serviceaccounts", true, "ServiceAccount"},
    Resource{kRbac, "v1", "clusterroles", false, "ClusterRole"},
    Resource{kRbac, "v1", "clusterrolebindings", false, "ClusterRoleBinding"},
    Resource{kRbac, "v1", "roles", true, "Role"},
    Resource{kRbac, "v1", "rolebindings", true, "RoleBinding"},
    kValidatingAdmissionPolicies,
    kValidatingAdmissionPolicyBindings,
};

// Looks at one object, and keeps what it is or why nobody could tell.
const Json* Look(const Cluster& cluster, Patient& patient, const std::string& kind,
                 const ObjectKey& key) {
  const std::string name = NameOf(kind, key.ns, key.name);
  for (const Resource& resource : kExamined) {
    if (resource.kind != kind) continue;
    auto object = cluster.client().Get(resource, key);
    if (object) {
      (*object)["kind"] = kind;
      return &(patient.found[name] = std::move(*object));
    }
    if (object.error().code != Code::kNotFound) patient.unread[name] = object.error().message;
    return nullptr;
  }
  patient.unread[name] = "nothing is known about kind '" + kind + "'";
  return nullptr;
}

void LookAtSecrets(const Cluster& cluster, Patient& patient) {
  for (const char* program : {"countersign-webhook", "countersign-operator"}) {
    const auto found = patient.found.find(NameOf("Deployment", patient.name_space, program));
    if (found == patient.found.end()) continue;
    const Json deployment = found->second;
    const std::string built_in = ArgumentOf(deployment, "--ca-secret");
    for (const std::string& secret : {SecretOf(deployment, "tls"), SecretOf(deployment, "stamp"),
                                      built_in.substr(built_in.find('/') + 1)}) {
      if (!secret.empty()) Look(cluster, patient, "Secret", {patient.name_space, secret});
    }
  }
}

void LookAtService(const Cluster& cluster, Patient& patient) {
  const std::string service = AddressOf(patient).service;
  const auto slash = service.find('/');
  if (slash == std::string::npos) return;
  Look(cluster, patient, "Service", {service.substr(0, slash), service.substr(slash + 1)});
}

// The API server's own time stands in what it answers.
void AskTheTime(const Cluster& cluster, Patient& patient) {
  auto review = cluster.client().Create(
      kSelfSubjectReviews,
      {{"apiVersion", "authentication.k8s.io/v1"}, {"kind", "SelfSubjectReview"}});
  patient.now = cluster.Now();
  if (!review) return;
  if (auto time = ParseTime(StringAt(*review, "metadata/creationTimestamp"))) {
    patient.server_now = *time;
  }
}

// A use case that is refused whatever policies say: no policy has such a role.
void Probe(const Cluster& cluster, Patient& patient) {
  const Json developer = {{"kind", "Role"}, {"name", "countersign-doctor"}};
  const Json probe = {
      {"apiVersion", std::string(kApiVersion)},
      {"kind", "UseCase"},
      {"metadata", {{"name", "countersign-doctor"}, {"namespace", patient.name_space}}},
      {"spec",
       {{"title", "probe"},
        {"purpose", "To be refused in a dry run."},
        {"purposeCategory", "probe"},
        {"owner", "countersign-doctor"},
        {"developers", Json::array({developer})},
        {"lifecycle", "Active"}}}};
  WriteOptions options;
  options.dry_run = true;
  const auto made = cluster.client().Create(kUseCases, probe, options);
  const bool asked = made || made.error().message.find("webhook") != std::string::npos;
  if (asked) {
    const std::string message = made ? std::string() : made.error().message;
    patient.probe = ProbeAnswer{made.has_value(), message, cluster.Now()};
  } else {
    patient.unread["probe"] = made.error().message;
  }
}

void LookAtObjects(const Cluster& cluster, Patient& patient) {
  auto policies = cluster.List(kGovernancePolicies, "");
  if (policies) {
    patient.policies = std::move(*policies);
  } else {
    patient.unread["GovernancePolicies"] = policies.error().message;
  }
  ListOptions some;
  some.page_size = kSome;
  for (const Resource& resource :
       {kSignOffs, kUseCases, kModelDeployments, kReproducibilitySnapshots, kBiasTests, kEvidence,
        kWaivers, kIncidents, kModelRecords}) {
    auto page = cluster.client().ListOnePage(resource, "", some, "");
    if (!page) {
      patient.unread["caches"] = page.error().message;
      continue;
    }
    auto& into = resource.kind == kSignOffs.kind ? patient.sign_offs : patient.others;
    for (Json& object : page->items) into.push_back(std::move(object));
  }
}

// What serves models beside the programs, where the guard is not asked.
void LookForServing(const Cluster& cluster, Patient& patient) {
  const auto table = ServingTableOf(patient);
  if (!table) {
    patient.unread["serving"] = table.error().message;
    return;
  }
  std::vector<std::string> serving;
  for (const ServingProfile& profile : table->profiles) {
    auto read =
        ReadKind(cluster.client(), profile, patient.name_space, {}, [&](const Json& object) {
          if (!Recognise(*table, object).serves) return;
          // What belongs to nothing is what people know by name.
          const bool owned = FindPath(object, "metadata/ownerReferences") != nullptr;
          serving.insert(owned ? serving.end() : serving.begin(),
                         StringAt(object, "kind") + " '" + StringAt(object, "metadata/name") + "'");
        });
    if (!read) {
      patient.unread["serving"] = read.error().message;
      return;
    }
  }
  patient.serving = std::move(serving);
}

int Doctor(const Global& global) {
  auto cluster = Cluster::Connect(global);
  if (!cluster) return Report(cluster.error());
  Patient patient;
  patient.name_space = global.name_space.empty() ? "countersign-system" : global.name_space;
  AskTheTime(**cluster, patient);
  if (auto who = (*cluster)->WhoAmI(); !who) return Report(who.error());
  for (const char* program : {"countersign-webhook", "countersign-operator"}) {
    Look(**cluster, patient, "Deployment", {patient.name_space, program});
  }
  if (const std::string profiles = ProfilesOf(patient); !profiles.empty()) {
    Look(**cluster, patient, "ConfigMap", {patient.name_space, profiles});
  }
  patient.wanted = WantedOf(patient);
  for (const Json& wanted : patient.wanted) {
    Look(**cluster, patient, StringAt(wanted, "kind"), KeyOf(wanted));
  }
  LookAtSecrets(**cluster, patient);
  LookAtService(**cluster, patient);
  Look(**cluster, patient, "Lease", {patient.name_space, "countersign-operator"});
  LookAtObjects(**cluster, patient);
  LookForServing(**cluster, patient);
  Probe(**cluster, patient);
  const std::vector<Diagnosis> findings = Examine(patient);
  if (global.IsJson()) {
    std::cout << DumpJson(DoctorJson(findings)) << "\n";
  } else {
    std::cout << DoctorText(findings);
  }
  return ExitCodeOf(findings);
}

}  // namespace

void AddDoctor(CLI::App& app, Global& global, Run& run) {
  CLI::App* command = app.add_subcommand(
      "doctor",
      "Examine an installation: what guards it, rights, programs, certificates, keys, clocks");
  AddOutput(*command, global, {"table", "json"});
  command->callback([&global, &run] { run = [&global] { return Doctor(global); }; });
}

}  // namespace countersign
