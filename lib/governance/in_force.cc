#include "governance/in_force.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "governance/measures/sign_off.h"
#include "governance/signers.h"

namespace countersign {
namespace {

std::string Quoted(const std::string& name) { return "'" + name + "'"; }

void Earlier(std::optional<Time>& next, Time candidate, Time now) {
  if (candidate > now && (!next || candidate < *next)) next = candidate;
}

// One policy among those of its line.
struct Node {
  PolicyStanding standing;
  const PolicyVersion* version = nullptr;          // null: it is no published version
  const SignOffRequirement* succession = nullptr;  // of a published version
  Node* before = nullptr;    // the version that it supersedes, where that can be
  std::vector<Node*> after;  // those that supersede it, by name
  bool effective = false;    // it took effect, now or earlier
  Time effect{};             // when; Time::min() where nobody knows
  Time end = Time::max();    // when it ceases to count, so far as that is known now
  std::string ended_by;      // the version that ends it; empty: it is withdrawn

  [[nodiscard]] const GovernancePolicy& policy() const { return *standing.policy; }
  [[nodiscard]] const std::string& name() const { return policy().meta.name; }
  [[nodiscard]] Seconds Transition() const {
    return version == nullptr ? Seconds{0} : version->transition.value_or(Seconds{0});
  }
  [[nodiscard]] std::optional<Time> EffectiveFrom() const {
    return version == nullptr ? std::nullopt : version->effective_from;
  }
};

// When enough people had approved, and how it stands now.
struct Approval {
  std::optional<Time> at;
  SignOffOutcome outcome;  // at that time, or now
  std::optional<Time> next_change;
};

class Lines {
 public:
  Lines(const PolicySet& set, Time now) : set_(set), now_(now) {
    for (const auto& policy : set.policies) {
      Node& node = nodes_[policy->meta.name];
      node.standing.policy = policy;
      // A published version has both, or it would not have decoded.
      const auto& version = policy->spec.version;
      const auto& succession = policy->spec.succession;
      if (!version || !succession) continue;
      node.version = &*version;
      node.succession = &succession->sign_off;
    }
    for (auto& [name, node] : nodes_) {
      const std::string& supersedes = node.standing.Supersedes();
      const auto found = nodes_.find(supersedes);
      if (supersedes.empty() || found == nodes_.end() || found->second.version == nullptr) continue;
      node.before = &found->second;
      found->second.after.push_back(&node);
    }
  }

  std::vector<PolicyStanding> Run() && {
    std::vector<Node*> open;
    for (auto& [name, node] : nodes_) {
      if (node.before != nullptr) continue;
      Begin(node);
      open.push_back(&node);
    }
    std::set<const Node*> reached;
    while (!open.empty()) {
      Node& node = *open.back();
      open.pop_back();
      reached.insert(&node);
      Succeed(node);
      open.insert(open.end(), node.after.begin(), node.after.end());
    }
    std::vector<PolicyStanding> standings;
    for (auto& [name, node] : nodes_) {
      // What no first version leads to goes round in a circle.
      if (!reached.contains(&node)) {
        Orphan(node, "SupersedesItself",
               "it supersedes itself, by way of " + Quoted(node.standing.Supersedes()));
      }
      standings.push_back(std::move(node.standing));
    }
    return standings;
  }

 private:
  [[nodiscard]] const Provenance* MakerOf(const Node& node) const {
    const auto found = set_.made_by.find(node.name());
    return found == set_.made_by.end() || !IsAuthentic(found->second) ? nullptr : &found->second;
  }

  static void Orphan(Node& node, std::string reason, std::string message) {
    PolicyStanding& standing = node.standing;
    standing.state = PolicyState::kOrphaned;
    standing.reason = std::move(reason);
    standing.message = "not in force: " + std::move(message);
    standing.remedy =
        "publish another version whose spec.version.supersedes names the one in force: "
        "kubectl countersign policies";
  }

  // A policy that no version before it puts in force.
  void Begin(Node& node) {
    PolicyStanding& standing = node.standing;
    if (node.version == nullptr) {
      standing.reason = "Unversioned";
      standing.took_effect = true;
      return;
    }
    const std::string& supersedes = node.version->supersedes;
    if (!supersedes.empty()) {
      const bool there = nodes_.contains(supersedes);
      return Orphan(node, there ? "PredecessorUnversioned" : "PredecessorMissing",
                    Quoted(supersedes) + (there ? ", which it supersedes, is no published "
                                                  "version: it has no spec.version"
                                                : ", which it supersedes, does not exist"));
    }
    // It counts whoever made it and however the clocks differ: not to count would ask for less.
    const Provenance* maker = MakerOf(node);
    node.effective = true;
    node.effect = maker == nullptr ? Time::min() : maker->first_seen;
    standing.reason = "Bootstrap";
    standing.message = "the first version of its line";
    if (maker == nullptr) {
      standing.message += "; admission did not see who published it";
    } else if (!maker->user.empty()) {
      standing.message +=
          ", published by " + Quoted(maker->user) + " at " + FormatTime(maker->first_seen);
    }
  }

  // What becomes of `node` and of those that supersede it, once it is known when it took effect.
  void Succeed(Node& node) {
    if (!node.effective) {
      for (Node* next : node.after) Wait(*next, node);
      return;
    }
    Approval withdrawal = Approve(node, node, true, node.effect);
    if (withdrawal.at) node.end = *withdrawal.at;
    Note(node, withdrawal.next_change);
    std::vector<std::pair<Node*, Approval>> next;
    for (Node* one : node.after) {
      Time start = std::max(node.effect, one->EffectiveFrom().value_or(node.effect));
      if (const Provenance* maker = MakerOf(*one)) start = std::max(start, maker->first_seen);
      next.emplace_back(one, Approve(node, *one, false, start));
    }
    std::stable_sort(next.begin(), next.end(), [](const auto& a, const auto& b) {
      return a.second.at.value_or(Time::max()) < b.second.at.value_or(Time::max());
    });
    for (auto& [one, approval] : next) {
      if (!approval.at || *approval.at > node.end) continue;
      one->effective = true;
      one->effect = *approval.at;
      const Time end = one->effect + one->Transition();
      if (end >= node.end) continue;
      node.end = end;
      node.ended_by = one->name();
    }
    if (withdrawal.at && node.ended_by.empty()) {
      node.standing.sign_offs = std::move(withdrawal.outcome.evidence);
    }
    Conclude(node);
    for (auto& [one, approval] : next) Describe(*one, node, approval);
    WarnOfSiblings(node);
  }

  // `node` as it stands now, its end being known.
  void Conclude(Node& node) {
    PolicyStanding& standing = node.standing;
    standing.took_effect = true;
    if (node.effect != Time::min()) standing.since = node.effect;
    if (node.end <= now_) {
      const bool withdrawn = node.ended_by.empty();
      standing.state = withdrawn ? PolicyState::kWithdrawn : PolicyState::kSuperseded;
      standing.reason = withdrawn ? "Withdrawn" : "Superseded";
      standing.message = (withdrawn ? "withdrawn" : "superseded by " + Quoted(node.ended_by)) +
                         ", counts no longer since " + FormatTime(node.end);
      return;
    }
    const Time over = node.effect + node.Transition();
    standing.in_transition = node.before != nullptr && over > now_ && node.before->end > now_;
    if (standing.in_transition) Note(node, over);
    if (node.end < Time::max()) {
      standing.state = PolicyState::kEnding;
      standing.reason = "Ending";
      standing.until = node.end;
      standing.message = "superseded by " + Quoted(node.ended_by) + ", counts until " +
                         FormatTime(node.end) + ", when the transition is over";
      return Note(node, node.end);
    }
    standing.state = PolicyState::kInForce;
    const bool dated = node.before != nullptr;
    standing.message = "in force" + (dated ? " since " + FormatTime(node.effect) : std::string()) +
                       ": " + standing.message;
    if (!standing.in_transition) return;
    standing.state = PolicyState::kInTransition;
    standing.reason = "InTransition";
    standing.until = over;
    standing.message += "; until " + FormatTime(over) + " " + Quoted(node.before->name()) +
                        " counts as well, and what serves already is only alerted about";
  }

  // What the sign-offs by the roles of `before` make of `node`.
  void Describe(Node& node, Node& before, Approval& approval) {
    PolicyStanding& standing = node.standing;
    standing.sign_offs = std::move(approval.outcome.evidence);
    if (node.effective) {
      standing.reason = "SignedOff";
      standing.message = std::move(approval.outcome.message);
      return;
    }
    if (approval.at || before.end <= now_) {
      const bool withdrawn = before.ended_by.empty();
      return Orphan(node, withdrawn ? "PredecessorWithdrawn" : "PredecessorSuperseded",
                    "the roles of " + Quoted(before.name()) + " approve it, which is " +
                        (withdrawn ? "withdrawn" : "superseded by " + Quoted(before.ended_by)) +
                        " since " + FormatTime(before.end));
    }
    Note(node, approval.next_change);
    const SignOffOutcome& outcome = approval.outcome;
    const std::optional<Time> from = node.EffectiveFrom();
    if (outcome.state == GateState::kPassed) {
      standing.state = PolicyState::kApproved;
      standing.reason = "NotYetEffective";
      standing.message = "not in force yet: " + outcome.message +
                         (from ? ", takes effect at " + FormatTime(*from) : std::string());
      if (outcome.valid_until && from && *outcome.valid_until <= *from) {
        standing.message +=
            "; but the sign-offs end at " + FormatTime(*outcome.valid_until) + ", before that";
      }
      // Then the version before it changes too.
      Note(before, approval.next_change);
      return;
    }
    const bool rejected = outcome.state == GateState::kFailed;
    standing.state = rejected ? PolicyState::kRejected : PolicyState::kPending;
    standing.reason = outcome.reason;
    standing.message = "not in force: " + outcome.message;
    const std::string& role = before.succession->role;
    standing.remedy =
        ApproveText(before.policy().spec, role,
                    "--policy " + node.name() + " -n " + HomeOfSignOffs(node, before));
  }

  // Where a sign-off on `node` belongs: beside the others, in a namespace that stays.
  static std::string HomeOfSignOffs(const Node& node, const Node& before) {
    for (const Node* one : {&node, &before}) {
      const auto& refs = one->standing.sign_offs;
      if (!refs.empty() && !refs.back().name_space.empty()) return refs.back().name_space;
    }
    return "NAMESPACE";
  }

  static void Wait(Node& node, const Node& before) {
    node.standing.state = PolicyState::kPending;
    node.standing.reason = "PredecessorNotInForce";
    node.standing.message =
        "not in force: " + Quoted(before.name()) + ", which it supersedes, is not in force";
  }

  void WarnOfSiblings(const Node& before) {
    std::string names;
    int count = 0;
    for (const Node* one : before.after) {
      if (!one->effective) continue;
      names += (names.empty() ? "" : " and ") + Quoted(one->name());
      ++count;
    }
    if (count < 2) return;
    for (Node* one : before.after) {
      if (!one->effective) continue;
      one->standing.warnings.push_back(names + " both supersede " + Quoted(before.name()) +
                                       ": what they ask for adds up");
    }
  }

  void Note(Node& node, const std::optional<Time>& at) const {
    if (at) Earlier(node.standing.next_change, *at, now_);
  }

  // The sign-offs on that very subject, or on another state of it.
  std::vector<AttestedSignOff> SignOffsOn(const SignOffTarget& target) const {
    std::vector<AttestedSignOff> found;
    for (const AttestedSignOff& one : set_.sign_offs) {
      const SignOffSubject& subject = one.object->spec.subject;
      if (subject.policy == target.policy && subject.withdraw.value_or(false) == target.withdraw) {
        found.push_back(one);
      }
    }
    std::sort(found.begin(), found.end(), [](const AttestedSignOff& a, const AttestedSignOff& b) {
      return std::tie(a.object->meta.name_space, a.object->meta.name) <
             std::tie(b.object->meta.name_space, b.object->meta.name);
    });
    return found;
  }

  // When the roles of `judging` had approved of `about`, `start` at the earliest. Who signed later
  // than a moment is not known at that moment.
  Approval Approve(const Node& judging, const Node& about, bool withdraw, Time start) const {
    SignOffTarget target;
    target.kind = SubjectOfSignOff::kGovernancePolicy;
    target.policy = about.name();
    target.policy_digest = about.policy().spec_digest;
    target.withdraw = withdraw;
    const std::vector<AttestedSignOff> all = SignOffsOn(target);
    Approval approval;
    std::set<Time> moments;
    if (start <= now_) moments.insert(start);
    for (const AttestedSignOff& one : all) {
      if (one.by.first_seen > now_) {
        Earlier(approval.next_change, one.by.first_seen, now_);
      } else if (one.by.first_seen > start) {
        moments.insert(one.by.first_seen);
      }
    }
    if (all.empty() && withdraw) return approval;
    for (const Time moment : all.empty() ? std::set<Time>() : moments) {
      approval.outcome = Judge(judging, about, target, all, moment);
      if (approval.outcome.state != GateState::kPassed) continue;
      approval.at = moment;
      return approval;
    }
    approval.outcome = Judge(judging, about, target, all, now_);
    if (approval.outcome.state == GateState::kPassed) {
      Earlier(approval.next_change, start, now_);
      if (const auto& end = approval.outcome.valid_until) {
        Earlier(approval.next_change, *end, now_);
      }
    }
    return approval;
  }

  SignOffOutcome Judge(const Node& judging, const Node& about, const SignOffTarget& target,
                       const std::vector<AttestedSignOff>& all, Time moment) const {
    Facts facts;
    facts.now = moment;
    if (const Provenance* maker = MakerOf(about)) facts.author = *maker;
    std::vector<AttestedSignOff> until;
    std::copy_if(all.begin(), all.end(), std::back_inserter(until),
                 [&](const AttestedSignOff& one) { return one.by.first_seen <= moment; });
    facts.sign_offs = std::move(until);
    const Dossier dossier(facts);
    return JudgeSignOffs(judging.policy().spec, *judging.succession, target, facts, {},
                         EvidenceIndex(dossier, judging.policy().spec, {}), {});
  }

  const PolicySet& set_;
  const Time now_;
  std::map<std::string, Node> nodes_;
};

const PolicyStanding* Find(const std::vector<PolicyStanding>& standings, const std::string& name) {
  const auto found = std::find_if(standings.begin(), standings.end(), [&](const auto& standing) {
    return standing.policy->meta.name == name;
  });
  return found == standings.end() ? nullptr : &*found;
}

// Whether `standing` rests on the version `name`, directly or through others.
bool DescendsFrom(const std::vector<PolicyStanding>& standings, const PolicyStanding& standing,
                  const std::string& name) {
  std::set<std::string> seen;
  const PolicyStanding* one = &standing;
  while (one != nullptr && !one->Supersedes().empty() && seen.insert(one->Supersedes()).second) {
    if (one->Supersedes() == name) return true;
    one = Find(standings, one->Supersedes());
  }
  return false;
}

}  // namespace

std::string_view PolicyStateName(PolicyState state) {
  switch (state) {
    case PolicyState::kUnversioned: return "Unversioned";
    case PolicyState::kInForce: return "InForce";
    case PolicyState::kInTransition: return "InTransition";
    case PolicyState::kEnding: return "Ending";
    case PolicyState::kApproved: return "Approved";
    case PolicyState::kPending: return "Pending";
    case PolicyState::kRejected: return "Rejected";
    case PolicyState::kSuperseded: return "Superseded";
    case PolicyState::kWithdrawn: return "Withdrawn";
    case PolicyState::kOrphaned: return "Orphaned";
  }
  return "Orphaned";
}

const std::string& PolicyStanding::Supersedes() const {
  static const std::string kNone;
  const auto& version = policy->spec.version;
  return version ? version->supersedes : kNone;
}

std::vector<PolicyStanding> PolicyStandings(const PolicySet& policies, Time now) {
  return Lines(policies, now).Run();
}

PolicySet PoliciesInForce(const PolicySet& policies, Time now) {
  PolicySet in_force = policies;
  in_force.policies.clear();
  for (PolicyStanding& standing : PolicyStandings(policies, now)) {
    if (!standing.Counts()) continue;
    if (standing.policy->spec.version) {
      auto settled = std::make_shared<GovernancePolicy>(*standing.policy);
      settled->spec.version.reset();
      standing.policy = std::move(settled);
    }
    in_force.policies.push_back(std::move(standing.policy));
  }
  return in_force;
}

std::optional<std::string> KeptBecause(const std::vector<PolicyStanding>& standings,
                                       const std::string& name) {
  const PolicyStanding* own = Find(standings, name);
  if (own == nullptr || !own->policy->spec.version) return std::nullopt;
  if (own->Counts()) {
    return "it is in force until another version supersedes it or its withdrawal is signed off";
  }
  if (own->state == PolicyState::kApproved) {
    return "it is signed off and will take effect; a rejection calls that off";
  }
  // What never took effect changes nothing by going.
  if (!own->took_effect) return std::nullopt;
  for (const PolicyStanding& other : standings) {
    if (other.Counts() && DescendsFrom(standings, other, name)) {
      return Quoted(other.policy->meta.name) + ", which is in force, rests on its roles";
    }
  }
  if (Find(standings, own->Supersedes()) != nullptr) {
    return "without it " + Quoted(own->Supersedes()) +
           " would be in force again: delete that one first";
  }
  return std::nullopt;
}

}  // namespace countersign
