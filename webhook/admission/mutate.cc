#include <algorithm>

#include "base/log.h"
#include "evidence/receipt.h"
#include "webhook/admission/handler.h"

namespace countersign {
namespace {

// "/metadata/annotations/countersign.dev~1stamp" (RFC 6901 escapes the slash).
constexpr char kStampPointer[] = "/metadata/annotations/countersign.dev~1stamp";

bool IsStamped(const Review& review) {
  const std::string& kind = review.kind;
  // Of a policy that is no published version nobody asks who made it.
  if (kind == GovernancePolicySpec::kKind) {
    return FindPath(review.object, "spec/version") != nullptr;
  }
  return kind == SignOffSpec::kKind || kind == ReproducibilitySnapshotSpec::kKind ||
         kind == BiasTestSpec::kKind || kind == EvidenceSpec::kKind || kind == WaiverSpec::kKind ||
         kind == ModelDeploymentSpec::kKind;
}

constexpr char kReceiptPointer[] = "/metadata/annotations/countersign.dev~1receipt";

// Adds to `patch` that the annotation at `pointer`, which is `current`, becomes `wanted`.
void Annotate(const Json& object, const char* pointer, const std::string& current,
              const std::string& wanted, Json& patch) {
  if (current == wanted) return;
  if (patch.is_null()) patch = Json::array();
  if (wanted.empty()) {
    patch.push_back({{"op", "remove"}, {"path", pointer}});
    return;
  }
  const Json* annotations = FindPath(object, "metadata/annotations");
  const bool there = annotations != nullptr && annotations->is_object();
  const Json empty = {{"op", "add"}, {"path", "/metadata/annotations"}, {"value", Json::object()}};
  if (!there && std::find(patch.begin(), patch.end(), empty) == patch.end()) patch.push_back(empty);
  patch.push_back({{"op", "add"}, {"path", pointer}, {"value", wanted}});
}

// A published version goes only when the operator lets it. Once it is being deleted the API server
// takes no new finalizers.
void KeepVersion(const Review& review, Json& patch) {
  const Json& object = review.object;
  if (review.kind != GovernancePolicySpec::kKind || DecodeMeta(object).deleting ||
      HasVersionFinalizer(object)) {
    return;
  }
  if (!patch.is_array()) patch = Json::array();
  const Json* finalizers = FindPath(object, "metadata/finalizers");
  if (finalizers == nullptr || !finalizers->is_array()) {
    patch.push_back({{"op", "add"}, {"path", "/metadata/finalizers"}, {"value", Json::array()}});
  }
  patch.push_back(
      {{"op", "add"}, {"path", "/metadata/finalizers/-"}, {"value", kVersionFinalizer}});
}

}  // namespace

bool HasVersionFinalizer(const Json& policy) {
  const Json* finalizers = FindPath(policy, "metadata/finalizers");
  return finalizers != nullptr && finalizers->is_array() &&
         std::find(finalizers->begin(), finalizers->end(), kVersionFinalizer) != finalizers->end();
}

// A new revision is stamped with its requester, unless it carries the stamp of who made it with its
// receipt; anything else keeps what it had, whatever the request says, so that a replace cannot
// lose it and an edit cannot forge it.
Json AdmissionHandler::StampPatch(Review& review, Time now, ReviewAnswer& answer) const {
  Json& object = review.object;
  // generateName leaves the namespace to the request.
  if (!review.name_space.empty() && StringAt(object, "metadata/namespace").empty()) {
    SetPath(object, "metadata/namespace", review.name_space);
  }
  const StampAuthority& authority = catalog_.authority();
  const std::string current = DecodeMeta(object).stamp;
  const std::string receipt = ReceiptOf(object);
  Json patch;
  if (review.operation == Operation::kUpdate) {
    const auto digest_before = StampedDigest(review.old_object);
    const auto digest = StampedDigest(object);
    const bool same = digest_before && digest && *digest_before == *digest;
    // Evidence is final: a changed spec is refused by Validate, whose message should stand.
    if (same ||
        (review.kind != ModelDeploymentSpec::kKind && review.kind != GovernancePolicySpec::kKind)) {
      const std::string before = DecodeMeta(review.old_object).stamp;
      // A receipt is for the text of the stamp; what has none would count for nothing once the key
      // before is retired.
      std::string wanted = before;
      if (!CanBeCarried(review.kind)) {
        wanted = RenewedStamp(key_, authority,
                              SayTheSame(authority, before, current) ? current : before);
      }
      Annotate(object, kStampPointer, current, wanted, patch);
      const bool received =
          review.user.name == options_.operator_user && HasReceipt(authority, object);
      if (!received) {
        Annotate(object, kReceiptPointer, receipt, ReceiptOf(review.old_object), patch);
      }
      return patch;
    }
  }
  if (review.operation == Operation::kCreate && !receipt.empty()) {
    const Provenance maker =
        VerifyCarried(authority, object, StampedDigest(object).value_or(std::string()));
    if (maker.foreign && maker.first_seen > now + kFreshStamp) {
      Refuse(answer, "StampInFuture",
             "was seen by installation '" + maker.foreign->installation + "' at " +
                 FormatTime(maker.first_seen) + ", and it is " + FormatTime(now) +
                 " here: put the clock of whichever is wrong right, and have '" + maker.user +
                 "' make it anew",
             "metadata.annotations['countersign.dev/stamp']");
      return nullptr;
    }
    if (IsBelieved(maker, review)) return nullptr;
    // Stamped anew it would be refused too, and not say why.
    if (maker.authenticity == Authenticity::kForeign && review.kind == SignOffSpec::kKind &&
        maker.user != review.user.name) {
      Refuse(answer, "InstallationNotTrusted",
             "was made by '" + maker.user + "' as installation '" + maker.foreign->installation +
                 "' saw it (key " + maker.foreign->key +
                 "), which no policy lists for SignOffs in spec.trustedInstallations; '" +
                 maker.user + "' makes it here: kubectl countersign approve",
             "metadata.annotations['countersign.dev/receipt']");
      return nullptr;
    }
  }
  // A receipt that does not belong to it would only mislead.
  Annotate(object, kReceiptPointer, receipt, {}, patch);
  const Provenance by = VerifyStamp(authority, object);
  // Called again in the same request: the stamp of the first call stands.
  if (by.authenticity == Authenticity::kAttested && by.user == review.user.name &&
      by.groups == review.user.groups && now - by.first_seen < std::chrono::seconds(30) &&
      review.operation == Operation::kCreate) {
    return patch;
  }
  auto stamp = MakeStamp(key_, authority.installation, object, review.user.name, review.user.groups,
                         now, {review.user.credential_id, review.user.signed_in_at});
  if (!stamp) {
    Refuse(answer, "StampNotPossible", stamp.error().ToString());
    return nullptr;
  }
  Annotate(object, kStampPointer, current, *stamp, patch);
  return patch;
}

AdmissionReply AdmissionHandler::Mutate(const AdmissionCall& call) const {
  return Mutate(call, true).value_or(AdmissionReply{500, "nothing was decided\n"});
}

std::optional<AdmissionReply> AdmissionHandler::TryMutate(const AdmissionCall& call) const {
  return Mutate(call, false);
}

std::optional<AdmissionReply> AdmissionHandler::Mutate(const AdmissionCall& call,
                                                       bool may_wait) const {
  const SteadyTime started = clock_.Steady();
  auto body = ParseReview(call.body);
  if (!body) return AdmissionReply{400, EncodeUnreadable(body.error().message)};
  auto review = DecodeReview(std::move(*body));
  if (!review) return AdmissionReply{400, EncodeUnreadable(review.error().ToString())};
  ReviewAnswer answer;
  answer.allowed = true;
  answer.kind = review->kind;
  answer.name = review->name;
  const bool applies =
      review->group == kApiGroup && review->subresource.empty() && review->object.is_object() &&
      IsStamped(*review) &&
      (review->operation == Operation::kCreate || review->operation == Operation::kUpdate);
  // A dry run gets no stamp: the API server hands what we add back to the caller, and nothing of it
  // is stored.
  if (applies && !review->dry_run) {
    const Time now = clock_.Now();
    answer.patch = StampPatch(*review, now, answer);
    KeepVersion(*review, answer.patch);
    if (!answer.allowed) {
      // Validate will not be asked: this is the decision.
      const auto owned = std::make_shared<const Review>(std::move(*review));
      Context context{owned, *owned,  call.deadline, now, {}, StartRecord(*owned, now),
                      {},    may_wait};
      answer.name = context.record.name;
      context.answer = std::move(answer);
      if (!Finish(context, call.traceparent, started)) return std::nullopt;
      return AdmissionReply{200, EncodeAnswer(owned->uid, context.answer)};
    }
  }
  return AdmissionReply{200, EncodeAnswer(review->uid, answer)};
}

}  // namespace countersign
