// handler.h: from an admission review to its answer.
//
// Two entries. `Mutate` stamps what people create; `Validate` decides. Both are given bytes and
// give bytes: no HTTP types here. Nothing is called over the network but the one bounded live read
// before a denial for want of evidence (catalog/live_reader.h). Whatever goes wrong inside ends as
// a refusal with its own reason, never as an allow. Thread-safe; collaborators must outlive the
// handler.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "audit/decision_record.h"
#include "base/clock.h"
#include "catalog/catalog.h"
#include "catalog/live_reader.h"
#include "evidence/installation_key.h"
#include "webhook/admission/review.h"

namespace countersign {

struct AdmissionOptions {
  // Only this account writes to /status of our kinds.
  std::string operator_user;
  // Refuse sign-offs whose request shows no credential id, where the cluster always gives one.
  bool require_credential_id = false;
};

struct AdmissionCall {
  std::string_view body;
  std::string_view traceparent;
  SteadyTime deadline;  // answer before; the API server gives up then
};

struct AdmissionReply {
  int http_status = 200;
  std::string body;
};

class AdmissionHandler {
 public:
  // Hears every decision record, for the log and for metrics. With `may_wait` false it takes one
  // without waiting or, saying false, not at all: then the decision is not given either.
  using Recorder = std::function<bool(const DecisionRecord&, bool may_wait)>;

  AdmissionHandler(Catalog& catalog, LiveReader& live, Clock& clock, InstallationKey key,
                   AdmissionOptions options, Recorder recorder);

  [[nodiscard]] AdmissionReply Validate(const AdmissionCall& call) const;
  [[nodiscard]] AdmissionReply Mutate(const AdmissionCall& call) const;
  // The same from what is at hand, for a thread that must not wait. nullopt where that is not
  // enough (a live read, a log that takes nothing more): nothing is decided or recorded then.
  [[nodiscard]] std::optional<AdmissionReply> TryValidate(const AdmissionCall& call) const;
  [[nodiscard]] std::optional<AdmissionReply> TryMutate(const AdmissionCall& call) const;

 private:
  // What a decision is made from and written to.
  struct Context {
    std::shared_ptr<const Review> owned;
    const Review& review;  // *owned
    SteadyTime deadline;
    Time now;
    ReviewAnswer answer;
    DecisionRecord record;
    Decision decision;
    bool may_wait;
    bool must_wait = false;  // to be right; with `may_wait` false it cannot be
  };

  [[nodiscard]] std::optional<AdmissionReply> Validate(const AdmissionCall& call,
                                                       bool may_wait) const;
  [[nodiscard]] std::optional<AdmissionReply> Mutate(const AdmissionCall& call,
                                                     bool may_wait) const;
  // LiveReader::Refresh for whoever may wait.
  [[nodiscard]] bool RefreshLive(Context& context, const UseCaseRef& use_case) const;
  void Decide(Context& context) const;
  void DecidePolicy(Context& context) const;
  void DecideVersionUpdate(Context& context) const;
  // What to tell whoever publishes a version about its standing.
  [[nodiscard]] std::vector<std::string> VersionWarnings(Context& context,
                                                         const GovernancePolicy& policy) const;
  void DecideUseCase(Context& context) const;
  void DecideRetirement(Context& context, std::shared_ptr<const UseCase> use_case) const;
  void DecideSignOff(Context& context) const;
  // Both refuse what the policies do not let the signer do.
  void DecideSigned(Context& context, const SignOff& sign_off) const;
  bool CheckDates(Context& context, const SignOffSpec& spec) const;
  // Null after a refusal.
  std::shared_ptr<const SignatureProof> CheckSignature(Context& context) const;
  // Whether the object may correct what it says it corrects; refuses otherwise.
  template <class Spec>
  bool CheckCorrection(Context& context, const Object<Spec>& object,
                       std::shared_ptr<const SignatureProof> proof) const;
  bool CheckLending(Context& context, const SignOffSpec& spec) const;
  bool CheckDeputy(Context& context, const SignOffSpec& spec, Provenance who) const;
  // What is to be judged of new evidence. nullopt after the answer to what is not new or
  // unreadable.
  template <class Spec>
  std::optional<Object<Spec>> NewEvidence(Context& context) const;
  template <class Spec>
  void DecideReport(Context& context) const;
  void DecideWaiver(Context& context) const;
  bool CheckEmergency(Context& context, const WaiverSpec& spec) const;
  void DecideIncident(Context& context) const;
  void DecideDeletion(Context& context) const;
  void DecideDeployment(Context& context) const;
  bool CheckName(Context& context, const std::string& name) const;
  void DecideRecord(Context& context) const;
  void DecideScale(Context& context) const;
  [[nodiscard]] Decision EvaluateLive(Context& context,
                                      const std::shared_ptr<const ModelDeployment>& deployment,
                                      const std::string& digest, const Provenance& author,
                                      bool unchanged) const;
  // True if the object carries the stamp it must: the requester's own when it is new (`fresh`), the
  // one it had when not. Refuses otherwise. `digest` is the new object's Object::spec_digest.
  bool CheckStamp(Context& context, bool fresh, const std::string& digest) const;
  // Who made new evidence, where somebody applies it again with stamp and receipt.
  // Whether evidence of that kind may keep what its receipt says of its maker.
  [[nodiscard]] bool IsBelieved(const Provenance& maker, const Review& review) const;
  [[nodiscard]] std::optional<Provenance> Carried(const Context& context) const;
  [[nodiscard]] Json StampPatch(Review& review, Time now, ReviewAnswer& answer) const;
  // False where the record would have to wait.
  [[nodiscard]] bool Finish(Context& context, std::string_view traceparent,
                            SteadyTime started) const;

  Catalog& catalog_;
  LiveReader& live_;
  Clock& clock_;
  const InstallationKey key_;
  const AdmissionOptions options_;
  const Recorder recorder_;
};

// What is known of a decision before it is made.
[[nodiscard]] DecisionRecord StartRecord(const Review& review, Time now);

// Refuses with 403 and one cause; `field` may be empty.
void Refuse(ReviewAnswer& answer, std::string reason, std::string message, std::string field = {});

// True for an update of evidence: allows one that leaves the spec alone, refuses any other.
bool SettledByUpdate(const Review& review, ReviewAnswer& answer);

// Whether a policy carries kVersionFinalizer.
[[nodiscard]] bool HasVersionFinalizer(const Json& policy);

}  // namespace countersign
