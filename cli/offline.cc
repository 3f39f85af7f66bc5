#include "cli/offline.h"

#include <memory>
#include <set>

#include "governance/evaluate.h"

namespace countersign {
namespace {

// What evidence is about, whatever its kind.
const std::string& UseCaseOf(const SignOffSpec& spec) { return spec.subject.use_case; }
const std::string& UseCaseOf(const ReproducibilitySnapshotSpec& spec) { return spec.use_case; }
const std::string& UseCaseOf(const BiasTestSpec& spec) { return spec.use_case; }
const std::string& UseCaseOf(const EvidenceSpec& spec) { return spec.use_case; }
const std::string& UseCaseOf(const WaiverSpec& spec) { return spec.use_case; }

// Whom an object names, and since when it says to exist.
Provenance Claimed(const SignOff& object, Time now) {
  return {Authenticity::kAssumed,
          {},
          object.spec.signer.username,
          {},
          object.meta.creation_time.value_or(now)};
}
// Counted from now, a waiver is the shortest that it can be: offline nobody knows when it was seen.
Provenance Claimed(const Waiver& object, Time now) {
  return {Authenticity::kAssumed, {}, {}, {}, object.meta.creation_time.value_or(now)};
}
template <class Report>
Provenance Claimed(const Report& object, Time) {
  return {Authenticity::kAssumed,
          {},
          {},
          {},
          object.meta.creation_time.value_or(object.spec.performed_at)};
}

struct Asked {
  std::string source;
  std::shared_ptr<const ModelDeployment> deployment;
  std::string governed_digest;
};

class World {
 public:
  explicit World(const OfflineOptions& options) : options_(options) {}

  Status Add(const Manifest& manifest) {
    if (!StringAt(manifest.object, "apiVersion").starts_with(std::string(kApiGroup) + "/")) {
      return {};
    }
    const std::string kind = StringAt(manifest.object, "kind");
    Json object = manifest.object;
    const bool namespaced = kind != GovernancePolicySpec::kKind;
    if (namespaced && StringAt(object, "metadata/namespace").empty()) {
      if (options_.name_space.empty()) {
        return Fail(Code::kInvalidArgument,
                    "is required: the " + kind + " names none, so give one with --namespace",
                    manifest.source + ": metadata.namespace");
      }
      SetPath(object, "metadata/namespace", options_.name_space);
    }
    const ObjectMeta meta = DecodeMeta(object);
    if (meta.name.empty() && meta.generate_name.empty()) {
      return Fail(Code::kInvalidArgument, "is required", manifest.source + ": metadata.name");
    }
    if (!meta.name.empty() &&
        !seen_.insert(kind + "/" + meta.name_space + "/" + meta.name).second) {
      return Fail(Code::kInvalidArgument, kind + " '" + meta.name + "' is there twice",
                  manifest.source);
    }
    return Take(manifest, kind, object);
  }

  [[nodiscard]] std::vector<OfflineDecision> Decide() const {
    std::vector<OfflineDecision> decisions;
    for (const Asked& asked : asked_) {
      const Facts facts = FactsOf(asked);
      decisions.push_back({asked.source, facts.name_space, facts.name, Evaluate(policies_, facts)});
    }
    return decisions;
  }

 private:
  template <class Spec>
  static Result<std::shared_ptr<const Object<Spec>>> Read(const Manifest& manifest,
                                                          const Json& object) {
    auto decoded = Decode<Spec>(object);
    if (!decoded) {
      return Fail(Code::kInvalidArgument, decoded.error().ToString(), manifest.source);
    }
    return std::make_shared<const Object<Spec>>(std::move(*decoded));
  }

  template <class Spec>
  Status TakeEvidence(const Manifest& manifest, const Json& object,
                      std::vector<Attested<Spec>>& list) {
    auto evidence = Read<Spec>(manifest, object);
    if (!evidence) return Fail(evidence.error());
    Provenance by = Claimed(**evidence, options_.now);
    list.push_back({std::move(*evidence), std::move(by)});
    return {};
  }

  Status Take(const Manifest& manifest, const std::string& kind, const Json& object) {
    if (kind == SignOffSpec::kKind) return TakeEvidence(manifest, object, sign_offs_);
    if (kind == BiasTestSpec::kKind) return TakeEvidence(manifest, object, bias_tests_);
    if (kind == EvidenceSpec::kKind) return TakeEvidence(manifest, object, reports_);
    if (kind == WaiverSpec::kKind) return TakeEvidence(manifest, object, waivers_);
    if (kind == ReproducibilitySnapshotSpec::kKind) {
      return TakeEvidence(manifest, object, snapshots_);
    }
    if (kind == GovernancePolicySpec::kKind) {
      auto policy = Read<GovernancePolicySpec>(manifest, object);
      if (!policy) return Fail(policy.error());
      policies_.policies.push_back(std::move(*policy));
      return {};
    }
    if (kind == UseCaseSpec::kKind) {
      auto use_case = Read<UseCaseSpec>(manifest, object);
      if (!use_case) return Fail(use_case.error());
      use_cases_.push_back(std::move(*use_case));
      return {};
    }
    if (kind == ModelDeploymentSpec::kKind) {
      auto deployment = Read<ModelDeploymentSpec>(manifest, object);
      if (!deployment) return Fail(deployment.error());
      auto digest = GovernedDigest(*Find(object, "spec"));
      if (!digest) return Fail(Code::kInvalidArgument, digest.error().ToString(), manifest.source);
      asked_.push_back({manifest.source, std::move(*deployment), std::move(*digest)});
      return {};
    }
    return Fail(Code::kInvalidArgument, "'" + kind + "' is not a kind of " + std::string(kApiGroup),
                manifest.source + ": kind");
  }

  template <class Spec>
  static void Collect(const UseCaseRef& ref, const std::vector<Attested<Spec>>& from,
                      std::vector<Attested<Spec>>& to) {
    for (const Attested<Spec>& one : from) {
      if (one.object->meta.name_space == ref.name_space &&
          UseCaseOf(one.object->spec) == ref.name) {
        to.push_back(one);
      }
    }
  }

  [[nodiscard]] Facts FactsOf(const Asked& asked) const {
    const ModelDeployment& deployment = *asked.deployment;
    const UseCaseRef& ref = deployment.spec.use_case;
    Facts facts;
    facts.now = options_.now;
    facts.name_space = deployment.meta.name_space;
    facts.name = deployment.meta.name;
    facts.deployment = asked.deployment;
    facts.governed_digest = asked.governed_digest;
    facts.author.authenticity = Authenticity::kAssumed;
    for (const auto& use_case : use_cases_) {
      if (use_case->meta.name_space == ref.name_space && use_case->meta.name == ref.name) {
        facts.use_case = use_case;
      }
    }
    Collect(ref, sign_offs_, facts.sign_offs);
    Collect(ref, snapshots_, facts.snapshots);
    Collect(ref, bias_tests_, facts.bias_tests);
    Collect(ref, reports_, facts.reports);
    Collect(ref, waivers_, facts.waivers);
    return facts;
  }

  const OfflineOptions options_;
  std::set<std::string> seen_;
  PolicySet policies_;
  std::vector<std::shared_ptr<const UseCase>> use_cases_;
  std::vector<Asked> asked_;
  std::vector<AttestedSignOff> sign_offs_;
  std::vector<AttestedSnapshot> snapshots_;
  std::vector<AttestedBiasTest> bias_tests_;
  std::vector<AttestedEvidence> reports_;
  std::vector<AttestedWaiver> waivers_;
};

}  // namespace

Result<std::vector<OfflineDecision>> DecideOffline(const std::vector<Manifest>& manifests,
                                                   const OfflineOptions& options) {
  World world(options);
  for (const Manifest& manifest : manifests) {
    if (auto added = world.Add(manifest); !added) return Fail(added.error());
  }
  return world.Decide();
}

std::vector<std::string> OfflineAssumptions() {
  return {
      "nobody was authenticated: each SignOff counts as made by the signer it names, who counts as "
      "holding the role it names",
      "each report counts as made by an issuer that the policy trusts, and each repetition as made "
      "by somebody independent",
      "who will apply the deployment is not known, so nobody counts as its requester",
      "a SignOff without creationTimestamp counts as made now, a report as old as its performedAt"};
}

}  // namespace countersign
