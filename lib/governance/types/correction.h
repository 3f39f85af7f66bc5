// correction.h: that an object corrects an earlier one of its kind. See object.h for threads;
// measures/corrections.h says what may correct what.
#pragma once

#include <string>

#include "base/describe.h"

namespace countersign {

// Evidence is final: what was wrong stays on record, and what corrects it names it and says why.
struct Correction {
  std::string name;
  std::string digest;
  std::string reason;
};

template <class V>
void Describe(V& v, Correction& c) {
  v.Field({.name = "name",
           .doc = "Name of the object that is corrected: of the same kind, in this namespace.",
           .required = true,
           .format = Format::kObjectName},
          c.name);
  v.Field({.name = "digest",
           .doc = "SHA-256 over the canonical JSON of its spec.",
           .required = true,
           .format = Format::kSha256,
           .length = 71},
          c.digest);
  v.Field({.name = "reason",
           .doc = "What was wrong with it.",
           .required = true,
           .min = 1,
           .length = 1024},
          c.reason);
}

// For each kind that can be corrected.
constexpr FieldInfo SupersedesField() {
  return {.name = "supersedes",
          .doc =
              "The earlier object that this one corrects, and why. It must be by the same person "
              "and about the same subject; the newest result governs, whatever it supersedes."};
}

}  // namespace countersign
