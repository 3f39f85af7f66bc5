// render.h: from an approved revision to the objects that serve it.
//
// Pure. The pod template is the revision's own; the operator adds the model, which nothing else may
// mount: an image volume `model` by digest, read-only at /models in every container
// (https://kubernetes.io/docs/concepts/storage/volumes/#image). What comes out is applied as it is:
// every field that the operator cares about is in it, so that a foreign change to any of them shows
// as a difference. Errors say which part of the spec cannot be rendered and block serving.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/json.h"
#include "base/result.h"
#include "governance/types/model_deployment.h"

namespace countersign {

struct RenderInput {
  std::string name_space;
  std::string name;  // of the ModelDeployment
  std::string uid;
  std::string governed_digest;
  std::int64_t revision = 0;  // number of the revision that is rendered
  std::int64_t replicas = 0;
};

struct Rendered {
  Json deployment;
  Json service;
  std::optional<Json> disruption_budget;  // where the spec asks for one
};

[[nodiscard]] Result<Rendered> Render(const RenderInput& input, const ModelDeploymentSpec& spec);

}  // namespace countersign
