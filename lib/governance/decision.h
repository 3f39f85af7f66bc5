// decision.h: what an evaluation says: a verdict, and a gate for each thing that was required.
//
// One immutable Decision feeds the admission response, warnings, audit record, status, Events and
// the CLI's table, so that they cannot disagree. Plain values; equal facts give equal decisions,
// byte for byte in DecisionJson.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/time.h"
#include "governance/types/policy.h"

namespace countersign {

// From good to bad. kPassed and kWaived let through, nothing else does.
enum class GateState { kPassed, kWaived, kExpired, kMissing, kInsufficient, kFailed };
[[nodiscard]] constexpr bool IsMet(GateState state) { return state <= GateState::kWaived; }
[[nodiscard]] std::string_view GateStateName(GateState state);

// From good to bad: served; served and flagged; admitted but not served; refused.
enum class Verdict { kAllow, kWarn, kHold, kDeny };
[[nodiscard]] std::string_view VerdictName(Verdict verdict);

// Who stands behind a piece of evidence, as a signature is shown (21 CFR 11.50): printed name, date
// and time, meaning. The name is the policy's, never what the signer calls themselves.
struct Signatory {
  std::string printed_name;
  std::string account;
  Time at{};            // when it was made, or for want of that first seen
  std::string meaning;  // "Approve as model-validator"; of a report "Authorship"
  std::string key;      // fingerprint of the key that signed; empty: stamped for the account
  Assurance assurance = Assurance::kRequester;

  // "Vera Jansen (vera@bank.example), Approve as model-validator, 2026-11-10T10:00:00Z, key …"
  [[nodiscard]] std::string Text() const;
};

struct EvidenceRef {
  std::string kind;
  std::string name_space;
  std::string name;
  std::string digest;  // of the object's spec
  std::optional<Signatory> signatory = {};
};
[[nodiscard]] Json EvidenceJson(const std::vector<EvidenceRef>& evidence);

// What a waived gate would have been.
struct UnwaivedGate {
  GateState state = GateState::kMissing;
  std::string reason;
};

// Evidence about an earlier model that counts for this one (carry_over.h).
struct CarriedOver {
  std::string model;  // digest of the model that the evidence is about
  std::int64_t steps = 0;
  std::vector<std::string> kinds;  // of all changes since, sorted
};

// What one policy makes of the change from the model before.
struct ChangeNote {
  std::string policy;
  std::string previous;  // digest
  std::vector<std::string> kinds;
  std::vector<std::string> because;

  [[nodiscard]] std::string Text() const;  // one line for people
};

struct Gate {
  std::string policy;   // empty for checks that no policy can switch off
  std::string measure;  // name of the policy's measure, or of the built-in check
  std::string step;
  GateState state = GateState::kMissing;
  std::string reason;   // upper-camel code, for example SignOffMissing
  std::string message;  // one sentence: what is required, what was found
  std::string path;     // field at fault, if one is
  std::vector<EvidenceRef> evidence;
  std::string accountable;  // role
  std::string remedy;       // who can do what about it, with the command; empty when passed
  Enforcement enforcement = Enforcement::kDeny;
  bool final = false;  // no other object can cure it: denied whatever the enforcement
  Reaction on_violation = Reaction::kHold;
  ExpiryReaction on_expiry;
  std::optional<Time> valid_until;  // when a passed gate stops passing by itself
  std::optional<Time> expired_at;   // when an expired one did
  std::optional<Time> passes_from;  // when one that does not pass yet will by itself
  std::optional<UnwaivedGate> unwaived;
  std::optional<CarriedOver> carried_over;
};

// An emergency waiver for the model that nobody has closed (emergency.h).
struct EmergencyNote {
  std::string policy;
  std::string name_space;
  std::string waiver;
  std::string by;
  std::string ticket;
  std::vector<std::string> measures;
  Time until{};
  bool overdue = false;  // it has ended, and is open all the same
  std::string remedy;    // who can close it and how

  [[nodiscard]] std::string Text() const;  // one line for people
};

struct PolicyRef {
  std::string name;
  std::string digest;
};

struct Decision {
  Verdict verdict = Verdict::kDeny;
  std::string environment;           // the first policy's name for it, empty if none
  std::vector<std::string> classes;  // sorted, of all policies
  bool answers_approved = false;     // the classes are the use case's own, not the worst case
  std::string answers_note;          // why they are not, and what cures it; else empty
  std::string governed_digest;
  std::string answers_digest;
  std::string frame_digest;                // where a policy has change protocols: what they bind
  std::vector<ChangeNote> changes;         // of policies that ask, when a model before is known
  std::vector<EmergencyNote> emergencies;  // open ones for this model and environment
  std::vector<PolicyRef> policies;         // sorted by name
  std::vector<Gate> gates;                 // in the order of policies and their measures
  std::optional<Time> next_change;         // when time alone will change some gate or its reaction

  [[nodiscard]] bool Serves() const {
    return verdict == Verdict::kAllow || verdict == Verdict::kWarn;
  }
  [[nodiscard]] int Met() const;
  [[nodiscard]] std::string GatesText() const;  // "5/7", waived ones among the 5
};

// Canonical order of members, no times but those of the facts.
[[nodiscard]] Json DecisionJson(const Decision& decision);
[[nodiscard]] Json GateJson(const Gate& gate);

// "ModelDeployment 'ns/name' is not allowed in environment 'prod' (2 of 5 gates): …" with one line
// a gate and its remedy; at most `limit` bytes, cut between gates and saying how many were left
// out.
[[nodiscard]] std::string RefusalText(const Decision& decision, const std::string& subject,
                                      std::size_t limit);

// `text` on one line of at most `limit` bytes (three at least): control characters, C1 included,
// and those without width or that turn the direction become spaces, and what is cut is cut between
// characters and ends in "...".
[[nodiscard]] std::string OneLine(std::string text, std::size_t limit);

// The worst reaction that the gates which do not pass ask for now, for what serves already.
[[nodiscard]] std::optional<Reaction> ReactionNow(const Decision& decision, Time now);

}  // namespace countersign
