// live_reader.h: the one bounded look at the API server before something is called missing.
//
// Caches lag by some milliseconds, so that a sign-off and the deployment it is for, applied in one
// go, would race. Before a denial for want of evidence the webhook asks once, live, what there is
// of that use case. Asked for one use case by many at once, one read serves them all; a read that
// ended less than kFresh ago is not repeated; at most kMaxReads run side by side, and who comes
// then is answered from the caches, so that no flood of refusals becomes a flood on the API server.
// A read takes at most kTimeout and never outlasts its caller's deadline. Thread-safe.
#pragma once

#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>

#include "base/clock.h"
#include "catalog/catalog.h"

namespace countersign {

class LiveReader {
 public:
  static constexpr std::chrono::milliseconds kFresh{1000};
  static constexpr std::chrono::milliseconds kTimeout{500};  // all calls of a read
  static constexpr int kMaxReads = 4;
  // Use cases remembered; when it is full, all those not being read are forgotten.
  static constexpr std::size_t kMaxRemembered = 4096;

  LiveReader(const KubeClient& client, Clock& clock, Catalog& catalog)
      : client_(client), clock_(clock), catalog_(catalog) {}

  // Brings the catalog up to date about one use case and the policies; about these alone where the
  // name is empty. False when nothing new can
  // be known: no capacity, an error, or `deadline` came first.
  bool Refresh(const UseCaseRef& use_case, SteadyTime deadline);

 private:
  struct Flight {
    bool running = true;
    bool ok = false;
    SteadyTime ended{};
  };
  bool Read(const UseCaseRef& use_case, SteadyTime deadline);
  bool ReadPolicies(SteadyTime deadline);
  bool ReadList(const Resource& resource, const std::string& ns, const std::string& selector,
                SteadyTime deadline);
  // One call that ends by `deadline`; nullopt when that has come.
  [[nodiscard]] std::optional<Call> CallUntil(SteadyTime deadline) const;
  void Land(Flight& flight, bool ok);

  const KubeClient& client_;
  Clock& clock_;
  Catalog& catalog_;
  std::mutex mutex_;
  std::condition_variable_any done_;
  std::map<UseCaseRef, std::shared_ptr<Flight>> flights_;
  int running_ = 0;
};

}  // namespace countersign
