// doctor_command.h: `countersign doctor`. See command.h.
#pragma once

#include "cli/command.h"

namespace countersign {

void AddDoctor(CLI::App& app, Global& global, Run& run);

}  // namespace countersign
