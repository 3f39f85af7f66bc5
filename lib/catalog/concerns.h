// concerns.h: whom an object that cannot be decoded might concern, read leniently.
//
// An unreadable SignOff may be a rejection, an unreadable BiasTest a failed one: whatever they may
// be about has to wait. Often the reference still reads, and then the neighbours need not wait too.
// Where it does not, or nothing was noted, everything is concerned. Thread-safe.
#pragma once

#include <map>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "base/json.h"
#include "base/result.h"
#include "kube/resource.h"

namespace countersign {

class Concerns {
 public:
  // Notes an object that failed to decode. Names add up while it stays unreadable, so that an older
  // state read late cannot narrow what a newer one said.
  void Note(const Json& object);
  // It can be read again, or is gone.
  void Forget(std::string_view kind, const ObjectKey& key);

  // Whether evidence may be about that use case of its namespace.
  [[nodiscard]] bool MayConcern(std::string_view kind, const ObjectKey& key,
                                const std::string& use_case) const;
  // Whether it is a sign-off on a policy, as far as anybody knows.
  [[nodiscard]] bool OnPolicy(std::string_view kind, const ObjectKey& key) const;
  // Whether an unreadable use case names this namespace in spec.deployTo, for sure.
  [[nodiscard]] bool DeploysTo(const ObjectKey& use_case, const std::string& name_space) const;

 private:
  struct Names {
    std::set<std::string> known;
    bool unclear = false;    // the field did not read
    bool on_policy = false;  // it is about a policy, and no use case
  };
  using Key = std::pair<std::string, ObjectKey>;

  mutable std::mutex mutex_;
  std::map<Key, Names> names_;
};

// What an unknown fact says of an object that cannot be decoded. The reason is for whoever may see
// the object; 300 bytes say it.
[[nodiscard]] std::string UnreadableObject(std::string_view kind, const std::string& name,
                                           const Error& error);

}  // namespace countersign
