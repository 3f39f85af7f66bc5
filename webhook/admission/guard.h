// guard.h: the entry that judges what serves a model without being a ModelDeployment.
//
// Gathers the facts for JudgeServing (governance/serving/guard.h) from caches: who asks, what the
// object serves, whose it is by UID, which ModelDeployments of the namespace are approved now, and
// revisions of them that were before, which waivers count. Whatever goes wrong inside is a refusal
// with its own reason. Thread-safe; collaborators must outlive it.
#pragma once

#include <string>
#include <vector>

#include "catalog/revisions.h"
#include "catalog/workloads.h"
#include "governance/serving/guard.h"
#include "webhook/admission/handler.h"

namespace countersign {

struct GuardOptions {
  std::string operator_user;
  // Controllers that make what an object of theirs says, and nothing of their own.
  std::vector<std::string> trusted_controllers;
  GuardMode elsewhere = GuardMode::kWarn;  // namespaces in no environment
};

// Those of Kubernetes itself.
[[nodiscard]] std::vector<std::string> BuiltInControllers();

class GuardHandler {
 public:
  GuardHandler(const Catalog& catalog, const Workloads& workloads, const Revisions& revisions,
               const ServingProfiles& table, Clock& clock, GuardOptions options,
               AdmissionHandler::Recorder recorder);

  [[nodiscard]] AdmissionReply Judge(const AdmissionCall& call) const;

 private:
  void Decide(const Review& review, SteadyTime deadline, Time now, ReviewAnswer& answer,
              DecisionRecord& record) const;
  [[nodiscard]] GuardFacts Gather(const Review& review, SteadyTime deadline, Time now) const;
  void GatherOwners(const Review& review, SteadyTime deadline, GuardFacts& facts) const;

  const Catalog& catalog_;
  const Workloads& workloads_;
  const Revisions& revisions_;
  const ServingProfiles& table_;
  Clock& clock_;
  const GuardOptions options_;
  const AdmissionHandler::Recorder recorder_;
};

}  // namespace countersign
