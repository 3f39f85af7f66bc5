// object.h: what every object of our API group has in common.
//
// A `Object<Spec>` is one decoded object: the part of its metadata that we use, its spec, and the
// digest of the spec as it was sent (RFC 8785, SHA-256; of a ModelDeployment the governed digest),
// which stamps bind and by which decisions name what they relied on. `Decode` is strict about the
// spec and lenient about metadata, which belongs to Kubernetes. Values without shared state; read
// from many threads once built.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "base/time.h"

namespace countersign {

inline constexpr std::string_view kApiGroup = "countersign.dev";
inline constexpr std::string_view kServedVersion = "v1alpha1";
inline constexpr std::string_view kApiVersion = "countersign.dev/v1alpha1";

// The annotation that carries the requester stamp (lib/evidence/stamp.h).
inline constexpr std::string_view kStampAnnotation = "countersign.dev/stamp";

struct ObjectMeta {
  std::string name;
  std::string generate_name;
  std::string name_space;
  std::string uid;
  std::string resource_version;
  std::int64_t generation = 0;
  std::optional<Time> creation_time;
  bool deleting = false;
  std::string stamp;  // the annotation kStampAnnotation, if there is one
};

template <class Spec>
struct Object {
  ObjectMeta meta;
  Spec spec;
  std::string spec_digest;         // "sha256:…"
  std::string record_digest = {};  // types/signature.h, where it is another one

  [[nodiscard]] const std::string& KnownAs() const {
    return record_digest.empty() ? spec_digest : record_digest;
  }
};

// Never fails: what is absent or of another type stays empty.
[[nodiscard]] ObjectMeta DecodeMeta(const Json& object);

// "must be A; spec.b: must be C", as one error whose path is the first one's.
[[nodiscard]] Error JoinErrors(const std::vector<Error>& errors);

// A kind's three functions, one translation unit a kind. `Decode` checks apiVersion, kind, schema
// and what the schema cannot say (references within the object); all faults come in one error.
template <class Spec>
[[nodiscard]] Result<Object<Spec>> Decode(const Json& object);
// The same, sharing with the object what is kept as it came, instead of copying it.
template <class Spec>
[[nodiscard]] Result<Object<Spec>> Decode(const std::shared_ptr<const Json>& object);
template <class Spec>
[[nodiscard]] Json EncodeSpec(const Spec& spec);
template <class Spec>
[[nodiscard]] Json SpecSchema();

}  // namespace countersign
