// world.h: the objects of ours that a command has read, and the facts about the deployments among
// them.
//
// The third adapter to Evaluate, beside webhook and operator. Who made an object is for the caller
// to say: offline nobody was authenticated, so each object comes from whom it names (ClaimedMaker);
// in a cluster it carries a stamp (stamps.h). Objects of other API groups are ignored. Not
// thread-safe.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/time.h"
#include "cli/manifests.h"
#include "governance/decision.h"
#include "governance/facts.h"

namespace countersign {

// Of a ModelDeployment: what it was made from by adoption.h.
inline constexpr std::string_view kAdoptedFrom = "countersign.dev/adopted-from";

// Who made an object, from the object and the digest that a stamp of it would bind.
using Maker = std::function<Provenance(const Json& object, const std::string& stamped_digest)>;

// Takes objects at their word: a sign-off is its signer's, and since when it exists is its
// creationTimestamp, else `now`.
[[nodiscard]] Maker ClaimedMaker(Time now);

struct WorldOptions {
  Maker maker;
  std::string name_space;   // for objects that name none
  bool from_files = false;  // and not as a cluster has stored them
};

class World {
 public:
  struct Deployment {
    std::string source;
    std::shared_ptr<const ModelDeployment> object;
    std::shared_ptr<const Json> spec;  // as it was written
    std::string governed_digest;
    Provenance author;
    std::string status_verdict;  // what the operator wrote, if it did
    std::string adopted_from{};  // "Deployment/chat", as its annotation says (adoption.h)
    // What it stands in; empty: standard input. nullopt: it is taken as a cluster has it.
    std::optional<std::string> file{};
  };

  explicit World(WorldOptions options) : options_(std::move(options)) {}

  // Fails on an object of ours that is malformed, or there again and not the same, with its source
  // and path. What a pipeline makes and what the cluster has of it already count once.
  Located<void> Add(const Manifest& manifest);
  Located<void> AddAll(const std::vector<Manifest>& manifests);

  // A policy or evidence that Add refused: what it might say is an unknown fact, as in the cluster.
  void AddUnreadable(const Manifest& manifest, const Error& error);

  // Leaves the policies that count at `now`, as policies that count as they stand.
  void SettlePolicies(Time now);

  [[nodiscard]] const PolicySet& policies() const { return policies_; }
  [[nodiscard]] const std::vector<Deployment>& deployments() const { return deployments_; }
  // Without those on policies, which stand with these.
  [[nodiscard]] const std::vector<AttestedSignOff>& sign_offs() const { return sign_offs_; }
  [[nodiscard]] const std::vector<AttestedSnapshot>& snapshots() const { return snapshots_; }
  [[nodiscard]] const std::vector<AttestedBiasTest>& bias_tests() const { return bias_tests_; }
  [[nodiscard]] const std::vector<AttestedEvidence>& reports() const { return reports_; }
  [[nodiscard]] const std::vector<AttestedWaiver>& waivers() const { return waivers_; }
  // Null if there is none.
  [[nodiscard]] std::shared_ptr<const UseCase> FindUseCase(const std::string& name_space,
                                                           const std::string& name) const;
  [[nodiscard]] Facts FactsOf(const Deployment& deployment, Time now) const;

 private:
  template <class Spec>
  Located<void> TakeEvidence(const Manifest& manifest, const Json& object,
                             std::vector<Attested<Spec>>& list);
  Located<void> TakeDeployment(const Manifest& manifest, const Json& object);
  Located<void> Take(const Manifest& manifest, const std::string& kind, const Json& object);

  WorldOptions options_;
  std::map<std::string, std::string> seen_;  // kind, namespace and name, to digest of the spec
  PolicySet policies_;
  std::vector<std::shared_ptr<const UseCase>> use_cases_;
  std::vector<Deployment> deployments_;
  std::vector<AttestedSignOff> sign_offs_;
  std::vector<AttestedSnapshot> snapshots_;
  std::vector<AttestedBiasTest> bias_tests_;
  std::vector<AttestedEvidence> reports_;
  std::vector<AttestedWaiver> waivers_;
  std::vector<std::shared_ptr<const Incident>> incidents_;
  std::vector<std::shared_ptr<const ModelRecord>> records_;
  std::vector<std::pair<std::string, std::string>> unreadable_;  // home namespace, sentence
};

// Has the remedies of a decision sign the deployment from its file (offline.h), if it stands in
// one.
void NameFile(Decision& decision, const World::Deployment& deployment);

}  // namespace countersign
