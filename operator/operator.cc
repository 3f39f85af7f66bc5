#include "operator/operator.h"

#include <functional>
#include <map>
#include <set>

#include "audit/decision_record.h"
#include "base/digest.h"
#include "base/log.h"
#include "operator/checks.h"
#include "operator/names.h"

namespace countersign {
namespace {

// What cannot be written now is tried again within a minute: people wait for it.
WorkQueueOptions QueueOptions() {
  WorkQueueOptions options;
  options.max_delay = std::chrono::minutes(1);
  return options;
}

InformerOptions Watching(const Resource& resource, const std::string& label_selector = {}) {
  InformerOptions options;
  options.scope.resource = resource;
  options.scope.label_selector = label_selector;
  options.on_error = [name = resource.Name()](const ApiError& error) {
    Log(LogLevel::kWarning, "watch failed, will try again",
        {{"resource", name}, {"error", error.message}});
  };
  return options;
}

// Both, so that a child whose owner was taken off is still noticed.
void EnqueueOwner(WorkQueue& queue, const ObjectChange<ChildState>& change) {
  for (const auto& state : {change.before, change.after}) {
    if (state == nullptr) continue;
    if (state->owner_kind == kModelDeployments.kind) {
      queue.Add({state->key.ns, state->owner_name});
    } else if (state->labelled) {
      queue.Add(state->key);
    }
  }
}

}  // namespace

Operator::Kind::Kind(Operator& parts, std::string label, const Resource& resource,
                     const Check& check, const StatusReconciler::Tell& tell)
    : Kind(parts, std::move(label), resource, check, tell, {}) {}

Operator::Kind::Kind(Operator& parts, std::string label, const Resource& resource,
                     const Check& check, const ReceiptWriter& receipts)
    : Kind(parts, std::move(label), resource, check, {},
           [&receipts, resource](const ObjectKey& key, const StatusState& state,
                                 const std::stop_token& stop) {
             if (state.received_by == receipts.fingerprint()) return ApiStatus();
             return receipts.Write(resource, key, state.uid, stop);
           }) {}

Operator::Kind::Kind(Operator& parts, std::string label, const Resource& resource,
                     const Check& check, const StatusReconciler::Tell& tell,
                     const StatusReconciler::Receive& receive)
    : name(std::move(label)),
      queue(parts.clock_, QueueOptions()),
      statuses(parts.client_, parts.clock_, Watching(resource),
               [](Json&& json) { return DecodeStatusState(json); }),
      reconciler(parts.client_, parts.clock_, resource, statuses, check, tell, receive),
      controller(
          name, queue, parts.clock_,
          [this](const ObjectKey& key, std::stop_token stop) {
            return reconciler.Reconcile(key, std::move(stop));
          },
          [this, &parts](const ReconcileResult& result, std::chrono::nanoseconds took) {
            parts.metrics_.Reconciled(name, result, took);
          }) {
  statuses.OnChange([this](const ObjectChange<StatusState>& change) { queue.Add(change.key); });
}

Operator::Operator(const KubeClient& client, Clock& clock, OperatorOptions options)
    : client_(client),
      clock_(clock),
      options_(std::move(options)),
      queue_(clock, QueueOptions()),
      events_(client, clock, std::string(kReportingController), options_.identity),
      metrics_(options_.version,
               {[this] { return queue_.Stats(); }, [this] { return leading_.load(); },
                [this] {
                  auto all = memory_.Summarise(clock_.Now(), kExpiringSoon, kWaiverEndsSoon);
                  all.emergencies_open += static_cast<int>(scan_.Emergencies());
                  return all;
                },
                [this] { return events_.dropped(); }, [this] { return AdmissionDifferences(); },
                [this] { return CacheAges(); }, [this] { return HasSynced(); },
                [this] { return scan_.Counts(); }, [this] { return scan_.UnreadKinds(); },
                [this] { return scan_.Exempt(); }, [this] { return BusySeconds(); }}),
      catalog_(client, clock, {options_.installation, options_.trusted}),
      statuses_(client, clock, Watching(kModelDeployments),
                [](Json&& json) { return DecodeStatusState(json); }),
      revisions_(client, clock, Watching(kControllerRevisions, OursSelector()),
                 [installation = options_.installation,
                  open = OpenWith(options_.trusted)](Json&& json) -> Result<StoredRevision> {
                   return DecodeRevisionObject(json, installation, open);
                 }),
      workloads_(client, clock, Watching(kDeployments, OursSelector()),
                 [](Json&& json) -> Result<ChildState> { return DecodeChild(json); }),
      services_(client, clock, Watching(kServices, OursSelector()),
                [](Json&& json) -> Result<ChildState> { return DecodeChild(json); }),
      budgets_(client, clock, Watching(kPodDisruptionBudgets, OursSelector()),
               [](Json&& json) -> Result<ChildState> { return DecodeChild(json); }),
      configs_(client, clock, Watching(kConfigMaps),
               [](Json&& json) { return DecodeConfigState(json); }),
      workload_writer_(client, kDeployments, workloads_),
      service_writer_(client, kServices, services_),
      budget_writer_(client, kPodDisruptionBudgets, budgets_),
      recorder_(client, clock, catalog_),
      record_queue_(clock, QueueOptions()),
      keeper_(client, clock, catalog_, options_.key,
              [this](const RecordSubject& subject) { record_queue_.Add(subject); }),
      receipts_(client, clock, {options_.installation, options_.trusted}, options_.key),
      reconciler_(
          {client, clock, catalog_, statuses_, revisions_, workloads_, configs_, workload_writer_,
           service_writer_, budget_writer_, recorder_, keeper_, events_, memory_,
           options_.installation, SignWith(options_.key),
           [installation = options_.installation, open = OpenWith(options_.trusted)](
               const Json& object) { return DecodeRevisionObject(object, installation, open); },
           [this](const DecisionNews& news) { Record(news); }}),
      controller_(
          "modeldeployment", queue_, clock,
          [this](const ObjectKey& key, std::stop_token stop) {
            return reconciler_.Reconcile(key, std::move(stop));
          },
          [this](const ReconcileResult& result, std::chrono::nanoseconds took) {
            metrics_.Reconciled("modeldeployment", result, took);
          }),
      scan_queue_(clock, QueueOptions()),
      scan_(client, clock, catalog_, events_, options_.scan),
      scan_controller_(
          "serving-scan", scan_queue_, clock,
          [this](const ObjectKey&, const std::stop_token& stop) { return scan_.Run(stop); },
          [this](const ReconcileResult& result, std::chrono::nanoseconds took) {
            metrics_.Reconciled("serving-scan", result, took);
          }),
      policies_(
          *this, "governancepolicy", kGovernancePolicies,
          CheckPolicy(
              catalog_, clock, [this] { return GapInAdmission(); }, options_.scan.own_namespace),
          [this](const InForceNews& news) { TellOfPolicy(news); }),
      use_cases_(*this, "usecase", kUseCases, CheckUseCase(catalog_)),
      sign_offs_(*this, "signoff", kSignOffs, CheckSignOff(catalog_), receipts_),
      snapshots_(*this, "reproducibilitysnapshot", kReproducibilitySnapshots,
                 CheckSnapshot(catalog_), receipts_),
      bias_tests_(*this, "biastest", kBiasTests, CheckBiasTest(catalog_), receipts_),
      reports_(*this, "evidence", kEvidence, CheckReport(catalog_), receipts_),
      waivers_(*this, "waiver", kWaivers, CheckWaiver(catalog_), receipts_),
      incidents_(*this, "incident", kIncidents, CheckIncident(catalog_)),
      records_(*this, "modelrecord", kModelRecords, CheckRecord(catalog_)),
      record_controller_(
          "recording", record_queue_, clock,
          [this](const ObjectKey& key, const std::stop_token& stop) {
            const auto kept = keeper_.Keep(key, stop);
            return kept ? ReconcileResult::Done() : ReconcileResult::From(kept.error());
          },
          [this](const ReconcileResult& result, std::chrono::nanoseconds took) {
            metrics_.Reconciled("recording", result, took);
          }),
      webhooks_(!options_.webhooks.Asked()
                    ? nullptr
                    : std::make_unique<WebhookConfigurations>(
                          client, clock, events_, options_.webhooks,
                          [this](const ReconcileResult& result, std::chrono::nanoseconds took) {
                            metrics_.Reconciled("webhookconfiguration", result, took);
                          },
                          [this] { JudgePoliciesAnew(); })),
      admission_(!options_.webhooks.installed
                     ? nullptr
                     : std::make_unique<AdmissionPolicies>(
                           client, clock, events_, *options_.webhooks.installed,
                           [this](const ReconcileResult& result, std::chrono::nanoseconds took) {
                             metrics_.Reconciled("admissionpolicy", result, took);
                           },
                           [this] { JudgePoliciesAnew(); })),
      caches_(Caches()) {
  Connect();
}

Operator::~Operator() {
  StopControllers();
  // No handler may run while the members that it uses go.
  catalog_.Stop();
  for (InformerBase* cache : caches_) {
    cache->Stop();
  }
}

void Operator::Connect() {
  revisions_.AddIndex(kRevisionsByOwner, [](const StoredRevision& stored) {
    return std::vector<std::string>{stored.owner_uid};
  });
  catalog_.OnChange([this](const CatalogChange& change) { OnCatalogChange(change); });
  statuses_.OnChange([this](const ObjectChange<StatusState>& change) { queue_.Add(change.key); });
  revisions_.OnChange([this](const ObjectChange<StoredRevision>& change) {
    for (const auto& stored : {change.before, change.after}) {
      if (stored != nullptr && !stored->owner_name.empty()) {
        queue_.Add({stored->key.ns, stored->owner_name});
      }
    }
  });
  for (Informer<ChildState>* children : {&workloads_, &services_, &budgets_}) {
    children->OnChange(
        [this](const ObjectChange<ChildState>& change) { EnqueueOwner(queue_, change); });
  }
  configs_.OnChange(
      [this](const ObjectChange<ConfigState>& change) { EnqueueNamespace(change.key.ns); });
}

void Operator::OnCatalogChange(const CatalogChange& change) {
  for (const std::string& model : change.models) record_queue_.Add({{}, model});
  if (change.kind == kModelRecords.kind) {
    records_.queue.Add(change.key);
    // What its models' records have of a use case, its own must have, also when that was deleted.
    if (!change.use_case.empty()) record_queue_.Add(ParseRef(change.use_case));
  }
  if (change.kind == kModelDeployments.kind) return queue_.Add(change.key);
  if (change.kind == kGovernancePolicies.kind) {
    policies_.queue.Add(change.key);
    EnqueuePolicies();
    return EnqueueAll();
  }
  if (change.kind == kSignOffs.kind) sign_offs_.queue.Add(change.key);
  if (change.kind == kReproducibilitySnapshots.kind) snapshots_.queue.Add(change.key);
  if (change.kind == kBiasTests.kind) bias_tests_.queue.Add(change.key);
  if (change.kind == kEvidence.kind) {
    reports_.queue.Add(change.key);
    if (change.models.empty() && !change.use_case.empty()) {
      record_queue_.Add(ParseRef(change.use_case));
    }
    // Perhaps it went while nobody looked, and its run has to be ended.
    if (auto recorded = catalog_.RecordedDeployment(change.key)) queue_.Add(*recorded);
  }
  if (change.kind == kWaivers.kind) waivers_.queue.Add(change.key);
  if (change.kind == kIncidents.kind) incidents_.queue.Add(change.key);
  // What is rejected in the use case, too, and not of one of its models.
  if (change.kind == kSignOffs.kind && change.models.empty() && !change.use_case.empty()) {
    record_queue_.Add(ParseRef(change.use_case));
  }
  if (change.kind == kIncidents.kind) {
    for (std::string& model : catalog_.ModelsOfUseCase(change.use_case)) {
      record_queue_.Add({{}, std::move(model)});
    }
  }
  if (change.use_case.empty()) {
    // It may be on a policy and put that in force.
    if (change.kind == kSignOffs.kind) EnqueuePolicies();
    return EnqueueAll();
  }
  // Sign-offs on its answers classify a use case.
  use_cases_.queue.Add(ParseRef(change.use_case));
  for (const ObjectKey& key : catalog_.DeploymentsOf(change.use_case)) queue_.Add(key);
  for (const ObjectKey& key : memory_.ServingFor(change.use_case)) queue_.Add(key);
}

// What puts one version in force ends another, and classifies use cases otherwise.
void Operator::JudgePoliciesAnew() {
  for (const auto& cached : catalog_.policies().List()) {
    policies_.queue.Add({{}, cached->object.meta.name});
  }
}

void Operator::EnqueuePolicies() {
  JudgePoliciesAnew();
  for (const auto& use_case : catalog_.use_cases().List()) {
    use_cases_.queue.Add({use_case->meta.name_space, use_case->meta.name});
  }
  // Printed names and keys are the policies' to say.
  for (const auto& sign_off : catalog_.sign_offs().List()) {
    sign_offs_.queue.Add({sign_off->object.meta.name_space, sign_off->object.meta.name});
  }
}

void Operator::EnqueueAll() {
  for (const auto& cached : catalog_.deployments().List()) {
    queue_.Add({cached->object.meta.name_space, cached->object.meta.name});
  }
  // What is asked for cannot be read; what serves is still judged.
  for (const auto& [key, error] : catalog_.deployments().Undecodable()) queue_.Add(key);
}

void Operator::EnqueueNamespace(const std::string& ns) {
  for (const auto& cached : catalog_.deployments().List(ns)) {
    queue_.Add({cached->object.meta.name_space, cached->object.meta.name});
  }
}

std::vector<InformerBase*> Operator::Caches() {
  std::vector<InformerBase*> caches = {&statuses_,
                                       &revisions_,
                                       &workloads_,
                                       &services_,
                                       &budgets_,
                                       &configs_,
                                       &policies_.statuses,
                                       &use_cases_.statuses,
                                       &sign_offs_.statuses,
                                       &snapshots_.statuses,
                                       &bias_tests_.statuses,
                                       &reports_.statuses,
                                       &waivers_.statuses,
                                       &incidents_.statuses,
                                       &records_.statuses};
  if (webhooks_ != nullptr) {
    for (InformerBase* cache : webhooks_->Caches()) caches.push_back(cache);
  }
  if (admission_ != nullptr) {
    for (InformerBase* cache : admission_->Caches()) caches.push_back(cache);
  }
  return caches;
}

std::vector<CacheAge> Operator::CacheAges() const {
  // Several hold objects of one kind: the most silent of them counts.
  std::map<std::string, SteadyTime, std::less<>> heard;
  const auto add = [&](std::string_view kind, const std::optional<SteadyTime>& last) {
    if (!last) return;
    const auto [place, first] = heard.emplace(kind, *last);
    if (!first) place->second = std::min(place->second, *last);
  };
  for (const CacheStatus& cache : catalog_.Caches()) add(cache.kind, cache.last_heard);
  for (const InformerBase* cache : caches_) add(cache->Kind(), cache->LastHeard());
  std::vector<CacheAge> ages;
  ages.reserve(heard.size());
  const SteadyTime now = clock_.Steady();
  for (const auto& [kind, last] : heard) ages.push_back({kind, now - last});
  return ages;
}

void Operator::StartCaches() {
  catalog_.Start();
  for (InformerBase* cache : caches_) cache->Start();
}

bool Operator::HasSynced() const {
  for (InformerBase* cache : caches_) {
    if (!cache->HasSynced()) return false;
  }
  return catalog_.HasSynced();
}

bool Operator::WaitForSync(const std::stop_token& stop) const {
  if (!catalog_.WaitForSync(stop, SteadyTime::max())) return false;
  for (InformerBase* cache : caches_) {
    if (!cache->WaitForSync(stop, SteadyTime::max())) return false;
  }
  return true;
}

void Operator::StartControllers() {
  controller_.Start(options_.workers);
  scan_controller_.Start(1);
  scan_queue_.Add({});
  for (Kind* kind : {&policies_, &use_cases_, &sign_offs_, &snapshots_, &bias_tests_, &reports_,
                     &waivers_, &incidents_, &records_}) {
    kind->controller.Start(1);
  }
  record_controller_.Start(1);
  if (webhooks_ != nullptr) webhooks_->Start();
  if (admission_ != nullptr) admission_->Start();
}

void Operator::StopControllers() {
  controller_.Stop();
  scan_controller_.Stop();
  for (Kind* kind : {&policies_, &use_cases_, &sign_offs_, &snapshots_, &bias_tests_, &reports_,
                     &waivers_, &incidents_, &records_}) {
    kind->controller.Stop();
  }
  record_controller_.Stop();
  if (webhooks_ != nullptr) webhooks_->Stop();
  if (admission_ != nullptr) admission_->Stop();
}

std::vector<const Controller*> Operator::Controllers() const {
  std::vector<const Controller*> all = {&controller_, &scan_controller_, &record_controller_};
  for (const Kind* kind : {&policies_, &use_cases_, &sign_offs_, &snapshots_, &bias_tests_,
                           &reports_, &waivers_, &incidents_, &records_}) {
    all.push_back(&kind->controller);
  }
  if (webhooks_ != nullptr) all.push_back(&webhooks_->Worker());
  if (admission_ != nullptr) all.push_back(&admission_->Worker());
  return all;
}

std::map<std::string, double> Operator::BusySeconds() const {
  std::map<std::string, double> busy;
  const SteadyTime now = clock_.Steady();
  for (const Controller* one : Controllers()) {
    const SteadyTime since = one->BusySince();
    busy[one->Name()] = since < now ? std::chrono::duration<double>(now - since).count() : 0;
  }
  return busy;
}

std::optional<std::string> Operator::Stalled(SteadyTime now) const {
  for (const Controller* one : Controllers()) {
    const SteadyTime since = one->BusySince();
    if (since <= now - (one == &scan_controller_ ? kMaxScan : kMaxReconcile)) {
      return "a worker of controller '" + one->Name() + "' has been at one object for " +
             std::to_string(std::chrono::duration_cast<std::chrono::minutes>(now - since).count()) +
             " minutes";
    }
  }
  return std::nullopt;
}

std::vector<Weakness> Operator::Weaknesses() const {
  if (webhooks_ == nullptr || admission_ == nullptr) return {};
  std::vector<Weakness> all = webhooks_->Weaknesses();
  std::vector<Weakness> policies = admission_->Weaknesses();
  if (all.empty() || policies.empty()) return {};
  std::move(policies.begin(), policies.end(), std::back_inserter(all));
  return all;
}

std::optional<std::string> Operator::GapInAdmission() const {
  const std::vector<Weakness> all = Weaknesses();
  if (all.empty()) return std::nullopt;
  std::string missing;
  for (const Weakness& weakness : all) {
    if (weakness.report.drifts.empty()) continue;
    missing += (missing.empty() ? "" : "; ") + WeaknessText(weakness);
  }
  return missing;
}

std::map<std::string, std::size_t> Operator::AdmissionDifferences() const {
  std::map<std::string, std::size_t> differences;
  for (const Weakness& weakness : Weaknesses()) {
    differences[weakness.plural] += weakness.report.drifts.size();
  }
  return differences;
}

void Operator::TellOfPolicy(const InForceNews& news) {
  Event event;
  event.reason = news.condition.status == "True" ? "InForce" : "NotInForce";
  event.action = "JudgePolicy";
  event.note = news.condition.message;
  event.regarding.api_version = std::string(kApiVersion);
  event.regarding.kind = kGovernancePolicies.kind;
  event.regarding.name = news.key.name;
  event.regarding.uid = news.uid;
  events_.Record(std::move(event));
}

void Operator::Record(const DecisionNews& news) const {
  DecisionRecord record;
  record.time = clock_.Now();
  record.id = NewUuid(record.time);
  record.source = "operator";
  record.operation = "Evaluate";
  record.user = news.author.user;
  record.groups = news.author.groups;
  record.kind = kModelDeployments.kind;
  record.name_space = news.deployment.meta.name_space;
  record.name = news.deployment.meta.name;
  record.object_uid = news.deployment.meta.uid;
  record.model_digest = news.deployment.spec.model.digest.digest;
  record.allowed = news.decision.Serves();
  record.message = news.plan.explanation;
  record.reasons = ReasonsOf(news.decision);
  record.decision = &news.decision;
  record.model_digest = news.deployment.spec.model.digest.digest;
  record.latency_micros = std::chrono::duration_cast<std::chrono::microseconds>(news.took).count();
  WriteRecord(RecordLine(record));
}

}  // namespace countersign
