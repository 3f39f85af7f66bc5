// pod_shape.h: what a Pod is as a whole, beside what each of its containers runs (running.h).
//
// Which containers there are, in which list, what each mounts where and with which rights it runs;
// and what the Pod says for all of them: its network, its identity, its names of hosts. Left out is
// what only says where it runs, how much it takes and when it ends; every other field is compared,
// so that one that comes with a later Kubernetes is. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/describe.h"
#include "base/json.h"
#include "governance/serving/reference.h"

namespace countersign {

struct PodShape {
  struct Said {
    std::string what;  // a field, or where something is mounted
    std::string fingerprint;
    std::string text;  // of what is mounted, for messages
    friend bool operator==(const Said& a, const Said& b) {
      return a.what == b.what && a.fingerprint == b.fingerprint;
    }
  };
  struct Container {
    std::string list;
    std::string name;
    std::string image;
    std::string fingerprint;  // as ServedReference has it
    std::string path;
    std::vector<Said> fields;  // both in the order of `what`
    std::vector<Said> mounts;
  };
  std::vector<Container> containers;
  std::vector<Said> fields;
  std::string path;
  bool incomplete = false;  // it says more than is kept: it is the same as nothing
};

// `running`: what RunsIn finds in it, at the same paths.
[[nodiscard]] PodShape PodShapeOf(const Json& pod_spec, const JsonPath& at,
                                  const std::vector<ServedReference>& running);

// Of what an object of a kind of Kubernetes' own makes; nullopt for other stacks' objects, of which
// nobody knows what becomes of them.
[[nodiscard]] std::optional<PodShape> PodShapeIn(const Json& object,
                                                 const std::vector<ServedReference>& running);

}  // namespace countersign
