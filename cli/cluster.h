// cluster.h: the connection of a command to the API server, and its errors in a user's words.
//
// Credentials and server come from where kubectl takes them. One instance a command; calls block.
#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "cli/command.h"
#include "kube/client.h"

namespace countersign {

class Cluster {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Cluster>> Connect(const Global& global);

  [[nodiscard]] const KubeClient& client() const { return *client_; }
  // --namespace, else the context's, else "default".
  [[nodiscard]] const std::string& name_space() const { return name_space_; }
  [[nodiscard]] Time Now() const { return clock_.Now(); }

  // One object; the error says what was looked for, where, and what to do about it.
  [[nodiscard]] Result<Json> Get(const Resource& resource, const ObjectKey& key) const;
  [[nodiscard]] Result<std::vector<Json>> List(const Resource& resource, const std::string& ns,
                                               const std::string& field_selector = {}) const;
  // That namespace `ns` is there, where the caller may know: what is asked for in one that is
  // mistyped is found to be nothing, which would read as good. Empty is all namespaces.
  [[nodiscard]] Status CheckNamespace(const std::string& ns) const;
  // The account that the API server takes us for.
  [[nodiscard]] Result<std::string> WhoAmI() const;

  // "cannot read modeldeployments.countersign.dev 'a' in namespace 'b': …"
  [[nodiscard]] Error Explain(const std::string& action, const ApiError& error) const;

 private:
  Cluster() = default;

  SystemClock clock_;
  std::unique_ptr<KubeClient> client_;
  std::string name_space_;
  std::string server_;
};

}  // namespace countersign
