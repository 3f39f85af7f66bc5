#include "catalog/live_reader.h"

#include <algorithm>

namespace countersign {

bool LiveReader::Refresh(const UseCaseRef& use_case, SteadyTime deadline) {
  std::shared_ptr<Flight> flight;
  {
    std::unique_lock lock(mutex_);
    const auto it = flights_.find(use_case);
    if (it != flights_.end()) {
      const std::shared_ptr<Flight> other = it->second;
      if (other->running) {
        clock_.WaitUntil(lock, done_, {}, deadline, [&] { return !other->running; });
        return !other->running && other->ok;
      }
      // What changed since that read ended is what the caches are behind by: nothing to gain.
      if (clock_.Steady() - other->ended < kFresh) return other->ok;
    }
    if (running_ >= kMaxReads) return false;
    ++running_;
    flight = std::make_shared<Flight>();
    if (flights_.size() >= kMaxRemembered) {
      std::erase_if(flights_, [](const auto& entry) { return !entry.second->running; });
    }
    flights_[use_case] = flight;
  }
  bool ok = false;
  try {
    ok = Read(use_case, std::min(deadline, clock_.Steady() + kTimeout));
  } catch (...) {
    // Whoever waits for this read must not wait for ever; the caller handles the rest.
    Land(*flight, false);
    throw;
  }
  Land(*flight, ok);
  return ok;
}

void LiveReader::Land(Flight& flight, bool ok) {
  {
    const std::lock_guard lock(mutex_);
    --running_;
    flight.running = false;
    flight.ok = ok;
    flight.ended = clock_.Steady();
  }
  done_.notify_all();
}

std::optional<Call> LiveReader::CallUntil(SteadyTime deadline) const {
  const auto left =
      std::chrono::duration_cast<std::chrono::milliseconds>(deadline - clock_.Steady());
  if (left.count() <= 0) return std::nullopt;
  return Call{.stop = {}, .timeout = left};
}

bool LiveReader::Read(const UseCaseRef& use_case, SteadyTime deadline) {
  if (use_case.name.empty()) return ReadPolicies(deadline);
  const auto call = CallUntil(deadline);
  if (!call) return false;
  auto object = client_.Get(kUseCases, {use_case.name_space, use_case.name}, *call);
  if (object) {
    catalog_.Upsert(kUseCases, std::move(*object));
  } else if (object.error().code != Code::kNotFound) {
    return false;
  }
  const std::string& ns = use_case.name_space;
  return ReadPolicies(deadline) &&
         ReadList(kSignOffs, ns, "spec.subject.useCase=" + use_case.name, deadline) &&
         ReadList(kReproducibilitySnapshots, ns, "spec.useCase=" + use_case.name, deadline) &&
         ReadList(kBiasTests, ns, "spec.useCase=" + use_case.name, deadline) &&
         ReadList(kEvidence, ns, "spec.useCase=" + use_case.name, deadline) &&
         ReadList(kWaivers, ns, "spec.useCase=" + use_case.name, deadline) &&
         ReadList(kIncidents, ns, "spec.useCase=" + use_case.name, deadline);
}

// Sign-offs on policies lie in any namespace, and matter only where there are published versions.
bool LiveReader::ReadPolicies(SteadyTime deadline) {
  if (!ReadList(kGovernancePolicies, {}, {}, deadline)) return false;
  const auto set = catalog_.Policies();
  const bool published =
      std::any_of(set->policies.begin(), set->policies.end(),
                  [](const auto& policy) { return policy->spec.version.has_value(); });
  return !published || ReadList(kSignOffs, {}, kOnPolicies, deadline);
}

bool LiveReader::ReadList(const Resource& resource, const std::string& ns,
                          const std::string& selector, SteadyTime deadline) {
  const auto call = CallUntil(deadline);
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
