#include <algorithm>

#include "evidence/receipt.h"
#include "evidence/signed_object.h"
#include "governance/emergency.h"
#include "governance/identity.h"
#include "governance/in_force.h"
#include "governance/measures/delegation.h"
#include "governance/policy_warnings.h"
#include "governance/retirement.h"
#include "governance/serving/guard_waiver.h"
#include "governance/signers.h"
#include "webhook/admission/handler.h"

namespace countersign {
namespace {

// What the policies say about one role and one person.
struct RoleHolding {
  bool known = false;   // some policy has the role
  bool held = false;    // and in one of them the person holds it
  std::string holders;  // whom to ask instead
};

RoleHolding HoldingOf(const PolicySet& policies, const std::string& role, const Provenance& who) {
  RoleHolding holding;
  for (const auto& policy : policies.policies) {
    if (FindRole(policy->spec, role) == nullptr) continue;
    holding.known = true;
    if (IsNamedBy(policy->spec, {SubjectKind::kRole, role}, who)) {
      holding.held = true;
      return holding;
    }
    holding.holders = HoldersText(policy->spec, role);
  }
  return holding;
}

// Whether some policy lets the role be lent so; the reason is the last one's.
std::optional<Disregarded> WhyNotLendable(const PolicySet& policies, const SignOffSpec& spec,
                                          Time now) {
  Disregarded why{"DelegationNotAllowed", "no policy lets role '" + spec.role +
                                              "' be lent: it has no spec.roles[].delegation"};
  for (const auto& policy : policies.policies) {
    const Role* role = FindRole(policy->spec, spec.role);
    if (role == nullptr || !role->delegation) continue;
    const Seconds longest = role->delegation->max_duration;
    // Decoding asks for an end.
    if (spec.expires_at.value_or(now) - now <= longest) return std::nullopt;
    why = {"DelegationTooLong", "policy '" + policy->meta.name + "' lets role '" + spec.role +
                                    "' be lent for at most " + FormatDuration(longest)};
  }
  return why;
}

struct EmergencyRefusal {
  Disregarded why;
  std::string path = "spec.emergency";
};

template <class List, class NameOf>
std::string Listed(const List& list, const NameOf& name_of) {
  std::string text;
  for (const auto& one : list) text += (text.empty() ? "'" : ", '") + name_of(one) + "'";
  return text.empty() ? "none" : text;
}

// What the emergency names has to be there: it cannot be changed or deleted once it is made.
std::optional<EmergencyRefusal> WhyUnknown(const PolicySet& policies, const WaiverSpec& spec) {
  const GovernancePolicy* policy = nullptr;
  for (const auto& one : policies.policies) {
    if (one->meta.name == spec.policy) policy = one.get();
  }
  if (policy == nullptr) {
    return EmergencyRefusal{
        {"PolicyUnknown",
         "no policy in force is named '" + Shorten(spec.policy) + "'; there is " +
             Listed(policies.policies, [](const auto& one) { return one->meta.name; })},
        "spec.policy"};
  }
  const auto& environments = policy->spec.environments;
  if (std::none_of(environments.begin(), environments.end(),
                   [&](const auto& one) { return one.name == spec.environment; })) {
    return EmergencyRefusal{
        {"EnvironmentUnknown", "policy '" + spec.policy + "' has no environment '" +
                                   Shorten(spec.environment) + "'; it has " +
                                   Listed(environments, [](const auto& one) { return one.name; })},
        "spec.environment"};
  }
  const auto& measures = policy->spec.measures;
  for (std::size_t i = 0; i < spec.measures.size(); ++i) {
    const std::string& name = spec.measures[i];
    const std::string path = "spec.measures[" + std::to_string(i) + "]";
    const bool known =
        name == kShadowMeasure || std::any_of(measures.begin(), measures.end(),
                                              [&](const Measure& one) { return one.name == name; });
    if (!known) {
      return EmergencyRefusal{
          {"MeasureUnknown", "policy '" + spec.policy + "' has no measure '" + Shorten(name) +
                                 "'; it has " +
                                 Listed(measures, [](const auto& one) { return one.name; })},
          path};
    }
    const auto& rules = policy->spec.waivers;
    if (rules && std::find(rules->never.begin(), rules->never.end(), name) != rules->never.end()) {
      return EmergencyRefusal{{"WaiverNotAllowed", "the policy's spec.waivers.never lists '" +
                                                       name + "': not in an emergency either"},
                              path};
    }
  }
  return std::nullopt;
}

// Told at once, since there is no time to find out later.
std::optional<EmergencyRefusal> WhyNoEmergency(const PolicySet& policies, const WaiverSpec& spec,
                                               const Provenance& by, bool carried) {
  for (const auto& policy : policies.policies) {
    if (policy->meta.name != spec.policy) continue;
    if (auto fault = EmergencyFault(policy->spec, spec, by)) {
      return EmergencyRefusal{*std::move(fault)};
    }
  }
  // What is carried named what was there when it was made.
  return carried ? std::nullopt : WhyUnknown(policies, spec);
}

// Whether by some policy the signer may act for spec.onBehalfOf; else why not.
std::optional<Disregarded> WhyNotDeputy(const PolicySet& policies,
                                        const SharedList<AttestedSignOff>& sign_offs,
                                        const SignOffSpec& spec, const Provenance& who) {
  std::vector<std::string> environments = spec.subject.environments;
  if (!spec.subject.environment.empty()) environments.push_back(spec.subject.environment);
  Disregarded why;
  for (const auto& policy : policies.policies) {
    if (FindRole(policy->spec, spec.role) == nullptr) continue;
    std::vector<AttestedSignOff> attributed;
    attributed.reserve(sign_offs.size());
    std::vector<const AttestedSignOff*> all;
    all.reserve(sign_offs.size());
    for (const AttestedSignOff& one : sign_offs) {
      all.push_back(&attributed.emplace_back(WithSigner(policy->spec, {}, one)));
    }
    auto found = FindDelegation(
        {policy->spec, spec.role, spec.subject.use_case, spec.on_behalf_of, who, environments},
        all);
    if (found) return std::nullopt;
    // A policy that lends nothing has less to say than one that might.
    if (why.reason.empty() || why.reason == "DelegationNotAllowed") why = found.error();
  }
  return why;
}

// Whether by some policy the key that signed belongs to the signer, who holds the role or was lent
// it; else why not.
std::optional<Disregarded> WhyNotSigner(const PolicySet& policies,
                                        const SharedList<AttestedSignOff>& sign_offs,
                                        const SignOffSpec& spec, const Provenance& by) {
  Disregarded why{"RoleUnknown",
                  "'" + spec.role + "' is not a role of any policy: kubectl get govpol -o yaml"};
  for (const auto& policy : policies.policies) {
    if (FindRole(policy->spec, spec.role) == nullptr) continue;
    const std::string under = " (policy '" + policy->meta.name + "')";
    const Provenance who = SignerOf(policy->spec, by, spec.signer.username, spec.performed_at);
    if (who.authenticity != Authenticity::kAttested) {
      why = {who.reason, who.problem + under};
    } else if (IsRobot(who.user)) {
      why = {"SignerIsRobot",
             "service accounts do not sign off, nor does what is the cluster's own (system:…): '" +
                 who.user + "'" + under};
    } else if (who.user != spec.signer.username) {
      why = {"SignerNotKeyHolder", "must be an account of whoever signed, '" + who.user +
                                       "', is '" + spec.signer.username +
                                       "': nobody signs in another person's name" + under};
    } else if (IsNamedBy(policy->spec, {SubjectKind::kRole, spec.role}, who)) {
      return std::nullopt;
    } else if (spec.on_behalf_of.empty()) {
      why = {"SignerNotInRole", "'" + who.user + "' does not hold role '" + spec.role +
                                    "'; it is held by " + HoldersText(policy->spec, spec.role) +
                                    under};
    } else {
      PolicySet alone;
      alone.policies = {policy};
      auto not_deputy = WhyNotDeputy(alone, sign_offs, spec, who);
      if (!not_deputy) return std::nullopt;
      why = *std::move(not_deputy);
    }
  }
  return why;
}

}  // namespace

bool SettledByUpdate(const Review& review, ReviewAnswer& answer) {
  if (review.operation != Operation::kUpdate) return false;
  if (SpecUnchanged(review)) {
    answer.allowed = true;
  } else {
    Refuse(answer, "EvidenceIsFinal",
           "the spec of a " + review.kind +
               " may not be changed after it was created; create a new one",
           "spec");
  }
  return true;
}

std::optional<Provenance> AdmissionHandler::Carried(const Context& context) const {
  const Review& review = context.review;
  if (review.operation != Operation::kCreate || !CanBeCarried(review.kind) ||
      ReceiptOf(review.object).empty()) {
    return std::nullopt;
  }
  Json object = review.object;
  SetPath(object, "metadata/namespace", review.name_space);
  Provenance by =
      VerifyCarried(catalog_.authority(), object, StampedDigest(object).value_or(std::string()));
  if (!IsBelieved(by, review)) return std::nullopt;
  return by;
}

// Of another installation where some policy believes it, somewhere: which, evaluation judges.
bool AdmissionHandler::IsBelieved(const Provenance& maker, const Review& review) const {
  // Of some installations nothing but a no is believed any more.
  const bool rejects = review.kind == SignOffSpec::kKind &&
                       StringAt(review.object, "spec/decision") == NameOf(SignOffDecision::kReject);
  return maker.authenticity == Authenticity::kAttested ||
         (maker.authenticity == Authenticity::kForeign &&
          IsTrustedByAny(*catalog_.Policies(), review.kind, maker,
                         rejects ? Vouched::kRejection : Vouched::kAnything));
}

bool AdmissionHandler::CheckStamp(Context& context, bool fresh, const std::string& digest) const {
  const Review& review = context.review;
  if (review.dry_run) return true;  // a dry run gets none, see Mutate
  if (!fresh) {
    // Mutate restores it; if the stamp differs here, Mutate was not called.
    const std::string stamp = DecodeMeta(review.object).stamp;
    const std::string before = DecodeMeta(review.old_object).stamp;
    if (stamp != before &&
        (CanBeCarried(review.kind) || !SayTheSame(catalog_.authority(), before, stamp))) {
      Refuse(context.answer, "StampChanged", "the requester stamp may not be changed",
             "metadata.annotations['countersign.dev/stamp']");
      return false;
    }
    if (ReceiptOf(review.object) == ReceiptOf(review.old_object) ||
        (review.user.name == options_.operator_user &&
         HasReceipt(catalog_.authority(), review.object))) {
      return true;
    }
    Refuse(context.answer, "ReceiptChanged", "only the Countersign operator gives receipts",
           "metadata.annotations['countersign.dev/receipt']");
    return false;
  }
  if (Carried(context)) return true;
  const Provenance by = VerifyStamp(catalog_.authority(), review.object, digest);
  if (by.authenticity == Authenticity::kAttested && by.user == review.user.name &&
      by.groups == review.user.groups) {
    return true;
  }
  std::string why =
      by.authenticity == Authenticity::kAttested
          ? "it was made for '" + by.user + "', not for the requester '" + review.user.name + "'"
      : by.authenticity == Authenticity::kForged
          ? "it does not hold: " + by.problem
          : "there is none; is the mutating webhook configuration in place?";
  Refuse(context.answer, "StampMissing", "must carry the requester's stamp; " + why,
         "metadata.annotations['countersign.dev/stamp']");
  return false;
}

void AdmissionHandler::DecideUseCase(Context& context) const {
  auto use_case = Decode<UseCaseSpec>(context.review.object);
  if (!use_case) {
    if (context.review.operation == Operation::kUpdate && SpecUnchanged(context.review)) {
      context.answer.allowed = true;
      return;
    }
    return Refuse(context.answer, "SpecInvalid", use_case.error().message, use_case.error().path);
  }
  const Json* before = Find(context.review.old_object, "spec");
  const bool was_retired = context.review.operation == Operation::kUpdate && before != nullptr &&
                           StringAt(*before, "lifecycle") == NameOf(Lifecycle::kRetired);
  if (use_case->spec.lifecycle == Lifecycle::kRetired) {
    const Json* after = Find(context.review.object, "spec");
    const auto ending = [](const Json& spec) { return spec.value("retirement", Json()); };
    if (was_retired && after != nullptr && ending(*before) == ending(*after)) {
      context.answer.allowed = true;
      return;
    }
    return DecideRetirement(context, std::make_shared<const UseCase>(*std::move(use_case)));
  }
  if (was_retired) {
    return Refuse(context.answer, "UseCaseRetired",
                  "a use case that was retired stays so: register a new one under another name",
                  "spec.lifecycle");
  }
  context.answer.allowed = true;
}

void AdmissionHandler::DecideRetirement(Context& context,
                                        std::shared_ptr<const UseCase> use_case) const {
  ModelDeployment any;
  any.spec.use_case = {context.review.name_space, use_case->meta.name};
  const auto deployment = std::make_shared<const ModelDeployment>(std::move(any));
  Provenance author;
  author.authenticity = Authenticity::kAttested;
  author.user = context.review.user.name;
  author.groups = context.review.user.groups;
  const auto judge = [&](std::vector<std::string>& unknown) {
    Facts facts = catalog_.Gather(deployment, {}, author, {}, {}, context.now);
    facts.use_case = use_case;
    unknown = std::move(facts.unknown);
    return RetirementShortfalls(*catalog_.Policies(), facts);
  };
  std::vector<std::string> unknown;
  auto shortfalls = judge(unknown);
  if (!shortfalls.empty() && RefreshLive(context, deployment->spec.use_case)) {
    shortfalls = judge(unknown);
  }
  if (!unknown.empty()) {
    return Refuse(context.answer, "FactsUnknown", unknown.front() + "; try again",
                  "spec.lifecycle");
  }
  if (shortfalls.empty()) {
    context.answer.allowed = true;
    return;
  }
  const RetirementShortfall& first = shortfalls.front();
  Refuse(context.answer, first.reason,
         "the end of a use case must be agreed to" +
             (first.policy.empty() ? std::string() : " under policy '" + first.policy + "'") +
             ": " + first.message + "; register it as Retiring first. " + first.remedy,
         "spec.lifecycle");
}

void AdmissionHandler::DecideSignOff(Context& context) const {
  const Review& review = context.review;
  if (SettledByUpdate(review, context.answer)) {
    if (context.answer.allowed) CheckStamp(context, false, {});
    return;
  }
  auto sign_off = Decode<SignOffSpec>(review.object);
  if (!sign_off) {
    return Refuse(context.answer, "SpecInvalid", sign_off.error().message, sign_off.error().path);
  }
  const SignOffSpec& spec = sign_off->spec;
  const std::optional<Provenance> carried = Carried(context);
  // What is carried had its dates looked at when it was made, and may have run out since.
  if (!carried && !CheckDates(context, spec)) return;
  if (spec.signature) return DecideSigned(context, *sign_off);
  const std::string& account = carried ? carried->user : review.user.name;
  if (IsRobot(account)) {
    return Refuse(
        context.answer, "SignerIsRobot",
        "service accounts do not sign off, nor does what is the cluster's own (system:…): '" +
            account +
            "' must be a person's account; what a person has signed off anybody may "
            "apply with its stamp and receipt (kubectl get signoff -o yaml)",
        "spec.signer.username");
  }
  if (spec.signer.username != account) {
    return Refuse(context.answer, "SignerNotRequester",
                  std::string("must be ") + (carried ? "whoever made it, '" : "the requester '") +
                      account + "', is '" + spec.signer.username +
                      "': nobody signs in another person's name",
                  "spec.signer.username");
  }
  if (!carried && options_.require_credential_id && review.user.credential_id.empty()) {
    return Refuse(
        context.answer, "CredentialUnknown",
        "the request does not show which credential authenticated '" + review.user.name + "'");
  }
  if (!carried && !CheckCorrection(context, *sign_off, nullptr)) return;
  Provenance who;
  who.authenticity = Authenticity::kAttested;
  who.user = account;
  who.groups = carried ? carried->groups : review.user.groups;
  const RoleHolding holding = [&] {
    RoleHolding found = HoldingOf(*catalog_.Policies(), spec.role, who);
    if (found.held) return found;
    // A policy applied in the same breath may not be in the cache yet.
    const UseCaseRef home{review.name_space, spec.subject.use_case};
    if (RefreshLive(context, home)) {
      found = HoldingOf(*catalog_.Policies(), spec.role, who);
    }
    return found;
  }();
  if (holding.held) {
    if (spec.subject.kind == SubjectOfSignOff::kDelegation && !CheckLending(context, spec)) return;
    if (CheckStamp(context, true, sign_off->spec_digest)) context.answer.allowed = true;
    return;
  }
  if (!holding.known) {
    return Refuse(context.answer, "RoleUnknown",
                  "'" + spec.role + "' is not a role of any policy: kubectl get govpol -o yaml",
                  "spec.role");
  }
  if (!spec.on_behalf_of.empty()) {
    if (CheckDeputy(context, spec, who) && CheckStamp(context, true, sign_off->spec_digest)) {
      context.answer.allowed = true;
    }
    return;
  }
  Refuse(context.answer, "SignerNotInRole",
         "'" + account + "' does not hold role '" + spec.role + "'; it is held by " +
             holding.holders + ", who may lend it: kubectl countersign delegate",
         "spec.role");
}

// What no policy could let count.
bool AdmissionHandler::CheckDates(Context& context, const SignOffSpec& spec) const {
  if (spec.performed_at && *spec.performed_at > context.now + kClockSkew) {
    Refuse(context.answer, "PerformedInFuture",
           "must not be in the future, is " + FormatTime(*spec.performed_at), "spec.performedAt");
    return false;
  }
  if (spec.expires_at && *spec.expires_at <= context.now) {
    Refuse(context.answer, "ExpiresInPast",
           "must be in the future, is " + FormatTime(*spec.expires_at), "spec.expiresAt");
    return false;
  }
  for (std::size_t i = 0; i < spec.conditions.size(); ++i) {
    if (spec.conditions[i].due_at > context.now) continue;
    Refuse(context.answer, "ConditionDueInPast",
           "must be in the future, is " + FormatTime(spec.conditions[i].due_at),
           "spec.conditions[" + std::to_string(i) + "].dueAt");
    return false;
  }
  return true;
}

std::shared_ptr<const SignatureProof> AdmissionHandler::CheckSignature(Context& context) const {
  Json object = context.review.object;
  SetPath(object, "metadata/namespace", context.review.name_space);
  auto proof = VerifySignature(object);
  if (proof) return std::make_shared<const SignatureProof>(*std::move(proof));
  Refuse(context.answer, proof.error().reason, proof.error().message,
         FindPath(object, "spec/modelSignature") != nullptr ? "spec.modelSignature"
                                                            : "spec.signature.value");
  return nullptr;
}

// Whoever applies what a person has signed adds nothing to it: a robot may.
void AdmissionHandler::DecideSigned(Context& context, const SignOff& sign_off) const {
  const SignOffSpec& spec = sign_off.spec;
  Provenance by;
  by.authenticity = Authenticity::kSigned;
  by.first_seen = context.now;
  by.signature = CheckSignature(context);
  if (!by.signature) return;
  const UseCaseRef home{context.review.name_space, spec.subject.use_case};
  const auto judge = [&] {
    return WhyNotSigner(*catalog_.Policies(), catalog_.SignOffsOf(home), spec, by);
  };
  auto why = judge();
  // What was applied in the same breath may not be in the cache yet.
  if (why && RefreshLive(context, home)) why = judge();
  if (why) {
    return Refuse(context.answer, why->reason, why->why,
                  why->reason.starts_with("SignerKey") || why->reason.starts_with("SignerCert")
                      ? "spec.signature"
                      : "spec.signer.username");
  }
  if (!CheckCorrection(context, sign_off, by.signature)) return;
  if (spec.subject.kind == SubjectOfSignOff::kDelegation && !CheckLending(context, spec)) return;
  if (CheckStamp(context, true, sign_off.spec_digest)) context.answer.allowed = true;
}

// A withdrawal is never refused.
bool AdmissionHandler::CheckLending(Context& context, const SignOffSpec& spec) const {
  if (IsRobot(spec.subject.deputy)) {
    Refuse(context.answer, "DeputyIsRobot",
           "service accounts do not sign off, nor does what is the cluster's own (system:…): '" +
               spec.subject.deputy + "' cannot be a deputy",
           "spec.subject.deputy");
    return false;
  }
  if (spec.decision == SignOffDecision::kReject) return true;
  auto why = WhyNotLendable(*catalog_.Policies(), spec, context.now);
  if (!why) return true;
  Refuse(context.answer, why->reason, why->why,
         why->reason == "DelegationTooLong" ? "spec.expiresAt" : "spec.role");
  return false;
}

bool AdmissionHandler::CheckDeputy(Context& context, const SignOffSpec& spec,
                                   Provenance who) const {
  who.first_seen = context.now;
  const UseCaseRef home{context.review.name_space, spec.subject.use_case};
  const auto judge = [&] {
    return WhyNotDeputy(*catalog_.Policies(), catalog_.SignOffsOf(home), spec, who);
  };
  auto why = judge();
  // What was lent in the same breath may not be in the cache yet.
  if (why && RefreshLive(context, home)) why = judge();
  if (!why) return true;
  Refuse(context.answer, why->reason, why->why, "spec.onBehalfOf");
  return false;
}

template <class Spec>
void AdmissionHandler::DecideReport(Context& context) const {
  const Review& review = context.review;
  if (SettledByUpdate(review, context.answer)) {
    if (context.answer.allowed) CheckStamp(context, false, {});
    return;
  }
  auto report = Decode<Spec>(review.object);
  if (!report) {
    return Refuse(context.answer, "SpecInvalid", report.error().message, report.error().path);
  }
  if (report->spec.performed_at > context.now + kClockSkew) {
    return Refuse(context.answer, "PerformedInFuture",
                  "must not be in the future, is " + FormatTime(report->spec.performed_at),
                  "spec.performedAt");
  }
  std::shared_ptr<const SignatureProof> proof;
  if (CarriesSignature(review.object)) {
    proof = CheckSignature(context);
    if (!proof) return;
  }
  // What is carried was looked at when it was made.
  if (!Carried(context) && !CheckCorrection(context, *report, std::move(proof))) return;
  if (CheckStamp(context, true, report->spec_digest)) context.answer.allowed = true;
}

// Whether it counts, evaluation judges: the policy may come later, or change.
void AdmissionHandler::DecideWaiver(Context& context) const {
  const Review& review = context.review;
  if (SettledByUpdate(review, context.answer)) {
    if (context.answer.allowed) CheckStamp(context, false, {});
    return;
  }
  auto waiver = Decode<WaiverSpec>(review.object);
  if (!waiver) {
    return Refuse(context.answer, "SpecInvalid", waiver.error().message, waiver.error().path);
  }
  if (waiver->spec.expires_at <= context.now && !Carried(context)) {
    return Refuse(context.answer, "ExpiresInPast",
                  "must be in the future, is " + FormatTime(waiver->spec.expires_at),
                  "spec.expiresAt");
  }
  if (waiver->spec.signature && !CheckSignature(context)) return;
  if (waiver->spec.emergency && !CheckEmergency(context, waiver->spec)) return;
  if (CheckStamp(context, true, waiver->spec_digest)) context.answer.allowed = true;
}

bool AdmissionHandler::CheckEmergency(Context& context, const WaiverSpec& spec) const {
  const std::optional<Provenance> carrier = Carried(context);
  const bool carried = carrier.has_value();
  // Whoever restores a back-up declares no emergency.
  Provenance by;
  if (carried) {
    by = *carrier;
  } else {
    by.authenticity = Authenticity::kAttested;
    by.user = context.review.user.name;
    by.groups = context.review.user.groups;
    by.first_seen = context.now;
  }
  const auto judge = [&] {
    return WhyNoEmergency(PoliciesInForce(*catalog_.Policies(), context.now), spec, by, carried);
  };
  auto why = judge();
  // A policy applied in the same breath may not be in the cache yet.
  if (why && RefreshLive(context, {context.review.name_space, spec.use_case})) {
    why = judge();
  }
  if (why) {
    Refuse(context.answer, why->why.reason, why->why.why, why->path);
    return false;
  }
  const auto deployments = catalog_.deployments().List();
  if (!carried && std::none_of(deployments.begin(), deployments.end(), [&](const auto& one) {
        return one->object.spec.model.digest == spec.model;
      })) {
    context.answer.warnings.push_back("spec.model.digest: no ModelDeployment is of model " +
                                      spec.model.digest +
                                      " (yet); an emergency counts for this very digest alone");
  }
  return true;
}

template void AdmissionHandler::DecideReport<BiasTestSpec>(Context&) const;
template void AdmissionHandler::DecideReport<EvidenceSpec>(Context&) const;
template void AdmissionHandler::DecideReport<ReproducibilitySnapshotSpec>(Context&) const;

}  // namespace countersign
