// What Catalog gathers from its caches: the facts about a deployment, the dossier of a use case,
// and what is seen of a model for its record.
#include "catalog/catalog.h"

#include <algorithm>
#include <set>

#include "catalog/index_keys.h"
#include "governance/records.h"

namespace countersign {
namespace {

// Whether the incident concerns a model by what it is used for.
bool ConcernsUse(const IncidentSpec& incident, const std::string& model_name) {
  if (incident.change_freeze) return true;
  if (!incident.quarantine) return false;
  return incident.quarantine->scope == QuarantineScope::kUseCase ||
         (incident.quarantine->scope == QuarantineScope::kModel &&
          incident.quarantine->model_name == model_name);
}

template <class Spec>
SharedList<Attested<Spec>> Collect(const Informer<Cached<Spec>>& informer, const std::string& key,
                                   const char* index = kByUseCase) {
  const auto found = informer.ByIndex(index, key);
  std::vector<Attested<Spec>> all;
  all.reserve(found.size());
  for (const auto& cached : found) {
    // Shares the cached object's ownership, points into it.
    std::shared_ptr<const Object<Spec>> object(cached, &cached->object);
    all.push_back({std::move(object), cached->by});
  }
  return all;
}

using Snapshots = Informer<Cached<ReproducibilitySnapshotSpec>>;

// A run that was repeated and ended in another model says something about the first.
void AddRepetitions(const Snapshots& informer, SharedList<AttestedSnapshot>& snapshots) {
  std::vector<AttestedSnapshot> more;
  for (const AttestedSnapshot& one : snapshots) {
    const Object<ReproducibilitySnapshotSpec>& original = *one.object;
    if (!original.spec.reproduction_of.empty()) continue;
    const std::string key = RefTo(original.meta.name_space, original.meta.name);
    for (AttestedSnapshot other : Collect(informer, key, kByRepeated)) {
      const ReproducibilitySnapshotSpec& spec = other.object->spec;
      if (spec.use_case == original.spec.use_case &&
          spec.model.digest != original.spec.model.digest) {
        more.push_back(std::move(other));
      }
    }
  }
  if (more.empty()) return;
  snapshots.Change([&](auto& all) { all.insert(all.end(), more.begin(), more.end()); });
}

}  // namespace

template <class Spec>
void Catalog::CollectUnreadable(const Informer<Cached<Spec>>& informer, Facts& facts) const {
  if (informer.UndecodableCount() == 0) return;
  const ObjectMeta& use_case = facts.use_case->meta;
  for (const auto& [key, error] : informer.Undecodable(use_case.name_space)) {
    if (!concerns_.MayConcern(Spec::kKind, key, use_case.name)) continue;
    facts.unknown.push_back(UnreadableObject(Spec::kKind, key.ToString(), error));
  }
}

std::shared_ptr<const Dossier> Catalog::DossierOf(const std::string& use_case) const {
  std::uint64_t before = 0;
  {
    const std::lock_guard lock(dossiers_mutex_);
    const auto kept = dossiers_.find(use_case);
    if (kept != dossiers_.end()) return kept->second;
    before = outdated_;
  }
  StoredEvidence evidence;
  evidence.sign_offs = Collect(sign_offs_, use_case);
  evidence.snapshots = Collect(snapshots_, use_case);
  evidence.bias_tests = Collect(bias_tests_, use_case);
  evidence.reports = Collect(reports_, use_case);
  evidence.waivers = Collect(waivers_, use_case);
  std::vector<std::shared_ptr<const Incident>> incidents;
  for (const auto& cached : incidents_.ByIndex(kByUseCase, use_case)) {
    incidents.emplace_back(cached, &cached->object);
  }
  evidence.incidents = std::move(incidents);
  auto dossier = std::make_shared<const Dossier>(std::move(evidence));
  // Deployers name use cases as they like: what there is nothing of must not take up room.
  static const StoredEvidence kNothing;
  if (dossier->IsOf(kNothing)) return dossier;
  const std::lock_guard lock(dossiers_mutex_);
  // What changed meanwhile may be missing from it.
  if (before == outdated_) dossiers_[use_case] = dossier;
  return dossier;
}

// A record that cannot be believed may hide what was deleted.
void Catalog::CollectRecords(Facts& facts) const {
  for (const std::string& digest : ModelsOf(facts, *facts.dossier)) {
    const ObjectKey key{{}, RecordName(digest)};
    const auto found = records_.Find(key);
    const std::string name = "ModelRecord '" + key.name + "'";
    if (found.found == Found::kAbsent) continue;
    if (found.found == Found::kUndecodable) {
      facts.unknown.push_back(UnreadableObject(ModelRecordSpec::kKind, key.name, *found.error));
    } else if (found.value->by.authenticity != Authenticity::kAttested ||
               found.value->object.spec.digest != digest) {
      facts.unknown.push_back(name +
                              " is not signed by this installation: " + found.value->by.problem);
    } else {
      AddRecord(facts, {found.value, &found.value->object});
    }
  }
  CollectRejections(facts);
}

void Catalog::CollectRejections(Facts& facts) const {
  if (facts.use_case == nullptr) return;
  const ObjectMeta& use_case = facts.use_case->meta;
  const std::string own = RecordName(RecordDigestOf(use_case.name_space, use_case.name));
  if (records_.Find({{}, own}).found != Found::kAbsent) return;
  const auto records = RecordsOfRejectionsIn({use_case.name_space, use_case.name});
  std::vector<const ModelRecordSpec*> others;
  for (const auto& other : records) {
    if (other->by.authenticity == Authenticity::kAttested) {
      others.push_back(&other->object.spec);
    } else {
      facts.unknown.push_back("ModelRecord '" + other->object.meta.name +
                              "' is not signed by this installation: " + other->by.problem);
    }
  }
  AddFirstOfUseCase(facts, others);
}

SeenOfModel Catalog::SeenOf(const std::string& model) const {
  SeenOfModel seen;
  seen.digest = model;
  seen.bias_tests = Collect(bias_tests_, model, kByModel);
  seen.snapshots = Collect(snapshots_, model, kByModel);
  AddRepetitions(snapshots_, seen.snapshots);
  seen.reports = Collect(reports_, model, kByModel);
  seen.sign_offs = Collect(sign_offs_, model, kByModel);
  std::set<ObjectKey> incidents;
  const auto add = [&](const std::shared_ptr<const Cached<IncidentSpec>>& one) {
    if (incidents.insert({one->object.meta.name_space, one->object.meta.name}).second) {
      seen.incidents.emplace_back(one, &one->object);
    }
  };
  for (const auto& one : incidents_.ByIndex(kByModel, model)) add(one);
  for (const auto& deployment : deployments_.ByIndex(kByModel, model)) {
    for (const auto& one : incidents_.ByIndex(kByUseCase, UseCaseOf(deployment->object))) {
      if (ConcernsUse(one->object.spec, deployment->object.spec.model.name)) add(one);
    }
  }
  return seen;
}

SeenOfModel Catalog::SeenOfUseCase(const ObjectKey& use_case) const {
  SeenOfModel seen;
  seen.digest = RecordDigestOf(use_case.ns, use_case.name);
  seen.use_case = use_case.ToString();
  seen.reports = Collect(reports_, seen.use_case, kAboutUseCase);
  seen.sign_offs = Collect(sign_offs_, seen.use_case, kRejections);
  return seen;
}

std::vector<std::shared_ptr<const Cached<ModelRecordSpec>>> Catalog::RecordsOfRejectionsIn(
    const ObjectKey& use_case) const {
  return records_.ByIndex(kRejections, use_case.ToString());
}

std::vector<std::string> Catalog::ModelsOfUseCase(const std::string& use_case) const {
  std::set<std::string> models;
  for (const auto& one : deployments_.ByIndex(kByUseCase, use_case)) {
    for (std::string& model : ModelsOf(one->object.spec)) models.insert(std::move(model));
  }
  return {models.begin(), models.end()};
}

SharedList<AttestedSignOff> Catalog::SignOffsOf(const UseCaseRef& use_case) const {
  return DossierOf(ObjectKey{use_case.name_space, use_case.name}.ToString())->evidence().sign_offs;
}

Facts Catalog::Gather(std::shared_ptr<const ModelDeployment> deployment,
                      std::string governed_digest, Provenance author, const std::string& name_space,
                      const std::string& name, Time now) const {
  Facts facts;
  facts.now = now;
  facts.name_space = name_space;
  facts.name = name;
  facts.governed_digest = std::move(governed_digest);
  facts.author = std::move(author);
  facts.unknown = Stale(clock_.Steady());
  const UseCaseRef& ref = deployment->spec.use_case;
  const ObjectKey home{ref.name_space, ref.name};
  const Lookup<UseCase> use_case = use_cases_.Find(home);
  facts.use_case = use_case.value;
  const std::string key = home.ToString();
  facts.dossier = DossierOf(key);
  static_cast<StoredEvidence&>(facts) = facts.dossier->evidence();
  if (const auto& error = use_case.error; error && concerns_.DeploysTo(home, name_space)) {
    facts.unknown.push_back(UnreadableObject(UseCaseSpec::kKind, key, *error));
  } else if (use_case.found == Found::kPresent &&
             std::find(use_case.value->spec.deploy_to.begin(), use_case.value->spec.deploy_to.end(),
                       name_space) != use_case.value->spec.deploy_to.end()) {
    CollectUnreadable(sign_offs_, facts);
    CollectUnreadable(snapshots_, facts);
    CollectUnreadable(bias_tests_, facts);
    CollectUnreadable(reports_, facts);
    CollectUnreadable(waivers_, facts);
    CollectUnreadable(incidents_, facts);
  }
  facts.deployment = std::move(deployment);
  CollectRecords(facts);
  return facts;
}

std::vector<std::shared_ptr<const Cached<EvidenceSpec>>> Catalog::ServingRecordsOf(
    const std::string& deployment) const {
  return reports_.ByIndex(kByDeployment, deployment);
}

std::optional<ObjectKey> Catalog::RecordedDeployment(const ObjectKey& report) const {
  const auto cached = reports_.Get(report);
  const std::string deployment = cached ? DeploymentOf(cached->object) : std::string();
  const auto slash = deployment.find('/');
  if (slash == std::string::npos) return std::nullopt;
  return ObjectKey{deployment.substr(0, slash), deployment.substr(slash + 1)};
}

std::vector<ObjectKey> Catalog::DeploymentsOf(const std::string& use_case) const {
  std::vector<ObjectKey> keys;
  for (const auto& cached : deployments_.ByIndex(kByUseCase, use_case)) {
    keys.push_back({cached->object.meta.name_space, cached->object.meta.name});
  }
  return keys;
}

}  // namespace countersign
