// recorded_results.h: what a ModelRecord keeps of results: bias tests, snapshots and reports.
//
// Of each series (one maker, one protocol, one data set) it names the newest, counts the others and
// remembers a number of them: what is applied again is then known again, and made no newer. Pure.
#pragma once

#include "catalog/catalog.h"
#include "governance/types/model_record.h"

namespace countersign {

// Takes in what is seen of the model. Where a series remembers no more, its namespace's bounds say
// until when.
void AddResults(const SeenOfModel& seen, ModelRecordSpec& record);

}  // namespace countersign
