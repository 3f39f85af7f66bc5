#include "evidence/dsse.h"

#include <algorithm>
#include <cctype>

#include "base/digest.h"

namespace countersign {
namespace {

constexpr std::size_t kMaxSignatures = 16;  // each is checked, which takes time

tl::unexpected<Error> Bad(std::string why, Code code = Code::kInvalidArgument) {
  return Fail(code, std::move(why));
}

// Of in-toto a predicate may have a type of its own: "application/vnd.in-toto.provenance+json".
// Source: github.com/in-toto/attestation, spec/v1/envelope.md.
bool IsOfType(std::string_view found, std::string_view type) {
  constexpr std::string_view kInToto = "application/vnd.in-toto";
  constexpr std::string_view kJson = "+json";
  if (found == type) return true;
  if (type != std::string(kInToto) + std::string(kJson)) return false;
  if (!found.starts_with(kInToto) || !found.ends_with(kJson)) return false;
  found.remove_prefix(kInToto.size());
  found.remove_suffix(kJson.size());
  return found.size() > 1 && found.front() == '.' &&
         std::all_of(found.begin() + 1, found.end(), [](unsigned char c) {
           return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
         });
}

// The payload once `verify(data, signature)` holds for one of the signatures.
template <class Verify>
Result<Json> Open(std::string_view type, const Json& envelope, const Verify& verify,
                  const std::string& otherwise) {
  const std::string found = StringAt(envelope, "payloadType");
  if (!IsOfType(found, type)) {
    return Bad("its type must be '" + std::string(type) + "', is '" + Excerpt(found) + "'",
               Code::kFailedPrecondition);
  }
  // Both alphabets, as the protocol demands of whoever verifies.
  auto payload = Base64DecodeEither(StringAt(envelope, "payload"));
  if (!payload) return Bad("its payload " + payload.error().message);
  const Json* signatures = Find(envelope, "signatures");
  if (signatures == nullptr || !signatures->is_array() || signatures->empty() ||
      signatures->size() > kMaxSignatures) {
    return Bad("it must carry 1 to 16 signatures");
  }
  const std::string data = PreAuthEncoding(found, *payload);
  for (const Json& entry : *signatures) {
    auto signature = Base64DecodeEither(StringAt(entry, "sig"));
    if (!signature || !verify(data, *signature)) continue;
    // A key that counts signed it, so it is as deep as what was signed: a whole pod template.
    auto body = ParseJson(*payload, kMaxForeignJsonDepth);
    if (!body) return Bad("its payload is not JSON: " + body.error().message);
    return body;
  }
  return Bad(otherwise, Code::kPermissionDenied);
}

Result<Json> Read(std::string_view envelope) {
  auto json = ParseJson(envelope, 8);
  if (!json) return Bad("it is no envelope: " + json.error().message);
  return json;
}

}  // namespace

// PAE: "DSSEv1" SP LEN(type) SP type SP LEN(body) SP body, lengths in bytes as decimal.
std::string PreAuthEncoding(std::string_view type, std::string_view body) {
  std::string out = "DSSEv1 " + std::to_string(type.size()) + " ";
  out.append(type);
  out += " " + std::to_string(body.size()) + " ";
  out.append(body);
  return out;
}

Result<std::string> SignEnvelope(const InstallationKey& key, std::string_view type,
                                 const Json& payload) {
  auto body = CanonicalJson(payload);
  if (!body) return Fail(body.error());
  auto signature = key.Sign(PreAuthEncoding(type, *body));
  if (!signature) return Fail(signature.error());
  Json signed_by = {{"keyid", key.Fingerprint()}, {"sig", Base64Encode(*signature)}};
  std::string text = DumpJson(Json{{"payload", Base64Encode(*body)},
                                   {"payloadType", std::string(type)},
                                   {"signatures", Json::array({std::move(signed_by)})}});
  if (text.size() > kMaxEnvelopeBytes) {
    return Fail(Code::kResourceExhausted, "the envelope would be larger than 64 KiB");
  }
  return text;
}

Result<Json> OpenEnvelope(const PublicKeys& keys, std::string_view type,
                          std::string_view envelope) {
  if (envelope.size() > kMaxEnvelopeBytes)
    return Bad("it is larger than 64 KiB", Code::kResourceExhausted);
  auto json = Read(envelope);
  if (!json) return json;
  return Open(
      type, *json,
      [&](std::string_view data, std::string_view signature) {
        return keys.Verify(data, signature);
      },
      "no key of this installation made its signature");
}

Result<Json> PeekEnvelope(std::string_view type, std::string_view envelope) {
  if (envelope.size() > kMaxEnvelopeBytes) {
    return Bad("it is larger than 64 KiB", Code::kResourceExhausted);
  }
  auto json = Read(envelope);
  if (!json) return json;
  return Open(type, *json, [](std::string_view, std::string_view) { return true; }, {});
}

Result<Json> OpenSignedEnvelope(const VerificationKey& key, std::string_view type,
                                std::string_view envelope) {
  if (envelope.size() > kMaxSignedEnvelopeBytes)
    return Bad("it is larger than 256 KiB", Code::kResourceExhausted);
  auto json = Read(envelope);
  return json ? OpenReadEnvelope(key, type, *json) : json;
}

Result<Json> OpenReadEnvelope(const VerificationKey& key, std::string_view type,
                              const Json& envelope) {
  return Open(
      type, envelope,
      [&](std::string_view data, std::string_view signature) {
        return key.Verify(data, signature);
      },
      "its signature does not hold for this content and key " + key.fingerprint());
}

}  // namespace countersign
