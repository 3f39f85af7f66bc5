#include "governance/serving/scan.h"

#include <map>

namespace countersign {
namespace {

// A loop of owners is nobody's doing but an attacker's.
constexpr std::size_t kMaxOwners = 8;

class Scan {
 public:
  explicit Scan(const std::vector<ScannedObject>& objects) {
    for (const ScannedObject& object : objects) by_uid_.emplace(object.uid, &object);
  }

  [[nodiscard]] std::vector<const ScannedObject*> OwnersOf(const ScannedObject& object) const {
    std::vector<const ScannedObject*> owners;
    const ScannedObject* at = &object;
    while (owners.size() < kMaxOwners && !at->owner_uid.empty()) {
      const auto found = by_uid_.find(at->owner_uid);
      if (found == by_uid_.end() || found->second->name_space != object.name_space) break;
      at = found->second;
      owners.push_back(at);
    }
    return owners;
  }

 private:
  std::map<std::string, const ScannedObject*> by_uid_;
};

std::vector<ServingOwner> AsFacts(const std::vector<const ScannedObject*>& owners) {
  std::vector<ServingOwner> facts;
  facts.reserve(owners.size());
  for (const ScannedObject* owner : owners) {
    facts.push_back({owner->kind, owner->name, owner->operators_own, owner->recognition});
  }
  return facts;
}

}  // namespace

std::vector<ScanFinding> FindShadows(const std::vector<ScannedObject>& objects,
                                     const JudgeScanned& judge) {
  const Scan scan(objects);
  std::map<const ScannedObject*, GuardDecision> shadows;
  for (const ScannedObject& object : objects) {
    if (!object.recognition.serves || object.operators_own) continue;
    GuardDecision decision = judge(object, AsFacts(scan.OwnersOf(object)));
    if (decision.shadow) shadows.emplace(&object, std::move(decision));
  }
  std::map<const ScannedObject*, std::size_t> below;
  for (const auto& [object, decision] : shadows) {
    const ScannedObject* highest = object;
    for (const ScannedObject* owner : scan.OwnersOf(*object)) {
      if (shadows.contains(owner)) highest = owner;
    }
    if (highest != object) ++below[highest];
    below.try_emplace(highest, 0);
  }
  std::vector<ScanFinding> findings;
  for (const ScannedObject& object : objects) {
    const auto found = below.find(&object);
    if (found == below.end()) continue;
    findings.push_back({&object, std::move(shadows.at(&object)), found->second});
  }
  return findings;
}

}  // namespace countersign
