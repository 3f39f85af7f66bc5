// stamps.h: who made the objects of a cluster, for commands that judge them outside of it.
//
// With the installation's public key the stamps are verified as webhook and operator do. Without
// it, what a stamp says is believed as long as it was made for this very object: admission, which
// checked it, is then trusted in its place. What carries no stamp counts for nothing either way.
#pragma once

#include <string>

#include "base/result.h"
#include "cli/command.h"
#include "cli/world.h"
#include "evidence/stamp.h"

namespace countersign {

struct StampFlags {
  std::string trusted_keys;  // PEM file; empty: believe the stamps
  std::string installation = "default";
};

void AddStampFlags(CLI::App& command, StampFlags& flags);

// Reads the key file, if one is given.
[[nodiscard]] Result<Maker> StampMaker(const StampFlags& flags);

// What was taken for granted, for the output; empty when stamps are verified.
[[nodiscard]] std::string StampAssumption(const StampFlags& flags);

// Who made `object` by its stamp, whose signature is not looked at.
[[nodiscard]] Provenance BelieveStamp(const Json& object, const std::string& stamped_digest);

}  // namespace countersign
