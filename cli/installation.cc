#include "cli/installation.h"

#include "base/digest.h"
#include "governance/crd.h"
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

Json Resources(Json operations, Json resources) {
  return {{"apiGroups", Json::array({std::string(kApiGroup)})},
          {"apiVersions", Names({"*"})},
          {"operations", std::move(operations)},
          {"resources", std::move(resources)},
          {"scope", "*"}};
}

Json ClientConfig(const InstallOptions& options, const std::string& path) {
  Json config = {{"caBundle", Base64Encode(options.ca_pem)}};
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

Json WebhookConfiguration(const std::string& kind, Json webhook) {
  webhook["admissionReviewVersions"] = Names({"v1"});
  webhook["sideEffects"] = "None";
  webhook["failurePolicy"] = "Fail";
  webhook["matchPolicy"] = "Equivalent";
  webhook["timeoutSeconds"] = 5;
  return {{"apiVersion", "admissionregistration.k8s.io/v1"},
          {"kind", kind},
          {"metadata", AdmissionMeta("countersign")},
          {"webhooks", Json::array({std::move(webhook)})}};
}

// A policy with its binding.
void AddPolicy(std::vector<Json>& objects, const std::string& name, const Json& resources,
               Json validations) {
  objects.push_back({{"apiVersion", "admissionregistration.k8s.io/v1"},
                     {"kind", "ValidatingAdmissionPolicy"},
                     {"metadata", AdmissionMeta(name)},
                     {"spec",
                      {{"failurePolicy", "Fail"},
                       {"matchConstraints", {{"resourceRules", Json::array({resources})}}},
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

// The stamp of an object in CEL, empty where there is none.
std::string StampOf(const std::string& object) {
  const std::string key = "'" + std::string(kStampAnnotation) + "'";
  return "(has(" + object + ".metadata.annotations) && " + key + " in " + object +
         ".metadata.annotations ? " + object + ".metadata.annotations[" + key + "] : '')";
}

// Whether an object carries the finalizer of published versions, in CEL.
std::string IsKept(const std::string& object) {
  return "(has(" + object + ".metadata.finalizers) && '" + std::string(kVersionFinalizer) +
         "' in " + object + ".metadata.finalizers)";
}

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
  if (options.ca_pem.find("-----BEGIN CERTIFICATE-----") == std::string::npos) {
    return Fail(Code::kInvalidArgument, "must hold a certificate in PEM", "--ca-file");
  }
  return {};
}

void AddAdmission(std::vector<Json>& objects, const InstallOptions& options,
                  const std::string& operator_user) {
  const Json evidence = Names(
      {"signoffs", "reproducibilitysnapshots", "biastests", "evidence", "waivers", "incidents"});
  // Evidence is final: a report or sign-off that says something else is another object.
  AddPolicy(objects, "countersign-evidence-is-final", Resources(Names({"UPDATE"}), evidence),
            Json::array({Validation("object.spec == oldObject.spec",
                                    "evidence may not be changed once it is made: create another "
                                    "object, the latest one counts"),
                         Validation(StampOf("object") + " == " + StampOf("oldObject"),
                                    "the stamp of evidence may not be changed")}));
  // An alarm is raised by whoever may create it, also while we are down: it does not come to the
  // webhook. Deleting one would end a quarantine; only with its namespace does it go.
  AddPolicy(objects, "countersign-incidents-stay",
            Resources(Names({"DELETE"}), Names({"incidents"})),
            Json::array({Validation(
                "request.userInfo.username == "
                "'system:serviceaccount:kube-system:namespace-controller'",
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
  AddPolicy(objects, "countersign-policy-sign-offs-stay",
            Resources(Names({"DELETE"}), Names({"signoffs"})),
            Json::array({Validation(
                "oldObject.spec.subject.kind != 'GovernancePolicy' || "
                "request.userInfo.username == "
                "'system:serviceaccount:kube-system:namespace-controller'",
                "a sign-off on a policy stays: to decide otherwise, sign again, kubectl "
                "countersign approve --policy NAME --reject")}));
  AddPolicy(objects, "countersign-status-writers",
            Resources(Names({"UPDATE"}), Names({"*/status"})),
            Json::array({Validation("request.userInfo.username == " + Literal(operator_user),
                                    "status may be written by the operator alone")}));
  objects.push_back(WebhookConfiguration(
      "MutatingWebhookConfiguration",
      {{"name", "stamp.countersign.dev"},
       {"clientConfig", ClientConfig(options, "/mutate/v1")},
       {"reinvocationPolicy", "IfNeeded"},
       {"rules", Json::array({Resources(
                     Names({"CREATE", "UPDATE"}),
                     Names({"governancepolicies", "signoffs", "reproducibilitysnapshots",
                            "biastests", "evidence", "waivers", "modeldeployments"}))})}}));
  objects.push_back(WebhookConfiguration(
      "ValidatingWebhookConfiguration",
      {{"name", "admission.countersign.dev"},
       {"clientConfig", ClientConfig(options, "/validate/v1")},
       {"rules", Json::array({Resources(
                     Names({"CREATE", "UPDATE"}),
                     Names({"governancepolicies", "usecases", "modeldeployments",
                            "modeldeployments/scale", "signoffs", "reproducibilitysnapshots",
                            "biastests", "evidence", "waivers"}))})}}));
}

}  // namespace

Json AdmissionMeta(const std::string& name) {
  return {{"name", name}, {"labels", {{"app.kubernetes.io/part-of", std::string(kPartOf)}}}};
}

Result<std::vector<Json>> InstallationObjects(const InstallOptions& given) {
  InstallOptions options = given;
  while (options.url.ends_with('/')) options.url.pop_back();
  if (auto valid = Validate(options); !valid) return Fail(valid.error());
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
  AddAdmission(objects, options, operator_user);
  return objects;
}

}  // namespace countersign
