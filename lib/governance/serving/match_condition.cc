#include "governance/serving/match_condition.h"

#include <algorithm>
#include <set>
#include <vector>

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

std::string Container(const ServingSignals& signals) {
  std::vector<std::string> terms;
  if (!signals.images.empty()) {
    terms.push_back("c.?image.orValue('').lowerAscii().matches(" + AnyOf(signals.images) + ")");
  }
  const std::set<std::string> words = CommandWords(signals);
  if (!words.empty()) {
    terms.push_back(
        "[(c.?command.orValue([]) + c.?args.orValue([])).join(' ').lowerAscii()].exists(t, " +
        Contains("t", words) + ")");
  }
  std::vector<std::string> variable;
  if (!signals.variables.empty()) {
    variable.push_back("e.name.matches(" + AnyOf(signals.variables) + ")");
  }
  for (const ServingSignal& signal : signals.uris) {
    variable.push_back("e.?value.orValue('').lowerAscii().startsWith(" + CelLiteral(signal.match) +
                       ")");
  }
  if (!signals.accelerators.empty()) {
    variable.push_back("('variables/' + e.name).matches(" + AnyOf(signals.accelerators) + ")");
  }
  if (!variable.empty()) terms.push_back("c.?env.orValue([]).exists(e, " + Or(variable) + ")");
  if (!signals.accelerators.empty()) {
    const std::string matches = ".exists(r, r.matches(" + AnyOf(signals.accelerators) + "))";
    terms.push_back("c.?resources.?limits.orValue({})" + matches);
    terms.push_back("c.?resources.?requests.orValue({})" + matches);
  }
  return Or(terms);
}

// By key; the value, which may be long, is looked at only where some sign names one.
std::string Metadata(const std::string& map, const std::vector<ServingSignal>& signals) {
  if (signals.empty()) return {};
  const bool values = std::any_of(signals.begin(), signals.end(), [](const ServingSignal& signal) {
    return signal.match.find('=') != std::string::npos;
  });
  std::vector<ServingSignal> entries = signals;
  for (ServingSignal& signal : entries) {
    if (values && signal.match.find('=') == std::string::npos) signal.match += "=*";
  }
  const std::string entry = values ? "(k + '=' + m." + map + "[k])" : "k";
  return "m.?" + map + ".orValue({}).exists(k, " + entry + ".matches(" + AnyOf(entries) + "))";
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

std::string ServingMatchExpression(const ServingSignals& signals) {
  const std::string container = Container(signals);
  std::vector<std::string> pod;
  pod.push_back(
      "(p.?containers.orValue([]) + p.?initContainers.orValue([]) + "
      "p.?ephemeralContainers.orValue([])).exists(c, " +
      container + ")");
  if (!signals.image_volumes.empty()) {
    pod.emplace_back("p.?volumes.orValue([]).exists(v, has(v.image))");
  }
  if (!signals.accelerators.empty()) {
    const std::string matches = ".matches(" + AnyOf(signals.accelerators) + ")";
    pod.emplace_back("size(p.?resourceClaims.orValue([])) > 0");
    pod.push_back("has(p.runtimeClassName) && ('runtimeClass/' + p.runtimeClassName)" + matches);
    pod.push_back(
        "p.?volumes.orValue([]).exists(v, has(v.hostPath) && ('hostPath' + v.hostPath.path)" +
        matches + ")");
  }
  std::vector<std::string> metadata;
  for (std::string term :
       {Metadata("labels", signals.labels), Metadata("annotations", signals.annotations)}) {
    if (!term.empty()) metadata.push_back(std::move(term));
  }
  // The Pod's own spec, a template's, or a CronJob's template's template's.
  const std::string specs =
      "[object.?spec, object.?spec.?template.?spec, "
      "object.?spec.?jobTemplate.?spec.?template.?spec]";
  const std::string metas =
      "[object.?metadata, object.?spec.?template.?metadata, "
      "object.?spec.?jobTemplate.?spec.?template.?metadata]";
  return "!(request.kind.group in ['', 'apps', 'batch']) || " + specs +
         ".exists(o, o.hasValue() && [o.value()].exists(p, " + Or(pod) + ")) || " + metas +
         ".exists(o, o.hasValue() && [o.value()].exists(m, " + Or(metadata) + "))";
}

}  // namespace countersign
