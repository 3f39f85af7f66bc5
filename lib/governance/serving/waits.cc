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
    return word.starts_with("--e") || word.starts_with("--u") || HasShortOption(word, "e");
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

bool ScriptWaits(std::string script) {
  for (const std::string_view nowhere :
       {"2>/dev/null", "2> /dev/null", ">/dev/null", "> /dev/null", "2>&1", "1>&2", ">&2"}) {
    for (auto at = script.find(nowhere); at != std::string::npos; at = script.find(nowhere)) {
      script.replace(at, nowhere.size(), 1, ' ');
    }
  }
  if (script.find_first_of("$`\\(){}<>\r") != std::string::npos) return false;
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

}  // namespace

bool OnlyWaits(const Json& container) {
  Words words;
  for (const char* key : {"command", "args"}) {
    const Json* list = Find(container, key);
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
