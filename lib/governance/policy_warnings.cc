#include "governance/policy_warnings.h"

#include <algorithm>
#include <initializer_list>
#include <map>
#include <set>

#include "governance/environment.h"
#include "governance/identity.h"

namespace countersign {
namespace {

std::string At(const char* list, std::size_t index) {
  return std::string("spec.") + list + "[" + std::to_string(index) + "]";
}

// The most that any answers can add up to.
std::int64_t HighestScore(const Classification& classification) {
  std::int64_t sum = 0;
  for (const Question& question : classification.questions) {
    std::int64_t all = 0;
    std::int64_t most = 0;
    for (const auto& [option, score] : question.options) {
      all += score;
      most = std::max(most, score);
    }
    sum += question.multiple ? all : most;
  }
  return sum;
}

// Whether some answers could make it true, each test for itself. An answer's option exists, or the
// policy would not have decoded.
bool IsPossible(const Leaf& leaf, std::int64_t highest) {
  return !leaf.score_at_least || *leaf.score_at_least <= highest;
}

template <class Group>
bool IsPossibleGroup(const Group& group, std::int64_t highest);
bool IsPossible(const Clause& clause, std::int64_t highest) {
  return IsPossibleGroup(clause, highest);
}

template <class Group>
bool IsPossibleGroup(const Group& group, std::int64_t highest) {
  const auto possible = [&](const auto& one) { return IsPossible(one, highest); };
  if (!group.any_of.empty()) return std::any_of(group.any_of.begin(), group.any_of.end(), possible);
  if (!group.all_of.empty()) return std::all_of(group.all_of.begin(), group.all_of.end(), possible);
  return IsPossible(static_cast<const Leaf&>(group), highest);
}

bool Asks(const BiasTestRequirement& r, std::initializer_list<std::string_view> metrics) {
  return std::any_of(r.metrics.begin(), r.metrics.end(), [&](const MetricBound& bound) {
    return std::find(metrics.begin(), metrics.end(), bound.name) != metrics.end();
  });
}

bool AsksPredictiveParity(const BiasTestRequirement& r) {
  return Asks(r, {"predictiveParityDifference", "predictiveParityRatio"});
}

bool AsksEqualizedOdds(const BiasTestRequirement& r) {
  return Asks(r, {"equalizedOddsDifference", "averageAbsoluteOddsDifference"}) ||
         (Asks(r, {"falsePositiveRateDifference", "falsePositiveRateRatio"}) &&
          Asks(r, {"falseNegativeRateDifference", "falseNegativeRateRatio",
                   "equalOpportunityDifference"}));
}

class Reader {
 public:
  explicit Reader(const GovernancePolicySpec& policy) : policy_(policy) {}

  std::vector<std::string> Run() {
    Classes();
    for (std::size_t i = 0; i < policy_.measures.size(); ++i) OneMeasure(policy_.measures[i], i);
    Environments();
    Parities();
    People();
    ServiceAccounts();
    if (warnings_.size() > kMaxPolicyWarnings) {
      const std::size_t more = warnings_.size() - kMaxPolicyWarnings + 1;
      warnings_.resize(kMaxPolicyWarnings - 1);
      warnings_.push_back("and " + std::to_string(more) + " more");
    }
    return std::move(warnings_);
  }

 private:
  void Add(const std::string& path, const std::string& text) {
    warnings_.push_back(path + ": " + text);
  }

  void Classes() {
    const std::int64_t highest = HighestScore(policy_.classification);
    for (std::size_t i = 0; i < policy_.classification.classes.size(); ++i) {
      const RiskClass& one = policy_.classification.classes[i];
      const std::string path = At("classification.classes", i);
      if (!one.when.otherwise && !IsPossibleGroup(one.when, highest)) {
        unreachable_.insert(one.name);
        Add(path + ".when", "no answers lead to class '" + one.name + "': they add up to at most " +
                                std::to_string(highest));
      }
      const bool asks = std::any_of(
          policy_.measures.begin(), policy_.measures.end(), [&](const Measure& measure) {
            const auto& classes = measure.applies.classes;
            return classes.empty() ||
                   std::find(classes.begin(), classes.end(), one.name) != classes.end();
          });
      if (!asks) Add(path, "class '" + one.name + "' asks for nothing (measures: none)");
    }
  }

  // A signature is a person's whom the policy lists with a key or a certificate.
  void Signers(std::int64_t signers, const std::vector<Subject>& issuers, const std::string& path) {
    if (signers <= 1) return;
    const auto people =
        std::count_if(policy_.people.begin(), policy_.people.end(), [&](const Person& person) {
          if (person.accounts.empty() || (person.keys.empty() && person.certificates.empty())) {
            return false;
          }
          Provenance who;
          who.authenticity = Authenticity::kAttested;
          who.user = person.accounts.front();
          who.groups = person.groups;
          return IsNamedByAny(policy_, issuers, who);
        });
    if (people >= signers) return;
    Add(path, "signers: " + std::to_string(signers) +
                  " asks for more people than can sign: " + std::to_string(people) +
                  " of spec.people with a key or certificate are among the issuers");
  }

  void OneMeasure(const Measure& measure, std::size_t index) {
    const Requirement& require = measure.require;
    const std::string path_of = At("measures", index) + ".require";
    if (const auto& r = require.bias_test) Signers(r->signers, r->issuers, path_of);
    if (const auto& r = require.report) Signers(r->signers, r->issuers, path_of);
    if (const auto& r = require.reproducibility) Signers(r->signers, r->issuers, path_of);
    const auto& explained = measure.require.explainability;
    if (explained && explained->top_features > 0 && explained->excluded_features.empty() &&
        policy_.ethics.protected_attributes.empty()) {
      Add(At("measures", index) + ".require.explainability.topFeatures",
          "none is excluded: neither excludedFeatures nor ethics.protectedAttributes names any");
    }
    const auto& run = measure.require.reproducibility;
    if (run && run->level == ReproducibilityLevel::kMetricsOnly &&
        run->reproduced_by != ReproducedBy::kNobody) {
      Add(At("measures", index) + ".require.reproducibility.reproducedBy",
          "level MetricsOnly asks for no commit, and a run without one cannot be repeated");
    }
    const auto& classes = measure.applies.classes;
    if (classes.empty()) return;
    const std::string path = At("measures", index) + ".applies.classes";
    if (std::all_of(classes.begin(), classes.end(),
                    [&](const std::string& name) { return unreachable_.contains(name); })) {
      return Add(path,
                 "nobody owes measure '" + measure.name + "': no answers lead to its classes");
    }
    // Classes add up, except the one for whatever is left: leaving it would end the measure.
    if (classes.size() > 1 || policy_.classification.classes.size() == 1) return;
    for (const RiskClass& one : policy_.classification.classes) {
      if (!one.when.otherwise || one.name != classes.front()) continue;
      Add(path, "only class '" + one.name + "' owes measure '" + measure.name +
                    "': a use case in any stricter class does not");
    }
  }

  // A. Chouldechova, Big Data 5 (2017) 153-163; J. Kleinberg, S. Mullainathan and M. Raghavan, ITCS
  // 2017: equal precision and equal error rates hold together only where the share of positives is
  // the same in all groups, or the model never errs. Bounds leave room, so it is no fault.
  void Parities() {
    const Measure* odds = nullptr;
    for (const Measure& measure : policy_.measures) {
      const auto& bias = measure.require.bias_test;
      if (odds == nullptr && bias && AsksEqualizedOdds(*bias)) odds = &measure;
    }
    if (odds == nullptr) return;
    for (std::size_t i = 0; i < policy_.measures.size(); ++i) {
      const auto& bias = policy_.measures[i].require.bias_test;
      if (!bias || !AsksPredictiveParity(*bias)) continue;
      Add(At("measures", i) + ".require.biasTest.metrics",
          "predictive parity here and equalized odds in measure '" + odds->name +
              "' cannot both hold exactly where groups differ in their share of positives "
              "(Chouldechova 2017; Kleinberg, Mullainathan and Raghavan 2017): leave room in the "
              "bounds, or choose one");
    }
  }

  // 21 CFR 11.50 (a) (1): a signature shows the printed name of its signer.
  void People() {
    std::map<std::string, std::string> printed;
    for (std::size_t i = 0; i < policy_.people.size(); ++i) {
      const Person& person = policy_.people[i];
      const std::string name = person.display_name.empty() ? person.name : person.display_name;
      const auto [other, fresh] = printed.emplace(name, person.name);
      if (fresh) continue;
      Add(At("people", i) + (person.display_name.empty() ? ".name" : ".displayName"),
          "'" + name + "' is also the printed name of '" + other->second +
              "': which of the two signed, it does not tell; one person has one entry with all "
              "accounts");
    }
  }

  // Kubernetes' own role edit may impersonate the service accounts of its namespace and make tokens
  // of them, so whoever has it where models serve has what the policy gives to such an account.
  void ServiceAccounts(const std::vector<Subject>& subjects, const std::string& path) {
    constexpr std::string_view kPrefix = "system:serviceaccount:";
    for (const Subject& subject : subjects) {
      const std::string_view account = subject.name;
      if (subject.kind != SubjectKind::kUser || !account.starts_with(kPrefix)) continue;
      const std::string ns(account.substr(kPrefix.size(), account.rfind(':') - kPrefix.size()));
      const auto environments = EnvironmentsOf(policy_, ns);
      if (environments.empty()) continue;
      Add(path, "'" + subject.name + "' lives in namespace '" + ns + "' of environment '" +
                    environments.front()->name +
                    "': whoever has the role edit there acts as it; keep it where nobody has");
    }
  }

  void ServiceAccounts() {
    for (std::size_t i = 0; i < policy_.environments.size(); ++i) {
      const auto& locked = policy_.environments[i].locked;
      if (locked) ServiceAccounts(locked->requesters, At("environments", i) + ".locked.requesters");
    }
    for (std::size_t i = 0; i < policy_.measures.size(); ++i) {
      const Requirement& require = policy_.measures[i].require;
      const std::string path = At("measures", i) + ".require";
      if (require.bias_test) ServiceAccounts(require.bias_test->issuers, path);
      if (require.report) ServiceAccounts(require.report->issuers, path);
      if (require.reproducibility) ServiceAccounts(require.reproducibility->issuers, path);
    }
  }

  void Environments() {
    std::map<std::string, std::string> owners;
    for (std::size_t i = 0; i < policy_.environments.size(); ++i) {
      const PolicyEnvironment& environment = policy_.environments[i];
      for (std::size_t k = 0; k < environment.namespaces.size(); ++k) {
        const auto [owner, fresh] = owners.emplace(environment.namespaces[k], environment.name);
        if (fresh) continue;
        Add(At("environments", i) + ".namespaces[" + std::to_string(k) + "]",
            "'" + environment.namespaces[k] + "' is also in environment '" + owner->second +
                "': what both demand adds up");
      }
    }
  }

  const GovernancePolicySpec& policy_;
  std::set<std::string> unreachable_;
  std::vector<std::string> warnings_;
};

}  // namespace

std::vector<std::string> PolicyWarnings(const GovernancePolicySpec& policy) {
  return Reader(policy).Run();
}

std::vector<std::string> SharedKeyWarnings(
    const GovernancePolicy& policy,
    const std::vector<std::shared_ptr<const GovernancePolicy>>& others) {
  struct Listed {
    const GovernancePolicy* policy;
    const Person* person;
  };
  std::multimap<std::string, Listed> elsewhere;  // by fingerprint
  for (const auto& other : others) {
    if (other->meta.name == policy.meta.name) continue;
    for (const Person& person : other->spec.people) {
      for (const SignerKey& key : person.keys) {
        elsewhere.emplace(key.fingerprint, Listed{other.get(), &person});
      }
    }
  }
  std::vector<std::string> warnings;
  const auto add = [&](std::size_t i, std::size_t k) {
    const Person& person = policy.spec.people[i];
    const auto [begin, end] = elsewhere.equal_range(person.keys[k].fingerprint);
    for (auto it = begin; it != end && warnings.size() < kMaxPolicyWarnings; ++it) {
      const auto& accounts = it->second.person->accounts;
      const bool same =
          std::any_of(accounts.begin(), accounts.end(), [&](const std::string& account) {
            return std::find(person.accounts.begin(), person.accounts.end(), account) !=
                   person.accounts.end();
          });
      if (same) continue;
      warnings.push_back(At("people", i) + ".keys[" + std::to_string(k) + "]: is of '" +
                         person.name + "' here and of '" + it->second.person->name +
                         "', who shares no account, in policy '" + it->second.policy->meta.name +
                         "': a key is one person's");
    }
  };
  for (std::size_t i = 0; i < policy.spec.people.size(); ++i) {
    for (std::size_t k = 0; k < policy.spec.people[i].keys.size(); ++k) add(i, k);
  }
  return warnings;
}

}  // namespace countersign
