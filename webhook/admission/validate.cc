#include <algorithm>

#include "base/digest.h"
#include "base/log.h"
#include "governance/admit.h"
#include "governance/evaluate.h"
#include "governance/serving/child_name.h"
#include "webhook/admission/handler.h"

namespace countersign {
namespace {

std::string SubjectOf(const Review& review) {
  const std::string name = StringAt(review.object, "metadata/name", review.name);
  return review.name_space.empty() ? name : review.name_space + "/" + name;
}

// Evidence that is not there yet, or no longer good: what a look at the API server could change.
bool MayBeStale(const Decision& decision) {
  return std::any_of(decision.gates.begin(), decision.gates.end(), [](const Gate& gate) {
    return !IsMet(gate.state) &&
           (gate.state != GateState::kFailed || gate.reason == "NoEnvironment" ||
            gate.reason == "SnapshotIncomplete" || gate.reason.starts_with("Bias") ||
            gate.reason == "Quarantined" || gate.reason == "ChangeFrozen");
  });
}

}  // namespace

DecisionRecord StartRecord(const Review& review, Time now) {
  const Json& object = review.object.is_null() ? review.old_object : review.object;
  DecisionRecord record;
  record.id = NewUuid(now);
  record.time = now;
  record.source = "webhook";
  record.operation = std::string(OperationName(review.operation));
  record.request_uid = review.uid;
  record.dry_run = review.dry_run;
  record.user = review.user.name;
  record.user_uid = review.user.uid;
  record.groups = review.user.groups;
  record.credential_id = review.user.credential_id;
  record.kind = review.kind;
  record.subresource = review.subresource;
  record.name_space = review.name_space;
  record.name = StringAt(object, "metadata/name", review.name);
  record.object_uid = StringAt(object, "metadata/uid");
  return record;
}

void Refuse(ReviewAnswer& answer, std::string reason, std::string message, std::string field) {
  answer.allowed = false;
  answer.code = 403;
  answer.reason = "Forbidden";
  answer.message = "[" + reason + "] " + (field.empty() ? "" : field + ": ") + message;
  answer.causes.push_back({std::move(reason), std::move(message), std::move(field)});
}

AdmissionHandler::AdmissionHandler(Catalog& catalog, LiveReader& live, Clock& clock,
                                   InstallationKey key, AdmissionOptions options, Recorder recorder)
    : catalog_(catalog),
      live_(live),
      clock_(clock),
      key_(std::move(key)),
      options_(std::move(options)),
      recorder_(std::move(recorder)) {}

AdmissionReply AdmissionHandler::Validate(const AdmissionCall& call) const {
  return Validate(call, true).value_or(AdmissionReply{500, "nothing was decided\n"});
}

std::optional<AdmissionReply> AdmissionHandler::TryValidate(const AdmissionCall& call) const {
  return Validate(call, false);
}

bool AdmissionHandler::RefreshLive(Context& context, const UseCaseRef& use_case) const {
  if (context.may_wait) return live_.Refresh(use_case, context.deadline);
  context.must_wait = true;
  return false;
}

std::optional<AdmissionReply> AdmissionHandler::Validate(const AdmissionCall& call,
                                                         bool may_wait) const {
  const SteadyTime started = clock_.Steady();
  auto body = ParseReview(call.body);
  if (!body) return AdmissionReply{400, EncodeUnreadable(body.error().message)};
  auto review = DecodeReview(std::move(*body));
  if (!review) return AdmissionReply{400, EncodeUnreadable(review.error().ToString())};
  const Time now = clock_.Now();
  const auto owned = std::make_shared<const Review>(std::move(*review));
  Context context{owned, *owned, call.deadline, now, {}, StartRecord(*owned, now), {}, may_wait};
  context.answer.kind = owned->kind;
  context.answer.name = context.record.name;
  try {
    Decide(context);
  } catch (const std::exception& e) {
    // A bug of ours must not become an allow, nor a call failure that a lenient failurePolicy
    // would let through.
    context.answer = {};
    Refuse(context.answer, "InternalError",
           "Countersign failed while deciding; the operator of the cluster finds decision " +
               context.record.id + " in its log");
    context.answer.code = 500;
    context.answer.reason = "InternalError";
    Log(LogLevel::kError, "an exception while deciding",
        {{"decisionId", context.record.id},
         {"error", e.what()},
         {"traceparent", call.traceparent}});
  }
  if (context.must_wait || !Finish(context, call.traceparent, started)) return std::nullopt;
  return AdmissionReply{200, EncodeAnswer(owned->uid, context.answer)};
}

bool AdmissionHandler::Finish(Context& context, std::string_view traceparent,
                              SteadyTime started) const {
  DecisionRecord& record = context.record;
  record.traceparent = traceparent;
  record.allowed = context.answer.allowed;
  record.message = context.answer.message;
  if (!context.decision.gates.empty()) {
    record.decision = &context.decision;
    record.reasons = ReasonsOf(context.decision);
  }
  if (record.reasons.empty()) {
    for (const Cause& cause : context.answer.causes) record.reasons.push_back(cause.reason);
  }
  record.latency_micros =
      std::chrono::duration_cast<std::chrono::microseconds>(clock_.Steady() - started).count();
  if (!context.answer.allowed) {
    context.answer.message += "\n(decision " + record.id + ")";
  }
  context.answer.annotations = AuditAnnotations(record);
  return recorder_(record, context.may_wait);
}

void AdmissionHandler::Decide(Context& context) const {
  const Review& review = context.review;
  ReviewAnswer& answer = context.answer;
  if (review.operation == Operation::kDelete) return DecideDeletion(context);
  // /scale comes as autoscaling/v1 Scale; what it is about is the resource.
  const bool ours = review.group == kApiGroup || review.resource == "modeldeployments";
  if (!ours || review.operation == Operation::kConnect) {
    return Refuse(answer, "KindUnknown",
                  "nothing is known about kind '" + review.group + "/" + review.kind +
                      "'; the webhook configuration sends what it should not");
  }
  if (review.subresource == "status") {
    if (review.user.name == options_.operator_user) {
      answer.allowed = true;
    } else {
      Refuse(answer, "StatusNotYours", "only the Countersign operator writes status", "status");
    }
    return;
  }
  if (!review.object.is_object()) {
    return Refuse(answer, "ObjectMissing", "the review carries no object", "request.object");
  }
  if (review.subresource == "scale") return DecideScale(context);
  if (!review.subresource.empty()) {
    return Refuse(answer, "SubresourceUnknown",
                  "nothing is known about subresource '" + review.subresource + "'");
  }
  if (review.version != kServedVersion) {
    return Refuse(
        answer, "VersionUnknown",
        "must be version '" + std::string(kServedVersion) + "', is '" + review.version + "'",
        "apiVersion");
  }
  if (review.kind == GovernancePolicySpec::kKind) return DecidePolicy(context);
  // On its way out: finalizers are being removed, and nothing new can start from it.
  if (review.operation == Operation::kUpdate && DecodeMeta(review.old_object).deleting &&
      SpecUnchanged(review)) {
    answer.allowed = true;
    return;
  }
  if (review.kind == UseCaseSpec::kKind) return DecideUseCase(context);
  if (review.kind == SignOffSpec::kKind) return DecideSignOff(context);
  if (review.kind == ReproducibilitySnapshotSpec::kKind) {
    return DecideReport<ReproducibilitySnapshotSpec>(context);
  }
  if (review.kind == BiasTestSpec::kKind) return DecideReport<BiasTestSpec>(context);
  if (review.kind == EvidenceSpec::kKind) return DecideReport<EvidenceSpec>(context);
  if (review.kind == WaiverSpec::kKind) return DecideWaiver(context);
  if (review.kind == IncidentSpec::kKind) return DecideIncident(context);
  if (review.kind == ModelDeploymentSpec::kKind) return DecideDeployment(context);
  if (review.kind == ModelRecordSpec::kKind) return DecideRecord(context);
  Refuse(answer, "KindUnknown", "nothing is known about kind '" + review.kind + "'");
}

// Whoever could write it could forget what was deleted.
void AdmissionHandler::DecideRecord(Context& context) const {
  if (context.review.user.name != options_.operator_user) {
    return Refuse(context.answer, "RecordNotYours",
                  "the records of models are the Countersign operator's alone; what it has seen, "
                  "it writes down by itself");
  }
  auto record = Decode<ModelRecordSpec>(context.review.object);
  if (!record) {
    return Refuse(context.answer, "SpecInvalid", record.error().message, record.error().path);
  }
  context.answer.allowed = true;
}

// Long and dotted names are shortened for what the operator makes, and whoever knows how finds
// another one that is shortened alike, or is called so: they would serve by one Service.
bool AdmissionHandler::CheckName(Context& context, const std::string& name) const {
  const std::string child = ChildName(name);
  for (const auto& other : catalog_.deployments().List(context.review.name_space)) {
    const std::string& theirs = other->object.meta.name;
    if (theirs == name || ChildName(theirs) != child) continue;
    Refuse(context.answer, "ChildNameTaken",
           "what the operator makes of it would be named '" + child +
               "', as what it makes of ModelDeployment '" + theirs + "': give it another name",
           "metadata.name");
    return false;
  }
  return true;
}

void AdmissionHandler::DecideDeployment(Context& context) const {
  const Review& review = context.review;
  auto decoded = Decode<ModelDeploymentSpec>(
      std::shared_ptr<const Json>(context.owned, &context.owned->object));
  if (!decoded) {
    // An object that an older version admitted must stay editable where it does not change.
    if (review.operation == Operation::kUpdate && SpecUnchanged(review)) {
      context.answer.allowed = true;
      return;
    }
    return Refuse(context.answer, "SpecInvalid", decoded.error().message, decoded.error().path);
  }
  context.record.model_digest = decoded->spec.model.digest.digest;
  if (review.operation == Operation::kCreate && !CheckName(context, decoded->meta.name)) return;
  const std::string digest = decoded->spec_digest;
  const bool unchanged = review.operation == Operation::kUpdate &&
                         StampedDigest(review.old_object).value_or(std::string()) == digest;
  if (!CheckStamp(context, !unchanged, digest)) return;
  Provenance author;
  if (unchanged) {
    author = VerifyStamp(catalog_.authority(), review.old_object, digest);
  } else {
    author.authenticity = Authenticity::kAttested;
    author.user = review.user.name;
    author.groups = review.user.groups;
    author.first_seen = context.now;
  }
  const auto deployment = std::make_shared<const ModelDeployment>(std::move(*decoded));
  context.decision = EvaluateLive(context, deployment, digest, author, unchanged);
  Admission admission = Admit(context.decision, SubjectOf(review), unchanged);
  context.answer.allowed = admission.allowed;
  context.answer.message = std::move(admission.message);
  context.answer.warnings = std::move(admission.warnings);
  context.record.ratcheted = admission.ratcheted;
  if (admission.allowed) return;
  for (const Gate& gate : context.decision.gates) {
    if (IsMet(gate.state)) continue;
    context.answer.causes.push_back({gate.reason, gate.measure + ": " + gate.message, gate.path});
  }
}

Decision AdmissionHandler::EvaluateLive(Context& context,
                                        const std::shared_ptr<const ModelDeployment>& deployment,
                                        const std::string& digest, const Provenance& author,
                                        bool unchanged) const {
  const auto evaluate = [&] {
    return Evaluate(*catalog_.Policies(),
                    catalog_.Gather(deployment, digest, author, context.review.name_space,
                                    context.record.name, context.now));
  };
  Decision decision = evaluate();
  if (decision.verdict != Verdict::kDeny || unchanged || !MayBeStale(decision)) return decision;
  return RefreshLive(context, deployment->spec.use_case) ? evaluate() : decision;
}

// Scaling within the bounds that the approval covers changes nothing governed; beyond them it would
// be a new revision, which belongs in the object where its reviewers see it.
void AdmissionHandler::DecideScale(Context& context) const {
  const Review& review = context.review;
  const auto cached = catalog_.deployments().Get({review.name_space, review.name});
  if (cached == nullptr) {
    return Refuse(context.answer, "DeploymentUnknown",
                  "ModelDeployment '" + review.name + "' is not known yet; try again");
  }
  const Serving& serving = cached->object.spec.serving;
  const std::int64_t wanted = IntAt(review.object, "spec/replicas", 0);
  const bool bounded = serving.min_replicas && serving.max_replicas;
  if (wanted == serving.replicas ||
      (bounded && wanted >= *serving.min_replicas && wanted <= *serving.max_replicas &&
       serving.replicas >= *serving.min_replicas && serving.replicas <= *serving.max_replicas)) {
    context.answer.allowed = true;
    return;
  }
  Refuse(context.answer, "ScaleOutsideApproval",
         (bounded ? "must be between minReplicas " + std::to_string(*serving.min_replicas) +
                        " and maxReplicas " + std::to_string(*serving.max_replicas)
                  : std::string("spec.serving has no minReplicas and maxReplicas that an approval "
                                "covers")) +
             ", is " + std::to_string(wanted) + "; change spec.serving and have it approved",
         "spec.replicas");
}

}  // namespace countersign
