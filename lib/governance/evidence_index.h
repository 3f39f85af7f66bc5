// evidence_index.h: finds, among all evidence for a use case, what one measure asks about.
//
// Most of it is about models and revisions that have gone. Built once an evaluation, in a time
// proportional to what there is; a look-up then costs what it finds, whatever else there is. Facts
// must outlive it and must not change. Read by one thread.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "governance/facts.h"

namespace countersign {

// The digest that tells one subject from all others; empty if the sign-off lacks it.
[[nodiscard]] std::string_view DigestOfSubject(const SignOffSubject& subject);

class EvidenceIndex {
 public:
  explicit EvidenceIndex(const Facts& facts);

  // In the order of the facts. `digest` is DigestOfSubject's; it alone decides, so the rest of the
  // subject remains to be compared.
  [[nodiscard]] std::vector<const AttestedSignOff*> SignOffs(std::string_view role,
                                                             std::string_view digest) const;
  // Those about the model of that digest; with an empty one, those that name no model.
  [[nodiscard]] std::vector<const AttestedEvidence*> Reports(std::string_view type,
                                                             std::string_view model) const;

 private:
  struct Entry {
    std::size_t hash;
    std::size_t at;
    friend auto operator<=>(const Entry&, const Entry&) = default;
  };
  const Facts& facts_;
  std::vector<Entry> sign_offs_;
  std::vector<Entry> reports_;
};

}  // namespace countersign
