#include "operator/serving_scan.h"

#include "audit/decision_record.h"
#include "base/digest.h"
#include "base/log.h"
#include "catalog/guard_facts.h"
#include "governance/decision.h"
#include "governance/in_force.h"

namespace countersign {
namespace {

bool HasEnded(const Json& object) {
  const std::string phase = StringAt(object, "status/phase");
  return phase == "Succeeded" || phase == "Failed";
}

ScannedObject AsScanned(const Catalog& catalog, Workload workload) {
  ScannedObject object;
  object.operators_own = IsOperatorsOwn(catalog, workload);
  object.api_version = std::move(workload.api_version);
  object.kind = std::move(workload.kind);
  object.name_space = std::move(workload.key.ns);
  object.name = std::move(workload.key.name);
  object.uid = std::move(workload.uid);
  if (workload.owner) object.owner_uid = std::move(workload.owner->uid);
  object.recognition = std::move(workload.recognition);
  return object;
}

}  // namespace

ServingScan::ServingScan(const KubeClient& client, Clock& clock, const Catalog& catalog,
                         EventRecorder& events, ServingScanOptions options)
    : client_(client),
      clock_(clock),
      catalog_(catalog),
      events_(events),
      options_(std::move(options)) {}

ApiStatus ServingScan::ReadKind(const ServingProfile& profile, const std::stop_token& stop,
                                std::vector<ScannedObject>& objects) const {
  const Resource resource = ResourceOf(profile);
  std::string next;
  do {
    Call call;
    call.stop = stop;
    auto page = client_.ListOnePage(resource, {}, {}, next, call);
    if (!page) {
      // Its CRD is not installed.
      if (page.error().http_status == 404) return {};
      return tl::unexpected(page.error());
    }
    for (Json& item : page->items) {
      item["apiVersion"] = resource.ApiVersion();
      item["kind"] = resource.kind;
      if (!HasEnded(item)) {
        objects.push_back(AsScanned(catalog_, DecodeWorkload(options_.table, item)));
      }
      Discard(item);
    }
    next = std::move(page->next);
  } while (!next.empty());
  return {};
}

ApiResult<std::vector<ScannedObject>> ServingScan::ReadAll(const std::stop_token& stop) const {
  std::vector<ScannedObject> objects;
  for (const ServingProfile& profile : options_.table.profiles) {
    if (auto read = ReadKind(profile, stop, objects); !read) return tl::unexpected(read.error());
  }
  return objects;
}

ReconcileResult ServingScan::Run(const std::stop_token& stop) {
  const auto objects = ReadAll(stop);
  if (!objects) return ReconcileResult::From(objects.error());
  const Time now = clock_.Now();
  const auto policies = catalog_.Policies();
  const PolicySet in_force = PoliciesInForce(*policies, now);
  const auto findings = FindShadows(
      *objects, [&](const ScannedObject& object, const std::vector<ServingOwner>& owners) {
        GuardFacts facts;
        facts.kind = object.kind;
        facts.name_space = object.name_space;
        facts.name = object.name;
        facts.serving = object.recognition;
        // Whose it is, the API server's own objects say here, all of them.
        facts.by_trusted_controller = true;
        facts.owners = owners;
        facts.setting = GuardSettingOf(in_force, object.name_space, options_.elsewhere);
        facts.covers =
            CoversFor(catalog_, *policies, object.name_space, object.recognition, owners, now);
        facts.waivers = WaiversFor(catalog_, in_force, object.name_space, object.recognition, now);
        return JudgeServing(facts);
      });
  Report(findings, in_force, now);
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
