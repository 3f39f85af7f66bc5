// receipts.h: adds receipts to evidence that the API server has stored (evidence/receipt.h).
//
// By a field manager of its own, so that GitOps tools see whose it is. Only evidence whose stamp
// holds, and is as old as the object, gets one: what was applied later, by whomever, does not.
// Thread-safe.
#pragma once

#include <stop_token>
#include <string>
#include <utility>

#include "base/clock.h"
#include "evidence/stamp.h"
#include "kube/client.h"

namespace countersign {

inline constexpr std::string_view kReceiptManager = "countersign-receipts";

class ReceiptWriter {
 public:
  // `client` and `clock` must outlive the writer.
  ReceiptWriter(const KubeClient& client, Clock& clock, StampAuthority authority,
                InstallationKey key)
      : client_(client),
        clock_(clock),
        authority_(std::move(authority)),
        key_(std::move(key)),
        fingerprint_(key_.Fingerprint()) {}

  [[nodiscard]] const std::string& fingerprint() const { return fingerprint_; }

  // Nothing is written if the object has one by the key in use, must not have one, or is another
  // one by now. One by a key that was replaced is: then that key can be retired.
  [[nodiscard]] ApiStatus Write(const Resource& resource, const ObjectKey& key,
                                const std::string& uid, const std::stop_token& stop) const;

 private:
  const KubeClient& client_;
  Clock& clock_;
  const StampAuthority authority_;
  const InstallationKey key_;
  const std::string fingerprint_;
};

}  // namespace countersign
