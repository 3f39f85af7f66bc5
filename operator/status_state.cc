#include "operator/status_state.h"

#include <algorithm>

#include "base/digest.h"
#include "evidence/receipt.h"
#include "governance/types/object.h"

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
  if (const Json* finalizers = FindPath(object, "metadata/finalizers");
      finalizers != nullptr && finalizers->is_array()) {
    state.orphaning =
        std::find(finalizers->begin(), finalizers->end(), "orphan") != finalizers->end();
  }
  state.received_by = ReceiptKeyOf(object);
  const Json* status = Find(object, "status");
  if (status == nullptr) return state;
  state.digest = StatusDigest(*status);
  state.suspended = StringAt(*status, "phase") == PhaseName(Phase::kSuspended);
  state.conditions = DecodeConditions(*status);
  state.conditions.shrink_to_fit();
  // A string that is assigned an empty one keeps its memory.
  for (Condition& condition : state.conditions) std::string().swap(condition.message);
  return state;
}

ApiResult<bool> WriteStatus(const KubeClient& client, const Resource& resource,
                            const ObjectKey& key, const std::string& uid, const Json& status,
                            const StatusState& now, StatusMemo& memo, Informer<StatusState>& cache,
                            std::stop_token stop) {
  const std::string digest = StatusDigest(status);
  if (digest == now.digest) return false;
  if (digest == memo.wanted && now.digest == memo.stored) return false;
  // The whole of it: an apply would leave what others wrote beside our fields.
  const Json patch = Json::array({{{"op", "test"}, {"path", "/metadata/uid"}, {"value", uid}},
                                  {{"op", "add"}, {"path", "/status"}, {"value", status}}});
  WriteOptions options;
  options.subresource = "status";
  Call call;
  call.stop = std::move(stop);
  auto written = client.Patch(resource, key, PatchType::kJson, patch, options, call);
  if (!written) {
    // A failed test is a 422 without a field; what the schema refuses names one.
    if (written.error().http_status == 422 && written.error().causes.empty()) {
      written.error().code = Code::kConflict;
    }
    return tl::unexpected(written.error());
  }
  const Json* kept = Find(*written, "status");
  memo = {digest, kept == nullptr ? std::string() : StatusDigest(*kept)};
  if (memo.wanted == memo.stored) memo = {};  // as it mostly is; the cache says the same
  cache.Upsert(std::move(*written));
  return true;
}

}  // namespace countersign
