// evidence_list.h: the evidence at hand: who stands behind each piece, what rests on it, or why
// nothing does.
//
// What rests on it Evaluate says, of the deployments at hand; why nothing does is worked out by the
// same steps that evaluation takes. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/world.h"
#include "governance/decision.h"

namespace countersign {

struct EvidenceUse {
  std::string deployment;  // "namespace/name"
  std::string gate;        // "policy/measure", or a check
  GateState state = GateState::kMissing;
};

struct EvidenceEntry {
  EvidenceRef ref;       // signatory by the first policy, in the order of names, that knows them
  std::string use_case;  // "namespace/name"
  std::string about;     // "LoadTest", "Approve as model-validator", "protocol holdout on test"
  std::string model;     // digest; empty: none
  Provenance by;         // by stamp and signature alone, whatever policies say
  std::string supersedes;
  std::string correction;  // why it supersedes
  std::string superseded_by;
  std::vector<EvidenceUse> uses;
  std::vector<std::string> why_not;  // empty if anything rests on it

  [[nodiscard]] bool Counts() const { return !uses.empty(); }
};

struct EvidenceQuery {
  Time now{};
  std::string name_space;  // each empty: all
  std::string use_case;    // "namespace/name"
  std::string model;       // digest
  std::string kind;
  std::string name;
};

// By namespace, kind and name.
[[nodiscard]] std::vector<EvidenceEntry> ListEvidence(const World& world,
                                                      const EvidenceQuery& query);

[[nodiscard]] std::string EvidenceTable(const std::vector<EvidenceEntry>& entries);
// Everything that is known of one, several lines.
[[nodiscard]] std::string EvidenceText(const EvidenceEntry& entry);
[[nodiscard]] Json EvidenceEntryJson(const EvidenceEntry& entry);

}  // namespace countersign
