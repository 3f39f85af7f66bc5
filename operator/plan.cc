#include "operator/plan.h"

#include <algorithm>

namespace countersign {
namespace {

std::string Why(const Decision& decision) {
  const Gate* gate = FirstUnmet(decision);
  return gate == nullptr ? "its gates pass" : gate->measure + ": " + gate->message;
}

std::string Revision(std::int64_t number) { return "revision " + std::to_string(number); }

const ApprovedRevision* FindNumber(const std::vector<ApprovedRevision>& list, std::int64_t number) {
  const auto found = std::find_if(list.begin(), list.end(),
                                  [&](const ApprovedRevision& r) { return r.number == number; });
  return found == list.end() ? nullptr : &*found;
}

void Earlier(std::optional<Time>& next, const std::optional<Time>& candidate) {
  if (candidate && (!next || *candidate < *next)) next = candidate;
}

class Planner {
 public:
  explicit Planner(const PlanInput& input) : in_(input) {
    plan_.next_change = input.wanted.next_change;
  }

  Plan Run() && {
    if (in_.wanted.Serves() && !in_.wanted_unusable) return ServeWanted();
    if (in_.revisions.empty()) {
      plan_.reason = "AwaitingEvidence";
      plan_.explanation =
          "nothing serves, because no revision was approved yet; " + Why(in_.wanted);
      return plan_;
    }
    const ApprovedRevision* base = in_.serving ? FindNumber(in_.revisions, *in_.serving) : nullptr;
    if (base == nullptr) return StartWhatPasses();
    const Decision decision = Judge(*base);
    if (decision.Serves()) return Keep(*base, decision);
    // A decision that does not serve has an unmet gate; without one, hold.
    plan_.reaction = ReactionNow(decision, in_.now).value_or(Reaction::kHold);
    switch (*plan_.reaction) {
      case Reaction::kAlert:
      case Reaction::kHold:
        if (!in_.suspended) return Keep(*base, decision);
        return Suspend(*base, decision, "; what is suspended starts again only when it does");
      case Reaction::kRollback: return RollBack(*base, decision);
      case Reaction::kSuspend: return Suspend(*base, decision, "");
    }
    return Suspend(*base, decision, "");
  }

 private:
  Decision Judge(const ApprovedRevision& revision) {
    Decision decision = in_.judge(revision);
    Earlier(plan_.next_change, decision.next_change);
    return decision;
  }

  Plan ServeWanted() {
    const auto found = std::find_if(
        in_.revisions.rbegin(), in_.revisions.rend(),
        [&](const ApprovedRevision& r) { return r.governed_digest == in_.wanted.governed_digest; });
    if (found == in_.revisions.rend()) {
      plan_.reason = "RevisionNotRecorded";
      plan_.explanation = "the spec is approved and waits to be recorded as a revision";
      return plan_;
    }
    plan_.phase = Phase::kServing;
    plan_.serve = found->number;
    plan_.replicas = in_.wanted_replicas;
    plan_.reaction = ReactionNow(in_.wanted, in_.now);
    plan_.reason = "Approved";
    plan_.explanation =
        Revision(found->number) + " serves, " + in_.wanted.GatesText() + " gates pass";
    if (FirstUnmet(in_.wanted) != nullptr) {
      plan_.reason = "ApprovedWithWarnings";
      plan_.explanation += "; " + Why(in_.wanted);
    }
    return plan_;
  }

  bool IsUnusable(const ApprovedRevision& revision) const {
    return std::find(in_.unusable.begin(), in_.unusable.end(), revision.number) !=
           in_.unusable.end();
  }

  // What served is lost or was never known: whatever is served now is started, and must pass.
  Plan StartWhatPasses() {
    for (auto it = in_.revisions.rbegin(); it != in_.revisions.rend(); ++it) {
      if (IsUnusable(*it) || (in_.wanted_unusable && IsWanted(*it))) continue;
      const Decision decision = Judge(*it);
      if (decision.Serves()) return Keep(*it, decision);
    }
    const ApprovedRevision& newest = in_.revisions.back();
    plan_.phase = Phase::kSuspended;
    plan_.reason = "Suspended";
    plan_.explanation = "nothing is started, because no approved revision meets policy; " +
                        Revision(newest.number) + ": " + Why(Judge(newest));
    return plan_;
  }

  // The wanted spec was approved once, after `served`: it was taken back, not held back.
  bool WithdrawnAfter(const ApprovedRevision& served) const {
    return std::any_of(in_.revisions.begin(), in_.revisions.end(), [&](const ApprovedRevision& r) {
      return r.number > served.number && r.governed_digest == in_.wanted.governed_digest;
    });
  }

  Plan Serve(const ApprovedRevision& revision) {
    plan_.serve = revision.number;
    plan_.replicas = IsWanted(revision) ? in_.wanted_replicas : revision.replicas;
    return plan_;
  }

  bool IsWanted(const ApprovedRevision& revision) const {
    return revision.governed_digest == in_.wanted.governed_digest;
  }

  Plan Keep(const ApprovedRevision& revision, const Decision& decision) {
    if (in_.wanted.Serves()) {
      plan_.phase = Phase::kHeld;
      plan_.reason = "NotRolledOut";
      plan_.explanation = Revision(revision.number) +
                          " keeps serving, because the spec is approved but cannot be put in place";
      AddItself(revision, decision);
      return Serve(revision);
    }
    if (IsWanted(revision)) {
      plan_.phase = Phase::kServing;
      plan_.reason = plan_.reaction == Reaction::kHold ? "Held" : "Alert";
      plan_.explanation = Revision(revision.number) +
                          " keeps serving although it no longer meets policy: " + Why(decision);
      return Serve(revision);
    }
    const bool withdrawn = WithdrawnAfter(revision);
    plan_.phase = withdrawn ? Phase::kRolledBack : Phase::kHeld;
    plan_.reason = withdrawn ? "RolledBack" : "AwaitingEvidence";
    plan_.explanation = Revision(revision.number) +
                        (withdrawn ? " serves again, because the spec no longer meets policy: "
                                   : " keeps serving, because the spec is not approved: ") +
                        Why(in_.wanted);
    AddItself(revision, decision);
    return Serve(revision);
  }

  void AddItself(const ApprovedRevision& revision, const Decision& decision) {
    if (decision.Serves()) return;
    plan_.explanation +=
        "; " + Revision(revision.number) + " itself no longer meets policy: " + Why(decision);
  }

  Plan RollBack(const ApprovedRevision& base, const Decision& decision) {
    for (auto it = in_.revisions.rbegin(); it != in_.revisions.rend(); ++it) {
      if (it->number >= base.number || it->governed_digest == base.governed_digest) continue;
      if (IsUnusable(*it)) continue;
      const Decision earlier = Judge(*it);
      if (!earlier.Serves()) continue;
      plan_.phase = Phase::kRolledBack;
      plan_.reason = "RolledBack";
      plan_.explanation = Revision(it->number) + " serves again, because " + Revision(base.number) +
                          " no longer meets policy: " + Why(decision);
      return Serve(*it);
    }
    return Suspend(base, decision, "; no earlier revision meets policy");
  }

  Plan Suspend(const ApprovedRevision& base, const Decision& decision, const char* more) {
    plan_.phase = Phase::kSuspended;
    plan_.serve = base.number;
    plan_.replicas = 0;
    plan_.reason = "Suspended";
    plan_.explanation = "serving is suspended, because " + Revision(base.number) +
                        " no longer meets policy: " + Why(decision) + more;
    return plan_;
  }

  const PlanInput& in_;
  Plan plan_;
};

}  // namespace

std::string_view PhaseName(Phase phase) {
  switch (phase) {
    case Phase::kNothing: return "Nothing";
    case Phase::kServing: return "Serving";
    case Phase::kHeld: return "Held";
    case Phase::kRolledBack: return "RolledBack";
    case Phase::kSuspended: return "Suspended";
  }
  return "Nothing";
}

const Gate* FirstUnmet(const Decision& decision) {
  const Gate* first = nullptr;
  const auto weight = [](const Gate& g) { return g.final ? 100 : static_cast<int>(g.enforcement); };
  for (const Gate& gate : decision.gates) {
    if (IsMet(gate.state)) continue;
    if (first == nullptr || weight(gate) > weight(*first)) first = &gate;
  }
  return first;
}

bool NeedsRevision(const Decision& wanted, const std::vector<ApprovedRevision>& revisions) {
  return wanted.Serves() &&
         (revisions.empty() || revisions.back().governed_digest != wanted.governed_digest);
}

Plan MakePlan(const PlanInput& input) { return Planner(input).Run(); }

}  // namespace countersign
