#include "operator/receipts.h"

#include "evidence/receipt.h"
#include "governance/types/object.h"

namespace countersign {

ApiStatus ReceiptWriter::Write(const Resource& resource, const ObjectKey& key,
                               const std::string& uid, const std::stop_token& stop) const {
  Call call;
  call.stop = stop;
  const auto object = client_.Get(resource, key, call);
  if (!object) {
    if (object.error().code == Code::kNotFound) return {};
    return tl::unexpected(object.error());
  }
  const Provenance by =
      VerifyStored(authority_, *object, StampedDigest(*object).value_or(std::string()));
  if (UidOf(*object) != uid || by.authenticity != Authenticity::kAttested ||
      HasReceipt({authority_.installation, key_.Public()}, *object)) {
    return {};
  }
  auto receipt = MakeReceipt(key_, authority_.installation, *object, clock_.Now());
  if (!receipt) return tl::unexpected(ApiError(receipt.error()));
  // With its uid: what was deleted meanwhile is not created anew.
  const Json wanted = {{"metadata",
                        {{"name", key.name},
                         {"namespace", key.ns},
                         {"uid", uid},
                         {"annotations", {{std::string(kReceiptAnnotation), *receipt}}}}}};
  ApplyOptions options;
  options.field_manager = std::string(kReceiptManager);
  // Who applied the object with another's receipt, which admission took off, owns the field.
  options.force = true;
  const auto written = client_.Apply(resource, wanted, options, call);
  if (!written && written.error().code != Code::kNotFound) {
    return tl::unexpected(written.error());
  }
  return {};
}

}  // namespace countersign
