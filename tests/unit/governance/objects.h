// objects.h: objects of our kinds from YAML, and a small ModelDeployment that has all that is
// governed.
#pragma once

#include <stdexcept>
#include <string>

#include "base/json.h"
#include "base/yaml.h"

namespace countersign::testing {

inline Json Yaml(const std::string& text) {
  auto json = ParseYaml(text);
  if (!json) throw std::runtime_error(json.error().ToString());
  return *json;
}

inline Json Deployment() {
  return Yaml(R"(
apiVersion: countersign.dev/v1alpha1
kind: ModelDeployment
metadata: {name: credit, namespace: lending-prod}
spec:
  useCaseRef: {namespace: lending, name: credit}
  model:
    name: credit
    version: "1"
    uri: oci://r.example/m@sha256:1111111111111111111111111111111111111111111111111111111111111111
    digest: sha256:1111111111111111111111111111111111111111111111111111111111111111
    digestType: ociManifest
  decision: {threshold: "0.5", preprocessing: v1}
  fallback: {kind: Human, description: People decide.}
  serving:
    backend: Deployment
    replicas: 3
    minReplicas: 2
    maxReplicas: 6
    port: 8080
    config: [{name: c, digest: "sha256:2222222222222222222222222222222222222222222222222222222222222222"}]
    template:
      metadata: {labels: {a: b}, annotations: {prometheus.io/scrape: "true"}}
      spec:
        containers:
        - {name: server, image: "r.example/s@sha256:3333333333333333333333333333333333333333333333333333333333333333", args: [x, "y"]}
)");
}

}  // namespace countersign::testing
