#include "webhook/admission/handler.h"

namespace countersign {
namespace {

// Removes what is left in a namespace that is being deleted; refusing it would wedge the namespace.
bool EmptiesNamespaces(const RequestUser& user) {
  return user.name == "system:serviceaccount:kube-system:namespace-controller" ||
         user.name == "system:kube-controller-manager";
}

}  // namespace

// An alarm counts whoever raises it, and what is said here is said while whoever raised it looks.
void AdmissionHandler::DecideIncident(Context& context) const {
  const Review& review = context.review;
  if (SettledByUpdate(review, context.answer)) return;
  auto incident = Decode<IncidentSpec>(review.object);
  if (!incident) {
    return Refuse(context.answer, "SpecInvalid", incident.error().message, incident.error().path);
  }
  context.answer.allowed = true;
  const std::string& use_case = incident->spec.use_case;
  if (catalog_.use_cases().Get({review.name_space, use_case}) == nullptr) {
    context.answer.warnings.push_back("spec.useCase: no UseCase '" + use_case +
                                      "' is known in namespace '" + review.name_space +
                                      "': until there is, this incident holds nothing up; "
                                      "kubectl get usecases -A");
  }
}

// Deleting never improves a verdict, and is let through; the record says who did it. Of what would
// improve one, no object goes.
void AdmissionHandler::DecideDeletion(Context& context) const {
  const Review& review = context.review;
  context.answer.allowed = true;
  if (EmptiesNamespaces(review.user)) return;
  if (review.kind == IncidentSpec::kKind) {
    Refuse(context.answer, "IncidentStays",
           "an incident is closed, not deleted: kubectl countersign approve --incident " +
               context.record.name);
  } else if (review.kind == WaiverSpec::kKind && BoolAt(review.old_object, "spec/emergency")) {
    Refuse(context.answer, "EmergencyStays",
           "an emergency is closed, not deleted: kubectl countersign approve --waiver " +
               context.record.name + " -n " + review.name_space);
  } else if (review.kind == SignOffSpec::kKind &&
             StringAt(review.old_object, "spec/subject/kind") == GovernancePolicySpec::kKind) {
    Refuse(context.answer, "SignOffStays",
           "a sign-off on a policy stays: to decide otherwise, sign again, kubectl countersign "
           "approve --policy NAME -n NAMESPACE --reject");
  } else if (review.kind == ModelRecordSpec::kKind && review.user.name != options_.operator_user) {
    Refuse(context.answer, "RecordNotYours",
           "the records of models are the Countersign operator's alone: what was seen of a model "
           "stays");
  }
}

}  // namespace countersign
