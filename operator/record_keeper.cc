#include "operator/record_keeper.h"

#include <algorithm>

#include "governance/records.h"
#include "governance/types/signature.h"
#include "operator/names.h"

namespace countersign {
namespace {

Call Until(const std::stop_token& stop) {
  Call call;
  call.stop = stop;
  return call;
}

const Resource& ResourceOf(const std::string& kind) {
  if (kind == BiasTestSpec::kKind) return kBiasTests;
  if (kind == ReproducibilitySnapshotSpec::kKind) return kReproducibilitySnapshots;
  if (kind == SignOffSpec::kKind) return kSignOffs;
  return kind == IncidentSpec::kKind ? kIncidents : kEvidence;
}

ApiError Unusable(const std::string& name, const std::string& why) {
  return ApiError(Fail(Code::kPermissionDenied,
                       "ModelRecord '" + name + "' cannot be continued: " + why +
                           "; an administrator finds out who wrote it, and restores or deletes it")
                      .value());
}

ApiError NotSigned(const std::string& name, const Provenance& by) {
  return Unusable(name, "it is not signed by this installation" +
                            (by.problem.empty() ? std::string() : ", " + by.problem));
}

}  // namespace

ApiResult<std::vector<RecordedObject>> RecordKeeper::Gone(const std::vector<RecordedObject>& missed,
                                                          const std::stop_token& stop) const {
  std::vector<RecordedObject> gone;
  for (const RecordedObject& one : missed) {
    const auto found = client_.Get(ResourceOf(one.kind), {one.name_space, one.name}, Until(stop));
    if (!found && found.error().code != Code::kNotFound) return tl::unexpected(found.error());
    const Json* spec = found ? Find(*found, "spec") : nullptr;
    if (spec == nullptr || RecordDigest(*spec).value_or(std::string()) != one.digest) {
      gone.push_back(one);
    }
  }
  return gone;
}

RecordSubject SubjectOfModel(const std::string& digest) { return {{}, digest}; }

ApiStatus RecordKeeper::Keep(const RecordSubject& asked, const std::stop_token& stop) {
  const std::lock_guard writing(writing_);
  const std::string model = asked.ns.empty() ? asked.name : RecordDigestOf(asked.ns, asked.name);
  const std::string name = RecordName(model);
  const auto found = catalog_.records().Find({{}, name});
  if (found.found == Found::kUndecodable) {
    return tl::unexpected(
        Unusable(name, found.error ? found.error->ToString() : "it cannot be read"));
  }
  const auto& cached = found.value;
  if (cached != nullptr && cached->by.authenticity != Authenticity::kAttested) {
    return tl::unexpected(NotSigned(name, cached->by));
  }
  ModelRecordSpec before = cached == nullptr ? ModelRecordSpec{} : cached->object.spec;
  if (cached == nullptr && !asked.ns.empty()) {
    const auto records = catalog_.RecordsOfRejectionsIn(asked);
    std::vector<const ModelRecordSpec*> others;
    for (const auto& other : records) {
      // A record that began without what stands there would never have it.
      if (other->by.authenticity != Authenticity::kAttested) {
        return tl::unexpected(NotSigned(other->object.meta.name, other->by));
      }
      others.push_back(&other->object.spec);
    }
    before = FirstOfUseCase(asked.ns, asked.name, others);
  }
  // Whoever hears of a change of a use case's record knows its digest alone.
  const RecordSubject subject = before.use_case.empty() ? asked : ParseRef(before.use_case);
  const SeenOfModel seen =
      subject.ns.empty() ? catalog_.SeenOf(model) : catalog_.SeenOfUseCase(subject);
  const auto gone = Gone(MissedBy(before, seen), stop);
  if (!gone) return tl::unexpected(gone.error());
  const Time now = clock_.Now();
  ModelRecordSpec next = NextRecord(before, seen, *gone, VerdictsOn(subject), now);
  NoteWhereItServes(next, now);
  if (cached == nullptr && next.results.empty() && next.decisions.empty() &&
      next.incidents.empty() && next.serving.empty()) {
    return {};
  }
  // Under the key in use, so that the one before can be retired.
  if (cached != nullptr && EncodeSpec(next) == EncodeSpec(before) &&
      IsStampBy(key_.Public(), cached->object.meta.stamp)) {
    return {};
  }
  return Write(next, cached == nullptr ? nullptr : &cached->object, stop);
}

ApiStatus RecordKeeper::Write(const ModelRecordSpec& next, const Object<ModelRecordSpec>* before,
                              const std::stop_token& stop) {
  Json object = RecordObject(next);
  const std::string user(kOperatorName);
  auto stamp = MakeStamp(key_, catalog_.authority().installation, object, user, {}, clock_.Now());
  if (!stamp) return tl::unexpected(ApiError(stamp.error()));
  object["metadata"]["annotations"] = {{std::string(kStampAnnotation), *stamp}};
  if (before != nullptr) {
    object["metadata"]["uid"] = before->meta.uid;
    object["metadata"]["resourceVersion"] = before->meta.resource_version;
  }
  auto written = before == nullptr ? client_.Create(kModelRecords, object, {}, Until(stop))
                                   : client_.Update(kModelRecords, object, {}, Until(stop));
  if (!written) return tl::unexpected(written.error());
  // Read back at once: the next round must start from it.
  catalog_.Upsert(kModelRecords, std::move(*written));
  return {};
}

// Of deployments that were not looked at yet since the start nothing is known, unless they are
// gone.
void RecordKeeper::NoteWhereItServes(ModelRecordSpec& record, Time now) const {
  const std::lock_guard lock(mutex_);
  std::set<std::string> deployments;
  for (const RecordedServing& one : record.serving) {
    if (!one.until) deployments.insert(one.deployment);
  }
  if (const auto found = here_.find(record.digest); found != here_.end()) {
    deployments.insert(found->second.begin(), found->second.end());
  }
  for (const std::string& deployment : deployments) {
    const auto place = places_.find(deployment);
    RecordedServing serving;
    bool serves = false;
    if (place != places_.end()) {
      serves = place->second.serving.has_value() && place->second.model == record.digest;
      serving = place->second.serving.value_or(RecordedServing{});
    } else {
      const auto slash = deployment.find('/');
      const ObjectKey key{deployment.substr(0, slash), deployment.substr(slash + 1)};
      if (catalog_.deployments().Find(key).found != Found::kAbsent) continue;
    }
    serving.deployment = deployment;
    NoteServing(record, serving, serves, std::chrono::floor<Seconds>(now));
  }
}

Verdicts RecordKeeper::VerdictsOn(const RecordSubject& subject) const {
  const std::lock_guard lock(mutex_);
  Verdicts all;
  const auto known = verdicts_.find(subject);
  if (known == verdicts_.end()) return all;
  for (const auto& [deployment, verdicts] : known->second) Merge(verdicts, all);
  return all;
}

void RecordKeeper::Judged(const std::vector<RecordSubject>& subjects, const ObjectKey& deployment,
                          const Decision& decision) {
  Verdicts now;
  NoteVerdicts(decision, now);
  std::vector<RecordSubject> changed;
  {
    const std::lock_guard lock(mutex_);
    for (auto& [subject, by_deployment] : verdicts_) {
      const bool still = std::find(subjects.begin(), subjects.end(), subject) != subjects.end();
      if (!still && by_deployment.erase(deployment) > 0) changed.push_back(subject);
    }
    for (const RecordSubject& subject : subjects) {
      Verdicts& known = verdicts_[subject][deployment];
      if (known == now) continue;
      known = now;
      changed.push_back(subject);
    }
    std::erase_if(verdicts_, [](const auto& one) { return one.second.empty(); });
  }
  for (const RecordSubject& subject : changed) look_(subject);
}

void RecordKeeper::Forget(const ObjectKey& deployment) {
  Serves(deployment, {}, std::nullopt);
  std::vector<RecordSubject> subjects;
  {
    const std::lock_guard lock(mutex_);
    for (auto& [subject, verdicts] : verdicts_) {
      if (verdicts.erase(deployment) > 0) subjects.push_back(subject);
    }
    std::erase_if(verdicts_, [](const auto& one) { return one.second.empty(); });
    places_.erase(deployment.ToString());
  }
  for (const RecordSubject& subject : subjects) look_(subject);
}

void RecordKeeper::Serves(const ObjectKey& deployment, const std::string& model,
                          std::optional<RecordedServing> serving) {
  std::string before;
  {
    const std::lock_guard lock(mutex_);
    Place& place = places_[deployment.ToString()];
    const bool same = place.model == model && place.serving.has_value() == serving.has_value() &&
                      (!serving || (serving->version == place.serving->version &&
                                    serving->author == place.serving->author &&
                                    serving->environment == place.serving->environment));
    if (same) return;
    before = std::exchange(place.model, model);
    place.serving = std::move(serving);
    if (const auto old = here_.find(before); old != here_.end()) {
      old->second.erase(deployment.ToString());
      if (old->second.empty()) here_.erase(old);
    }
    if (!model.empty()) here_[model].insert(deployment.ToString());
  }
  if (!before.empty() && before != model) look_(SubjectOfModel(before));
  if (!model.empty()) look_(SubjectOfModel(model));
}

}  // namespace countersign
