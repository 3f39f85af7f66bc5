// waiver_rules.h: what a policy lets be excepted, by whom and for how long, described once
// (base/describe.h). For policy.cc alone, which instantiates it.
#pragma once

#include "governance/types/describe/fields.h"
#include "governance/types/describe/requirements.h"
#include "governance/types/policy.h"

namespace countersign {

template <class V>
void Describe(V& v, WaiverControl& c) {
  v.Field(NameField("Name of the control."), c.name);
  v.Field({.name = "measures",
           .doc = "Waived measures that it makes up for; any, if empty.",
           .format = Format::kName,
           .max = kMaxListed,
           .length = 63,
           .list = ListType::kSet},
          c.measures);
  v.Field({.name = "evidence",
           .doc = "The report that shows it in place. It is judged as for a measure.",
           .required = true},
          c.evidence);
}

template <class V>
void Describe(V& v, EmergencyRules& e) {
  v.Field({.name = "role",
           .doc = "Who may declare one. Service accounts may not.",
           .required = true,
           .format = Format::kName,
           .length = 63},
          e.role);
  v.Field({.name = "maxDuration",
           .doc = "The longest that one may be for, for example 4h, at most 72h, counted from when "
                  "the system first saw it.",
           .required = true},
          e.max_duration);
}

template <class V>
void Describe(V& v, WaiverRules& w) {
  v.Field({.name = "signOff",
           .doc = "Whose sign-off makes a waiver count. Never that of whoever asked for it, of the "
                  "use case's owner, of developers or of the deployment's author.",
           .required = true},
          w.sign_off);
  v.Field({.name = "maxDuration",
           .doc = "The longest that one waiver may be for, for example 30d, counted from when the "
                  "system first saw it.",
           .required = true},
          w.max_duration);
  v.Field({.name = "maxRenewals",
           .doc = "How many more approved waivers of the same measure there may be for the same "
                  "model in the same environment, 0 to 16. Default 0.",
           .max = 16},
          w.max_renewals);
  v.Field({.name = "maxTotal",
           .doc = "The longest that all approved waivers of a measure may be for together, in one "
                  "environment of one use case, whatever the model."},
          w.max_total);
  v.Field({.name = "never",
           .doc = "Measures that cannot be waived.",
           .format = Format::kName,
           .max = kMaxListed,
           .length = 63,
           .list = ListType::kSet},
          w.never);
  v.Field({.name = "controls",
           .doc = "What must be in place for a waiver to count, beside the compensating control "
                  "that it states in words.",
           .max = 16,
           .list = ListType::kMap,
           .list_key = "name"},
          w.controls);
  v.Field({.name = "emergency",
           .doc = "Who may break the glass: make a waiver that counts at once, for hours, and is "
                  "signed off afterwards. Without it nobody. Controls are not asked of it."},
          w.emergency);
}

}  // namespace countersign
