#include "governance/serving/waits.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

namespace countersign {
namespace {

using Words = std::vector<std::string>;

template <class List>
bool IsIn(const List& list, std::string_view word) {
  return std::find(std::begin(list), std::end(list), word) != std::end(list);
}

// Empty for one from a folder that is not the image's own for programs.
std::string_view ProgramOf(std::string_view path) {
  const auto slash = path.rfind('/');
  if (slash == std::string_view::npos) return path;
  constexpr std::string_view kFolders[] = {"/bin/", "/usr/bin/", "/usr/local/bin/", "/sbin/",
                                           "/usr/sbin/"};
  return IsIn(kFolders, path.substr(0, slash + 1)) ? path.substr(slash + 1) : std::string_view();
}

bool HasShortOption(std::string_view word, std::string_view letters) {
  return word.size() > 1 && word[0] == '-' && word[1] != '-' &&
         word.find_first_of(letters) != std::string_view::npos;
}

// Some of these can run a program that an option names.
bool RunsAnother(std::string_view program, std::string_view word) {
  if (word == "--") return true;
  if (program == "nc" || program == "ncat") {
    return word.starts_with("--") || HasShortOption(word, "ec");
  }
  if (program == "wget") {
    return word.starts_with("--e") || word.starts_with("--u") || word.starts_with("--conf") ||
           HasShortOption(word, "e");
  }
  return false;
}

bool Waits(const Words& words) {
  constexpr std::string_view kPrograms[] = {
      "nc",   "ncat",           "curl",        "wget", "ping",  "nslookup", "getent", "dig",
      "echo", "wait-for-it.sh", "wait-for-it", "true", "false", "exit",     "sleep",  ":"};
  const std::string_view program = ProgramOf(words.front());
  return IsIn(kPrograms, program) &&
         std::none_of(words.begin() + 1, words.end(),
                      [&](const std::string& word) { return RunsAnother(program, word); });
}

// One command of a script, or none. Whatever is in quotes is taken apart as if it were not, so that
// there are more commands than a shell sees, and never fewer.
bool CommandWaits(std::string_view text) {
  Words words;
  std::string word;
  const auto finish = [&] {
    if (!word.empty()) words.push_back(std::move(word));
    word.clear();
  };
  for (const char c : text) {
    if (c == ' ' || c == '\t') {
      finish();
    } else if (c != '"' && c != '\'') {
      word += c;
    }
  }
  finish();
  constexpr std::string_view kReserved[] = {"until", "while", "do",   "done", "if",
                                            "then",  "elif",  "else", "fi",   "!"};
  const auto first = std::find_if(words.begin(), words.end(),
                                  [&](const std::string& one) { return !IsIn(kReserved, one); });
  words.erase(words.begin(), first);
  return words.empty() || Waits(words);
}

// Redirections to nowhere, as words of their own: `>/dev/null.sh` and `>&2.sh` are files.
std::string WithoutNowhere(std::string script) {
  const auto ends = [&](std::size_t at) {
    return at >= script.size() ||
           std::string_view(" \t;&|\n").find(script[at]) != std::string::npos;
  };
  for (const std::string_view nowhere :
       {"2>/dev/null", "2> /dev/null", ">/dev/null", "> /dev/null", "2>&1", "1>&2", ">&2"}) {
    for (auto at = script.find(nowhere); at != std::string::npos; at = script.find(nowhere, at)) {
      // A digit belongs to the word before it.
      const bool begins = nowhere.front() == '>' || at == 0 || ends(at - 1);
      if (begins && ends(at + nowhere.size())) script.replace(at, nowhere.size(), 1, ' ');
      ++at;
    }
  }
  return script;
}

bool ScriptWaits(std::string script) {
  script = WithoutNowhere(std::move(script));
  if (script.find_first_of("$`\\(){}<>*?[\r") != std::string::npos) return false;
  // What one says another could run.
  for (auto at = script.find('|'); at != std::string::npos; at = script.find('|', at + 2)) {
    if (script.compare(at, 2, "||") != 0) return false;
  }
  std::string_view rest = script;
  while (!rest.empty()) {
    const auto end = std::min(rest.find_first_of(";&|\n"), rest.size());
    if (!CommandWaits(rest.substr(0, end))) return false;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return true;
}

// What a shell, the linker or these programs take for more than a value.
bool SaysWhatProgramsAre(std::string_view variable) {
  constexpr std::string_view kNames[] = {"PATH",   "ENV",           "HOME",      "IFS",       "PS4",
                                         "WGETRC", "SYSTEM_WGETRC", "SHELLOPTS", "GCONV_PATH"};
  const auto is_plain = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  };
  return IsIn(kNames, variable) || variable.starts_with("BASH") || variable.starts_with("LD_") ||
         !std::all_of(variable.begin(), variable.end(), is_plain);
}

// No program is looked for below them; each Pod has its token there.
bool HoldsNoProgram(const std::string& mount_path) {
  return (mount_path.starts_with("/var/run/") || mount_path.starts_with("/run/")) &&
         mount_path.find("..") == std::string::npos;
}

// The names of its programs mean what they mean in its image.
bool IsAsItsImageIs(const Json& container) {
  const auto none = [&](const char* key) {
    const Json* list = Find(container, key);
    return list == nullptr || list->empty();
  };
  if (!none("envFrom") || !none("volumeDevices") || !none("workingDir")) return false;
  const auto all = [&](const char* key, const auto& is) {
    const Json* list = Find(container, key);
    return list == nullptr || list->is_null() ||
           (list->is_array() && std::all_of(list->begin(), list->end(), is));
  };
  return all("env",
             [](const Json& one) {
               const std::string value = StringAt(one, "value");
               return !SaysWhatProgramsAre(StringAt(one, "name")) && !value.starts_with("()");
             }) &&
         all("volumeMounts",
             [](const Json& one) { return HoldsNoProgram(StringAt(one, "mountPath")); });
}

}  // namespace

bool OnlyWaits(const Json& what, const Json& container) {
  if (!IsAsItsImageIs(container)) return false;
  Words words;
  for (const char* key : {"command", "args"}) {
    const Json* list = Find(what, key);
    // Without a command it is the image's that runs.
    if (list == nullptr && key == std::string_view("args")) continue;
    if (list == nullptr || !list->is_array() || list->empty()) return false;
    for (const Json& item : *list) {
      if (!item.is_string()) return false;
      words.push_back(item.get<std::string>());
    }
  }
  constexpr std::string_view kShells[] = {"sh", "ash", "bash", "dash"};
  if (!IsIn(kShells, ProgramOf(words.front()))) return Waits(words);
  constexpr std::string_view kOptions[] = {"-c", "-ec", "-ce", "-xc", "-exc"};
  return words.size() == 3 && IsIn(kOptions, words[1]) && ScriptWaits(std::move(words[2]));
}

}  // namespace countersign
