#include "governance/crd.h"

#include <algorithm>
#include <cctype>

#include "governance/types/bias_test.h"
#include "governance/types/evidence.h"
#include "governance/types/incident.h"
#include "governance/types/model_deployment.h"
#include "governance/types/model_record.h"
#include "governance/types/policy.h"
#include "governance/types/reproducibility_snapshot.h"
#include "governance/types/sign_off.h"
#include "governance/types/status.h"
#include "governance/types/use_case.h"
#include "governance/types/waiver.h"

namespace countersign {
namespace {

constexpr std::string_view kCategory = "countersign";

constexpr PrinterColumn kAge = {"Age", "date", ".metadata.creationTimestamp",
                                "Time since the object was created."};
constexpr PrinterColumn kDigest = {"Digest", "string", ".spec.model.digest", "Digest of the model.",
                                   true};

std::vector<KindInfo> MakeKinds() {
  std::vector<KindInfo> kinds;
  kinds.push_back(
      {.kind = GovernancePolicySpec::kKind,
       .plural = "governancepolicies",
       .short_name = "govpol",
       .namespaced = false,
       .doc = "GovernancePolicy is an organisation's position as data: who holds which role, which "
              "namespaces are which environment, how use cases are classified, and which measures "
              "each class owes where.",
       .spec_doc = "The policy.",
       .spec_schema = SpecSchema<GovernancePolicySpec>,
       .status_schema = StatusSchema<GovernancePolicyStatus>,
       .columns = {{"Version", "string", ".spec.version.label", "Name of the version."},
                   {"InForce", "boolean", ".status.inForce", "Whether it counts now."},
                   {"State", "string", ".status.state", "Where it is in its life."},
                   {"Supersedes", "string", ".spec.version.supersedes", "Version before it.", true},
                   {"Since", "date", ".status.since", "Time since it took effect.", true},
                   {"Description", "string", ".spec.description", "What it is for.", true},
                   kAge}});
  kinds.push_back(
      {.kind = UseCaseSpec::kKind,
       .plural = "usecases",
       .doc = "UseCase is the inventory entry of one use of a model: its purpose, whose it is, "
              "where it may be deployed, and its answers to the policy's questions. Its namespace "
              "is the home of all evidence for it.",
       .spec_doc = "The entry.",
       .spec_schema = SpecSchema<UseCaseSpec>,
       .status_schema = StatusSchema<UseCaseStatus>,
       .columns = {{"Title", "string", ".spec.title", "Title for people."},
                   {"Owner", "string", ".spec.owner", "Who answers for it."},
                   {"Lifecycle", "string", ".spec.lifecycle", "Where it is in its life."},
                   {"Class", "string", ".status.classSummary", "Risk classes."},
                   {"Approved", "boolean", ".status.answersApproved",
                    "Whether its answers are signed off."},
                   {"Purpose", "string", ".spec.purposeCategory", "Category of its purpose.", true},
                   kAge},
       .selectable = {".spec.lifecycle", ".spec.owner", ".spec.purposeCategory"}});
  kinds.push_back(
      {.kind = ModelDeploymentSpec::kKind,
       .plural = "modeldeployments",
       .short_name = "mdeploy",
       .doc =
           "ModelDeployment asks for one model version to serve one use case in one environment, "
           "which follows from its namespace. It serves once the gates of the policies in force "
           "pass, and only while they hold.",
       .spec_doc = "What is to serve. All of it is governed but the template's labels, "
                   "annotations that only describe, and the number of replicas within its bounds.",
       .spec_schema = SpecSchema<ModelDeploymentSpec>,
       .status_schema = StatusSchema<ModelDeploymentStatus>,
       .columns = {{"Model", "string", ".spec.model.name", "Name of the model."},
                   {"Version", "string", ".spec.model.version", "Version that is asked for."},
                   {"Env", "string", ".status.environment", "Environment."},
                   {"Class", "string", ".status.classSummary", "Risk classes that applied."},
                   {"Gates", "string", ".status.gatesPassed", "Gates passed of all."},
                   {"Ready", "string", ".status.conditions[?(@.type==\"Ready\")].status",
                    "Whether what is asked for serves."},
                   {"Serving", "string", ".status.servingVersion", "Version that serves.", true},
                   {"Verdict", "string", ".status.verdict", "Verdict on what is asked for.", true},
                   {"Phase", "string", ".status.phase", "What the operator does.", true},
                   kDigest,
                   {"Why", "string", ".status.whyNot", "First gate that does not pass."},
                   kAge},
       .selectable = {".spec.useCaseRef.name", ".spec.useCaseRef.namespace", ".spec.model.digest",
                      ".spec.model.name", ".status.verdict"},
       .scalable = true});
  kinds.push_back(
      {.kind = SignOffSpec::kKind,
       .plural = "signoffs",
       .doc = "SignOff is one person's decision on one subject, for example a model version in an "
              "environment, a use case's answers or a version of a policy. It counts for the "
              "person who created it, and may not be "
              "changed afterwards: to decide otherwise, create another one.",
       .spec_doc = "The decision.",
       .spec_schema = SpecSchema<SignOffSpec>,
       .status_schema = StatusSchema<EvidenceStatus>,
       .columns = {{"UseCase", "string", ".spec.subject.useCase", "Use case decided on."},
                   {"Env", "string", ".spec.subject.environment", "Environment decided for."},
                   {"Role", "string", ".spec.role", "Role of the signer."},
                   {"Decision", "string", ".spec.decision", "Approve or Reject."},
                   {"Signer", "string", ".spec.signer.username", "Who signed."},
                   {"Name", "string", ".status.signatory.printedName", "Their name in the policy."},
                   {"Signed", "string", ".status.signatory.at", "When they signed."},
                   {"Key", "string", ".status.signatory.key", "Key that signed.", true},
                   {"Digest", "string", ".spec.subject.model.digest", "Digest of the model.", true},
                   {"Policy", "string", ".spec.subject.policy", "Policy decided on.", true},
                   {"Rationale", "string", ".spec.rationale", "Why.", true},
                   kAge},
       .selectable = {".spec.subject.useCase", ".spec.subject.kind", ".spec.role", ".spec.decision",
                      ".spec.signer.username", ".spec.subject.policy"}});
  kinds.push_back(
      {.kind = ReproducibilitySnapshotSpec::kKind,
       .plural = "reproducibilitysnapshots",
       .short_name = "repsnap",
       .doc = "ReproducibilitySnapshot is all that it takes to make a model again: code, data, "
              "software and hardware, parameters, and what came out. It may not be changed "
              "afterwards.",
       .spec_doc = "The snapshot.",
       .spec_schema = SpecSchema<ReproducibilitySnapshotSpec>,
       .status_schema = StatusSchema<EvidenceStatus>,
       .columns = {{"UseCase", "string", ".spec.useCase", "Use case."},
                   {"Commit", "string", ".spec.code.commit", "Commit of the code."},
                   {"Clean", "boolean", ".spec.code.clean", "Whether the tree was clean."},
                   {"Repeats", "string", ".spec.reproductionOf", "Snapshot that it repeats."},
                   kDigest,
                   kAge},
       .selectable = {".spec.useCase", ".spec.model.digest", ".spec.reproductionOf"}});
  kinds.push_back(
      {.kind = BiasTestSpec::kKind,
       .plural = "biastests",
       .doc = "BiasTest is how often a model was right and wrong about people of each group, as "
              "counts: metrics are computed from them, never taken on trust. It may not be changed "
              "afterwards.",
       .spec_doc = "The test.",
       .spec_schema = SpecSchema<BiasTestSpec>,
       .status_schema = StatusSchema<EvidenceStatus>,
       .columns = {{"UseCase", "string", ".spec.useCase", "Use case."},
                   {"Protocol", "string", ".spec.protocol", "Test protocol."},
                   {"DataSet", "string", ".spec.dataSet.name", "Test data."},
                   {"Rows", "integer", ".spec.dataSet.rows", "People in it."},
                   kDigest,
                   kAge},
       .selectable = {".spec.useCase", ".spec.model.digest", ".spec.protocol"}});
  kinds.push_back(
      {.kind = EvidenceSpec::kKind,
       .plural = "evidence",
       .doc = "Evidence is any other report on a model or a use case: documentation, verification, "
              "explainability, red team, load test, data quality, impact assessment, plan. What it "
              "says are typed claims, on which a policy's measures assert. It may not be changed "
              "afterwards.",
       .spec_doc = "The report.",
       .spec_schema = SpecSchema<EvidenceSpec>,
       .status_schema = StatusSchema<EvidenceStatus>,
       .columns = {{"UseCase", "string", ".spec.useCase", "Use case."},
                   {"Type", "string", ".spec.type", "Type of the report."},
                   {"Env", "string", ".spec.environment", "Environment it was made in or for."},
                   {"Summary", "string", ".spec.summary", "The result in a few sentences.", true},
                   kDigest,
                   kAge},
       .selectable = {".spec.useCase", ".spec.type", ".spec.model.digest"}});
  kinds.push_back(
      {.kind = WaiverSpec::kKind,
       .plural = "waivers",
       .doc = "Waiver asks for a time-bound exception from named measures, for one model in one "
              "environment. It counts once it is signed off as the policy's spec.waivers says, by "
              "others than whoever asked; an emergency at once, and open until it is signed off. "
              "It may "
              "not be changed afterwards.",
       .spec_doc = "The exception.",
       .spec_schema = SpecSchema<WaiverSpec>,
       .status_schema = StatusSchema<EvidenceStatus>,
       .columns = {{"UseCase", "string", ".spec.useCase", "Use case."},
                   {"Policy", "string", ".spec.policy", "Policy whose measures are waived."},
                   {"Env", "string", ".spec.environment", "Environment it is for."},
                   // A date is shown as an age, of what lies ahead as "<invalid>".
                   {"Expires", "string", ".spec.expiresAt", "When it ends."},
                   {"Emergency", "boolean", ".spec.emergency",
                    "Whether it counts without sign-offs."},
                   {"Ticket", "string", ".spec.ticket", "Where its end is worked on.", true},
                   kDigest,
                   kAge},
       .selectable = {".spec.useCase", ".spec.policy", ".spec.environment", ".spec.model.digest"}});
  kinds.push_back(
      {.kind = IncidentSpec::kKind,
       .plural = "incidents",
       .doc = "Incident is something that went wrong with an AI system. What it quarantines does "
              "not serve from the moment it exists until it is closed, by an IncidentReview and "
              "sign-offs as the policy's spec.incidents says. It may not be changed.",
       .spec_doc = "What happened.",
       .spec_schema = SpecSchema<IncidentSpec>,
       .status_schema = StatusSchema<EvidenceStatus>,
       .columns = {{"UseCase", "string", ".spec.useCase", "Use case."},
                   {"Severity", "string", ".spec.severity", "How bad it is."},
                   {"Category", "string", ".spec.category", "What kind it is."},
                   {"Quarantine", "string", ".spec.quarantine.scope", "What may not serve."},
                   {"Aware", "date", ".spec.awareAt", "When it became known."},
                   {"Summary", "string", ".spec.summary", "What happened.", true},
                   kAge},
       .selectable = {".spec.useCase", ".spec.severity", ".spec.category"}});
  kinds.push_back(
      {.kind = ModelRecordSpec::kKind,
       .plural = "modelrecords",
       .short_name = "modelrec",
       .namespaced = false,
       .doc = "ModelRecord is what has been seen of one model, by digest, or of one use case as a "
              "whole: results and how many attempts they took, decisions, incidents, where it "
              "served. Only the operator writes it, and signs it. What is deleted elsewhere stays "
              "here and goes on to count.",
       .spec_doc = "The record.",
       .spec_schema = SpecSchema<ModelRecordSpec>,
       .status_schema = StatusSchema<EvidenceStatus>,
       .columns = {{"Digest", "string", ".spec.digest", "Digest of the model."},
                   {"UseCase", "string", ".spec.useCase", "Of a record of a use case.", true},
                   {"Full", "boolean", ".spec.full", "Whether it can hold no more.", true},
                   kAge},
       .selectable = {".spec.digest"}});
  return kinds;
}

Json Columns(const KindInfo& kind) {
  Json columns = Json::array();
  for (const PrinterColumn& column : kind.columns) {
    Json json = {{"name", std::string(column.name)},
                 {"type", std::string(column.type)},
                 {"jsonPath", std::string(column.path)},
                 {"description", std::string(column.doc)}};
    if (column.wide) json["priority"] = 1;
    columns.push_back(std::move(json));
  }
  return columns;
}

Json ObjectSchema(const KindInfo& kind) {
  Json spec = kind.spec_schema();
  spec["description"] = std::string(kind.spec_doc);
  Json status = kind.status_schema();
  status["description"] = "What the operator last saw. Only the operator may write it.";
  // kstatus takes an object without status for done; -1 says that nobody has looked yet.
  status["default"] = {{"observedGeneration", -1}};
  return {{"type", "object"},
          {"description", std::string(kind.doc)},
          {"required", Json::array({"spec"})},
          {"properties",
           {{"apiVersion",
             {{"type", "string"}, {"description", "Group and version: countersign.dev/v1alpha1."}}},
            {"kind", {{"type", "string"}, {"description", std::string(kind.kind) + "."}}},
            {"metadata", {{"type", "object"}}},
            {"spec", std::move(spec)},
            {"status", std::move(status)}}}};
}

}  // namespace

const std::vector<KindInfo>& AllKinds() {
  static const std::vector<KindInfo> kinds = MakeKinds();
  return kinds;
}

std::string SingularOf(const KindInfo& kind) {
  std::string singular(kind.kind);
  std::transform(singular.begin(), singular.end(), singular.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return singular;
}

std::string CrdName(const KindInfo& kind) {
  return std::string(kind.plural) + "." + std::string(kApiGroup);
}

Json CrdOf(const KindInfo& kind) {
  Json names = {{"kind", std::string(kind.kind)},
                {"listKind", std::string(kind.kind) + "List"},
                {"plural", std::string(kind.plural)},
                {"singular", SingularOf(kind)},
                {"categories", Json::array({std::string(kCategory)})}};
  if (!kind.short_name.empty()) names["shortNames"] = Json::array({std::string(kind.short_name)});
  Json version = {{"name", std::string(kServedVersion)},
                  {"served", true},
                  {"storage", true},
                  {"schema", {{"openAPIV3Schema", ObjectSchema(kind)}}},
                  {"subresources", {{"status", Json::object()}}},
                  {"additionalPrinterColumns", Columns(kind)}};
  if (kind.scalable) {
    version["subresources"]["scale"] = {{"specReplicasPath", ".spec.serving.replicas"},
                                        {"statusReplicasPath", ".status.replicas"},
                                        {"labelSelectorPath", ".status.selector"}};
  }
  if (!kind.selectable.empty()) {
    Json fields = Json::array();
    for (const std::string_view path : kind.selectable) {
      fields.push_back({{"jsonPath", std::string(path)}});
    }
    version["selectableFields"] = std::move(fields);
  }
  return {{"apiVersion", "apiextensions.k8s.io/v1"},
          {"kind", "CustomResourceDefinition"},
          {"metadata",
           {{"name", CrdName(kind)}, {"labels", {{"app.kubernetes.io/part-of", "countersign"}}}}},
          {"spec",
           {{"group", std::string(kApiGroup)},
            {"names", std::move(names)},
            {"scope", kind.namespaced ? "Namespaced" : "Cluster"},
            {"versions", Json::array({std::move(version)})}}}};
}

}  // namespace countersign
