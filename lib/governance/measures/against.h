// against.h: what a result still says against the model whose maker is not independent of it.
//
// Who develops a model is not believed when they speak for it. But whoever lists somebody as a
// developer must not take back by that what they had found: a failure keeps the results before it
// from governing, until somebody who counts makes a later one. Pure.
#pragma once

#include <string_view>
#include <vector>

#include "governance/measures/context.h"

namespace countersign {

inline constexpr std::string_view kDependentText =
    "; who made it is not independent of the model, which takes back nothing that speaks against "
    "it: somebody who is makes a later result";

// `gate`, or what `judge` makes of the first of `all` from `since` on that fails.
template <class Spec, class Judge>
[[nodiscard]] Gate WithAgainst(Time since, const std::vector<const Attested<Spec>*>& all,
                               const Judge& judge, Gate gate) {
  for (const Attested<Spec>* one : all) {
    if (gate.state == GateState::kFailed) break;
    if (one->by.first_seen < since) continue;
    Gate against = judge(*one);
    if (against.state != GateState::kFailed) continue;
    against.message += kDependentText;
    gate = std::move(against);
  }
  return gate;
}

}  // namespace countersign
