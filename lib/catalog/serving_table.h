// serving_table.h: the serving table and the guard's mode as flags of the programs give them.
#pragma once

#include <string>

#include "governance/serving/profiles.h"
#include "governance/types/policy.h"

namespace countersign {

// The file as it is; empty, which stands for the one built in, if `path` is.
[[nodiscard]] Result<std::string> ReadServingProfiles(const std::string& path);
// The file's; the one built in if `path` is empty. Error: with the file's name and what is wrong.
[[nodiscard]] Result<ServingProfiles> LoadServingProfiles(const std::string& path);

// "Deny", "Warn" or "Audit", as the flag `flag` has it.
[[nodiscard]] Result<GuardMode> GuardModeNamed(const std::string& name, const std::string& flag);

}  // namespace countersign
