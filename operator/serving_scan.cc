#include "operator/serving_scan.h"

#include <algorithm>

#include "audit/decision_record.h"
#include "base/digest.h"
#include "base/log.h"
#include "catalog/estate.h"
#include "governance/decision.h"
#include "governance/exempt_namespace.h"
#include "governance/in_force.h"

namespace countersign {
namespace {

// What owns objects and was not found.
class OwnerChains {
 public:
  explicit OwnerChains(const std::vector<ScannedObject>& objects) {
    for (const ScannedObject& object : objects) by_uid_.emplace(object.uid, &object);
  }
  // Its kind, as the last that was found says; empty: all were found.
  [[nodiscard]] std::string MissingKind(const ScannedObject& object) const {
    constexpr int kMost = 8;  // owners that are looked at
    const ScannedObject* at = &object;
    for (int i = 0; i < kMost && !at->owner_uid.empty(); ++i) {
      const auto found = by_uid_.find(at->owner_uid);
      if (found == by_uid_.end()) return at->owner_kind;
      at = found->second;
    }
    return {};
  }

 private:
  std::map<std::string, const ScannedObject*> by_uid_;
};

}  // namespace

ServingScan::ServingScan(const KubeClient& client, Clock& clock, const Catalog& catalog,
                         EventRecorder& events, ServingScanOptions options)
    : client_(client),
      clock_(clock),
      catalog_(catalog),
      events_(events),
      options_(std::move(options)) {}

std::vector<ScannedObject> ServingScan::ReadAll(const std::stop_token& stop) {
  std::map<std::string, Unread> unread;
  const auto note = [&](const Resource& resource, const ApiError& error) {
    unread[resource.Name()] = {resource.kind, error.ToString(), error.http_status == 403};
  };
  Call call;
  call.stop = stop;
  RunningFacts facts;
  for (const auto& cached : catalog_.deployments().List()) AddModels(cached->object, facts);
  for (const ServingSelector& selector : options_.table.selectors) {
    auto read = ReadKind(client_, selector, {}, call, [&](const Json& object) {
      if (auto selection = PodSelectionOf(options_.table, object)) {
        facts.selections.push_back(std::move(*selection));
      }
    });
    // What can be read is looked at, whatever else cannot.
    if (!read) note(ResourceOf(selector), read.error());
  }
  const UidOfDeployment uid_of = [this](const ObjectKey& key) {
    const auto deployment = catalog_.deployments().Get(key);
    return deployment == nullptr ? std::string() : deployment->object.meta.uid;
  };
  std::vector<ScannedObject> objects;
  for (const ServingProfile& profile : options_.table.profiles) {
    auto read = ReadKind(client_, profile, {}, call, [&](const Json& object) {
      objects.push_back(ScannedOf(options_.table, facts, object, uid_of));
    });
    if (!read) note(ResourceOf(profile), read.error());
  }
  for (const auto& [resource, one] : unread) {
    const auto before = unread_.find(resource);
    if (stop.stop_requested() || (before != unread_.end() && before->second.why == one.why)) {
      continue;
    }
    Log(LogLevel::kWarning, "a kind could not be looked through for shadow deployments",
        {{"resource", resource}, {"error", one.why}});
  }
  unread_ = std::move(unread);
  SettleBatch(objects);
  return objects;
}

ReconcileResult ServingScan::Run(const std::stop_token& stop) {
  const auto objects = ReadAll(stop);
  if (stop.stop_requested()) return ReconcileResult::Done();
  const Time now = clock_.Now();
  const auto policies = catalog_.Policies();
  const PolicySet in_force = PoliciesInForce(*policies, now);
  InEmergency in_emergency;
  const ScanSources sources{
      [&](const std::string& ns) { return GuardSettingOf(in_force, ns, options_.elsewhere); },
      [&](const ScannedObject& object, const std::vector<ServingOwner>& owners) {
        return CoversFor(catalog_, nullptr, *policies, object.name_space, object.recognition,
                         owners, object.made_from, now);
      },
      [&](const ScannedObject& object) {
        return WaiversFor(catalog_, in_force, object.name_space, object.recognition, now);
      },
      // That there is a waiver is not that it serves by it: it may be approved by now.
      [&](const ScannedObject& object, const GuardDecision& decision) {
        if (decision.reason == "EmergencyWaived") in_emergency.emplace(&object, decision.message);
      }};
  auto findings = FindShadows(objects, sources);
  // An owner of a kind that could not be read may govern it.
  std::set<std::string> unsure;
  const OwnerChains chains(objects);
  std::erase_if(findings, [&](const ScanFinding& one) {
    if (!IsUnread(chains.MissingKind(*one.object))) return false;
    unsure.insert(one.object->uid);
    return true;
  });
  Report(findings, unsure, in_force, now);
  TellOfEmergencies(in_emergency);
  LookAtOwnNamespace(objects, in_force);
  return ReconcileResult::Wait(ReadAllThatItMay() ? options_.interval
                                                  : std::min(kScanRetry, options_.interval));
}

bool ServingScan::ReadAllThatItMay() const {
  return std::all_of(unread_.begin(), unread_.end(),
                     [](const auto& one) { return one.second.lasts; });
}

bool ServingScan::IsUnread(const std::string& kind) const {
  return std::any_of(unread_.begin(), unread_.end(),
                     [&](const auto& one) { return one.second.kind == kind; });
}

void ServingScan::Report(const std::vector<ScanFinding>& findings,
                         const std::set<std::string>& unsure, const PolicySet& in_force, Time now) {
  std::map<std::string, Told> told;
  for (const ScanFinding& finding : findings) {
    const ScannedObject& object = *finding.object;
    Event event;
    event.type = EventType::kWarning;
    event.reason = finding.decision.reason;
    event.action = "ScanServing";
    event.note = OneLine(finding.decision.message, kMaxEventNote);
    event.regarding = {object.api_version, object.kind, object.name_space,
                       object.name,        object.uid,  {}};
    events_.Record(std::move(event));
    const auto before = told_.find(object.uid);
    if (before == told_.end() || before->second.message != finding.decision.message) {
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
    told[object.uid] = {finding.decision.message, object.kind,
                        GuardSettingOf(in_force, object.name_space, options_.elsewhere).mode};
  }
  // What could not be looked at is not gone.
  for (const auto& [uid, one] : told_) {
    if (unsure.contains(uid) || IsUnread(one.kind)) told.emplace(uid, one);
  }
  std::map<GuardMode, std::size_t> counts;
  for (const auto& [uid, one] : told) ++counts[one.mode];
  if (told_.size() != told.size()) {
    Log(LogLevel::kInfo, "looked for shadow deployments", {{"found", told.size()}});
  }
  told_ = std::move(told);
  const std::lock_guard lock(mutex_);
  counts_ = std::move(counts);
  unread_kinds_ = unread_.size();
}

void ServingScan::TellOfEmergencies(const InEmergency& all) {
  std::set<std::string> told;
  for (const auto& [object, text] : all) told.insert(object->uid);
  std::size_t count = 0;
  for (const auto& [object, text] : all) {
    if (told.contains(object->owner_uid)) continue;
    ++count;
    Event event;
    event.type = EventType::kWarning;
    event.reason = "EmergencyOpen";
    event.action = "ScanServing";
    event.note = OneLine(text, kMaxEventNote);
    event.regarding = {object->api_version, object->kind, object->name_space,
                       object->name,        object->uid,  {}};
    events_.Record(std::move(event));
  }
  const std::lock_guard lock(mutex_);
  emergencies_ = count;
}

std::size_t ServingScan::Emergencies() const {
  const std::lock_guard lock(mutex_);
  return emergencies_;
}

void ServingScan::LookAtOwnNamespace(const std::vector<ScannedObject>& objects,
                                     const PolicySet& in_force) {
  const std::string& own = options_.own_namespace;
  if (own.empty()) return;
  ExemptCounts counts;
  std::string said;
  for (const auto& policy : in_force.policies) {
    const std::string text = ExemptionText(policy->spec, own);
    if (text.empty()) continue;
    ++counts.environments;
    said += (said.empty() ? "" : "; ") + ("GovernancePolicy '" + policy->meta.name + "': ") + text;
  }
  std::string example;  // what belongs to nothing is what people know by name
  for (const ScannedObject& object : objects) {
    if (object.name_space != own || !object.recognition.serves) continue;
    ++counts.objects;
    if (example.empty() || object.owner_uid.empty()) {
      example = object.kind + " '" + object.name + "'";
    }
  }
  if (counts.objects > 0) {
    said += (said.empty() ? "" : "; ") + ExemptServingText(counts.objects, example, own);
  }
  // Of a kind that cannot be read just now nobody can say that it is gone.
  if (said.empty() && !ReadAllThatItMay()) return;
  if (!said.empty()) {
    Event event;
    event.type = EventType::kWarning;
    event.reason = "NamespaceExempt";
    event.action = "CheckAdmission";
    event.note = OneLine(said, kMaxEventNote);
    event.regarding = {"v1", "Namespace", "", own, "", {}};
    events_.Record(std::move(event));
  }
  if (said != exempt_told_) {
    Log(said.empty() ? LogLevel::kInfo : LogLevel::kWarning,
        said.empty() ? "nothing that is governed is in the exempt namespace any more"
                     : "something that is governed is in the exempt namespace",
        {{"namespace", own}, {"message", said}});
    exempt_told_ = said;
  }
  const std::lock_guard lock(mutex_);
  exempt_ = counts;
}

ExemptCounts ServingScan::Exempt() const {
  const std::lock_guard lock(mutex_);
  return exempt_;
}

std::map<GuardMode, std::size_t> ServingScan::Counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

std::size_t ServingScan::UnreadKinds() const {
  const std::lock_guard lock(mutex_);
  return unread_kinds_;
}

}  // namespace countersign
