// approve_desk.h: where somebody decides: at a cluster that knows them, or anywhere with a key and
// the manifests.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cli/approval.h"
#include "cli/approval_source.h"
#include "cli/approve_flags.h"
#include "cli/manifests.h"

namespace countersign {

// What differs between the two: what is read, who signs, and where the sign-offs go. For one
// command.
class Desk {
 public:
  virtual ~Desk() = default;
  [[nodiscard]] virtual const ApprovalSource& source() const = 0;
  // The account that decides.
  [[nodiscard]] virtual Result<std::string> Signer() = 0;
  // That what the signer has in view is enough.
  [[nodiscard]] virtual Status Check(const ApprovalInput& input,
                                     const std::vector<Json>& sign_offs) const = 0;
  // The exit code.
  [[nodiscard]] virtual int Record(std::vector<Json> sign_offs) = 0;
};

// Without a cluster if what is signed is printed and `files`, those of -f, hold the policies.
// `flags` and `global` must outlive it.
[[nodiscard]] Result<std::unique_ptr<Desk>> OpenDesk(const ApproveFlags& flags,
                                                     const Global& global,
                                                     std::vector<Manifest> files);

}  // namespace countersign
