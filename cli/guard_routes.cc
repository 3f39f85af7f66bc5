#include "cli/guard_routes.h"

namespace countersign {

// Groups that are about nothing but traffic are locked as a whole, so that a kind which they gain
// is locked as well. Of others it is the kinds by which somebody sends traffic elsewhere: the rest,
// such as CiliumEndpoints and Dataplanes, controllers write for each Pod that comes up.
const std::map<std::string, std::set<std::string>>& Routes() {
  static const std::set<std::string> kAll = {"*"};
  static const std::map<std::string, std::set<std::string>> kRoutes = {
      // Kubernetes' own, and what its working groups define.
      {"", {"services", "endpoints"}},
      {"autoscaling", {"horizontalpodautoscalers"}},
      {"discovery.k8s.io", {"endpointslices"}},
      {"networking.k8s.io", {"ingresses"}},
      {"gateway.networking.k8s.io", kAll},
      {"gateway.networking.x-k8s.io", kAll},
      {"inference.networking.k8s.io", kAll},
      {"inference.networking.x-k8s.io", kAll},
      {"route.openshift.io", kAll},
      // Meshes.
      {"networking.istio.io", kAll},
      {"extensions.istio.io", kAll},
      {"split.smi-spec.io", kAll},
      {"specs.smi-spec.io", kAll},
      {"linkerd.io", {"serviceprofiles"}},
      {"policy.linkerd.io", {"httproutes"}},
      {"workload.linkerd.io", {"externalworkloads"}},
      {"kuma.io", {"meshhttproutes", "meshtcproutes", "meshproxypatches"}},
      {"cilium.io", {"ciliumenvoyconfigs", "ciliumlocalredirectpolicies"}},
      {"serving.knative.dev", {"configurations", "domainmappings", "routes"}},
      {"networking.internal.knative.dev", {"ingresses", "serverlessservices"}},
      // Gateways and controllers of Ingresses.
      {"gateway.envoyproxy.io", kAll},
      {"aigateway.envoyproxy.io", kAll},
      {"gateway.kgateway.dev", kAll},
      {"agentgateway.dev", kAll},
      {"gateway.nginx.org", kAll},
      {"k8s.nginx.org", kAll},
      {"traefik.io", kAll},
      {"traefik.containo.us", kAll},
      {"projectcontour.io", kAll},
      {"apisix.apache.org", kAll},
      {"getambassador.io", kAll},
      {"gateway.solo.io", kAll},
      {"configuration.konghq.com",
       {"kongingresses", "kongplugins", "kongpluginbindings", "kongroutes", "kongservices",
        "kongtargets", "kongupstreams", "kongupstreampolicies", "tcpingresses", "udpingresses"}},
      {"incubator.ingress-controller.konghq.com", {"kongservicefacades"}}};
  return kRoutes;
}

}  // namespace countersign
