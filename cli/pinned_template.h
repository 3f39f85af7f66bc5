// pinned_template.h: the pod template of a running workload with everything named by digest, and
// what of it a ModelDeployment cannot be made from.
//
// Nothing is guessed: a digest is one that the workload names, one that the nodes of all its Pods
// report, or one that somebody gave. What is left is a gap with the command that closes it. Pure.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "governance/serving/recognise.h"
#include "governance/serving/resolved_images.h"

namespace countersign {

// What a person has to do before the workload can be brought in.
struct AdoptionGap {
  std::string what;
  std::string next;
};

// What somebody has said, pinned: "oci://repository@sha256:…", or an image by container.
struct StatedReferences {
  std::string model;
  std::map<std::string, std::string> images;
};

// The command as it was given, for remedies that say it again.
struct AdoptCommand {
  std::vector<std::string> options;  // "--owner=ana", each a word of a shell
  [[nodiscard]] std::string Text() const;
  // With one more option; what can be given once takes the place of what was given.
  [[nodiscard]] std::string With(const std::string& option) const;
};

struct PinnedTemplate {
  Json pod_template;      // labels, annotations and spec
  std::string model_uri;  // "oci://…@sha256:…"; empty where there are gaps
  std::string model_digest;
  std::vector<std::string> config_maps;  // that the template refers to
  std::vector<std::string> notes;        // how it differs from what runs
  std::vector<AdoptionGap> gaps;
};

// `workload` has spec.template and names as an API server takes them; `pods` are the resolved
// images of each of its Pods.
[[nodiscard]] PinnedTemplate PinTemplate(const Json& workload, const Recognition& recognition,
                                         const std::vector<std::vector<ResolvedImage>>& pods,
                                         const StatedReferences& stated,
                                         const AdoptCommand& command);

}  // namespace countersign
