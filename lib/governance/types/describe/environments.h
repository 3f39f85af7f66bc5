// environments.h: the environments of a policy, and what guards and locks them, described once
// (base/describe.h). For policy.cc alone, which instantiates it.
#pragma once

#include "governance/types/account.h"
#include "governance/types/describe/fields.h"
#include "governance/types/policy.h"

namespace countersign {

template <class V>
void Describe(V& v, EnvironmentGuard& g) {
  v.Field({.name = "mode",
           .doc = "Deny (refused at admission), Warn (let in with a warning) or Audit (let in, "
                  "recorded and reported).",
           .required = true},
          g.mode);
}

template <class V>
void Describe(V& v, EnvironmentLock& l) {
  // The API server checks locks by itself and knows neither people nor roles of a policy.
  DescribeAccounts(v,
                   {.name = "requesters",
                    .doc = "Users and groups who may, beside Countersign's operator and "
                           "Kubernetes' own controllers. Nobody else, if the list is empty.",
                    .required = true,
                    .max = kMaxListed},
                   l.requesters);
}

template <class V>
void Describe(V& v, PolicyEnvironment& e) {
  v.Field(NameField("Name of the environment, for example prod."), e.name);
  v.Field(
      {.name = "namespaces",
       .doc = "Namespaces that belong to it: exact names, or patterns with '*' for places where "
              "tenants cannot create namespaces. A namespace in no environment admits no "
              "ModelDeployment.",
       .required = true,
       .format = Format::kNamespaceGlob,
       .min = 1,
       .max = kMaxListed,
       .length = 63,
       .list = ListType::kSet},
      e.namespaces);
  v.Field({.name = "enforcement",
           .doc = "What an unmet gate does: Deny (refused at admission), Hold (admitted, nothing "
                  "new is served), Warn (served, with a warning) or Audit (served, recorded).",
           .required = true},
          e.enforcement);
  v.Field({.name = "guard",
           .doc = "What becomes of workloads that serve a model without a ModelDeployment. By "
                  "default Deny where enforcement is Deny or Hold, else what enforcement says."},
          e.guard);
  v.Field({.name = "locked",
           .doc = "Locks its namespaces: only those listed create or change workloads, Services "
                  "and routes there, or enter Pods (exec, attach, ephemeral containers, port "
                  "forwarding). The API server checks it, also while Countersign is down."},
          e.locked);
}

}  // namespace countersign
