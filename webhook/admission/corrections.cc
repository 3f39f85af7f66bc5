// What an object says that it corrects (spec.supersedes), when it is created.
#include "governance/measures/corrections.h"

#include "governance/measures/context.h"
#include "governance/signers.h"
#include "webhook/admission/handler.h"

namespace countersign {
namespace {

const auto& CacheFor(const Catalog& catalog, const SignOffSpec* /*kind*/) {
  return catalog.sign_offs();
}
const auto& CacheFor(const Catalog& catalog, const BiasTestSpec* /*kind*/) {
  return catalog.bias_tests();
}
const auto& CacheFor(const Catalog& catalog, const ReproducibilitySnapshotSpec* /*kind*/) {
  return catalog.snapshots();
}
const auto& CacheFor(const Catalog& catalog, const EvidenceSpec* /*kind*/) {
  return catalog.reports();
}

const std::string& UseCaseOf(const SignOffSpec& spec) { return spec.subject.use_case; }
template <class Spec>
const std::string& UseCaseOf(const Spec& spec) {
  return spec.use_case;
}

std::string AccountOf(const SignOffSpec& spec) { return spec.signer.username; }
template <class Spec>
std::string AccountOf(const Spec& /*spec*/) {
  return {};
}

template <class Spec>
Attested<Spec> Attributed(const GovernancePolicySpec& policy, Attested<Spec> one) {
  const Spec& spec = one.object->spec;
  one.by = SignerOf(policy, one.by, AccountOf(spec), spec.performed_at);
  return one;
}

// Who is one person, and whose a key is, each policy says: it is enough that one lets it stand, for
// evaluation asks again under each.
template <class Spec>
std::optional<Disregarded> WhyNoCorrectionBy(const PolicySet& set, const Attested<Spec>& corrected,
                                             const Attested<Spec>& one) {
  std::vector<std::shared_ptr<const GovernancePolicy>> policies = set.policies;
  if (policies.empty()) policies.push_back(std::make_shared<const GovernancePolicy>());
  std::optional<Disregarded> why;
  for (const auto& policy : policies) {
    const Attested<Spec> mine = Attributed(policy->spec, one);
    if (!IsAuthentic(mine.by)) continue;
    const Attested<Spec> theirs = Attributed(policy->spec, corrected);
    why = WhyNoCorrection<Spec>(
        policy->spec,
        [&](const std::string& name) {
          return name == theirs.object->meta.name ? &theirs : nullptr;
        },
        mine);
    if (!why) return std::nullopt;
  }
  return why;
}

}  // namespace

template <class Spec>
bool AdmissionHandler::CheckCorrection(Context& context, const Object<Spec>& object,
                                       std::shared_ptr<const SignatureProof> proof) const {
  const auto& supersedes = object.spec.supersedes;
  if (!supersedes) return true;
  const ObjectKey key{context.review.name_space, supersedes->name};
  const auto& cache = CacheFor(catalog_, static_cast<const Spec*>(nullptr));
  auto found = cache.Find(key);
  // What was applied in the same breath may not be in the cache yet.
  if (found.value == nullptr && RefreshLive(context, {key.ns, UseCaseOf(object.spec)})) {
    found = cache.Find(key);
  }
  if (found.value == nullptr) {
    Refuse(context.answer, "SupersedesNothing",
           "must name a " + std::string(Spec::kKind) + " in namespace '" + key.ns +
               "' that can be read, '" + key.name + "' is none",
           "spec.supersedes.name");
    return false;
  }
  Provenance by;
  by.authenticity = proof ? Authenticity::kSigned : Authenticity::kAttested;
  by.user = context.review.user.name;
  by.groups = context.review.user.groups;
  by.first_seen = context.now;
  by.signature = std::move(proof);
  const Attested<Spec> corrected{
      std::shared_ptr<const Object<Spec>>(found.value, &found.value->object), found.value->by};
  const Attested<Spec> one{std::make_shared<const Object<Spec>>(object), std::move(by)};
  auto why = WhyNoCorrectionBy(*catalog_.Policies(), corrected, one);
  if (!why) return true;
  Refuse(context.answer, why->reason, why->why, "spec.supersedes");
  return false;
}

template bool AdmissionHandler::CheckCorrection(Context&, const SignOff&,
                                                std::shared_ptr<const SignatureProof>) const;
template bool AdmissionHandler::CheckCorrection(Context&, const BiasTest&,
                                                std::shared_ptr<const SignatureProof>) const;
template bool AdmissionHandler::CheckCorrection(Context&, const ReproducibilitySnapshot&,
                                                std::shared_ptr<const SignatureProof>) const;
template bool AdmissionHandler::CheckCorrection(Context&, const EvidenceReport&,
                                                std::shared_ptr<const SignatureProof>) const;

}  // namespace countersign
