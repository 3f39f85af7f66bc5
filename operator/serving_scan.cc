#include "operator/serving_scan.h"

#include "audit/decision_record.h"
#include "base/digest.h"
#include "base/log.h"
#include "catalog/estate.h"
#include "governance/decision.h"
#include "governance/in_force.h"

namespace countersign {

ServingScan::ServingScan(const KubeClient& client, Clock& clock, const Catalog& catalog,
                         EventRecorder& events, ServingScanOptions options)
    : client_(client),
      clock_(clock),
      catalog_(catalog),
      events_(events),
      options_(std::move(options)) {}

ApiResult<std::vector<ScannedObject>> ServingScan::ReadAll(const std::stop_token& stop) const {
  Call call;
  call.stop = stop;
  RunningFacts facts;
  for (const auto& cached : catalog_.deployments().List()) AddModels(cached->object, facts);
  for (const Resource& resource : SelectorResources(options_.table)) {
    auto read = ReadObjects(client_, resource, {}, call, [&](const Json& object) {
      if (auto selection = PodSelectionOf(options_.table, object)) {
        facts.selections.push_back(std::move(*selection));
      }
    });
    if (!read) return tl::unexpected(read.error());
  }
  const UidOfDeployment uid_of = [this](const ObjectKey& key) {
    const auto deployment = catalog_.deployments().Get(key);
    return deployment == nullptr ? std::string() : deployment->object.meta.uid;
  };
  std::vector<ScannedObject> objects;
  for (const Resource& resource : EstateResources(options_.table)) {
    auto read = ReadObjects(client_, resource, {}, call, [&](const Json& object) {
      objects.push_back(ScannedOf(options_.table, facts, object, uid_of));
    });
    if (!read) return tl::unexpected(read.error());
  }
  return objects;
}

ReconcileResult ServingScan::Run(const std::stop_token& stop) {
  const auto objects = ReadAll(stop);
  if (!objects) return ReconcileResult::From(objects.error());
  const Time now = clock_.Now();
  const auto policies = catalog_.Policies();
  const PolicySet in_force = PoliciesInForce(*policies, now);
  const ScanSources sources{
      [&](const std::string& ns) { return GuardSettingOf(in_force, ns, options_.elsewhere); },
      [&](const ScannedObject& object, const std::vector<ServingOwner>& owners) {
        return CoversFor(catalog_, *policies, object.name_space, object.recognition, owners, now);
      },
      [&](const ScannedObject& object) {
        return WaiversFor(catalog_, in_force, object.name_space, object.recognition, now);
      }};
  Report(FindShadows(*objects, sources), in_force, now);
  return ReconcileResult::Wait(options_.interval);
}

void ServingScan::Report(const std::vector<ScanFinding>& findings, const PolicySet& in_force,
                         Time now) {
  std::map<GuardMode, std::size_t> counts;
  std::map<std::string, std::string> told;
  for (const ScanFinding& finding : findings) {
    const ScannedObject& object = *finding.object;
    ++counts[GuardSettingOf(in_force, object.name_space, options_.elsewhere).mode];
    Event event;
    event.type = EventType::kWarning;
    event.reason = finding.decision.reason;
    event.action = "ScanServing";
    event.note = OneLine(finding.decision.message, kMaxEventNote);
    event.regarding = {object.api_version, object.kind, object.name_space,
                       object.name,        object.uid,  {}};
    events_.Record(std::move(event));
    const auto before = told_.find(object.uid);
    if (before == told_.end() || before->second != finding.decision.message) {
      DecisionRecord record;
      record.time = now;
      record.id = NewUuid(now);
      record.source = "operator";
      record.operation = "Scan";
      record.kind = object.kind;
      record.name_space = object.name_space;
      record.name = object.name;
      record.object_uid = object.uid;
      record.message = finding.decision.message;
      record.reasons = {finding.decision.reason};
      WriteRecord(RecordLine(record));
    }
    told.emplace(object.uid, finding.decision.message);
  }
  if (told_.size() != told.size()) {
    Log(LogLevel::kInfo, "looked for shadow deployments", {{"found", told.size()}});
  }
  told_ = std::move(told);
  const std::lock_guard lock(mutex_);
  counts_ = std::move(counts);
}

std::map<GuardMode, std::size_t> ServingScan::Counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

}  // namespace countersign
