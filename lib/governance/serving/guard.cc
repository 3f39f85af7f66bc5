#include "governance/serving/guard.h"

#include <algorithm>
#include <span>

#include "governance/decision.h"
#include "governance/environment.h"
#include "governance/serving/command_line.h"
#include "governance/serving/made_for.h"

namespace countersign {
namespace {

using Kind = ServedReference::Kind;

// Bytes of what was found, in a message.
constexpr std::size_t kMaxFound = 1600;

std::string Joined(const std::vector<std::string>& items) {
  std::string text;
  for (const std::string& item : items) text += (text.empty() ? "" : "; ") + item;
  return text;
}

struct ByOwner {
  bool allowed = false;
  std::string message;
  std::optional<GuardFault> fault;
};

// A stack gives its Pods labels that stand where nobody reads them in the object that is covered.
std::optional<GuardFault> JoinsMoreThan(const Recognition& owner, const Recognition& made) {
  for (const JoinedService& service : made.joins) {
    const bool judged =
        std::any_of(owner.joins.begin(), owner.joins.end(),
                    [&](const JoinedService& one) { return one.child == service.child; });
    if (!judged) return AnswersForAnother(service);
  }
  return std::nullopt;
}

// Why nothing that says it was made from this runs for the ModelDeployment; empty: it may. What was
// made from another spec than that of now was approved before, and is judged as what it was.
std::string WhySuspended(const Cover& cover, const MadeFrom& made_from) {
  if (!cover.quarantined.empty()) return cover.quarantined;
  if (IsOfEarlier(cover, made_from)) return cover.earlier_ended;
  return cover.suspended ? cover.why_not : std::string();
}

// Whether nobody may start this Pod for a child of the operator's, however many others approve of
// what it runs.
std::optional<GuardFault> OfSuspended(const GuardFacts& facts) {
  if (!facts.by_trusted_controller || facts.kind != "Pod" || facts.ending) return std::nullopt;
  for (const ServingOwner& owner : facts.owners) {
    if (!owner.operators_own || owner.idle) continue;
    for (const Cover& cover : facts.covers) {
      if (cover.name != owner.deployment) continue;
      const std::string why = WhySuspended(cover, facts.made_from);
      if (why.empty()) continue;
      return GuardFault{"DeploymentSuspended",
                        "ModelDeployment '" + owner.deployment +
                            "', for which it would run, is suspended: " + why,
                        "metadata.ownerReferences"};
    }
  }
  return std::nullopt;
}

// The operator makes Deployments, and what those make are ReplicaSets and their Pods, found by the
// operator's labels. Anybody may name one as the owner of something else, which would go on when
// that is scaled down.
bool IsOfItsMaking(const GuardFacts& facts, const ServingOwner& child) {
  const auto above = &child - facts.owners.data();
  const bool by_kind =
      above == 0 ? facts.kind == "ReplicaSet"
                 : above == 1 && facts.owners.front().kind == "ReplicaSet" && facts.kind == "Pod";
  const auto& joins = facts.serving.joins;
  return by_kind && std::any_of(joins.begin(), joins.end(),
                                [&](const JoinedService& one) { return one.child == child.name; });
}

ByOwner JudgeOwners(const GuardFacts& facts) {
  if (!facts.by_trusted_controller) return {};
  const Recognition* nearest = &facts.serving;
  const std::string* kind = &facts.kind;
  bool in_group = false;
  for (const ServingOwner& owner : facts.owners) {
    const std::span above(&owner + 1, facts.owners.data() + facts.owners.size());
    if (auto fault = NotAsOwnerSays(*kind, *nearest, owner, above)) return {false, {}, fault};
    nearest = &owner.recognition;
    kind = &owner.kind;
    // What a group runs its LeaderWorkerSet says, not the leader.
    if (owner.kind == "Pod" || owner.kind == "LeaderWorkerSet") in_group = owner.kind == "Pod";
    if (in_group) continue;
    if (owner.operators_own && IsOfItsMaking(facts, owner)) {
      return {
          true, "made for " + owner.kind + " '" + owner.name + "', which the operator made", {}};
    }
    if (owner.recognition.serves && NotCovered(owner.recognition, facts.covers).empty()) {
      if (auto fault = JoinsMoreThan(owner.recognition, facts.serving)) return {false, {}, fault};
      return {true, "made for " + owner.kind + " '" + owner.name + "', which is covered", {}};
    }
  }
  if (facts.owners_unknown.empty()) return {};
  return {false, {}, GuardFault{"OwnerUnknown", facts.owners_unknown, "metadata.ownerReferences"}};
}

// What to do about it where it serves no model.
std::string WhereItIsNone(const GuardFacts& facts) {
  const auto& signs = facts.serving.signs;
  const auto sure = std::find_if(signs.begin(), signs.end(), [](const ServingSign& sign) {
    return sign.certainty == Certainty::kServing;
  });
  if (sure != signs.end() && sure->what.starts_with("command '") && CanNameAHost(sure->found)) {
    return " Where '" + sure->found +
           "' is no command but a host, name its port or domain: " + sure->found + ":8000, " +
           sure->found + "." + facts.name_space + ".svc.";
  }
  if (facts.serving.unbelieved && !facts.by_trusted_controller) {
    return " If a controller made this to train, whoever runs the cluster names its account by "
           "--trusted-controller.";
  }
  return {};
}

// What to do about it.
std::string NextStep(const GuardFacts& facts, const std::vector<GuardFault>& faults) {
  const bool only_entered =
      facts.kind == "Pod" && std::all_of(faults.begin(), faults.end(), [](const GuardFault& fault) {
        return fault.path.starts_with("spec.ephemeralContainers");
      });
  if (only_entered) {
    return " Nothing is added to a Pod that serves here. Have the model served in an environment "
           "of "
           "development too, and debug it, or a copy of its Pod (kubectl debug --copy-to), there.";
  }
  return " Have whoever develops the model serve it as a ModelDeployment: kubectl "
         "countersign release -n " +
         facts.name_space + "; kubectl countersign explain says what that needs." +
         WhereItIsNone(facts);
}

std::string Refusal(const GuardFacts& facts, const std::vector<GuardFault>& faults) {
  const std::string where = facts.setting.environment.empty()
                                ? "a namespace in no environment"
                                : "environment '" + facts.setting.environment + "'";
  std::string text = facts.kind + " '" + facts.name_space + "/" + facts.name +
                     "' serves a model outside of Countersign in " + where +
                     ". It is taken for serving by " + WhyServing(facts.serving) + ".";
  std::size_t shown = 0;
  for (const GuardFault& fault : faults) {
    if (shown++ == kMaxGuardFaults) {
      text += " And " + std::to_string(faults.size() - kMaxGuardFaults) + " more.";
      break;
    }
    text += " [" + fault.reason + "] " + (fault.path.empty() ? "" : fault.path + ": ") +
            fault.message + ".";
  }
  // What others wrote must not add lines, nor push out what to do.
  return OneLine(std::move(text), kMaxFound) + NextStep(facts, faults);
}

GuardDecision Allowed(std::string reason, std::string message = {}) {
  return {GuardVerdict::kAllow, false, std::move(reason), std::move(message), {}};
}

// Whatever the mode: it is for what is outside of Countersign, and this is within.
GuardDecision Suspended(const GuardFacts& facts, const GuardFault& fault) {
  GuardDecision decision;
  decision.shadow = true;
  decision.reason = fault.reason;
  decision.message =
      OneLine("Pod '" + facts.name_space + "/" + facts.name + "' may not run. " + fault.message +
                  ". What may serve again comes up by itself, after a while.",
              kMaxFound);
  decision.faults = {fault};
  return decision;
}

GuardVerdict VerdictOf(GuardMode mode) {
  switch (mode) {
    case GuardMode::kAudit: return GuardVerdict::kAudit;
    case GuardMode::kWarn: return GuardVerdict::kWarn;
    case GuardMode::kDeny: return GuardVerdict::kDeny;
  }
  return GuardVerdict::kDeny;
}

// Models, containers and volumes, each in its place.
bool RunsTheSame(const Recognition& before, const Recognition& now) {
  return now.faults.empty() && before.faults.empty() && before.references == now.references;
}

// To leave a Service, where a Pod is taken out to be looked at, is nobody's business.
bool JoinsNoOther(const Recognition& before, const Recognition& now) {
  return std::all_of(now.joins.begin(), now.joins.end(), [&](const JoinedService& one) {
    return std::find(before.joins.begin(), before.joins.end(), one) != before.joins.end();
  });
}

// An active waiver for one of the model's digests, if nothing but approval is missing.
const GuardWaiver* WaivedBy(const GuardFacts& facts, const std::vector<GuardFault>& faults) {
  const bool only_approval =
      !faults.empty() && std::all_of(faults.begin(), faults.end(), [](const GuardFault& fault) {
        return fault.reason == "ModelNotApproved" || fault.reason == "ContainerNotApproved" ||
               fault.reason == "DeploymentNotApproved" || fault.reason == "ContainerLeftOut" ||
               fault.reason == "NotAsApproved";
      });
  if (!only_approval) return nullptr;
  const GuardWaiver* by = nullptr;
  for (const ServedReference& reference : facts.serving.references) {
    if (reference.kind != Kind::kModel && reference.kind != Kind::kContainer) continue;
    const auto waiver =
        std::find_if(facts.waivers.begin(), facts.waivers.end(), [&](const GuardWaiver& one) {
          return one.active && !reference.digest.empty() && one.digest == reference.digest;
        });
    // Of a model every reference must be excepted, of what runs it none has to be.
    if (waiver == facts.waivers.end()) {
      if (reference.kind == Kind::kModel) return nullptr;
      continue;
    }
    by = &*waiver;
  }
  return by;
}

// One is enough to say: anybody's that name the digest would push out what is missing.
const GuardWaiver* NearestInactive(const std::vector<GuardWaiver>& waivers) {
  const GuardWaiver* nearest = nullptr;
  for (const GuardWaiver& waiver : waivers) {
    if (waiver.active) continue;
    if (nearest == nullptr || (waiver.fits && !nearest->fits)) nearest = &waiver;
  }
  return nearest;
}

}  // namespace

bool IsOfEarlier(const Cover& cover, const MadeFrom& made_from) {
  return !cover.governed_digest.empty() && !made_from.governed_digest.empty() &&
         cover.governed_digest != made_from.governed_digest;
}

std::string_view GuardVerdictName(GuardVerdict verdict) {
  switch (verdict) {
    case GuardVerdict::kAllow: return "Allow";
    case GuardVerdict::kAudit: return "Audit";
    case GuardVerdict::kWarn: return "Warn";
    case GuardVerdict::kDeny: return "Deny";
  }
  return "Deny";
}

GuardSetting GuardSettingOf(const PolicySet& in_force, const std::string& name_space,
                            GuardMode elsewhere) {
  GuardSetting setting;
  setting.mode = GuardMode::kAudit;
  for (const auto& policy : in_force.policies) {
    for (const PolicyEnvironment* environment : EnvironmentsOf(policy->spec, name_space)) {
      if (setting.environment.empty()) setting.environment = environment->name;
      setting.mode = std::max(setting.mode, GuardModeOf(*environment));
    }
  }
  if (setting.environment.empty()) setting.mode = elsewhere;
  if (!in_force.unreadable.empty()) {
    setting.mode = GuardMode::kDeny;
    setting.unknown = in_force.unreadable;
  }
  return setting;
}

bool ServesAsBefore(const GuardFacts& facts) {
  // What ends may still be sent requests, where nothing else is ready.
  static const Recognition kNothing;
  if (!JoinsNoOther(facts.before ? *facts.before : kNothing, facts.serving)) return false;
  // What has no fingerprint must be able to go as well.
  if (facts.only_ends) return true;
  if (!facts.before || !facts.before->serves || facts.before->fingerprint.empty()) return false;
  if (facts.before->fingerprint == facts.serving.fingerprint) return true;
  // Of a Pod little else can be changed than what runs: where it runs, and that it may start.
  return facts.kind == "Pod" && RunsTheSame(*facts.before, facts.serving);
}

GuardDecision JudgeServing(const GuardFacts& facts) {
  if (facts.by_operator) return Allowed("OperatorMade");
  if (!facts.serving.serves) {
    if (facts.serving.profile.empty()) {
      return {VerdictOf(facts.setting.mode),
              false,
              "KindUnknown",
              "no serving profile knows kind '" + facts.kind +
                  "', so nobody can say whether it serves a model: the webhook configuration was "
                  "made from another table than this replica has; while a new version is rolled "
                  "out, try again after it",
              {}};
    }
    if (facts.serving.suspected && facts.setting.mode != GuardMode::kAudit) {
      return {GuardVerdict::kWarn,
              false,
              "ServingSuspected",
              "it may serve a model: " + WhyServing(facts.serving) +
                  "; one that does must be a ModelDeployment",
              {}};
    }
    return Allowed(facts.serving.suspected ? "ServingSuspected" : "NotServing");
  }
  if (ServesAsBefore(facts)) return Allowed("ServingUnchanged");
  if (const auto fault = OfSuspended(facts)) return Suspended(facts, *fault);
  const ByOwner owner = JudgeOwners(facts);
  if (owner.allowed) return Allowed("OwnerGoverned", owner.message);
  std::vector<GuardFault> faults = NotCovered(facts.serving, facts.covers);
  if (faults.empty()) {
    // It would go on answering when the operator takes down what it made.
    for (const JoinedService& one : facts.serving.joins) faults.push_back(AnswersForAnother(one));
  }
  if (faults.empty()) return Allowed("Covered");
  const GuardWaiver* waiver = WaivedBy(facts, faults);
  if (waiver != nullptr && facts.serving.joins.empty()) {
    const bool emergency = !waiver->emergency.empty();
    return {GuardVerdict::kWarn,
            false,
            emergency ? "EmergencyWaived" : "Waived",
            "serves outside of Countersign by waiver '" + waiver->name + "'" +
                (emergency ? ", " + waiver->emergency : std::string()),
            {}};
  }
  if (waiver != nullptr) {
    for (const JoinedService& one : facts.serving.joins) faults.push_back(AnswersForAnother(one));
  }
  if (owner.fault) {
    // What it joins by itself may have been said already.
    std::erase_if(faults, [&](const GuardFault& fault) {
      return fault.reason == owner.fault->reason && fault.path == owner.fault->path;
    });
    faults.insert(faults.begin(), *owner.fault);
  }
  if (const GuardWaiver* inactive = NearestInactive(facts.waivers)) {
    faults.push_back({"WaiverNotActive",
                      "waiver '" + inactive->name + "' does not count: " + inactive->why_not, ""});
  }
  if (!facts.setting.unknown.empty()) {
    faults.push_back({"PolicyUnreadable", Joined(facts.setting.unknown), ""});
  }
  GuardDecision decision;
  decision.verdict = VerdictOf(facts.setting.mode);
  // The node runs it already; refusing its mirror would only hide it.
  if (facts.static_pod) decision.verdict = std::min(decision.verdict, GuardVerdict::kWarn);
  decision.shadow = true;
  decision.reason = "ShadowDeployment";
  decision.message = Refusal(facts, faults);
  decision.faults = std::move(faults);
  return decision;
}

}  // namespace countersign
