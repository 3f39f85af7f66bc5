#include "webhook/admission/guard.h"

#include <algorithm>

#include "base/log.h"
#include "catalog/guard_facts.h"
#include "governance/admit.h"
#include "governance/in_force.h"

namespace countersign {
namespace {

constexpr char kPodKind[] = "Pod";

// The API server tells nodes apart from people by this group and name (NodeRestriction).
bool IsStaticPod(const Review& review) {
  const RequestUser& user = review.user;
  const bool node =
      user.name.starts_with("system:node:") &&
      std::find(user.groups.begin(), user.groups.end(), "system:nodes") != user.groups.end();
  const Json* annotations = FindPath(review.object, "metadata/annotations");
  return node && review.kind == kPodKind && annotations != nullptr &&
         Find(*annotations, "kubernetes.io/config.mirror") != nullptr;
}

std::string NameOf(const Review& review) {
  const std::string name = StringAt(review.object, "metadata/name", review.name);
  return name.empty() ? StringAt(review.object, "metadata/generateName") + "…" : name;
}

std::string DigestOf(const Recognition& serving) {
  for (const ServedReference& reference : serving.references) {
    if (reference.kind == ServedReference::Kind::kModel && !reference.digest.empty()) {
      return reference.digest;
    }
  }
  return {};
}

// Whether something that is being deleted changes in nothing but metadata and status.
bool OnlyEnds(const Review& review) {
  if (StringAt(review.old_object, "metadata/deletionTimestamp").empty()) return false;
  const auto said = [](const Json& object) {
    Json kept = object;
    for (const char* key : {"metadata", "status"}) kept.erase(key);
    return kept;
  };
  return review.object.is_object() && review.old_object.is_object() &&
         said(review.object) == said(review.old_object);
}

}  // namespace

std::vector<std::string> BuiltInControllers() {
  std::vector<std::string> users = {"system:kube-controller-manager"};
  for (const char* name : {"deployment-controller", "replicaset-controller",
                           "replication-controller", "statefulset-controller",
                           "daemon-set-controller", "job-controller", "cronjob-controller"}) {
    users.push_back(std::string("system:serviceaccount:kube-system:") + name);
  }
  return users;
}

GuardHandler::GuardHandler(const Catalog& catalog, const Workloads& workloads,
                           const Revisions& revisions, const ServingProfiles& table, Clock& clock,
                           GuardOptions options, AdmissionHandler::Recorder recorder)
    : catalog_(catalog),
      workloads_(workloads),
      revisions_(revisions),
      table_(table),
      clock_(clock),
      options_(std::move(options)),
      recorder_(std::move(recorder)) {}

AdmissionReply GuardHandler::Judge(const AdmissionCall& call) const {
  const SteadyTime started = clock_.Steady();
  auto body = ParseReview(call.body);
  if (!body) return {400, EncodeUnreadable(body.error().message)};
  auto review = DecodeReview(std::move(*body));
  if (!review) return {400, EncodeUnreadable(review.error().ToString())};
  const Time now = clock_.Now();
  DecisionRecord record = StartRecord(*review, now);
  ReviewAnswer answer;
  answer.kind = review->kind;
  answer.name = record.name;
  try {
    Decide(*review, call.deadline, now, answer, record);
  } catch (const std::exception& e) {
    answer = {};
    Refuse(answer, "InternalError",
           "Countersign failed while deciding; the operator of the cluster finds decision " +
               record.id + " in its log");
    answer.code = 500;
    answer.reason = "InternalError";
    record.reasons = {"InternalError"};
    Log(LogLevel::kError, "an exception while deciding",
        {{"decisionId", record.id}, {"error", e.what()}});
  }
  record.traceparent = call.traceparent;
  record.allowed = answer.allowed;
  record.latency_micros =
      std::chrono::duration_cast<std::chrono::microseconds>(clock_.Steady() - started).count();
  if (!answer.allowed) {
    record.message = answer.message;
    answer.message += "\n(decision " + record.id + ")";
  }
  answer.annotations = AuditAnnotations(record);
  recorder_(record, true);
  return {200, EncodeAnswer(review->uid, answer)};
}

void GuardHandler::Decide(const Review& review, SteadyTime deadline, Time now, ReviewAnswer& answer,
                          DecisionRecord& record) const {
  const bool writes =
      review.operation == Operation::kCreate || review.operation == Operation::kUpdate;
  // Deleting ends serving; what else is sent here is a mistake in the configuration, and harmless.
  if (!writes || !review.object.is_object()) {
    answer.allowed = review.operation == Operation::kDelete;
    if (!answer.allowed) {
      Refuse(answer, "ObjectMissing", "the review carries no object", "request.object");
      record.reasons = {"ObjectMissing"};
    }
    return;
  }
  const GuardFacts facts = Gather(review, deadline, now);
  const GuardDecision decision = JudgeServing(facts);
  record.model_digest = DigestOf(facts.serving);
  record.reasons = {decision.reason};
  for (const GuardFault& fault : decision.faults) {
    if (std::find(record.reasons.begin(), record.reasons.end(), fault.reason) ==
        record.reasons.end()) {
      record.reasons.push_back(fault.reason);
    }
  }
  record.message = Excerpt(decision.message, kMaxRefusalBytes);
  answer.allowed = decision.verdict != GuardVerdict::kDeny;
  if (answer.allowed) {
    if (decision.verdict == GuardVerdict::kWarn) {
      answer.warnings.push_back("[" + decision.reason + "] " + decision.message);
    }
    return;
  }
  answer.message = "[" + decision.reason + "] " + record.message;
  for (const GuardFault& fault : decision.faults) {
    if (answer.causes.size() == kMaxGuardFaults) break;  // the message says how many more
    answer.causes.push_back({fault.reason, fault.message, fault.path});
  }
}

GuardFacts GuardHandler::Gather(const Review& review, SteadyTime deadline, Time now) const {
  GuardFacts facts;
  facts.kind = review.kind;
  facts.name_space = review.name_space;
  facts.name = NameOf(review);
  facts.by_operator = !options_.operator_user.empty() && review.user.name == options_.operator_user;
  if (facts.by_operator) return facts;
  const auto& trusted = options_.trusted_controllers;
  facts.by_trusted_controller =
      std::find(trusted.begin(), trusted.end(), review.user.name) != trusted.end();
  const bool update = review.operation == Operation::kUpdate;
  // Anybody may write an owner into what is there already: to say so no review asks for more.
  facts.serving = Recognise(table_, review.object, facts.by_trusted_controller);
  const auto policies = catalog_.Policies();
  const PolicySet in_force = PoliciesInForce(*policies, now);
  facts.setting = GuardSettingOf(in_force, review.name_space, options_.elsewhere);
  if (!facts.serving.serves) return facts;
  if (update) {
    facts.only_ends = OnlyEnds(review);
    facts.before = Recognise(table_, review.old_object, facts.by_trusted_controller);
    // Nothing below would change the answer.
    if (ServesAsBefore(facts)) return facts;
  }
  facts.static_pod = IsStaticPod(review);
  if (facts.kind == kPodKind) facts.made_from = MadeFromOf(review.object);
  GatherOwners(review, deadline, facts);
  facts.covers = CoversFor(catalog_, &revisions_, *policies, review.name_space, facts.serving,
                           facts.owners, facts.made_from, now);
  facts.waivers = WaiversFor(catalog_, in_force, review.name_space, facts.serving, now);
  return facts;
}

void GuardHandler::GatherOwners(const Review& review, SteadyTime deadline,
                                GuardFacts& facts) const {
  if (!facts.by_trusted_controller) return;
  const auto owner = ControllerOf(review.object);
  if (!owner) return;
  if (const auto stale = workloads_.Stale(clock_.Steady()); !stale.empty()) {
    facts.owners_unknown = stale.front();
    return;
  }
  facts.owners = OwnersOf(
      catalog_, workloads_.Owners(review.name_space, *owner, deadline, facts.owners_unknown));
}

}  // namespace countersign
