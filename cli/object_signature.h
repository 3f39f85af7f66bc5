// object_signature.h: gives an object a signature by a key of the person at the keyboard.
//
// A key in PEM signs here, as DSSE. Any other file is OpenSSH's and goes to `ssh-keygen -Y sign`,
// which asks for pass phrase and touch and knows the agent: a private key, or the public half of
// one that the agent holds.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "base/time.h"

namespace countersign {

// `object` with spec.signature; a SignOff gets spec.performedAt, `now`, if it has none. Whatever
// signature it had goes. With a file of certificates, the key's first, they come along instead of
// the key. Errors: path is the flag or the field at fault.
[[nodiscard]] Result<Json> SignObject(Json object, const std::string& key_file, Time now,
                                      const std::string& certificate_file = {});

// The same with one more signature in the DSSE envelope that `object` carries.
[[nodiscard]] Result<Json> AddSignature(Json object, const std::string& key_file,
                                        const std::string& certificate_file = {});

// `object` with an SSHSIG that `ssh-keygen -Y sign` made. `payload_file`: what it was made over;
// what StatementOf says of the object if empty. Errors: path is the flag at fault.
[[nodiscard]] Result<Json> AttachSignature(Json object, const std::string& signature_file,
                                           const std::string& payload_file);

// Of the key that `key_file` signs with; empty where that is known to ssh-keygen alone, because a
// private key of OpenSSH lies there without its public half, KEY_FILE.pub. Errors: path is
// --sign-with.
[[nodiscard]] Result<std::string> FingerprintOf(const std::string& key_file);

// What `kubectl apply` takes as JSON: the object itself, or a List of several.
[[nodiscard]] Json ForApply(std::vector<Json> objects);

}  // namespace countersign
