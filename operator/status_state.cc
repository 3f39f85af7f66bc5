#include "operator/status_state.h"

#include "base/digest.h"

namespace countersign {

std::string StatusDigest(const Json& status) {
  auto digest = JsonDigest(status);
  return digest ? *digest : std::string();
}

Result<StatusState> DecodeStatusState(const Json& object) {
  StatusState state;
  state.uid = UidOf(object);
  state.generation = IntAt(object, "metadata/generation");
  state.deleting = !StringAt(object, "metadata/deletionTimestamp").empty();
  const Json* status = Find(object, "status");
  if (status == nullptr) return state;
  state.digest = StatusDigest(*status);
  state.conditions = DecodeConditions(*status);
  for (Condition& condition : state.conditions) condition.message = std::string();
  return state;
}

ApiResult<bool> WriteStatus(const KubeClient& client, const Resource& resource,
                            const ObjectKey& key, const std::string& uid, const Json& status,
                            const StatusState& now, StatusMemo& memo, Informer<StatusState>& cache,
                            std::stop_token stop) {
  const std::string digest = StatusDigest(status);
  if (digest == now.digest) return false;
  if (digest == memo.wanted && now.digest == memo.stored) return false;
  Json metadata = {{"name", key.name}, {"uid", uid}};
  if (resource.namespaced) metadata["namespace"] = key.ns;
  ApplyOptions options;
  options.force = true;
  options.subresource = "status";
  Call call;
  call.stop = std::move(stop);
  auto applied = client.Apply(resource, {{"metadata", std::move(metadata)}, {"status", status}},
                              options, call);
  if (!applied) return tl::unexpected(applied.error());
  const Json* kept = Find(*applied, "status");
  memo = {digest, kept == nullptr ? std::string() : StatusDigest(*kept)};
  cache.Upsert(std::move(*applied));
  return true;
}

}  // namespace countersign
