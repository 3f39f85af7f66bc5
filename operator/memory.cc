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
  known_[key] = std::move(remembered);
}

void Memory::Forget(const ObjectKey& key) {
  const std::lock_guard lock(mutex_);
  known_.erase(key);
}

Memory::Summary Memory::Summarise(Time now, Seconds horizon) const {
  Summary summary;
  const std::lock_guard lock(mutex_);
  for (const auto& [key, one] : known_) {
    ++summary.verdicts[one.verdict];
    for (const Time until : one.valid_until) {
      if (until > now && until <= now + horizon) ++summary.expiring_soon;
    }
  }
  return summary;
}

}  // namespace countersign
