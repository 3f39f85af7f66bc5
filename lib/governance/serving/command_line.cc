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

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

bool IsQuote(char c) { return c == '"' || c == '\''; }

// Bytes of a line's end that is none, at `at`.
std::size_t GoesOn(std::string_view text, std::size_t at) {
  if (text.substr(at, 2) == "\\\n") return 2;
  return text.substr(at, 3) == "\\\r\n" ? 3 : 0;
}

// Where the word that begins at `at` ends, quoted blanks being of it. A quote before the end of a
// word is that of what is quoted for another shell.
std::size_t EndOfWord(std::string_view text, std::size_t at) {
  constexpr std::string_view kEnds = " \t\n\r;&|<>()";
  const std::size_t begin = at;
  while (at < text.size()) {
    const char c = text[at];
    if (const std::size_t none = GoesOn(text, at)) {
      at += none;
    } else if (c == '\\') {
      at += 2;
    } else if (kEnds.find(c) != std::string_view::npos) {
      break;
    } else if (!IsQuote(c)) {
      ++at;
    } else {
      const bool closes = at > begin && (at + 1 == text.size() ||
                                         kEnds.find(text[at + 1]) != std::string_view::npos);
      const std::size_t end = closes ? std::string_view::npos : text.find(c, at + 1);
      if (end == std::string_view::npos) break;
      at = end + 1;
    }
  }
  return std::min(at, text.size());
}

// `2>&1`, `> file`, `<<<word`, `{fd}>file`: what says which descriptor is taken from `out`.
std::size_t AfterRedirection(std::string_view text, std::size_t at, std::string& out) {
  if (out.ends_with('&')) out.pop_back();
  const std::size_t word = out.find_last_of(" ;&|(") + 1;
  const std::string_view before = std::string_view(out).substr(word);
  const bool number = before.find_first_not_of("0123456789") == std::string_view::npos;
  if (number || (before.front() == '{' && before.back() == '}')) out.resize(word);
  const std::size_t begin = at;
  while (at < text.size() && std::string_view("<>&|").find(text[at]) != std::string_view::npos) {
    ++at;
  }
  if (text.substr(begin, at - begin) == "<<" && text.substr(at, 1) == "-") ++at;
  while (at < text.size() && (text[at] == ' ' || text[at] == '\t' || GoesOn(text, at) > 0)) {
    at += std::max<std::size_t>(GoesOn(text, at), 1);
  }
  return EndOfWord(text, at);
}

std::string WithoutRedirections(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    const bool directs = (c == '<' || c == '>') && text.substr(at + 1, 1) != "(";
    if (const std::size_t none = GoesOn(text, at)) {
      at += none;
    } else if (directs) {
      at = AfterRedirection(text, at, out);
      Part(out);
    } else {
      if (IsSpace(c)) {
        Part(out);
      } else if (!IsQuote(c)) {
        out += c;
      }
      ++at;
    }
  }
  return out;
}

}  // namespace

bool CanNameAHost(std::string_view command) {
  return command.find_first_of(" ._") == std::string_view::npos;
}

bool Runs(const Words& words, std::string_view command) {
  const bool phrase = command.find(' ') != std::string_view::npos;
  return RunsIn(words.text, command) || RunsIn(words.unquoted, command) ||
         (phrase && (RunsIn(words.listed, command) || RunsIn(words.undirected, command)));
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
  if (text.find_first_of("<>") != std::string::npos) {
    Part(words.undirected);
    words.undirected += WithoutRedirections(text);
  }
  Part(words.unquoted);
  Part(words.listed);
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    // A line that goes on.
    if (const std::size_t none = GoesOn(text, i)) {
      i += none - 1;
      Part(words.unquoted);
      Part(words.listed);
      continue;
    }
    const bool space = IsSpace(c);
    const bool quote = IsQuote(c);
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
