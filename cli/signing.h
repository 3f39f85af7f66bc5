// signing.h: how commands that sign ask the person and create what was signed.
#pragma once

#include <vector>

#include "base/json.h"
#include "cli/cluster.h"
#include "cli/command.h"

namespace countersign {

// Whether somebody can be asked; not where input or output belongs to a program, unless with --yes.
[[nodiscard]] Status CanConfirm(bool yes, const Global& global);
// Asks on standard output, unless with --yes.
[[nodiscard]] bool Confirmed(bool yes);
// Creates them one after the other, as the current user; gives the exit code.
[[nodiscard]] int CreateSignOffs(const Cluster& cluster, const std::vector<Json>& sign_offs,
                                 bool json);

}  // namespace countersign
