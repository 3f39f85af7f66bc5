// dsse.h: Dead Simple Signing Envelopes by one installation key.
//
// Source: https://github.com/secure-systems-lab/dsse, protocol.md and envelope.md. The signature is
// over PAE(payloadType, payload); the bytes that were verified are the bytes that get parsed;
// `keyid` is a hint and trusted by nobody. Text in and out is the JSON envelope. Free functions.
#pragma once

#include <string>
#include <string_view>

#include "base/json.h"
#include "evidence/installation_key.h"

namespace countersign {

// An envelope is stored in an annotation: far below the 256 KiB that all annotations may take.
inline constexpr std::size_t kMaxEnvelopeBytes = 65'536;

[[nodiscard]] Result<std::string> SignEnvelope(const InstallationKey& key, std::string_view type,
                                               const Json& payload);

// The payload, if the envelope is of `type` and one of `keys` signed it.
[[nodiscard]] Result<Json> OpenEnvelope(const PublicKeys& keys, std::string_view type,
                                        std::string_view envelope);

}  // namespace countersign
