#include "governance/serving/recognise.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include "base/digest.h"
#include "base/yaml.h"
#include "governance/decision.h"
#include "governance/environment.h"
#include "governance/serving/child_name.h"
#include "governance/serving/container_signs.h"
#include "governance/serving/object_walk.h"
#include "governance/serving/resolved_images.h"
#include "governance/serving/running.h"
#include "governance/serving/serving_findings.h"

namespace countersign {
namespace {

// Other stacks fill in containers where there are volumes alone.
bool IsPodSpec(const Json& node) {
  const auto holds = [&](const char* list) {
    const Json* found = Find(node, list);
    return found != nullptr && found->is_array();
  };
  return holds("volumes") ||
         std::any_of(std::begin(kContainerLists), std::end(kContainerLists), holds);
}

// Without what a path may hold and lead to the same: "//dev/./nvidia0".
std::string PlainPath(std::string_view path) {
  const bool ends_open = path.ends_with('/');
  std::string out;
  while (!path.empty()) {
    const auto end = std::min(path.find('/'), path.size());
    const std::string_view step = path.substr(0, end);
    if (!step.empty() && step != ".") out.append("/").append(step);
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return ends_open || out.empty() ? out + "/" : out;
}

class Recogniser {
 public:
  // `running`: of what runs already; null in admission.
  Recogniser(const ServingProfiles& table, bool owned, const RunningFacts* running = nullptr)
      : signals_(table.signals), table_(table), owned_(owned), observed_(running) {}

  Recognition Run(const Json& object) {
    const std::string version = StringAt(object, "apiVersion");
    const auto slash = version.find('/');
    const std::string group = slash == std::string::npos ? "" : version.substr(0, slash);
    const ServingProfile* profile = table_.Find(group, StringAt(object, "kind"));
    if (profile == nullptr) return std::move(out_);
    out_.profile = profile->name;
    if (IsDeeperThan(object, kMaxForeignJsonDepth)) {
      out_.serves = true;
      found_.Fault("", "is nested deeper than the " + std::to_string(kMaxForeignJsonDepth) +
                           " levels that are looked through");
      return std::move(out_);
    }
    const bool says_so = RunsToAnEnd(object);
    out_.batch = profile->batch || (owned_ && says_so);
    out_.unbelieved = says_so && !out_.batch;
    LookAt(object, *profile);
    const bool hints_add_up = found_.KindsOfHints() > 1;
    const bool by_kind = profile->serves == ServesWhen::kAlways ||
                         (profile->serves == ServesWhen::kIfNamed && !out_.references.empty());
    out_.serves = found_.IsSure() || hints_add_up || by_kind;
    out_.by_kind = profile->serves == ServesWhen::kAlways;
    out_.suspected = !out_.serves && found_.KindsOfHints() > 0;
    if (!out_.serves) {
      out_.references.clear();
      return std::move(out_);
    }
    const std::string found = slash == std::string::npos ? version : version.substr(slash + 1);
    if (std::find(profile->versions.begin(), profile->versions.end(), found) ==
        profile->versions.end()) {
      found_.Fault("apiVersion", "the serving profile '" + profile->name +
                                     "' does not know version '" + Excerpt(found, 63) + "'");
    }
    for (RunningPart& part : running_.parts) {
      part.reference.shows_sign = telling_.contains(part.node);
      out_.references.push_back(std::move(part.reference));
    }
    if (running_.is_full) {
      out_.incomplete = true;
      found_.Fault("", "runs more containers and volumes, or longer ones, than are looked through");
    }
    out_.pod = PodShapeIn(object, out_.references);
    Conclude(object);
    return std::move(out_);
  }

 private:
  // A Pod that nobody restarts and that is not on its own: one of a Job.
  static bool RunsToAnEnd(const Json& object) {
    const std::string policy = StringAt(object, "spec/restartPolicy");
    if (StringAt(object, "kind") != "Pod" || (policy != "Never" && policy != "OnFailure")) {
      return false;
    }
    const Json* owners = FindPath(object, "metadata/ownerReferences");
    return owners != nullptr && owners->is_array() &&
           std::any_of(owners->begin(), owners->end(),
                       [](const Json& owner) { return BoolAt(owner, "controller"); });
  }

  void LookAt(const Json& object, const ServingProfile& profile) {
    const JsonPath root{nullptr, ""};
    const FieldPath own = {"metadata"};
    WalkPath(object, own, root, [&](const Json& m, const JsonPath& at) {
      Metadata(m, at);
      // Its own are a Pod's, or go to the Pods of what has no template.
      if (profile.metadata.empty()) Joins(m, at);
    });
    for (const FieldPath& path : profile.metadata) {
      WalkPath(object, path, root, [&](const Json& m, const JsonPath& at) {
        Metadata(m, at);
        Joins(m, at);
      });
    }
    Models(object, profile.models, root);
    for (const FieldPath& path : profile.pod_specs) {
      const bool anywhere = std::find(path.begin(), path.end(), "**") != path.end();
      WalkPath(object, path, root, [&](const Json& node, const JsonPath& at) {
        if (!anywhere || IsPodSpec(node)) PodSpec(node, at);
      });
    }
    std::set<const Json*> looked_at;  // several paths may lead to one
    for (const FieldPath& path : profile.containers) {
      WalkPath(object, path, root, [&](const Json& node, const JsonPath& at) {
        if (!node.is_object() || !looked_at.insert(&node).second) return;
        LookAtContainer(node, at);
        // NIMService has in its spec what a container has, and names its model as its image.
        const JsonPath of_image{&at, "image"};
        const Json* image = Find(node, "image");
        const bool is_model =
            image != nullptr && image->is_structured() && found_.NamesAt(of_image.ToString());
        Json told = is_model ? node : Json();
        if (is_model) told.erase("image");
        const Json& container = is_model ? told : node;
        if (SaysWhatRuns(container)) AddContainer(container, node, at, running_);
      });
    }
    for (const FieldPath& path : profile.volumes) {
      WalkPath(object, path, root, [&](const Json& source, const JsonPath& at) {
        if (!source.is_null()) AddOtherVolume(FieldOf(path), source, at, running_);
      });
    }
    for (const EmbeddedYaml& embedded : profile.embedded_yaml) {
      WalkPath(object, embedded.path, root,
               [&](const Json& text, const JsonPath& at) { Embedded(text, embedded, at); });
    }
    if (observed_ != nullptr) Observe(object);
  }

  void Observe(const Json& object) {
    for (const PodSelection& selection : observed_->selections) {
      if (!Selects(selection, object)) continue;
      const auto& [key, value] = *selection.labels.begin();
      std::string label = key;
      label.append("=").append(value);
      found_.Observed(selection.what, "metadata.labels." + key, label);
    }
    for (const ResolvedImage& resolved : ResolvedImages(object)) {
      const ServingSignal* signal =
          resolved.volume ? nullptr : SignalOfImage(signals_, resolved.image);
      if (signal != nullptr) found_.Sign("image", *signal, resolved.image, resolved.path);
      const auto known = observed_->models.find(resolved.digest);
      if (known == observed_->models.end()) continue;
      found_.Observed("model of " + known->second, resolved.path, resolved.image);
      found_.Add(NormaliseUri("oci://" + resolved.image), resolved.path);
    }
  }

  void Joins(const Json& metadata, const JsonPath& at) {
    const Json* labels = Find(metadata, "labels");
    if (labels == nullptr || !labels->is_object()) return;
    const Json* manager = Find(*labels, kManagedByLabel);
    const Json* instance = Find(*labels, kInstanceLabel);
    if (manager == nullptr || *manager != std::string(kOperatorName) || instance == nullptr ||
        !instance->is_string()) {
      return;
    }
    const JsonPath of{&at, "labels"};
    const JsonPath where{&of, kInstanceLabel};
    // Whatever a table says of labels: requests for what was approved go there.
    if (!found_.IsSure()) {
      std::string entry = "label '";
      entry.append(kManagedByLabel).append("=").append(kOperatorName).append("'");
      const JsonPath by{&of, kManagedByLabel};
      found_.Observed(std::move(entry), by.ToString(), std::string(kOperatorName));
    }
    out_.joins.push_back({instance->get<std::string>(), where.ToString()});
  }

  void Metadata(const Json& metadata, const JsonPath& at) {
    const auto look = [&](const char* kind, const std::vector<ServingSignal>& signals) {
      const std::string plural = std::string(kind) + "s";
      const Json* map = Find(metadata, plural);
      if (map == nullptr || !map->is_object()) return;
      const JsonPath of{&at, plural};
      for (auto it = map->begin(); it != map->end(); ++it) {
        const std::string value = it->is_string() ? it->get<std::string>() : std::string();
        for (const ServingSignal& signal : signals) {
          const auto equals = signal.match.find('=');
          const bool hit = equals == std::string::npos ? GlobMatches(signal.match, it.key())
                                                       : it.key() + "=" + value == signal.match;
          if (!hit) continue;
          const JsonPath where{&of, it.key()};
          found_.Sign(kind, signal, value, where);
          found_.AddModel(signal.model, value, where);
          break;
        }
      }
    };
    look("label", signals_.labels);
    look("annotation", signals_.annotations);
  }

  void Models(const Json& root, const std::vector<ModelField>& fields, const JsonPath& from) {
    for (const ModelField& field : fields) {
      WalkPath(root, field.path, from, [&](const Json& node, const JsonPath& at) {
        std::string value;
        std::string version;
        ReferenceForm form = field.form;
        if (field.name.empty()) {
          if (node.is_string()) value = node.get<std::string>();
          if (node == Json(false)) value = "(" + FieldOf(field.path) + ": false)";
        } else if (node.is_object()) {
          if (!field.unless.empty() && !StringAt(node, field.unless).empty()) return;
          value = StringAt(node, field.name);
          if (!field.version.empty()) version = StringAt(node, field.version);
          if (!field.name_space.empty() && !value.empty()) {
            value = StringAt(node, field.name_space) + "/" + value;
            // No two members make a URI, which would be another model's.
            if (value.find("://") != std::string::npos) form = ReferenceForm::kOpaque;
          }
        }
        if (std::find(field.defaults.begin(), field.defaults.end(), value) !=
            field.defaults.end()) {
          return;
        }
        if (value.empty() && !version.empty()) std::swap(value, version);
        // It says by other members which model it is, and those nobody knows.
        if (value.empty() && field.form == ReferenceForm::kOpaque && field.unless.empty() &&
            !field.name.empty() && node.is_object()) {
          value = "(unnamed)";
        }
        if (!value.empty()) found_.Add(NormaliseAs(form, value, version), at);
      });
    }
  }

  void Embedded(const Json& text, const EmbeddedYaml& embedded, const JsonPath& at) {
    if (!text.is_string()) return;
    const std::string& yaml = text.get_ref<const std::string&>();
    if (yaml.size() > kMaxEmbeddedBytes) {
      return found_.Fault(at.ToString(), "is longer than the " + std::to_string(kMaxEmbeddedBytes) +
                                             " bytes that are looked through");
    }
    const auto parsed = ParseYaml(yaml);
    if (!parsed)
      return found_.Fault(at.ToString(), "is not YAML that can be read: " + parsed.error().message);
    Models(*parsed, embedded.models, at);
  }

  void PodSpec(const Json& spec, const JsonPath& at) {
    if (!spec.is_object()) return;
    AddRunning(spec, at, running_);
    for (const char* list : kContainerLists) {
      ForEachItem(spec, list, at, [&](const Json& container, const JsonPath& where) {
        LookAtContainer(container, where);
      });
    }
    ForEachItem(spec, "volumes", at, [&](const Json& volume, const JsonPath& where) {
      const Json* image = Find(volume, "image");
      if (image == nullptr || image->is_null()) return;
      const JsonPath of_image{&where, "image"};
      const JsonPath of_reference{&of_image, "reference"};
      const std::string reference = StringAt(*image, "reference");
      for (const ServingSignal& signal : signals_.image_volumes) {
        if (!GlobMatches(signal.match, reference)) continue;
        found_.Sign("image volume", signal, reference, of_reference);
        break;
      }
      // A volume without a reference waits for one.
      ServedReference model = NormaliseImage(reference.empty() ? "(none)" : reference);
      model.text.insert(0, "oci://");
      found_.Add(std::move(model), of_reference);
    });
    ForEachItem(spec, "resourceClaims", at, [&](const Json& claim, const JsonPath& where) {
      containers_.Accelerator("resourceClaims/" + StringAt(claim, "name"), where);
    });
    if (const std::string runtime = StringAt(spec, "runtimeClassName"); !runtime.empty()) {
      containers_.Accelerator("runtimeClass/" + runtime, {&at, "runtimeClassName"});
    }
    ForEachItem(spec, "volumes", at, [&](const Json& volume, const JsonPath& where) {
      const std::string path = StringAt(volume, "hostPath/path");
      if (!path.empty())
        containers_.Accelerator("hostPath" + PlainPath(path), {&where, "hostPath"});
    });
  }

  // A URI in it is judged as the model that it names, wherever it stands.
  void LookAtContainer(const Json& container, const JsonPath& at) {
    const std::size_t before = found_.TellingSigns();
    containers_.LookAt(container, at);
    if (found_.TellingSigns() != before) telling_.insert(&container);
  }

  // Everything but what only says how many run, or how they fare.
  void Conclude(const Json& object) {
    Json kept = object;
    kept.erase("metadata");
    kept.erase("status");
    if (const auto spec = kept.find("spec"); spec != kept.end() && spec->is_object()) {
      for (const char* key : {"replicas", "suspend", "paused"}) spec->erase(key);
    }
    Json named = Json::array();
    for (const ServedReference& reference : out_.references) {
      named.push_back(Json::array({reference.text, reference.fingerprint}));
    }
    kept["references"] = std::move(named);
    const auto canonical = CanonicalJson(kept);
    if (!canonical) return found_.Fault(canonical.error().path, canonical.error().message);
    out_.fingerprint = "sha256:" + Sha256Hex(*canonical);
    for (const ServedReference& reference : out_.references) {
      const bool runs = reference.kind == ServedReference::Kind::kContainer ||
                        reference.kind == ServedReference::Kind::kVolume;
      if (runs && reference.fingerprint.empty()) {
        found_.Fault(reference.path, "has no canonical form that could be compared");
      }
    }
  }

  const ServingSignals& signals_;
  const ServingProfiles& table_;
  const bool owned_;
  const RunningFacts* observed_;
  Recognition out_;
  ServingFindings found_{out_};
  ContainerSigns containers_{signals_, found_};
  Running running_;
  std::set<const Json*> telling_;  // containers that show one
};

}  // namespace

Recognition Recognise(const ServingProfiles& table, const Json& object, bool owned) {
  return Recogniser(table, owned).Run(object);
}

Recognition RecogniseRunning(const ServingProfiles& table, const Json& object,
                             const RunningFacts& facts, bool owned) {
  return Recogniser(table, owned, &facts).Run(object);
}

std::string WhyServing(const Recognition& recognition) {
  const auto& signs = recognition.signs;
  const auto surest =
      std::max_element(signs.begin(), signs.end(),
                       [](const auto& a, const auto& b) { return a.certainty < b.certainty; });
  const bool sure = surest != signs.end() && surest->certainty == Certainty::kServing;
  if (surest == signs.end() || (recognition.by_kind && !sure)) {
    return "kind (" + recognition.profile + ")";
  }
  const auto text = [](const ServingSign& sign) {
    return sign.what + ": '" + sign.found + "' at " + sign.path;
  };
  if (sure || !recognition.serves) return text(*surest);
  std::string out;
  std::set<std::string_view> kinds;
  for (const ServingSign& sign : signs) {
    const std::string_view what = sign.what;
    if (kinds.insert(what.substr(0, what.find(" '"))).second) {
      out.append(out.empty() ? "" : " and ").append(text(sign));
    }
  }
  return out + (kinds.size() > 1 ? ", which are hints and count together" : "");
}

}  // namespace countersign
