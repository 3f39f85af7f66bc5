// adoption.h: how an estate that serves already comes under `Audit`, as manifests and a plan.
//
// Each workload gets a ModelDeployment beside it, under another name, with the running pod template
// by digests; the namespaces that are in no environment get a policy that only audits. Adoption
// makes no evidence and approves of nothing: the plan says what each model lacks before `Deny`, by
// the same evaluation as `check`. A namespace that is judged more strictly already is never given
// an environment that only audits. docs/decisions/2026-11-29-adoption.md. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cli/adoptable.h"
#include "cli/pinned_template.h"
#include "governance/decision.h"

namespace countersign {

struct AdoptionOptions {
  std::string suffix = "-governed";
  std::string use_case;  // "namespace/name"; empty: one a group
  std::string home;      // namespace of new use cases; empty: the workload's
  std::string group_label = "app.kubernetes.io/part-of";
  std::string policy = "adoption";
  std::string environment = "adopted";
  std::string owner;                             // account; empty: a placeholder
  std::vector<std::string> developers;           // groups; empty: a placeholder
  std::map<std::string, StatedReferences> said;  // by "namespace/workload"
  AdoptCommand command;
};

// What is read beside the estate.
struct AdoptionSurroundings {
  std::vector<Json> services;
  std::map<std::string, std::string> config_digests;  // by "namespace/name"
};

struct AdoptedWorkload {
  std::string kind;
  std::string name_space;
  std::string name;
  std::string deployment;  // name of the ModelDeployment
  bool there = false;      // it exists already and is left as it is
  std::string model;
  std::vector<std::string> notes;
  std::optional<Decision> toward;  // under `Deny`; nullopt: no policy asks for anything there
};

struct LeftOut {
  std::string kind;
  std::string name_space;
  std::string name;
  std::vector<AdoptionGap> gaps;
};

struct Adoption {
  // To be applied in this order: policy, use cases, ModelDeployments.
  std::vector<Json> manifests;
  std::vector<AdoptedWorkload> adopted;
  std::vector<LeftOut> left_out;
  std::vector<std::string> refused;  // why a namespace does not begin under Audit
  std::vector<std::string> notes;
  [[nodiscard]] bool Complete() const { return left_out.empty() && refused.empty(); }
};

// `toward`: the policies that shall decide one day; an environment of theirs that has a namespace
// is taken for one that denies. Error: what somebody said is of a workload or a container that is
// not there.
[[nodiscard]] Result<Adoption> PlanAdoption(const World& world, const Estate& estate,
                                            const AdoptionSurroundings& around,
                                            const PolicySet& toward, const ScanScope& scope,
                                            const AdoptionOptions& options);

[[nodiscard]] std::string AdoptionText(const Adoption& adoption);
[[nodiscard]] Json AdoptionJson(const Adoption& adoption);

}  // namespace countersign
