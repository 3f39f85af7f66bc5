#include "governance/serving/match_condition.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <vector>

#include "governance/serving/child_name.h"
#include "governance/serving/command_line.h"

namespace countersign {
namespace {

// A pattern as an expression of RE2 for the whole text, without its anchors.
std::string Regex(std::string_view pattern) {
  std::string out;
  for (const char c : pattern) {
    if (c == '*') {
      out += ".*";
    } else if (std::string_view(R"(\.+?()[]{}|^$)").find(c) != std::string_view::npos) {
      out += '\\';
      out += c;
    } else {
      out += c;
    }
  }
  return out;
}

std::string AnyOf(const std::vector<ServingSignal>& signals) {
  std::string out;
  for (const ServingSignal& signal : signals) out += (out.empty() ? "" : "|") + Regex(signal.match);
  return CelLiteral("^(?s:" + out + ")$");
}

// `a || b`, false without any.
std::string Or(const std::vector<std::string>& terms) {
  if (terms.empty()) return "false";
  std::string out;
  for (const std::string& term : terms) out += (out.empty() ? "" : " || ") + term;
  return out;
}

std::string Contains(const std::string& text, const std::set<std::string>& words) {
  std::vector<std::string> terms;
  terms.reserve(words.size());
  for (const std::string& word : words)
    terms.push_back(text + ".contains(" + CelLiteral(word) + ")");
  return Or(terms);
}

std::string Lower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

// What a command line must contain somewhere, in lower case: the first word of a command, an
// option, the start of a URI. Words may be apart by any white space, so a phrase is looked for by
// its first word.
std::set<std::string> CommandWords(const ServingSignals& signals) {
  std::set<std::string> words;
  for (const ServingSignal& signal : signals.commands) {
    words.insert(Lower(signal.match.substr(0, signal.match.find(' '))));
  }
  for (const ServingSignal& signal : signals.arguments) words.insert(Lower(signal.match));
  for (const ServingSignal& signal : signals.uris) words.insert(Lower(signal.match));
  // One that contains another is found with it.
  std::set<std::string> fewest;
  for (const std::string& word : words) {
    bool found = false;
    for (const std::string& other : words) {
      found = found || (other != word && word.find(other) != std::string::npos);
    }
    if (!found) fewest.insert(word);
  }
  return fewest;
}

// The entries of a list of signals that stand for something else than a resource: `prefix` and
// whatever follows.
std::vector<ServingSignal> Under(std::string_view prefix,
                                 const std::vector<ServingSignal>& signals) {
  std::vector<ServingSignal> out;
  std::copy_if(
      signals.begin(), signals.end(), std::back_inserter(out), [&](const ServingSignal& signal) {
        const auto literal = std::string_view(signal.match).substr(0, signal.match.find('*'));
        const std::size_t common = std::min(literal.size(), prefix.size());
        return literal.substr(0, common) == prefix.substr(0, common);
      });
  return out;
}

// What one container shows by itself; its texts are looked at together with those of the others.
std::string Container(const ServingSignals& signals) {
  std::vector<std::string> terms;
  if (!signals.images.empty()) {
    terms.push_back("c.?image.orValue('').lowerAscii().matches(" + AnyOf(signals.images) + ")");
  }
  std::vector<std::string> variable;
  if (!signals.variables.empty()) {
    variable.push_back("e.name.matches(" + AnyOf(signals.variables) + ")");
  }
  if (const auto devices = Under("variables/", signals.accelerators); !devices.empty()) {
    variable.push_back("('variables/' + e.name).matches(" + AnyOf(devices) + ")");
  }
  if (!variable.empty()) terms.push_back("c.?env.orValue([]).exists(e, " + Or(variable) + ")");
  if (!signals.accelerators.empty()) {
    const std::string matches = ".exists(r, r.matches(" + AnyOf(signals.accelerators) + "))";
    terms.push_back("c.?resources.?limits.orValue({})" + matches);
    terms.push_back("c.?resources.?requests.orValue({})" + matches);
  }
  return Or(terms);
}

// The API server stops an expression that costs too much, and the request with it, without a word
// of why. So what is longer than this is not looked through there but sent to us. All of these
// limits can be reached at once with the built-in table. Of images, names and keys what counts is
// how long they are together: each is matched by itself.
constexpr int kMostContainers = 64;
constexpr int kMostVariables = 1024;
constexpr int kMostText = 49152;
constexpr int kMostKeys = 128;
constexpr int kMostImageText = 8192;
constexpr int kMostNameText = 16384;
constexpr int kMostKeyText = 8192;
constexpr int kMostResourceText = 8192;
constexpr int kMostVolumes = 256;
constexpr int kMostVolumeText = 8192;

std::string LongerThan(const std::string& texts, int most) {
  return "size(" + texts + ".join('')) > " + std::to_string(most);
}

// `l.map(c, <text of c>)` as one text in lower case that holds one of the words, or is too long.
// `without` is called on that text to take something out of it.
std::string Texts(const std::string& text_of_container, const std::set<std::string>& words,
                  const std::string& without = "") {
  if (words.empty()) return "false";
  return "[l.map(c, " + text_of_container + ").join(' ')].exists(t, size(t) > " +
         std::to_string(kMostText) + " || [t.lowerAscii()" + without + "].exists(u, " +
         Contains("u", words) + "))";
}

// What AddWords (command_line.h) takes for nothing within a word: lines that go on, and quotes.
constexpr std::string_view kWithoutQuotes =
    R"(.replace('\\\r\n', '').replace('\\\n', '').replace('"', '').replace('\'', ''))";

// All that is run in a container `c`, as lists of words.
std::string CommandLines() {
  std::string lines = "c.?command.orValue([]) + c.?args.orValue([])";
  for (const std::string_view path : kExecutes) {
    lines += " + c";
    for (std::size_t at = 0; at < path.size();) {
      const std::size_t end = std::min(path.find('/', at), path.size());
      lines.append(".?").append(path.substr(at, end - at));
      at = end + 1;
    }
    lines += ".?command.orValue([])";
  }
  return lines;
}

// Of a list `l` of containers.
std::string Containers(const ServingSignals& signals) {
  std::set<std::string> uris;
  for (const ServingSignal& signal : signals.uris) uris.insert(Lower(signal.match));
  return Or(
      {"size(l) > " + std::to_string(kMostContainers),
       "l.exists(c, size(c.?env.orValue([])) * size(l) > " + std::to_string(kMostVariables) + ")",
       LongerThan("l.map(c, c.?image.orValue(''))", kMostImageText),
       LongerThan("l.map(c, c.?env.orValue([]).map(e, e.name).join(''))", kMostNameText),
       LongerThan("l.map(c, [c.?resources.?limits, c.?resources.?requests].map(r, "
                  "r.orValue({}).map(k, k).join('')).join(''))",
                  kMostResourceText),
       Texts("(" + CommandLines() + ").join(' ')", CommandWords(signals),
             std::string(kWithoutQuotes)),
       Texts("c.?env.orValue([]).map(e, e.?value.orValue('')).join(' ')", uris),
       "l.exists(c, " + Container(signals) + ")"});
}

// As they fit `key=value`.
std::vector<ServingSignal> WithValues(std::vector<ServingSignal> signals) {
  for (ServingSignal& signal : signals) {
    if (signal.match.find('=') == std::string::npos) signal.match += "=*";
  }
  return signals;
}

// What the table says of labels, and what holds whatever it says: beside the operator's name
// another label says which of its Services sends requests there.
std::vector<ServingSignal> LabelsOf(const ServingSignals& signals) {
  ServingSignal ours;
  ours.match.append(kManagedByLabel).append("=").append(kOperatorName);
  std::vector<ServingSignal> labels = signals.labels;
  const bool listed = std::any_of(labels.begin(), labels.end(), [&](const ServingSignal& one) {
    return one.match == ours.match && one.certainty == ours.certainty;
  });
  if (!listed) labels.push_back(std::move(ours));
  return labels;
}

// By key; the value, which may be long, is looked at only where some sign names one.
std::string Metadata(const std::string& map, const std::vector<ServingSignal>& signals) {
  if (signals.empty()) return {};
  const bool values = std::any_of(signals.begin(), signals.end(), [](const ServingSignal& signal) {
    return signal.match.find('=') != std::string::npos;
  });
  const std::vector<ServingSignal> entries = values ? WithValues(signals) : signals;
  const std::string entry = values ? "(k + '=' + n[k])" : "k";
  return "[m.?" + map + ".orValue({})].exists(n, size(n) > " + std::to_string(kMostKeys) + " || " +
         LongerThan("n.map(k, " + entry + ")", kMostKeyText) + " || n.exists(k, " + entry +
         ".matches(" + AnyOf(entries) + ")))";
}

}  // namespace

std::string CelLiteral(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  return out + "'";
}

std::string ServingLabelsExpression(const ServingSignals& signals, const std::string& keys,
                                    const std::string& labels) {
  std::vector<ServingSignal> entries = WithValues(LabelsOf(signals));
  std::erase_if(entries,
                [](const ServingSignal& one) { return one.certainty == Certainty::kIgnore; });
  const std::string entry = "(k + '=' + " + labels + "[k])";
  // Which of our Services finds it, where one does. What is bound may have the operator's name
  // already, and a Binding does not tell.
  const std::string joins =
      "k == " + CelLiteral(kInstanceLabel) + " && (request.kind.kind == 'Binding' || " + labels +
      "[?" + CelLiteral(kManagedByLabel) + "].orValue('') == " + CelLiteral(kOperatorName) + ")";
  return "size(" + keys + ") > " + std::to_string(kMostKeys) + " || " +
         LongerThan(keys + ".map(k, " + entry + ")", kMostKeyText) + " ? " + keys + " : " + keys +
         ".filter(k, " + entry + ".matches(" + AnyOf(entries) + ") || (" + joins + "))";
}

std::string ServingMatchExpression(const ServingSignals& signals) {
  std::vector<std::string> pod;
  pod.push_back(
      "[p.?containers.orValue([]) + p.?initContainers.orValue([]) + "
      "p.?ephemeralContainers.orValue([])].exists(l, " +
      Containers(signals) + ")");
  pod.push_back("size(p.?volumes.orValue([])) > " + std::to_string(kMostVolumes));
  if (!signals.image_volumes.empty()) {
    pod.emplace_back("p.?volumes.orValue([]).exists(v, has(v.image))");
  }
  if (!signals.accelerators.empty()) {
    pod.emplace_back("size(p.?resourceClaims.orValue([])) > 0");
  }
  if (const auto classes = Under("runtimeClass/", signals.accelerators); !classes.empty()) {
    pod.push_back("has(p.runtimeClassName) && ('runtimeClass/' + p.runtimeClassName).matches(" +
                  AnyOf(classes) + ")");
  }
  if (const auto paths = Under("hostPath/", signals.accelerators); !paths.empty()) {
    pod.push_back(LongerThan("p.?volumes.orValue([]).map(v, v.?hostPath.?path.orValue(''))",
                             kMostVolumeText));
    // One that may be spelt in another way is for us to see.
    pod.push_back(
        "p.?volumes.orValue([]).exists(v, has(v.hostPath) && "
        "(v.hostPath.path.matches('^[^/]|//|/[.](/|$)') || ('hostPath' + v.hostPath.path)"
        ".matches(" +
        AnyOf(paths) + ")))");
  }
  std::vector<std::string> metadata;
  for (std::string term :
       {Metadata("labels", LabelsOf(signals)), Metadata("annotations", signals.annotations)}) {
    if (!term.empty()) metadata.push_back(std::move(term));
  }
  // The Pod's own spec, a template's, or a CronJob's template's template's, whose Jobs have
  // metadata as well.
  const std::string specs =
      "[object.?spec, object.?spec.?template.?spec, "
      "object.?spec.?jobTemplate.?spec.?template.?spec]";
  const std::string metas =
      "[object.?metadata, object.?spec.?template.?metadata, object.?spec.?jobTemplate.?metadata, "
      "object.?spec.?jobTemplate.?spec.?template.?metadata]";
  return "!(request.kind.group in ['', 'apps', 'batch']) || " + specs +
         ".exists(o, o.hasValue() && [o.value()].exists(p, " + Or(pod) + ")) || " + metas +
         ".exists(o, o.hasValue() && [o.value()].exists(m, " + Or(metadata) + "))";
}

namespace {

// The paths below which a kind says what is served.
std::vector<FieldPath> PathsOf(const ServingProfile& profile) {
  std::vector<FieldPath> paths;
  paths.reserve(profile.models.size() + profile.embedded_yaml.size());
  for (const ModelField& model : profile.models) paths.push_back(model.path);
  for (const EmbeddedYaml& embedded : profile.embedded_yaml) paths.push_back(embedded.path);
  for (const auto* more :
       {&profile.pod_specs, &profile.containers, &profile.volumes, &profile.metadata}) {
    paths.insert(paths.end(), more->begin(), more->end());
  }
  return paths;
}

// In CEL: what stands at the first `most` keys of the paths differs from what was there. Less far
// where a path goes on to whatever is below.
std::string Differs(const std::set<FieldPath>& paths, std::size_t most) {
  std::set<std::string> terms;
  for (const FieldPath& path : paths) {
    std::string place;
    for (std::size_t i = 0; i < path.size() && i < most; ++i) {
      if (path[i] == "*" || path[i] == "**") break;
      place.append("[?").append(CelLiteral(path[i])).append("]");
    }
    std::string term = "object";
    term.append(place).append(" != oldObject").append(place);
    terms.insert(std::move(term));
  }
  return Or({terms.begin(), terms.end()});
}

std::string Named(const std::set<std::string>& kinds) {
  std::string list;
  for (const std::string& kind : kinds) list += (list.empty() ? "" : ", ") + CelLiteral(kind);
  return "request.kind.kind in [" + list + "]";
}

// A label or an annotation that tells of serving was set.
std::string SetsSigns(const std::string& map, const std::vector<ServingSignal>& signals) {
  if (signals.empty()) return "false";
  std::vector<ServingSignal> keys = signals;
  for (ServingSignal& signal : keys) signal.match = signal.match.substr(0, signal.match.find('='));
  // Alone it tells nothing; beside the operator's name it says for which Service.
  if (map == "labels") keys.emplace_back().match = kInstanceLabel;
  const auto of = [&](const std::string& object) {
    return object + ".?metadata.?" + map + ".orValue({})";
  };
  return "[[" + of("object") + ", " + of("oldObject") + "]].exists(m, size(m[0]) > " +
         std::to_string(kMostKeys) + " || " + LongerThan("m[0].map(k, k)", kMostKeyText) +
         " || m[0].exists(k, !(k in m[1] && m[1][k] == m[0][k]) && k.matches(" + AnyOf(keys) +
         ")))";
}

}  // namespace

std::string ServingRootsExpression(const ServingProfiles& table) {
  std::set<FieldPath> paths;
  paths.insert(FieldPath{"spec"});
  for (const ServingProfile& profile : table.profiles) {
    for (FieldPath& path : PathsOf(profile)) {
      // Finalizers come off there.
      if (path.front() != "metadata") paths.insert(std::move(path));
    }
  }
  // Also what ends answers for a Service that finds it. One that is taken off is nobody's business.
  const std::string joins =
      "[" + CelLiteral(kInstanceLabel) + ", " + CelLiteral(kManagedByLabel) +
      "].exists(k, object.?metadata.?labels[?k].hasValue() && object.?metadata.?labels[?k] != "
      "oldObject.?metadata.?labels[?k])";
  return Differs(paths, 1) + " || " + joins;
}

std::string ServingChangeExpression(const ServingProfiles& table) {
  std::map<std::string, std::set<std::string>> kinds;  // by what differs
  std::set<std::string> known;
  for (const ServingProfile& profile : table.profiles) {
    if (!profile.group.empty() && profile.group != "apps" && profile.group != "batch") continue;
    const auto paths = PathsOf(profile);
    // Of a Deployment spec.template.
    kinds[Differs({paths.begin(), paths.end()}, 2)].insert(profile.kind);
    known.insert(profile.kind);
  }
  std::vector<std::string> changes;
  changes.reserve(kinds.size() + 3);
  for (const auto& [differs, those] : kinds) {
    changes.push_back(Named(those) + " && (" + differs + ")");
  }
  changes.push_back("!(" + Named(known) + ")");
  changes.push_back(SetsSigns("labels", LabelsOf(table.signals)));
  changes.push_back(SetsSigns("annotations", table.signals.annotations));
  return "request.operation != 'UPDATE' || !(request.kind.group in ['', 'apps', 'batch']) || " +
         Or(changes);
}

}  // namespace countersign
