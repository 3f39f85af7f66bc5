// installation.h: what a cluster must hold for Countersign to govern it, as objects.
//
// Webhook configurations, ValidatingAdmissionPolicies that need no webhook to work, RBAC, service
// accounts. `countersign install` prints them for `kubectl apply --server-side -f -`. Refusals by
// these policies are 403: GitOps tools answer a 422, or words like "immutable", by deleting and
// recreating the object. Pure.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace countersign {

struct InstallOptions {
  // Where the API server reaches the webhook: either a URL, or a Service as "namespace/name".
  std::string url;
  std::string service;
  // Who signed the webhook's certificate. Empty: the built-in authority, which the operator
  // publishes, with the roles that this takes.
  std::string ca_pem;
  // The only account that may write status. Empty: the operator's service account.
  std::string operator_user;
  std::string name_space = "countersign-system";
  bool crds = false;
  // Of what serves a model, as text; empty: the one built in.
  std::string serving_profiles;
  int timeout_seconds = 5;  // of entries that must be asked
};

// In the order in which they can be applied.
[[nodiscard]] Result<std::vector<Json>> InstallationObjects(const InstallOptions& options);

// The roles that people are given, and those of the two programs.
[[nodiscard]] std::vector<Json> ClusterRoles();

// Gives a ClusterRole rights on every kind of the serving table that is built in. The webhook keeps
// none of the Pods, which are judged as they come; scans list these, and what selects them.
void AddServingKinds(Json& role, const std::vector<std::string>& verbs, bool for_scans);

[[nodiscard]] Json AdmissionMeta(const std::string& name);  // metadata with our labels

}  // namespace countersign
