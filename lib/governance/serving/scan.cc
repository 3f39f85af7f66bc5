#include "governance/serving/scan.h"

#include <algorithm>
#include <map>
#include <utility>

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
    facts.push_back({owner->kind, owner->name, owner->operators_own, owner->recognition,
                     owner->owner_name, owner->idle});
  }
  return facts;
}

// What is the same about several that belong to one owner: kind and everything that is missing.
std::string Alike(const ScannedObject& object, const GuardDecision& decision) {
  std::string text = object.kind;
  for (const GuardFault& fault : decision.faults) text += "\n" + fault.reason + " " + fault.message;
  return text;
}

}  // namespace

void SettleBatch(std::vector<ScannedObject>& objects) {
  const Scan scan(objects);
  for (ScannedObject& object : objects) {
    if (!object.in_batch) continue;
    const auto owners = scan.OwnersOf(object);
    if (!owners.empty() && owners.front()->recognition.batch) {
      object.recognition = *std::move(object.in_batch);
    }
    object.in_batch.reset();
  }
}

std::vector<ScanFinding> FindShadows(const std::vector<ScannedObject>& objects,
                                     const JudgeScanned& judge) {
  const Scan scan(objects);
  std::map<const ScannedObject*, GuardDecision> shadows;
  for (const ScannedObject& object : objects) {
    if (!object.recognition.serves || object.operators_own || object.idle) continue;
    GuardDecision decision = judge(object, AsFacts(scan.OwnersOf(object)));
    if (decision.shadow) shadows.emplace(&object, std::move(decision));
  }
  struct Members {
    std::size_t count = 0;
    std::set<std::string> resolved;
  };
  std::map<const ScannedObject*, Members> members;  // by the highest shadow
  for (const auto& [object, decision] : shadows) {
    const ScannedObject* highest = object;
    for (const ScannedObject* owner : scan.OwnersOf(*object)) {
      if (shadows.contains(owner)) highest = owner;
    }
    Members& group = members[highest];
    ++group.count;
    for (const ResolvedImage& image : object->resolved) group.resolved.insert(image.image);
  }
  std::vector<ScanFinding> findings;
  std::map<std::pair<const ScannedObject*, std::string>, std::size_t> siblings;
  for (const ScannedObject& object : objects) {
    const auto found = members.find(&object);
    if (found == members.end()) continue;
    Members& group = found->second;
    GuardDecision& decision = shadows.at(&object);
    const auto owners = scan.OwnersOf(object);
    const ScannedObject* of = owners.empty() ? nullptr : owners.back();
    if (of != nullptr) {
      const auto [first, added] =
          siblings.try_emplace({of, Alike(object, decision)}, findings.size());
      if (!added) {
        ScanFinding& sibling = findings[first->second];
        sibling.below += group.count;
        sibling.resolved.merge(group.resolved);
        continue;
      }
    }
    findings.push_back(
        {&object, of, std::move(decision), group.count - 1, std::move(group.resolved)});
  }
  return findings;
}

std::vector<ScanFinding> FindShadows(const std::vector<ScannedObject>& objects,
                                     const ScanSources& sources) {
  return FindShadows(objects,
                     [&](const ScannedObject& object, const std::vector<ServingOwner>& owners) {
                       GuardFacts facts;
                       facts.kind = object.kind;
                       facts.name_space = object.name_space;
                       facts.name = object.name;
                       facts.serving = object.recognition;
                       facts.ending = object.ending;
                       facts.made_from = object.made_from;
                       // Whose it is, the API server's own objects say here, all of them.
                       facts.by_trusted_controller = true;
                       facts.owners = owners;
                       facts.setting = sources.setting(object.name_space);
                       facts.covers = sources.covers(object, owners);
                       facts.waivers = sources.waivers(object);
                       GuardDecision decision = JudgeServing(facts);
                       if (sources.decided) sources.decided(object, decision);
                       return decision;
                     });
}

std::vector<const ScannedObject*> FindSuspected(const std::vector<ScannedObject>& objects) {
  const Scan scan(objects);
  std::vector<const ScannedObject*> found;
  for (const ScannedObject& object : objects) {
    if (!object.recognition.suspected || object.operators_own) continue;
    const auto owners = scan.OwnersOf(object);
    if (std::none_of(owners.begin(), owners.end(), [](const ScannedObject* owner) {
          return owner->recognition.suspected || owner->recognition.serves || owner->operators_own;
        })) {
      found.push_back(&object);
    }
  }
  return found;
}

}  // namespace countersign
