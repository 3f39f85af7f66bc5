#include "operator/webhook_configurations.h"

#include <algorithm>
#include <utility>

#include "base/digest.h"
#include "base/log.h"
#include "webhook/authority/authority_state.h"

namespace countersign {
namespace {

// Between two times that the same bundle is put back: somebody who takes it away for ever is not
// fought at the speed of the API server.
constexpr std::chrono::seconds kPutBackAfter{1};

WorkQueueOptions QueueOptions() {
  WorkQueueOptions options;
  options.max_delay = std::chrono::seconds(30);
  return options;
}

std::map<std::string, Json> ExpectedConfigurations(const InstallOptions& installed,
                                                   const std::string& name) {
  std::map<std::string, Json> expected;
  auto objects = InstallationObjects(installed);
  if (!objects) return expected;
  for (Json& object : *objects) {
    if (!object.contains("webhooks")) continue;
    object["metadata"]["name"] = name;
    const std::string kind = StringAt(object, "kind");
    expected[kind == kValidatingWebhookConfigurations.kind
                 ? kValidatingWebhookConfigurations.plural
                 : kMutatingWebhookConfigurations.plural] = std::move(object);
  }
  return expected;
}

}  // namespace

WebhookConfigurations::WebhookConfigurations(const KubeClient& client, Clock& clock,
                                             EventRecorder& events,
                                             WebhookConfigurationOptions options,
                                             Controller::Observer observe,
                                             std::function<void()> changed)
    : client_(client),
      clock_(clock),
      teller_(events),
      options_(std::move(options)),
      changed_(std::move(changed)),
      queue_(clock, QueueOptions()),
      secrets_(client, clock, FollowOne(kSecrets, options_.ca_secret),
               [](Json&& secret) -> Result<Bundle> {
                 auto state = AuthorityFromSecret(secret);
                 if (!state) return Fail(state.error());
                 return Bundle{state->Bundle()};
               }),
      validating_(client, clock, FollowOne(kValidatingWebhookConfigurations, {{}, options_.name}),
                  DecodeConfiguration),
      mutating_(client, clock, FollowOne(kMutatingWebhookConfigurations, {{}, options_.name}),
                DecodeConfiguration),
      controller_(
          "webhookconfiguration", queue_, clock,
          [this](const ObjectKey& key, const std::stop_token& stop) {
            return Reconcile(key, stop);
          },
          std::move(observe)) {
  if (options_.installed) {
    expected_ = ExpectedConfigurations(*options_.installed, options_.name);
    reinstall_ = ReinstallCommand(*options_.installed);
  }
  secrets_.OnChange([this](const ObjectChange<Bundle>&) { EnqueueBoth(); });
  validating_.OnChange([this](const ObjectChange<ConfigurationState>&) {
    queue_.Add({{}, kValidatingWebhookConfigurations.plural});
  });
  mutating_.OnChange([this](const ObjectChange<ConfigurationState>&) {
    queue_.Add({{}, kMutatingWebhookConfigurations.plural});
  });
}

std::vector<InformerBase*> WebhookConfigurations::Caches() {
  std::vector<InformerBase*> caches = {&validating_, &mutating_};
  // Nobody reads a Secret that is not tended.
  if (!options_.ca_secret.name.empty()) caches.push_back(&secrets_);
  return caches;
}

void WebhookConfigurations::Start() {
  // What was never there makes no change either.
  EnqueueBoth();
  controller_.Start(1);
}

std::vector<Weakness> WebhookConfigurations::Weaknesses() const {
  std::vector<Weakness> all;
  if (expected_.empty() || !validating_.HasSynced() || !mutating_.HasSynced()) return all;
  const ObjectKey key{{}, options_.name};
  all.push_back(Compare(kValidatingWebhookConfigurations, validating_.Get(key).get()));
  all.push_back(Compare(kMutatingWebhookConfigurations, mutating_.Get(key).get()));
  return all;
}

Weakness WebhookConfigurations::Compare(const Resource& resource,
                                        const ConfigurationState* now) const {
  return {resource.plural, resource.kind + " " + options_.name,
          FindDrift(expected_.at(resource.plural), now == nullptr ? nullptr : &now->object,
                    reinstall_)};
}

void WebhookConfigurations::Tell(const Resource& resource, const ConfigurationState* now) {
  if (expected_.empty()) return;
  if (teller_.Tell(resource, options_.name, now == nullptr ? "" : now->uid,
                   Compare(resource, now))) {
    changed_();
  }
}

void WebhookConfigurations::EnqueueBoth() {
  queue_.Add({{}, kValidatingWebhookConfigurations.plural});
  queue_.Add({{}, kMutatingWebhookConfigurations.plural});
}

ReconcileResult WebhookConfigurations::Reconcile(const ObjectKey& key,
                                                 const std::stop_token& stop) {
  const bool validating = key.name == kValidatingWebhookConfigurations.plural;
  const Resource& resource =
      validating ? kValidatingWebhookConfigurations : kMutatingWebhookConfigurations;
  const auto now = (validating ? validating_ : mutating_).Get({{}, options_.name});
  const Lookup<Bundle> bundle = secrets_.Find(options_.ca_secret);
  if (bundle.error) {
    // The webhook replaces it; what is trusted until then is what it serves from memory.
    Log(LogLevel::kWarning, "the Secret of the certificate authority cannot be read",
        {{"secret", options_.ca_secret.ToString()}, {"error", bundle.error->ToString()}});
  }
  Tell(resource, now.get());
  if (now == nullptr || bundle.found != Found::kPresent) return ReconcileResult::Done();
  return Publish(resource, *now, bundle.value->pem, stop);
}

ReconcileResult WebhookConfigurations::Publish(const Resource& resource,
                                               const ConfigurationState& now,
                                               const std::string& pem,
                                               const std::stop_token& stop) {
  if (std::all_of(now.entries.begin(), now.entries.end(),
                  [&](const auto& entry) { return entry.bundle == pem; })) {
    return ReconcileResult::Done();
  }
  const auto before = published_.find(resource.plural);
  const bool again = before != published_.end() && before->second.pem == pem;
  if (again) {
    const auto since = clock_.Steady() - before->second.at;
    if (since < kPutBackAfter) return ReconcileResult::Wait(kPutBackAfter - since);
  }
  Json entries = Json::array();
  for (const auto& entry : now.entries) {
    entries.push_back({{"name", entry.name}, {"clientConfig", {{"caBundle", Base64Encode(pem)}}}});
  }
  ApplyOptions options;
  options.force = true;  // an installer that wrote one at first gives it up here
  options.field_manager = std::string(kBundleManager);
  // With its uid, so that one that was just deleted is not made anew.
  auto applied = client_.Apply(
      resource,
      {{"metadata", {{"name", options_.name}, {"uid", now.uid}}}, {"webhooks", std::move(entries)}},
      options, Call{stop});
  if (!applied) return ReconcileResult::From(applied.error());
  published_[resource.plural] = {pem, clock_.Steady()};
  if (again) {
    Log(LogLevel::kWarning, "somebody changed the caBundle; it is put back",
        {{"configuration", resource.kind + " " + options_.name}});
  } else {
    Log(LogLevel::kInfo, "certificate authority published",
        {{"configuration", resource.kind + " " + options_.name}});
  }
  auto& cache = resource == kValidatingWebhookConfigurations ? validating_ : mutating_;
  cache.Upsert(std::move(*applied));
  return ReconcileResult::Done();
}

}  // namespace countersign
