// dsse.h: Dead Simple Signing Envelopes, by the installation's key or by a person's.
//
// Source: https://github.com/secure-systems-lab/dsse, protocol.md and envelope.md. The signature is
// over PAE(payloadType, payload); the bytes that were verified are the bytes that get parsed;
// `keyid` is a hint and trusted by nobody; either alphabet of base64 is read. Text in and out is
// the JSON envelope. Errors of opening: kResourceExhausted (too large), kFailedPrecondition (of
// another type), kPermissionDenied (does not hold), else kInvalidArgument (no envelope). Free
// functions.
#pragma once

#include <string>
#include <string_view>

#include "base/json.h"
#include "base/verification_key.h"
#include "evidence/installation_key.h"

namespace countersign {

// An envelope is stored in an annotation: far below the 256 KiB that all annotations may take.
inline constexpr std::size_t kMaxEnvelopeBytes = 65'536;

[[nodiscard]] Result<std::string> SignEnvelope(const InstallationKey& key, std::string_view type,
                                               const Json& payload);

// The payload, if the envelope is of `type` and one of `keys` signed it.
[[nodiscard]] Result<Json> OpenEnvelope(const PublicKeys& keys, std::string_view type,
                                        std::string_view envelope);

// The same for an envelope by somebody's own key, over evidence that may be long.
inline constexpr std::size_t kMaxSignedEnvelopeBytes = 262'144;
[[nodiscard]] Result<Json> OpenSignedEnvelope(const VerificationKey& key, std::string_view type,
                                              std::string_view envelope);
// The same for one that was read already, as part of something larger whose size is bounded.
[[nodiscard]] Result<Json> OpenReadEnvelope(const VerificationKey& key, std::string_view type,
                                            const Json& envelope);

// The payload, whoever signed it: for envelopes whose text something trusted vouches for, or to see
// with which key they want to be verified.
[[nodiscard]] Result<Json> PeekEnvelope(std::string_view type, std::string_view envelope);

// PAE: what is signed for a payload of `type`.
[[nodiscard]] std::string PreAuthEncoding(std::string_view type, std::string_view body);

}  // namespace countersign
