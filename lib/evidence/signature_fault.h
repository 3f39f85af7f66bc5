// signature_fault.h: why a signature does not hold, for programs and for people.
#pragma once

#include <string>
#include <utility>

#include "base/result.h"

namespace countersign {

// docs/signatures.md lists the codes.
struct SignatureFault {
  std::string reason;
  std::string message;
};

template <class T>
using Proven = tl::expected<T, SignatureFault>;

[[nodiscard]] inline tl::unexpected<SignatureFault> Refuted(std::string reason,
                                                            std::string message) {
  return tl::unexpected<SignatureFault>({std::move(reason), std::move(message)});
}
[[nodiscard]] inline tl::unexpected<SignatureFault> Refuted(SignatureFault fault) {
  return tl::unexpected<SignatureFault>(std::move(fault));
}
// Of what dsse.h and sshsig.h say.
[[nodiscard]] tl::unexpected<SignatureFault> Refuted(const Error& error);

}  // namespace countersign
