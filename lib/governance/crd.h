// crd.h: the CustomResourceDefinitions of our kinds, made from the C++ types.
//
// crds/*.yaml and docs/reference/*.md are written from here by `countersign-manifests`, and a test
// compares them, so that types, schemas and documentation cannot drift apart. Pure; no cluster is
// asked. What schemas cannot say is checked by Decode and refused by the webhook.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace countersign {

struct PrinterColumn {
  std::string_view name;
  std::string_view type;  // string, integer, date
  std::string_view path;
  std::string_view doc;
  bool wide = false;  // shown by `kubectl get -o wide` alone
};

// What is not in the types: names, scope, columns.
struct KindInfo {
  std::string_view kind;
  std::string_view plural;
  std::string_view short_name = {};  // empty where the singular is as short
  bool namespaced = true;
  std::string_view doc;            // of the object
  std::string_view spec_doc = {};  // of its spec
  Json (*spec_schema)() = nullptr;
  Json (*status_schema)() = nullptr;
  std::vector<PrinterColumn> columns = {};
  // At most 8 (an API-server limit), scalars only.
  std::vector<std::string_view> selectable = {};
  bool scalable = false;
};

// All kinds, in the order of documentation.
[[nodiscard]] const std::vector<KindInfo>& AllKinds();

[[nodiscard]] std::string SingularOf(const KindInfo& kind);
// "modeldeployments.countersign.dev"
[[nodiscard]] std::string CrdName(const KindInfo& kind);
// apiextensions.k8s.io/v1 CustomResourceDefinition.
[[nodiscard]] Json CrdOf(const KindInfo& kind);

}  // namespace countersign
