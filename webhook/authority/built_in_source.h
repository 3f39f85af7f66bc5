// built_in_source.h: the serving certificate from the built-in authority.
//
// Authority and leaf live in a Secret, and that is how replicas agree, without a leader: each plans
// from the same Secret, whoever writes first has decided, and all serve what is stored. Publishing
// the authority in the caBundle of the webhook configurations is the operator's; this source only
// reads there whether it is done. Keeps the last whole state in memory: a Secret that somebody
// deletes or spoils is put back without a request being lost, and new keys follow. Thread-safe;
// one thread works, handshakes only take a pointer.
#pragma once

#include <array>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "base/clock.h"
#include "kube/informer.h"
#include "kube/server_clock.h"
#include "webhook/authority/configuration_state.h"
#include "webhook/authority/rotation.h"
#include "webhook/certificates/source.h"

namespace countersign {

struct BuiltInOptions {
  ObjectKey secret;           // where the authority is kept
  std::string name;           // of the leaf: `<service>.<namespace>.svc`
  std::string configuration;  // name of the two webhook configurations
  RotationPolicy policy;
  double random = 0;  // in [0, 1), another in each replica
};

// For metrics.
struct AuthorityStats {
  Time not_after{};                                   // of the authority that is served
  std::array<std::uint64_t, kRotationSteps> steps{};  // taken by this replica
  std::uint64_t unreadable = 0;                       // times the Secret was found unreadable
};

class BuiltInSource final : public CertificateSource {
 public:
  // `client`, `clock` and `server_clock` must outlive the source; the client's answers should be
  // told to `server_clock` (WithServerClock).
  BuiltInSource(const KubeClient& client, Clock& clock, const ServerClock& server_clock,
                BuiltInOptions options);
  ~BuiltInSource() override;
  BuiltInSource(const BuiltInSource&) = delete;
  BuiltInSource& operator=(const BuiltInSource&) = delete;

  void Start();
  void Stop();

  [[nodiscard]] std::shared_ptr<const ServingCertificate> Current() const override;
  [[nodiscard]] Time NotAfter() const override;
  // Also an error until the authority was seen in both configurations once: before, the API server
  // accepts no connection. Not later: without a replica behind the Service nothing is better.
  [[nodiscard]] Status Healthy() const override;
  [[nodiscard]] AuthorityStats Stats() const;

 private:
  // The Secret, as read.
  struct Stored {
    Json metadata;
    std::string type;
    Result<AuthorityState> state;
  };

  void Work(const std::stop_token& stop);
  // One look and at most one write. How long to wait unless something changes.
  std::chrono::nanoseconds Turn(const std::stop_token& stop);
  [[nodiscard]] RotationView Look();
  void Adopt(const AuthorityState& state, const AuthorityTimes& times);
  void NoteUnreadable(const Error& error);
  [[nodiscard]] bool IsPublished(const std::string& certificate) const;
  [[nodiscard]] Status Write(RotationStep step, const AuthorityState& state,
                             const std::stop_token& stop);
  void Changed();

  const KubeClient& client_;
  Clock& clock_;
  const ServerClock& server_clock_;
  const BuiltInOptions options_;
  Informer<Stored> secrets_;
  Informer<ConfigurationState> validating_;
  Informer<ConfigurationState> mutating_;

  // Worker thread only.
  std::shared_ptr<const Stored> stored_;
  std::optional<AuthorityState> remembered_;
  std::string served_;  // leaf that was adopted, PEM
  RotationTimers timers_;
  std::string last_fault_;
  std::chrono::nanoseconds back_off_{0};

  mutable std::mutex mutex_;
  std::condition_variable_any wake_;
  bool changed_ = false;                               // under mutex_
  std::shared_ptr<const ServingCertificate> current_;  // under mutex_
  bool was_published_ = false;                         // under mutex_
  AuthorityStats stats_;                               // under mutex_
  std::jthread thread_;
};

}  // namespace countersign
