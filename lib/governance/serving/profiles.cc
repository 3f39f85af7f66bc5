#include "governance/serving/profiles.h"

#include <algorithm>
#include <set>

#include "base/yaml.h"
#include "governance/types/object.h"

namespace countersign {
namespace {

constexpr std::int64_t kMaxSignals = 256;
constexpr std::int64_t kMaxProfiles = 128;
constexpr std::int64_t kMaxVersions = 16;
constexpr std::int64_t kMaxPaths = 32;
constexpr std::int64_t kMaxSteps = 16;

constexpr FieldInfo PathsField(std::string_view name, std::string_view doc) {
  return {.name = name, .doc = doc, .max = kMaxPaths};
}

}  // namespace

template <class V>
void Describe(V& v, ServingSignal& s) {
  v.Field({.name = "match",
           .doc = "What is looked for. In patterns '*' stands for any characters.",
           .required = true,
           .min = 1},
          s.match);
  v.Field({.name = "certainty",
           .doc = "Serving: enough by itself. Hint: two of different kinds are. Ignore: nothing. "
                  "Default Serving."},
          s.certainty);
  v.Field({.name = "inBatch",
           .doc = "The certainty in Jobs, CronJobs and Pods that are not restarted; default: the "
                  "same. What is a hint by this, trainings show too: all such hints together count "
                  "as one."},
          s.in_batch);
  v.Field({.name = "model", .doc = "The value names a model, in this form."}, s.model);
}

template <class V>
void Describe(V& v, ServingSignals& s) {
  const auto list = [&](std::string_view name, std::string_view doc,
                        std::vector<ServingSignal>& signals) {
    v.Field({.name = name, .doc = doc, .max = kMaxSignals}, signals);
  };
  list("images", "Container images, lower-case, as patterns.", s.images);
  list("commands", "Words that follow each other in command and arguments.", s.commands);
  list("arguments", "Options of a command, whose value is the next word or follows '='.",
       s.arguments);
  list("variables", "Names of environment variables, as patterns.", s.variables);
  list("uris", "How an argument or the value of a variable begins.", s.uris);
  list("labels", "Keys of labels, as patterns; or key=value.", s.labels);
  list("annotations", "Keys of annotations, as patterns; or key=value.", s.annotations);
  list("accelerators",
       "Names of resources that containers ask for, as patterns; claims are resourceClaims/NAME, "
       "and what gives a device without a resource is runtimeClass/NAME, hostPath/PATH or "
       "variables/NAME.",
       s.accelerators);
  list("imageVolumes", "References of volumes that are images, as patterns.", s.image_volumes);
}

template <class V>
void Describe(V& v, ModelField& f) {
  v.Field({.name = "path",
           .doc = "Keys from the root to the value; '*' any member or item, '**' anything below. A "
                  "switch there names something where it is off.",
           .required = true,
           .min = 1,
           .max = kMaxSteps},
          f.path);
  v.Field({.name = "form", .doc = "What the value is.", .required = true}, f.form);
  v.Field({.name = "name", .doc = "Member that names the model, if the value is an object."},
          f.name);
  v.Field({.name = "version", .doc = "Its member for tag or revision."}, f.version);
  v.Field(
      {.name = "unless",
       .doc = "Its member that says which model it is: where that is set, this does not count."},
      f.unless);
  v.Field({.name = "namespace",
           .doc = "Its member that stands before the name, with a slash between: whose it is."},
          f.name_space);
  v.Field({.name = "defaults",
           .doc = "Values that say nothing, being what holds where there is none.",
           .max = kMaxPaths},
          f.defaults);
}

template <class V>
void Describe(V& v, EmbeddedYaml& e) {
  v.Field(
      {.name = "path", .doc = "Keys to the text.", .required = true, .min = 1, .max = kMaxSteps},
      e.path);
  v.Field({.name = "models", .doc = "Where the text names models.", .max = kMaxPaths}, e.models);
}

template <class V>
void Describe(V& v, ServingProfile& p) {
  v.Field({.name = "name",
           .doc = "Of the profile, for messages.",
           .required = true,
           .format = Format::kName,
           .length = 63},
          p.name);
  v.Field({.name = "group", .doc = "API group; empty for the core group."}, p.group);
  v.Field({.name = "kind", .doc = "Kind.", .required = true, .min = 1}, p.kind);
  v.Field({.name = "resource", .doc = "Its plural in the API.", .required = true, .min = 1},
          p.resource);
  v.Field(
      {.name = "versions",
       .doc = "Versions whose fields these are. An object of another one is not let through "
              "as covered, because its model may stand elsewhere. The first that the API server "
              "has is watched.",
       .required = true,
       .min = 1,
       .max = kMaxVersions},
      p.versions);
  v.Field({.name = "serves",
           .doc = "Always: whatever it says. IfNamed: if it names a model. IfRecognised: if it "
                  "shows signs.",
           .required = true},
          p.serves);
  v.Field({.name = "batch", .doc = "It runs to an end."}, p.batch);
  v.Field({.name = "owners",
           .doc = "Of Pods, which are too many to be watched: label selector of those that own "
                  "workloads, as the leader of a group owns its workers. These are watched.",
           .length = 256},
          p.owners);
  v.Field({.name = "models", .doc = "Where it names models.", .max = kMaxPaths}, p.models);
  v.Field(PathsField("podSpecs",
                     "Where pod specs stand; with '**' wherever something has "
                     "containers or volumes."),
          p.pod_specs);
  v.Field(PathsField("containers", "What has image, command, args and env as a container has."),
          p.containers);
  v.Field(PathsField("volumes",
                     "What is mounted beside the volumes of pod specs, such as claims that a "
                     "workload makes for its Pods, and files. Nothing approved covers it."),
          p.volumes);
  v.Field(PathsField("metadata", "Labels and annotations, beside the object's own."), p.metadata);
  v.Field({.name = "embeddedYaml", .doc = "Texts that are YAML themselves.", .max = kMaxPaths},
          p.embedded_yaml);
}

template <class V>
void Describe(V& v, ServingSelector& s) {
  v.Field({.name = "name",
           .doc = "Of the entry, for messages.",
           .required = true,
           .format = Format::kName,
           .length = 63},
          s.name);
  v.Field({.name = "group", .doc = "API group; empty for the core group."}, s.group);
  v.Field({.name = "kind", .doc = "Kind.", .required = true, .min = 1}, s.kind);
  v.Field({.name = "resource", .doc = "Its plural in the API.", .required = true, .min = 1},
          s.resource);
  v.Field({.name = "versions",
           .doc = "Versions whose field this is. The first is listed.",
           .required = true,
           .min = 1,
           .max = kMaxVersions},
          s.versions);
  v.Field({.name = "labels",
           .doc = "Keys to the labels that its Pods have, as a map.",
           .required = true,
           .min = 1,
           .max = kMaxSteps},
          s.labels);
}

template <class V>
void Describe(V& v, ServingProfiles& t) {
  v.Field({.name = "signals", .doc = "Signs that a workload serves a model."}, t.signals);
  v.Field({.name = "profiles",
           .doc = "The kinds that are looked at.",
           .required = true,
           .min = 1,
           .max = kMaxProfiles},
          t.profiles);
  v.Field({.name = "selectors",
           .doc = "Kinds that take Pods for model servers by their labels; for scans of what runs.",
           .max = kMaxPaths},
          t.selectors);
}

namespace {

class Checker {
 public:
  std::vector<Error> Run(const ServingProfiles& table) {
    CheckSignals(table.signals);
    std::set<std::pair<std::string, std::string>> kinds;
    for (std::size_t i = 0; i < table.profiles.size(); ++i) {
      const std::string at = "profiles[" + std::to_string(i) + "]";
      const ServingProfile& profile = table.profiles[i];
      if (!kinds.emplace(profile.group, profile.kind).second) {
        Fault(at, "kind '" + profile.group + "/" + profile.kind + "' has a profile already");
      }
      for (const std::string& version : profile.versions) {
        if (version.empty()) Fault(at + ".versions", "must not hold an empty version");
      }
      CheckModels(profile.models, at + ".models");
      CheckPaths(profile.pod_specs, at + ".podSpecs");
      CheckPaths(profile.containers, at + ".containers");
      CheckPaths(profile.volumes, at + ".volumes");
      CheckPaths(profile.metadata, at + ".metadata");
      for (std::size_t j = 0; j < profile.embedded_yaml.size(); ++j) {
        const std::string of = at + ".embeddedYaml[" + std::to_string(j) + "]";
        CheckPath(profile.embedded_yaml[j].path, of + ".path");
        CheckModels(profile.embedded_yaml[j].models, of + ".models");
      }
    }
    for (std::size_t i = 0; i < table.selectors.size(); ++i) {
      const std::string at = "selectors[" + std::to_string(i) + "]";
      CheckPath(table.selectors[i].labels, at + ".labels");
      for (const std::string& step : table.selectors[i].labels) {
        if (step == "*" || step == "**") Fault(at + ".labels", "must not hold '" + step + "'");
      }
    }
    return std::move(errors_);
  }

 private:
  void Fault(std::string path, std::string message) {
    errors_.push_back({Code::kInvalidArgument, std::move(message), std::move(path), {}});
  }

  // Two of them would let one object be walked as often as it is deep.
  void CheckPath(const FieldPath& path, const std::string& at) {
    if (std::count(path.begin(), path.end(), "**") > 1) Fault(at, "must not hold '**' twice");
    if (path.empty()) Fault(at, "must not be empty");
    for (const std::string& step : path) {
      if (step.empty()) Fault(at, "must not hold an empty key");
    }
  }

  void CheckPaths(const std::vector<FieldPath>& paths, const std::string& at) {
    for (std::size_t i = 0; i < paths.size(); ++i) {
      CheckPath(paths[i], at + "[" + std::to_string(i) + "]");
    }
  }

  void CheckModels(const std::vector<ModelField>& models, const std::string& at) {
    for (std::size_t i = 0; i < models.size(); ++i) {
      const std::string of = at + "[" + std::to_string(i) + "]";
      CheckPath(models[i].path, of + ".path");
      if (models[i].name.empty() && !models[i].version.empty()) {
        Fault(of + ".version", "must not be set without name");
      }
      if (models[i].name.empty() && !models[i].unless.empty()) {
        Fault(of + ".unless", "must not be set without name");
      }
      if (models[i].name.empty() && !models[i].name_space.empty()) {
        Fault(of + ".namespace", "must not be set without name");
      }
    }
  }

  void CheckSignals(const ServingSignals& signals) {
    for (std::size_t i = 0; i < signals.image_volumes.size(); ++i) {
      // The API server's filter cannot be narrower than what is recognised here, and is not made
      // of these.
      if (signals.image_volumes[i].model) {
        Fault("signals.imageVolumes[" + std::to_string(i) + "].model",
              "must not be set: an image volume always names a model");
      }
    }
    for (std::size_t i = 0; i < signals.commands.size(); ++i) {
      if (signals.commands[i].model) {
        Fault("signals.commands[" + std::to_string(i) + "].model",
              "must not be set: words of a command have no value");
      }
    }
  }

  std::vector<Error> errors_;
};

}  // namespace

const ServingProfile* ServingProfiles::Find(std::string_view group, std::string_view kind) const {
  const auto found = std::find_if(profiles.begin(), profiles.end(), [&](const ServingProfile& p) {
    return p.group == group && p.kind == kind;
  });
  return found == profiles.end() ? nullptr : &*found;
}

Result<ServingProfiles> ParseServingProfiles(std::string_view text) {
  auto json = ParseYaml(text);
  if (!json) return Fail(json.error());
  ServingProfiles table;
  std::vector<Error> errors = DecodeInto(*json, "", table);
  if (errors.empty()) errors = Checker().Run(table);
  if (!errors.empty()) return Fail(JoinErrors(errors));
  return table;
}

Result<ServingProfiles> BuiltInServingProfiles() {
  return ParseServingProfiles(BuiltInServingProfilesText());
}

Json ServingProfilesSchema() { return SchemaOf<ServingProfiles>(); }

}  // namespace countersign
