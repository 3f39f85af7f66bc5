#include "governance/serving/guard_waiver.h"

#include "governance/dossier.h"
#include "governance/measures/context.h"
#include "governance/measures/developers.h"
#include "governance/waivers.h"

namespace countersign {

ShadowWaiver JudgeShadowWaiver(const GovernancePolicy& policy, const PolicyEnvironment& environment,
                               const Facts& facts, const AttestedWaiver& waiver) {
  if (facts.use_case == nullptr) return {false, "its use case is not known"};
  if (!facts.unknown.empty()) return {false, facts.unknown.front()};
  const auto dossier =
      facts.dossier != nullptr ? facts.dossier : std::make_shared<const Dossier>(facts);
  const EvidenceIndex index(*dossier, policy.spec, environment.name);
  Measure measure;
  measure.name = kShadowMeasure;
  const Insiders insiders = DevelopersEver(policy.spec, facts, index);
  const Lineage lineage;
  const Context context{policy,
                        environment,
                        measure,
                        facts,
                        insiders,
                        index,
                        facts.use_case->spec.answers_digest,
                        facts.deployment->spec.model.digest,
                        lineage};
  const WaiverJudgement judgement = JudgeWaiver(context, waiver);
  if (!judgement.active) return {false, judgement.reason + ": " + judgement.text};
  return {true, {}, judgement.emergency, judgement.text};
}

}  // namespace countersign
