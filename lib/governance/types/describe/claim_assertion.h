// claim_assertion.h: an assertion on a claim, described once (base/describe.h). For policy.cc and
// sign_off.cc alone.
#pragma once

#include "base/describe.h"
#include "governance/types/claim_assertion.h"

namespace countersign {

constexpr FieldInfo UnitField() {
  return {.name = "unit",
          .doc =
              "Unit that the number must be given in, such as ms or GiB: one in another unit, or "
              "in none, is compared with nothing. Claims of the well-known types have one each; "
              "where a policy names none for another, numbers are compared as they stand.",
          .length = 63};
}

template <class V>
void Describe(V& v, ClaimAssertion& c) {
  v.Field({.name = "claim",
           .doc = "Name of the claim. A report without it does not pass.",
           .required = true,
           .format = Format::kIdentifier,
           .length = 63},
          c.claim);
  v.Field({.name = "operator",
           .doc = "Exists (any value), Equals, NotEquals (text, flag or number), AtLeast, AtMost, "
                  "Above, Below (number), In, NotIn (text is one of values), Includes, Excludes "
                  "(items have all, or none, of values) or Matches (text as a whole, by an RE2 "
                  "expression).",
           .required = true},
          c.op);
  v.Field(
      {.name = "value",
       .doc = "What the claim is compared with; a decimal for numbers, true or false for flags.",
       .length = 1024},
      c.value);
  v.Field({.name = "values",
           .doc = "What the claim is compared with, for In, NotIn, Includes and Excludes.",
           .max = 128},
          c.values);
  v.Field(UnitField(), c.unit);
}

}  // namespace countersign
