// model_record.h: what has been seen of one model, by digest: results, decisions, alarms, where it
// served; or of one use case as a whole, by a digest that no model has. See object.h for threads.
//
// The operator alone writes it, and signs it with the installation's key. Objects can be deleted;
// that they were there stays here: the newest result of each maker on each protocol and data set
// exactly, older ones by digest and count, rejections and incidents in full. records.h says what
// comes of it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/certificate.h"
#include "governance/types/common.h"
#include "governance/types/incident.h"
#include "governance/types/object.h"
#include "governance/types/sign_off.h"

namespace countersign {

// The most entries of each list; operator/model_records.h says what gives way.
inline constexpr std::int64_t kMaxRecordedResults = 256;
inline constexpr std::int64_t kMaxEarlierResults = 64;
inline constexpr std::int64_t kMaxRecordedDecisions = 256;
inline constexpr std::int64_t kMaxRecordedIncidents = 64;
inline constexpr std::int64_t kMaxRecordedServing = 64;
inline constexpr std::int64_t kMaxRecordedNames = 256;
inline constexpr std::int64_t kMaxRecordedBounds = 256;

// When something was seen, to the microsecond: order hangs on it.
struct Instant {
  std::string text;  // empty: never
  Time time{};       // derived
};

// By what it was signed, beside the maker's own key.
struct RecordedCosigner {
  std::string signing_key;
  std::string certificates;
  std::optional<CertificateChain> chain = {};  // derived from `certificates`
};

// Who made it, as admission stamped it.
struct RecordedMaker {
  std::string user;
  std::vector<std::string> groups;
  Instant first_seen;
  std::optional<Time> signed_in_at = {};  // by an identity token, where the API server told
  std::string installation = {};          // another one, that saw it made; empty: ours
  std::string installation_key = {};
  std::string signing_key = {};
  std::string certificates = {};               // of that key, in PEM, if it came with any
  std::optional<CertificateChain> chain = {};  // derived from `certificates`
  bool user_present = false;
  bool user_verified = false;
  std::vector<RecordedCosigner> cosigners = {};
};

struct EarlierResult {
  std::string digest;
  Instant first_seen;
};

struct RecordedVerdict {
  std::string policy;
  std::string measure;
  std::string state;
  std::string reason;
  friend bool operator==(const RecordedVerdict&, const RecordedVerdict&) = default;
};

// Of one maker, by one protocol, on one data set: the newest, and what came before.
struct RecordedResult {
  std::string kind;
  std::string name_space;
  std::string use_case;
  DigestType digest_type = DigestType::kOciManifest;
  // Protocol of a BiasTest, type of an Evidence, what a snapshot is a repetition of.
  std::string topic;
  std::string data_set;     // digest
  std::string environment;  // of an Evidence
  std::string counts;       // what a BiasTest counts
  std::string name;
  std::string uid;
  std::string digest;  // Object::KnownAs
  RecordedMaker by;
  // Whom these results name as having made them, or the code that made them.
  std::vector<std::string> performed_by;
  std::optional<Time> performed_at;
  std::int64_t attempts = 1;
  std::vector<EarlierResult> earlier;
  std::vector<RecordedVerdict> verdicts;
  Instant withdrawn;
};

struct RecordedDecision {
  std::string name_space;
  std::string use_case;
  std::string role;
  SignOffDecision decision = SignOffDecision::kApprove;
  std::vector<std::string> environments;
  std::string governed_digest;
  std::string name;
  std::string uid;
  std::string digest;
  RecordedMaker by;
  std::string content;  // of a rejection: its spec, as JSON
  Instant withdrawn;
  std::shared_ptr<const SignOff> sign_off;  // derived from `content`
};

struct RecordedIncident {
  std::string name_space;
  std::string use_case;
  std::string name;
  std::string uid;
  std::string digest;
  std::string content;  // its spec, as JSON
  Instant withdrawn;
  std::shared_ptr<const Incident> incident;  // derived from `content`
};

struct RecordedServing {
  std::string deployment;  // namespace/name
  std::string name_space;  // of the use case
  std::string use_case;
  std::string environment;
  std::string version;
  std::string author;
  Time since{};
  std::optional<Time> until;
};

// What the lists have let go of one namespace's evidence. Bounds are a namespace's own, so that
// nobody fills the record of a model that others use.
struct RecordBounds {
  std::string name_space;
  // What was made before, and is in no list, is none of what came later.
  std::optional<Time> results_forgotten_until = {};
  std::optional<Time> decisions_forgotten_until = {};
  bool full = false;
};

struct ModelRecordSpec {
  static constexpr std::string_view kKind = "ModelRecord";
  std::string digest;
  std::string use_case;  // "namespace/name"; empty: it is the record of a model
  std::vector<RecordedResult> results;
  std::vector<RecordedDecision> decisions;
  std::vector<RecordedIncident> incidents;
  std::vector<RecordedServing> serving;
  std::vector<RecordBounds> bounds;  // by namespace
  bool full = false;                 // of more namespaces than can be kept apart

  // Null where nothing was let go.
  [[nodiscard]] const RecordBounds* BoundsOf(std::string_view name_space) const;
  // Time::min() where nothing was.
  [[nodiscard]] Time ResultsForgottenUntil(std::string_view name_space) const;
  [[nodiscard]] Time DecisionsForgottenUntil(std::string_view name_space) const;

  // What the lists know of one digest in one namespace; derived, sorted.
  struct Known {
    std::string_view digest;  // into the lists
    std::string_view name_space;
    Time first_seen{};
    std::optional<Time> withdrawn_at;
  };
  // Null if it was never seen. Not to be called on a copy: DeriveKnown first.
  [[nodiscard]] const Known* Find(std::string_view digest, std::string_view name_space) const;
  void DeriveKnown();
  std::vector<Known> known;
};
using ModelRecord = Object<ModelRecordSpec>;

// Under which digest the record of a use case is kept: reports that name no model are in it.
[[nodiscard]] std::string RecordDigestOf(std::string_view name_space, std::string_view use_case);

// "sha256-…": names of objects hold no colon.
[[nodiscard]] std::string RecordName(std::string_view digest);

[[nodiscard]] Instant InstantOf(Time time);

}  // namespace countersign
