// approve_flags.h: what `approve` is told on the command line, and the decision that it amounts to.
#pragma once

#include <string>
#include <vector>

#include "cli/approval.h"
#include "cli/command.h"
#include "cli/signing.h"

namespace countersign {

struct ApproveFlags {
  std::string name;
  std::string asked_namespace;  // --namespace; empty: not given
  std::vector<std::string> files;
  std::string use_case;
  std::string waiver;
  std::string incident;
  std::string protocol;
  bool retirement = false;
  std::string policy;
  bool withdraw = false;
  std::string role;
  std::string rationale;
  std::string on_behalf_of;
  std::string supersedes;
  std::string expires_in;
  std::vector<std::string> environments;
  std::string severity;
  std::vector<std::string> responses;
  std::vector<std::string> conditions;
  std::string conditions_due;
  std::string conditions_file;
  bool advise = false;
  bool reject = false;
  bool yes = false;
  std::string signer;             // where no cluster says who calls
  bool without_evidence = false;  // none of it need be among the files
  RecordFlags record;
};

// The flags that say what is decided and for how long; `flags` must outlive the parsing. Those of a
// rejection where `flags.reject` says so.
void AddDecisionFlags(CLI::App& command, ApproveFlags& flags);
// What they amount to. Error: path is the flag at fault.
[[nodiscard]] Status ReadDecision(const ApproveFlags& flags, Time now, ApprovalInput& input);

}  // namespace countersign
