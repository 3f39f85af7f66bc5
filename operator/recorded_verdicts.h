// recorded_verdicts.h: what measures made of results, as a ModelRecord keeps it beside them. Pure.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "governance/decision.h"
#include "governance/types/model_record.h"

namespace countersign {

// What gates made of a piece of evidence last, by its digest.
using Verdicts = std::map<std::string, std::vector<RecordedVerdict>>;
// Takes in one decision's.
void NoteVerdicts(const Decision& decision, Verdicts& verdicts);
// Takes in another deployment's: where two of one measure differ, what speaks against it stands.
void Merge(const Verdicts& verdicts, Verdicts& into);

}  // namespace countersign
