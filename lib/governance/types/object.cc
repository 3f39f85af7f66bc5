#include "governance/types/object.h"

#include "governance/types/codec.h"

namespace countersign {

ObjectMeta DecodeMeta(const Json& object) {
  ObjectMeta meta;
  const Json* json = Find(object, "metadata");
  if (json == nullptr) return meta;
  meta.name = StringAt(*json, "name");
  meta.generate_name = StringAt(*json, "generateName");
  meta.name_space = StringAt(*json, "namespace");
  meta.uid = StringAt(*json, "uid");
  meta.resource_version = StringAt(*json, "resourceVersion");
  meta.generation = IntAt(*json, "generation");
  if (auto created = ParseTime(StringAt(*json, "creationTimestamp")); created) {
    meta.creation_time = *created;
  }
  meta.deleting = !StringAt(*json, "deletionTimestamp").empty();
  if (const Json* annotations = Find(*json, "annotations"); annotations != nullptr) {
    if (const Json* stamp = Find(*annotations, kStampAnnotation);
        stamp != nullptr && stamp->is_string()) {
      meta.stamp = stamp->get<std::string>();
    }
  }
  return meta;
}

Error JoinErrors(const std::vector<Error>& errors) {
  Error joined = errors.front();
  for (std::size_t i = 1; i < errors.size(); ++i) joined.message += "; " + errors[i].ToString();
  return joined;
}

Result<const Json*> SpecOf(const Json& object, std::string_view kind) {
  if (!object.is_object()) return Fail(Code::kInvalidArgument, "must be an object");
  if (const auto found = StringAt(object, "apiVersion"); found != kApiVersion) {
    return Fail(Code::kInvalidArgument,
                "must be '" + std::string(kApiVersion) + "', is '" + found + "'", "apiVersion");
  }
  if (const auto found = StringAt(object, "kind"); found != kind) {
    return Fail(Code::kInvalidArgument, "must be '" + std::string(kind) + "', is '" + found + "'",
                "kind");
  }
  const Json* spec = Find(object, "spec");
  if (spec == nullptr) return Fail(Code::kInvalidArgument, "is required", "spec");
  return spec;
}

}  // namespace countersign
