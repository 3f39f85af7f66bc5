// approval_reading.h: reads for `approve` and `reject` what is signed, what it is judged by and
// what the signer has in view.
//
// What cannot be read although it might be there is told on standard error, and is not listed as
// shown to the signer.
#pragma once

#include <vector>

#include "cli/approval.h"
#include "cli/approval_source.h"
#include "cli/approve_flags.h"
#include "cli/policy_approval.h"

namespace countersign {

// What is read besides the subject: objects as they came, so that they can be judged too.
using Surroundings = std::vector<Manifest>;

// Fills in all of `input` but the signer and what the flags decide. `files` are those of -f.
[[nodiscard]] Status ReadApproval(const ApprovalSource& source, const ApproveFlags& flags,
                                  const std::vector<Manifest>& files, ApprovalInput& input,
                                  Surroundings& all);

// The version of a policy and the one before it.
[[nodiscard]] Status ReadPolicyApproval(const ApprovalSource& source, const ApproveFlags& flags,
                                        PolicyApproval& input);

// That the signer was shown what the policies rest on. Offline nobody knows what else there is, so
// that nothing at all must have been meant.
[[nodiscard]] Status CheckShown(const ApprovalInput& input, const std::vector<Json>& sign_offs);

}  // namespace countersign
