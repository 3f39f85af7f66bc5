#include "governance/serving/command_line.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace countersign {
namespace {

// What follows a word makes a host's name of it: ".rag.svc". A file has one ending.
bool IsDomain(std::string_view after) {
  const auto end =
      std::min(after.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-."), after.size());
  const std::string_view domain = after.substr(0, end);
  const bool ends =
      end == after.size() || std::string_view(" ;&|):/,").find(after[end]) != std::string::npos;
  return ends && domain.starts_with('.') && domain.find('.', 1) != std::string_view::npos &&
         domain.find("..") == std::string_view::npos;
}

// What stands before a word makes a host's name of it: "--triton-url=".
bool IsHostOption(std::string_view before) {
  std::string_view option = before.substr(before.rfind(' ') + 1);
  if (!option.starts_with("--") || !option.ends_with('=')) return false;
  option.remove_suffix(1);
  if (option.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_") !=
      std::string_view::npos) {
    return false;
  }
  constexpr std::string_view kLast[] = {"host", "hostname", "url",     "uri",
                                        "addr", "address",  "endpoint"};
  return std::find(std::begin(kLast), std::end(kLast),
                   option.substr(option.find_last_of("-_") + 1)) != std::end(kLast);
}

bool RunsIn(std::string_view words, std::string_view command) {
  constexpr std::string_view kBefore = " ;&|(`\\!={";
  constexpr std::string_view kAfter = " ;&|)`<>.$}\\";
  const bool module = command.find('.') != std::string_view::npos;
  const bool may_be_host = CanNameAHost(command);
  const auto ends = [&](std::string_view marks, char c) {
    return marks.find(c) != std::string_view::npos || (module && c == ',');
  };
  for (std::size_t at = words.find(command); at != std::string_view::npos;
       at = words.find(command, at + 1)) {
    const std::size_t end = at + command.size();
    if (end < words.size() && !ends(kAfter, words[end])) continue;
    const std::string_view before = words.substr(0, at);
    if (at == 0 || ends(kBefore, words[at - 1])) {
      if (may_be_host && (IsDomain(words.substr(end)) || IsHostOption(before))) continue;
      return true;
    }
    const std::string_view word = before.substr(before.find_last_of(kBefore) + 1);
    if (word.ends_with('/') && word.find("://") == std::string_view::npos) return true;
    // python -mMODULE, env -SWORDS
    const bool option = word.size() > 1 && word.front() == '-' && word[1] != '-';
    if (option && (word.back() == 'm' || word.back() == 'S')) return true;
  }
  return false;
}

void Part(std::string& text) {
  if (!text.empty() && text.back() != ' ') text += ' ';
}

}  // namespace

bool CanNameAHost(std::string_view command) {
  return command.find_first_of(" ._") == std::string_view::npos;
}

bool Runs(const Words& words, std::string_view command) {
  const bool phrase = command.find(' ') != std::string_view::npos;
  return RunsIn(words.text, command) || RunsIn(words.unquoted, command) ||
         (phrase && RunsIn(words.listed, command));
}

void AddWords(const std::string& text, Words& words) {
  words.bytes += text.size();
  if (words.bytes > kMaxCommandBytes) return;
  std::string word;
  const auto finish = [&] {
    if (word == "\\") word.clear();  // before a space
    if (word.empty()) return;
    words.text += (words.text.empty() ? "" : " ") + word;
    words.list.push_back(std::move(word));
    word.clear();
  };
  Part(words.unquoted);
  Part(words.listed);
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    // A line that goes on.
    const bool joins =
        c == '\\' && (text.compare(i + 1, 1, "\n") == 0 || text.compare(i + 1, 2, "\r\n") == 0);
    if (joins) {
      i += text[i + 1] == '\n' ? 1 : 2;
      Part(words.unquoted);
      Part(words.listed);
      continue;
    }
    const bool space = c == ' ' || c == '\t' || c == '\n' || c == '\r';
    const bool quote = c == '"' || c == '\'';
    if (space || quote) {
      Part(words.unquoted);
    } else {
      words.unquoted += c;
    }
    if (space || quote || std::string_view(",[](){}").find(c) != std::string_view::npos) {
      Part(words.listed);
    } else {
      words.listed += c;
    }
    if (space) {
      finish();
    } else if (!quote) {
      word += c;
    }
  }
  finish();
}

void AddWords(const Json& container, const char* key, Words& words) {
  const Json* list = Find(container, key);
  if (list == nullptr || !list->is_array()) return;
  for (const Json& item : *list) {
    if (item.is_string()) AddWords(item.get_ref<const std::string&>(), words);
  }
}

}  // namespace countersign
