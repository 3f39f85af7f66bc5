#include "governance/serving/recognise.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <set>
#include <span>

#include "base/digest.h"
#include "base/yaml.h"
#include "governance/decision.h"
#include "governance/environment.h"
#include "governance/serving/command_line.h"
#include "governance/serving/running.h"
#include "governance/serving/waits.h"

namespace countersign {
namespace {

// What an object of any depth and breadth leaves behind is bounded, so that those that are kept
// take memory as objects do that somebody meant.
constexpr std::size_t kMostSigns = 32;
constexpr std::size_t kLongestPath = 1024;

using Steps = std::span<const std::string>;
using Visit = std::function<void(const Json&, const JsonPath&)>;

std::string Lower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

void EachBelow(const Json& node, const JsonPath& at, const Visit& visit) {
  if (node.is_object()) {
    for (auto it = node.begin(); it != node.end(); ++it) visit(it.value(), {&at, it.key()});
  } else if (node.is_array()) {
    std::int64_t index = 0;
    for (const Json& item : node) visit(item, {&at, {}, index++});
  }
}

// NOLINTNEXTLINE(misc-no-recursion): as deep as the parser lets objects be
void Walk(const Json& node, Steps steps, const JsonPath& at, const Visit& visit) {
  if (steps.empty()) return visit(node, at);
  const std::string& step = steps.front();
  const Steps rest = steps.subspan(1);
  if (step == "*") {
    return EachBelow(
        node, at, [&](const Json& each, const JsonPath& where) { Walk(each, rest, where, visit); });
  }
  if (step == "**") {
    Walk(node, rest, at, visit);
    return EachBelow(node, at, [&](const Json& each, const JsonPath& where) {
      Walk(each, steps, where, visit);
    });
  }
  if (!node.is_object()) return;
  const auto found = node.find(step);
  if (found != node.end()) Walk(*found, rest, {&at, step}, visit);
}

void ForEach(const Json& json, std::string_view key, const JsonPath& at, const Visit& visit) {
  const Json* list = Find(json, key);
  if (list == nullptr || !list->is_array()) return;
  const JsonPath of_list{&at, key};
  EachBelow(*list, of_list, visit);
}

// Other stacks fill in containers where there are volumes alone.
bool IsPodSpec(const Json& node) {
  const auto holds = [&](const char* list) {
    const Json* found = Find(node, list);
    return found != nullptr && found->is_array();
  };
  return holds("volumes") ||
         std::any_of(std::begin(kContainerLists), std::end(kContainerLists), holds);
}

// The field that a path leads to, or whose members or items it leads to.
std::string FieldOf(const FieldPath& path) {
  const auto key = std::find_if(path.rbegin(), path.rend(), [](const std::string& step) {
    return step != "*" && step != "**";
  });
  return key == path.rend() ? std::string() : *key;
}

// Objects of other stacks may be nested as deep as the API server lets them; walking and copying
// recurse.
bool IsDeeperThan(const Json& object, int most) {
  std::vector<std::pair<const Json*, int>> open = {{&object, 1}};
  while (!open.empty()) {
    const auto [node, depth] = open.back();
    open.pop_back();
    if (!node->is_structured()) continue;
    if (depth > most) return true;
    for (const Json& item : *node) open.emplace_back(&item, depth + 1);
  }
  return false;
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
      Fault("", "is nested deeper than the " + std::to_string(kMaxForeignJsonDepth) +
                    " levels that are looked through");
      return std::move(out_);
    }
    batch_ = profile->batch || RunsToAnEnd(object);
    out_.batch = batch_;
    LookAt(object, *profile);
    const bool hints_add_up = kinds_of_hints_.size() > 1;
    const bool by_kind = profile->serves == ServesWhen::kAlways ||
                         (profile->serves == ServesWhen::kIfNamed && !out_.references.empty());
    out_.serves = sure_ || hints_add_up || by_kind;
    out_.by_kind = profile->serves == ServesWhen::kAlways;
    out_.suspected = !out_.serves && !kinds_of_hints_.empty();
    if (!out_.serves) {
      out_.references.clear();
      return std::move(out_);
    }
    const std::string found = slash == std::string::npos ? version : version.substr(slash + 1);
    if (std::find(profile->versions.begin(), profile->versions.end(), found) ==
        profile->versions.end()) {
      Fault("apiVersion", "the serving profile '" + profile->name + "' does not know version '" +
                              Excerpt(found, 63) + "'");
    }
    for (RunningPart& part : running_.parts) {
      part.reference.shows_sign = telling_.contains(part.node);
      out_.references.push_back(std::move(part.reference));
    }
    if (running_.is_full) {
      out_.incomplete = true;
      Fault("", "runs more containers and volumes, or longer ones, than are looked through");
    }
    out_.pod = PodShapeIn(object, out_.references);
    Conclude(object);
    return std::move(out_);
  }

 private:
  // A Pod that nobody restarts and that is not on its own: one of a Job.
  [[nodiscard]] bool RunsToAnEnd(const Json& object) const {
    const std::string policy = StringAt(object, "spec/restartPolicy");
    if (StringAt(object, "kind") != "Pod" || (policy != "Never" && policy != "OnFailure")) {
      return false;
    }
    const Json* owners = FindPath(object, "metadata/ownerReferences");
    return owned_ && owners != nullptr && owners->is_array() &&
           std::any_of(owners->begin(), owners->end(),
                       [](const Json& owner) { return BoolAt(owner, "controller"); });
  }

  void LookAt(const Json& object, const ServingProfile& profile) {
    const JsonPath root{nullptr, ""};
    const FieldPath own = {"metadata"};
    Walk(object, own, root, [&](const Json& m, const JsonPath& at) { Metadata(m, at); });
    for (const FieldPath& path : profile.metadata) {
      Walk(object, path, root, [&](const Json& m, const JsonPath& at) { Metadata(m, at); });
    }
    Models(object, profile.models, root);
    for (const FieldPath& path : profile.pod_specs) {
      const bool anywhere = std::find(path.begin(), path.end(), "**") != path.end();
      Walk(object, path, root, [&](const Json& node, const JsonPath& at) {
        if (!anywhere || IsPodSpec(node)) PodSpec(node, at);
      });
    }
    std::set<const Json*> looked_at;  // several paths may lead to one
    for (const FieldPath& path : profile.containers) {
      Walk(object, path, root, [&](const Json& node, const JsonPath& at) {
        if (!node.is_object() || !looked_at.insert(&node).second) return;
        LookAtContainer(node, at);
        // NIMService has in its spec what a container has, and names its model as its image.
        const JsonPath of_image{&at, "image"};
        const Json* image = Find(node, "image");
        const bool is_model =
            image != nullptr && image->is_structured() && NamesAt(of_image.ToString());
        Json told = is_model ? node : Json();
        if (is_model) told.erase("image");
        const Json& container = is_model ? told : node;
        if (SaysWhatRuns(container)) AddContainer(container, node, at, running_);
      });
    }
    for (const FieldPath& path : profile.volumes) {
      Walk(object, path, root, [&](const Json& source, const JsonPath& at) {
        if (!source.is_null()) AddOtherVolume(FieldOf(path), source, at, running_);
      });
    }
    for (const EmbeddedYaml& embedded : profile.embedded_yaml) {
      Walk(object, embedded.path, root,
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
      Observed(selection.what, "metadata.labels." + key, label);
    }
    for (const ResolvedImage& resolved : ResolvedImages(object)) {
      for (const ServingSignal& signal : signals_.images) {
        if (resolved.volume || !GlobMatches(signal.match, Lower(resolved.image))) continue;
        Sign("image", signal, resolved.image, resolved.path);
        break;
      }
      const auto known = observed_->models.find(resolved.digest);
      if (known == observed_->models.end()) continue;
      Observed("model of " + known->second, resolved.path, resolved.image);
      Add(NormaliseUri("oci://" + resolved.image), resolved.path);
    }
  }

  static bool Selects(const PodSelection& selection, const Json& object) {
    if (StringAt(object, "kind") != "Pod" ||
        StringAt(object, "metadata/namespace") != selection.name_space) {
      return false;
    }
    const Json* labels = FindPath(object, "metadata/labels");
    if (labels == nullptr) return false;
    return std::all_of(selection.labels.begin(), selection.labels.end(), [&](const auto& label) {
      const Json* found = Find(*labels, label.first);
      return found != nullptr && *found == label.second;
    });
  }

  // A sign that no entry for objects gives.
  void Observed(std::string what, std::string path, const std::string& found) {
    sure_ = true;
    out_.signs.push_back(
        {std::move(what), std::move(path), OneLine(found, 128), Certainty::kServing});
  }

  [[nodiscard]] bool NamesAt(const std::string& path) const {
    return std::any_of(out_.references.begin(), out_.references.end(),
                       [&](const ServedReference& one) { return one.path == path; });
  }

  void Fault(std::string path, std::string message) {
    constexpr std::size_t kMost = 8;
    if (out_.faults.size() < kMost) {
      out_.faults.push_back(
          {Code::kInvalidArgument, std::move(message), Excerpt(path, kLongestPath), {}});
    }
  }

  void Sign(std::string_view kind, const ServingSignal& signal, const std::string& found,
            const JsonPath& at) {
    Sign(kind, signal, found, out_.signs.size() < kMostSigns ? at.ToString() : std::string());
  }

  void Sign(std::string_view kind, const ServingSignal& signal, const std::string& found,
            std::string at) {
    const Certainty certainty = batch_ && signal.in_batch ? *signal.in_batch : signal.certainty;
    if (certainty == Certainty::kIgnore) return;
    if (certainty == Certainty::kServing) sure_ = true;
    if (kind != "uri") ++telling_signs_;
    kinds_of_hints_.insert(kind);
    if (out_.signs.size() >= kMostSigns) return;
    out_.signs.push_back({std::string(kind) + " '" + signal.match + "'", Excerpt(at, kLongestPath),
                          OneLine(found, 128), certainty});
  }

  void Add(ServedReference reference, const JsonPath& at) {
    Add(std::move(reference), at.ToString());
  }

  void Add(ServedReference reference, std::string at) {
    if (reference.text.empty()) return;
    reference.path = Excerpt(at, kLongestPath);
    if (out_.references.size() == kMaxServedReferences) {
      Fault(reference.path, "names more than " + std::to_string(kMaxServedReferences) + " models");
      return;
    }
    if (std::find(out_.references.begin(), out_.references.end(), reference) ==
        out_.references.end()) {
      out_.references.push_back(std::move(reference));
    }
  }

  void AddModel(const std::optional<ReferenceForm>& form, const std::string& value,
                const JsonPath& at) {
    if (form) Add(NormaliseAs(*form, value, {}), at);
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
          Sign(kind, signal, value, where);
          AddModel(signal.model, value, where);
          break;
        }
      }
    };
    look("label", signals_.labels);
    look("annotation", signals_.annotations);
  }

  void Models(const Json& root, const std::vector<ModelField>& fields, const JsonPath& from) {
    for (const ModelField& field : fields) {
      Walk(root, field.path, from, [&](const Json& node, const JsonPath& at) {
        std::string value;
        std::string version;
        if (field.name.empty()) {
          if (node.is_string()) value = node.get<std::string>();
        } else if (node.is_object()) {
          if (!field.unless.empty() && !StringAt(node, field.unless).empty()) return;
          value = StringAt(node, field.name);
          if (!field.version.empty()) version = StringAt(node, field.version);
        }
        if (value.empty() && !version.empty()) std::swap(value, version);
        // It says by other members which model it is, and those nobody knows.
        if (value.empty() && field.form == ReferenceForm::kOpaque && field.unless.empty() &&
            !field.name.empty() && node.is_object()) {
          value = "(unnamed)";
        }
        if (!value.empty()) Add(NormaliseAs(field.form, value, version), at);
      });
    }
  }

  void Embedded(const Json& text, const EmbeddedYaml& embedded, const JsonPath& at) {
    if (!text.is_string()) return;
    const std::string& yaml = text.get_ref<const std::string&>();
    if (yaml.size() > kMaxEmbeddedBytes) {
      return Fault(at.ToString(), "is longer than the " + std::to_string(kMaxEmbeddedBytes) +
                                      " bytes that are looked through");
    }
    const auto parsed = ParseYaml(yaml);
    if (!parsed)
      return Fault(at.ToString(), "is not YAML that can be read: " + parsed.error().message);
    Models(*parsed, embedded.models, at);
  }

  void PodSpec(const Json& spec, const JsonPath& at) {
    if (!spec.is_object()) return;
    AddRunning(spec, at, running_);
    for (const char* list : kContainerLists) {
      ForEach(spec, list, at, [&](const Json& container, const JsonPath& where) {
        LookAtContainer(container, where);
      });
    }
    ForEach(spec, "volumes", at, [&](const Json& volume, const JsonPath& where) {
      const Json* image = Find(volume, "image");
      if (image == nullptr || image->is_null()) return;
      const JsonPath of_image{&where, "image"};
      const JsonPath of_reference{&of_image, "reference"};
      const std::string reference = StringAt(*image, "reference");
      for (const ServingSignal& signal : signals_.image_volumes) {
        if (!GlobMatches(signal.match, reference)) continue;
        Sign("image volume", signal, reference, of_reference);
        break;
      }
      // A volume without a reference waits for one.
      ServedReference model = NormaliseImage(reference.empty() ? "(none)" : reference);
      model.text.insert(0, "oci://");
      Add(std::move(model), of_reference);
    });
    ForEach(spec, "resourceClaims", at, [&](const Json& claim, const JsonPath& where) {
      Accelerator("resourceClaims/" + StringAt(claim, "name"), where);
    });
    if (const std::string runtime = StringAt(spec, "runtimeClassName"); !runtime.empty()) {
      Accelerator("runtimeClass/" + runtime, {&at, "runtimeClassName"});
    }
    ForEach(spec, "volumes", at, [&](const Json& volume, const JsonPath& where) {
      const std::string path = StringAt(volume, "hostPath/path");
      if (!path.empty()) Accelerator("hostPath" + path, {&where, "hostPath"});
    });
  }

  // A URI in it is judged as the model that it names, wherever it stands.
  void LookAtContainer(const Json& container, const JsonPath& at) {
    const std::size_t before = telling_signs_;
    Container(container, at);
    if (telling_signs_ != before) telling_.insert(&container);
  }

  void Accelerator(const std::string& name, const JsonPath& at) {
    for (const ServingSignal& signal : signals_.accelerators) {
      if (GlobMatches(signal.match, name)) return Sign("accelerator", signal, name, at);
    }
  }

  void Container(const Json& container, const JsonPath& at) {
    const std::string image = StringAt(container, "image");
    for (const ServingSignal& signal : signals_.images) {
      if (!GlobMatches(signal.match, Lower(image))) continue;
      Sign("image", signal, image, {&at, "image"});
      break;
    }
    Command(container, at, "args", container);
    for (const std::string path : kExecutes) {
      const Json* executed = FindPath(container, path);
      if (executed == nullptr || !executed->is_object()) continue;
      const auto first = path.find('/');
      const auto last = path.rfind('/');
      const JsonPath of_member{&at, std::string_view(path).substr(0, first)};
      const JsonPath of_hook{&of_member,
                             std::string_view(path).substr(first + 1, last - first - 1)};
      const JsonPath of_exec{first == last ? &of_member : &of_hook, "exec"};
      Command(*executed, of_exec, "command", container);
    }
    ForEach(container, "env", at,
            [&](const Json& variable, const JsonPath& where) { Variable(variable, where); });
    const JsonPath of_resources{&at, "resources"};
    for (const char* list : {"limits", "requests"}) {
      const Json* resources = Find(container, "resources");
      const Json* found = resources == nullptr ? nullptr : Find(*resources, list);
      if (found == nullptr || !found->is_object()) continue;
      const JsonPath of_list{&of_resources, list};
      for (auto it = found->begin(); it != found->end(); ++it) {
        Accelerator(it.key(), {&of_list, it.key()});
      }
    }
  }

  // Of a container, or of what is executed in one.
  void Command(const Json& what, const JsonPath& at, const char* last, const Json& container) {
    Words words;
    AddWords(what, "command", words);
    AddWords(what, "args", words);
    const JsonPath where{&at, last};
    if (words.bytes > kMaxCommandBytes) {
      const std::string longer =
          "longer than the " + std::to_string(kMaxCommandBytes) + " bytes that are looked through";
      Fault(where.ToString(), "are " + longer);
      // Who hides a command there would not be found otherwise.
      sure_ = true;
      ++telling_signs_;
      if (out_.signs.size() < kMostSigns) {
        out_.signs.push_back(
            {"command line", Excerpt(where.ToString(), kLongestPath), longer, Certainty::kServing});
      }
    }
    // Of a command line only what is known of it is shown: the rest may hold secrets.
    const bool waits = OnlyWaits(what, container);
    for (const ServingSignal& signal : signals_.commands) {
      if (waits) break;
      if (Runs(words.text, signal.match) || Runs(words.unquoted, signal.match))
        Sign("command", signal, signal.match, where);
    }
    for (std::size_t i = 0; i < words.list.size(); ++i) {
      Word(words.list[i], i + 1 < words.list.size() ? words.list[i + 1] : std::string(), where);
    }
  }

  void Word(const std::string& word, const std::string& next, const JsonPath& at) {
    const auto equals = word.find('=');
    const std::string option = word.substr(0, equals);
    for (const ServingSignal& signal : signals_.arguments) {
      if (option != signal.match) continue;
      const std::string value = equals == std::string::npos ? next : word.substr(equals + 1);
      Sign("argument", signal, option, at);
      AddModel(signal.model, value, at);
    }
    Uri(word, at);
    if (equals != std::string::npos) Uri(word.substr(equals + 1), at);
  }

  void Uri(const std::string& value, const JsonPath& at) {
    for (const ServingSignal& signal : signals_.uris) {
      if (!Lower(value.substr(0, signal.match.size())).starts_with(signal.match)) continue;
      Sign("uri", signal, NormaliseUri(value).text, at);
      AddModel(signal.model, value, at);
      return;
    }
  }

  void Variable(const Json& variable, const JsonPath& at) {
    const std::string name = StringAt(variable, "name");
    const std::string value = StringAt(variable, "value");
    Accelerator("variables/" + name, at);
    for (const ServingSignal& signal : signals_.variables) {
      if (!GlobMatches(signal.match, name)) continue;
      Sign("variable", signal, name, at);  // its value may be a secret
      if (!value.empty()) {
        AddModel(signal.model, value, at);
      } else if (signal.model && Find(variable, "valueFrom") != nullptr) {
        Add(NormaliseAs(ReferenceForm::kOpaque, "what $" + name + " is set to", {}), at);
      }
      break;
    }
    Uri(value, at);
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
    if (!canonical) return Fault(canonical.error().path, canonical.error().message);
    out_.fingerprint = "sha256:" + Sha256Hex(*canonical);
    for (const ServedReference& reference : out_.references) {
      const bool runs = reference.kind == ServedReference::Kind::kContainer ||
                        reference.kind == ServedReference::Kind::kVolume;
      if (runs && reference.fingerprint.empty()) {
        Fault(reference.path, "has no canonical form that could be compared");
      }
    }
  }

  const ServingSignals& signals_;
  const ServingProfiles& table_;
  const bool owned_;
  const RunningFacts* observed_;
  Recognition out_;
  bool batch_ = false;
  bool sure_ = false;
  std::set<std::string_view> kinds_of_hints_;
  Running running_;
  std::size_t telling_signs_ = 0;
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

std::optional<PodSelection> PodSelectionOf(const ServingProfiles& table, const Json& object) {
  const std::string version = StringAt(object, "apiVersion");
  const std::string kind = StringAt(object, "kind");
  for (const ServingSelector& selector : table.selectors) {
    const std::string group = selector.group.empty() ? "" : selector.group + "/";
    const bool ours = kind == selector.kind &&
                      std::any_of(selector.versions.begin(), selector.versions.end(),
                                  [&](const auto& one) { return group + one == version; });
    if (!ours) continue;
    const Json* labels = &object;
    for (const std::string& step : selector.labels) {
      labels = labels == nullptr ? nullptr : Find(*labels, step);
    }
    PodSelection selection{kind + " '" + StringAt(object, "metadata/name") + "'",
                           StringAt(object, "metadata/namespace"),
                           {}};
    if (labels == nullptr || !labels->is_object()) return std::nullopt;
    for (auto it = labels->begin(); it != labels->end(); ++it) {
      if (!it->is_string()) return std::nullopt;
      selection.labels.emplace(it.key(), it->get<std::string>());
    }
    if (selection.labels.empty()) return std::nullopt;
    return selection;
  }
  return std::nullopt;
}

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
    ForEach(*status, list, root, [&](const Json& container, const JsonPath& at) {
      add(container, "imageID", at, StringAt(container, "name"), false);
      ForEach(container, "volumeMounts", at, [&](const Json& mount, const JsonPath& where) {
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

std::vector<ServedReference> RunsIn(const Json& pod_spec) {
  Running running;
  const JsonPath root{nullptr, ""};
  AddRunning(pod_spec, root, running);
  std::vector<ServedReference> out;
  out.reserve(running.parts.size());
  for (RunningPart& part : running.parts) out.push_back(std::move(part.reference));
  return out;
}

std::string WhyServing(const Recognition& recognition) {
  const auto surest = std::max_element(
      recognition.signs.begin(), recognition.signs.end(),
      [](const ServingSign& a, const ServingSign& b) { return a.certainty < b.certainty; });
  if (surest == recognition.signs.end()) return "kind (" + recognition.profile + ")";
  return surest->what + ": '" + surest->found + "' at " + surest->path;
}

}  // namespace countersign
