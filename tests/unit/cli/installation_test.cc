#include "cli/installation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "base/digest.h"
#include "cli/chart.h"

namespace countersign {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

InstallOptions Options() {
  InstallOptions options;
  options.url = "https://127.0.0.1:9443/";
  options.ca_pem = "-----BEGIN CERTIFICATE-----\nMII=\n-----END CERTIFICATE-----\n";
  return options;
}

std::vector<Json> Objects(const InstallOptions& options = Options()) {
  auto objects = InstallationObjects(options);
  EXPECT_TRUE(objects) << objects.error().ToString();
  return objects ? *objects : std::vector<Json>();
}

const Json& One(const std::vector<Json>& objects, const std::string& kind,
                const std::string& name) {
  for (const Json& object : objects) {
    if (StringAt(object, "kind") == kind && StringAt(object, "metadata/name") == name) {
      return object;
    }
  }
  ADD_FAILURE() << "no " << kind << " " << name;
  return objects.front();
}

// The verbs that a role grants on a resource of any group.
std::set<std::string> Verbs(const Json& role, const std::string& resource) {
  std::set<std::string> verbs;
  for (const Json& rule : role.at("rules")) {
    for (const Json& name : rule.at("resources")) {
      if (name != resource) continue;
      for (const Json& verb : rule.at("verbs")) verbs.insert(verb.get<std::string>());
    }
  }
  return verbs;
}

TEST(Installation, AnUnreachableWebhookRefusesAndTheEntriesAreBounded) {
  const auto objects = Objects();
  for (const char* kind : {"ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"}) {
    const Json& webhook = One(objects, kind, "countersign").at("webhooks").at(0);
    EXPECT_EQ(webhook.at("failurePolicy"), "Fail");
    EXPECT_EQ(webhook.at("sideEffects"), "None");
    EXPECT_EQ(webhook.at("matchPolicy"), "Equivalent");
    EXPECT_EQ(webhook.at("timeoutSeconds"), 5);
    EXPECT_EQ(webhook.at("rules").size(), 1U);
    EXPECT_EQ(webhook.at("rules").at(0).at("apiGroups"), Json::array({"countersign.dev"}));
    EXPECT_EQ(webhook.at("rules").at(0).at("operations"), Json::array({"CREATE", "UPDATE"}));
  }
}

TEST(Installation, TheUrlLeadsToTheEntriesAndTheAuthorityIsGivenAlong) {
  const auto objects = Objects();
  const Json& validate = One(objects, "ValidatingWebhookConfiguration", "countersign")
                             .at("webhooks")
                             .at(0)
                             .at("clientConfig");
  EXPECT_EQ(validate.at("url"), "https://127.0.0.1:9443/validate/v1");
  EXPECT_EQ(validate.at("caBundle"), Base64Encode(Options().ca_pem));
  const Json& mutate =
      One(objects, "MutatingWebhookConfiguration", "countersign").at("webhooks").at(0);
  EXPECT_EQ(mutate.at("clientConfig").at("url"), "https://127.0.0.1:9443/mutate/v1");
  EXPECT_EQ(mutate.at("reinvocationPolicy"), "IfNeeded");
}

TEST(Installation, AServiceIsNamedByNamespaceAndName) {
  InstallOptions options = Options();
  options.url.clear();
  options.service = "countersign-system/webhook";
  const auto objects = Objects(options);
  EXPECT_EQ(One(objects, "ValidatingWebhookConfiguration", "countersign")
                .at("webhooks")
                .at(0)
                .at("clientConfig")
                .at("service"),
            Json::parse(R"({"namespace": "countersign-system", "name": "webhook",
                            "path": "/validate/v1", "port": 443})"));
}

TEST(Installation, WrongOptionsAreRefusedInASentence) {
  const auto fault = [](const std::function<void(InstallOptions&)>& change) {
    InstallOptions options = Options();
    change(options);
    auto objects = InstallationObjects(options);
    return objects ? "" : objects.error().ToString();
  };
  EXPECT_THAT(fault([](auto& o) { o.url.clear(); }), HasSubstr("either --url or --service"));
  EXPECT_THAT(fault([](auto& o) { o.service = "a/b"; }), HasSubstr("either --url or --service"));
  EXPECT_THAT(fault([](auto& o) { o.url = "http://h"; }), HasSubstr("must be https://"));
  EXPECT_THAT(fault([](auto& o) { o.url = "https://h?x"; }), HasSubstr("must be https://"));
  EXPECT_THAT(fault([](auto& o) { o.ca_pem = "no"; }), HasSubstr("must hold a certificate"));
  for (const char* service : {"b", "/b", "a/", "a/b/c"}) {
    EXPECT_THAT(fault([&](auto& o) {
                  o.url.clear();
                  o.service = service;
                }),
                HasSubstr("must be NAMESPACE/NAME"))
        << service;
  }
}

// It remembers also while no webhook answers. Of anybody else's the webhook is asked, and the
// admission policy refuses them without it.
TEST(Installation, TheWebhookIsNotAskedAboutTheOperatorsRecordsAloneOfOurKinds) {
  InstallOptions options = Options();
  options.operator_user = "robot's";
  const auto objects = Objects(options);
  const Json& entry =
      One(objects, "ValidatingWebhookConfiguration", "countersign").at("webhooks").at(0);
  EXPECT_THAT(entry.at("rules").at(0).at("resources"), ::testing::Contains("modelrecords"));
  const auto& conditions = entry.at("matchConditions");
  ASSERT_EQ(conditions.size(), 2U);
  EXPECT_EQ(conditions.at(1).at("expression"),
            "request.resource.resource != 'modelrecords' || request.userInfo.username != "
            "'robot\\'s'");
  const Json& policy =
      One(objects, "ValidatingAdmissionPolicy", "countersign-model-records").at("spec");
  EXPECT_EQ(policy.at("failurePolicy"), "Fail");
  EXPECT_EQ(policy.at("validations").at(0).at("expression"),
            "request.userInfo.username == 'robot\\'s'");
}

// The API server fills gaps in, and what it filled in differs from what somebody else applies: the
// same text, applied by Helm and by hand, would be a conflict.
TEST(Installation, AdmissionPoliciesLeaveNoGapInWhatIsOneValue) {
  int policies = 0;
  for (const Json& object : Objects()) {
    if (StringAt(object, "kind") != "ValidatingAdmissionPolicy") continue;
    ++policies;
    const Json& matched = object.at("spec").at("matchConstraints");
    for (const char* member : {"matchPolicy", "namespaceSelector", "objectSelector"}) {
      EXPECT_TRUE(matched.contains(member)) << member << " of " << object.at("metadata");
    }
    for (const Json& rule : matched.at("resourceRules")) EXPECT_TRUE(rule.contains("scope"));
  }
  EXPECT_EQ(policies, 13);
}

// GitOps tools delete and recreate an object when they read such words or a 422.
TEST(Installation, RefusalsAreForbiddenAndNeverSayImmutable) {
  for (const Json& object : Objects()) {
    EXPECT_THAT(DumpJson(object), Not(HasSubstr("immutable")));
    if (StringAt(object, "kind") != "ValidatingAdmissionPolicy") continue;
    const bool of_statuses = StringAt(object, "metadata/name") == "countersign-locked-metadata";
    EXPECT_EQ(object.at("spec").at("failurePolicy"), of_statuses ? "Ignore" : "Fail");
    for (const Json& validation : object.at("spec").at("validations")) {
      EXPECT_EQ(validation.at("reason"), "Forbidden");
    }
  }
}

TEST(Installation, EveryAdmissionPolicyIsBoundAndDenies) {
  const auto objects = Objects();
  for (const char* name :
       {"countersign-evidence-is-final", "countersign-policy-versions-are-final",
        "countersign-policy-sign-offs-stay", "countersign-emergencies-stay",
        "countersign-evidence-stands-alone", "countersign-status-writers", "countersign-owners",
        "countersign-made-from", "countersign-signs-of-serving", "countersign-locked-metadata"}) {
    const Json& binding = One(objects, "ValidatingAdmissionPolicyBinding", name);
    EXPECT_EQ(binding.at("spec").at("policyName"), name);
    EXPECT_EQ(binding.at("spec").at("validationActions"), Json::array({"Deny", "Audit"}));
    EXPECT_EQ(One(objects, "ValidatingAdmissionPolicy", name).at("metadata").at("name"), name);
  }
}

TEST(Installation, WhoOwnsAWorkloadIsAskedOfItsStatusAsWell) {
  const auto objects = Objects();
  const Json& rule = One(objects, "ValidatingAdmissionPolicy", "countersign-owners")
                         .at("spec")
                         .at("matchConstraints")
                         .at("resourceRules")
                         .at(0);
  std::set<std::string> resources;
  for (const Json& one : rule.at("resources")) resources.insert(one.get<std::string>());
  for (const char* kind :
       {"deployments", "replicasets", "statefulsets", "daemonsets", "jobs", "cronjobs"}) {
    EXPECT_TRUE(resources.contains(kind));
    EXPECT_TRUE(resources.contains(std::string(kind) + "/status")) << kind;
  }
}

TEST(Installation, StatusIsForTheOperatorsAccountAlone) {
  InstallOptions options = Options();
  const auto expression = [&] {
    return StringAt(One(Objects(options), "ValidatingAdmissionPolicy", "countersign-status-writers")
                        .at("spec")
                        .at("validations")
                        .at(0),
                    "expression");
  };
  EXPECT_EQ(expression(),
            "request.userInfo.username == "
            "'system:serviceaccount:countersign-system:countersign-operator'");
  options.operator_user = "o'brien\\x";
  EXPECT_EQ(expression(), "request.userInfo.username == 'o\\'brien\\\\x'");
  EXPECT_EQ(One(Objects(options), "ClusterRoleBinding", "countersign-operator")
                .at("subjects")
                .at(0)
                .at("name"),
            "o'brien\\x");
}

TEST(Installation, RolesGrantWhatTheirPeopleDoAndNoMore) {
  const auto objects = Objects();
  const Json& viewer = One(objects, "ClusterRole", "countersign-viewer");
  const Json& developer = One(objects, "ClusterRole", "countersign-developer");
  const Json& approver = One(objects, "ClusterRole", "countersign-approver");
  const Json& webhook = One(objects, "ClusterRole", "countersign-webhook");
  const Json& governor = One(objects, "ClusterRole", "countersign-operator");
  const std::set<std::string> read = {"get", "list", "watch"};
  for (const char* resource : {"signoffs", "biastests", "governancepolicies", "usecases",
                               "modeldeployments", "reproducibilitysnapshots"}) {
    EXPECT_EQ(Verbs(viewer, resource), read) << resource;
    // The programs follow what they cache; what else they may, test_chart_accounts.py sees used.
    for (const Json* program : {&webhook, &governor}) {
      EXPECT_TRUE(Verbs(*program, resource).contains("watch")) << resource;
      EXPECT_FALSE(Verbs(*program, resource).contains("delete")) << resource;
    }
    EXPECT_TRUE(Verbs(governor, resource + std::string("/status")).contains("patch")) << resource;
    EXPECT_TRUE(Verbs(developer, resource + std::string("/status")).empty()) << resource;
  }
  // Written, never taken back.
  EXPECT_TRUE(Verbs(governor, "modelrecords").contains("update"));
  EXPECT_FALSE(Verbs(governor, "modelrecords").contains("delete"));
  EXPECT_EQ(Verbs(developer, "modelrecords"), read);
  EXPECT_TRUE(Verbs(approver, "signoffs").contains("create"));
  EXPECT_FALSE(Verbs(approver, "signoffs").contains("delete"));
  EXPECT_EQ(Verbs(developer, "signoffs"), read);
  EXPECT_EQ(Verbs(approver, "modeldeployments"), read);
  // Deleting the latest test would make an earlier, better one count.
  EXPECT_FALSE(Verbs(developer, "biastests").contains("delete"));
  EXPECT_EQ(Verbs(developer, "governancepolicies"), read);
}

TEST(Installation, RunningANamespaceDoesNotMakeAnApprover) {
  const auto objects = Objects();
  EXPECT_THAT(DumpJson(One(objects, "ClusterRole", "countersign-approver")),
              Not(HasSubstr("aggregate")));
  EXPECT_THAT(DumpJson(One(objects, "ClusterRole", "countersign-policy-admin")),
              Not(HasSubstr("aggregate")));
  EXPECT_THAT(DumpJson(One(objects, "ClusterRole", "countersign-developer")),
              HasSubstr("aggregate-to-edit"));
}

TEST(Installation, WithoutAnAuthorityTheBuiltInOneIsPublishedByTheOperatorAlone) {
  InstallOptions options = Options();
  options.ca_pem.clear();
  const auto objects = Objects(options);
  for (const char* kind : {"ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"}) {
    EXPECT_FALSE(One(objects, kind, "countersign")
                     .at("webhooks")
                     .at(0)
                     .at("clientConfig")
                     .contains("caBundle"));
  }
  const std::set<std::string> follow = {"list", "watch"};
  const std::set<std::string> publish = {"patch"};
  for (const char* resource :
       {"validatingwebhookconfigurations", "mutatingwebhookconfigurations"}) {
    EXPECT_EQ(Verbs(One(objects, "ClusterRole", "countersign-webhook-ca"), resource), follow);
    EXPECT_EQ(Verbs(One(objects, "ClusterRole", "countersign-operator-ca"), resource), publish);
  }
  EXPECT_EQ(Verbs(One(objects, "Role", "countersign-operator-ca"), "secrets"), follow);
  // With an authority of the installer's nobody may change what is trusted.
  for (const Json& object : Objects()) {
    if (!object.contains("rules")) continue;
    EXPECT_FALSE(Verbs(object, "validatingwebhookconfigurations").contains("patch"));
  }
}

TEST(Installation, DefinitionsComeAlongWhenAskedFor) {
  InstallOptions options = Options();
  options.crds = true;
  EXPECT_EQ(StringAt(Objects(options).front(), "kind"), "CustomResourceDefinition");
  EXPECT_EQ(StringAt(Objects().front(), "kind"), "Namespace");
}

const Json& GuardEntry(const std::vector<Json>& objects,
                       const std::string& name = "guard.countersign.dev") {
  for (const Json& webhook :
       One(objects, "ValidatingWebhookConfiguration", "countersign").at("webhooks")) {
    if (webhook.at("name") == name) return webhook;
  }
  ADD_FAILURE() << "no entry of the guard";
  return objects.front();
}

TEST(Installation, TheGuardIsAskedAboutEveryKindOfTheTableButNotByTheOperator) {
  const auto objects = Objects();
  const Json& guard = GuardEntry(objects);
  EXPECT_EQ(guard.at("clientConfig").at("url"), "https://127.0.0.1:9443/guard/v1");
  EXPECT_EQ(guard.at("failurePolicy"), "Fail");
  EXPECT_EQ(guard.at("namespaceSelector").at("matchExpressions").at(0).at("values"),
            Json::array({"kube-system", "countersign-system"}));
  std::set<std::string> resources;
  for (const Json& rule : guard.at("rules")) {
    EXPECT_EQ(rule.at("operations"), Json::array({"CREATE", "UPDATE"}));
    for (const Json& name : rule.at("resources")) {
      resources.insert(rule.at("apiGroups").at(0).get<std::string>() + "/" +
                       name.get<std::string>());
    }
  }
  for (const char* name :
       {"/pods", "/pods/ephemeralcontainers", "apps/deployments", "batch/cronjobs",
        "serving.kserve.io/inferenceservices", "ray.io/rayservices", "argoproj.io/rollouts"}) {
    EXPECT_TRUE(resources.contains(name)) << name;
  }
  EXPECT_EQ(guard.at("matchConditions").at(0).at("expression"),
            "request.userInfo.username != "
            "'system:serviceaccount:countersign-system:countersign-operator'");
}

// Each request meets one of the entries: one says "is", the other "is not", of the same.
TEST(Installation, WhatControllersOfKubernetesMakeIsLetThroughWhileNobodyCanBeAsked) {
  const auto objects = Objects();
  const Json& guard = GuardEntry(objects);
  const Json& controllers = GuardEntry(objects, "controllers.guard.countersign.dev");
  EXPECT_EQ(controllers.at("failurePolicy"), "Ignore");
  EXPECT_EQ(controllers.at("timeoutSeconds"), 2);
  for (const char* same : {"rules", "namespaceSelector", "clientConfig", "matchPolicy"}) {
    EXPECT_EQ(controllers.at(same), guard.at(same)) << same;
  }
  const Json& ours = controllers.at("matchConditions");
  const Json& theirs = guard.at("matchConditions");
  ASSERT_EQ(ours.size(), theirs.size());
  for (std::size_t i = 0; i < ours.size(); ++i) {
    if (i == 1) continue;
    EXPECT_EQ(ours.at(i), theirs.at(i));
  }
  const std::string who = StringAt(ours.at(1), "expression");
  EXPECT_THAT(who, HasSubstr("'system:serviceaccount:kube-system:replicaset-controller'"));
  EXPECT_THAT(who, HasSubstr("'system:kube-controller-manager'"));
  EXPECT_THAT(who, Not(HasSubstr("kube-system:default'")));
  EXPECT_EQ(StringAt(theirs.at(1), "expression"), "!(" + who + ")");
}

TEST(Installation, AnotherTableMakesAnotherEntry) {
  InstallOptions options = Options();
  options.serving_profiles =
      "{signals: {images: [{match: 'bank/*'}]}, profiles: [{name: own, group: bank.example, kind: "
      "Server, resource: servers, versions: [v1], serves: Always}]}";
  const auto objects = Objects(options);
  const Json& guard = GuardEntry(objects);
  EXPECT_EQ(guard.at("rules").size(), 1U);
  EXPECT_EQ(guard.at("rules").at(0).at("resources"), Json::array({"servers"}));
  EXPECT_THAT(DumpJson(guard.at("matchConditions")), HasSubstr("bank/.*"));
  options.serving_profiles = "{signals: {}, profiles: []}";
  const auto refused = InstallationObjects(options);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().ToString(), HasSubstr("profiles: must have 1 to"));
}

TEST(Installation, LocksAreAskedOfTheApiServerWithThePoliciesAsParameters) {
  const auto objects = Objects();
  const Json& spec =
      One(objects, "ValidatingAdmissionPolicy", "countersign-locked-environments").at("spec");
  EXPECT_EQ(spec.at("failurePolicy"), "Fail");
  EXPECT_EQ(spec.at("paramKind").at("kind"), "GovernancePolicy");
  bool connects = false;
  for (const Json& rule : spec.at("matchConstraints").at("resourceRules")) {
    connects = connects || rule.at("operations") == Json::array({"CONNECT"});
  }
  EXPECT_TRUE(connects);
  const Json& binding =
      One(objects, "ValidatingAdmissionPolicyBinding", "countersign-locked-environments");
  EXPECT_EQ(binding.at("spec").at("paramRef").at("parameterNotFoundAction"), "Allow");
}

TEST(Installation, ALockOfAllKindsOfAGroupNamesNoneBesideThem) {
  InstallOptions options = Options();
  options.serving_profiles =
      "{signals: {labels: [{match: bank/serves}]}, profiles: [{name: own, group: "
      "networking.istio.io, kind: Server, resource: servers, versions: [v1], serves: Always}]}";
  const auto objects = Objects(options);
  const Json& spec =
      One(objects, "ValidatingAdmissionPolicy", "countersign-locked-environments").at("spec");
  bool found = false;
  for (const Json& rule : spec.at("matchConstraints").at("resourceRules")) {
    if (rule.at("apiGroups") != Json::array({"networking.istio.io"})) continue;
    found = true;
    EXPECT_EQ(rule.at("resources"), Json::array({"*", "servers/scale"}));
  }
  EXPECT_TRUE(found);
}

std::set<std::string> AskedAbout(const Json& policy) {
  std::set<std::string> resources;
  for (const Json& rule : policy.at("spec").at("matchConstraints").at("resourceRules")) {
    for (const Json& name : rule.at("resources")) {
      resources.insert(rule.at("apiGroups").at(0).get<std::string>() + "/" +
                       name.get<std::string>());
    }
  }
  return resources;
}

TEST(Installation, WhatIsWrittenWithAStatusIsAskedOfTheApiServer) {
  const auto objects = Objects();
  const Json& signs = One(objects, "ValidatingAdmissionPolicy", "countersign-signs-of-serving");
  const Json& lock = One(objects, "ValidatingAdmissionPolicy", "countersign-locked-metadata");
  for (const char* name : {"/pods/status", "apps/deployments/status", "apps/replicasets/status",
                           "batch/jobs/status", "/bindings", "/pods/binding"}) {
    EXPECT_TRUE(AskedAbout(signs).contains(name)) << name;
    EXPECT_TRUE(AskedAbout(lock).contains(name)) << name;
  }
  EXPECT_TRUE(AskedAbout(lock).contains("/services/status"));
  EXPECT_TRUE(AskedAbout(lock).contains("networking.k8s.io/ingresses/status"));
  EXPECT_TRUE(
      AskedAbout(One(objects, "ValidatingAdmissionPolicy", "countersign-locked-environments"))
          .contains("/pods/resize"));
  // Nodes must be able to tell of their Pods, whatever the API server knows of our kinds.
  EXPECT_FALSE(signs.at("spec").contains("paramKind"));
  EXPECT_EQ(lock.at("spec").at("failurePolicy"), "Ignore");
}

TEST(Installation, ATableOfOnesOwnHasSignsOfItsOwn) {
  InstallOptions options = Options();
  options.serving_profiles =
      "{signals: {labels: [{match: bank/serves}]}, profiles: [{name: own, group: bank.example, "
      "kind: Server, resource: servers, versions: [v1], serves: Always}]}";
  const auto objects = Objects(options);
  const Json& spec =
      One(objects, "ValidatingAdmissionPolicy", "countersign-signs-of-serving").at("spec");
  EXPECT_THAT(StringAt(spec.at("variables").at(1), "expression"), HasSubstr("bank/serves=.*"));
  const auto values = ChartValues(options.serving_profiles);
  ASSERT_TRUE(values);
  EXPECT_EQ(values->at("guard").at("made").at("signs"),
            spec.at("variables").at(1).at("expression"));
}

}  // namespace
}  // namespace countersign
