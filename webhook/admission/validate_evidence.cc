#include <algorithm>
#include <string>
#include <vector>

#include "evidence/receipt.h"
#include "evidence/signed_object.h"
#include "governance/identity.h"
#include "governance/retirement.h"
#include "governance/signers.h"
#include "webhook/admission/handler.h"

namespace countersign {
namespace {

// The namespaces that a use case lists, as it is stored: an earlier version may have let in more.
std::vector<std::string> DeployedTo(const Json& use_case) {
  std::vector<std::string> name_spaces;
  const Json* listed = Find(use_case, "deployTo");
  if (listed == nullptr || !listed->is_array()) return name_spaces;
  for (const Json& one : *listed) {
    if (one.is_string()) name_spaces.push_back(one.get<std::string>());
  }
  return name_spaces;
}

bool IsWithin(const std::vector<std::string>& some, const std::vector<std::string>& all) {
  return std::all_of(some.begin(), some.end(), [&](const std::string& one) {
    return std::find(all.begin(), all.end(), one) != all.end();
  });
}

}  // namespace

bool SettledByUpdate(const Review& review, ReviewAnswer& answer) {
  if (review.operation != Operation::kUpdate) return false;
  if (SpecUnchanged(review)) {
    answer.allowed = true;
  } else {
    Refuse(answer, "EvidenceIsFinal",
           "the spec of a " + review.kind +
               " may not be changed after it was created; create a new one",
           "spec");
  }
  return true;
}

std::optional<Provenance> AdmissionHandler::Carried(const Context& context) const {
  const Review& review = context.review;
  if (review.operation != Operation::kCreate || !CanBeCarried(review.kind) ||
      ReceiptOf(review.object).empty()) {
    return std::nullopt;
  }
  Json object = review.object;
  SetPath(object, "metadata/namespace", review.name_space);
  Provenance by =
      VerifyCarried(catalog_.authority(), object, StampedDigest(object).value_or(std::string()));
  if (!IsBelieved(by, review)) return std::nullopt;
  return by;
}

// Of another installation where some policy believes it, somewhere: which, evaluation judges.
bool AdmissionHandler::IsBelieved(const Provenance& maker, const Review& review) const {
  // Of some installations nothing but a no is believed any more.
  const bool rejects = review.kind == SignOffSpec::kKind &&
                       StringAt(review.object, "spec/decision") == NameOf(SignOffDecision::kReject);
  return maker.authenticity == Authenticity::kAttested ||
         (maker.authenticity == Authenticity::kForeign &&
          IsTrustedByAny(*catalog_.Policies(), review.kind, maker,
                         rejects ? Vouched::kRejection : Vouched::kAnything));
}

bool AdmissionHandler::CheckStamp(Context& context, bool fresh, const std::string& digest) const {
  const Review& review = context.review;
  if (review.dry_run) return true;  // a dry run gets none, see Mutate
  if (!fresh) {
    // Mutate restores it; if the stamp differs here, Mutate was not called.
    const std::string stamp = DecodeMeta(review.object).stamp;
    const std::string before = DecodeMeta(review.old_object).stamp;
    if (stamp != before &&
        (CanBeCarried(review.kind) || !SayTheSame(catalog_.authority(), before, stamp))) {
      Refuse(context.answer, "StampChanged", "the requester stamp may not be changed",
             "metadata.annotations['countersign.dev/stamp']");
      return false;
    }
    if (ReceiptOf(review.object) == ReceiptOf(review.old_object) ||
        (review.user.name == options_.operator_user &&
         HasReceipt(catalog_.authority(), review.object))) {
      return true;
    }
    Refuse(context.answer, "ReceiptChanged", "only the Countersign operator gives receipts",
           "metadata.annotations['countersign.dev/receipt']");
    return false;
  }
  if (Carried(context)) return true;
  const Provenance by = VerifyStamp(catalog_.authority(), review.object, digest);
  if (by.authenticity == Authenticity::kAttested && by.user == review.user.name &&
      by.groups == review.user.groups) {
    return true;
  }
  std::string why =
      by.authenticity == Authenticity::kAttested
          ? "it was made for '" + by.user + "', not for the requester '" + review.user.name + "'"
      : by.authenticity == Authenticity::kForged
          ? "it does not hold: " + by.problem
          : "there is none; is the mutating webhook configuration in place?";
  Refuse(context.answer, "StampMissing", "must carry the requester's stamp; " + why,
         "metadata.annotations['countersign.dev/stamp']");
  return false;
}

void AdmissionHandler::DecideUseCase(Context& context) const {
  auto use_case = Decode<UseCaseSpec>(context.review.object);
  if (!use_case) {
    if (context.review.operation == Operation::kUpdate && SpecUnchanged(context.review)) {
      context.answer.allowed = true;
      return;
    }
    return Refuse(context.answer, "SpecInvalid", use_case.error().message, use_case.error().path);
  }
  const Json* before = Find(context.review.old_object, "spec");
  const bool was_retired = context.review.operation == Operation::kUpdate && before != nullptr &&
                           StringAt(*before, "lifecycle") == NameOf(Lifecycle::kRetired);
  if (use_case->spec.lifecycle == Lifecycle::kRetired) {
    const Json* after = Find(context.review.object, "spec");
    const auto ending = [](const Json& spec) { return spec.value("retirement", Json()); };
    // Where it ends as well, people have to agree to as they had to before.
    if (was_retired && after != nullptr && ending(*before) == ending(*after) &&
        IsWithin(use_case->spec.deploy_to, DeployedTo(*before))) {
      context.answer.allowed = true;
      return;
    }
    return DecideRetirement(context, std::make_shared<const UseCase>(*std::move(use_case)));
  }
  if (was_retired) {
    return Refuse(context.answer, "UseCaseRetired",
                  "a use case that was retired stays so: register a new one under another name",
                  "spec.lifecycle");
  }
  context.answer.allowed = true;
}

void AdmissionHandler::DecideRetirement(Context& context,
                                        std::shared_ptr<const UseCase> use_case) const {
  ModelDeployment any;
  any.spec.use_case = {context.review.name_space, use_case->meta.name};
  const auto deployment = std::make_shared<const ModelDeployment>(std::move(any));
  Provenance author;
  author.authenticity = Authenticity::kAttested;
  author.user = context.review.user.name;
  author.groups = context.review.user.groups;
  const Json* before = Find(context.review.old_object, "spec");
  const std::vector<std::string> deployed_to =
      before == nullptr ? std::vector<std::string>() : DeployedTo(*before);
  const auto judge = [&](std::vector<std::string>& unknown) {
    Facts facts = catalog_.Gather(deployment, {}, author, {}, {}, context.now);
    facts.use_case = use_case;
    unknown = std::move(facts.unknown);
    return RetirementShortfalls(*catalog_.Policies(), facts, deployed_to);
  };
  std::vector<std::string> unknown;
  auto shortfalls = judge(unknown);
  if (!shortfalls.empty() && RefreshLive(context, deployment->spec.use_case)) {
    shortfalls = judge(unknown);
  }
  if (!unknown.empty()) {
    return Refuse(context.answer, "FactsUnknown", unknown.front() + "; try again",
                  "spec.lifecycle");
  }
  if (shortfalls.empty()) {
    context.answer.allowed = true;
    return;
  }
  const RetirementShortfall& first = shortfalls.front();
  Refuse(context.answer, first.reason,
         "the end of a use case must be agreed to" +
             (first.policy.empty() ? std::string() : " under policy '" + first.policy + "'") +
             ": " + first.message + "; register it as Retiring first. " + first.remedy,
         "spec.lifecycle");
}

std::shared_ptr<const SignatureProof> AdmissionHandler::CheckSignature(Context& context) const {
  Json object = context.review.object;
  SetPath(object, "metadata/namespace", context.review.name_space);
  auto proof = VerifySignature(object);
  if (proof) return std::make_shared<const SignatureProof>(*std::move(proof));
  Refuse(context.answer, proof.error().reason, proof.error().message,
         FindPath(object, "spec/modelSignature") != nullptr ? "spec.modelSignature"
                                                            : "spec.signature.value");
  return nullptr;
}

template <class Spec>
std::optional<Object<Spec>> AdmissionHandler::NewEvidence(Context& context) const {
  if (SettledByUpdate(context.review, context.answer)) {
    if (context.answer.allowed) CheckStamp(context, false, {});
    return std::nullopt;
  }
  auto object = Decode<Spec>(context.review.object);
  if (object) return *std::move(object);
  Refuse(context.answer, "SpecInvalid", object.error().message, object.error().path);
  return std::nullopt;
}

template <class Spec>
void AdmissionHandler::DecideReport(Context& context) const {
  const Review& review = context.review;
  const auto report = NewEvidence<Spec>(context);
  if (!report) return;
  if (report->spec.performed_at > context.now + kClockSkew) {
    return Refuse(context.answer, "PerformedInFuture",
                  "must not be in the future, is " + FormatTime(report->spec.performed_at),
                  "spec.performedAt");
  }
  std::shared_ptr<const SignatureProof> proof;
  if (CarriesSignature(review.object)) {
    proof = CheckSignature(context);
    if (!proof) return;
  }
  // What is carried was looked at when it was made.
  if (!Carried(context) && !CheckCorrection(context, *report, std::move(proof))) return;
  if (CheckStamp(context, true, report->spec_digest)) context.answer.allowed = true;
}

template std::optional<SignOff> AdmissionHandler::NewEvidence<SignOffSpec>(Context&) const;
template std::optional<Waiver> AdmissionHandler::NewEvidence<WaiverSpec>(Context&) const;
template void AdmissionHandler::DecideReport<BiasTestSpec>(Context&) const;
template void AdmissionHandler::DecideReport<EvidenceSpec>(Context&) const;
template void AdmissionHandler::DecideReport<ReproducibilitySnapshotSpec>(Context&) const;

}  // namespace countersign
