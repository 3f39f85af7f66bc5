#include "governance/serving/made_for.h"

#include <algorithm>
#include <set>
#include <string_view>

namespace countersign {
namespace {

using Kind = ServedReference::Kind;

constexpr std::string_view kGroup = "LeaderWorkerSet";

// Kinds of Kubernetes whose controllers make Pods exactly as their template says.
bool MakesWhatItSays(const std::string& kind) {
  static const std::set<std::string_view> kKinds = {
      "Deployment", "ReplicaSet", "StatefulSet",          "DaemonSet",
      "Job",        "CronJob",    "ReplicationController"};
  return kKinds.contains(kind);
}

template <typename Is>
const ServedReference* FindOf(const Recognition& recognition, Kind kind, const Is& is) {
  const auto found =
      std::find_if(recognition.references.begin(), recognition.references.end(),
                   [&](const ServedReference& one) { return one.kind == kind && is(one); });
  return found == recognition.references.end() ? nullptr : &*found;
}

// They may add variables, so that the program is compared.
const ServedReference* SameProgram(const Recognition& in, const ServedReference& container) {
  return FindOf(in, Kind::kContainer, [&](const ServedReference& one) {
    return !one.program.empty() && one.program == container.program;
  });
}

// Istio fills in the container that a template leaves a place for.
bool IsPlaceholder(const ServedReference& container) { return container.text == "auto"; }

// The owner has a container of that name, and not only a place for one.
bool IsOwners(const std::string& container, const Recognition& owner) {
  return FindOf(owner, Kind::kContainer, [&](const ServedReference& one) {
           return one.name == container && !IsPlaceholder(one);
         }) != nullptr;
}

std::string Claims(const ServingOwner& owner) {
  return owner.kind + " '" + owner.name + "', which it says owns it,";
}

// A model that no owner names came from elsewhere.
std::optional<GuardFault> AddedModel(const Recognition& made, const Recognition& owner) {
  for (const ServedReference& reference : made.references) {
    if (reference.kind != Kind::kModel) continue;
    const bool named = std::any_of(
        owner.references.begin(), owner.references.end(), [&](const ServedReference& theirs) {
          return theirs.text == reference.text ||
                 (!reference.digest.empty() && theirs.digest == reference.digest);
        });
    if (!named) {
      return GuardFault{"OwnerDoesNotNameModel",
                        "its owner does not name model '" + reference.text + "'", reference.path};
    }
  }
  return std::nullopt;
}

// Something else is in the place of a model that the owner mounts. (An annotation of the owner may
// name one as well, and is not its Pods'.)
std::optional<GuardFault> LeftOutModel(const Recognition& made, const ServingOwner& owner) {
  for (const ServedReference& theirs : owner.recognition.references) {
    const bool mounted = theirs.path.ends_with(".image.reference");
    if (theirs.kind != Kind::kModel || !theirs.pinned || !mounted) continue;
    const auto* here = FindOf(made, Kind::kModel, [&](const ServedReference& one) {
      return one.text == theirs.text || (!one.digest.empty() && one.digest == theirs.digest);
    });
    if (here != nullptr) continue;
    return GuardFault{"OwnerDoesNotRun",
                      Claims(owner) + " serves model '" + theirs.text + "', which is not here", ""};
  }
  return std::nullopt;
}

// What others inject into Pods on their way shows no sign, and has a name of its own.
std::optional<GuardFault> AddedContainer(const Recognition& made, const ServingOwner& owner) {
  for (const ServedReference& reference : made.references) {
    if (reference.kind != Kind::kContainer || SameProgram(owner.recognition, reference)) continue;
    if (!reference.shows_sign && !IsOwners(reference.name, owner.recognition)) continue;
    return GuardFault{"OwnerDoesNotRun",
                      Claims(owner) + " does not run '" + reference.text +
                          "' with this command, these arguments and hooks",
                      reference.path};
  }
  return std::nullopt;
}

std::optional<GuardFault> LeftOutContainer(const Recognition& made, const ServingOwner& owner) {
  for (const ServedReference& theirs : owner.recognition.references) {
    if (theirs.kind != Kind::kContainer || theirs.program.empty() || IsPlaceholder(theirs) ||
        SameProgram(made, theirs) != nullptr) {
      continue;
    }
    return GuardFault{"OwnerDoesNotRun",
                      Claims(owner) + " runs '" + theirs.text + "', which is not here", ""};
  }
  return std::nullopt;
}

// A StatefulSet claims it for each of its Pods, which mount it by its name.
bool IsClaimForPods(const ServedReference& volume) {
  return volume.claimed && volume.path.starts_with("spec.volumeClaimTemplates");
}

// What only sidecars of others mount is theirs; an empty volume is none.
std::optional<GuardFault> AddedVolume(const Recognition& made, const ServingOwner& owner) {
  for (const ServedReference& volume : made.references) {
    if (volume.kind != Kind::kVolume || volume.identity_only) continue;
    const bool for_pods = IsClaimForPods(volume);
    const bool theirs = FindOf(owner.recognition, Kind::kVolume, [&](const ServedReference& one) {
      const bool claimed_for_it =
          one.claimed && volume.claimed && one.name == volume.name &&
          (owner.kind == "StatefulSet" || (owner.kind == kGroup && for_pods));
      return claimed_for_it ||
             (!volume.fingerprint.empty() && one.fingerprint == volume.fingerprint);
    });
    const bool reaches_owners =
        for_pods || std::any_of(volume.mounted_by.begin(), volume.mounted_by.end(),
                                [&](const std::string& container) {
                                  return IsOwners(container, owner.recognition);
                                });
    if (theirs || !reaches_owners) continue;
    return GuardFault{"OwnerDoesNotMount", Claims(owner) + " does not mount " + volume.text,
                      volume.path};
  }
  return std::nullopt;
}

// What a leader owns are its workers, as the LeaderWorkerSet has them: a Pod of another kind owns
// nothing that serves. The leader itself may run something else than they do.
std::optional<GuardFault> NotAsGroupSays(const Recognition& made, const ServingOwner& leader,
                                         std::span<const ServingOwner> above) {
  const auto found = std::find_if(above.begin(), above.end(),
                                  [](const ServingOwner& one) { return one.kind == kGroup; });
  if (found == above.end()) {
    return GuardFault{"OwnerDoesNotRun",
                      Claims(leader) + " leads no group: no LeaderWorkerSet is above it",
                      "metadata.ownerReferences"};
  }
  ServingOwner group = *found;
  if (group.recognition.incomplete) {
    return GuardFault{"OwnerDoesNotRun", Claims(group) + " runs more than can be compared", ""};
  }
  std::erase_if(group.recognition.references, [](const ServedReference& one) {
    return !one.path.starts_with("spec.leaderWorkerTemplate.workerTemplate.") &&
           !one.path.starts_with("spec.leaderWorkerTemplate.volumeClaimTemplates");
  });
  auto fault = AddedModel(made, group.recognition);
  if (!fault) fault = AddedContainer(made, group);
  if (!fault) fault = LeftOutContainer(made, group);
  if (!fault) fault = LeftOutModel(made, group);
  return fault ? fault : AddedVolume(made, group);
}

// Of what the operator makes an earlier revision of the same model still comes up while the next
// one takes its place: Pods of its ReplicaSet.
bool IsEarlierRevision(const std::string& kind, const Recognition& made,
                       const ServingOwner& owner) {
  return owner.operators_own && kind == "ReplicaSet" &&
         FindOf(made, Kind::kModel, [](const ServedReference& one) { return one.pinned; }) !=
             nullptr;
}

}  // namespace

std::optional<GuardFault> NotAsOwnerSays(const std::string& kind, const Recognition& made,
                                         const ServingOwner& owner,
                                         std::span<const ServingOwner> above) {
  if (made.incomplete || owner.recognition.incomplete) {
    return GuardFault{"OwnerDoesNotRun",
                      Claims(owner) + " or itself runs more than can be compared", ""};
  }
  if (owner.kind == "Pod") return NotAsGroupSays(made, owner, above);
  auto fault = AddedModel(made, owner.recognition);
  if (fault || !MakesWhatItSays(owner.kind)) return fault;
  if (!IsEarlierRevision(kind, made, owner)) {
    fault = AddedContainer(made, owner);
    if (!fault) fault = LeftOutContainer(made, owner);
    if (!fault) fault = LeftOutModel(made, owner);
  }
  return fault ? fault : AddedVolume(made, owner);
}

}  // namespace countersign
