// signing.h: how commands that sign ask the person and create what was signed.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "base/json.h"
#include "cli/cluster.h"
#include "cli/command.h"

namespace countersign {

// Whether somebody can be asked; not where input or output belongs to a program, unless with --yes.
[[nodiscard]] Status CanConfirm(bool yes, const Global& global);
// Asks on `out`, unless with --yes.
[[nodiscard]] bool Confirmed(bool yes, std::ostream& out);
// How what is decided gets to the cluster.
struct RecordFlags {
  std::string sign_with;     // key file; empty: by being created as the current user
  std::string certificates;  // file with the key's, which go along instead of the key
  bool print = false;        // for somebody else to apply
};
// Where a person is spoken to: not where what is printed goes.
[[nodiscard]] std::ostream& SpeechOf(const RecordFlags& flags);
void AddRecordFlags(CLI::App& command, RecordFlags& flags);

// Signs each by the key of --sign-with; printed ones are named, for whoever applies them again and
// again must apply the same object.
[[nodiscard]] Result<std::vector<Json>> SignAll(std::vector<Json> sign_offs,
                                                const RecordFlags& flags, Time now);
// Prints them, for whoever applies them; gives the exit code.
[[nodiscard]] int PrintSignOffs(const std::vector<Json>& sign_offs, bool json);
// Signs them, if asked to, and creates them one after the other as the current user, or prints
// them; gives the exit code.
[[nodiscard]] int RecordSignOffs(const Cluster& cluster, std::vector<Json> sign_offs,
                                 const RecordFlags& flags, bool json);

}  // namespace countersign
