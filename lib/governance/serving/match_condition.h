// match_condition.h: the table as CEL, so that ordinary workloads never reach the webhook, nor what
// changes nothing of what is served.
//
// What is recognised passes the expressions; they may let more through than that, never less.
// Objects of groups other than core, apps and batch always pass. Pure.
#pragma once

#include <string>

#include "governance/serving/profiles.h"

namespace countersign {

[[nodiscard]] std::string ServingMatchExpression(const ServingSignals& signals);

// What is being deleted is changed in where some kind says what is served: `spec` as a rule; or one
// of the labels is set by which the Service of a ModelDeployment finds Pods.
[[nodiscard]] std::string ServingRootsExpression(const ServingProfiles& table);

// An update may change what is served: not one of replicas, strategies or other people's labels.
[[nodiscard]] std::string ServingChangeExpression(const ServingProfiles& table);

// Of the keys of labels that a request sets, in `keys`, those by which something is known to serve,
// with their values in the map `labels`. All where there are too many to look through. `request` is
// read: what is bound to a node may have other labels already. Cost: kMostKeys of them at most are
// matched.
[[nodiscard]] std::string ServingLabelsExpression(const ServingSignals& signals,
                                                  const std::string& keys,
                                                  const std::string& labels);

// A text in a CEL string literal.
[[nodiscard]] std::string CelLiteral(std::string_view text);

}  // namespace countersign
