#include "cli/installation.h"

#include "base/digest.h"
#include "cli/authority_roles.h"
#include "cli/guard_installation.h"
#include "evidence/receipt.h"
#include "governance/crd.h"
#include "governance/serving/child_name.h"
#include "governance/types/object.h"
#include "governance/types/policy.h"

namespace countersign {
namespace {

constexpr std::string_view kPartOf = "countersign";

Json Names(std::initializer_list<const char*> names) {
  Json list = Json::array();
  for (const char* name : names) list.push_back(name);
  return list;
}

// By the version that we know: where a cluster serves others too, the API server converts to it
// (matchPolicy Equivalent) instead of showing us what we cannot read.
Json Resources(Json operations, Json resources) {
  return {{"apiGroups", Json::array({std::string(kApiGroup)})},
          {"apiVersions", Json::array({std::string(kServedVersion)})},
          {"operations", std::move(operations)},
          {"resources", std::move(resources)},
          {"scope", "*"}};
}

Json ClientConfig(const InstallOptions& options, const std::string& path) {
  Json config = Json::object();
  if (!options.ca_pem.empty()) config["caBundle"] = Base64Encode(options.ca_pem);
  if (!options.url.empty()) {
    config["url"] = options.url + path;
  } else {
    const auto slash = options.service.find('/');
    config["service"] = {{"namespace", options.service.substr(0, slash)},
                         {"name", options.service.substr(slash + 1)},
                         {"path", path},
                         {"port", 443}};
  }
  return config;
}

// What a webhook is asked about, and when not.
struct Entry {
  std::string name;
  std::string path;
  Json rules;
  std::vector<std::pair<std::string, std::string>> conditions;  // name, CEL
  bool required = true;  // false: what cannot be asked is let through, for the operator to judge
};

Json WebhookEntry(const InstallOptions& options, Entry entry) {
  Json webhook = {{"name", std::move(entry.name)},
                  {"clientConfig", ClientConfig(options, entry.path)},
                  {"rules", Json::array({std::move(entry.rules)})},
                  {"admissionReviewVersions", Names({"v1"})},
                  {"sideEffects", "None"},
                  {"failurePolicy", entry.required ? "Fail" : "Ignore"},
                  {"matchPolicy", "Equivalent"},
                  // Nobody waits long for an answer that is not needed.
                  {"timeoutSeconds", entry.required ? options.timeout_seconds : 2}};
  for (auto& [name, expression] : entry.conditions) {
    webhook["matchConditions"].push_back(
        {{"name", std::move(name)}, {"expression", std::move(expression)}});
  }
  return webhook;
}

Json WebhookConfiguration(const std::string& kind, Json webhooks) {
  return {{"apiVersion", "admissionregistration.k8s.io/v1"},
          {"kind", kind},
          {"metadata", AdmissionMeta("countersign")},
          {"webhooks", std::move(webhooks)}};
}

// A policy with its binding.
void AddPolicy(std::vector<Json>& objects, const std::string& name, const Json& resources,
               Json validations) {
  objects.push_back({{"apiVersion", "admissionregistration.k8s.io/v1"},
                     {"kind", "ValidatingAdmissionPolicy"},
                     {"metadata", AdmissionMeta(name)},
                     {"spec",
                      {{"failurePolicy", "Fail"},
                       {"matchConstraints", MatchConstraints(Json::array({resources}))},
                       {"validations", std::move(validations)}}}});
  objects.push_back(
      {{"apiVersion", "admissionregistration.k8s.io/v1"},
       {"kind", "ValidatingAdmissionPolicyBinding"},
       {"metadata", AdmissionMeta(name)},
       {"spec", {{"policyName", name}, {"validationActions", Names({"Deny", "Audit"})}}}});
}

Json Validation(const std::string& expression, const std::string& message) {
  return {{"expression", expression}, {"message", message}, {"reason", "Forbidden"}};
}

// An annotation of an object in CEL, empty where there is none.
std::string StampOf(const std::string& object, std::string_view annotation = kStampAnnotation) {
  const std::string key = "'" + std::string(annotation) + "'";
  return "(has(" + object + ".metadata.annotations) && " + key + " in " + object +
         ".metadata.annotations ? " + object + ".metadata.annotations[" + key + "] : '')";
}

// Every item of that list of the metadata was there before, in CEL; `same` says of an item `one` of
// it and one `b` of before whether they are.
std::string NoneAdded(const std::string& list, const std::string& same) {
  return "!has(object.metadata." + list + ") || object.metadata." + list +
         ".all(one, request.operation == 'UPDATE' && has(oldObject.metadata." + list +
         ") && oldObject.metadata." + list + ".exists(b, " + same + "))";
}

constexpr char kGarbageCollector[] = "system:serviceaccount:kube-system:generic-garbage-collector";

// Every ModelDeployment that owns the object owned it before, in CEL.
constexpr char kNoOwnerOfOursAdded[] =
    "!has(object.metadata.ownerReferences) || object.metadata.ownerReferences.all(o, "
    "o.kind != 'ModelDeployment' || !o.apiVersion.startsWith('countersign.dev/') || "
    "(request.operation == 'UPDATE' && has(oldObject.metadata.ownerReferences) && "
    "oldObject.metadata.ownerReferences.exists(b, b.uid == o.uid && b.kind == o.kind && "
    "b.name == o.name && b.apiVersion.startsWith('countersign.dev/') && "
    "((has(b.controller) && b.controller) || !(has(o.controller) && o.controller)))))";

// The template of a Deployment or a ReplicaSet names the spec and the model that it named before,
// or none, in CEL. A ReplicaSet has them from the template of its Deployment, by whose controller
// it is made; one that somebody else made with our labels that controller would take over.
std::string SpecOfPodsKept() {
  const auto same = [](const std::string_view name) {
    const std::string key = "'" + std::string(name) + "'";
    const auto said = [&](const std::string& object) {
      const std::string metadata = object + ".spec.template.metadata";
      return "(has(" + metadata + ") && has(" + metadata + ".annotations) && " + key + " in " +
             metadata + ".annotations ? " + metadata + ".annotations[" + key + "] : '')";
    };
    return said("object") + " == (request.operation == 'UPDATE' ? " + said("oldObject") + " : '')";
  };
  return "(request.resource.resource == 'replicasets' && request.operation == 'CREATE' && "
         "request.userInfo.username in "
         "['system:serviceaccount:kube-system:deployment-controller', "
         "'system:kube-controller-manager']) || (" +
         same(kGovernedDigestAnnotation) + " && " + same(kModelDigestAnnotation) + ")";
}

// Whether an object carries the finalizer of published versions, in CEL.
std::string IsKept(const std::string& object) {
  return "(has(" + object + ".metadata.finalizers) && '" + std::string(kVersionFinalizer) +
         "' in " + object + ".metadata.finalizers)";
}

// Whoever removes what is left in a namespace that is being deleted, in CEL. Controllers have one
// account together where kube-controller-manager is told so.
constexpr char kEmptiesNamespaces[] =
    "request.userInfo.username in ['system:serviceaccount:kube-system:namespace-controller', "
    "'system:kube-controller-manager']";

// An account in a CEL string literal.
std::string Literal(const std::string& text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  return out + "'";
}

Json Binding(const std::string& role, Json subject, const std::string& name) {
  return {{"apiVersion", "rbac.authorization.k8s.io/v1"},
          {"kind", "ClusterRoleBinding"},
          {"metadata", AdmissionMeta(name)},
          {"roleRef",
           {{"apiGroup", "rbac.authorization.k8s.io"}, {"kind", "ClusterRole"}, {"name", role}}},
          {"subjects", Json::array({std::move(subject)})}};
}

Json NamespacedMeta(const std::string& name, const std::string& ns) {
  Json meta = AdmissionMeta(name);
  meta["namespace"] = ns;
  return meta;
}

// Leases for the election of the leader, in the own namespace alone.
void AddLeaseRole(std::vector<Json>& objects, const Json& subject, const std::string& ns) {
  const Json rule = {{"apiGroups", Names({"coordination.k8s.io"})},
                     {"resources", Names({"leases"})},
                     {"verbs", Names({"get", "create", "update"})}};
  objects.push_back({{"apiVersion", "rbac.authorization.k8s.io/v1"},
                     {"kind", "Role"},
                     {"metadata", NamespacedMeta("countersign-operator", ns)},
                     {"rules", Json::array({rule})}});
  objects.push_back({{"apiVersion", "rbac.authorization.k8s.io/v1"},
                     {"kind", "RoleBinding"},
                     {"metadata", NamespacedMeta("countersign-operator", ns)},
                     {"roleRef",
                      {{"apiGroup", "rbac.authorization.k8s.io"},
                       {"kind", "Role"},
                       {"name", "countersign-operator"}}},
                     {"subjects", Json::array({subject})}});
}

Status Validate(const InstallOptions& options) {
  if (options.url.empty() == options.service.empty()) {
    return Fail(Code::kInvalidArgument, "give either --url or --service");
  }
  if (!options.url.empty() && (!options.url.starts_with("https://") ||
                               options.url.find_first_of("?#@ ") != std::string::npos)) {
    return Fail(Code::kInvalidArgument,
                "must be https://host[:port][/prefix], is '" + options.url + "'", "--url");
  }
  const auto slash = options.service.find('/');
  if (!options.service.empty() &&
      (slash == std::string::npos || slash == 0 || slash + 1 == options.service.size() ||
       options.service.find('/', slash + 1) != std::string::npos)) {
    return Fail(Code::kInvalidArgument, "must be NAMESPACE/NAME, is '" + options.service + "'",
                "--service");
  }
  if (!options.ca_pem.empty() &&
      options.ca_pem.find("-----BEGIN CERTIFICATE-----") == std::string::npos) {
    return Fail(Code::kInvalidArgument, "must hold a certificate in PEM", "--ca-file");
  }
  return {};
}

// What serves a model elsewhere than in a ModelDeployment, of any group.
Json GuardEntry(const InstallOptions& options, const ServingProfiles& table,
                const std::string& operator_user, GuardEntryFor who) {
  const bool people = who == GuardEntryFor::kPeople;
  Json entry =
      WebhookEntry(options, {people ? kGuardEntry : kControllersEntry, "/guard/v1", Json::object(),
                             GuardConditions(table, operator_user, who), people});
  entry["rules"] = GuardRules(table);
  entry["namespaceSelector"] = ExemptNamespaces(options.name_space);
  return entry;
}

// None of our own kinds' entries has a selector: no label of a namespace or an object takes it out
// of our sight, and nothing that must be written to start us again is of our kinds.
void AddWebhooks(std::vector<Json>& objects, const InstallOptions& options,
                 const ServingProfiles& table, const std::string& operator_user) {
  // What is being deleted loses its finalizers also while we are down: nothing starts from it, and
  // namespaces go. A version of a policy has a finalizer that means something.
  const std::pair<std::string, std::string> stays = {
      "stays-or-changes",
      "request.operation != 'UPDATE' || request.resource.resource == 'governancepolicies' || "
      "!has(oldObject.metadata.deletionTimestamp) || object.spec != oldObject.spec || " +
          StampOf("object") + " != " + StampOf("oldObject")};
  // An admission policy refuses the other spec, with 403 also while we are down.
  const std::pair<std::string, std::string> may_be = {
      "is-not-evidence-that-changes",
      "request.operation != 'UPDATE' || request.resource.resource in "
      "['governancepolicies', 'modeldeployments'] || object.spec == oldObject.spec"};
  // An admission policy refuses those by anybody else. What it saw the operator writes down also
  // while we are down, before who deletes it can have it forgotten.
  const std::pair<std::string, std::string> not_its_record = {
      "is-not-the-operators-record",
      "request.resource.resource != 'modelrecords' || request.userInfo.username != " +
          Literal(operator_user)};
  const Json written = Names({"CREATE", "UPDATE"});
  objects.push_back(WebhookConfiguration(
      "MutatingWebhookConfiguration",
      Json::array({WebhookEntry(
          options,
          {"stamp.countersign.dev",
           "/mutate/v1",
           Resources(written, Names({"governancepolicies", "signoffs", "reproducibilitysnapshots",
                                     "biastests", "evidence", "waivers", "modeldeployments"})),
           {stays, may_be}})})));
  objects.back()["webhooks"][0]["reinvocationPolicy"] = "IfNeeded";
  objects.push_back(WebhookConfiguration(
      "ValidatingWebhookConfiguration",
      Json::array({WebhookEntry(options,
                                {"admission.countersign.dev",
                                 "/validate/v1",
                                 Resources(written, Names({"governancepolicies", "usecases",
                                                           "modeldeployments",
                                                           "modeldeployments/scale", "signoffs",
                                                           "reproducibilitysnapshots", "biastests",
                                                           "evidence", "waivers", "modelrecords"})),
                                 {stays, not_its_record}}),
                   // The second to refuse it; the operator itself writes without us.
                   WebhookEntry(options, {"status.countersign.dev",
                                          "/validate/v1",
                                          Resources(Names({"UPDATE"}), Names({"*/status"})),
                                          {{"is-not-the-operator", "request.userInfo.username != " +
                                                                       Literal(operator_user)}}}),
                   WebhookEntry(options, {"incidents.countersign.dev",
                                          "/validate/v1",
                                          Resources(written, Names({"incidents"})),
                                          {stays},
                                          false}),
                   WebhookEntry(options, {"deletions.countersign.dev",
                                          "/validate/v1",
                                          Resources(Names({"DELETE"}), Names({"*"})),
                                          {{"is-not-the-end-of-a-namespace",
                                            "!(" + std::string(kEmptiesNamespaces) + ")"}},
                                          false}),
                   GuardEntry(options, table, operator_user, GuardEntryFor::kPeople),
                   GuardEntry(options, table, operator_user, GuardEntryFor::kControllers)})));
}

void AddAdmission(std::vector<Json>& objects, const InstallOptions& options,
                  const ServingProfiles& table, const std::string& operator_user) {
  const Json evidence = Names(
      {"signoffs", "reproducibilitysnapshots", "biastests", "evidence", "waivers", "incidents"});
  // Evidence is final: a report or sign-off that says something else is another object.
  AddPolicy(
      objects, "countersign-evidence-is-final", Resources(Names({"UPDATE"}), evidence),
      Json::array({Validation("object.spec == oldObject.spec",
                              "evidence may not be changed once it is made: create another "
                              "object, the latest one counts"),
                   Validation(StampOf("object") + " == " + StampOf("oldObject"),
                              "the stamp of evidence may not be changed"),
                   Validation(StampOf("object", kReceiptAnnotation) +
                                  " == " + StampOf("oldObject", kReceiptAnnotation) +
                                  " || request.userInfo.username == " + Literal(operator_user),
                              "the receipt of evidence is the operator's to give")}));
  // The garbage collector deletes what names an owner that is not there, for whoever may not; and
  // what a finalizer holds is there, and counts, after it was deleted.
  AddPolicy(
      objects, "countersign-evidence-stands-alone",
      Resources(Names({"CREATE", "UPDATE"}), evidence),
      Json::array(
          {Validation(NoneAdded("ownerReferences", "b.uid == one.uid"),
                      "evidence belongs to no other object, by which the garbage collector would "
                      "delete it: leave metadata.ownerReferences out"),
           Validation(NoneAdded("finalizers", "b == one"),
                      "evidence has no finalizers, by which it would go on counting when "
                      "it was deleted: leave metadata.finalizers out")}));
  // An alarm is raised by whoever may create it, also while we are down: it does not come to the
  // webhook. Deleting one would end a quarantine; only with its namespace does it go.
  AddPolicy(objects, "countersign-incidents-stay",
            Resources(Names({"DELETE"}), Names({"incidents"})),
            Json::array({Validation(
                kEmptiesNamespaces,
                "an incident is closed, not deleted: kubectl countersign approve --incident")}));
  // A published version of a policy stays what its approvers saw, and stays until the operator, who
  // knows what rests on it, lets it go; so do the sign-offs that put it in force.
  const std::string unpublished = "!has(oldObject.spec.version) || ";
  AddPolicy(
      objects, "countersign-policy-versions-are-final",
      Resources(Names({"UPDATE"}), Names({"governancepolicies"})),
      Json::array({Validation(unpublished + "object.spec == oldObject.spec",
                              "the spec of a published version may not be changed: publish another "
                              "GovernancePolicy whose spec.version.supersedes names this one"),
                   Validation(unpublished + StampOf("object") + " == " + StampOf("oldObject"),
                              "the stamp of a published version may not be changed"),
                   Validation(unpublished + "!" + IsKept("oldObject") + " || " + IsKept("object") +
                                  " || request.userInfo.username == " + Literal(operator_user),
                              "a published version goes when the operator takes off its finalizer: "
                              "kubectl countersign policies says what still rests on it")}));
  AddPolicy(
      objects, "countersign-policy-sign-offs-stay",
      Resources(Names({"DELETE"}), Names({"signoffs"})),
      Json::array({Validation(
          std::string("oldObject.spec.subject.kind != 'GovernancePolicy' || ") + kEmptiesNamespaces,
          "a sign-off on a policy stays: to decide otherwise, sign again, kubectl "
          "countersign approve --policy NAME -n NAMESPACE --reject")}));
  // What was seen of a model stays, whatever is deleted elsewhere.
  AddPolicy(objects, "countersign-model-records",
            Resources(Names({"CREATE", "UPDATE", "DELETE"}), Names({"modelrecords"})),
            Json::array({Validation("request.userInfo.username == " + Literal(operator_user),
                                    "the records of models are the operator's alone")}));
  AddPolicy(
      objects, "countersign-emergencies-stay", Resources(Names({"DELETE"}), Names({"waivers"})),
      Json::array({Validation(
          std::string("!has(oldObject.spec.emergency) || !oldObject.spec.emergency || ") +
              kEmptiesNamespaces,
          "an emergency is closed, not deleted: kubectl countersign approve --waiver NAME")}));
  // The guard takes for the operator's what a ModelDeployment owns, and with it what that makes.
  AddPolicy(objects, "countersign-owners",
            {{"apiGroups", Names({"apps", "batch"})},
             {"apiVersions", Names({"*"})},
             {"operations", Names({"CREATE", "UPDATE"})},
             // Who may write the status writes the owners with it.
             {"resources",
              Names({"deployments", "replicasets", "statefulsets", "daemonsets", "jobs", "cronjobs",
                     "deployments/status", "replicasets/status", "statefulsets/status",
                     "daemonsets/status", "jobs/status", "cronjobs/status"})},
             {"scope", "Namespaced"}},
            Json::array({Validation(
                "request.userInfo.username in [" + Literal(operator_user) + ", " +
                    Literal(kGarbageCollector) + "] || " + kNoOwnerOfOursAdded,
                "that a ModelDeployment owns a workload only the operator may say: leave the owner "
                "reference out, the operator makes what a ModelDeployment serves")}));
  AddPolicy(
      objects, "countersign-made-from",
      {{"apiGroups", Names({"apps"})},
       {"apiVersions", Names({"*"})},
       {"operations", Names({"CREATE", "UPDATE"})},
       {"resources", Names({"deployments", "replicasets"})},
       {"scope", "Namespaced"}},
      Json::array({Validation(
          "request.userInfo.username == " + Literal(operator_user) + " || " + SpecOfPodsKept(),
          "which spec the Pods of a ModelDeployment were made from only the operator may "
          "say: change the ModelDeployment, the operator brings its Deployment after it")}));
  AddPolicy(objects, "countersign-status-writers",
            Resources(Names({"UPDATE"}), Names({"*/status"})),
            Json::array({Validation("request.userInfo.username == " + Literal(operator_user),
                                    "status may be written by the operator alone")}));
  for (Json& object : LockObjects(table, operator_user, options.name_space)) {
    objects.push_back(std::move(object));
  }
  for (Json& object : SignObjects(table, options.name_space)) objects.push_back(std::move(object));
  AddWebhooks(objects, options, table, operator_user);
}

}  // namespace

Json AdmissionMeta(const std::string& name) {
  return {{"name", name}, {"labels", {{"app.kubernetes.io/part-of", std::string(kPartOf)}}}};
}

Result<std::vector<Json>> InstallationObjects(const InstallOptions& given) {
  InstallOptions options = given;
  while (options.url.ends_with('/')) options.url.pop_back();
  if (auto valid = Validate(options); !valid) return Fail(valid.error());
  const auto table = options.serving_profiles.empty()
                         ? BuiltInServingProfiles()
                         : ParseServingProfiles(options.serving_profiles);
  if (!table) return Fail(table.error());
  const std::string account = "system:serviceaccount:" + options.name_space + ":";
  const std::string operator_user =
      options.operator_user.empty() ? account + "countersign-operator" : options.operator_user;

  std::vector<Json> objects;
  if (options.crds) {
    for (const KindInfo& kind : AllKinds()) objects.push_back(CrdOf(kind));
  }
  objects.push_back({{"apiVersion", "v1"},
                     {"kind", "Namespace"},
                     {"metadata", AdmissionMeta(options.name_space)}});
  for (const char* name : {"countersign-webhook", "countersign-operator"}) {
    objects.push_back({{"apiVersion", "v1"},
                       {"kind", "ServiceAccount"},
                       {"metadata", NamespacedMeta(name, options.name_space)}});
  }
  for (Json& role : ClusterRoles()) objects.push_back(std::move(role));
  const Json operator_subject = {
      {"apiGroup", "rbac.authorization.k8s.io"}, {"kind", "User"}, {"name", operator_user}};
  objects.push_back(Binding("countersign-operator", operator_subject, "countersign-operator"));
  objects.push_back(Binding("countersign-webhook",
                            {{"kind", "ServiceAccount"},
                             {"name", "countersign-webhook"},
                             {"namespace", options.name_space}},
                            "countersign-webhook"));
  AddLeaseRole(objects, operator_subject, options.name_space);
  if (options.ca_pem.empty()) {
    for (Json& role : AuthorityRoles(operator_subject, options.name_space)) {
      objects.push_back(std::move(role));
    }
  }
  AddAdmission(objects, options, *table, operator_user);
  return objects;
}

}  // namespace countersign
