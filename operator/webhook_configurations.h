// webhook_configurations.h: what the operator does about our webhook configurations.
//
// It publishes the built-in authority: the caBundle of every entry is what the Secret of the
// webhook says, put there by server-side apply under a field manager of its own that holds nothing
// else. Whatever else they say is their installer's. Reads the Secret's certificates and keeps no
// key. Start its caches with the others; its controller only while leading.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "kube/client.h"
#include "kube/informer.h"
#include "kube/work_queue.h"
#include "operator/controller.h"
#include "webhook/authority/configuration_state.h"

namespace countersign {

// Field manager of the caBundle.
inline constexpr std::string_view kBundleManager = "countersign-ca";

struct WebhookConfigurationOptions {
  ObjectKey ca_secret;               // of the built-in authority; no name: it is not tended
  std::string name = "countersign";  // of both configurations
};

class WebhookConfigurations {
 public:
  // `client` and `clock` must outlive it. `observe` hears every round, for metrics.
  WebhookConfigurations(const KubeClient& client, Clock& clock, WebhookConfigurationOptions options,
                        Controller::Observer observe);

  [[nodiscard]] std::vector<InformerBase*> Caches();
  void Start() { controller_.Start(1); }
  void Stop() { controller_.Stop(); }

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

  const KubeClient& client_;
  Clock& clock_;
  const WebhookConfigurationOptions options_;
  WorkQueue queue_;
  Informer<Bundle> secrets_;
  Informer<ConfigurationState> validating_;
  Informer<ConfigurationState> mutating_;
  std::map<std::string, Published> published_;  // by plural; the controller's one worker only
  Controller controller_;
};

}  // namespace countersign
