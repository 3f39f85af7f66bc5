#include "governance/types/sign_off.h"

#include "governance/types/codec.h"

namespace countersign {

template <>
struct EnumNames<SubjectOfSignOff> {
  static constexpr std::pair<SubjectOfSignOff, std::string_view> kNames[] = {
      {SubjectOfSignOff::kModelDeployment, "ModelDeployment"},
      {SubjectOfSignOff::kUseCase, "UseCase"},
      {SubjectOfSignOff::kWaiver, "Waiver"},
      {SubjectOfSignOff::kIncident, "Incident"}};
};
template <>
struct EnumNames<SignOffDecision> {
  static constexpr std::pair<SignOffDecision, std::string_view> kNames[] = {
      {SignOffDecision::kApprove, "Approve"}, {SignOffDecision::kReject, "Reject"}};
};

template <class V>
void Describe(V& v, SignOffSubject& s) {
  v.Field({.name = "kind",
           .doc = "ModelDeployment: one model version in one environment. UseCase: the answers of "
                  "a use case to the policy's questions. Waiver: a time-bound exception. "
                  "Incident: that it is closed.",
           .required = true},
          s.kind);
  v.Field({.name = "useCase",
           .doc = "Name of the use case, in this object's namespace.",
           .required = true,
           .format = Format::kObjectName},
          s.use_case);
  v.Field({.name = "environment",
           .doc = "Name of the policy's environment that the decision is for. Required for "
                  "ModelDeployment.",
           .format = Format::kName,
           .length = 63},
          s.environment);
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
  v.Rules(
      {{"self.kind != 'UseCase' || has(self.answersDigest) != has(self.retirementDigest)",
        "kind UseCase needs answersDigest or retirementDigest"},
       {"self.kind != 'ModelDeployment' || (has(self.environment) && has(self.model) && "
        "has(self.governedDigest))",
        "kind ModelDeployment needs environment, model and governedDigest"},
       {"self.kind != 'Waiver' || (has(self.waiver) && has(self.waiverDigest))",
        "kind Waiver needs waiver and waiverDigest"},
       {"self.kind != 'Incident' || (has(self.incident) && has(self.incidentDigest))",
        "kind Incident needs incident and incidentDigest"},
       {"(self.kind == 'UseCase' || (!has(self.answersDigest) && "
        "!has(self.retirementDigest))) && (self.kind == 'Waiver' || "
        "(!has(self.waiver) && !has(self.waiverDigest))) && (self.kind == 'Incident' || "
        "(!has(self.incident) && !has(self.incidentDigest))) && (self.kind == 'ModelDeployment' || "
        "(!has(self.environment) && !has(self.model) && !has(self.governedDigest)))",
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
           .doc = "Approve or Reject. The latest decision of a person counts, and a standing "
                  "rejection by one holder of the role blocks the gate.",
           .required = true},
          s.decision);
  v.Field({.name = "signer", .doc = "Who signs.", .required = true}, s.signer);
  v.Field(
      {.name = "rationale", .doc = "Why, in the signer's words.", .required = true, .length = 4096},
      s.rationale);
  v.Field({.name = "shown",
           .doc = "Digests of the policies, answers and evidence that the signer had in view."},
          s.shown);
  v.Field({.name = "expiresAt",
           .doc = "When the decision ends, if earlier than the policy's maxAge. RFC 3339."},
          s.expires_at);
}

static void Check(const SignOffSpec& spec, const Json& /*json*/, std::vector<Error>& errors) {
  const SignOffSubject& s = spec.subject;
  const std::string kind(NameOf(s.kind));
  // Which fields go with which kind: needed there, forbidden elsewhere.
  const struct {
    const char* field;
    bool given;
    SubjectOfSignOff kind;
  } rows[] = {{"answersDigest", !s.answers_digest.empty() || !s.retirement_digest.empty(),
               SubjectOfSignOff::kUseCase},
              {"environment", !s.environment.empty(), SubjectOfSignOff::kModelDeployment},
              {"model", s.model.has_value(), SubjectOfSignOff::kModelDeployment},
              {"governedDigest", !s.governed_digest.empty(), SubjectOfSignOff::kModelDeployment},
              {"waiver", !s.waiver.empty(), SubjectOfSignOff::kWaiver},
              {"waiverDigest", !s.waiver_digest.empty(), SubjectOfSignOff::kWaiver},
              {"incident", !s.incident.empty(), SubjectOfSignOff::kIncident},
              {"incidentDigest", !s.incident_digest.empty(), SubjectOfSignOff::kIncident}};
  for (const auto& row : rows) {
    if (row.given == (row.kind == s.kind)) continue;
    AddError(errors, std::string("spec.subject.") + row.field,
             (row.given ? "must not be set for kind " : "is required for kind ") + kind);
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

COUNTERSIGN_INSTANTIATE_KIND(SignOffSpec);

}  // namespace countersign
