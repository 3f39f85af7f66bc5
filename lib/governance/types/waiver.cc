#include "governance/types/waiver.h"

#include "governance/types/codec.h"

namespace countersign {

template <class V>
void Describe(V& v, WaiverSpec& s) {
  v.Field({.name = "useCase",
           .doc = "Name of the use case, in this object's namespace.",
           .required = true,
           .format = Format::kObjectName},
          s.use_case);
  v.Field({.name = "policy",
           .doc = "Name of the policy whose measures are waived.",
           .required = true,
           .format = Format::kObjectName},
          s.policy);
  v.Field({.name = "environment",
           .doc = "The policy's environment that the waiver is for.",
           .required = true,
           .format = Format::kName,
           .length = 63},
          s.environment);
  v.Field({.name = "model", .doc = "The model that it is for, by digest.", .required = true},
          s.model);
  v.Field({.name = "measures",
           .doc = "Names of the measures that are waived.",
           .required = true,
           .format = Format::kName,
           .min = 1,
           .max = 16,
           .length = 63,
           .list = ListType::kSet},
          s.measures);
  v.Field({.name = "reason",
           .doc = "Why the measure cannot be met in time.",
           .required = true,
           .length = 4096},
          s.reason);
  v.Field({.name = "ticket",
           .doc = "Where the work that ends the exception is tracked.",
           .required = true,
           .length = 1024},
          s.ticket);
  v.Field({.name = "compensatingControl",
           .doc = "What limits the harm meanwhile.",
           .required = true,
           .length = 4096},
          s.compensating_control);
  v.Field({.name = "expiresAt",
           .doc = "When the waiver ends, within the policy's spec.waivers.maxDuration counted from "
                  "when the system first saw it. RFC 3339.",
           .required = true},
          s.expires_at);
  v.Field(
      {.name = "emergency",
       .doc = "Breaks the glass: it counts at once, for no longer than the policy's "
              "spec.waivers.emergency.maxDuration, if its maker holds the role named there, and "
              "stays open until it is signed off."},
      s.emergency);
}

static void Check(const WaiverSpec&, const Json& /*json*/, std::vector<Error>&) {}

COUNTERSIGN_INSTANTIATE_KIND(WaiverSpec);

}  // namespace countersign
