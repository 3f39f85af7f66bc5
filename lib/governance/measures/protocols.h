// protocols.h: lets people approve of changes of a model beforehand, so that nightly retraining is
// governed without a nightly human. Pure.
//
// A ChangeProtocol stands for sign-off measures of a policy where spec.changes.protocols of that
// policy allows it, while the roles named there have signed its digest and the new model keeps
// within it: kinds of change, metrics, measures met by its own evidence, number of models, time.
#pragma once

#include <functional>

#include "governance/measures/context.h"

namespace countersign {

// `gate` of a sign-off measure as it is, or passed by a protocol; with a word about why those at
// hand do not count. A rejection of the deployment itself stands. `run` judges a measure.
[[nodiscard]] Gate ApplyProtocols(const Context& context, Gate gate,
                                  const std::function<Gate(const Context&)>& run);

}  // namespace countersign
