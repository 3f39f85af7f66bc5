// model_deployment.h: one model version serving in one environment. See object.h for threads.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "governance/types/common.h"
#include "governance/types/component.h"
#include "governance/types/object.h"

namespace countersign {

struct UseCaseRef {
  std::string name_space;
  std::string name;
  friend auto operator<=>(const UseCaseRef&, const UseCaseRef&) = default;
};

// Either one artefact, at `uri`, or components.
struct Model {
  std::string name;
  std::string version;
  std::string uri;
  ModelDigest digest;
  std::vector<Component> components;
  // What `digest` must be where there are components, filled in by Decode.
  std::string composite_digest;
};

// What turns a score into an outcome; changing it changes the model that people meet.
struct DecisionRule {
  std::optional<Decimal> threshold;
  std::string preprocessing;
  std::string postprocessing;
};

enum class FallbackKind { kHuman, kRules, kVersion };
struct Fallback {
  FallbackKind kind = FallbackKind::kHuman;
  std::string description;
};

enum class Backend { kDeployment };

struct ConfigDigest {
  std::string name;
  std::string digest;
};

// How many Pods a drain of nodes may take at once; exactly one is set.
struct PodDisruptionBudget {
  std::optional<std::int64_t> min_available;
  std::optional<std::int64_t> max_unavailable;
};

struct Serving {
  Backend backend = Backend::kDeployment;
  std::int64_t replicas = 1;
  std::optional<std::int64_t> min_replicas;
  std::optional<std::int64_t> max_replicas;
  std::optional<PodDisruptionBudget> disruption_budget;
  std::int64_t port = 8080;
  std::vector<ConfigDigest> config;
  RawJson pod_template;
};

struct ModelDeploymentSpec {
  static constexpr std::string_view kKind = "ModelDeployment";
  UseCaseRef use_case;
  Model model;
  std::optional<DecisionRule> decision;
  std::optional<Fallback> fallback;
  Serving serving;
};
using ModelDeployment = Object<ModelDeploymentSpec>;

// SHA-256 over the canonical JSON of the whole spec as sent, except what does not change what is
// served to whom: labels and annotations of the pod template, and the number of replicas while it
// stays within minReplicas and maxReplicas. Fields this version does not know are governed.
[[nodiscard]] Result<std::string> GovernedDigest(const Json& spec);

}  // namespace countersign
