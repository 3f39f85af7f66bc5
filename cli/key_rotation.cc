#include "cli/key_rotation.h"

#include <algorithm>

#include "base/digest.h"
#include "catalog/revision.h"
#include "evidence/dsse.h"
#include "evidence/receipt.h"

namespace countersign {
namespace {

constexpr char kKey[] = "key.pem";
constexpr char kNext[] = "next.pem";
constexpr char kTrusted[] = "trusted.pem";
constexpr char kPrepared[] = "countersign.dev/key-prepared-at";

Result<std::string> Entry(const Json& secret, const char* name) {
  const Json* data = FindPath(secret, "data");
  const Json* entry = data == nullptr ? nullptr : Find(*data, name);
  if (entry == nullptr) return std::string();
  if (entry->is_string()) {
    if (auto text = Base64Decode(entry->get<std::string>()); text) return *std::move(text);
  }
  return Fail(Code::kInvalidArgument, "must be base64", std::string("data[") + name + "]");
}

void SetEntry(Json& secret, const char* name, const std::string& text) {
  secret["data"][name] = Base64Encode(text);
}

Error In(const char* name, const Error& error) {
  return {Code::kInvalidArgument, error.message, std::string("data[") + name + "]", {}};
}

}  // namespace

Result<StampKeys> ReadStampKeys(const Json& secret) {
  auto key_pem = Entry(secret, kKey);
  auto next_pem = Entry(secret, kNext);
  auto trusted_pem = Entry(secret, kTrusted);
  for (const auto* entry : {&key_pem, &next_pem, &trusted_pem}) {
    if (!*entry) return Fail(entry->error());
  }
  auto key = InstallationKey::Parse(*key_pem);
  if (!key) return Fail(In(kKey, key.error()));
  StampKeys keys{*std::move(key), {}, {}, {}};
  if (!next_pem->empty()) {
    auto next = InstallationKey::Parse(*next_pem);
    if (!next) return Fail(In(kNext, next.error()));
    keys.next = *std::move(next);
  }
  auto trusted = PublicKeys::Parse(keys.key.PublicPem() + *trusted_pem);
  if (!trusted) return Fail(In(kTrusted, trusted.error()));
  keys.trusted = *std::move(trusted);
  const Json* annotations = FindPath(secret, "metadata/annotations");
  const Json* prepared = annotations == nullptr ? nullptr : Find(*annotations, kPrepared);
  if (prepared != nullptr && prepared->is_string()) {
    if (auto time = ParseTime(prepared->get<std::string>()); time) keys.prepared_at = *time;
  }
  return keys;
}

Result<Json> Prepared(const Json& secret, const InstallationKey& next, Time now) {
  auto keys = ReadStampKeys(secret);
  if (!keys) return Fail(keys.error());
  Json prepared = secret;
  SetEntry(prepared, kNext, next.PrivatePem());
  SetEntry(prepared, kTrusted, keys->trusted.Pem() + next.PublicPem());
  prepared["metadata"]["annotations"][kPrepared] = FormatTime(now);
  return prepared;
}

Result<Json> Switched(const Json& secret) {
  auto keys = ReadStampKeys(secret);
  if (!keys) return Fail(keys.error());
  const auto& next = keys->next;
  if (!next) return Fail(Code::kFailedPrecondition, "there is no next key", kNext);
  // Both halves stay trusted: pods that restart late still sign with the key before, and a
  // rollback may bring it back.
  const auto trusted = keys->trusted.Fingerprints();
  Json switched = secret;
  SetEntry(switched, kKey, next->PrivatePem());
  std::string pem = keys->trusted.Pem();
  if (std::find(trusted.begin(), trusted.end(), next->Fingerprint()) == trusted.end()) {
    pem += next->PublicPem();
  }
  SetEntry(switched, kTrusted, pem);
  switched["data"].erase(kNext);
  switched["metadata"]["annotations"].erase(kPrepared);
  return switched;
}

Result<Json> Retired(const Json& secret, const std::string& fingerprint) {
  auto keys = ReadStampKeys(secret);
  if (!keys) return Fail(keys.error());
  if (keys->key.Fingerprint() == fingerprint) {
    return Fail(Code::kFailedPrecondition, "is the key that signs: rotate first", fingerprint);
  }
  const auto& next = keys->next;
  if (next && next->Fingerprint() == fingerprint) {
    return Fail(Code::kFailedPrecondition, "is the key that is about to sign", fingerprint);
  }
  const auto all = keys->trusted.Fingerprints();
  if (std::find(all.begin(), all.end(), fingerprint) == all.end()) {
    std::string known;
    for (const std::string& one : all) known += (known.empty() ? "" : ", ") + one;
    return Fail(Code::kNotFound, "is no key of this installation, which are " + known, fingerprint);
  }
  Json retired = secret;
  SetEntry(retired, kTrusted, keys->trusted.Without(fingerprint).Pem());
  return retired;
}

std::vector<std::string> StartedBefore(const std::vector<Json>& pods, Time prepared) {
  std::vector<std::string> names;
  for (const Json& pod : pods) {
    const std::string phase = StringAt(pod, "status/phase");
    if (phase == "Succeeded" || phase == "Failed") continue;
    const auto started = ParseTime(StringAt(pod, "status/startTime"));
    // Kept in whole seconds: one that started within the second may have read the Secret before.
    if (!started || *started <= prepared) names.push_back(StringAt(pod, "metadata/name"));
  }
  return names;
}

bool IsVouchedFor(const StampAuthority& authority, const Json& object) {
  if (StringAt(object, "kind") == "ControllerRevision") {
    const Json* envelope = FindPath(object, "data");
    return envelope != nullptr &&
           OpenEnvelope(authority.trusted, kRevisionPayloadType, DumpJson(*envelope)).has_value();
  }
  return VerifyStored(authority, object, StampedDigest(object).value_or(std::string()))
             .authenticity == Authenticity::kAttested;
}

}  // namespace countersign
