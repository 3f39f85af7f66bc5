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
  const auto left =
      std::chrono::duration_cast<std::chrono::milliseconds>(deadline - clock_.Steady());
  const bool ok = left.count() > 0 && Read(use_case, std::min(left, kTimeout));
  {
    const std::lock_guard lock(mutex_);
    --running_;
    flight->running = false;
    flight->ok = ok;
    flight->ended = clock_.Steady();
  }
  done_.notify_all();
  return ok;
}

bool LiveReader::Read(const UseCaseRef& use_case, std::chrono::milliseconds timeout) {
  const Call call{.stop = {}, .timeout = timeout};
  auto object = client_.Get(kUseCases, {use_case.name_space, use_case.name}, call);
  if (object) {
    catalog_.Upsert(kUseCases, std::move(*object));
  } else if (object.error().code != Code::kNotFound) {
    return false;
  }
  return ReadList(kGovernancePolicies, {}, {}, call) &&
         ReadList(kSignOffs, use_case.name_space, "spec.subject.useCase=" + use_case.name, call) &&
         ReadList(kReproducibilitySnapshots, use_case.name_space, "spec.useCase=" + use_case.name,
                  call) &&
         ReadList(kBiasTests, use_case.name_space, "spec.useCase=" + use_case.name, call);
}

bool LiveReader::ReadList(const Resource& resource, const std::string& ns,
                          const std::string& selector, const Call& call) {
  ListOptions options;
  options.field_selector = selector;
  auto page = client_.List(resource, ns, options, call);
  if (!page) return false;
  for (Json& item : page->items) {
    // Lists of custom resources carry kind and apiVersion in each item, decoders ask for them.
    catalog_.Upsert(resource, std::move(item));
  }
  return true;
}

}  // namespace countersign
