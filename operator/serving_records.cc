#include "operator/serving_records.h"

#include <algorithm>

#include "governance/environment.h"
#include "governance/in_force.h"
#include "governance/measures/context.h"

namespace countersign {
namespace {

bool Believes(const GovernancePolicySpec& policy, const std::vector<Subject>& issuers,
              const std::optional<Provenance>& self) {
  return !self || IsTrustedIssuer(policy, issuers, *self);
}

bool AsksAbout(const GovernancePolicySpec& policy, const std::string& environment,
               const std::optional<Provenance>& self) {
  if (const auto& changes = policy.changes;
      changes && Believes(policy, changes->health_issuers, self)) {
    return true;
  }
  return std::any_of(policy.measures.begin(), policy.measures.end(), [&](const Measure& measure) {
    const auto& promotion = measure.require.promotion;
    return promotion && promotion->from == environment &&
           Believes(policy, promotion->rules.issuers, self);
  });
}

// The last record of each run.
std::vector<ServingRecord> LatestOf(const std::vector<ServingRecord>& records) {
  std::vector<ServingRecord> latest;
  for (const ServingRecord& record : records) {
    const auto found = std::find_if(latest.begin(), latest.end(), [&](const ServingRecord& other) {
      return other.run == record.run;
    });
    if (found == latest.end()) {
      latest.push_back(record);
    } else if (found->at < record.at) {
      *found = record;
    }
  }
  return latest;
}

}  // namespace

std::vector<std::string> EnvironmentsWithRecords(const PolicySet& policies,
                                                 const std::string& name_space,
                                                 const std::optional<Provenance>& self, Time now) {
  std::vector<std::string> names;
  for (const PolicyStanding& standing : PolicyStandings(policies, now)) {
    if (!standing.Counts()) continue;
    const GovernancePolicySpec& policy = standing.policy->spec;
    for (const PolicyEnvironment* environment : EnvironmentsOf(policy, name_space)) {
      if (std::find(names.begin(), names.end(), environment->name) == names.end() &&
          AsksAbout(policy, environment->name, self)) {
        names.push_back(environment->name);
      }
    }
  }
  return names;
}

RecordsPlan PlanServingRecords(const std::vector<std::string>& environments,
                               const std::vector<ServingRecord>& records,
                               const std::optional<ServingState>& serving, Time now) {
  RecordsPlan plan;
  const std::vector<ServingRecord> latest = LatestOf(records);
  for (const std::string& environment : environments) {
    std::optional<ServingRun> current;
    if (serving) current = ServingRun{serving->use_case, serving->model, environment};
    bool well = false;
    for (const ServingRecord& last : latest) {
      if (last.run.environment != environment || !last.healthy || last.ended) continue;
      if (current && last.run == *current) {
        well = true;
      } else {
        plan.write.push_back({last.run, true, true, {}});
      }
    }
    if (!serving || !current) continue;
    if (!well) {
      if (serving->available) plan.write.push_back({*current, true, false, {}});
    } else if (serving->unavailable_since) {
      const Time limit = *serving->unavailable_since + kUnavailableLimit;
      if (limit <= now) {
        plan.write.push_back({*current, false, false, {}});
      } else {
        plan.look_again = limit;
      }
    }
  }
  return plan;
}

}  // namespace countersign
