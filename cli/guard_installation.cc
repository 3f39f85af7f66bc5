#include "cli/guard_installation.h"

#include <map>
#include <set>

#include "cli/guard_routes.h"
#include "cli/installation.h"
#include "governance/serving/match_condition.h"
#include "governance/types/object.h"

namespace countersign {
namespace {

constexpr char kLock[] = "countersign-locked-environments";
constexpr char kLockedMetadata[] = "countersign-locked-metadata";
constexpr char kSigns[] = "countersign-signs-of-serving";

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

// With a status, and as a Pod is bound to its node, the API server takes in labels and annotations
// as well.
Json BesideRules(const std::map<std::string, std::set<std::string>>& kinds) {
  Json rules = Json::array();
  for (const auto& [group, resources] : kinds) {
    std::set<std::string> statuses;
    for (const std::string& resource : resources) statuses.insert(resource + "/status");
    rules.push_back(RuleFor(group, statuses, Json::array({"UPDATE"})));
  }
  rules.push_back(RuleFor("", {"bindings", "pods/binding"}, Json::array({"CREATE"})));
  return rules;
}

// Kubernetes' own. Of kinds that a CRD defines the API server leaves the metadata as it was when
// the status is written.
const std::map<std::string, std::set<std::string>>& OwnWorkloads() {
  static const std::map<std::string, std::set<std::string>> kKinds = {
      {"", {"pods", "replicationcontrollers"}},
      {"apps", {"deployments", "replicasets", "statefulsets", "daemonsets"}},
      {"batch", {"jobs", "cronjobs"}}};
  return kKinds;
}

// In CEL: what stands in the metadata, of what is written and of what was there.
std::string Now(const std::string& key, const std::string& none) {
  return "object.?metadata.?" + key + ".orValue(" + none + ")";
}
std::string Before(const std::string& key, const std::string& none) {
  return "(request.operation == 'UPDATE' ? oldObject.?metadata.?" + key + ".orValue(" + none +
         ") : " + none + ")";
}
std::string Changes(const std::string& key, const std::string& none) {
  return Now(key, none) + " != " + Before(key, none);
}

// What traffic goes by as well, and has a status.
const std::map<std::string, std::set<std::string>>& OwnRoutes() {
  static const std::map<std::string, std::set<std::string>> kKinds = {
      {"", {"services"}},
      {"networking.k8s.io", {"ingresses"}},
      {"autoscaling", {"horizontalpodautoscalers"}}};
  return kKinds;
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

// With a status, or as a Pod is bound: labels and owners, and annotations, but for those that the
// network of a cluster writes on Pods. Such accounts are the system's; one of a workload in the
// namespace is not. Where a Pod runs, the API server says in two labels.
std::string SaysMore() {
  const std::string network =
      "request.resource.resource in ['pods', 'bindings'] && "
      "request.userInfo.username.startsWith('system:') && "
      "!request.userInfo.username.startsWith('system:serviceaccount:' + request.namespace + ':')";
  return "(request.operation == 'CREATE' ? " + Now("labels", "{}") +
         ".exists(k, !k.startsWith('topology.kubernetes.io/')) : " + Changes("labels", "{}") +
         ") || " + Changes("ownerReferences", "[]") + " || (" + Changes("annotations", "{}") +
         " && !(" + network + "))";
}

Json Policy(const char* name, Json spec) {
  return {{"apiVersion", "admissionregistration.k8s.io/v1"},
          {"kind", "ValidatingAdmissionPolicy"},
          {"metadata", AdmissionMeta(name)},
          {"spec", std::move(spec)}};
}

Json BindingOf(const char* name) {
  return {{"apiVersion", "admissionregistration.k8s.io/v1"},
          {"kind", "ValidatingAdmissionPolicyBinding"},
          {"metadata", AdmissionMeta(name)},
          {"spec", {{"policyName", name}, {"validationActions", Json::array({"Deny", "Audit"})}}}};
}

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
  written[""].insert({"pods/ephemeralcontainers", "pods/resize"});
  Json rules = Json::array();
  for (auto& [group, resources] : written) {
    // The API server takes no rule that names a kind beside all of them.
    if (resources.contains("*")) {
      std::erase_if(resources, [](const std::string& resource) {
        return resource != "*" && resource.find('/') == std::string::npos;
      });
    }
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
  // What is being deleted loses its finalizers whatever it is, also while we are down. It joins
  // nothing any more unseen.
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
  const std::string tends_nothing =
      "!(request.userInfo.username in " + CelList(exempt) +
      ") && !(request.userInfo.username.startsWith('system:node:') && "
      "has(request.userInfo.groups) && 'system:nodes' in request.userInfo.groups)";
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
  std::vector<Json> objects;
  const auto add = [&](const char* name, const char* on_failure, Json rules, Json condition) {
    objects.push_back(Policy(
        name,
        {{"failurePolicy", on_failure},
         {"paramKind", {{"apiVersion", std::string(kApiVersion)}, {"kind", "GovernancePolicy"}}},
         {"matchConstraints", MatchConstraints(std::move(rules), ExemptNamespaces(own_namespace))},
         {"matchConditions", Json::array({std::move(condition)})},
         {"validations", Json::array({validation})}}));
    objects.push_back(BindingOf(name));
    // All policies; each that locks is enough.
    objects.back()["spec"]["paramRef"] = {{"selector", Json::object()},
                                          {"parameterNotFoundAction", "Allow"}};
  };
  add(kLock, "Fail", LockRules(table),
      {{"name", "is-nobody-who-tends-what-runs"}, {"expression", tends_nothing}});
  // A policy of its own, because one that takes parameters fails before it looks at its conditions
  // where the API server does not know their kind. Then the nodes of a cluster could tell nothing
  // of any Pod.
  auto beside = OwnWorkloads();
  for (const auto& [group, resources] : OwnRoutes()) {
    beside[group].insert(resources.begin(), resources.end());
  }
  // One condition, because all of several are looked at: who writes a status is a long list, and
  // what nodes write is no more than that.
  add(kLockedMetadata, "Ignore", BesideRules(beside),
      {{"name", "sets-labels-or-annotations"},
       {"expression", "(" + SaysMore() + ") && " + tends_nothing}});
  return objects;
}

std::string SignsSet(const ServingProfiles& table) {
  return ServingLabelsExpression(table.signals, "variables.set", Now("labels", "{}"));
}

bool IsMadeFromTable(const std::string& policy) { return policy == kLock || policy == kSigns; }

std::vector<Json> SignObjects(const ServingProfiles& table, const std::string& own_namespace) {
  const std::string labels = Now("labels", "{}");
  const Json set = {{"name", "set"},
                    {"expression", "[" + Before("labels", "{}") + "].map(b, " + labels +
                                       ".filter(k, !(k in b && b[k] == " + labels + "[k])))[0]"}};
  const Json signs = {{"name", "signs"}, {"expression", SignsSet(table)}};
  const Json validation = {
      {"expression", "size(variables.signs) == 0"},
      {"messageExpression",
       "\"by \" + variables.signs.join(', ') + \" something is known to serve a model: such labels "
       "are set on the object itself, where the guard looks at it, not with its status or as it is "
       "bound to a node\""},
      {"message",
       "labels by which something is known to serve a model are set on the object itself, where "
       "the guard looks at it, not with its status or as it is bound to a node"},
      {"reason", "Forbidden"}};
  return {
      Policy(kSigns,
             {{"failurePolicy", "Fail"},
              {"matchConstraints",
               MatchConstraints(BesideRules(OwnWorkloads()), ExemptNamespaces(own_namespace))},
              // Those who tell what runs set none, so that of theirs nothing else is looked at.
              {"matchConditions",
               Json::array({{{"name", "sets-labels"}, {"expression", Changes("labels", "{}")}}})},
              {"variables", Json::array({set, signs})},
              {"validations", Json::array({validation})}}),
      BindingOf(kSigns)};
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
