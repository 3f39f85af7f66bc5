// profiles.h: the table that says which objects serve a model, and where they say which.
//
// Data, not code: shipped as charts/countersign/files/serving-profiles.yaml, built in for those who
// bring none, replaceable by a flag of webhook, operator and CLI. A table that cannot be read is an
// error at start, with its path. docs/shadow-deployments.md describes it for those who extend it.
// Plain values; read from many threads once parsed. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/describe.h"

namespace countersign {

// What a value that names a model is.
enum class ReferenceForm {
  kUri,          // scheme://…
  kImage,        // a container image
  kHuggingFace,  // org/model, with a revision
  kName,         // any of these, or a path in the container, which names nothing by itself
  kOpaque,       // a name that only some controller understands: never a digest
  kRoute         // another service that traffic is sent to
};
template <>
struct EnumNames<ReferenceForm> {
  static constexpr std::pair<ReferenceForm, std::string_view> kNames[] = {
      {ReferenceForm::kUri, "Uri"},
      {ReferenceForm::kImage, "Image"},
      {ReferenceForm::kHuggingFace, "HuggingFace"},
      {ReferenceForm::kName, "Name"},
      {ReferenceForm::kOpaque, "Opaque"},
      {ReferenceForm::kRoute, "Route"}};
};

// How sure a sign makes it: one that serves is enough, of hints it takes two of different kinds.
enum class Certainty { kIgnore, kHint, kServing };
template <>
struct EnumNames<Certainty> {
  static constexpr std::pair<Certainty, std::string_view> kNames[] = {
      {Certainty::kIgnore, "Ignore"}, {Certainty::kHint, "Hint"}, {Certainty::kServing, "Serving"}};
};

struct ServingSignal {
  std::string match;
  Certainty certainty = Certainty::kServing;
  std::optional<Certainty> in_batch;   // of Jobs and what they run
  std::optional<ReferenceForm> model;  // the value names a model
};

struct ServingSignals {
  std::vector<ServingSignal> images;         // pattern
  std::vector<ServingSignal> commands;       // words one after another in command and args
  std::vector<ServingSignal> arguments;      // an option, whose value follows
  std::vector<ServingSignal> variables;      // pattern of an environment variable's name
  std::vector<ServingSignal> uris;           // how a value begins
  std::vector<ServingSignal> labels;         // pattern of a key, or key=value
  std::vector<ServingSignal> annotations;    // likewise
  std::vector<ServingSignal> accelerators;   // pattern of a resource's name
  std::vector<ServingSignal> image_volumes;  // pattern of the reference
};

// Keys from the object's root; "*" any member or item, "**" anything below, once.
using FieldPath = std::vector<std::string>;

struct ModelField {
  FieldPath path;
  ReferenceForm form = ReferenceForm::kUri;
  std::string name;     // member that names the model, where the path leads to an object
  std::string version;  // its member for tag or revision
  std::string unless;   // its member that says which model it is, where that is looked at already
  std::string name_space = {};             // its member that stands before the name, with a slash
  std::vector<std::string> defaults = {};  // values that say nothing
};

struct EmbeddedYaml {
  FieldPath path;
  std::vector<ModelField> models;
};

// Whether an object of the kind serves by being there, if it names a model, or if it shows signs.
enum class ServesWhen { kAlways, kIfNamed, kIfRecognised };
template <>
struct EnumNames<ServesWhen> {
  static constexpr std::pair<ServesWhen, std::string_view> kNames[] = {
      {ServesWhen::kAlways, "Always"},
      {ServesWhen::kIfNamed, "IfNamed"},
      {ServesWhen::kIfRecognised, "IfRecognised"}};
};

struct ServingProfile {
  std::string name;
  std::string group;
  std::string kind;
  std::string resource;
  // Whose fields these are; the first that the API server has is watched.
  std::vector<std::string> versions;
  ServesWhen serves = ServesWhen::kAlways;
  bool batch = false;
  std::string owners = {};  // label selector of the Pods that own workloads; of Pods alone
  std::vector<ModelField> models;
  std::vector<FieldPath> pod_specs;
  std::vector<FieldPath> containers;  // what has image, args and env as a container has
  std::vector<FieldPath> volumes;     // beside those of pod specs
  std::vector<FieldPath> metadata;    // beside the object's own
  std::vector<EmbeddedYaml> embedded_yaml;
};

// A kind that names Pods by their labels and takes them for model servers. Admission of a Pod does
// not see it, a scan of what runs does.
struct ServingSelector {
  std::string name;
  std::string group;
  std::string kind;
  std::string resource;
  std::vector<std::string> versions;  // the first is listed
  FieldPath labels;                   // to the map of labels that the Pods have
};

struct ServingProfiles {
  ServingSignals signals;
  std::vector<ServingProfile> profiles;
  std::vector<ServingSelector> selectors;

  [[nodiscard]] const ServingProfile* Find(std::string_view group, std::string_view kind) const;
};

// From YAML or JSON. Error: everything that is wrong with it, with paths.
[[nodiscard]] Result<ServingProfiles> ParseServingProfiles(std::string_view text);

// The table that is built in, as text and parsed.
[[nodiscard]] std::string_view BuiltInServingProfilesText();
[[nodiscard]] Result<ServingProfiles> BuiltInServingProfiles();

// JSON schema of the table, for editors and docs/reference.
[[nodiscard]] Json ServingProfilesSchema();

}  // namespace countersign
