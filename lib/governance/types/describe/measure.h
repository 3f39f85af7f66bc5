// measure.h: one measure of a policy (where it applies, who answers for it, what becomes of a
// deployment that fails it), described once (base/describe.h). For policy.cc alone, which
// instantiates it.
#pragma once

#include "governance/types/describe/fields.h"
#include "governance/types/describe/requirements.h"
#include "governance/types/policy.h"

namespace countersign {

template <class V>
void Describe(V& v, Applies& a) {
  v.Field({.name = "classes",
           .doc = "Classes it applies to; all, if empty.",
           .format = Format::kName,
           .max = 32,
           .length = 63,
           .list = ListType::kSet},
          a.classes);
  v.Field({.name = "environments",
           .doc = "Environments it applies in; all, if empty.",
           .format = Format::kName,
           .max = 32,
           .length = 63,
           .list = ListType::kSet},
          a.environments);
}

template <class V>
void Describe(V& v, ExpiryReaction& e) {
  v.Field({.name = "action",
           .doc = "At the instant of expiry: Alert, Hold, Rollback or Suspend.",
           .required = true},
          e.action);
  v.Field({.name = "grace", .doc = "How long until `then`, for example 14d.", .required = true},
          e.grace);
  v.Field({.name = "then",
           .doc = "After the grace period: Alert, Hold, Rollback or Suspend.",
           .required = true},
          e.then);
}

template <class V>
void Describe(V& v, CarryOverRule& c) {
  v.Field({.name = "kinds",
           .doc = "Kinds of change: DataRefresh, Parameter, Threshold, Feature, Serving. Never "
                  "Algorithm, which also stands for what is unknown, nor Purpose.",
           .required = true,
           .min = 1,
           .max = 5,
           .list = ListType::kSet},
          c.kinds);
  v.Field({.name = "maxAge",
           .doc = "How long the evidence holds after such a change, counted from when the system "
                  "first saw it; never longer than spec.changes.maxTotal and the measure's own "
                  "maxAge."},
          c.max_age);
}

template <class V>
void Describe(V& v, Measure& m) {
  v.Field(NameField("Name of the measure."), m.name);
  v.Field({.name = "step",
           .doc = "Process step it belongs to: BusinessScoping, Ideation, Development, "
                  "PreProduction, Deployment or Monitoring.",
           .required = true},
          m.step);
  v.Field({.name = "description",
           .doc = "Why it is asked; shown to whoever is refused.",
           .length = 1024},
          m.description);
  v.Field({.name = "accountable",
           .doc = "The one role that answers for it.",
           .required = true,
           .format = Format::kName,
           .length = 63},
          m.accountable);
  v.Field({.name = "responsible",
           .doc = "Roles that do the work.",
           .format = Format::kName,
           .max = 16,
           .length = 63,
           .list = ListType::kSet},
          m.responsible);
  v.Field({.name = "consulted",
           .doc = "Roles that are asked.",
           .format = Format::kName,
           .max = 16,
           .length = 63,
           .list = ListType::kSet},
          m.consulted);
  v.Field({.name = "informed",
           .doc = "Roles that are told.",
           .format = Format::kName,
           .max = 16,
           .length = 63,
           .list = ListType::kSet},
          m.informed);
  v.Field({.name = "applies", .doc = "Where it applies; everywhere, if absent."}, m.applies);
  v.Field({.name = "enforcement",
           .doc = "Enforcement of this measure where it is stricter than the environment's."},
          m.enforcement);
  v.Field({.name = "require", .doc = "What is required; exactly one member.", .required = true},
          m.require);
  v.Field({.name = "subject",
           .doc = "What evidence must be about where a model has components: Composite (the model "
                  "as a whole; the default), Each (every component), or the components of one "
                  "role or name. For biasTest, reproducibility and reports about the model. A "
                  "model without components is its own BaseModel.",
           .format = Format::kToken,
           .length = 63},
          m.subject);
  v.Field({.name = "carryOver",
           .doc = "After changes of which kinds evidence about the model before counts, while "
                  "there is none about the new one. Every kind of the change must be listed.",
           .max = 5},
          m.carry_over);
  v.Field(
      {.name = "onViolation",
       .doc = "What the operator does to a serving revision when the gate fails or its evidence "
              "is withdrawn: Alert, Hold (nothing new is served), Rollback (to an earlier "
              "approved revision that still passes) or Suspend. Default Hold."},
      m.on_violation);
  v.Field({.name = "onExpiry",
           .doc = "What the operator does when evidence gets too old. Default: Alert, after 14d "
                  "Hold."},
          m.on_expiry);
}

}  // namespace countersign
