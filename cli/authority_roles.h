// authority_roles.h: what the two programs may do for the built-in certificate authority, and only
// where it is used. Pure.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"

namespace countersign {

// The Secret that the webhook keeps it in.
inline constexpr std::string_view kAuthoritySecret = "countersign-webhook-ca";

// Roles and bindings, named "…-ca", in the order in which they can be applied. `operator_subject`
// as in a binding; the webhook is its service account in `ns`.
[[nodiscard]] std::vector<Json> AuthorityRoles(const Json& operator_subject, const std::string& ns);

}  // namespace countersign
