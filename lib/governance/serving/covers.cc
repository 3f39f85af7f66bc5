#include "governance/serving/covers.h"

#include <algorithm>
#include <set>

#include "governance/barred.h"
#include "governance/environment.h"
#include "governance/evaluate.h"
#include "governance/measures/context.h"
#include "governance/serving/guard_waiver.h"

namespace countersign {
namespace {

std::string WhyNot(const Decision& decision) {
  for (const Gate& gate : decision.gates) {
    if (IsMet(gate.state)) continue;
    return decision.GatesText() + " gates pass, " + gate.measure + " does not (" + gate.reason +
           "): kubectl countersign explain";
  }
  return "its decision is " + std::string(VerdictName(decision.verdict));
}

bool Lists(const std::vector<std::string>& list, const std::string& name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

std::set<std::string> DigestsOf(const Recognition& serving, const MadeFrom& made_from) {
  std::set<std::string> digests;
  if (!made_from.model_digest.empty()) digests.insert(made_from.model_digest);
  for (const ServedReference& reference : serving.references) {
    if (reference.kind == ServedReference::Kind::kModel && !reference.digest.empty()) {
      digests.insert(reference.digest);
    }
  }
  return digests;
}

// An open incident about one of these models, in a sentence. What it was served for is not asked:
// name and use case may have changed with the spec.
std::string QuarantineOf(const PolicySet& policies, const Facts& facts,
                         const std::set<std::string>& digests) {
  for (const auto& incident : facts.incidents) {
    const auto& quarantine = incident->spec.quarantine;
    if (!quarantine || quarantine->scope != QuarantineScope::kVersion || !quarantine->model ||
        !digests.contains(quarantine->model->digest)) {
      continue;
    }
    auto model = std::make_shared<ModelDeployment>(*facts.deployment);
    model->spec.model.name.clear();
    model->spec.model.components.clear();
    model->spec.model.digest = *quarantine->model;
    Facts alone = facts;
    alone.deployment = std::move(model);
    alone.incidents = std::vector<std::shared_ptr<const Incident>>{incident};
    const Decision decision = Evaluate(policies, alone);
    if (const Gate* gate = Barred(decision)) return gate->measure + ": " + gate->message;
  }
  return {};
}

// Whether the operator leaves nothing running of what this was decided about. Where our key may be
// the wrong one, no more is believed than what no evidence can cure.
bool EndsServing(const Decision& decision, Time now, bool key_holds) {
  const auto asks = decision.Serves() ? std::nullopt : ReactionNow(decision, now);
  return asks && *asks >= Reaction::kRollback && (key_holds || Barred(decision) != nullptr);
}

// The first gate that is not only flagged, in a sentence.
std::string WhyNoLonger(const Decision& decision) {
  const Gate* first = nullptr;
  for (const Gate& gate : decision.gates) {
    if (IsMet(gate.state)) continue;
    if (first == nullptr) first = &gate;
    if (gate.final || gate.enforcement >= Enforcement::kHold) {
      first = &gate;
      break;
    }
  }
  return "the earlier spec that it was made from no longer meets policy" +
         (first == nullptr ? std::string() : ", " + first->measure + ": " + first->message);
}

// Why nothing of that revision is to run, in a sentence; empty: it may. Of several with one digest
// the Pod does not say which it was made from, so that one which may serve lets it in.
std::string WhyEarlierEnds(const PolicySet& policies, const EarlierRevisions& revisions,
                           const Cover& cover, bool key_holds) {
  // One that is not known may have been approved meanwhile, or have ended.
  if (revisions.facts.empty() && !revisions.silent.empty()) {
    return "nobody knows whether the earlier spec that it was made from may run: " +
           revisions.silent;
  }
  // What was made up, or is of a revision that is kept no longer, is what the spec now makes it.
  if (revisions.unknown && cover.suspended) {
    return cover.why_not +
           "; and no revision that was approved of it is what this says it was "
           "made from";
  }
  std::string why;
  for (const Facts& facts : revisions.facts) {
    const Decision decision = Evaluate(policies, facts);
    if (!EndsServing(decision, facts.now, key_holds)) return {};
    why = WhyNoLonger(decision);
  }
  return why;
}

}  // namespace

std::optional<Cover> CoverFor(const PolicySet& policies, const ModelDeployment& deployment,
                              const Recognition& serving, const std::vector<ServingOwner>& owners,
                              const MadeFrom& made_from, const CoverLookups& lookups) {
  Cover cover = CoverOf(deployment.meta.name, deployment.spec);
  const auto concerns = [&](const Recognition& recognition) {
    return std::any_of(recognition.references.begin(), recognition.references.end(),
                       [&](const ServedReference& one) { return Holds(cover, one); });
  };
  const bool owns = std::any_of(owners.begin(), owners.end(), [&](const ServingOwner& owner) {
    return owner.operators_own && owner.deployment == deployment.meta.name;
  });
  // To judge those that have nothing to do with it would take a request's time.
  if (!owns && !concerns(serving) &&
      std::none_of(owners.begin(), owners.end(),
                   [&](const auto& owner) { return concerns(owner.recognition); })) {
    return std::nullopt;
  }
  if (deployment.meta.deleting) {
    cover.why_not = "it is being deleted";
    cover.suspended = true;
  } else {
    const Facts facts = lookups.gather();
    const Decision decision = Evaluate(policies, facts);
    cover.approved = decision.Serves();
    if (!cover.approved) cover.why_not = WhyNot(decision);
    cover.governed_digest = decision.governed_digest;
    // Whose stamp on it does not hold, ours may be the wrong key: nothing that runs is taken for
    // suspended on that ground.
    const bool key_holds = IsAuthentic(facts.author);
    cover.suspended = EndsServing(decision, facts.now, key_holds);
    if (owns) cover.quarantined = QuarantineOf(policies, facts, DigestsOf(serving, made_from));
    if (owns && lookups.earlier && IsOfEarlier(cover, made_from)) {
      cover.earlier_ended = WhyEarlierEnds(policies, lookups.earlier(), cover, key_holds);
    }
  }
  return cover;
}

std::optional<GuardWaiver> WaiverFor(const PolicySet& in_force, const std::string& name_space,
                                     const Recognition& serving, const AttestedWaiver& attested,
                                     const WaiverLookups& lookups) {
  const WaiverSpec& spec = attested.object->spec;
  const ObjectMeta& meta = attested.object->meta;
  const bool about = Lists(spec.measures, std::string(kShadowMeasure)) &&
                     std::any_of(serving.references.begin(), serving.references.end(),
                                 [&](const ServedReference& reference) {
                                   return reference.digest == spec.model.digest;
                                 });
  if (!about || spec.model.type != DigestType::kOciManifest) return std::nullopt;
  const UseCaseRef home{meta.name_space, spec.use_case};
  const auto use_case = lookups.use_case(home);
  // Whoever deploys elsewhere must not learn what lies in a home that is not theirs.
  if (use_case == nullptr || !Lists(use_case->spec.deploy_to, name_space)) return std::nullopt;
  ModelDeployment asked;
  asked.meta.name_space = name_space;
  asked.spec.use_case = home;
  asked.spec.model.digest = spec.model;
  const Facts facts = lookups.gather(std::make_shared<const ModelDeployment>(std::move(asked)));
  GuardWaiver waiver{meta.name_space + "/" + meta.name, false,
                     "no policy in force has an environment of this namespace that it names",
                     spec.model.digest};
  for (const auto& policy : in_force.policies) {
    if (policy->meta.name != spec.policy) continue;
    for (const PolicyEnvironment* environment : EnvironmentsOf(policy->spec, name_space)) {
      if (environment->name != spec.environment) continue;
      waiver.fits = true;
      const ShadowWaiver judged = JudgeShadowWaiver(*policy, *environment, facts, attested);
      waiver.active = judged.active;
      waiver.why_not = judged.why_not;
      waiver.emergency = judged.emergency ? judged.text : std::string();
    }
  }
  return waiver;
}

}  // namespace countersign
