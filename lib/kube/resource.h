// resource.h: how a collection and an object of the API server are named.
//
// A `Resource` says where a kind lives (group, version, plural, scope), an `ObjectKey` which object
// of it. Paths are made here and nowhere else: every part is percent-encoded and checked, so that
// no name taken from user input can reach another path. Also the few readers of `metadata` that
// every caller needs, and the comparison of resourceVersions. Pure functions and value types.
#pragma once

#include <compare>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace countersign {

struct Resource {
  std::string group;  // empty for the core group
  std::string version;
  std::string plural;
  bool namespaced = true;
  std::string kind;

  // "v1" or "apps/v1".
  [[nodiscard]] std::string ApiVersion() const;
  // "deployments.apps", for messages.
  [[nodiscard]] std::string Name() const;

  friend bool operator==(const Resource&, const Resource&) = default;
};

// The built-in collections that the programs touch.
inline const Resource kNamespaces{"", "v1", "namespaces", false, "Namespace"};
inline const Resource kPods{"", "v1", "pods", true, "Pod"};
inline const Resource kServices{"", "v1", "services", true, "Service"};
inline const Resource kConfigMaps{"", "v1", "configmaps", true, "ConfigMap"};
inline const Resource kSecrets{"", "v1", "secrets", true, "Secret"};
inline const Resource kDeployments{"apps", "v1", "deployments", true, "Deployment"};
inline const Resource kControllerRevisions{"apps", "v1", "controllerrevisions", true,
                                           "ControllerRevision"};
inline const Resource kPodDisruptionBudgets{"policy", "v1", "poddisruptionbudgets", true,
                                            "PodDisruptionBudget"};
inline const Resource kLeases{"coordination.k8s.io", "v1", "leases", true, "Lease"};
inline const Resource kEvents{"events.k8s.io", "v1", "events", true, "Event"};
inline const Resource kCustomResourceDefinitions{
    "apiextensions.k8s.io", "v1", "customresourcedefinitions", false, "CustomResourceDefinition"};
inline const Resource kValidatingWebhookConfigurations{"admissionregistration.k8s.io", "v1",
                                                       "validatingwebhookconfigurations", false,
                                                       "ValidatingWebhookConfiguration"};
inline const Resource kMutatingWebhookConfigurations{"admissionregistration.k8s.io", "v1",
                                                     "mutatingwebhookconfigurations", false,
                                                     "MutatingWebhookConfiguration"};
inline const Resource kValidatingAdmissionPolicies{"admissionregistration.k8s.io", "v1",
                                                   "validatingadmissionpolicies", false,
                                                   "ValidatingAdmissionPolicy"};
inline const Resource kValidatingAdmissionPolicyBindings{"admissionregistration.k8s.io", "v1",
                                                         "validatingadmissionpolicybindings", false,
                                                         "ValidatingAdmissionPolicyBinding"};
inline const Resource kSelfSubjectReviews{"authentication.k8s.io", "v1", "selfsubjectreviews",
                                          false, "SelfSubjectReview"};

// One object of a collection. `ns` is empty for cluster-scoped kinds. Sorts by namespace, then
// name.
struct ObjectKey {
  std::string ns{};
  std::string name{};

  // "namespace/name", or "name".
  [[nodiscard]] std::string ToString() const;

  friend auto operator<=>(const ObjectKey&, const ObjectKey&) = default;
};

// NAMESPACE/NAME, as flags take it. `flag` is the path of the error.
[[nodiscard]] Result<ObjectKey> ParseObjectKey(const std::string& text, const std::string& flag);

// Readers of `metadata`; empty when absent.
[[nodiscard]] ObjectKey KeyOf(const Json& object);
[[nodiscard]] std::string UidOf(const Json& object);
[[nodiscard]] std::string ResourceVersionOf(const Json& object);

// Orders two resourceVersions of the same collection, which are decimal integers of any length
// (KEP-5504; conformance since Kubernetes 1.35). One that is not a decimal integer is "less" than
// any that is: it never counts as news.
[[nodiscard]] std::strong_ordering CompareResourceVersions(std::string_view a, std::string_view b);

// RFC 3986 percent-encoding of everything but unreserved characters.
[[nodiscard]] std::string PercentEncode(std::string_view text);

using Query = std::vector<std::pair<std::string, std::string>>;

// "/apis/apps/v1/namespaces/ns/deployments?a=b". `ns` empty: all namespaces.
// Fails with kInvalidArgument when `ns` is given for a cluster-scoped resource.
[[nodiscard]] Result<std::string> CollectionTarget(const Resource& resource, std::string_view ns,
                                                   const Query& query = {});
// The same for one object, and one of its subresources ("status", "scale") when given. Fails with
// kInvalidArgument when the name is empty, "." or "..", or a namespace is missing.
[[nodiscard]] Result<std::string> ObjectTarget(const Resource& resource, const ObjectKey& key,
                                               std::string_view subresource = {},
                                               const Query& query = {});

}  // namespace countersign
