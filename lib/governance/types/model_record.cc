#include "governance/types/model_record.h"

#include <algorithm>
#include <tuple>

#include "base/digest.h"
#include "governance/types/codec.h"

namespace countersign {

// Instantiated by their own kinds' files.
extern template Result<Object<SignOffSpec>> Decode<SignOffSpec>(const Json&);
extern template Result<Object<IncidentSpec>> Decode<IncidentSpec>(const Json&);

namespace {

constexpr std::int64_t kMaxGroups = 256;           // as many as a stamp holds
constexpr std::int64_t kMaxAccount = 256;          // likewise
constexpr std::int64_t kMaxCertificates = 98'304;  // as many as a signature may carry, in PEM
constexpr std::int64_t kMaxContentBytes = 16'384;  // of a rejection or an incident

constexpr FieldInfo NameSpaceField() {
  return {.name = "namespace",
          .doc = "Home namespace of the use case, where the object lay.",
          .required = true,
          .format = Format::kName,
          .length = 63};
}

constexpr FieldInfo UseCaseField() {
  return {.name = "useCase",
          .doc = "Name of the use case.",
          .required = true,
          .format = Format::kObjectName};
}

constexpr FieldInfo ObjectNameField() {
  return {.name = "name",
          .doc = "Name of the object.",
          .required = true,
          .format = Format::kObjectName};
}

constexpr FieldInfo UidField() {
  return {.name = "uid", .doc = "Uid of the object.", .required = true};
}

constexpr FieldInfo DigestField(std::string_view doc) {
  return {.name = "digest", .doc = doc, .required = true, .format = Format::kSha256, .length = 71};
}

constexpr FieldInfo WithdrawnField() {
  return {.name = "withdrawnAt",
          .doc =
              "When the operator found it gone, RFC 3339 with microseconds. What was withdrawn "
              "does not count again when it is applied again.",
          .length = 32};
}

constexpr FieldInfo ContentField() {
  return {
      .name = "content",
      .doc = "Its spec as JSON, so that it counts although the object is gone; long texts are cut.",
      .length = kMaxContentBytes};
}

}  // namespace

constexpr FieldInfo CertificatesField() {
  return {.name = "certificates",
          .doc = "Certificates that came with the key, in PEM, the signer's first.",
          .length = kMaxCertificates};
}

template <class V>
void Describe(V& v, RecordedCosigner& c) {
  v.Field({.name = "signingKey", .doc = "Fingerprint of the key.", .required = true},
          c.signing_key);
  v.Field(CertificatesField(), c.certificates);
}

template <class V>
void Describe(V& v, RecordedMaker& m) {
  v.Field({.name = "user",
           .doc = "Account of whoever created it.",
           .required = true,
           .length = kMaxAccount},
          m.user);
  v.Field({.name = "groups", .doc = "The account's groups then.", .max = kMaxGroups, .length = 256},
          m.groups);
  v.Field({.name = "firstSeen",
           .doc = "When admission saw it first. RFC 3339 with microseconds.",
           .required = true,
           .length = 32},
          m.first_seen.text);
  v.Field({.name = "signedInAt",
           .doc = "When the account had signed in, where the API server told. RFC 3339."},
          m.signed_in_at);
  v.Field({.name = "installation", .doc = "Which other installation saw it made."}, m.installation);
  v.Field({.name = "installationKey", .doc = "Fingerprint of that installation's key."},
          m.installation_key);
  v.Field({.name = "signingKey", .doc = "Fingerprint of the key that signed it."}, m.signing_key);
  v.Field(CertificatesField(), m.certificates);
  v.Field({.name = "userPresent", .doc = "Whether that key was touched."}, m.user_present);
  v.Field({.name = "userVerified", .doc = "Whether it asked for a PIN or a finger."},
          m.user_verified);
  v.Field({.name = "cosigners", .doc = "By what it was signed as well.", .max = 15}, m.cosigners);
}

template <class V>
void Describe(V& v, EarlierResult& e) {
  v.Field(DigestField("Digest of its spec."), e.digest);
  v.Field({.name = "firstSeen",
           .doc = "When admission saw it first. RFC 3339 with microseconds.",
           .required = true,
           .length = 32},
          e.first_seen.text);
}

template <class V>
void Describe(V& v, RecordedVerdict& r) {
  v.Field({.name = "policy", .doc = "The policy.", .required = true}, r.policy);
  v.Field({.name = "measure", .doc = "Its measure.", .required = true}, r.measure);
  v.Field({.name = "state", .doc = "State of the gate.", .required = true}, r.state);
  v.Field({.name = "reason", .doc = "Reason of that state.", .required = true}, r.reason);
}

template <class V>
void Describe(V& v, RecordedResult& r) {
  v.Field(
      {.name = "kind", .doc = "BiasTest, Evidence or ReproducibilitySnapshot.", .required = true},
      r.kind);
  v.Field(NameSpaceField(), r.name_space);
  v.Field(UseCaseField(), r.use_case);
  v.Field({.name = "digestType", .doc = "How the model's digest was taken.", .required = true},
          r.digest_type);
  v.Field({.name = "topic",
           .doc = "Protocol of a BiasTest, type of an Evidence, or the snapshot that a snapshot "
                  "repeats."},
          r.topic);
  v.Field({.name = "dataSet",
           .doc = "Digest of the data set of a BiasTest.",
           .format = Format::kSha256,
           .length = 71},
          r.data_set);
  v.Field({.name = "environment", .doc = "Environment that an Evidence is from."}, r.environment);
  v.Field({.name = "counts", .doc = "What a BiasTest counts."}, r.counts);
  v.Field(ObjectNameField(), r.name);
  v.Field(UidField(), r.uid);
  v.Field(DigestField("Digest of its spec."), r.digest);
  v.Field({.name = "by", .doc = "Who made it.", .required = true}, r.by);
  v.Field({.name = "performedBy",
           .doc = "Whom the result, and those before it, name as having made it or its code.",
           .max = kMaxRecordedNames,
           .length = 253},
          r.performed_by);
  v.Field({.name = "performedAt", .doc = "When it was done, as it says."}, r.performed_at);
  v.Field({.name = "attempts",
           .doc = "How many results of this maker on this protocol and data set were seen.",
           .required = true,
           .min = 1,
           .max = 1'000'000'000},
          r.attempts);
  v.Field({.name = "earlier",
           .doc = "Those before it: applied anew, they do not become the newest.",
           .max = kMaxEarlierResults},
          r.earlier);
  v.Field({.name = "verdicts", .doc = "What measures made of it last.", .max = 32}, r.verdicts);
  v.Field(WithdrawnField(), r.withdrawn.text);
}

template <class V>
void Describe(V& v, RecordedDecision& d) {
  v.Field(NameSpaceField(), d.name_space);
  v.Field(UseCaseField(), d.use_case);
  v.Field({.name = "role", .doc = "Role of the signer.", .required = true}, d.role);
  v.Field({.name = "decision", .doc = "What was decided.", .required = true}, d.decision);
  v.Field({.name = "environments", .doc = "Environments decided for.", .max = 64}, d.environments);
  v.Field({.name = "governedDigest",
           .doc = "Digest of what was decided on: a deployment's governed part, or the answers, "
                  "waiver, protocol or incident. A delegation has none.",
           .format = Format::kSha256,
           .length = 71},
          d.governed_digest);
  v.Field(ObjectNameField(), d.name);
  v.Field(UidField(), d.uid);
  v.Field(DigestField("Digest of its spec."), d.digest);
  v.Field({.name = "by", .doc = "Who decided.", .required = true}, d.by);
  v.Field(ContentField(), d.content);
  v.Field(WithdrawnField(), d.withdrawn.text);
}

template <class V>
void Describe(V& v, RecordedIncident& i) {
  v.Field(NameSpaceField(), i.name_space);
  v.Field(UseCaseField(), i.use_case);
  v.Field(ObjectNameField(), i.name);
  v.Field(UidField(), i.uid);
  v.Field(DigestField("Digest of its spec."), i.digest);
  v.Field(ContentField(), i.content);
  v.Field(WithdrawnField(), i.withdrawn.text);
}

template <class V>
void Describe(V& v, RecordedServing& s) {
  v.Field({.name = "deployment",
           .doc = "The ModelDeployment, as namespace/name.",
           .required = true,
           .length = 317},
          s.deployment);
  v.Field(NameSpaceField(), s.name_space);
  v.Field(UseCaseField(), s.use_case);
  v.Field({.name = "environment", .doc = "Environment it served in, where a policy named one."},
          s.environment);
  v.Field({.name = "version", .doc = "The model's version.", .required = true}, s.version);
  v.Field(
      {.name = "author", .doc = "Who asked for it, where that is known.", .length = kMaxAccount},
      s.author);
  v.Field({.name = "since", .doc = "When it was seen to serve first.", .required = true}, s.since);
  v.Field({.name = "until", .doc = "When it was seen to serve no more."}, s.until);
}

template <class V>
void Describe(V& v, RecordBounds& b) {
  v.Field(
      {.name = "namespace", .doc = "Namespace of the evidence.", .required = true, .length = 63},
      b.name_space);
  v.Field({.name = "resultsForgottenUntil",
           .doc = "Results performed until then that are in no list are older than all listed "
                  "ones, whenever they were applied."},
          b.results_forgotten_until);
  v.Field({.name = "decisionsForgottenUntil",
           .doc = "Approvals made until then that are in no list do not count."},
          b.decisions_forgotten_until);
  v.Field(
      {.name = "full",
       .doc = "Whether more was seen than is kept: use cases of this namespace do not serve the "
              "model any more."},
      b.full);
}

template <class V>
void Describe(V& v, ModelRecordSpec& s) {
  v.Field(DigestField("The model's digest, of which the name is made; a use case has one too."),
          s.digest);
  v.Field({.name = "useCase",
           .doc = "The use case, as namespace/name, whose record this is: of reports about it as a "
                  "whole, and of what was rejected in it.",
           .length = 317},
          s.use_case);
  v.Field(
      {.name = "results",
       .doc = "Of each maker, protocol and data set the newest result, and how many there were. "
              "What is signed is ordered by when it was done.",
       .max = kMaxRecordedResults},
      s.results);
  v.Field({.name = "decisions",
           .doc = "Sign-offs on deployments of the model, or rejections of answers, waivers and "
                  "the like in the use case; what is needed to judge a rejection.",
           .max = kMaxRecordedDecisions},
          s.decisions);
  v.Field({.name = "incidents", .doc = "Incidents that concern it.", .max = kMaxRecordedIncidents},
          s.incidents);
  v.Field({.name = "serving", .doc = "Where it served.", .max = kMaxRecordedServing}, s.serving);
  v.Field({.name = "bounds",
           .doc = "What was let go of the lists, by namespace.",
           .max = kMaxRecordedBounds,
           .list = ListType::kMap,
           .list_key = "namespace"},
          s.bounds);
  v.Field({.name = "full",
           .doc = "Whether more namespaces fill it than can be told apart: nobody serves the model "
                  "any more."},
          s.full);
}

static void ReadInstant(Instant& instant) {
  if (auto time = ParseTime(instant.text); time) instant.time = *time;
}

// What an object of `kind` with that spec would decode to.
template <class Spec, class Entry>
static Result<std::shared_ptr<const Object<Spec>>> ReadContent(const Entry& entry) {
  auto spec = ParseJson(entry.content);
  if (!spec) return Fail(spec.error());
  auto object = Decode<Spec>(Json{
      {"apiVersion", kApiVersion},
      {"kind", Spec::kKind},
      {"metadata", {{"name", entry.name}, {"namespace", entry.name_space}, {"uid", entry.uid}}},
      {"spec", *std::move(spec)}});
  if (!object) return Fail(object.error());
  // It was taken of more than is kept.
  object->spec_digest = entry.digest;
  object->record_digest.clear();
  return std::make_shared<const Object<Spec>>(*std::move(object));
}

static void ReadMaker(RecordedMaker& by) {
  ReadInstant(by.first_seen);
  const auto read = [](const std::string& pem) -> std::optional<CertificateChain> {
    if (pem.empty()) return std::nullopt;
    auto chain = CertificateChain::FromPem(pem);
    return chain ? std::optional(*std::move(chain)) : std::nullopt;
  };
  by.chain = read(by.certificates);
  for (RecordedCosigner& one : by.cosigners) one.chain = read(one.certificates);
}

static void CheckInstant(const Instant& instant, const std::string& path,
                         std::vector<Error>& errors) {
  if (auto time = ParseTime(instant.text); !time) AddError(errors, path, time.error().message);
}

static void CheckWithdrawn(const Instant& instant, const std::string& path,
                           std::vector<Error>& errors) {
  if (!instant.text.empty()) CheckInstant(instant, path + ".withdrawnAt", errors);
}

static void Check(const ModelRecordSpec& spec, const Json& /*json*/, std::vector<Error>& errors) {
  for (std::size_t i = 0; i < spec.results.size(); ++i) {
    const std::string path = "spec.results[" + std::to_string(i) + "]";
    CheckInstant(spec.results[i].by.first_seen, path + ".by.firstSeen", errors);
    CheckWithdrawn(spec.results[i].withdrawn, path, errors);
    for (std::size_t k = 0; k < spec.results[i].earlier.size(); ++k) {
      CheckInstant(spec.results[i].earlier[k].first_seen,
                   path + ".earlier[" + std::to_string(k) + "].firstSeen", errors);
    }
  }
  for (std::size_t i = 0; i < spec.decisions.size(); ++i) {
    const RecordedDecision& one = spec.decisions[i];
    const std::string path = "spec.decisions[" + std::to_string(i) + "]";
    CheckInstant(one.by.first_seen, path + ".by.firstSeen", errors);
    CheckWithdrawn(one.withdrawn, path, errors);
    if (one.decision != SignOffDecision::kReject) continue;
    if (auto read = ReadContent<SignOffSpec>(one); !read) {
      AddError(errors, path + ".content", read.error().ToString());
    }
  }
  for (std::size_t i = 0; i < spec.incidents.size(); ++i) {
    const std::string path = "spec.incidents[" + std::to_string(i) + "]";
    CheckWithdrawn(spec.incidents[i].withdrawn, path, errors);
    if (auto read = ReadContent<IncidentSpec>(spec.incidents[i]); !read) {
      AddError(errors, path + ".content", read.error().ToString());
    }
  }
}

template <>
void Derive<ModelRecordSpec>(ModelRecordSpec& spec) {
  for (RecordedResult& one : spec.results) {
    ReadMaker(one.by);
    ReadInstant(one.withdrawn);
    for (EarlierResult& earlier : one.earlier) ReadInstant(earlier.first_seen);
  }
  for (RecordedDecision& one : spec.decisions) {
    ReadMaker(one.by);
    ReadInstant(one.withdrawn);
    if (one.decision != SignOffDecision::kReject) continue;
    if (auto read = ReadContent<SignOffSpec>(one); read) one.sign_off = *std::move(read);
  }
  for (RecordedIncident& one : spec.incidents) {
    ReadInstant(one.withdrawn);
    if (auto read = ReadContent<IncidentSpec>(one); read) one.incident = *std::move(read);
  }
  spec.DeriveKnown();
}

void ModelRecordSpec::DeriveKnown() {
  const auto when = [](const Instant& withdrawn) {
    return withdrawn.text.empty() ? std::nullopt : std::optional(withdrawn.time);
  };
  known.clear();
  for (const RecordedResult& one : results) {
    known.push_back({one.digest, one.name_space, one.by.first_seen.time, when(one.withdrawn)});
    for (const EarlierResult& earlier : one.earlier) {
      known.push_back({earlier.digest, one.name_space, earlier.first_seen.time, std::nullopt});
    }
  }
  for (const RecordedDecision& one : decisions) {
    known.push_back({one.digest, one.name_space, one.by.first_seen.time, when(one.withdrawn)});
  }
  std::sort(known.begin(), known.end(), [](const Known& a, const Known& b) {
    return std::tie(a.digest, a.name_space) < std::tie(b.digest, b.name_space);
  });
  // Whoever applied it once more: it was first seen once, and what was withdrawn stays so.
  std::vector<Known> distinct;
  for (const Known& one : known) {
    if (distinct.empty() || distinct.back().digest != one.digest ||
        distinct.back().name_space != one.name_space) {
      distinct.push_back(one);
      continue;
    }
    Known& same = distinct.back();
    same.first_seen = std::min(same.first_seen, one.first_seen);
    same.withdrawn_at = std::max(same.withdrawn_at, one.withdrawn_at);
  }
  known = std::move(distinct);
}

const RecordBounds* ModelRecordSpec::BoundsOf(std::string_view name_space) const {
  const auto found = std::find_if(bounds.begin(), bounds.end(), [&](const RecordBounds& one) {
    return one.name_space == name_space;
  });
  return found == bounds.end() ? nullptr : &*found;
}

Time ModelRecordSpec::ResultsForgottenUntil(std::string_view name_space) const {
  const RecordBounds* found = BoundsOf(name_space);
  return found != nullptr && found->results_forgotten_until ? *found->results_forgotten_until
                                                            : Time::min();
}

Time ModelRecordSpec::DecisionsForgottenUntil(std::string_view name_space) const {
  const RecordBounds* found = BoundsOf(name_space);
  return found != nullptr && found->decisions_forgotten_until ? *found->decisions_forgotten_until
                                                              : Time::min();
}

const ModelRecordSpec::Known* ModelRecordSpec::Find(std::string_view wanted,
                                                    std::string_view ns) const {
  const auto found = std::lower_bound(
      known.begin(), known.end(), std::tie(wanted, ns),
      [](const Known& one, const auto& key) { return std::tie(one.digest, one.name_space) < key; });
  if (found == known.end() || found->digest != wanted || found->name_space != ns) return nullptr;
  return &*found;
}

std::string RecordDigestOf(std::string_view name_space, std::string_view use_case) {
  return DigestText(Sha256(std::string(kApiGroup) + "/UseCase\n" + std::string(name_space) + "/" +
                           std::string(use_case)));
}

std::string RecordName(std::string_view digest) {
  std::string name(digest);
  std::replace(name.begin(), name.end(), ':', '-');
  return name;
}

Instant InstantOf(Time time) { return {FormatMicroTime(time), time}; }

COUNTERSIGN_INSTANTIATE_KIND(ModelRecordSpec);

}  // namespace countersign
