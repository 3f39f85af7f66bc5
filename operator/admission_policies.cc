#include "operator/admission_policies.h"

#include <utility>

#include "base/log.h"

namespace countersign {
namespace {

InformerOptions Follow(const Resource& resource) {
  InformerOptions options;
  options.scope.resource = resource;
  options.on_error = [what = resource.Name()](const ApiError& error) {
    Log(LogLevel::kWarning, "watch failed, will try again",
        {{"object", what}, {"error", error.message}});
  };
  return options;
}

std::map<std::string, std::map<std::string, Json>> ExpectedPolicies(
    const InstallOptions& installed) {
  std::map<std::string, std::map<std::string, Json>> expected;
  auto objects = InstallationObjects(installed);
  if (!objects) return expected;
  for (Json& object : *objects) {
    const std::string kind = StringAt(object, "kind");
    for (const Resource* resource :
         {&kValidatingAdmissionPolicies, &kValidatingAdmissionPolicyBindings}) {
      if (kind != resource->kind) continue;
      const std::string name = StringAt(object, "metadata/name");
      expected[resource->plural][name] = std::move(object);
      break;
    }
  }
  return expected;
}

}  // namespace

AdmissionPolicies::AdmissionPolicies(const KubeClient& client, Clock& clock, EventRecorder& events,
                                     const InstallOptions& installed, Controller::Observer observe,
                                     std::function<void()> changed)
    : reinstall_(ReinstallCommand(installed)),
      changed_(std::move(changed)),
      expected_(ExpectedPolicies(installed)),
      queue_(clock),
      policies_(client, clock, Follow(kValidatingAdmissionPolicies),
                Decode(kValidatingAdmissionPolicies)),
      bindings_(client, clock, Follow(kValidatingAdmissionPolicyBindings),
                Decode(kValidatingAdmissionPolicyBindings)),
      teller_(events),
      controller_(
          "admissionpolicy", queue_, clock,
          [this](const ObjectKey& key, const std::stop_token&) { return Reconcile(key); },
          std::move(observe)) {
  const auto follow = [this](Policies& cache, const Resource& resource) {
    cache.OnChange([this, plural = resource.plural](const ObjectChange<Policy>& change) {
      if (expected_.at(plural).contains(change.key.name)) queue_.Add({{}, plural});
    });
  };
  follow(policies_, kValidatingAdmissionPolicies);
  follow(bindings_, kValidatingAdmissionPolicyBindings);
}

AdmissionPolicies::Policies::DecodeFunction AdmissionPolicies::Decode(
    const Resource& resource) const {
  return [ours = &expected_.at(resource.plural)](Json&& object) -> Result<Policy> {
    Policy policy;
    if (!ours->contains(StringAt(object, "metadata/name"))) return policy;
    policy.uid = StringAt(object, "metadata/uid");
    const Json* spec = Find(object, "spec");
    policy.object = {{"spec", spec == nullptr ? Json::object() : *spec}};
    return policy;
  };
}

void AdmissionPolicies::Start() {
  // What was never there makes no change either.
  for (const auto& [plural, _] : expected_) queue_.Add({{}, plural});
  controller_.Start(1);
}

const AdmissionPolicies::Policies& AdmissionPolicies::CacheOf(const Resource& resource) const {
  return resource == kValidatingAdmissionPolicies ? policies_ : bindings_;
}

Weakness AdmissionPolicies::Compare(const Resource& resource, const Json& expected) const {
  const std::string name = StringAt(expected, "metadata/name");
  const auto now = CacheOf(resource).Get({{}, name});
  return {resource.plural, resource.kind + " " + name,
          FindPolicyDrift(expected, now == nullptr ? nullptr : &now->object, reinstall_)};
}

std::vector<Weakness> AdmissionPolicies::Weaknesses() const {
  std::vector<Weakness> all;
  if (!policies_.HasSynced() || !bindings_.HasSynced()) return all;
  for (const Resource* resource :
       {&kValidatingAdmissionPolicies, &kValidatingAdmissionPolicyBindings}) {
    for (const auto& [_, expected] : expected_.at(resource->plural)) {
      all.push_back(Compare(*resource, expected));
    }
  }
  return all;
}

ReconcileResult AdmissionPolicies::Reconcile(const ObjectKey& key) {
  const Resource& resource = key.name == kValidatingAdmissionPolicies.plural
                                 ? kValidatingAdmissionPolicies
                                 : kValidatingAdmissionPolicyBindings;
  bool news = false;
  for (const auto& [name, expected] : expected_.at(resource.plural)) {
    const auto now = CacheOf(resource).Get({{}, name});
    news |=
        teller_.Tell(resource, name, now == nullptr ? "" : now->uid, Compare(resource, expected));
  }
  if (news) changed_();
  return ReconcileResult::Done();
}

}  // namespace countersign
