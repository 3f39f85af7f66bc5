#include "cli/evidence_command.h"

namespace countersign {

void AddEvidence(CLI::App& app, Global& global, Run& run) {
  CLI::App* group = app.add_subcommand(
      "evidence", "Work with evidence: make it of what tools wrote, list and show it, export it");
  group->require_subcommand(1);
  AddEvidenceAttestation(*group, global, run);
  AddEvidenceExport(*group, global, run);
  AddEvidenceImport(*group, global, run);
  AddEvidenceList(*group, global, run);
  AddEvidenceShow(*group, global, run);
  for (CLI::App* command : group->get_subcommands({})) command->fallthrough();
}

}  // namespace countersign
