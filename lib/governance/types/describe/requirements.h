// requirements.h: what measures of a policy may require, described once (base/describe.h). For
// policy.cc alone, which instantiates it.
#pragma once

#include "governance/types/describe/bias_requirement.h"
#include "governance/types/describe/claim_assertion.h"
#include "governance/types/describe/fields.h"
#include "governance/types/describe/reports.h"
#include "governance/types/policy.h"

namespace countersign {

template <>
struct EnumNames<Distinct> {
  static constexpr std::pair<Distinct, std::string_view> kNames[] = {
      {Distinct::kDevelopers, "developers"},
      {Distinct::kRequester, "requester"},
      {Distinct::kClusterAdministrators, "clusterAdministrators"}};
};
template <>
struct EnumNames<ShownRule> {
  static constexpr std::pair<ShownRule, std::string_view> kNames[] = {
      {ShownRule::kOptional, "Optional"},
      {ShownRule::kRequired, "Required"},
      {ShownRule::kSamePolicy, "SamePolicy"}};
};
template <>
struct EnumNames<Conditional> {
  static constexpr std::pair<Conditional, std::string_view> kNames[] = {
      {Conditional::kRefused, "Refused"}, {Conditional::kAllowed, "Allowed"}};
};
template <>
struct EnumNames<ReproducedBy> {
  static constexpr std::pair<ReproducedBy, std::string_view> kNames[] = {
      {ReproducedBy::kNobody, "Nobody"},
      {ReproducedBy::kAnyone, "Anyone"},
      {ReproducedBy::kIndependent, "Independent"}};
};
template <>
struct EnumNames<EvidenceScope> {
  static constexpr std::pair<EvidenceScope, std::string_view> kNames[] = {
      {EvidenceScope::kModel, "Model"}, {EvidenceScope::kUseCase, "UseCase"}};
};

template <class V>
void Describe(V& v, Consultation& c) {
  v.Field({.name = "roles",
           .doc = "Roles of which somebody must have advised: a SignOff with decision Advise.",
           .required = true,
           .format = Format::kName,
           .min = 1,
           .max = 16,
           .length = 63,
           .list = ListType::kSet},
          c.roles);
  v.Field({.name = "respondTo",
           .doc = "Advice of this severity or worse must be answered in the approval of somebody "
                  "who counts: None, Minor, Major or Critical. Default Major."},
          c.respond_to);
}

template <class V>
void Describe(V& v, SignOffRequirement& r) {
  v.Field({.name = "role",
           .doc = "Role that the signers hold.",
           .required = true,
           .format = Format::kName,
           .length = 63},
          r.role);
  v.Field({.name = "count",
           .doc = "How many different people must approve, 1 to 16.",
           .required = true,
           .min = 1,
           .max = 16},
          r.count);
  v.Field(
      {.name = "distinctFrom",
       .doc =
           "People whose sign-off does not count: developers (listed by the use case, issuers "
           "of the evidence and whom it names, author of the deployment), requester (who applied "
           "the deployment) and clusterAdministrators (group system:masters, and whom "
           "spec.clusterAdministrators lists).",
       .max = 3,
       .list = ListType::kSet},
      r.distinct_from);
  v.Field({.name = "distinctFromRoles",
           .doc = "Roles of this policy: who holds one of them, or has signed off the same subject "
                  "in it, does not count.",
           .format = Format::kName,
           .max = 16,
           .length = 63,
           .list = ListType::kSet},
          r.distinct_from_roles);
  v.Field(MaxAgeField(), r.max_age);
  v.Field(
      {.name = "assurance",
       .doc = "How a sign-off is known to be the signer's, at least. Requester: the API server "
              "authenticated the signer when the object was created. Signed: a key that the "
              "policy lists for the signer signed it (spec.people[].keys). Reauthenticated: "
              "that key is in hardware, which the signer touched, or the signer had just signed "
              "in to the cluster (spec.identityTokens).",
       .required = true},
      r.assurance);
  v.Field({.name = "consultation",
           .doc = "Whose advice must be there, beside the approvals. It decides nothing."},
          r.consultation);
  v.Field({.name = "conditional",
           .doc = "Whether approvals with conditions count until the earliest open condition is "
                  "due: Refused or Allowed. Default Refused."},
          r.conditional);
  v.Field({.name = "ownEnvironment",
           .doc = "Whether an approval must name this environment alone; one that names several "
                  "does not count. For deployments only."},
          r.own_environment);
  v.Field(
      {.name = "maxRecordDelay",
       .doc = "The longest between the signer's decision (spec.performedAt of the sign-off) and "
              "when the system first saw it. Default 7d."},
      r.max_record_delay);
  v.Field({.name = "shown",
           .doc = "What an approval of a deployment must list as shown to its signer (spec.shown). "
                  "Required: this policy, the answers, and all evidence that the policy's other "
                  "measures rest on and that was there. SamePolicy: likewise, and the policy must "
                  "still be the one that was shown. Default Optional. For measures only."},
          r.shown);
}

template <class V>
void Describe(V& v, ReproducibilityRequirement& r) {
  v.Field(
      {.name = "level",
       .doc = "FullSnapshot (clean commit, kept code or image, lock file, all data with digest, "
              "split and seed, parameters) or Retrainable (clean commit, environment, training "
              "data) or MetricsOnly (metrics of the model).",
       .required = true},
      r.level);
  v.Field({.name = "reproducedBy",
           .doc = "Independent: somebody other than the author and the developers has repeated the "
                  "run; Anyone: anybody has. Default Nobody."},
          r.reproduced_by);
  v.Field({.name = "tolerance",
           .doc = "How far the metrics of a repetition may be from the original when the digests "
                  "differ, a decimal. Without it the digests must be equal."},
          r.tolerance);
  v.Field(MaxAgeField(), r.max_age);
  v.Field(IssuersField(), r.issuers);
  v.Field(AssuranceField(), r.assurance);
  v.Field(SignersField(), r.signers);
  v.Field({.name = "reproducers",
           .doc = "Whose repetitions this measure believes: accounts, groups, people or roles of "
                  "this policy. Needed with reproducedBy Anyone or Independent.",
           .max = kMaxListed},
          r.reproducers);
}

template <class V>
void Describe(V& v, EvidenceRequirement& r) {
  v.Field({.name = "type",
           .doc = "The spec.type of the Evidence that is asked for. The latest one that counts "
                  "governs: a later failing report undoes an earlier good one.",
           .required = true,
           .format = Format::kToken,
           .length = 63},
          r.type);
  v.Field({.name = "scope",
           .doc = "What it must be about: Model (this very digest; the default) or UseCase (all "
                  "models that serve it)."},
          r.scope);
  v.Field({.name = "environments",
           .doc = "Where it must have been made or for which: names of environments of this "
                  "policy. Anywhere, if the list is empty.",
           .format = Format::kName,
           .max = 16,
           .length = 63,
           .list = ListType::kSet},
          r.environments);
  v.Field({.name = "independent",
           .doc = "Whether it must come from somebody who is neither developer of the model nor "
                  "author of the deployment. Who makes an independent report does not become a "
                  "developer by it."},
          r.independent);
  v.Field({.name = "claims", .doc = "What it must say.", .max = 64}, r.claims);
  v.Field({.name = "artifacts",
           .doc = "Names of the parts it must have.",
           .format = Format::kName,
           .max = 64,
           .length = 63,
           .list = ListType::kSet},
          r.artifacts);
  v.Field(MaxAgeField(), r.max_age);
  v.Field(IssuersField(), r.issuers);
  v.Field(AssuranceField(), r.assurance);
  v.Field(SignersField(), r.signers);
}

template <class V>
void Describe(V& v, ComponentsRequirement& r) {
  v.Field({.name = "requiredRoles",
           .doc = "Roles of which the model must have a component, for example Guardrail.",
           .max = 9,
           .list = ListType::kSet},
          r.required_roles);
  v.Field({.name = "hosted",
           .doc = "Models that a provider runs: Refused, Pinned (only by a snapshot that does not "
                  "move) or Any. Default Pinned."},
          r.hosted);
  v.Field({.name = "providers",
           .doc = "Providers whose hosted models may be used; any, if the list is empty.",
           .format = Format::kName,
           .max = 64,
           .length = 63,
           .list = ListType::kSet},
          r.providers);
}

template <class V>
void Describe(V& v, Requirement& r) {
  v.Field({.name = "signOff", .doc = "People approve."}, r.sign_off);
  v.Field({.name = "reproducibility", .doc = "The model can be made again."}, r.reproducibility);
  v.Field({.name = "biasTest", .doc = "The model treats groups alike, within bounds."},
          r.bias_test);
  v.Field({.name = "evidence", .doc = "A report says what it must."}, r.evidence);
  v.Field({.name = "documentation", .doc = "The model is documented."}, r.documentation);
  v.Field({.name = "verification", .doc = "The model was verified before production."},
          r.verification);
  v.Field({.name = "explainability", .doc = "Somebody can say why it decides as it does."},
          r.explainability);
  v.Field({.name = "harmTest", .doc = "People tried to make it do harm."}, r.harm_test);
  v.Field({.name = "loadTest", .doc = "It bears the load."}, r.load_test);
  v.Field({.name = "release", .doc = "It was tried beside or before full traffic."}, r.release);
  v.Field(
      {.name = "deploymentMode", .doc = "The deployment is set up to bear what production asks."},
      r.deployment_mode);
  v.Field({.name = "components",
           .doc = "The model is put together from parts that are all there and firmly named."},
          r.components);
  v.Field({.name = "monitoring", .doc = "Somebody watches it, and acts."}, r.monitoring);
  v.Field({.name = "dataQuality", .doc = "The data is known, good and lawful."}, r.data_quality);
  v.Field({.name = "promotion", .doc = "This very model ran in another environment before."},
          r.promotion);
  v.Field({.name = "incidentReadiness", .doc = "It is known what happens when it goes wrong."},
          r.incident_readiness);
  v.Field({.name = "humanOversight", .doc = "People watch it and can stop it."}, r.human_oversight);
  v.Field({.name = "ethicsReview",
           .doc = "A board has weighed whether it should be done, for the purpose that the use "
                  "case has now."},
          r.ethics_review);
  v.Field({.name = "environmentalImpact",
           .doc = "What it took to make it and takes to run it is known, and not too much."},
          r.environmental_impact);
  v.Field({.name = "dataSecurity", .doc = "The data is protected, and kept where it may be."},
          r.data_security);
  v.Field({.name = "modelSignature",
           .doc = "Somebody whom the measure believes has signed the files of the model (OpenSSF "
                  "Model Signing v1.0)."},
          r.model_signature);
  v.Rules(
      {{"(has(self.signOff) ? 1 : 0) + "
        "(has(self.reproducibility) ? 1 : 0) + "
        "(has(self.biasTest) ? 1 : 0) + "
        "(has(self.evidence) ? 1 : 0) + "
        "(has(self.documentation) ? 1 : 0) + "
        "(has(self.verification) ? 1 : 0) + "
        "(has(self.explainability) ? 1 : 0) + "
        "(has(self.harmTest) ? 1 : 0) + "
        "(has(self.loadTest) ? 1 : 0) + "
        "(has(self.release) ? 1 : 0) + "
        "(has(self.deploymentMode) ? 1 : 0) + "
        "(has(self.components) ? 1 : 0) + "
        "(has(self.monitoring) ? 1 : 0) + "
        "(has(self.dataQuality) ? 1 : 0) + "
        "(has(self.promotion) ? 1 : 0) + "
        "(has(self.incidentReadiness) ? 1 : 0) + "
        "(has(self.humanOversight) ? 1 : 0) + "
        "(has(self.ethicsReview) ? 1 : 0) + "
        "(has(self.environmentalImpact) ? 1 : 0) + "
        "(has(self.dataSecurity) ? 1 : 0) + "
        "(has(self.modelSignature) ? 1 : 0) == 1",
        "must have exactly one kind of requirement"}});
}

}  // namespace countersign
