#include "evidence/dsse.h"

#include "base/digest.h"

namespace countersign {
namespace {

// PAE: "DSSEv1" SP LEN(type) SP type SP LEN(body) SP body, lengths in bytes as decimal.
std::string Pae(std::string_view type, std::string_view body) {
  std::string out = "DSSEv1 " + std::to_string(type.size()) + " ";
  out.append(type);
  out += " " + std::to_string(body.size()) + " ";
  out.append(body);
  return out;
}

}  // namespace

Result<std::string> SignEnvelope(const InstallationKey& key, std::string_view type,
                                 const Json& payload) {
  auto body = CanonicalJson(payload);
  if (!body) return Fail(body.error());
  auto signature = key.Sign(Pae(type, *body));
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
  const auto bad = [](const std::string& why) { return Fail(Code::kInvalidArgument, why); };
  if (envelope.size() > kMaxEnvelopeBytes) return bad("it is larger than 64 KiB");
  auto json = ParseJson(envelope, 8);
  if (!json) return bad("it is no envelope: " + json.error().message);
  if (StringAt(*json, "payloadType") != type) {
    return bad("its type must be '" + std::string(type) + "'");
  }
  auto payload = Base64Decode(StringAt(*json, "payload"));
  if (!payload) return bad("its payload " + payload.error().message);
  const Json* signatures = Find(*json, "signatures");
  if (signatures == nullptr || !signatures->is_array() || signatures->size() > 16) {
    return bad("it carries no signatures");
  }
  const std::string data = Pae(type, *payload);
  for (const Json& entry : *signatures) {
    auto signature = Base64Decode(StringAt(entry, "sig"));
    if (!signature || !keys.Verify(data, *signature)) continue;
    // One of our keys signed it, so it is as deep as what was signed: a whole pod template.
    auto body = ParseJson(*payload, kMaxForeignJsonDepth);
    if (!body) return bad("its payload is not JSON: " + body.error().message);
    return body;
  }
  return bad("no key of this installation made its signature");
}

}  // namespace countersign
