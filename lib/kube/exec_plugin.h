// exec_plugin.h: asks a credential plugin who we are.
//
// Runs the command of a kubeconfig's `exec` section by the protocol of
// https://kubernetes.io/docs/reference/config-api/client-authentication.v1/ (v1 and v1beta1):
// KUBERNETES_EXEC_INFO in the environment, an ExecCredential on stdout, stderr left to the user.
// The child is killed on a stop request and after kExecTimeout. No shell is involved. Thread-safe.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <stop_token>
#include <string>

#include "base/result.h"
#include "base/time.h"
#include "kube/kubeconfig.h"

namespace countersign {

// Long enough for a person to log in through a browser.
inline constexpr std::chrono::minutes kExecTimeout{5};
// A token and a certificate chain take a few KiB.
inline constexpr std::size_t kMaxExecOutput = std::size_t{1} << 20;

struct ExecCredential {
  std::string token;
  std::string client_certificate_pem;
  std::string client_key_pem;
  std::optional<Time> expiry;  // none: until the server refuses it
};

// Errors: kUnauthenticated, with the plugin's install hint when its command does not exist;
// kCancelled on `stop`.
[[nodiscard]] Result<ExecCredential> RunExecPlugin(const ExecConfig& config,
                                                   const ServerConfig& server,
                                                   std::stop_token stop);

// Reads what a plugin printed.
[[nodiscard]] Result<ExecCredential> ParseExecCredential(const ExecConfig& config,
                                                         std::string_view output);

}  // namespace countersign
