#include "governance/config_digest.h"

#include "base/digest.h"

namespace countersign {

Result<std::string> ConfigMapDigest(const Json& config_map) {
  Json content = Json::object();
  for (const char* member : {"data", "binaryData"}) {
    const Json* value = Find(config_map, member);
    if (value != nullptr && !value->empty()) content[member] = *value;
  }
  return JsonDigest(content);
}

}  // namespace countersign
