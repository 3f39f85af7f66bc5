#include "governance/types/policy.h"

#include "base/verification_key.h"
#include "governance/report_requirements.h"
#include "governance/types/account.h"
#include "governance/types/codec.h"
#include "governance/types/describe/classification.h"
#include "governance/types/describe/fields.h"
#include "governance/types/describe/requirements.h"
#include "governance/types/policy_check.h"

namespace countersign {

template <>
struct EnumNames<RoleLevel> {
  static constexpr std::pair<RoleLevel, std::string_view> kNames[] = {
      {RoleLevel::kStrategic, "Strategic"},
      {RoleLevel::kTactical, "Tactical"},
      {RoleLevel::kOperational, "Operational"}};
};

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
void Describe(V& v, EnvironmentGuard& g) {
  v.Field({.name = "mode",
           .doc = "Deny (refused at admission), Warn (let in with a warning) or Audit (let in, "
                  "recorded and reported).",
           .required = true},
          g.mode);
}

template <class V>
void Describe(V& v, EnvironmentLock& l) {
  // The API server checks locks by itself and knows neither people nor roles of a policy.
  DescribeAccounts(v,
                   {.name = "requesters",
                    .doc = "Users and groups who may, beside Countersign's operator and "
                           "Kubernetes' own controllers. Nobody else, if the list is empty.",
                    .required = true,
                    .max = kMaxListed},
                   l.requesters);
}

template <class V>
void Describe(V& v, PolicyEnvironment& e) {
  v.Field(NameField("Name of the environment, for example prod."), e.name);
  v.Field(
      {.name = "namespaces",
       .doc = "Namespaces that belong to it: exact names, or patterns with '*' for places where "
              "tenants cannot create namespaces. A namespace in no environment admits no "
              "ModelDeployment.",
       .required = true,
       .format = Format::kNamespaceGlob,
       .min = 1,
       .max = kMaxListed,
       .length = 63,
       .list = ListType::kSet},
      e.namespaces);
  v.Field({.name = "enforcement",
           .doc = "What an unmet gate does: Deny (refused at admission), Hold (admitted, nothing "
                  "new is served), Warn (served, with a warning) or Audit (served, recorded).",
           .required = true},
          e.enforcement);
  v.Field({.name = "guard",
           .doc = "What becomes of workloads that serve a model without a ModelDeployment. By "
                  "default Deny where enforcement is Deny or Hold, else what enforcement says."},
          e.guard);
  v.Field({.name = "locked",
           .doc = "Locks its namespaces: only those listed create or change workloads, Services "
                  "and routes there, or enter Pods (exec, attach, ephemeral containers, port "
                  "forwarding). The API server checks it, also while Countersign is down."},
          e.locked);
}

template <class V>
void Describe(V& v, SignerKey& k) {
  v.Field({.name = "publicKey",
           .doc = "In PEM or as a line of OpenSSH: Ed25519, ECDSA on P-256, P-384 or P-521, RSA of "
                  "3072 bits or more, or a hardware key of OpenSSH (sk-…).",
           .required = true,
           .min = 1,
           .length = 16'384},
          k.public_key);
  v.Field({.name = "notBefore", .doc = "What was first seen before does not count. RFC 3339."},
          k.not_before);
  v.Field({.name = "notAfter", .doc = "What was first seen from then on does not count. RFC 3339."},
          k.not_after);
  v.Field({.name = "revokedAt",
           .doc = "Since when the key is not trusted: what was first seen from then on does not "
                  "count. For a stolen key give the time from which it may have been used. RFC "
                  "3339."},
          k.revoked_at);
}

template <class V>
void Describe(V& v, PersonCertificate& c) {
  v.Field({.name = "authority",
           .doc = "Name of the authority, in spec.certificateAuthorities.",
           .required = true,
           .format = Format::kName,
           .length = 63},
          c.authority);
  v.Field({.name = "email",
           .doc = "Email address that the certificate has as subject alternative name, exactly.",
           .min = 1,
           .length = 320},
          c.email);
  v.Field({.name = "uri",
           .doc = "URI that the certificate has as subject alternative name, exactly.",
           .min = 1,
           .length = 2048},
          c.uri);
  v.Field({.name = "revokedAt",
           .doc = "Since when certificates for this name are not trusted: what was first seen from "
                  "then on does not count. RFC 3339."},
          c.revoked_at);
  v.Rules({{"has(self.email) != has(self.uri)", "must have exactly one of email and uri"}});
}

template <class V>
void Describe(V& v, TrustedAuthority& a) {
  v.Field(NameField("Name of the authority in this policy."), a.name);
  v.Field({.name = "certificate",
           .doc = "Its certificate in PEM; one that another authority issued is trusted as well.",
           .required = true,
           .min = 1,
           .length = 16'384},
          a.certificate);
  v.Field(
      {.name = "revocationLists",
       .doc = "Lists of what was revoked (X509 CRL in PEM), by it and by those below it. With "
              "any, each certificate of a chain needs the one of its issuer, and what was first "
              "seen after its nextUpdate does not count until there is a newer one. Without "
              "any, nothing is revoked but by spec.people[].certificates[].revokedAt.",
       .max = 8,
       .length = 262'144},
      a.revocation_lists);
  v.Field({.name = "usages",
           .doc = "Extended key usages of which a signer's certificate needs one: CodeSigning, "
                  "EmailProtection, ClientAuth. Default CodeSigning.",
           .max = 3,
           .list = ListType::kSet},
          a.usages);
}

template <class V>
void Describe(V& v, TrustedInstallation& i) {
  v.Field({.name = "name",
           .doc = "The installation's name, as its webhook and operator have it (--installation).",
           .required = true,
           .min = 1,
           .length = 253},
          i.name);
  v.Field({.name = "publicKeys",
           .doc = "Public keys with which it gives receipts, each in PEM: the one in use, and the "
                  "next while it is replaced.",
           .required = true,
           .min = 1,
           .max = 8,
           .length = 4096},
          i.public_keys);
  v.Field({.name = "kinds",
           .doc = "Of which kinds it is believed: SignOff, BiasTest, Evidence, "
                  "ReproducibilitySnapshot.",
           .required = true,
           .min = 1,
           .max = 4,
           .list = ListType::kSet},
          i.kinds);
  v.Field({.name = "environments",
           .doc = "Environments of this policy in whose deployments that counts.",
           .required = true,
           .format = Format::kName,
           .min = 1,
           .max = kMaxListed,
           .length = 63,
           .list = ListType::kSet},
          i.environments);
  v.Field({.name = "trust",
           .doc = "Full, or RejectionsOnly for an installation that is believed no longer: nothing "
                  "that it vouches for counts, but what was rejected there stays rejected. Default "
                  "Full."},
          i.trust);
}

template <class V>
void Describe(V& v, IdentityTokens& i) {
  v.Field(
      {.name = "maxAge",
       .doc = "How long before it made an object an account may have signed in (claim auth_time "
              "of its identity token), for example 5m.",
       .required = true},
      i.max_age);
}

template <class V>
void Describe(V& v, Person& p) {
  v.Field(NameField("Name of the person in this policy."), p.name);
  v.Field(
      {.name = "displayName", .doc = "Printed name, as it is shown with what this person signs."},
      p.display_name);
  v.Field({.name = "accounts",
           .doc = "All accounts of this person: two of them never count as two people.",
           .required = true,
           .format = Format::kToken,
           .min = 1,
           .max = 16,
           .list = ListType::kSet},
          p.accounts);
  v.Field(
      {.name = "groups",
       .doc = "Groups that this person is in, for what they sign by a key: there the API server "
              "does not tell.",
       .format = Format::kToken,
       .max = 32,
       .list = ListType::kSet},
      p.groups);
  v.Field({.name = "aliases",
           .doc = "Other names by which commits, training runs and reports name this person, for "
                  "example e-mail addresses. They let nobody in: they only tell who made what.",
           .format = Format::kToken,
           .max = 16,
           .list = ListType::kSet},
          p.aliases);
  v.Field({.name = "keys",
           .doc = "Public keys by which this person signs. A key belongs to one person.",
           .max = 16},
          p.keys);
  v.Field({.name = "certificates",
           .doc = "Names for which an authority of this policy issues certificates to this person. "
                  "Such a name belongs to one person.",
           .max = 16},
          p.certificates);
}

template <class V>
void Describe(V& v, RoleDelegation& d) {
  v.Field({.name = "maxDuration",
           .doc = "The longest that the role may be lent for, for example 21d, counted from when "
                  "the system first saw the delegation.",
           .required = true},
          d.max_duration);
  v.Field({.name = "deputies",
           .doc = "Who may act for its holders: accounts, groups, people or roles of this policy. "
                  "Anybody, if the list is empty.",
           .max = kMaxListed},
          d.deputies);
}

template <class V>
void Describe(V& v, Role& r) {
  v.Field(NameField("Name of the role."), r.name);
  v.Field({.name = "level", .doc = "Strategic, Tactical or Operational.", .required = true},
          r.level);
  v.Field({.name = "description", .doc = "What the role answers for.", .length = 1024},
          r.description);
  v.Field({.name = "subjects",
           .doc = "Who holds it: users, groups or people of this policy.",
           .required = true,
           .min = 1,
           .max = kMaxListed},
          r.subjects);
  v.Field({.name = "delegation",
           .doc = "How holders may lend the role to a deputy. Without it they may not."},
          r.delegation);
}

template <class V>
void Describe(V& v, Applies& a) {
  v.Field({.name = "classes",
           .doc = "Classes it applies to; all, if empty.",
           .format = Format::kName,
           .max = 32,
           .length = 63,
           .list = ListType::kSet},
          a.classes);
  v.Field({.name = "environments",
           .doc = "Environments it applies in; all, if empty.",
           .format = Format::kName,
           .max = 32,
           .length = 63,
           .list = ListType::kSet},
          a.environments);
}

template <class V>
void Describe(V& v, ExpiryReaction& e) {
  v.Field({.name = "action",
           .doc = "At the instant of expiry: Alert, Hold, Rollback or Suspend.",
           .required = true},
          e.action);
  v.Field({.name = "grace", .doc = "How long until `then`, for example 14d.", .required = true},
          e.grace);
  v.Field({.name = "then",
           .doc = "After the grace period: Alert, Hold, Rollback or Suspend.",
           .required = true},
          e.then);
}

template <class V>
void Describe(V& v, CarryOverRule& c) {
  v.Field({.name = "kinds",
           .doc = "Kinds of change: DataRefresh, Parameter, Threshold, Feature, Serving. Never "
                  "Algorithm, which also stands for what is unknown, nor Purpose.",
           .required = true,
           .min = 1,
           .max = 5,
           .list = ListType::kSet},
          c.kinds);
  v.Field({.name = "maxAge",
           .doc = "How long the evidence holds after such a change, counted from when the system "
                  "first saw it; never longer than spec.changes.maxTotal and the measure's own "
                  "maxAge."},
          c.max_age);
}

template <class V>
void Describe(V& v, Measure& m) {
  v.Field(NameField("Name of the measure."), m.name);
  v.Field({.name = "step",
           .doc = "Process step it belongs to: BusinessScoping, Ideation, Development, "
                  "PreProduction, Deployment or Monitoring.",
           .required = true},
          m.step);
  v.Field({.name = "description",
           .doc = "Why it is asked; shown to whoever is refused.",
           .length = 1024},
          m.description);
  v.Field({.name = "accountable",
           .doc = "The one role that answers for it.",
           .required = true,
           .format = Format::kName,
           .length = 63},
          m.accountable);
  v.Field({.name = "responsible",
           .doc = "Roles that do the work.",
           .format = Format::kName,
           .max = 16,
           .length = 63,
           .list = ListType::kSet},
          m.responsible);
  v.Field({.name = "consulted",
           .doc = "Roles that are asked.",
           .format = Format::kName,
           .max = 16,
           .length = 63,
           .list = ListType::kSet},
          m.consulted);
  v.Field({.name = "informed",
           .doc = "Roles that are told.",
           .format = Format::kName,
           .max = 16,
           .length = 63,
           .list = ListType::kSet},
          m.informed);
  v.Field({.name = "applies", .doc = "Where it applies; everywhere, if absent."}, m.applies);
  v.Field({.name = "enforcement",
           .doc = "Enforcement of this measure where it is stricter than the environment's."},
          m.enforcement);
  v.Field({.name = "require", .doc = "What is required; exactly one member.", .required = true},
          m.require);
  v.Field({.name = "subject",
           .doc = "What evidence must be about where a model has components: Composite (the model "
                  "as a whole; the default), Each (every component), or the components of one "
                  "role or name. For biasTest, reproducibility and reports about the model. A "
                  "model without components is its own BaseModel.",
           .format = Format::kToken,
           .length = 63},
          m.subject);
  v.Field({.name = "carryOver",
           .doc = "After changes of which kinds evidence about the model before counts, while "
                  "there is none about the new one. Every kind of the change must be listed.",
           .max = 5},
          m.carry_over);
  v.Field(
      {.name = "onViolation",
       .doc = "What the operator does to a serving revision when the gate fails or its evidence "
              "is withdrawn: Alert, Hold (nothing new is served), Rollback (to an earlier "
              "approved revision that still passes) or Suspend. Default Hold."},
      m.on_violation);
  v.Field({.name = "onExpiry",
           .doc = "What the operator does when evidence gets too old. Default: Alert, after 14d "
                  "Hold."},
          m.on_expiry);
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
void Describe(V& v, WaiverControl& c) {
  v.Field(NameField("Name of the control."), c.name);
  v.Field({.name = "measures",
           .doc = "Waived measures that it makes up for; any, if empty.",
           .format = Format::kName,
           .max = kMaxListed,
           .length = 63,
           .list = ListType::kSet},
          c.measures);
  v.Field({.name = "evidence",
           .doc = "The report that shows it in place. It is judged as for a measure.",
           .required = true},
          c.evidence);
}

template <class V>
void Describe(V& v, ProtocolRules& p) {
  v.Field({.name = "signOff",
           .doc = "Whose sign-off makes a ChangeProtocol count. Never that of whoever made it, of "
                  "developers or of the deployment's author.",
           .required = true},
          p.sign_off);
  v.Field({.name = "measures",
           .doc = "Sign-off measures of this policy that a protocol may stand for.",
           .required = true,
           .format = Format::kName,
           .min = 1,
           .max = 16,
           .length = 63,
           .list = ListType::kSet},
          p.measures);
  v.Field({.name = "kinds",
           .doc = "Kinds of change that a protocol may cover: DataRefresh, Parameter, Threshold, "
                  "Feature, Serving.",
           .required = true,
           .min = 1,
           .max = 5,
           .list = ListType::kSet},
          p.kinds);
  v.Field({.name = "freshMeasures",
           .doc = "Measures of this policy that each new model must meet by evidence about itself, "
                  "automatic tests for example.",
           .format = Format::kName,
           .max = 16,
           .length = 63,
           .list = ListType::kSet},
          p.fresh);
  v.Field({.name = "maxUses",
           .doc = "Most models that one protocol may cover, 1 to 10000.",
           .required = true,
           .min = 1,
           .max = 10'000},
          p.max_uses);
  v.Field({.name = "maxDuration",
           .doc = "The longest that a protocol may be for, for example 90d, counted from when the "
                  "system first saw it.",
           .required = true},
          p.max_duration);
}

template <class V>
void Describe(V& v, ChangeRules& c) {
  v.Field({.name = "issuers",
           .doc = "Whose ReproducibilitySnapshots tell what changed: accounts, groups, people or "
                  "roles of this policy. Nobody, if the list is empty.",
           .max = kMaxListed},
          c.issuers);
  v.Field({.name = "healthIssuers",
           .doc = "Whose ServingRecords tell that the model before ran healthily in the same "
                  "environment. Nobody, if the list is empty.",
           .max = kMaxListed},
          c.health_issuers);
  v.Field({.name = "maxSteps",
           .doc = "Most changes since the model that the evidence is about, 1 to 64. Default 5.",
           .min = 1,
           .max = 64},
          c.max_steps);
  v.Field({.name = "maxTotal",
           .doc = "The longest that evidence is carried over, for example 90d, counted from when "
                  "the system first saw it.",
           .required = true},
          c.max_total);
  v.Field({.name = "protocols",
           .doc = "Which changes people may approve of beforehand, in an Evidence of type "
                  "ChangeProtocol. Without it none."},
          c.protocols);
}

template <class V>
void Describe(V& v, EmergencyRules& e) {
  v.Field({.name = "role",
           .doc = "Who may declare one. Service accounts may not.",
           .required = true,
           .format = Format::kName,
           .length = 63},
          e.role);
  v.Field({.name = "maxDuration",
           .doc = "The longest that one may be for, for example 4h, at most 72h, counted from when "
                  "the system first saw it.",
           .required = true},
          e.max_duration);
}

template <class V>
void Describe(V& v, WaiverRules& w) {
  v.Field({.name = "signOff",
           .doc = "Whose sign-off makes a waiver count. Never that of whoever asked for it, of the "
                  "use case's owner, of developers or of the deployment's author.",
           .required = true},
          w.sign_off);
  v.Field({.name = "maxDuration",
           .doc = "The longest that one waiver may be for, for example 30d, counted from when the "
                  "system first saw it.",
           .required = true},
          w.max_duration);
  v.Field({.name = "maxRenewals",
           .doc = "How many more approved waivers of the same measure there may be for the same "
                  "model in the same environment, 0 to 16. Default 0.",
           .max = 16},
          w.max_renewals);
  v.Field({.name = "maxTotal",
           .doc = "The longest that all approved waivers of a measure may be for together, in one "
                  "environment of one use case, whatever the model."},
          w.max_total);
  v.Field({.name = "never",
           .doc = "Measures that cannot be waived.",
           .format = Format::kName,
           .max = kMaxListed,
           .length = 63,
           .list = ListType::kSet},
          w.never);
  v.Field({.name = "controls",
           .doc = "What must be in place for a waiver to count, beside the compensating control "
                  "that it states in words.",
           .max = 16,
           .list = ListType::kMap,
           .list_key = "name"},
          w.controls);
  v.Field({.name = "emergency",
           .doc = "Who may break the glass: make a waiver that counts at once, for hours, and is "
                  "signed off afterwards. Without it nobody. Controls are not asked of it."},
          w.emergency);
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
