// reference.h: names of models and images in one spelling, and whether they can only ever mean the
// same bytes. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "governance/serving/profiles.h"

namespace countersign {

// What an object serves, or runs to serve it.
struct ServedReference {
  enum class Kind {
    kModel,      // a model, by whatever name
    kContainer,  // what runs: image, command, arguments, environment
    kVolume,     // where code or weights may come from
    kRoute       // another service
  };
  Kind kind = Kind::kModel;
  std::string text;         // normalised, for messages; equal text is the same thing if `pinned`
  std::string digest;       // "sha256:…" of an OCI artefact
  bool pinned = false;      // cannot come to mean anything else
  std::string path;         // where it was found
  std::string fingerprint;  // of a container and a volume: digest of all of it that matters
  // Of a container: digest of image, command, arguments and what hooks and probes execute.
  std::string program;
  bool shows_sign = false;  // of a container: some entry of the table knows it for serving
  std::string name = {};    // of a container and a volume
  // Of a volume: the containers of the same pod spec that mount it.
  std::vector<std::string> mounted_by = {};
  bool claimed = false;        // of a volume: by a claim; beside a pod spec as well
  bool identity_only = false;  // of a volume: it shows tokens of the service account alone
  friend bool operator==(const ServedReference&, const ServedReference&) = default;
};

// Registry in lower case, the tag left out where there is a digest. A digest counts only at the
// end, once, in lower case.
[[nodiscard]] ServedReference NormaliseImage(std::string_view image);

// `hf://org/model:<40 hexadecimal digits>` and `oci…://…@sha256:…` are pinned, nothing else is: an
// object store, a claim or a branch may hold other bytes tomorrow.
[[nodiscard]] ServedReference NormaliseUri(std::string_view uri);

// A model of the Hugging Face hub, `revision` empty if none is given.
[[nodiscard]] ServedReference NormaliseHuggingFace(std::string_view model,
                                                   std::string_view revision);

// As `form` says. Kind is kModel, or kRoute for a route. A path in the container (form kName) gives
// an empty text: what lies there is told by volumes and images.
[[nodiscard]] ServedReference NormaliseAs(ReferenceForm form, std::string_view value,
                                          std::string_view version);

}  // namespace countersign
