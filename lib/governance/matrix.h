// matrix.h: what an organisation's policies ask for, as the book's table 8-3 (R3): measures down,
// risk classes across, and in each cell the effective requirement with where it comes from.
//
// Policies add up: a class or an environment that two of them name alike is one here, and a cell
// lists what each of them asks for, which all has to be met. Cells are split by environment only
// where the environments differ. Pure: webhook, reports and CLI can share it.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "governance/classify.h"
#include "governance/facts.h"

namespace countersign {

// What one measure of one policy asks for.
struct MatrixPart {
  std::string policy;
  std::string measure;
  std::string requirement;              // one phrase
  std::optional<Enforcement> at_least;  // the measure's own enforcement, where it sets one
  bool asks = true;  // false at level None: the policy says that nothing is asked
  friend bool operator==(const MatrixPart&, const MatrixPart&) = default;
};

// Environments in which a cell asks for the same; all parts have to be met.
struct MatrixDemand {
  std::vector<std::string> environments;
  std::vector<MatrixPart> parts;
};

struct MatrixRole {
  std::string role;
  std::string holders;  // "group 'model-risk', user 'ana'"
};

// Who answers for a measure (R2.2); by policy, because each has roles of its own.
struct MatrixDuty {
  std::string policy;
  MatrixRole accountable;
  std::vector<MatrixRole> responsible;
  std::vector<MatrixRole> consulted;
  std::vector<MatrixRole> informed;
};

struct MatrixRow {
  Step step = Step::kPreProduction;
  std::string measure;
  std::vector<std::vector<MatrixDemand>> cells;  // one a class; an empty cell asks for nothing
  std::vector<MatrixDuty> duties;                // one a policy
};

struct MatrixClass {
  std::string name;
  std::vector<std::string> policies;  // that have it
  std::size_t measures = 0;           // rows that ask for something
};

struct MatrixEnvironment {
  std::string name;
  std::map<std::string, Enforcement> enforcement;  // by policy
};

struct Matrix {
  std::vector<std::string> policies;            // by name
  std::vector<MatrixEnvironment> environments;  // in the policies' order
  std::vector<MatrixClass> classes;             // in the policies' order
  std::vector<MatrixRow> rows;                  // by step, then in the policies' order
};

[[nodiscard]] Matrix MatrixOf(const PolicySet& policies);

// What one policy makes of a use case's answers.
struct PolicyClasses {
  ClassesOf classified;
  bool approved = false;  // a sign-off covers the answers
};

struct UseCaseMatrix {
  Matrix matrix;                                 // the use case's classes and environments alone
  std::map<std::string, PolicyClasses> classes;  // by policy, those that reach it
};

// The part of the matrix that concerns `use_case`: policies and environments that its namespaces
// (spec.deployTo) are in, and its classes as evaluation sees them at `now`. Whoever develops it
// cannot have signed its answers; who authored a deployment of it is not known here.
[[nodiscard]] UseCaseMatrix MatrixFor(const PolicySet& policies,
                                      const std::shared_ptr<const UseCase>& use_case,
                                      const std::vector<AttestedSignOff>& sign_offs, Time now);

}  // namespace countersign
