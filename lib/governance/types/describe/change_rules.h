// change_rules.h: how far a policy lets what counts for one model count for the next, described
// once (base/describe.h). For policy.cc alone, which instantiates it.
#pragma once

#include "governance/types/describe/fields.h"
#include "governance/types/describe/requirements.h"
#include "governance/types/policy.h"

namespace countersign {

template <class V>
void Describe(V& v, ProtocolRules& p) {
  v.Field({.name = "signOff",
           .doc = "Whose sign-off makes a ChangeProtocol count. Never that of whoever made it, of "
                  "developers or of the deployment's author.",
           .required = true},
          p.sign_off);
  v.Field({.name = "measures",
           .doc = "Sign-off measures of this policy that a protocol may stand for.",
           .required = true,
           .format = Format::kName,
           .min = 1,
           .max = 16,
           .length = 63,
           .list = ListType::kSet},
          p.measures);
  v.Field({.name = "kinds",
           .doc = "Kinds of change that a protocol may cover: DataRefresh, Parameter, Threshold, "
                  "Feature, Serving.",
           .required = true,
           .min = 1,
           .max = 5,
           .list = ListType::kSet},
          p.kinds);
  v.Field({.name = "freshMeasures",
           .doc = "Measures of this policy that each new model must meet by evidence about itself, "
                  "automatic tests for example.",
           .format = Format::kName,
           .max = 16,
           .length = 63,
           .list = ListType::kSet},
          p.fresh);
  v.Field({.name = "maxUses",
           .doc = "Most models that one protocol may cover, 1 to 10000.",
           .required = true,
           .min = 1,
           .max = 10'000},
          p.max_uses);
  v.Field({.name = "maxDuration",
           .doc = "The longest that a protocol may be for, for example 90d, counted from when the "
                  "system first saw it.",
           .required = true},
          p.max_duration);
}

template <class V>
void Describe(V& v, ChangeRules& c) {
  v.Field({.name = "issuers",
           .doc = "Whose ReproducibilitySnapshots tell what changed: accounts, groups, people or "
                  "roles of this policy. Nobody, if the list is empty.",
           .max = kMaxListed},
          c.issuers);
  v.Field({.name = "healthIssuers",
           .doc = "Whose ServingRecords tell that the model before ran healthily in the same "
                  "environment. Nobody, if the list is empty.",
           .max = kMaxListed},
          c.health_issuers);
  v.Field({.name = "maxSteps",
           .doc = "Most changes since the model that the evidence is about, 1 to 64. Default 5.",
           .min = 1,
           .max = 64},
          c.max_steps);
  v.Field({.name = "maxTotal",
           .doc = "The longest that evidence is carried over, for example 90d, counted from when "
                  "the system first saw it.",
           .required = true},
          c.max_total);
  v.Field({.name = "protocols",
           .doc = "Which changes people may approve of beforehand, in an Evidence of type "
                  "ChangeProtocol. Without it none."},
          c.protocols);
}

}  // namespace countersign
