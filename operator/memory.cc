#include "operator/memory.h"

namespace countersign {

Remembered Memory::Get(const ObjectKey& key, const std::string& uid) const {
  const std::lock_guard lock(mutex_);
  const auto found = known_.find(key);
  if (found != known_.end() && found->second.uid == uid) return found->second;
  Remembered fresh;
  fresh.uid = uid;
  return fresh;
}

void Memory::Set(const ObjectKey& key, Remembered remembered) {
  const std::lock_guard lock(mutex_);
  if (remembered.other_use_case.empty()) {
    other_use_cases_.erase(key);
  } else {
    other_use_cases_[key] = remembered.other_use_case;
  }
  known_[key] = std::move(remembered);
}

void Memory::Forget(const ObjectKey& key) {
  const std::lock_guard lock(mutex_);
  known_.erase(key);
  other_use_cases_.erase(key);
}

std::vector<ObjectKey> Memory::ServingFor(const std::string& use_case) const {
  std::vector<ObjectKey> keys;
  const std::lock_guard lock(mutex_);
  for (const auto& [key, other] : other_use_cases_) {
    if (other == use_case) keys.push_back(key);
  }
  return keys;
}

Memory::Summary Memory::Summarise(Time now, Seconds horizon, Seconds waiver_horizon) const {
  Summary summary;
  const std::lock_guard lock(mutex_);
  for (const auto& [key, one] : known_) {
    ++summary.verdicts[one.verdict];
    if (one.emergency == Emergency::kOpen) ++summary.emergencies_open;
    if (one.emergency == Emergency::kOverdue) ++summary.emergencies_overdue;
    for (const Time until : one.valid_until) {
      if (until > now && until <= now + horizon) ++summary.expiring_soon;
    }
    for (const Time until : one.waived_until) {
      if (until <= now) continue;
      ++summary.waived;
      if (until <= now + waiver_horizon) ++summary.waivers_ending;
    }
  }
  return summary;
}

}  // namespace countersign
