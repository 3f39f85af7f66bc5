#include "governance/serving/resolved_images.h"

#include "governance/serving/object_walk.h"
#include "governance/serving/reference.h"
#include "governance/serving/running.h"

namespace countersign {
namespace {

// How a Pod's spec names the image of a container or a volume.
std::string AskedImage(const Json& pod, const std::string& of, bool volume) {
  const Json* spec = Find(pod, "spec");
  if (spec == nullptr) return {};
  const auto in = [&](const char* list, const char* path) -> std::string {
    const Json* items = Find(*spec, list);
    if (items == nullptr || !items->is_array()) return {};
    for (const Json& item : *items) {
      if (StringAt(item, "name") == of) return StringAt(item, path);
    }
    return {};
  };
  if (volume) return in("volumes", "image/reference");
  for (const char* list : kContainerLists) {
    if (std::string image = in(list, "image"); !image.empty()) return image;
  }
  return {};
}

}  // namespace

std::vector<ResolvedImage> ResolvedImages(const Json& pod) {
  std::vector<ResolvedImage> out;
  const auto add = [&](const Json& status, const char* id, const JsonPath& at,
                       const std::string& of, bool volume) {
    const JsonPath of_id{&at, id};
    const std::string text = StringAt(status, id);
    // Docker says docker-pullable://…; an id without a repository is one of a node's own.
    const auto scheme = text.find("://");
    const ServedReference image =
        NormaliseImage(scheme == std::string::npos ? text : text.substr(scheme + 3));
    if (image.pinned) {
      out.push_back(
          {of, volume, image.text, image.digest, of_id.ToString(), AskedImage(pod, of, volume)});
    }
  };
  const Json* status = Find(pod, "status");
  if (StringAt(pod, "kind") != "Pod" || status == nullptr) return out;
  const JsonPath root{nullptr, "status"};
  for (const char* list :
       {"initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses"}) {
    ForEachItem(*status, list, root, [&](const Json& container, const JsonPath& at) {
      add(container, "imageID", at, StringAt(container, "name"), false);
      ForEachItem(container, "volumeMounts", at, [&](const Json& mount, const JsonPath& where) {
        const Json* image = FindPath(mount, "volumeStatus/image");
        if (image == nullptr) return;
        const JsonPath of_status{&where, "volumeStatus"};
        const JsonPath of_image{&of_status, "image"};
        add(*image, "imageRef", of_image, StringAt(mount, "name"), true);
      });
    });
  }
  return out;
}

}  // namespace countersign
