#include "webhook/authority/configuration_state.h"

#include <algorithm>
#include <utility>

#include "base/digest.h"
#include "base/log.h"

namespace countersign {

bool ConfigurationState::Trusts(const std::string& certificate) const {
  return !entries.empty() && std::all_of(entries.begin(), entries.end(), [&](const Entry& entry) {
    return entry.bundle.find(certificate) != std::string::npos;
  });
}

Result<ConfigurationState> DecodeConfiguration(Json&& object) {
  ConfigurationState state;
  state.uid = UidOf(object);
  if (const Json* webhooks = Find(object, "webhooks"); webhooks != nullptr) {
    for (const Json& webhook : *webhooks) {
      auto bundle = Base64Decode(StringAt(webhook, "clientConfig/caBundle"));
      state.entries.push_back(
          {StringAt(webhook, "name"), bundle ? std::move(*bundle) : std::string()});
    }
  }
  state.object = std::move(object);
  return state;
}

InformerOptions FollowOne(const Resource& resource, const ObjectKey& key) {
  InformerOptions options;
  options.scope.resource = resource;
  options.scope.ns = key.ns;
  options.scope.field_selector = "metadata.name=" + key.name;
  options.on_error = [what = resource.Name() + " " + key.ToString()](const ApiError& error) {
    Log(LogLevel::kWarning, "watch failed, will try again",
        {{"object", what}, {"error", error.message}});
  };
  return options;
}

}  // namespace countersign
