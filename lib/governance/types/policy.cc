#include "governance/types/policy.h"

#include "base/verification_key.h"
#include "governance/report_requirements.h"
#include "governance/types/codec.h"
#include "governance/types/describe/change_rules.h"
#include "governance/types/describe/classification.h"
#include "governance/types/describe/environments.h"
#include "governance/types/describe/fields.h"
#include "governance/types/describe/measure.h"
#include "governance/types/describe/people.h"
#include "governance/types/describe/requirements.h"
#include "governance/types/describe/trust.h"
#include "governance/types/describe/waiver_rules.h"
#include "governance/types/policy_check.h"

namespace countersign {

template <class V>
void Describe(V& v, Ethics& e) {
  v.Field({.name = "prohibitedPurposes",
           .doc = "Purpose categories that are refused whatever evidence there is.",
           .format = Format::kName,
           .max = kMaxListed,
           .length = 63,
           .list = ListType::kSet},
          e.prohibited_purposes);
  v.Field({.name = "protectedAttributes",
           .doc = "Attributes of people that the organisation protects; every biasTest measure of "
                  "this policy covers some of them.",
           .format = Format::kIdentifier,
           .max = 64,
           .length = 63,
           .list = ListType::kSet},
          e.protected_attributes);
}

template <class V>
void Describe(V& v, IncidentDeadline& d) {
  v.Field({.name = "category",
           .doc = "spec.category of incidents.",
           .required = true,
           .format = Format::kToken,
           .length = 63},
          d.category);
  v.Field({.name = "within",
           .doc = "How long after spec.awareAt the report is due, for example 15d.",
           .required = true},
          d.within);
}

template <class V>
void Describe(V& v, IncidentRules& r) {
  v.Field({.name = "signOff",
           .doc = "Whose sign-off on an incident closes it, once an IncidentReview tells cause, "
                  "remedy and lesson.",
           .required = true},
          r.sign_off);
  v.Field(IssuersField(), r.issuers);
  v.Field({.name = "deadlines",
           .doc = "When reports are due. Categories that are not listed: SeriousIncident 15d, "
                  "Death 10d, WidespreadInfringement and CriticalInfrastructure 2d (Regulation "
                  "(EU) 2024/1689, art. 73), others none.",
           .max = 32,
           .list = ListType::kMap,
           .list_key = "category"},
          r.deadlines);
}

template <class V>
void Describe(V& v, RetirementRules& r) {
  v.Field({.name = "signOff",
           .doc = "Whose sign-off on spec.retirement of a use case lets it be Retired.",
           .required = true},
          r.sign_off);
}

template <class V>
void Describe(V& v, PolicyVersion& p) {
  v.Field({.name = "label",
           .doc = "The version's name for people, for example 4 or 2026-11.",
           .required = true,
           .format = Format::kToken,
           .length = 63},
          p.label);
  v.Field({.name = "supersedes",
           .doc = "Name of the GovernancePolicy that this version takes the place of. The roles of "
                  "that one approve it (spec.succession there). Without it this is the first "
                  "version, which takes effect at once.",
           .format = Format::kObjectName},
          p.supersedes);
  v.Field({.name = "effectiveFrom",
           .doc = "When it takes effect, if it is approved by then. RFC 3339. Without it, as soon "
                  "as it is approved."},
          p.effective_from);
  v.Field({.name = "transition",
           .doc = "How long after that the version before it still counts as well, for example "
                  "30d. What serves already and meets that one meanwhile causes an alert alone. "
                  "Without it, not at all."},
          p.transition);
}

template <class V>
void Describe(V& v, Succession& s) {
  v.Field({.name = "signOff",
           .doc = "Whose sign-off puts the version after this one in force, or withdraws this one. "
                  "Roles and people are those of this version.",
           .required = true},
          s.sign_off);
}

template <class V>
void Describe(V& v, GovernancePolicySpec& s) {
  v.Field({.name = "description", .doc = "What the policy is for.", .length = 4096}, s.description);
  v.Field({.name = "ethics", .doc = "The organisation's ethical position."}, s.ethics);
  v.Field({.name = "environments",
           .doc = "Environments in the order of promotion.",
           .required = true,
           .min = 1,
           .max = 32,
           .list = ListType::kMap,
           .list_key = "name"},
          s.environments);
  v.Field({.name = "people",
           .doc = "People with more than one account, and those who sign by keys. An account that "
                  "is not listed is a person of its own.",
           .max = kMaxListed,
           .list = ListType::kMap,
           .list_key = "name"},
          s.people);
  v.Field({.name = "clusterAdministrators",
           .doc = "Who could get around admission: accounts, groups or people beside group "
                  "system:masters. Sign-offs with distinctFrom: [clusterAdministrators] leave them "
                  "out.",
           .max = kMaxListed},
          s.cluster_administrators);
  v.Field({.name = "certificateAuthorities",
           .doc = "Authorities whose certificates tell who signed, for spec.people[].certificates.",
           .max = 16,
           .list = ListType::kMap,
           .list_key = "name"},
          s.certificate_authorities);
  v.Field({.name = "trustedInstallations",
           .doc = "Other installations, in other clusters, whose word counts for who made evidence "
                  "that is carried here with its receipt.",
           .max = 16,
           .list = ListType::kMap,
           .list_key = "name"},
          s.trusted_installations);
  v.Field({.name = "identityTokens",
           .doc = "Lets an account count as Reauthenticated that signed in moments before, as the "
                  "API server tells by the extra attribute countersign.dev/auth-time of the user. "
                  "Without it, hardware keys alone do."},
          s.identity_tokens);
  v.Field({.name = "roles",
           .doc = "Roles and who holds them.",
           .required = true,
           .min = 1,
           .max = kMaxListed,
           .list = ListType::kMap,
           .list_key = "name"},
          s.roles);
  v.Field({.name = "classification", .doc = "How use cases are classified.", .required = true},
          s.classification);
  v.Field({.name = "measures",
           .doc = "The matrix: what is required of whom, and where.",
           .max = kMaxListed,
           .list = ListType::kMap,
           .list_key = "name"},
          s.measures);
  v.Field({.name = "waivers",
           .doc = "What may be excepted for how long, and who says so. Without it nothing may."},
          s.waivers);
  v.Field({.name = "incidents",
           .doc = "Who closes incidents, and when reports about them are due. Without it an "
                  "incident stays open."},
          s.incidents);
  v.Field({.name = "retirement",
           .doc = "Who agrees to the end of a use case. Without it classification.signOff does."},
          s.retirement);
  v.Field({.name = "changes",
           .doc = "Whose word tells what changed between two models, and how far change may go. "
                  "Without it no evidence is carried over."},
          s.changes);
  v.Field({.name = "version",
           .doc = "Makes the policy a published version: its spec can never be changed, a "
                  "correction is another GovernancePolicy that supersedes it, and deleting it ends "
                  "nothing while it is in force. Without it the policy counts as it stands, and "
                  "whoever may update it changes it at once."},
          s.version);
  v.Field({.name = "succession",
           .doc = "Who approves the version after this one. Required where version is set."},
          s.succession);
}

static void Check(const GovernancePolicySpec& spec, const Json& /*json*/,
                  std::vector<Error>& errors) {
  CheckPolicy(spec, errors);
}

Result<CertificateAuthority> ParseAuthority(const TrustedAuthority& authority) {
  return CertificateAuthority::Parse(
      authority.certificate, authority.revocation_lists,
      authority.usages.empty() ? std::vector{CertificateUse::kCodeSigning} : authority.usages);
}

template <>
void Derive(GovernancePolicySpec& spec) {
  for (TrustedAuthority& authority : spec.certificate_authorities) {
    if (auto parsed = ParseAuthority(authority)) authority.parsed = *std::move(parsed);
  }
  for (TrustedInstallation& one : spec.trusted_installations) {
    one.fingerprints.clear();
    for (const std::string& key : one.public_keys) {
      if (auto parsed = VerificationKey::Parse(key)) {
        one.fingerprints.push_back(parsed->fingerprint());
      }
    }
  }
  for (Measure& measure : spec.measures) {
    measure.require.report = ReportRequirementOf(measure.require);
  }
  for (Person& person : spec.people) {
    for (SignerKey& key : person.keys) {
      if (auto parsed = VerificationKey::Parse(key.public_key)) {
        key.fingerprint = parsed->fingerprint();
      }
    }
  }
}

COUNTERSIGN_INSTANTIATE_KIND(GovernancePolicySpec);

}  // namespace countersign
