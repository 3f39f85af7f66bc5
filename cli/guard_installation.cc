#include "cli/guard_installation.h"

#include <map>
#include <set>

#include "cli/installation.h"
#include "governance/serving/match_condition.h"
#include "governance/types/object.h"

namespace countersign {
namespace {

constexpr char kLock[] = "countersign-locked-environments";

// By group: the plurals of the table.
std::map<std::string, std::set<std::string>> Resources(const ServingProfiles& table) {
  std::map<std::string, std::set<std::string>> resources;
  for (const ServingProfile& profile : table.profiles) {
    resources[profile.group].insert(profile.resource);
  }
  return resources;
}

Json RuleFor(const std::string& group, const std::set<std::string>& resources, Json operations) {
  return {{"apiGroups", Json::array({group})},
          {"apiVersions", Json::array({"*"})},
          {"operations", std::move(operations)},
          {"resources", resources},
          {"scope", "Namespaced"}};
}

Json Written() { return Json::array({"CREATE", "UPDATE"}); }

// How traffic gets to something, whatever carries it.
const std::map<std::string, std::set<std::string>>& Routes() {
  static const std::map<std::string, std::set<std::string>> kRoutes = {
      {"", {"services", "endpoints"}},
      {"discovery.k8s.io", {"endpointslices"}},
      {"networking.k8s.io", {"ingresses"}},
      {"gateway.networking.k8s.io",
       {"gateways", "httproutes", "grpcroutes", "tcproutes", "tlsroutes", "udproutes"}},
      {"networking.istio.io",
       {"virtualservices", "destinationrules", "serviceentries", "envoyfilters", "workloadentries",
        "gateways"}},
      {"serving.knative.dev", {"routes", "configurations"}},
      {"inference.networking.k8s.io", {"inferencepools"}},
      {"inference.networking.x-k8s.io",
       {"inferencepools", "inferencemodels", "inferencemodelrewrites", "inferenceobjectives"}},
      {"traefik.io", {"ingressroutes", "ingressroutetcps", "traefikservices", "middlewares"}},
      {"projectcontour.io", {"httpproxies"}},
      {"apisix.apache.org", {"apisixroutes", "apisixupstreams"}},
      {"autoscaling", {"horizontalpodautoscalers"}}};
  return kRoutes;
}

// What says for others what they run.
const std::map<std::string, std::set<std::string>>& Runtimes() {
  static const std::map<std::string, std::set<std::string>> kRuntimes = {
      {"serving.kserve.io", {"servingruntimes", "llminferenceserviceconfigs"}},
      {"mlops.seldon.io", {"servers", "serverconfigs"}},
      {"ray.io", {"rayclusters", "rayjobs"}}};
  return kRuntimes;
}

std::string CelList(const std::vector<std::string>& texts) {
  std::string out = "[";
  for (const std::string& text : texts) out += (out.size() == 1 ? "" : ", ") + CelLiteral(text);
  return out + "]";
}

// The environments of the policy that the namespace is in: those that name it, or else those whose
// pattern matches it, as EnvironmentsOf has it.
constexpr char kEnvironments[] =
    "params.spec.environments.filter(e, "
    "params.spec.environments.exists(x, request.namespace in x.namespaces) "
    "? request.namespace in e.namespaces "
    ": e.namespaces.exists(n, request.namespace.matches('^' + n.replace('*', '.*') + '$')))";

constexpr char kListed[] =
    "e.locked.requesters.exists(s, "
    "(s.kind == 'User' && s.name == request.userInfo.username) || "
    "(s.kind == 'Group' && has(request.userInfo.groups) && s.name in request.userInfo.groups))";

// A version that another one has taken the place of locks nothing any more; one whose standing the
// operator has not told yet does.
constexpr char kEnded[] =
    "has(params.status) && has(params.status.conditions) && "
    "params.status.conditions.exists(c, c.type == 'InForce' && c.status == 'False')";

}  // namespace

std::vector<std::string> ControllerAccounts() {
  std::vector<std::string> users = {"system:kube-controller-manager", "system:kube-scheduler"};
  for (const char* name :
       {"deployment-controller", "replicaset-controller", "replication-controller",
        "statefulset-controller", "daemon-set-controller", "job-controller", "cronjob-controller",
        "horizontal-pod-autoscaler", "generic-garbage-collector", "namespace-controller",
        "node-controller", "pod-garbage-collector", "ttl-after-finished-controller",
        "disruption-controller", "endpoint-controller", "endpointslice-controller",
        "endpointslicemirroring-controller", "service-controller", "resourceclaim-controller"}) {
    users.push_back(std::string("system:serviceaccount:kube-system:") + name);
  }
  return users;
}

Json LockRules(const ServingProfiles& table) {
  auto written = Resources(table);
  for (auto& [group, resources] : written) {
    std::set<std::string> scales;
    for (const std::string& resource : resources) scales.insert(resource + "/scale");
    resources.merge(scales);
  }
  for (const auto* kinds : {&Routes(), &Runtimes()}) {
    for (const auto& [group, resources] : *kinds) {
      written[group].insert(resources.begin(), resources.end());
    }
  }
  written[""].insert("pods/ephemeralcontainers");
  Json rules = Json::array();
  for (const auto& [group, resources] : written) {
    rules.push_back(RuleFor(group, resources, Written()));
  }
  rules.push_back(
      RuleFor("", {"pods/exec", "pods/attach", "pods/portforward", "pods/proxy", "services/proxy"},
              Json::array({"CONNECT"})));
  return rules;
}

Json GuardRules(const ServingProfiles& table) {
  Json rules = Json::array();
  for (auto [group, resources] : Resources(table)) {
    if (resources.contains("pods")) resources.insert("pods/ephemeralcontainers");
    rules.push_back(RuleFor(group, resources, Written()));
  }
  return rules;
}

std::vector<std::pair<std::string, std::string>> GuardConditions(const ServingProfiles& table,
                                                                 const std::string& operator_user,
                                                                 GuardEntryFor who) {
  const std::string controller = "request.userInfo.username in " + CelList(ControllerAccounts());
  // What is being deleted loses its finalizers whatever it is, also while we are down.
  return {{"is-not-the-operator", "request.userInfo.username != " + CelLiteral(operator_user)},
          who == GuardEntryFor::kControllers
              ? std::pair<std::string, std::string>{"is-a-controller-of-kubernetes", controller}
              : std::pair<std::string, std::string>{"is-no-controller-of-kubernetes",
                                                    "!(" + controller + ")"},
          {"stays-or-changes",
           "request.operation != 'UPDATE' || !has(oldObject.metadata.deletionTimestamp) || " +
               ServingRootsExpression(table)},
          {"may-change-what-serves", ServingChangeExpression(table)},
          {"may-serve-a-model", ServingMatchExpression(table.signals)}};
}

Json ExemptNamespaces(const std::string& own) {
  return {{"matchExpressions", Json::array({{{"key", "kubernetes.io/metadata.name"},
                                             {"operator", "NotIn"},
                                             {"values", Json::array({"kube-system", own})}}})}};
}

Json MatchConstraints(Json rules, Json namespaces) {
  return {{"matchPolicy", "Equivalent"},
          {"namespaceSelector", std::move(namespaces)},
          {"objectSelector", Json::object()},
          {"resourceRules", std::move(rules)}};
}

std::vector<Json> LockObjects(const ServingProfiles& table, const std::string& operator_user,
                              const std::string& own_namespace) {
  std::vector<std::string> exempt = ControllerAccounts();
  exempt.push_back(operator_user);
  const std::string locked =
      std::string(kEnvironments) + ".filter(e, has(e.locked) && !(" + kListed + "))";
  const Json conditions = Json::array(
      {{{"name", "is-nobody-who-tends-what-runs"},
        {"expression",
         "!(request.userInfo.username in " + CelList(exempt) +
             ") && !(request.userInfo.username.startsWith('system:node:') && "
             "has(request.userInfo.groups) && 'system:nodes' in request.userInfo.groups)"}}});
  const Json validation = {
      {"expression", std::string(kEnded) + " || size(" + locked + ") == 0"},
      {"messageExpression",
       "\"environment '\" + " + locked +
           "[0].name + \"' of policy '\" + params.metadata.name + "
           "\"' is locked: only the requesters that it lists change what runs there; change the "
           "ModelDeployment instead, or ask one of them\""},
      {"message",
       "the environment is locked: only the requesters that its policy lists change "
       "what runs there"},
      {"reason", "Forbidden"}};
  return {
      {{"apiVersion", "admissionregistration.k8s.io/v1"},
       {"kind", "ValidatingAdmissionPolicy"},
       {"metadata", AdmissionMeta(kLock)},
       {"spec",
        {{"failurePolicy", "Fail"},
         {"paramKind", {{"apiVersion", std::string(kApiVersion)}, {"kind", "GovernancePolicy"}}},
         {"matchConstraints", MatchConstraints(LockRules(table), ExemptNamespaces(own_namespace))},
         {"matchConditions", conditions},
         {"validations", Json::array({validation})}}}},
      {{"apiVersion", "admissionregistration.k8s.io/v1"},
       {"kind", "ValidatingAdmissionPolicyBinding"},
       {"metadata", AdmissionMeta(kLock)},
       {"spec",
        {{"policyName", kLock},
         // All policies; each that locks is enough.
         {"paramRef", {{"selector", Json::object()}, {"parameterNotFoundAction", "Allow"}}},
         {"validationActions", Json::array({"Deny", "Audit"})}}}}};
}

void AddServingKinds(Json& role, const std::vector<std::string>& verbs, bool for_scans) {
  const auto table = BuiltInServingProfiles();
  if (!table) return;  // a unit test holds the table to its format
  auto kinds = Resources(*table);
  if (for_scans) {
    for (const ServingSelector& selector : table->selectors) {
      kinds[selector.group].insert(selector.resource);
    }
  } else if (const ServingProfile* pods = table->Find("", "Pod");
             pods == nullptr || pods->owners.empty()) {
    kinds[""].erase("pods");
  }
  for (const auto& [group, resources] : kinds) {
    role["rules"].push_back(
        {{"apiGroups", Json::array({group})}, {"resources", resources}, {"verbs", verbs}});
  }
}

}  // namespace countersign
