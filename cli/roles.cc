#include "cli/installation.h"
#include "governance/types/object.h"

namespace countersign {
namespace {

using Names = std::vector<std::string>;

const Names kRead = {"get", "list", "watch"};
const Names kFollow = {"list", "watch"};  // what a cache does
const Names kChange = {"create", "update", "patch"};
const Names kAllVerbs = {"get", "list", "watch", "create", "update", "patch", "delete"};

Json Rule(const std::string& group, const Names& resources, const Names& verbs) {
  return {{"apiGroups", Json::array({group})}, {"resources", resources}, {"verbs", verbs}};
}

Json Named(Json rule, const Names& names) {
  rule["resourceNames"] = names;
  return rule;
}

Json Ours(const Names& resources, const Names& verbs) {
  return Rule(std::string(kApiGroup), resources, verbs);
}

Json ReadAll(const Names& verbs = kRead) {
  return Ours(
      {"governancepolicies", "usecases", "modeldeployments", "signoffs", "reproducibilitysnapshots",
       "biastests", "evidence", "waivers", "incidents", "modelrecords"},
      verbs);
}

// What the operator did and why, for whoever may see the objects it did it to.
Json ReadEvents() { return Rule("events.k8s.io", {"events"}, kRead); }

// `aggregate`: the built-in roles ("view", "edit", "admin") that shall contain it.
Json ClusterRole(const std::string& name, Json rules, const Names& aggregate = {}) {
  Json role = {{"apiVersion", "rbac.authorization.k8s.io/v1"},
               {"kind", "ClusterRole"},
               {"metadata", AdmissionMeta(name)},
               {"rules", std::move(rules)}};
  for (const std::string& to : aggregate) {
    role["metadata"]["labels"]["rbac.authorization.k8s.io/aggregate-to-" + to] = "true";
  }
  return role;
}

}  // namespace

std::vector<Json> ClusterRoles() {
  const Names reports = {"reproducibilitysnapshots", "biastests", "evidence", "waivers",
                         "incidents"};
  std::vector<Json> roles = {
      ClusterRole("countersign-viewer", Json::array({ReadAll(), ReadEvents()}),
                  {"view", "edit", "admin"}),
      // What an audit asks: what there is, what ran, who may do what and what is refused. No
      // Secrets.
      ClusterRole(
          "countersign-auditor",
          Json::array(
              {ReadAll(), ReadEvents(),
               Rule("", {"namespaces", "pods", "serviceaccounts", "services"}, kRead),
               Rule("apps", {"controllerrevisions", "deployments"}, kRead),
               Rule("coordination.k8s.io", {"leases"}, kRead),
               Rule("admissionregistration.k8s.io",
                    {"mutatingwebhookconfigurations", "validatingadmissionpolicies",
                     "validatingadmissionpolicybindings", "validatingwebhookconfigurations"},
                    kRead),
               Rule("apiextensions.k8s.io", {"customresourcedefinitions"}, kRead),
               Rule("rbac.authorization.k8s.io",
                    {"clusterrolebindings", "clusterroles", "rolebindings", "roles"}, kRead)})),
      // For pipelines: what they deploy is judged, and they make no evidence for it.
      ClusterRole("countersign-deployer",
                  Json::array({ReadAll(), ReadEvents(), Ours({"modeldeployments"}, kAllVerbs),
                               Ours({"modeldeployments/scale"}, {"get", "update", "patch"})})),
      // Evidence is added, not taken away: without the latest test an earlier, better one counts.
      ClusterRole(
          "countersign-developer",
          Json::array({ReadAll(), ReadEvents(), Ours({"modeldeployments", "usecases"}, kAllVerbs),
                       Ours({"modeldeployments/scale"}, {"get", "update", "patch"}),
                       Ours(reports, kChange)}),
          {"edit", "admin"}),
      // Not part of the built-in admin: whoever runs a namespace is not thereby an approver.
      ClusterRole("countersign-approver",
                  Json::array({ReadAll(), ReadEvents(), Ours({"signoffs"}, {"create"}),
                               Ours(reports, kChange)})),
      ClusterRole("countersign-policy-admin",
                  Json::array({ReadAll(), Ours({"governancepolicies"}, kAllVerbs)})),
      // tests/integration/test_chart_accounts.py fails for a right of these two that is not used.
      ClusterRole("countersign-webhook",
                  Json::array({ReadAll(kFollow), Ours({"usecases"}, {"get"}),
                               // What was approved before: Pods of it are judged by it.
                               Rule("apps", {"controllerrevisions"}, kFollow)})),
      ClusterRole(
          "countersign-operator",
          Json::array(
              {ReadAll(kFollow),
               Ours({"governancepolicies", "modeldeployments", "signoffs",
                     "reproducibilitysnapshots", "biastests", "evidence", "waivers", "incidents"},
                    {"get"}),
               Ours(
                   {"governancepolicies/status", "usecases/status", "modeldeployments/status",
                    "signoffs/status", "reproducibilitysnapshots/status", "biastests/status",
                    "evidence/status", "waivers/status", "incidents/status", "modelrecords/status"},
                   {"patch"}),
               // To take the finalizer off a version that nothing rests on any more.
               Ours({"governancepolicies"}, {"patch"}),
               // Receipts for what was stored.
               Ours({"signoffs", "reproducibilitysnapshots", "biastests", "evidence", "waivers"},
                    {"patch"}),
               // Written, never taken back.
               Ours({"modelrecords"}, {"create", "update"}),
               // ServingRecords; they count where a policy names the operator as issuer.
               Ours({"evidence"}, {"create"}),
               // ownerReferences that block the owner's deletion ask for it where
               // OwnerReferencesPermissionEnforcement is on.
               Ours({"modeldeployments/finalizers"}, {"update"}),
               Rule("apps", {"deployments"}, kAllVerbs),
               // What was approved is recorded or removed, never changed.
               Rule("apps", {"controllerrevisions"}, {"list", "watch", "create", "delete"}),
               Rule("", {"services"}, kAllVerbs),
               Rule("policy", {"poddisruptionbudgets"}, kAllVerbs),
               // Only the digest of their content is kept.
               Rule("", {"configmaps"}, kFollow),
               // To say what is no longer as it was installed.
               Named(Rule("admissionregistration.k8s.io",
                          {"validatingwebhookconfigurations", "mutatingwebhookconfigurations"},
                          kFollow),
                     {"countersign"}),
               Rule("admissionregistration.k8s.io",
                    {"validatingadmissionpolicies", "validatingadmissionpolicybindings"}, kFollow),
               Rule("events.k8s.io", {"events"}, {"create", "patch"})}))};
  for (Json& role : roles) {
    const std::string name = StringAt(role, "metadata/name");
    if (name == "countersign-webhook") AddServingKinds(role, kFollow, false);
    // For the scan for shadow deployments, also `countersign scan`.
    if (name == "countersign-auditor") AddServingKinds(role, kRead, true);
    if (name == "countersign-operator") AddServingKinds(role, {"list"}, true);
  }
  return roles;
}

}  // namespace countersign
