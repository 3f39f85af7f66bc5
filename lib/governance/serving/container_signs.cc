#include "governance/serving/container_signs.h"

#include <cstddef>
#include <optional>
#include <utility>

#include "governance/environment.h"
#include "governance/serving/command_line.h"
#include "governance/serving/object_walk.h"
#include "governance/serving/waits.h"

namespace countersign {
namespace {

std::string Lower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

}  // namespace

const ServingSignal* SignalOfImage(const ServingSignals& signals, const std::string& image) {
  const std::string lower = Lower(image);
  for (const ServingSignal& signal : signals.images) {
    if (GlobMatches(signal.match, lower)) return &signal;
  }
  return nullptr;
}

void ContainerSigns::LookAt(const Json& container, const JsonPath& at) {
  const std::string image = StringAt(container, "image");
  if (const ServingSignal* signal = SignalOfImage(signals_, image)) {
    found_.Sign("image", *signal, image, {&at, "image"});
  }
  Command(container, at, container);
  for (const std::string path : kExecutes) {
    const Json* executed = FindPath(container, path);
    if (executed == nullptr || !executed->is_object()) continue;
    const auto first = path.find('/');
    const auto last = path.rfind('/');
    const JsonPath of_member{&at, std::string_view(path).substr(0, first)};
    const JsonPath of_hook{&of_member, std::string_view(path).substr(first + 1, last - first - 1)};
    const JsonPath of_exec{first == last ? &of_member : &of_hook, "exec"};
    Command(*executed, of_exec, container);
  }
  ForEachItem(container, "env", at,
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
void ContainerSigns::Command(const Json& what, const JsonPath& at, const Json& container) {
  Words words;
  AddWords(what, "command", words);
  const Words of_command = words;
  AddWords(what, "args", words);
  const JsonPath in_command{&at, "command"};
  const JsonPath in_args{&at, "args"};
  if (words.bytes > kMaxCommandBytes) {
    const std::string longer =
        "longer than the " + std::to_string(kMaxCommandBytes) + " bytes that are looked through";
    const bool command_is = of_command.bytes > kMaxCommandBytes;
    found_.Hidden("command line", command_is ? in_command : in_args, longer);
  }
  // Of a command line only what is known of it is shown: the rest may hold secrets.
  Words run;
  for (const std::string& text : AfterWaiting(what, container)) AddWords(text, run);
  for (const ServingSignal& signal : signals_.commands) {
    if (!Runs(run, signal.match)) continue;
    const JsonPath& where = Runs(of_command, signal.match) ? in_command : in_args;
    found_.Sign("command", signal, signal.match, where);
  }
  for (std::size_t i = 0; i < words.list.size(); ++i) {
    Word(words.list[i], i + 1 < words.list.size() ? words.list[i + 1] : std::string(),
         i < of_command.list.size() ? in_command : in_args);
  }
}

void ContainerSigns::Word(const std::string& word, const std::string& next, const JsonPath& at) {
  const auto equals = word.find('=');
  const std::string option = word.substr(0, equals);
  for (const ServingSignal& signal : signals_.arguments) {
    if (option != signal.match) continue;
    const std::string value = equals == std::string::npos ? next : word.substr(equals + 1);
    found_.Sign("argument", signal, option, at);
    found_.AddModel(signal.model, value, at);
  }
  Uri(word, at);
  if (equals != std::string::npos) Uri(word.substr(equals + 1), at);
}

void ContainerSigns::Uri(const std::string& value, const JsonPath& at) {
  for (const ServingSignal& signal : signals_.uris) {
    if (!Lower(value.substr(0, signal.match.size())).starts_with(signal.match)) continue;
    found_.Sign("uri", signal, NormaliseUri(value).text, at);
    found_.AddModel(signal.model, value, at);
    return;
  }
}

void ContainerSigns::Variable(const Json& variable, const JsonPath& at) {
  const std::string name = StringAt(variable, "name");
  const std::string value = StringAt(variable, "value");
  Accelerator("variables/" + name, at);
  for (const ServingSignal& signal : signals_.variables) {
    if (!GlobMatches(signal.match, name)) continue;
    found_.Sign("variable", signal, name, at);  // its value may be a secret
    if (!value.empty()) {
      found_.AddModel(signal.model, value, at);
    } else if (signal.model && Find(variable, "valueFrom") != nullptr) {
      found_.Add(NormaliseAs(ReferenceForm::kOpaque, "what $" + name + " is set to", {}), at);
    }
    break;
  }
  Uri(value, at);
}

void ContainerSigns::Accelerator(const std::string& name, const JsonPath& at) {
  for (const ServingSignal& signal : signals_.accelerators) {
    if (GlobMatches(signal.match, name)) return found_.Sign("accelerator", signal, name, at);
  }
}

}  // namespace countersign
