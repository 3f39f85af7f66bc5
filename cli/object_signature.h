// object_signature.h: gives an object a signature by a key of the person at the keyboard.
//
// A key in PEM signs here, as DSSE. Any other file is OpenSSH's and goes to `ssh-keygen -Y sign`,
// which asks for pass phrase and touch and knows the agent: a private key, or the public half of
// one that the agent holds.
#pragma once

#include <string>

#include "base/json.h"
#include "base/result.h"
#include "base/time.h"

namespace countersign {

// `object` with spec.signature; a SignOff gets spec.performedAt, `now`, if it has none. Whatever
// signature it had goes. Errors: path is the flag or the field at fault.
[[nodiscard]] Result<Json> SignObject(Json object, const std::string& key_file, Time now);

}  // namespace countersign
