// recorded_decisions.h: what a ModelRecord keeps of what people said of a model: their sign-offs,
// and the incidents that they raised. Of what speaks against it the content stays, to be judged by
// when the object is gone. Pure.
#pragma once

#include "catalog/catalog.h"
#include "governance/types/model_record.h"

namespace countersign {

// In the order in which they were seen. An approval that may have been there before, and went, is
// not taken in anew.
void AddDecisions(const SeenOfModel& seen, ModelRecordSpec& record);

void AddIncidents(const SeenOfModel& seen, ModelRecordSpec& record);

}  // namespace countersign
