// rotation.h: what the built-in authority needs next. Pure: no clock, no I/O, no keys.
//
// The order is what keeps admission working: a new authority is published before a leaf of it is
// served (kPrepare, then kPromote), and the old one stays published until nobody can serve a leaf
// of it any more (kRetire). Any replica may take any step; the Secret's resourceVersion decides who
// did. `now` is the API server's clock, since it is the one that verifies; how long something has
// been so is measured by the replica itself, so that a clock that is set does not hurry anything.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "webhook/authority/authority_state.h"

namespace countersign {

enum class RotationStep {
  kNone,
  kCreate,     // there is nothing: an authority and a leaf
  kRestore,    // the Secret is gone or unreadable: what this replica remembers, then new keys
  kIssueLeaf,  // a leaf of the same authority
  kPrepare,    // the next authority, to be published
  kPromote,    // the next authority becomes the one that is served
  kRetire      // the previous one is trusted no more
};
inline constexpr std::size_t kRotationSteps = 7;
[[nodiscard]] std::string_view StepName(RotationStep step);  // "prepare"

struct RotationPolicy {
  Seconds leaf_lifetime{90 * 86400};
  Seconds authority_lifetime{730 * 86400};
  // How long API servers may take to use a caBundle that can be read: each follows the
  // configurations on its own.
  Seconds settle{30};
  // How long a replica may serve a leaf that was replaced. One that has not heard from the API
  // server for six minutes is not ready (kStaleAfter).
  Seconds retire{600};

  // Whether a rotation can end before what it replaces does; the error's path is the flag.
  [[nodiscard]] Status Check() const;
  // What is allowed and may refuse requests all the same; empty: nothing. `silence`: how long a
  // replica is ready without having heard from the API server.
  [[nodiscard]] std::string Concern(Seconds silence) const;
};

struct RotationView {
  enum class Stored { kAbsent, kUnreadable, kReadable };
  Stored stored = Stored::kAbsent;
  bool remembered = false;  // this replica knows a whole state from before
  // The rest is of a state that is readable.
  AuthorityTimes times;
  bool has_previous = false;
  bool rotation_asked = false;
  // For how long this replica has seen `next` in the caBundle of every entry; nullopt: it is not.
  std::optional<std::chrono::nanoseconds> published_for;
  // For how long it has seen this authority with this previous one.
  std::chrono::nanoseconds promoted_for{0};
};

// For how long a replica has seen things so, by its steady clock.
class RotationTimers {
 public:
  // Takes in what is seen now and fills in the view's durations. `next_published`: every entry's
  // caBundle holds the next authority.
  void See(const AuthorityState& state, bool next_published, SteadyTime now, RotationView& view);

 private:
  std::string publishing_;  // certificate of the next authority
  std::optional<SteadyTime> published_since_;
  std::string promoted_;  // the authority's and the previous one's
  SteadyTime promoted_since_{};
};

struct RotationPlan {
  RotationStep step = RotationStep::kNone;
  std::string_view why{};  // for the log
  // With kNone: look again then, unless something changes before.
  std::chrono::nanoseconds look_again = std::chrono::hours(1);
};

// `random` in [0, 1): this replica's own share of the jitter.
[[nodiscard]] RotationPlan PlanRotation(const RotationView& view, const RotationPolicy& policy,
                                        Time now, double random);

// The state after `step`. `state` is the stored one, for kRestore the remembered one; ignored by
// kCreate. `name` is the leaf's.
[[nodiscard]] Result<AuthorityState> Advance(RotationStep step, const AuthorityState& state,
                                             const RotationPolicy& policy, const std::string& name,
                                             Time now);

// From when on it is to be replaced: two thirds of its lifetime, and up to a twentieth later.
[[nodiscard]] Time DueAt(const Validity& validity, double random);

}  // namespace countersign
