// approval_source.h: where `approve` and `reject` read what is signed and what it is judged by.
//
// A cluster, with the rights of whoever calls; or manifests alone, which are then all there is: no
// cluster is asked, and nobody is taken for anybody that the manifests do not name. Not
// thread-safe.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "base/time.h"
#include "cli/cluster.h"
#include "cli/manifests.h"
#include "governance/facts.h"
#include "kube/resource.h"

namespace countersign {

class ApprovalSource {
 public:
  virtual ~ApprovalSource() = default;

  // Errors say what was looked for, where, and what to do about it; kNotFound if there is none.
  [[nodiscard]] virtual Result<Json> Get(const Resource& resource, const ObjectKey& key) const = 0;
  // In `ns`, or everywhere if that is empty.
  [[nodiscard]] virtual Result<std::vector<Json>> List(const Resource& resource,
                                                       const std::string& ns) const = 0;
  // The policies and the sign-offs on them, into `policies`; what was read before a failure stays.
  [[nodiscard]] virtual Status ReadPolicies(PolicySet& policies) const = 0;
  // Where objects are that are named without a namespace; empty: that is not known.
  [[nodiscard]] virtual const std::string& name_space() const = 0;
  [[nodiscard]] virtual Time Now() const = 0;
};

class ClusterSource : public ApprovalSource {
 public:
  // `cluster` must outlive it.
  explicit ClusterSource(const Cluster& cluster) : cluster_(cluster) {}

  [[nodiscard]] Result<Json> Get(const Resource& resource, const ObjectKey& key) const override;
  [[nodiscard]] Result<std::vector<Json>> List(const Resource& resource,
                                               const std::string& ns) const override;
  [[nodiscard]] Status ReadPolicies(PolicySet& policies) const override;
  [[nodiscard]] const std::string& name_space() const override { return cluster_.name_space(); }
  [[nodiscard]] Time Now() const override { return cluster_.Now(); }

 private:
  const Cluster& cluster_;
};

class ManifestSource : public ApprovalSource {
 public:
  // Objects that name no namespace are in `name_space`. Fails on what is malformed, has no name or
  // is there twice: what would be left out might have been what the signer had to see.
  [[nodiscard]] static Result<ManifestSource> Make(std::vector<Manifest> manifests,
                                                   std::string name_space, Time now);

  [[nodiscard]] Result<Json> Get(const Resource& resource, const ObjectKey& key) const override;
  [[nodiscard]] Result<std::vector<Json>> List(const Resource& resource,
                                               const std::string& ns) const override;
  [[nodiscard]] Status ReadPolicies(PolicySet& policies) const override;
  [[nodiscard]] const std::string& name_space() const override { return name_space_; }
  [[nodiscard]] Time Now() const override { return now_; }

  [[nodiscard]] const std::vector<Manifest>& manifests() const { return manifests_; }
  // Which objects were taken from which files, a line each.
  [[nodiscard]] std::string OriginText() const;

 private:
  ManifestSource(std::vector<Manifest> manifests, std::string name_space, Time now)
      : manifests_(std::move(manifests)), name_space_(std::move(name_space)), now_(now) {}

  std::vector<Manifest> manifests_;  // of our kinds
  std::string name_space_;
  Time now_{};
  PolicySet policies_;
};

}  // namespace countersign
