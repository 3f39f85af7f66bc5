#include "catalog/revisions.h"

#include <algorithm>

#include "base/log.h"
#include "governance/serving/child_name.h"

namespace countersign {
namespace {

constexpr char kByDigest[] = "digest";
constexpr char kByDeployment[] = "deployment";

std::string IndexOf(const std::string& uid, const std::string& governed_digest) {
  return uid + "/" + governed_digest;
}

InformerOptions Follow() {
  InformerOptions options;
  options.scope.resource = kControllerRevisions;
  options.scope.label_selector = OursSelector();
  options.on_error = [](const ApiError& error) {
    Log(LogLevel::kWarning, "cannot follow a collection",
        {{"resource", kControllerRevisions.Name()}, {"error", error.ToString()}});
  };
  return options;
}

}  // namespace

// Why one counts for nothing the operator tells.
Revisions::Revisions(const KubeClient& client, Clock& clock, const StampAuthority& authority)
    : clock_(clock),
      informer_(client, clock, Follow(),
                [installation = authority.installation,
                 open = OpenWith(authority.trusted)](Json&& json) -> Result<Kept> {
                  return Kept{DecodeRevisionObject(json, installation, open).revision};
                }) {
  informer_.AddIndex(kByDigest, [](const Kept& kept) -> std::vector<std::string> {
    if (kept.revision == nullptr) return {};
    return {IndexOf(kept.revision->uid, kept.revision->governed_digest)};
  });
  informer_.AddIndex(kByDeployment, [](const Kept& kept) -> std::vector<std::string> {
    if (kept.revision == nullptr) return {};
    return {kept.revision->uid};
  });
}

CacheStatus Revisions::Status() const {
  return {kControllerRevisions.kind, informer_.Size(), 0, informer_.HasSynced(),
          informer_.LastHeard()};
}

std::string Revisions::Stale() const {
  const auto heard = informer_.LastHeard();
  if (!heard) return {};
  const auto silent = clock_.Steady() - *heard;
  if (silent < kStaleAfter) return {};
  return "the API server has not been heard about ControllerRevision objects for " +
         std::to_string(std::chrono::duration_cast<Seconds>(silent).count()) + " s";
}

std::vector<std::shared_ptr<const Revision>> Revisions::Of(
    const ObjectMeta& deployment, const std::string& governed_digest) const {
  std::vector<std::shared_ptr<const Revision>> found;
  const ObjectKey key{deployment.name_space, deployment.name};
  for (const auto& stored :
       informer_.ByIndex(kByDigest, IndexOf(deployment.uid, governed_digest))) {
    if (stored->revision->deployment == key) found.push_back(stored->revision);
  }
  return found;
}

bool Revisions::HasAny(const ObjectMeta& deployment) const {
  const ObjectKey key{deployment.name_space, deployment.name};
  const auto all = informer_.ByIndex(kByDeployment, deployment.uid);
  return std::any_of(all.begin(), all.end(),
                     [&](const auto& stored) { return stored->revision->deployment == key; });
}

}  // namespace countersign
