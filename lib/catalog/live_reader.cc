#include "catalog/live_reader.h"

#include <algorithm>
#include <exception>

#include "base/log.h"

namespace countersign {

LiveReader::LiveReader(const KubeClient& client, Clock& clock, Catalog& catalog)
    : client_(client), clock_(clock), catalog_(catalog) {
  threads_.reserve(kMaxReads);
  for (int i = 0; i < kMaxReads; ++i) {
    threads_.emplace_back([this](const std::stop_token& stop) { Serve(stop); });
  }
}

// All are told before the first is waited for.
LiveReader::~LiveReader() {
  for (std::jthread& thread : threads_) thread.request_stop();
}

bool LiveReader::Refresh(const UseCaseRef& use_case, SteadyTime deadline) {
  if (deadline <= clock_.Steady()) return false;
  std::unique_lock lock(mutex_);
  const std::shared_ptr<Flight> flight = Board(use_case, deadline);
  if (flight == nullptr) return false;
  clock_.WaitUntil(lock, done_, {}, deadline, [&] { return !flight->running; });
  return !flight->running && flight->ok;
}

std::shared_ptr<LiveReader::Flight> LiveReader::Board(const UseCaseRef& use_case,
                                                      SteadyTime deadline) {
  const auto it = flights_.find(use_case);
  // What changed since a read ended that just did is what the caches are behind by: nothing to
  // gain.
  if (it != flights_.end() &&
      (it->second->running || clock_.Steady() - it->second->ended < kFresh)) {
    return it->second;
  }
  if (running_ >= kMaxReads) return nullptr;
  ++running_;
  auto flight = std::make_shared<Flight>(Flight{use_case, deadline});
  if (flights_.size() >= kMaxRemembered) {
    std::erase_if(flights_, [](const auto& entry) { return !entry.second->running; });
  }
  flights_[use_case] = flight;
  waiting_.push_back(flight);
  boarded_.notify_one();
  return flight;
}

void LiveReader::Serve(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (boarded_.wait(lock, stop, [this] { return !waiting_.empty(); })) {
    const std::shared_ptr<Flight> flight = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    const bool ok = Fly(*flight, stop);
    lock.lock();
    --running_;
    flight->running = false;
    flight->ok = ok;
    flight->ended = clock_.Steady();
    done_.notify_all();
  }
}

bool LiveReader::Fly(const Flight& flight, const std::stop_token& stop) {
  try {
    return Read(flight.use_case, {stop, std::min(flight.deadline, clock_.Steady() + kTimeout)});
  } catch (const std::exception& e) {
    Log(LogLevel::kError, "a live read failed",
        {{"useCase", flight.use_case.name_space + "/" + flight.use_case.name},
         {"error", e.what()}});
    return false;
  }
}

std::optional<Call> LiveReader::CallUntil(const Limit& limit) const {
  const auto left =
      std::chrono::duration_cast<std::chrono::milliseconds>(limit.deadline - clock_.Steady());
  if (left.count() <= 0) return std::nullopt;
  return Call{.stop = limit.stop, .timeout = left};
}

bool LiveReader::Read(const UseCaseRef& use_case, const Limit& limit) {
  if (use_case.name.empty()) return ReadPolicies(limit);
  const auto call = CallUntil(limit);
  if (!call) return false;
  auto object = client_.Get(kUseCases, {use_case.name_space, use_case.name}, *call);
  if (object) {
    catalog_.Upsert(kUseCases, std::move(*object));
  } else if (object.error().code != Code::kNotFound) {
    return false;
  }
  const std::string& ns = use_case.name_space;
  return ReadPolicies(limit) &&
         ReadList(kSignOffs, ns, "spec.subject.useCase=" + use_case.name, limit) &&
         ReadList(kReproducibilitySnapshots, ns, "spec.useCase=" + use_case.name, limit) &&
         ReadList(kBiasTests, ns, "spec.useCase=" + use_case.name, limit) &&
         ReadList(kEvidence, ns, "spec.useCase=" + use_case.name, limit) &&
         ReadList(kWaivers, ns, "spec.useCase=" + use_case.name, limit) &&
         ReadList(kIncidents, ns, "spec.useCase=" + use_case.name, limit);
}

// Sign-offs on policies lie in any namespace, and matter only where there are published versions.
bool LiveReader::ReadPolicies(const Limit& limit) {
  if (!ReadList(kGovernancePolicies, {}, {}, limit)) return false;
  const auto set = catalog_.Policies();
  const bool published =
      std::any_of(set->policies.begin(), set->policies.end(),
                  [](const auto& policy) { return policy->spec.version.has_value(); });
  return !published || ReadList(kSignOffs, {}, kOnPolicies, limit);
}

bool LiveReader::ReadList(const Resource& resource, const std::string& ns,
                          const std::string& selector, const Limit& limit) {
  const auto call = CallUntil(limit);
  if (!call) return false;
  ListOptions options;
  options.field_selector = selector;
  options.page_size = 0;  // pages would each have the time that all of them may take
  auto page = client_.List(resource, ns, options, *call);
  if (!page) return false;
  for (Json& item : page->items) catalog_.Upsert(resource, std::move(item));
  return true;
}

}  // namespace countersign
