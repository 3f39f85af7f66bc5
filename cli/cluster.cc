#include "cli/cluster.h"

#include <iostream>

#include "cli/render.h"
#include "kube/http_transport.h"
#include "kube/kubeconfig.h"

namespace countersign {
namespace {

std::string Where(const Resource& resource, const std::string& ns) {
  return resource.namespaced && !ns.empty() ? " in namespace '" + ns + "'" : "";
}

}  // namespace

Result<std::unique_ptr<Cluster>> Cluster::Connect(const Global& global) {
  ConfigSource source;
  source.kubeconfig = global.kubeconfig;
  source.context = global.context;
  auto config = LoadRestConfig(source);
  if (!config) return Fail(config.error());
  std::unique_ptr<Cluster> cluster(new Cluster());
  cluster->server_ = config->server.url;
  cluster->name_space_ = global.name_space.empty() ? config->default_namespace : global.name_space;
  auto transport = MakeHttpTransport(*config, cluster->clock_,
                                     {.user_agent = "countersign-cli/" COUNTERSIGN_VERSION});
  if (!transport) return Fail(transport.error());
  ClientOptions options;
  options.field_manager = "countersign-cli";
  options.on_warning = [](std::string_view text) {
    std::cerr << "Warning: " << Printable(text) << "\n";
  };
  cluster->client_ =
      std::make_unique<KubeClient>(std::move(*transport), cluster->clock_, std::move(options));
  return cluster;
}

Result<Json> Cluster::Get(const Resource& resource, const ObjectKey& key) const {
  auto object = client_->Get(resource, key);
  if (!object) {
    return Fail(Explain("read " + resource.kind + " '" + key.name + "'" + Where(resource, key.ns),
                        object.error()));
  }
  return std::move(*object);
}

Result<std::vector<Json>> Cluster::List(const Resource& resource, const std::string& ns,
                                        const std::string& field_selector) const {
  ListOptions options;
  options.field_selector = field_selector;
  auto page = client_->List(resource, ns, options);
  if (!page) return Fail(Explain("list " + resource.plural + Where(resource, ns), page.error()));
  return std::move(page->items);
}

Status Cluster::CheckNamespace(const std::string& ns) const {
  if (ns.empty()) return {};
  auto found = client_->Get(kNamespaces, {{}, ns});
  if (found || found.error().code != Code::kNotFound) return {};
  return Fail(Code::kNotFound, "there is no namespace '" + ns + "' in the cluster", "--namespace");
}

Result<std::string> Cluster::WhoAmI() const {
  auto review = client_->Create(kSelfSubjectReviews, {{"apiVersion", "authentication.k8s.io/v1"},
                                                      {"kind", "SelfSubjectReview"}});
  if (!review) return Fail(Explain("ask who you are", review.error()));
  std::string user = StringAt(*review, "status/userInfo/username");
  if (user.empty()) {
    return Fail(Code::kInternal, "the API server does not say who you are");
  }
  return user;
}

Error Cluster::Explain(const std::string& action, const ApiError& error) const {
  Error out = error;
  out.path.clear();
  switch (error.code) {
    case Code::kUnavailable:
    case Code::kDeadlineExceeded:
      if (error.http_status == 0) {
        out.message = "cannot reach the API server at " + server_ + ": " + error.message;
        return out;
      }
      break;
    case Code::kUnauthenticated:
      out.message = "the API server at " + server_ + " does not know you: " + error.message;
      return out;
    case Code::kNotFound:
      // Without our kinds the server answers 404 to the collection, in words of its own.
      if (error.message.find("could not find the requested resource") != std::string::npos) {
        out.message = "cannot " + action +
                      ": the cluster does not have Countersign's CustomResourceDefinitions "
                      "(`countersign install --crds …`)";
        return out;
      }
      break;
    default: break;
  }
  out.message = "cannot " + action + ": " + error.message;
  return out;
}

}  // namespace countersign
