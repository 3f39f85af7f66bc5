// evidence_command.h: `countersign evidence`: one function a subcommand, each in a file of its own.
//
// Each adds its subcommand to `group` and sets `run` when that is the one that was called, as the
// commands of command.h do.
#pragma once

#include "cli/command.h"

namespace countersign {

void AddEvidenceAttestation(CLI::App& group, Global& global, Run& run);
void AddEvidenceExport(CLI::App& group, Global& global, Run& run);
void AddEvidenceImport(CLI::App& group, Global& global, Run& run);
void AddEvidenceList(CLI::App& group, Global& global, Run& run);
void AddEvidenceShow(CLI::App& group, Global& global, Run& run);

}  // namespace countersign
