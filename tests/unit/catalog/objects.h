// objects.h: small objects of our kinds as the API server would store them.
#pragma once

#include <string>

#include "base/json.h"
#include "base/yaml.h"
#include "evidence/stamp.h"

namespace countersign {

inline Json FromYaml(const std::string& text) { return ParseYaml(text).value(); }

inline Json InNamespace(Json object, const std::string& ns, const std::string& name) {
  if (!ns.empty()) SetPath(object, "metadata/namespace", ns);
  SetPath(object, "metadata/name", name);
  SetPath(object, "metadata/uid", "uid-" + ns + "-" + name);
  return object;
}

inline Json PolicyJson(const std::string& name) {
  return InNamespace(FromYaml(R"(
apiVersion: countersign.dev/v1alpha1
kind: GovernancePolicy
spec:
  environments: [{name: prod, namespaces: [lending-prod], enforcement: Deny}]
  roles: [{name: validator, level: Tactical, subjects: [{kind: Group, name: model-risk}]}]
  classification:
    signOff: {role: validator, count: 1, assurance: Requester}
    questions: [{name: audience, description: Who meets it, options: {public: 3, internal: 1}}]
    classes: [{name: low, when: {otherwise: true}}]
  measures:
  - name: validation
    step: PreProduction
    accountable: validator
    require: {signOff: {role: validator, count: 1, assurance: Requester}}
)"),
                     "", name);
}

// A published version; the first of its line where `supersedes` is empty.
inline Json VersionJson(const std::string& name, const std::string& supersedes) {
  Json object = PolicyJson(name);
  object["spec"]["version"] = {{"label", "1"}};
  if (!supersedes.empty()) object["spec"]["version"]["supersedes"] = supersedes;
  object["spec"]["succession"]["signOff"] = {
      {"role", "validator"}, {"count", 1}, {"assurance", "Requester"}};
  return object;
}

inline Json UseCaseJson(const std::string& name, const std::string& ns = "lending") {
  return InNamespace(FromYaml(R"(
apiVersion: countersign.dev/v1alpha1
kind: UseCase
spec:
  title: Scoring
  purpose: Decides.
  purposeCategory: credit-decision
  owner: ana@bank.example
  sponsor: bea@bank.example
  developers: [{kind: Group, name: ds-lending}]
  lifecycle: Active
  answers: {audience: [public]}
  deployTo: [lending-prod]
)"),
                     ns, name);
}

inline constexpr char kModelDigest[] =
    "sha256:1111111111111111111111111111111111111111111111111111111111111111";

inline Json SignOffJson(const std::string& name, const std::string& use_case,
                        const std::string& ns = "lending") {
  Json object = FromYaml(R"(
apiVersion: countersign.dev/v1alpha1
kind: SignOff
spec:
  subject:
    kind: UseCase
    answersDigest: sha256:6666666666666666666666666666666666666666666666666666666666666666
  role: validator
  decision: Approve
  signer: {username: vera@bank.example}
  rationale: Fine.
)");
  SetPath(object, "spec/subject/useCase", use_case);
  return InNamespace(std::move(object), ns, name);
}

inline Json PolicySignOffJson(const std::string& name, const Json& policy,
                              const std::string& ns = "governance") {
  Json object = SignOffJson(name, "", ns);
  object["spec"]["subject"] = {{"kind", "GovernancePolicy"},
                               {"policy", StringAt(policy, "metadata/name")},
                               {"policyDigest", StampedDigest(policy).value()}};
  return object;
}

inline Json SnapshotJson(const std::string& name, const std::string& use_case,
                         const std::string& ns = "lending") {
  Json object = FromYaml(R"(
apiVersion: countersign.dev/v1alpha1
kind: ReproducibilitySnapshot
spec:
  performedAt: "2026-11-01T12:00:00Z"
  code: {repository: "https://git.example/credit", commit: "0123456789012345678901234567890123456789", clean: true, entryPoint: python train.py}
  parameters: {C: "1.0"}
  metrics: {accuracy: "0.87"}
)");
  SetPath(object, "spec/useCase", use_case);
  SetPath(object, "spec/model", {{"digest", kModelDigest}, {"digestType", "ociManifest"}});
  return InNamespace(std::move(object), ns, name);
}

inline Json BiasTestJson(const std::string& name, const std::string& use_case,
                         const std::string& ns = "lending") {
  Json object = FromYaml(R"(
apiVersion: countersign.dev/v1alpha1
kind: BiasTest
spec:
  performedAt: "2026-11-01T12:00:00Z"
  protocol: holdout-v1
  dataSet: {name: holdout, digest: "sha256:8888888888888888888888888888888888888888888888888888888888888888", rows: 100}
  favorableOutcome: approved
  attributes: [{name: age, bins: ["30"]}]
  cells:
  - {groups: {age: "-30"}, tp: 20, fp: 10, fn: 10, tn: 10}
  - {groups: {age: "30-"}, tp: 20, fp: 10, fn: 10, tn: 10}
)");
  SetPath(object, "spec/useCase", use_case);
  SetPath(object, "spec/model", {{"digest", kModelDigest}, {"digestType", "ociManifest"}});
  return InNamespace(std::move(object), ns, name);
}

inline Json DeploymentJson(const std::string& name, const std::string& use_case,
                           const std::string& ns = "lending-prod") {
  Json object = FromYaml(R"(
apiVersion: countersign.dev/v1alpha1
kind: ModelDeployment
spec:
  useCaseRef: {namespace: lending}
  model:
    name: scorer
    version: 1.0.0
    uri: oci://registry.example/credit@sha256:1111111111111111111111111111111111111111111111111111111111111111
    digest: sha256:1111111111111111111111111111111111111111111111111111111111111111
    digestType: ociManifest
  serving:
    backend: Deployment
    replicas: 1
    port: 8080
    template:
      spec:
        containers:
        - {name: server, image: "registry.example/server@sha256:3333333333333333333333333333333333333333333333333333333333333333"}
)");
  SetPath(object, "spec/useCaseRef/name", use_case);
  return InNamespace(std::move(object), ns, name);
}

// What a newer version might have stored: it does not decode here.
inline Json FromTheFuture(Json object) {
  SetPath(object, "spec/fieldOfTomorrow", true);
  return object;
}

inline Json StampedBy(const InstallationKey& key, Json object, const std::string& user, Time now) {
  const std::string stamp = MakeStamp(key, "test", object, user, {"model-risk"}, now).value();
  object["metadata"]["annotations"][std::string(kStampAnnotation)] = stamp;
  return object;
}

}  // namespace countersign
