#include "governance/types/status.h"

#include "governance/types/codec.h"

namespace countersign {

template <>
struct EnumNames<ConditionStatus> {
  static constexpr std::pair<ConditionStatus, std::string_view> kNames[] = {
      {ConditionStatus::kTrue, "True"},
      {ConditionStatus::kFalse, "False"},
      {ConditionStatus::kUnknown, "Unknown"}};
};
template <>
struct EnumNames<GateState> {
  static constexpr std::pair<GateState, std::string_view> kNames[] = {
      {GateState::kPassed, "Passed"},
      {GateState::kWaived, "Waived"},
      {GateState::kExpired, "Expired"},
      {GateState::kMissing, "Missing"},
      {GateState::kInsufficient, "Insufficient"},
      {GateState::kFailed, "Failed"}};
};
template <>
struct EnumNames<Verdict> {
  static constexpr std::pair<Verdict, std::string_view> kNames[] = {{Verdict::kAllow, "Allow"},
                                                                    {Verdict::kWarn, "Warn"},
                                                                    {Verdict::kHold, "Hold"},
                                                                    {Verdict::kDeny, "Deny"}};
};

namespace {

constexpr std::int64_t kMaxGeneration = 9'007'199'254'740'991;
constexpr std::int64_t kMaxMessage = 32768;  // what metav1.Condition allows
constexpr std::int64_t kMaxGates = 2048;     // 16 policies of 128 measures
constexpr std::int64_t kMaxClasses = 512;    // 16 policies of 32 classes
constexpr std::int64_t kMaxClassSummary = 256;
constexpr std::int64_t kMaxPods = 1'000'000;

template <class V>
void ObservedGeneration(V& v, std::int64_t& generation) {
  v.Field({.name = "observedGeneration",
           .doc = "The metadata.generation that this status is about; -1 until the operator has "
                  "seen the object.",
           .min = -1,
           .max = kMaxGeneration},
          generation);
}

template <class V>
void Conditions(V& v, std::vector<StatusCondition>& conditions, std::string_view doc) {
  v.Field({.name = "conditions", .doc = doc, .max = 32, .list = ListType::kMap, .list_key = "type"},
          conditions);
}

}  // namespace

template <class V>
void Describe(V& v, StatusCondition& c) {
  v.Field({.name = "type",
           .doc = "What the condition is about, for example Ready.",
           .required = true,
           .format = Format::kToken,
           .length = 316},
          c.type);
  v.Field({.name = "status", .doc = "True, False or Unknown.", .required = true}, c.status);
  v.Field({.name = "observedGeneration",
           .doc = "The metadata.generation that the condition is about.",
           .max = kMaxGeneration},
          c.observed_generation);
  v.Field({.name = "lastTransitionTime",
           .doc = "When the status last changed. RFC 3339.",
           .required = true},
          c.last_transition_time);
  v.Field({.name = "reason",
           .doc = "Why, in one CamelCase word for programs.",
           .required = true,
           .format = Format::kToken,
           .length = 1024},
          c.reason);
  v.Field({.name = "message", .doc = "Why, for people.", .length = kMaxMessage}, c.message);
}

template <class V>
void Describe(V& v, Signatory& s) {
  v.Field(
      {.name = "printedName",
       .doc = "Name of the person, as the policy has it (spec.people[].displayName); never what "
              "the signer calls themselves.",
       .required = true,
       .length = 1024},
      s.printed_name);
  v.Field({.name = "account", .doc = "Account of the person.", .required = true, .length = 1024},
          s.account);
  v.Field({.name = "at",
           .doc = "When it was made: the time that its signature covers, else when admission "
                  "stamped it. RFC 3339.",
           .required = true},
          s.at);
  v.Field({.name = "meaning",
           .doc = "What the signature means: decision and role, or Authorship.",
           .required = true,
           .length = 2048},
          s.meaning);
  v.Field({.name = "key", .doc = "Fingerprint of the key that signed, if one did.", .length = 63},
          s.key);
  v.Field(
      {.name = "assurance",
       .doc = "Requester (by a stamp), Signed (by a key) or Reauthenticated (by a hardware key, or "
              "by an account that had just signed in).",
       .required = true},
      s.assurance);
}

template <class V>
void Describe(V& v, StatusEvidence& e) {
  v.Field({.name = "kind", .doc = "Kind of the evidence.", .required = true}, e.kind);
  v.Field({.name = "namespace", .doc = "Its namespace."}, e.name_space);
  v.Field({.name = "name", .doc = "Its name.", .required = true}, e.name);
  v.Field({.name = "digest", .doc = "Digest of its spec.", .length = 71}, e.digest);
  v.Field({.name = "signatory", .doc = "Who stands behind it."}, e.signatory);
}

template <class V>
void Describe(V& v, StatusUnwaived& u) {
  v.Field({.name = "state", .doc = "The state that it would have.", .required = true}, u.state);
  v.Field({.name = "reason",
           .doc = "Why, in one CamelCase word for programs.",
           .required = true,
           .length = 1024},
          u.reason);
}

template <class V>
void Describe(V& v, StatusCarriedOver& c) {
  v.Field({.name = "model", .doc = "Digest of the model that the evidence is about.", .length = 71},
          c.model);
  v.Field({.name = "steps", .doc = "How many changes there were since.", .max = 64}, c.steps);
  v.Field({.name = "kinds", .doc = "Of which kinds.", .max = 16, .length = 63}, c.kinds);
}

template <class V>
void Describe(V& v, StatusGate& g) {
  v.Field({.name = "policy",
           .doc = "The policy that asks for it; empty for checks that no policy can switch off."},
          g.policy);
  v.Field({.name = "measure",
           .doc = "Name of the policy's measure, or of the built-in check.",
           .required = true},
          g.measure);
  v.Field({.name = "step", .doc = "Process step that the measure belongs to.", .length = 63},
          g.step);
  v.Field({.name = "state",
           .doc = "Passed, Waived (by a waiver, see unwaived), Missing (there is no evidence), "
                  "Failed (the evidence says no), "
                  "Insufficient (the evidence cannot say) or Expired (it said yes and is too old).",
           .required = true},
          g.state);
  v.Field({.name = "reason",
           .doc = "Why, in one CamelCase word for programs.",
           .required = true,
           .length = 1024},
          g.reason);
  v.Field({.name = "message", .doc = "What is required and what was found.", .length = kMaxMessage},
          g.message);
  v.Field({.name = "path", .doc = "The field at fault, if one is.", .length = 4096}, g.path);
  v.Field({.name = "accountable", .doc = "The role that answers for it.", .length = 63},
          g.accountable);
  v.Field({.name = "remedy",
           .doc = "Who can do what about it, with the command; absent when passed.",
           .length = kMaxMessage},
          g.remedy);
  v.Field({.name = "enforcement",
           .doc = "What an unmet gate does here: Deny, Hold, Warn or Audit; absent when passed."},
          g.enforcement);
  v.Field({.name = "validUntil", .doc = "When it stops passing by itself. RFC 3339."},
          g.valid_until);
  v.Field({.name = "expiredAt", .doc = "When it stopped passing by itself. RFC 3339."},
          g.expired_at);
  v.Field({.name = "unwaived", .doc = "What it would be without the waiver."}, g.unwaived);
  v.Field({.name = "carriedOver",
           .doc = "Whose evidence it is, when there is none about this model itself."},
          g.carried_over);
  v.Field({.name = "evidence", .doc = "The evidence that was judged.", .max = 1024}, g.evidence);
}

template <class V>
void Describe(V& v, StatusRevision& r) {
  v.Field({.name = "revision",
           .doc = "Number of the approved revision; its ControllerRevision is named "
                  "<deployment>-<number>.",
           .required = true,
           .max = kMaxGeneration},
          r.revision);
  v.Field({.name = "governedDigest", .doc = "Digest of what was approved.", .length = 71},
          r.governed_digest);
  v.Field({.name = "modelVersion", .doc = "Version of its model.", .length = 128}, r.model_version);
  v.Field({.name = "author", .doc = "Account that applied it.", .length = 1024}, r.author);
  v.Field({.name = "approvedAt", .doc = "When its gates had passed. RFC 3339."}, r.approved_at);
}

template <class V>
void Describe(V& v, ModelDeploymentStatus& s) {
  ObservedGeneration(v, s.observed_generation);
  v.Field({.name = "environment", .doc = "The policy's name for the environment.", .length = 63},
          s.environment);
  v.Field(
      {.name = "classes", .doc = "Risk classes that applied.", .max = kMaxClasses, .length = 63},
      s.classes);
  v.Field({.name = "classSummary",
           .doc = "The classes in one line, for people.",
           .length = kMaxClassSummary},
          s.class_summary);
  v.Field({.name = "verdict",
           .doc = "Allow (serves), Warn (serves, flagged), Hold (nothing new is served) or Deny."},
          s.verdict);
  v.Field({.name = "phase",
           .doc = "What the operator does: Nothing, Serving, Held, RolledBack or Suspended.",
           .length = 63},
          s.phase);
  v.Field({.name = "gatesPassed", .doc = "Gates passed of all, for example 5/7.", .length = 32},
          s.gates_passed);
  v.Field({.name = "gates",
           .doc = "Everything that was required, and how it stands.",
           .max = kMaxGates},
          s.gates);
  v.Field({.name = "whyNot",
           .doc = "The first gate that does not pass, in one line; empty when all do.",
           .length = 1024},
          s.why_not);
  v.Field({.name = "answersNote",
           .doc = "Why the classes are the worst case rather than the use case's own, and what "
                  "cures it.",
           .length = kMaxMessage},
          s.answers_note);
  v.Field({.name = "changes",
           .doc = "How this model differs from the one before it, by each policy that asks.",
           .max = 16,
           .length = 1024},
          s.changes);
  v.Field({.name = "governedDigest",
           .doc = "SHA-256 over the canonical JSON of everything governed in the spec; what a "
                  "sign-off binds to.",
           .length = 71},
          s.governed_digest);
  v.Field({.name = "answersDigest",
           .doc = "Digest of the use case's answers that were judged.",
           .length = 71},
          s.answers_digest);
  v.Field({.name = "approvedRevision",
           .doc = "Number of the newest revision that was ever approved.",
           .max = kMaxGeneration},
          s.approved_revision);
  v.Field({.name = "servingRevision",
           .doc = "Number of the revision that serves now; absent when nothing does.",
           .max = kMaxGeneration},
          s.serving_revision);
  v.Field({.name = "servingVersion", .doc = "Model version that serves now.", .length = 128},
          s.serving_version);
  v.Field({.name = "replicas", .doc = "Number of serving pods.", .max = kMaxPods}, s.replicas);
  v.Field({.name = "availableReplicas",
           .doc = "Number of serving pods that are available.",
           .max = kMaxPods},
          s.available_replicas);
  v.Field({.name = "selector",
           .doc = "Label selector of the serving pods, as text, for the scale subresource.",
           .length = 1024},
          s.selector);
  Conditions(v, s.conditions,
             "Ready (what is asked for serves), Governed (its gates pass), and only while they "
             "hold, Reconciling (waiting or rolling out) and Stalled (a person must act).");
  v.Field({.name = "history", .doc = "Approved revisions, newest first.", .max = 64}, s.history);
  v.Field({.name = "nextChange", .doc = "When time alone will change the above. RFC 3339."},
          s.next_change);
}

template <class V>
void Describe(V& v, UseCaseStatus& s) {
  ObservedGeneration(v, s.observed_generation);
  v.Field({.name = "classes",
           .doc = "Risk classes under all policies; every class that could apply until the answers "
                  "are signed off.",
           .max = kMaxClasses,
           .length = 63},
          s.classes);
  v.Field({.name = "classSummary",
           .doc = "The classes in one line, for people.",
           .length = kMaxClassSummary},
          s.class_summary);
  v.Field(
      {.name = "answersApproved", .doc = "Whether a sign-off covers the answers as they are now."},
      s.answers_approved);
  v.Field({.name = "answersNote",
           .doc = "Why they are not approved, and what cures it.",
           .length = kMaxMessage},
          s.answers_note);
  v.Field({.name = "answersDigest",
           .doc = "Digest of the answers; what a sign-off on a use case binds to.",
           .length = 71},
          s.answers_digest);
  Conditions(v, s.conditions, "Ready: the object was read; Stalled: it is at fault.");
}

template <class V>
void Describe(V& v, EvidenceStatus& s) {
  ObservedGeneration(v, s.observed_generation);
  v.Field({.name = "stampedUser",
           .doc = "Account that the API server had authenticated when the object was created, by "
                  "its stamp; empty when the stamp does not hold.",
           .length = 1024},
          s.stamped_user);
  v.Field({.name = "firstSeen",
           .doc = "When admission stamped it; its age counts from here. RFC 3339."},
          s.first_seen);
  v.Field({.name = "signingKey",
           .doc = "Fingerprint of the key whose signature the object carries, if that holds. Whose "
                  "key it is, and whether it counts, each policy says.",
           .length = 63},
          s.signing_key);
  v.Field({.name = "groups",
           .doc = "Groups of stampedUser as the API server saw them then.",
           .max = 256,
           .length = 256},
          s.groups);
  v.Field(
      {.name = "credentialId",
       .doc = "Which credential authenticated stampedUser, where the API server tells. Empty for "
              "whoever acted as somebody else (kubectl --as).",
       .length = 1024},
      s.credential_id);
  v.Field({.name = "signedInAt",
           .doc = "When stampedUser had last signed in (claim auth_time of an identity token), "
                  "where the API server tells. Whether that is recent enough each policy says. RFC "
                  "3339."},
          s.signed_in_at);
  v.Field({.name = "signatory",
           .doc = "Printed name, time and meaning of the signature, by the first policy in force, "
                  "in the order of names, that knows the role or the key."},
          s.signatory);
  Conditions(v, s.conditions,
             "Ready: the evidence is authentic and counts; Stalled: it does not, and why.");
}

template <class V>
void Describe(V& v, GovernancePolicyStatus& s) {
  ObservedGeneration(v, s.observed_generation);
  v.Field({.name = "inForce", .doc = "Whether the policy counts now."}, s.in_force);
  v.Field({.name = "state",
           .doc = "Unversioned, InForce, InTransition, Ending, Approved, Pending, Rejected, "
                  "Superseded, Withdrawn or Orphaned.",
           .length = 63},
          s.state);
  v.Field({.name = "since", .doc = "When the version took effect. RFC 3339."}, s.since);
  v.Field({.name = "until",
           .doc = "When the transition that it is in, or that ends it, is over. RFC 3339."},
          s.until);
  v.Field({.name = "publishedBy",
           .doc = "Account that published the version, by admission's stamp.",
           .length = 1024},
          s.published_by);
  v.Field({.name = "publishedAt", .doc = "When admission saw that. RFC 3339."}, s.published_at);
  v.Field({.name = "remedy", .doc = "Who can put it in force, and how.", .length = kMaxMessage},
          s.remedy);
  v.Field({.name = "keptBecause",
           .doc = "Why a version that somebody deletes stays.",
           .length = kMaxMessage},
          s.kept_because);
  v.Field({.name = "nextChange", .doc = "When time alone will change the above. RFC 3339."},
          s.next_change);
  Conditions(v, s.conditions,
             "Ready: the policy was read; InForce: it counts, and why or why not; Stalled: a "
             "person must act.");
}

std::string ClassSummary(const std::vector<std::string>& classes) {
  constexpr std::size_t kCountBytes = 8;  // ",+<count>"
  std::string text;
  for (std::size_t i = 0; i < classes.size(); ++i) {
    if (text.size() + classes[i].size() + 1 + kCountBytes > std::size_t{kMaxClassSummary}) {
      return text + ",+" + std::to_string(classes.size() - i);
    }
    text += (i == 0 ? "" : ",") + classes[i];
  }
  return text;
}

template <class StatusType>
Json EncodeStatus(const StatusType& status) {
  return Encode(status);
}

template <class StatusType>
Result<StatusType> DecodeStatus(const Json& status) {
  StatusType out;
  if (auto errors = DecodeInto(status, "status", out); !errors.empty()) {
    return Fail(JoinErrors(errors));
  }
  return out;
}

template <class StatusType>
Json StatusSchema() {
  return SchemaOf<StatusType>();
}

#define COUNTERSIGN_INSTANTIATE_STATUS(Type)             \
  template Json EncodeStatus<Type>(const Type&);         \
  template Result<Type> DecodeStatus<Type>(const Json&); \
  template Json StatusSchema<Type>()
COUNTERSIGN_INSTANTIATE_STATUS(ModelDeploymentStatus);
COUNTERSIGN_INSTANTIATE_STATUS(UseCaseStatus);
COUNTERSIGN_INSTANTIATE_STATUS(EvidenceStatus);
COUNTERSIGN_INSTANTIATE_STATUS(GovernancePolicyStatus);

}  // namespace countersign
