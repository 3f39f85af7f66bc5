// guard.h: whether something that serves a model may be there: no shadow deployments (R5.8).
//
// One pure function for admission, the operator's scan and `countersign scan`. What serves is
// allowed if the operator makes it; if a trusted controller makes it for an object that the
// operator made or that is covered itself, which the chain of owners in our caches says, never the
// request; if approved ModelDeployments of the namespace cover everything that it serves and runs;
// or if a waiver does. Of a ModelDeployment that is suspended, or of an approved revision of it
// whose own gates ask for that, no Pod starts, whoever scales what the operator made while there is
// none to scale it back. Of a kind of Kubernetes' own everything that the approved Pod has must be
// there as well; of what other stacks make of an object nobody knows that. An update that changes
// nothing of what is served is never refused. What is unknown is not allowed.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "governance/facts.h"
#include "governance/serving/pod_shape.h"
#include "governance/serving/recognise.h"

namespace countersign {

// What a Pod says that the operator made it from.
struct MadeFrom {
  std::string governed_digest;
  std::string model_digest;
};

// What one ModelDeployment says about what may serve.
struct Cover {
  std::string name;
  bool approved = false;
  std::string why_not;               // a sentence, where it is not approved
  std::set<std::string> digests;     // of OCI artefacts: the model, its components
  std::set<std::string> names;       // pinned references of other kinds
  std::set<std::string> running;     // fingerprints of containers and volumes of its template
  std::optional<PodShape> pod = {};  // that the operator makes of it
  // Nothing is to run of the spec with this digest, or of any where it is empty: its gates ask for
  // Rollback or Suspend, or it is being deleted.
  bool suspended = false;
  std::string governed_digest = {};
  // The incident about what runs, whichever spec it was made from, in a sentence.
  std::string quarantined = {};
  // Why nothing is to run of the approved revision before that a Pod was made from, in a sentence:
  // its own gates ask for Rollback or Suspend, or nobody knows that revision while others are known
  // and nothing is to run of the spec that stands, or while revisions are not heard about. Empty:
  // it may, or nobody knows of any.
  std::string earlier_ended = {};
};
// Whether what says it was made from this is of another spec than that which stands there now.
[[nodiscard]] bool IsOfEarlier(const Cover& cover, const MadeFrom& made_from);
[[nodiscard]] Cover CoverOf(const std::string& name, const ModelDeploymentSpec& spec);
// The digests of it, of OCI artefacts.
[[nodiscard]] std::set<std::string> ModelDigestsOf(const ModelDeploymentSpec& spec);
// Whether it speaks of that very thing, approved or not.
[[nodiscard]] bool Holds(const Cover& cover, const ServedReference& reference);

// An exception for what has one of these digests.
struct GuardWaiver {
  std::string name;
  bool active = false;
  std::string why_not;
  std::string digest;
  bool fits = false;  // a policy in force has the environment that it names for the namespace
  std::string emergency = {};  // of an active one that nobody has signed off: who closes it
};

// One in the chain of owners, the nearest first.
struct ServingOwner {
  std::string kind;
  std::string name;
  bool operators_own = false;  // a child of a ModelDeployment, as the operator makes it
  Recognition recognition;
  std::string deployment = {};  // the ModelDeployment, of operators_own
  bool idle = false;            // in a scan: it asks for no Pods, those there are go
};

// How the guard stands to a namespace.
struct GuardSetting {
  GuardMode mode = GuardMode::kDeny;
  std::string environment;           // empty: in none
  std::vector<std::string> unknown;  // what could not be read and might say otherwise
};

// By the policies in force; the strictest wins, and `elsewhere` holds for namespaces in none of
// their environments.
[[nodiscard]] GuardSetting GuardSettingOf(const PolicySet& in_force, const std::string& name_space,
                                          GuardMode elsewhere);

struct GuardFacts {
  std::string kind;
  std::string name_space;
  std::string name;
  Recognition serving;
  std::optional<Recognition> before;  // of an update
  bool by_operator = false;
  bool by_trusted_controller = false;
  // It is being deleted, and nothing but metadata and status changes: finalizers go. Not labels by
  // which it would join a Service, which `before` tells.
  bool only_ends = false;
  bool static_pod = false;  // a node reports what it runs already
  bool ending = false;      // it is being deleted, and not admitted
  MadeFrom made_from;       // of a Pod
  std::vector<ServingOwner> owners;
  std::string owners_unknown;  // why the chain is not complete
  std::vector<Cover> covers;
  std::vector<GuardWaiver> waivers;
  GuardSetting setting;
};

enum class GuardVerdict { kAllow, kAudit, kWarn, kDeny };
[[nodiscard]] std::string_view GuardVerdictName(GuardVerdict verdict);

struct GuardFault {
  std::string reason;
  std::string message;
  std::string path;
};

struct GuardDecision {
  GuardVerdict verdict = GuardVerdict::kDeny;
  bool shadow = false;  // it serves and nothing allows it, whatever the mode
  std::string reason;   // why it is allowed, "ShadowDeployment" or "DeploymentSuspended"
  std::string message;  // one line for people; empty where there is nothing to say
  std::vector<GuardFault> faults;
};

[[nodiscard]] GuardDecision JudgeServing(const GuardFacts& facts);

// The same serving as before: only what does not decide about it was changed.
[[nodiscard]] bool ServesAsBefore(const GuardFacts& facts);

// Of one decision people are shown no more.
inline constexpr std::size_t kMaxGuardFaults = 5;

// Requests for what one ModelDeployment serves go to what is not its own.
[[nodiscard]] GuardFault AnswersForAnother(const JoinedService& service);

// What is missing for `serving` to be covered; empty if it is. Also by the very ModelDeployment
// whose Service finds it: what others approve of answers for these alone.
[[nodiscard]] std::vector<GuardFault> NotCovered(const Recognition& serving,
                                                 const std::vector<Cover>& covers);

}  // namespace countersign
