#include "cli/authority_roles.h"

#include "cli/installation.h"

namespace countersign {
namespace {

using Names = std::vector<std::string>;

// `names` empty: any, which is all that RBAC can say of what is to be created.
Json Rule(const std::string& group, const Names& resources, const Names& verbs,
          const Names& names) {
  Json rule = {{"apiGroups", Json::array({group})}, {"resources", resources}, {"verbs", verbs}};
  if (!names.empty()) rule["resourceNames"] = names;
  return rule;
}

// A role and its binding; `ns` empty: of the cluster.
void Add(std::vector<Json>& objects, const std::string& name, const std::string& ns,
         const Json& subject, Json rules) {
  const std::string kind = ns.empty() ? "ClusterRole" : "Role";
  Json meta = AdmissionMeta(name);
  if (!ns.empty()) meta["namespace"] = ns;
  objects.push_back({{"apiVersion", "rbac.authorization.k8s.io/v1"},
                     {"kind", kind},
                     {"metadata", meta},
                     {"rules", std::move(rules)}});
  objects.push_back(
      {{"apiVersion", "rbac.authorization.k8s.io/v1"},
       {"kind", kind + "Binding"},
       {"metadata", meta},
       {"roleRef", {{"apiGroup", "rbac.authorization.k8s.io"}, {"kind", kind}, {"name", name}}},
       {"subjects", Json::array({subject})}});
}

}  // namespace

std::vector<Json> AuthorityRoles(const Json& operator_subject, const std::string& ns) {
  const std::string group = "admissionregistration.k8s.io";
  const Names configurations = {"validatingwebhookconfigurations", "mutatingwebhookconfigurations"};
  const Names ours = {"countersign"};
  const Names secret = {std::string(kAuthoritySecret)};
  const Json webhook = {
      {"kind", "ServiceAccount"}, {"name", "countersign-webhook"}, {"namespace", ns}};
  std::vector<Json> objects;
  // To see that an authority is published, before a leaf of it is served.
  Add(objects, "countersign-webhook-ca", "", webhook,
      Json::array({Rule(group, configurations, {"list", "watch"}, ours)}));
  Add(objects, "countersign-webhook-ca", ns, webhook,
      Json::array({Rule("", {"secrets"}, {"list", "watch", "update"}, secret),
                   Rule("", {"secrets"}, {"create"}, {})}));
  // To publish it: the operator, which may run anything anywhere as it is, not what parses
  // requests.
  Add(objects, "countersign-operator-ca", "", operator_subject,
      Json::array({Rule(group, configurations, {"patch"}, ours)}));
  Add(objects, "countersign-operator-ca", ns, operator_subject,
      Json::array({Rule("", {"secrets"}, {"list", "watch"}, secret)}));
  return objects;
}

}  // namespace countersign
