#include "governance/serving/waits.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <set>
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
  return program.starts_with("pip") && word.starts_with("--py");
}

// What another command said, in a word.
constexpr char kSaid = '\x01';

bool IsDuration(std::string_view word) {
  const auto end = word.find_first_not_of("0123456789.");
  return end != 0 && (end == std::string_view::npos ||
                      (end + 1 == word.size() &&
                       std::string_view("smhd").find(word[end]) != std::string_view::npos));
}

// Of `set`, whose other words become arguments that a script may run.
bool IsShellOption(std::string_view word) {
  if (word == "pipefail") return true;
  return word.size() > 1 && (word[0] == '-' || word[0] == '+') &&
         word.find_first_not_of("euxo", 1) == std::string_view::npos;
}

// Programs that run no other, told what to wait for, to ask or to install.
bool IsWaiting(std::string_view program, const Words& told) {
  constexpr std::string_view kPrograms[] = {
      "nc",   "ncat",           "curl",        "wget", "ping",  "nslookup", "getent", "dig",
      "echo", "wait-for-it.sh", "wait-for-it", "true", "false", "exit",     "sleep",  ":",
      "date", "test",           "[",           "set",  "pgrep", "pkill",    "pidof"};
  if (program == "set") return std::all_of(told.begin(), told.end(), IsShellOption);
  if (IsIn(kPrograms, program)) return true;
  const auto begins = [&](const std::string_view first, const std::string_view second = {}) {
    return !told.empty() && told[0] == first &&
           (second.empty() || (told.size() > 1 && told[1] == second));
  };
  if (program == "pip" || program == "pip3") return begins("install");
  return program == "kubectl" && (begins("get") || begins("wait") || begins("rollout", "status"));
}

bool Waits(const Words& words) {
  auto first = words.begin();
  while (words.end() - first > 2 && ProgramOf(*first) == "timeout" && IsDuration(*(first + 1))) {
    first += 2;
  }
  const std::string_view program = ProgramOf(*first);
  const Words told(first + 1, words.end());
  const bool may_say = program == "echo" || program == "test" || program == "[";
  return IsWaiting(program, told) &&
         std::none_of(told.begin(), told.end(), [&](const std::string& word) {
           return RunsAnother(program, word) || (!may_say && word.find(kSaid) != std::string::npos);
         });
}

// With blanks in place of redirections to nowhere: `>/dev/null.sh` and `>&2.sh` are files.
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
      if (begins && ends(at + nowhere.size()))
        script.replace(at, nowhere.size(), nowhere.size(), ' ');
      ++at;
    }
  }
  return script;
}

constexpr std::string_view kReserved[] = {"until", "while", "do",   "done", "if",
                                          "then",  "elif",  "else", "fi",   "!"};
constexpr std::string_view kBetween = ";&|\n";

// Variables that are a number, whatever a script does.
using Ports = std::set<std::string, std::less<>>;

Ports PortsOf(const Json& container) {
  Ports ports;
  const Json* list = Find(container, "env");
  if (list == nullptr || !list->is_array()) return ports;
  for (const Json& one : *list) {
    const std::string name = StringAt(one, "name");
    const std::string value = StringAt(one, "value");
    ports.erase(name);
    const bool number =
        !value.empty() && value.find_first_not_of("0123456789") == std::string::npos;
    if (number && name.ends_with("PORT")) ports.insert(name);
  }
  return ports;
}

// Reads a script as a shell does, as far as it is plain: words, quotes, what parts commands. What
// it does not see as a command is let pass, so that it gives up at whatever is more than that.
class Script {
 public:
  Script(std::string_view text, const Ports& ports) : text_(text), ports_(ports) {}

  // How much of it, from the beginning, does nothing but wait. What comes after another program
  // does not count: that may have changed what the names of programs mean. So may what is in one
  // loop with it, or waits in the background; and what is said into a pipe may be run.
  // NOLINTNEXTLINE(misc-no-recursion): what stands in parentheses has none
  std::size_t Waiting() {
    std::size_t waiting = 0;
    int open = 0;
    bool behind = false;
    while (at_ < text_.size()) {
      at_ = std::min(text_.find_first_not_of(" \t", at_), text_.size());
      if (At(at_) == '#') at_ = std::min(text_.find('\n', at_), text_.size());
      if (!ReadCommand()) return waiting;
      auto first = words_.begin();
      for (; first != words_.end() && IsIn(kReserved, *first); ++first) {
        if (*first == "until" || *first == "while" || *first == "if") ++open;
        if (*first == "done" || *first == "fi") --open;
      }
      words_.erase(words_.begin(), first);
      if (open < 0 || (!words_.empty() && !Waits(words_))) return waiting;
      const char end = At(at_);
      const bool twice = end != '\0' && end == At(at_ + 1);
      if (end == '|' && !twice) return waiting;
      behind = behind || (end == '&' && !twice);
      at_ = std::min(at_ + (twice ? 2 : 1), text_.size());
      if (open == 0 && !behind) waiting = at_;
    }
    return open == 0 ? text_.size() : waiting;
  }

 private:
  [[nodiscard]] char At(std::size_t i) const { return i < text_.size() ? text_[i] : '\0'; }

  [[nodiscard]] bool EndsAt(std::size_t i) const {
    return i >= text_.size() || At(i) == ' ' || At(i) == '\t' ||
           kBetween.find(At(i)) != std::string_view::npos;
  }

  // One command, or none, up to what ends it. False where it is not plain.
  // NOLINTNEXTLINE(misc-no-recursion)
  bool ReadCommand() {
    words_.clear();
    char quote = '\0';
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      const bool ends = kBetween.find(c) != std::string_view::npos;
      if (quote == '\0' && ends) break;
      if (quote == '\0' && (c == ' ' || c == '\t')) {
        if (!EndWord()) return false;
      } else if ((c == '"' || c == '\'') && (quote == '\0' || quote == c)) {
        quote = quote == '\0' ? c : '\0';
        open_ = quoted_ = true;
      } else if (c == '$') {
        if (quote == '\'' || !ReadValue()) return false;
      } else if (c == '%' && At(at_ + 1) == '{') {
        // As curl fills in.
        const auto end = text_.find_first_not_of("abcdefghijklmnopqrstuvwxyz_", at_ + 2);
        if (At(end) != '}') return false;
        at_ = end;
        Put('x');
      } else if (!IsTest(quote) &&
                 (ends || (c >= '\0' && c < ' ' && c != '\t') || (c == '#' && !open_) ||
                  std::string_view("`\\(){}<>*?[").find(c) != std::string_view::npos)) {
        return false;
      } else {
        Put(c);
      }
    }
    return quote == '\0' && EndWord();
  }

  // The command `[`, which is no pattern.
  [[nodiscard]] bool IsTest(char quote) const {
    return At(at_) == '[' && quote == '\0' && !open_ && EndsAt(at_ + 1);
  }

  void Put(char c) {
    word_ += c;
    open_ = true;
  }

  bool EndWord() {
    const bool plain = !quoted_ || !IsIn(kReserved, word_);
    if (open_) words_.push_back(std::move(word_));
    word_.clear();
    open_ = quoted_ = false;
    return plain;
  }

  // At a '$', up to the last byte of what that stands for.
  // NOLINTNEXTLINE(misc-no-recursion)
  bool ReadValue() {
    if (At(at_ + 1) == '(') {
      const auto end = text_.find_first_of("()", at_ + 2);
      if (At(end) != ')') return false;
      const std::string_view inner = text_.substr(at_ + 2, end - at_ - 2);
      // $(NAME) is what Kubernetes puts there; a comment would go on past the parenthesis.
      const bool plain = inner.find(' ') != std::string_view::npos;
      if (!plain || inner.find('#') != std::string_view::npos) return false;
      if (Script(inner, ports_).Waiting() != inner.size()) return false;
      at_ = end;
      Put(kSaid);
      return true;
    }
    const bool braces = At(at_ + 1) == '{';
    const std::size_t begin = at_ + (braces ? 2 : 1);
    const std::size_t end =
        std::min(text_.find_first_not_of(
                     "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_", begin),
                 text_.size());
    if (braces && At(end) != '}') return false;
    if (!ports_.contains(text_.substr(begin, end - begin))) return false;
    at_ = braces ? end : end - 1;
    Put('1');
    return true;
  }

  const std::string_view text_;
  const Ports& ports_;
  std::size_t at_ = 0;
  Words words_;
  std::string word_;
  bool open_ = false;    // a word has begun, an empty one too
  bool quoted_ = false;  // a part of it, so that it is no reserved word
};

// What is left of a script that waits first.
std::string AfterWaitingIn(const std::string& script, const Json& container) {
  const std::string plain = WithoutNowhere(script);
  const Ports ports = PortsOf(container);
  std::string rest = script.substr(Script(plain, ports).Waiting());
  // By these a script comes back to words that it said before.
  for (const std::string_view back : {"$_", "${_", "BASH_", "/proc/"}) {
    if (rest.find(back) != std::string::npos) return script;
  }
  return rest;
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

std::vector<std::string> AfterWaiting(const Json& what, const Json& container) {
  Words words;
  bool known = true;
  for (const char* key : {"command", "args"}) {
    const Json* list = Find(what, key);
    // Without a command it is the image's that runs.
    if (list == nullptr && key == std::string_view("args")) continue;
    if (list == nullptr || !list->is_array() || list->empty()) {
      known = false;
      continue;
    }
    for (const Json& item : *list) {
      known = known && item.is_string();
      if (item.is_string()) words.push_back(item.get<std::string>());
    }
  }
  if (!known || !IsAsItsImageIs(container)) return words;
  constexpr std::string_view kShells[] = {"sh", "ash", "bash", "dash"};
  constexpr std::string_view kOptions[] = {"-c", "-ec", "-ce", "-xc", "-exc", "-euc", "-euxc"};
  if (IsIn(kShells, ProgramOf(words.front()))) {
    const bool script = words.size() == 3 && IsIn(kOptions, words[1]);
    if (script) words[2] = AfterWaitingIn(words[2], container);
    return words;
  }
  // What Kubernetes fills in may be an option by which another program is run.
  const bool filled_in = std::any_of(words.begin(), words.end(), [](const std::string& word) {
    return word.find("$(") != std::string::npos;
  });
  return Waits(words) && !filled_in ? Words() : words;
}

}  // namespace countersign
