// live_reader.h: the one bounded look at the API server before something is called missing.
//
// Caches lag by some milliseconds, so that a sign-off and the deployment it is for, applied in one
// go, would race. Before a denial for want of evidence the webhook asks once, live, what there is
// of that use case. Asked for one use case by many at once, one read serves them all; a read that
// ended less than kFresh ago is not repeated; at most kMaxReads run side by side, and who comes
// then is answered from the caches, so that no flood of refusals becomes a flood on the API server.
// A read takes at most kTimeout and never outlasts its caller's deadline. Reading, decoding and
// verifying what comes is done by threads of the reader: whoever asks waits, and no longer than to
// its deadline, however much there is to verify. What is verified too late for one is in the caches
// for the next. Thread-safe; nobody may be waiting when it is destroyed.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>
#include <vector>

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

  // All must outlive the reader.
  LiveReader(const KubeClient& client, Clock& clock, Catalog& catalog);
  ~LiveReader();
  LiveReader(const LiveReader&) = delete;
  LiveReader& operator=(const LiveReader&) = delete;

  // Brings the catalog up to date about one use case and the policies; about these alone where the
  // name is empty. False when nothing new can
  // be known: no capacity, an error, or `deadline` came first.
  bool Refresh(const UseCaseRef& use_case, SteadyTime deadline);

 private:
  struct Flight {
    UseCaseRef use_case;
    SteadyTime deadline{};
    bool running = true;
    bool ok = false;
    SteadyTime ended{};
  };
  // Until when a read may call, and what ends it before.
  struct Limit {
    std::stop_token stop;
    SteadyTime deadline;
  };
  void Serve(const std::stop_token& stop);
  // Whether the flight learnt all there is; lets no exception out of the thread.
  bool Fly(const Flight& flight, const std::stop_token& stop);
  bool Read(const UseCaseRef& use_case, const Limit& limit);
  bool ReadPolicies(const Limit& limit);
  bool ReadList(const Resource& resource, const std::string& ns, const std::string& selector,
                const Limit& limit);
  // One call that ends by then; nullopt when that has come.
  [[nodiscard]] std::optional<Call> CallUntil(const Limit& limit) const;
  // The flight of that use case, new or not; null where there is no capacity.
  [[nodiscard]] std::shared_ptr<Flight> Board(const UseCaseRef& use_case, SteadyTime deadline);

  const KubeClient& client_;
  Clock& clock_;
  Catalog& catalog_;
  std::mutex mutex_;
  std::condition_variable_any done_;
  std::condition_variable_any boarded_;
  std::map<UseCaseRef, std::shared_ptr<Flight>> flights_;
  std::deque<std::shared_ptr<Flight>> waiting_;
  int running_ = 0;                    // with those waiting
  std::vector<std::jthread> threads_;  // kMaxReads; last, they use all the rest
};

}  // namespace countersign
