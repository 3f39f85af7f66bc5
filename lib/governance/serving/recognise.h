// recognise.h: whether an object serves a model, which one, and why it is taken for serving.
//
// Only the object is looked at: what a container downloads when it runs, what a ConfigMap or Secret
// holds that it reads, nobody can see here (docs/limits.md). What cannot be looked through is a
// fault, and an object with faults is never taken for covered. Pure; bounded in time by the size of
// the object, and in what is left of it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "governance/serving/pod_selection.h"
#include "governance/serving/pod_shape.h"
#include "governance/serving/profiles.h"
#include "governance/serving/reference.h"

namespace countersign {

// More than this in one object is a fault.
inline constexpr std::size_t kMaxServedReferences = 256;
// Longest text in an object that is parsed as YAML itself.
inline constexpr std::size_t kMaxEmbeddedBytes = std::size_t{256} * 1024;

struct ServingSign {
  std::string what;   // "image '*vllm*'": which entry of the table
  std::string path;   // where
  std::string found;  // what was there
  Certainty certainty = Certainty::kServing;
};

// By its labels the Service that the operator makes under this name sends requests to it.
struct JoinedService {
  std::string child;
  std::string path;
  friend bool operator==(const JoinedService&, const JoinedService&) = default;
};

struct Recognition {
  std::string profile;  // empty: the table knows no such kind
  bool serves = false;
  bool suspected = false;   // one hint alone
  bool batch = false;       // taken for what runs to an end
  bool unbelieved = false;  // it says so, and only itself
  bool by_kind = false;     // objects of its kind serve, whatever they say
  std::vector<ServingSign> signs;
  std::vector<ServedReference> references;  // only if it serves
  std::vector<Error> faults;
  // Digest of all that may decide what is served; without replicas, suspension and status. Empty
  // if there is none or it does not serve.
  std::string fingerprint;
  // It runs more than is among the references, which is a fault as well: it is the same as nothing.
  bool incomplete = false;
  std::optional<PodShape> pod = {};  // of kinds of Kubernetes' own, if it serves
  std::vector<JoinedService> joins = {};
};

// `owned`: whether to believe the object that a controller owns it. A Pod that is not restarted
// and that a controller owns runs to an end, as those of Jobs do; anybody can write the rest.
[[nodiscard]] Recognition Recognise(const ServingProfiles& table, const Json& object,
                                    bool owned = true);

// What a scan knows beside the object.
struct RunningFacts {
  std::vector<PodSelection> selections;
  std::map<std::string, std::string> models;  // digest to "ModelDeployment 'ns/name'" that names it
};

// The same of what runs already: also by what nodes report of a Pod's images, and by who takes the
// Pod for a model server.
[[nodiscard]] Recognition RecogniseRunning(const ServingProfiles& table, const Json& object,
                                           const RunningFacts& facts, bool owned = true);

// "image 'vllm/vllm-openai:v0.9' at spec.containers[0].image", of the surest sign; of hints one of
// each kind.
[[nodiscard]] std::string WhyServing(const Recognition& recognition);

}  // namespace countersign
