#include "governance/types/sign_off.h"

#include "governance/claims.h"
#include "governance/types/codec.h"
#include "governance/types/describe/claim_assertion.h"

namespace countersign {

template <>
struct EnumNames<SubjectOfSignOff> {
  static constexpr std::pair<SubjectOfSignOff, std::string_view> kNames[] = {
      {SubjectOfSignOff::kModelDeployment, "ModelDeployment"},
      {SubjectOfSignOff::kUseCase, "UseCase"},
      {SubjectOfSignOff::kWaiver, "Waiver"},
      {SubjectOfSignOff::kIncident, "Incident"},
      {SubjectOfSignOff::kDelegation, "Delegation"},
      {SubjectOfSignOff::kChangeProtocol, "ChangeProtocol"},
      {SubjectOfSignOff::kGovernancePolicy, "GovernancePolicy"}};
};

template <class V>
void Describe(V& v, SignOffSubject& s) {
  v.Field({.name = "kind",
           .doc = "ModelDeployment: one model version in one environment. UseCase: the answers of "
                  "a use case to the policy's questions. Waiver: a time-bound exception. "
                  "Incident: that it is closed. Delegation: that a deputy may act in the signer's "
                  "role; Reject withdraws it. ChangeProtocol: changes of a model, beforehand. "
                  "GovernancePolicy: that a published version takes effect, or is withdrawn.",
           .required = true},
          s.kind);
  v.Field({.name = "useCase",
           .doc = "Name of the use case, in this object's namespace. Required for every kind but "
                  "GovernancePolicy.",
           .format = Format::kObjectName},
          s.use_case);
  v.Field({.name = "environment",
           .doc = "Name of the policy's environment that the decision is for. ModelDeployment "
                  "needs it, or environments.",
           .format = Format::kName,
           .length = 63},
          s.environment);
  v.Field({.name = "environments",
           .doc = "Several environments that one decision is for, instead of environment. A "
                  "measure with ownEnvironment does not count such an approval. Of a Delegation: "
                  "those that it is limited to; without it the role is lent for everything.",
           .format = Format::kName,
           .min = 1,
           .max = 16,
           .length = 63,
           .list = ListType::kSet},
          s.environments);
  v.Field({.name = "model", .doc = "The model's digest. Required for ModelDeployment."}, s.model);
  v.Field({.name = "governedDigest",
           .doc = "SHA-256 over the canonical JSON (RFC 8785) of everything governed in the "
                  "ModelDeployment's spec, as `kubectl countersign explain` and the deployment's "
                  "status show it. Required for ModelDeployment.",
           .format = Format::kSha256,
           .length = 71},
          s.governed_digest);
  v.Field({.name = "answersDigest",
           .doc = "SHA-256 over the canonical JSON of what the use case answers. Required for "
                  "UseCase.",
           .format = Format::kSha256,
           .length = 71},
          s.answers_digest);
  v.Field({.name = "retirementDigest",
           .doc = "SHA-256 over the canonical JSON of how the use case ends (its spec.retirement). "
                  "With it the decision is on that, not on the answers. Only for UseCase.",
           .format = Format::kSha256,
           .length = 71},
          s.retirement_digest);
  v.Field({.name = "waiver",
           .doc = "Name of the waiver, in this object's namespace. Required for Waiver.",
           .format = Format::kObjectName},
          s.waiver);
  v.Field({.name = "waiverDigest",
           .doc = "SHA-256 over the canonical JSON of the waiver's spec. Required for Waiver.",
           .format = Format::kSha256,
           .length = 71},
          s.waiver_digest);
  v.Field({.name = "incident",
           .doc = "Name of the incident, in this object's namespace. Required for Incident.",
           .format = Format::kObjectName},
          s.incident);
  v.Field({.name = "incidentDigest",
           .doc = "SHA-256 over the canonical JSON of the incident's spec. Required for Incident.",
           .format = Format::kSha256,
           .length = 71},
          s.incident_digest);
  v.Field({.name = "deputy",
           .doc = "The account that may act in the signer's role until expiresAt. Required for "
                  "Delegation.",
           .format = Format::kToken},
          s.deputy);
  v.Field({.name = "protocol",
           .doc = "Name of the Evidence of type ChangeProtocol, in this object's namespace. "
                  "Required for ChangeProtocol.",
           .format = Format::kObjectName},
          s.protocol);
  v.Field({.name = "protocolDigest",
           .doc = "SHA-256 over the canonical JSON of its spec. Required for ChangeProtocol.",
           .format = Format::kSha256,
           .length = 71},
          s.protocol_digest);
  v.Field({.name = "policy",
           .doc = "Name of the GovernancePolicy. Required for GovernancePolicy.",
           .format = Format::kObjectName},
          s.policy);
  v.Field({.name = "policyDigest",
           .doc = "SHA-256 over the canonical JSON of the policy's spec. Required for "
                  "GovernancePolicy.",
           .format = Format::kSha256,
           .length = 71},
          s.policy_digest);
  v.Field({.name = "withdraw",
           .doc = "Of a GovernancePolicy in force: approves that it counts no longer, with nothing "
                  "in its place."},
          s.withdraw);
  v.Rules(
      {{"(self.kind == 'GovernancePolicy') != has(self.useCase)",
        "every kind but GovernancePolicy needs useCase"},
       {"self.kind == 'GovernancePolicy' ? (has(self.policy) && has(self.policyDigest)) : "
        "(!has(self.policy) && !has(self.policyDigest) && !has(self.withdraw))",
        "kind GovernancePolicy, and no other, needs policy and policyDigest"},
       {"self.kind != 'UseCase' || has(self.answersDigest) != has(self.retirementDigest)",
        "kind UseCase needs answersDigest or retirementDigest"},
       {"self.kind != 'ModelDeployment' || (has(self.environment) != has(self.environments) && "
        "has(self.model) && has(self.governedDigest))",
        "kind ModelDeployment needs environment or environments, model and governedDigest"},
       {"self.kind != 'Waiver' || (has(self.waiver) && has(self.waiverDigest))",
        "kind Waiver needs waiver and waiverDigest"},
       {"self.kind != 'Incident' || (has(self.incident) && has(self.incidentDigest))",
        "kind Incident needs incident and incidentDigest"},
       {"(self.kind == 'Delegation') == has(self.deputy)",
        "kind Delegation needs deputy, others have none"},
       {"self.kind != 'ChangeProtocol' || (has(self.protocol) && has(self.protocolDigest))",
        "kind ChangeProtocol needs protocol and protocolDigest"},
       {"(self.kind == 'ChangeProtocol' || (!has(self.protocol) && !has(self.protocolDigest))) && "
        "(self.kind == 'UseCase' || (!has(self.answersDigest) && "
        "!has(self.retirementDigest))) && (self.kind == 'Waiver' || "
        "(!has(self.waiver) && !has(self.waiverDigest))) && (self.kind == 'Incident' || "
        "(!has(self.incident) && !has(self.incidentDigest))) && (self.kind == 'ModelDeployment' || "
        "(!has(self.environment) && !has(self.model) && !has(self.governedDigest))) && "
        "(self.kind in ['ModelDeployment', 'Delegation'] || !has(self.environments))",
        "fields of another kind of subject must not be set"}});
}

template <class V>
void Describe(V& v, ShownPolicy& s) {
  v.Field({.name = "name",
           .doc = "Name of the policy.",
           .required = true,
           .format = Format::kObjectName},
          s.name);
  v.Field({.name = "digest",
           .doc = "Digest of its spec.",
           .required = true,
           .format = Format::kSha256,
           .length = 71},
          s.digest);
}

template <class V>
void Describe(V& v, ShownEvidence& s) {
  v.Field({.name = "kind",
           .doc = "Kind of the evidence, for example BiasTest.",
           .required = true,
           .format = Format::kToken,
           .length = 63},
          s.kind);
  v.Field({.name = "name",
           .doc = "Name of the evidence object.",
           .required = true,
           .format = Format::kObjectName},
          s.name);
  v.Field({.name = "digest",
           .doc = "Digest of its spec.",
           .required = true,
           .format = Format::kSha256,
           .length = 71},
          s.digest);
}

template <class V>
void Describe(V& v, ShownUseCase& s) {
  v.Field({.name = "answers", .doc = "Its spec.answers.", .max = 64, .length = 63}, s.answers);
  v.Field({.name = "developers", .doc = "Its spec.developers.", .max = 128}, s.developers);
  v.Field({.name = "owner", .doc = "Its spec.owner.", .format = Format::kToken}, s.owner);
  v.Field({.name = "purpose", .doc = "Its spec.purpose.", .length = 4096}, s.purpose);
  v.Field({.name = "purposeCategory",
           .doc = "Its spec.purposeCategory.",
           .format = Format::kName,
           .length = 63},
          s.purpose_category);
}

template <class V>
void Describe(V& v, Shown& s) {
  v.Field({.name = "policies",
           .doc = "The policies in force for the subject.",
           .max = 16,
           .list = ListType::kMap,
           .list_key = "name"},
          s.policies);
  v.Field({.name = "answersDigest",
           .doc = "Digest of the use case's answers.",
           .format = Format::kSha256,
           .length = 71},
          s.answers_digest);
  v.Field({.name = "evidence", .doc = "The evidence at hand.", .max = 64}, s.evidence);
  v.Field({.name = "useCase",
           .doc = "What the use case answered, in full; subject.answersDigest is its digest. Where "
                  "the answers change later, it tells whether a class was lowered."},
          s.use_case);
}

template <class V>
void Describe(V& v, ConditionEvidence& e) {
  v.Field({.name = "type",
           .doc = "The spec.type of the Evidence, about this model or the use case.",
           .required = true,
           .format = Format::kToken,
           .length = 63},
          e.type);
  v.Field({.name = "claims", .doc = "What it must say.", .required = true, .min = 1, .max = 16},
          e.claims);
  v.Field({.name = "issuers",
           .doc = "Whose report is believed: accounts, groups, or people and roles of the policy.",
           .required = true,
           .min = 1,
           .max = 16},
          e.issuers);
}

template <class V>
void Describe(V& v, ApprovalCondition& c) {
  v.Field({.name = "name",
           .doc = "Name of the condition.",
           .required = true,
           .format = Format::kName,
           .length = 63},
          c.name);
  v.Field({.name = "description",
           .doc = "What has to be done, in the approver's words.",
           .required = true,
           .length = 1024},
          c.description);
  v.Field({.name = "dueAt",
           .doc = "Until when the approval counts although the condition is open. RFC 3339.",
           .required = true},
          c.due_at);
  v.Field({.name = "evidence",
           .doc = "The latest report of this kind since the approval fulfils the condition, if it "
                  "says what it must. Without it only a later approval by the same person does."},
          c.evidence);
}

static constexpr FieldInfo kConditionsField = {
    .name = "conditions",
    .doc = "What has to be done by when. ApproveWithConditions needs some.",
    .max = 16,
    .list = ListType::kMap,
    .list_key = "name"};

struct ConditionList {
  std::vector<ApprovalCondition> conditions;
};

template <class V>
void Describe(V& v, ConditionList& l) {
  v.Field(kConditionsField, l.conditions);
}

template <class V>
void Describe(V& v, AdviceResponse& r) {
  v.Field({.name = "advice",
           .doc = "Name of the SignOff that advises, in this object's namespace.",
           .required = true,
           .format = Format::kObjectName},
          r.advice);
  v.Field({.name = "response",
           .doc = "What is done about it, or why nothing is.",
           .required = true,
           .length = 1024},
          r.response);
}

template <class V>
void Describe(V& v, Signer& s) {
  v.Field({.name = "username",
           .doc = "The account that signs, as the API server authenticates it. Admission refuses "
                  "an object whose requester is another one.",
           .required = true,
           .format = Format::kToken},
          s.username);
}

template <class V>
void Describe(V& v, SignOffSpec& s) {
  v.Field({.name = "subject", .doc = "What is decided on.", .required = true}, s.subject);
  v.Field({.name = "role",
           .doc = "The policy's role in which the signer decides; the signer must hold it.",
           .required = true,
           .format = Format::kName,
           .length = 63},
          s.role);
  v.Field({.name = "decision",
           .doc = "Approve, ApproveWithConditions, Reject or Advise. The latest decision of a "
                  "person counts, and a standing rejection by one holder of the role blocks the "
                  "gate. Advise gives a consulted role's opinion and decides nothing.",
           .required = true},
          s.decision);
  v.Field({.name = "signer", .doc = "Who signs.", .required = true}, s.signer);
  v.Field({.name = "onBehalfOf",
           .doc = "The account of whoever lent the signer the role, where the signer does not hold "
                  "it: see kind Delegation.",
           .format = Format::kToken},
          s.on_behalf_of);
  v.Field(
      {.name = "rationale", .doc = "Why, in the signer's words.", .required = true, .length = 4096},
      s.rationale);
  v.Field({.name = "severity",
           .doc = "How much the adviser has against it: None, Minor, Major or Critical. Advise "
                  "needs it."},
          s.severity);
  v.Field({.name = "responses",
           .doc = "An approver's answers to advice.",
           .max = 32,
           .list = ListType::kMap,
           .list_key = "advice"},
          s.responses);
  v.Field(kConditionsField, s.conditions);
  v.Field({.name = "shown",
           .doc = "Digests of the policies, answers and evidence that the signer had in view."},
          s.shown);
  v.Field({.name = "expiresAt",
           .doc = "When the decision ends, if earlier than the policy's maxAge. RFC 3339."},
          s.expires_at);
  v.Field({.name = "performedAt",
           .doc = "When the signer decided, if the object was made and signed before it was "
                  "applied. RFC 3339. A signature needs it."},
          s.performed_at);
  v.Field(SupersedesField(), s.supersedes);
  v.Field(SignatureField(), s.signature);
  v.Rules({{"!has(self.signature) || has(self.performedAt)", "a signature needs performedAt"},
           {"(self.decision == 'Advise') == has(self.severity)",
            "decision Advise needs severity, others have none"},
           {"(self.decision == 'ApproveWithConditions') == has(self.conditions)",
            "decision ApproveWithConditions needs conditions, others have none"},
           {"!has(self.responses) || self.decision in ['Approve', 'ApproveWithConditions']",
            "responses belong to an approval"},
           {"self.subject.kind != 'Delegation' || (!has(self.onBehalfOf) && "
            "(self.decision == 'Reject' || (self.decision == 'Approve' && "
            "has(self.expiresAt))))",
            "kind Delegation decides Approve, with expiresAt, or Reject, and not on behalf of "
            "anybody"}});
}

// Which fields go with which decision.
static void CheckDecision(const SignOffSpec& spec, std::vector<Error>& errors) {
  const std::string decision(NameOf(spec.decision));
  if (spec.severity.has_value() != (spec.decision == SignOffDecision::kAdvise)) {
    AddError(
        errors, "spec.severity",
        (spec.severity ? "must not be set for decision " : "is required for decision ") + decision);
  }
  if (spec.conditions.empty() == (spec.decision == SignOffDecision::kApproveWithConditions)) {
    AddError(
        errors, "spec.conditions",
        (spec.conditions.empty() ? "is required for decision " : "must not be set for decision ") +
            decision);
  }
  if (!spec.responses.empty() && !IsApproval(spec.decision)) {
    AddError(errors, "spec.responses", "must not be set for decision " + decision);
  }
}

static void CheckConditions(const SignOffSpec& spec, std::vector<Error>& errors) {
  for (std::size_t i = 0; i < spec.conditions.size(); ++i) {
    const ApprovalCondition& condition = spec.conditions[i];
    const std::string path = "spec.conditions[" + std::to_string(i) + "]";
    if (!condition.evidence) continue;
    for (std::size_t k = 0; k < condition.evidence->claims.size(); ++k) {
      auto ok = CheckAssertion(condition.evidence->type, condition.evidence->claims[k]);
      if (ok) continue;
      AddError(errors, path + ".evidence.claims[" + std::to_string(k) + "]." + ok.error().path,
               ok.error().message);
    }
  }
}

// A role is lent by whoever holds it, for a time.
static void CheckDelegation(const SignOffSpec& spec, std::vector<Error>& errors) {
  if (spec.subject.kind != SubjectOfSignOff::kDelegation) return;
  if (spec.decision != SignOffDecision::kApprove && spec.decision != SignOffDecision::kReject) {
    AddError(errors, "spec.decision", "must be Approve or Reject for kind Delegation");
  }
  if (!spec.expires_at && spec.decision == SignOffDecision::kApprove) {
    AddError(errors, "spec.expiresAt", "is required for kind Delegation");
  }
  if (!spec.on_behalf_of.empty()) {
    AddError(errors, "spec.onBehalfOf",
             "must not be set for kind Delegation: a lent role cannot "
             "be lent on");
  }
  if (spec.subject.deputy == spec.signer.username) {
    AddError(errors, "spec.subject.deputy", "must be somebody other than the signer");
  }
}

static void Check(const SignOffSpec& spec, const Json& /*json*/, std::vector<Error>& errors) {
  CheckSignature(spec.signature, errors);
  if (spec.signature && !spec.performed_at) {
    AddError(errors, "spec.performedAt", "is required beside a signature, which covers it");
  }
  CheckDelegation(spec, errors);
  CheckDecision(spec, errors);
  CheckConditions(spec, errors);
  const SignOffSubject& s = spec.subject;
  const std::string kind(NameOf(s.kind));
  // Which fields go with which kind: needed there, forbidden elsewhere.
  const struct {
    const char* field;
    bool given;
    SubjectOfSignOff kind;
  } rows[] = {{"answersDigest", !s.answers_digest.empty() || !s.retirement_digest.empty(),
               SubjectOfSignOff::kUseCase},
              {"deputy", !s.deputy.empty(), SubjectOfSignOff::kDelegation},
              {"environment",
               !s.environment.empty() ||
                   (!s.environments.empty() && s.kind != SubjectOfSignOff::kDelegation),
               SubjectOfSignOff::kModelDeployment},
              {"model", s.model.has_value(), SubjectOfSignOff::kModelDeployment},
              {"governedDigest", !s.governed_digest.empty(), SubjectOfSignOff::kModelDeployment},
              {"waiver", !s.waiver.empty(), SubjectOfSignOff::kWaiver},
              {"waiverDigest", !s.waiver_digest.empty(), SubjectOfSignOff::kWaiver},
              {"incident", !s.incident.empty(), SubjectOfSignOff::kIncident},
              {"incidentDigest", !s.incident_digest.empty(), SubjectOfSignOff::kIncident},
              {"protocol", !s.protocol.empty(), SubjectOfSignOff::kChangeProtocol},
              {"protocolDigest", !s.protocol_digest.empty(), SubjectOfSignOff::kChangeProtocol},
              {"policy", !s.policy.empty(), SubjectOfSignOff::kGovernancePolicy},
              {"policyDigest", !s.policy_digest.empty(), SubjectOfSignOff::kGovernancePolicy}};
  for (const auto& row : rows) {
    if (row.given == (row.kind == s.kind)) continue;
    AddError(errors, std::string("spec.subject.") + row.field,
             (row.given ? "must not be set for kind " : "is required for kind ") + kind);
  }
  if (!s.environment.empty() && !s.environments.empty()) {
    AddError(errors, "spec.subject.environments", "must not be set beside environment");
  }
  const bool policy = s.kind == SubjectOfSignOff::kGovernancePolicy;
  if (s.use_case.empty() != policy) {
    AddError(errors, "spec.subject.useCase",
             (policy ? "must not be set for kind " : "is required for kind ") + kind);
  }
  if (s.withdraw.has_value() && !policy) {
    AddError(errors, "spec.subject.withdraw", "must not be set for kind " + kind);
  }
  if (!s.answers_digest.empty() && !s.retirement_digest.empty()) {
    AddError(errors, "spec.subject.retirementDigest", "must not be set beside answersDigest");
  }
  if (!spec.shown || !spec.shown->use_case) return;
  const auto digest = AnswersDigest(AsUseCase(*spec.shown->use_case));
  if (s.kind != SubjectOfSignOff::kUseCase || !digest || *digest != s.answers_digest) {
    AddError(errors, "spec.shown.useCase",
             "must be what subject.answersDigest is the digest of" +
                 (digest ? ", has digest " + *digest : std::string()));
  }
}

UseCaseSpec AsUseCase(const ShownUseCase& shown) {
  UseCaseSpec use_case;
  use_case.answers = shown.answers;
  use_case.developers = shown.developers;
  use_case.owner = shown.owner;
  use_case.purpose = shown.purpose;
  use_case.purpose_category = shown.purpose_category;
  return use_case;
}

Result<std::vector<ApprovalCondition>> DecodeApprovalConditions(const Json& list) {
  ConditionList decoded;
  const auto errors = DecodeInto(Json{{"conditions", list}}, "", decoded);
  if (!errors.empty()) return Fail(JoinErrors(errors));
  return std::move(decoded.conditions);
}

COUNTERSIGN_INSTANTIATE_KIND(SignOffSpec);

}  // namespace countersign
