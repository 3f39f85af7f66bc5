// recorded_maker.h: who made a piece of evidence, as a ModelRecord keeps it. Pure.
#pragma once

#include "governance/facts.h"
#include "governance/types/model_record.h"

namespace countersign {

// Whether it is known who made it: of anything else nothing is recorded.
[[nodiscard]] bool MakerIsKnown(const Provenance& by);

// All by which a policy can tell later who it was. `by` is of a maker that is known.
[[nodiscard]] RecordedMaker MakerOf(const Provenance& by);

}  // namespace countersign
