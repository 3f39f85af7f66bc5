#include "cli/world.h"

#include <algorithm>

#include "base/digest.h"
#include "cli/offline.h"
#include "evidence/signed_object.h"
#include "governance/dossier.h"
#include "governance/in_force.h"
#include "governance/records.h"

namespace countersign {
namespace {

// What evidence is about, whatever its kind.
const std::string& UseCaseOf(const SignOffSpec& spec) { return spec.subject.use_case; }
const std::string& UseCaseOf(const ReproducibilitySnapshotSpec& spec) { return spec.use_case; }
const std::string& UseCaseOf(const BiasTestSpec& spec) { return spec.use_case; }
const std::string& UseCaseOf(const EvidenceSpec& spec) { return spec.use_case; }
const std::string& UseCaseOf(const WaiverSpec& spec) { return spec.use_case; }

template <class Spec>
Located<std::shared_ptr<const Object<Spec>>> Read(const Manifest& manifest, const Json& object) {
  auto decoded = Decode<Spec>(object);
  if (!decoded) return FailIn(manifest, decoded.error().path, decoded.error().message);
  return std::make_shared<const Object<Spec>>(std::move(*decoded));
}

std::string AdoptedFrom(const Json& object) {
  const Json* annotations = FindPath(object, "metadata/annotations");
  const Json* from = annotations == nullptr ? nullptr : Find(*annotations, kAdoptedFrom);
  return from != nullptr && from->is_string() ? from->get<std::string>() : std::string();
}

template <class Spec>
SharedList<Attested<Spec>> Collect(const UseCaseRef& ref, const std::vector<Attested<Spec>>& from) {
  std::vector<Attested<Spec>> own;
  for (const Attested<Spec>& one : from) {
    if (one.object->meta.name_space == ref.name_space && UseCaseOf(one.object->spec) == ref.name) {
      own.push_back(one);
    }
  }
  return own;
}

}  // namespace

Maker ClaimedMaker(Time now) {
  return [now](const Json& object, const std::string&) {
    Provenance by;
    by.authenticity = Authenticity::kAssumed;
    const std::string kind = StringAt(object, "kind");
    Time seen = now;
    if (kind == SignOffSpec::kKind) {
      by.user = StringAt(object, "spec/signer/username");
    } else if (auto performed = ParseTime(StringAt(object, "spec/performedAt")); performed) {
      seen = *performed;
    }
    // A waiver, which has neither, is the shortest that it can be.
    by.first_seen = DecodeMeta(object).creation_time.value_or(seen);
    return by;
  };
}

Located<void> World::AddAll(const std::vector<Manifest>& manifests) {
  for (const Manifest& manifest : manifests) {
    if (auto added = Add(manifest); !added) return added;
  }
  return {};
}

Located<void> World::Add(const Manifest& manifest) {
  if (!StringAt(manifest.object, "apiVersion").starts_with(std::string(kApiGroup) + "/")) {
    return {};
  }
  const std::string kind = StringAt(manifest.object, "kind");
  Json object = manifest.object;
  const bool namespaced = kind != GovernancePolicySpec::kKind && kind != ModelRecordSpec::kKind;
  if (namespaced && StringAt(object, "metadata/namespace").empty()) {
    if (options_.name_space.empty()) {
      return FailIn(manifest, "metadata.namespace",
                    "is required: the " + kind + " names none, so give one with --namespace");
    }
    SetPath(object, "metadata/namespace", options_.name_space);
  }
  const ObjectMeta meta = DecodeMeta(object);
  if (meta.name.empty() && meta.generate_name.empty()) {
    return FailIn(manifest, "metadata.name", "is required");
  }
  if (!meta.name.empty()) {
    static const Json kNone;
    const Json* spec = Find(object, "spec");
    auto digest = JsonDigest(spec == nullptr ? kNone : *spec);
    if (!digest) return FailIn(manifest, digest.error().path, digest.error().message);
    const auto [first, added] =
        seen_.emplace(kind + "/" + meta.name_space + "/" + meta.name, *digest);
    if (!added && first->second == *digest) return {};
    if (!added) {
      return FailIn(manifest, {}, kind + " '" + meta.name + "' is there twice, with another spec");
    }
  }
  return Take(manifest, kind, object);
}

void World::AddUnreadable(const Manifest& manifest, const Error& error) {
  const std::string sentence = manifest.source + " cannot be read: " + Excerpt(error.message, 300);
  const std::string kind = StringAt(manifest.object, "kind");
  // What may be a rejection of a policy concerns all that it may govern.
  if (kind == GovernancePolicySpec::kKind ||
      (kind == SignOffSpec::kKind &&
       StringAt(manifest.object, "spec/subject/kind") == GovernancePolicySpec::kKind)) {
    policies_.unreadable.push_back(sentence);
  } else {
    unreadable_.emplace_back(StringAt(manifest.object, "metadata/namespace"), sentence);
  }
}

void World::SettlePolicies(Time now) { policies_ = PoliciesInForce(policies_, now); }

template <class Spec>
Located<void> World::TakeEvidence(const Manifest& manifest, const Json& object,
                                  std::vector<Attested<Spec>>& list) {
  auto evidence = Read<Spec>(manifest, object);
  if (!evidence) return tl::unexpected<Fault>(evidence.error());
  Provenance by = WithSignature(options_.maker(object, (*evidence)->spec_digest), object);
  list.push_back({std::move(*evidence), std::move(by)});
  return {};
}

Located<void> World::TakeDeployment(const Manifest& manifest, const Json& object) {
  auto deployment = Read<ModelDeploymentSpec>(manifest, object);
  if (!deployment) return tl::unexpected<Fault>(deployment.error());
  auto spec = std::make_shared<const Json>(*Find(object, "spec"));
  auto digest = GovernedDigest(*spec);
  if (!digest) return FailIn(manifest, digest.error().path, digest.error().message);
  Provenance author = options_.maker(object, *digest);
  deployments_.push_back({manifest.source, std::move(*deployment), std::move(spec),
                          std::move(*digest), std::move(author), StringAt(object, "status/verdict"),
                          AdoptedFrom(object),
                          options_.from_files ? std::optional(manifest.file) : std::nullopt});
  return {};
}

Located<void> World::Take(const Manifest& manifest, const std::string& kind, const Json& object) {
  if (kind == SignOffSpec::kKind) {
    const bool on_policy = StringAt(object, "spec/subject/kind") == GovernancePolicySpec::kKind;
    return TakeEvidence(manifest, object, on_policy ? policies_.sign_offs : sign_offs_);
  }
  if (kind == BiasTestSpec::kKind) return TakeEvidence(manifest, object, bias_tests_);
  if (kind == EvidenceSpec::kKind) return TakeEvidence(manifest, object, reports_);
  if (kind == WaiverSpec::kKind) return TakeEvidence(manifest, object, waivers_);
  if (kind == IncidentSpec::kKind) {
    auto incident = Read<IncidentSpec>(manifest, object);
    if (!incident) return tl::unexpected<Fault>(incident.error());
    incidents_.push_back(std::move(*incident));
    return {};
  }
  if (kind == ModelRecordSpec::kKind) {
    auto record = Read<ModelRecordSpec>(manifest, object);
    if (!record) return tl::unexpected<Fault>(record.error());
    const Provenance by = options_.maker(object, (*record)->spec_digest);
    if (by.authenticity != Authenticity::kAttested && by.authenticity != Authenticity::kAssumed) {
      unreadable_.emplace_back(std::string(),
                               "ModelRecord '" + (*record)->meta.name +
                                   "' is not signed by this installation: " + by.problem);
    }
    records_.push_back(std::move(*record));
    return {};
  }
  if (kind == ReproducibilitySnapshotSpec::kKind) {
    return TakeEvidence(manifest, object, snapshots_);
  }
  if (kind == ModelDeploymentSpec::kKind) return TakeDeployment(manifest, object);
  if (kind == GovernancePolicySpec::kKind) {
    auto policy = Read<GovernancePolicySpec>(manifest, object);
    if (!policy) return tl::unexpected<Fault>(policy.error());
    policies_.made_by[(*policy)->meta.name] = options_.maker(object, (*policy)->spec_digest);
    policies_.policies.push_back(std::move(*policy));
    return {};
  }
  if (kind == UseCaseSpec::kKind) {
    auto use_case = Read<UseCaseSpec>(manifest, object);
    if (!use_case) return tl::unexpected<Fault>(use_case.error());
    use_cases_.push_back(std::move(*use_case));
    return {};
  }
  return FailIn(manifest, "kind", "'" + kind + "' is not a kind of " + std::string(kApiGroup));
}

std::shared_ptr<const UseCase> World::FindUseCase(const std::string& name_space,
                                                  const std::string& name) const {
  for (const auto& use_case : use_cases_) {
    if (use_case->meta.name_space == name_space && use_case->meta.name == name) return use_case;
  }
  return nullptr;
}

Facts World::FactsOf(const Deployment& deployment, Time now) const {
  const UseCaseRef& ref = deployment.object->spec.use_case;
  Facts facts;
  facts.now = now;
  facts.name_space = deployment.object->meta.name_space;
  facts.name = deployment.object->meta.name;
  facts.deployment = deployment.object;
  facts.governed_digest = deployment.governed_digest;
  facts.author = deployment.author;
  facts.use_case = FindUseCase(ref.name_space, ref.name);
  facts.sign_offs = Collect(ref, sign_offs_);
  facts.snapshots = Collect(ref, snapshots_);
  facts.bias_tests = Collect(ref, bias_tests_);
  facts.reports = Collect(ref, reports_);
  facts.waivers = Collect(ref, waivers_);
  std::vector<std::shared_ptr<const Incident>> incidents;
  for (const auto& incident : incidents_) {
    if (incident->meta.name_space == ref.name_space && incident->spec.use_case == ref.name) {
      incidents.push_back(incident);
    }
  }
  facts.incidents = std::move(incidents);
  const std::vector<std::string> models =
      records_.empty() ? std::vector<std::string>() : ModelsOf(facts, Dossier(facts));
  for (const auto& record : records_) {
    if (std::find(models.begin(), models.end(), record->spec.digest) != models.end()) {
      AddRecord(facts, record);
    }
  }
  if (RecordOf(facts, RecordDigestOf(ref.name_space, ref.name)) == nullptr) {
    std::vector<const ModelRecordSpec*> others;
    others.reserve(records_.size());
    for (const auto& record : records_) others.push_back(&record->spec);
    AddFirstOfUseCase(facts, others);
  }
  for (const auto& [home, sentence] : unreadable_) {
    if (home == ref.name_space || home.empty()) facts.unknown.push_back(sentence);
  }
  return facts;
}

void NameFile(Decision& decision, const World::Deployment& deployment) {
  if (!deployment.file) return;
  const ObjectMeta& meta = deployment.object->meta;
  NameFile(decision, meta.name_space, meta.name, *deployment.file);
}

}  // namespace countersign
