// webhook_configurations.h: what the operator does about our webhook configurations.
//
// It publishes the built-in authority: the caBundle of every entry is what the Secret of the
// webhook says, put there by server-side apply under a field manager of its own that holds nothing
// else. Reads the Secret's certificates and keeps no key. Whatever else they say is their
// installer's: where that is no longer what we install, it tells (log, Event, and by Weaknesses()
// metrics and the condition Enforced of policies), and changes nothing. Start its caches with the
// others; its controller only while leading. Weaknesses() may be called from any thread.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "cli/installation.h"
#include "kube/client.h"
#include "kube/event_recorder.h"
#include "kube/informer.h"
#include "kube/work_queue.h"
#include "operator/controller.h"
#include "operator/weakness.h"
#include "webhook/authority/configuration_state.h"

namespace countersign {

// Field manager of the caBundle.
inline constexpr std::string_view kBundleManager = "countersign-ca";

struct WebhookConfigurationOptions {
  ObjectKey ca_secret;               // of the built-in authority; no name: it is not tended
  std::string name = "countersign";  // of both configurations
  // As they were installed; nullopt: nobody compares.
  std::optional<InstallOptions> installed;

  [[nodiscard]] bool Asked() const { return !ca_secret.name.empty() || installed; }
};

class WebhookConfigurations {
 public:
  // `client`, `clock` and `events` must outlive it. `observe` hears every round, for metrics;
  // `changed` that Weaknesses() gives something else.
  WebhookConfigurations(const KubeClient& client, Clock& clock, EventRecorder& events,
                        WebhookConfigurationOptions options, Controller::Observer observe,
                        std::function<void()> changed);

  [[nodiscard]] std::vector<InformerBase*> Caches();
  void Start();
  void Stop() { controller_.Stop(); }
  [[nodiscard]] const Controller& Worker() const { return controller_; }

  // One for each configuration, also where nothing differs; nothing where nobody compares.
  [[nodiscard]] std::vector<Weakness> Weaknesses() const;

 private:
  struct Bundle {
    std::string pem;
  };
  struct Published {
    std::string pem;
    SteadyTime at;
  };

  // `key.name` is the plural of one of the two resources.
  ReconcileResult Reconcile(const ObjectKey& key, const std::stop_token& stop);
  ReconcileResult Publish(const Resource& resource, const ConfigurationState& now,
                          const std::string& pem, const std::stop_token& stop);
  void EnqueueBoth();
  [[nodiscard]] Weakness Compare(const Resource& resource, const ConfigurationState* now) const;
  void Tell(const Resource& resource, const ConfigurationState* now);

  const KubeClient& client_;
  Clock& clock_;
  WeaknessTeller teller_;  // the one worker only
  const WebhookConfigurationOptions options_;
  const std::function<void()> changed_;
  WorkQueue queue_;
  Informer<Bundle> secrets_;
  Informer<ConfigurationState> validating_;
  Informer<ConfigurationState> mutating_;
  std::string reinstall_;                       // the command
  std::map<std::string, Json> expected_;        // by plural; empty: nobody compares
  std::map<std::string, Published> published_;  // by plural; the controller's one worker only
  Controller controller_;
};

}  // namespace countersign
