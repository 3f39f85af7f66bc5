#include "cli/completion.h"

#include <algorithm>
#include <vector>

namespace countersign {
namespace {

struct Flag {
  std::string long_name;   // without dashes
  std::string short_name;  // without the dash; may be empty
  std::string doc;
  bool takes_value = false;
  std::vector<std::string> values;  // the only ones, if any are given
};

struct Command {
  std::string name;
  std::string doc;
  std::vector<Flag> flags;
  std::vector<std::string> arguments;  // values of a positional, if only some are allowed
  bool group = false;                  // the first argument is one, a command of its own
};

// "{a,b}" somewhere in what CLI11 calls the type.
std::vector<std::string> ValuesOf(const CLI::Option& option) {
  std::vector<std::string> values;
  const std::string type = option.get_type_name();
  const auto begin = type.find('{');
  const auto end = type.find('}');
  if (begin == std::string::npos || end == std::string::npos) return values;
  std::string value;
  for (const char c : type.substr(begin + 1, end - begin - 1) + ",") {
    if (c != ',') {
      value += c;
    } else if (!value.empty()) {
      values.push_back(std::move(value));
      value.clear();
    }
  }
  return values;
}

void AddFlags(const CLI::App& app, Command& command) {
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_positional()) {
      command.arguments = ValuesOf(*option);
      continue;
    }
    if (option->get_lnames().empty()) continue;
    const bool known = std::any_of(
        command.flags.begin(), command.flags.end(),
        [&](const Flag& flag) { return flag.long_name == option->get_lnames().front(); });
    if (known) continue;
    command.flags.push_back({option->get_lnames().front(),
                             option->get_snames().empty() ? "" : option->get_snames().front(),
                             option->get_description(), option->get_items_expected_max() > 0,
                             ValuesOf(*option)});
  }
}

std::vector<Command> CommandsOf(const CLI::App& app) {
  std::vector<Command> commands;
  for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; })) {
    Command command{sub->get_name(), sub->get_description(), {}, {}};
    AddFlags(*sub, command);
    std::vector<std::string> inner_names;
    for (const CLI::App* inner : sub->get_subcommands([](const CLI::App*) { return true; })) {
      AddFlags(*inner, command);
      inner_names.push_back(inner->get_name());
    }
    command.group = !inner_names.empty();
    if (command.group) command.arguments = std::move(inner_names);
    AddFlags(app, command);  // the global ones may stand behind the command too
    commands.push_back(std::move(command));
  }
  return commands;
}

std::string Joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

// Up to the first colon or full stop: completion menus have one line.
std::string Brief(const std::string& doc) { return doc.substr(0, doc.find_first_of(":.;\n")); }

// For single quotes of any of the shells.
std::string Quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

std::string WordsOf(const Command& command) {
  std::string words;
  for (const Flag& flag : command.flags) {
    words += (words.empty() ? "--" : " --") + flag.long_name;
    if (!flag.short_name.empty()) words += " -" + flag.short_name;
  }
  return words;
}

std::string FunctionName(const std::string& program) {
  std::string name = "_" + program;
  for (char& c : name) {
    if (c == '-' || c == ' ') c = '_';
  }
  return name;
}

// Brackets and colons mean something in _arguments.
std::string ZshText(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '[' || c == ']' || c == ':' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

std::string ZshFlag(const Flag& flag) {
  std::string tail = "[" + ZshText(Brief(flag.doc)) + "]";
  if (flag.takes_value) {
    tail +=
        ":value:" + (flag.values.empty() ? std::string("_files") : "(" + Joined(flag.values) + ")");
  }
  std::string out = " \\\n        " + Quoted("*--" + flag.long_name + tail);
  if (!flag.short_name.empty()) out += " \\\n        " + Quoted("*-" + flag.short_name + tail);
  return out;
}

}  // namespace

std::string BashCompletion(const CLI::App& app, const std::string& program) {
  const std::vector<Command> commands = CommandsOf(app);
  std::string names;
  std::string flags;
  std::string values;
  for (const Command& command : commands) {
    names += (names.empty() ? "" : " ") + command.name;
    flags += "    " + command.name + ") words=" +
             Quoted(Joined(command.arguments) + (command.arguments.empty() ? "" : " ") +
                    WordsOf(command)) +
             " ;;\n";
    for (const Flag& flag : command.flags) {
      if (flag.values.empty()) continue;
      std::string patterns = command.name + ":--" + flag.long_name;
      if (!flag.short_name.empty()) patterns += "|" + command.name + ":-" + flag.short_name;
      values += "    " + patterns + ") words=" + Quoted(Joined(flag.values)) + " ;;\n";
    }
  }
  const std::string function = FunctionName(program);
  return "# bash completion for " + program + "; load it with: source <(" + program +
         " completion bash)\n" + function +
         "() {\n"
         "  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}\n"
         "  local command='' words='' word\n"
         "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
         "    case \" " +
         names +
         " \" in *\" $word \"*) command=$word; break ;; esac\n"
         "  done\n"
         "  case $command in\n"
         "    '') words='" +
         names + "' ;;\n" + flags +
         "  esac\n"
         "  case $command:$previous in\n" +
         values +
         "  esac\n"
         "  COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
         "}\n"
         "complete -o default -F " +
         function + " " + program + "\n";
}

std::string ZshCompletion(const CLI::App& app, const std::string& program) {
  std::string names;
  std::string cases;
  for (const Command& command : CommandsOf(app)) {
    names += "\n    " + Quoted(command.name + ":" + ZshText(Brief(command.doc)));
    cases += "    " + command.name + ")\n      _arguments";
    for (const Flag& flag : command.flags) cases += ZshFlag(flag);
    cases += " \\\n        " +
             Quoted(command.arguments.empty() ? "*:argument:_files"
                                              : (command.group ? "1:command:(" : "*:argument:(") +
                                                    Joined(command.arguments) + ")") +
             (command.group ? " '*:argument:_files'" : "") + " ;;\n";
  }
  const std::string function = FunctionName(program);
  return "#compdef " + program + "\n# zsh completion for " + program + "; put it in a file '" +
         function + "' on your $fpath\n" + function +
         "() {\n"
         "  local -a commands=(" +
         names +
         ")\n"
         "  if (( CURRENT == 2 )); then\n"
         "    _describe command commands\n"
         "    return\n"
         "  fi\n"
         "  local command=$words[2]\n"
         "  shift words\n"
         "  (( CURRENT-- ))\n"
         "  case $command in\n" +
         cases +
         "  esac\n"
         "}\n"
         "compdef " +
         function + " " + program + "\n";
}

std::string FishCompletion(const CLI::App& app, const std::string& program) {
  std::string out = "# fish completion for " + program + "; put it in ~/.config/fish/completions/" +
                    program + ".fish\n";
  const std::string complete = "complete -c " + program + " ";
  for (const Command& command : CommandsOf(app)) {
    out += complete + "-f -n __fish_use_subcommand -a " + command.name + " -d " +
           Quoted(Brief(command.doc)) + "\n";
    const std::string within =
        complete + "-n " + Quoted("__fish_seen_subcommand_from " + command.name) + " ";
    for (const Flag& flag : command.flags) {
      out += within + "-l " + flag.long_name;
      if (!flag.short_name.empty()) out += " -s " + flag.short_name;
      if (!flag.values.empty()) {
        out += " -x -a " + Quoted(Joined(flag.values));
      } else if (flag.takes_value) {
        out += " -r";
      }
      out += " -d " + Quoted(Brief(flag.doc)) + "\n";
    }
    if (!command.arguments.empty()) {
      out += within + "-f -a " + Quoted(Joined(command.arguments)) + "\n";
    }
  }
  return out;
}

}  // namespace countersign
