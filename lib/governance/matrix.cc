#include "governance/matrix.h"

#include <algorithm>
#include <tuple>

#include "governance/environment.h"
#include "governance/identity.h"
#include "governance/measures/developers.h"
#include "governance/measures/sign_off.h"
#include "governance/report_requirements.h"
#include "governance/requirement_text.h"
#include "governance/signers.h"

namespace countersign {
namespace {

// A policy, and what of it is to be shown.
struct Share {
  const GovernancePolicy* policy = nullptr;
  std::set<std::string> classes;
  std::set<std::string> environments;
};

bool Includes(const std::vector<std::string>& list, const std::string& name) {
  return list.empty() || std::find(list.begin(), list.end(), name) != list.end();
}

template <class T>
T& Named(std::vector<T>& list, const std::string& name) {
  const auto it =
      std::find_if(list.begin(), list.end(), [&](const T& t) { return t.name == name; });
  if (it != list.end()) return *it;
  list.emplace_back();
  list.back().name = name;
  return list.back();
}

MatrixRole RoleIn(const GovernancePolicySpec& policy, const std::string& role) {
  return {role, HoldersText(policy, role)};
}

std::vector<MatrixRole> RolesIn(const GovernancePolicySpec& policy,
                                const std::vector<std::string>& names) {
  std::vector<MatrixRole> roles;
  roles.reserve(names.size());
  for (const std::string& name : names) roles.push_back(RoleIn(policy, name));
  return roles;
}

MatrixRow& RowOf(std::vector<MatrixRow>& rows, const Measure& measure) {
  const auto it = std::find_if(rows.begin(), rows.end(), [&](const MatrixRow& row) {
    return row.step == measure.step && row.measure == measure.name;
  });
  if (it != rows.end()) return *it;
  rows.push_back({measure.step, measure.name, {}, {}});
  return rows.back();
}

std::vector<MatrixPart> PartsOf(const std::vector<Share>& shares, const MatrixRow& row,
                                const std::string& risk_class, const std::string& environment) {
  std::vector<MatrixPart> parts;
  for (const Share& share : shares) {
    if (!share.classes.contains(risk_class) || !share.environments.contains(environment)) continue;
    for (const Measure& measure : share.policy->spec.measures) {
      if (measure.step == row.step && measure.name == row.measure &&
          Includes(measure.applies.classes, risk_class) &&
          Includes(measure.applies.environments, environment)) {
        parts.push_back(
            {share.policy->meta.name, measure.name,
             RequirementText(measure.require) + SubjectText(measure) + CarryOverText(measure),
             measure.enforcement, !AsksForNothing(measure.require)});
      }
    }
  }
  return parts;
}

std::vector<MatrixDemand> CellOf(const std::vector<Share>& shares, const Matrix& matrix,
                                 const MatrixRow& row, const std::string& risk_class) {
  std::vector<MatrixDemand> cell;
  for (const MatrixEnvironment& environment : matrix.environments) {
    auto parts = PartsOf(shares, row, risk_class, environment.name);
    if (parts.empty()) continue;
    const auto same = std::find_if(cell.begin(), cell.end(),
                                   [&](const MatrixDemand& d) { return d.parts == parts; });
    if (same != cell.end()) {
      same->environments.push_back(environment.name);
    } else {
      cell.push_back({{environment.name}, std::move(parts)});
    }
  }
  return cell;
}

bool Asks(const std::vector<MatrixDemand>& cell) {
  return std::any_of(cell.begin(), cell.end(), [](const MatrixDemand& demand) {
    return std::any_of(demand.parts.begin(), demand.parts.end(),
                       [](const MatrixPart& part) { return part.asks; });
  });
}

// A row that says "nothing" stays: somebody decided that.
bool IsMentioned(const MatrixRow& row) {
  return std::any_of(row.cells.begin(), row.cells.end(),
                     [](const auto& cell) { return !cell.empty(); });
}

// `shares` by name of the policy.
Matrix Build(const std::vector<Share>& shares) {
  Matrix matrix;
  for (const Share& share : shares) {
    const GovernancePolicySpec& spec = share.policy->spec;
    const std::string& name = share.policy->meta.name;
    matrix.policies.push_back(name);
    for (const PolicyEnvironment& environment : spec.environments) {
      if (!share.environments.contains(environment.name)) continue;
      Named(matrix.environments, environment.name).enforcement[name] = environment.enforcement;
    }
    for (const RiskClass& risk : spec.classification.classes) {
      if (!share.classes.contains(risk.name)) continue;
      Named(matrix.classes, risk.name).policies.push_back(name);
    }
    for (const Measure& measure : spec.measures) {
      RowOf(matrix.rows, measure)
          .duties.push_back({name, RoleIn(spec, measure.accountable),
                             RolesIn(spec, measure.responsible), RolesIn(spec, measure.consulted),
                             RolesIn(spec, measure.informed)});
    }
  }
  std::stable_sort(matrix.rows.begin(), matrix.rows.end(),
                   [](const MatrixRow& a, const MatrixRow& b) { return a.step < b.step; });
  for (MatrixRow& row : matrix.rows) {
    for (MatrixClass& risk : matrix.classes) {
      row.cells.push_back(CellOf(shares, matrix, row, risk.name));
      if (Asks(row.cells.back())) ++risk.measures;
    }
  }
  std::erase_if(matrix.rows, [](const MatrixRow& row) { return !IsMentioned(row); });
  return matrix;
}

void SortByName(std::vector<Share>& shares) {
  std::sort(shares.begin(), shares.end(), [](const Share& a, const Share& b) {
    return a.policy->meta.name < b.policy->meta.name;
  });
}

bool AnswersSigned(const GovernancePolicySpec& policy, const Facts& facts) {
  auto digest = AnswersDigest(facts.use_case->spec);
  if (!digest) return false;
  SignOffTarget target;
  target.kind = SubjectOfSignOff::kUseCase;
  target.use_case = facts.use_case->meta.name;
  target.answers_digest = *digest;
  const Dossier dossier(facts);
  const EvidenceIndex index(dossier, policy, {});
  return JudgeSignOffs(policy, policy.classification.sign_off, target, facts,
                       DevelopersEver(policy, facts, index), index, *digest)
             .state == GateState::kPassed;
}

}  // namespace

Matrix MatrixOf(const PolicySet& policies) {
  std::vector<Share> shares;
  for (const auto& policy : policies.policies) {
    Share share{policy.get(), {}, {}};
    for (const RiskClass& risk : policy->spec.classification.classes) {
      share.classes.insert(risk.name);
    }
    for (const PolicyEnvironment& environment : policy->spec.environments) {
      share.environments.insert(environment.name);
    }
    shares.push_back(std::move(share));
  }
  SortByName(shares);
  return Build(shares);
}

UseCaseMatrix MatrixFor(const PolicySet& policies, const std::shared_ptr<const UseCase>& use_case,
                        const std::vector<AttestedSignOff>& sign_offs, Time now) {
  Facts facts;
  facts.now = now;
  facts.use_case = use_case;
  facts.sign_offs = sign_offs;
  UseCaseMatrix out;
  std::vector<Share> shares;
  for (const auto& policy : policies.policies) {
    Share share{policy.get(), {}, {}};
    for (const std::string& name_space : use_case->spec.deploy_to) {
      for (const PolicyEnvironment* e : EnvironmentsOf(policy->spec, name_space)) {
        share.environments.insert(e->name);
      }
    }
    if (share.environments.empty()) continue;
    PolicyClasses& classes = out.classes[policy->meta.name];
    classes.approved = AnswersSigned(policy->spec, facts);
    classes.classified = Classify(policy->spec.classification, &use_case->spec, classes.approved);
    share.classes.insert(classes.classified.classes.begin(), classes.classified.classes.end());
    shares.push_back(std::move(share));
  }
  SortByName(shares);
  out.matrix = Build(shares);
  return out;
}

}  // namespace countersign
