#include "governance/serving/command_line.h"

#include <utility>

namespace countersign {

bool Runs(std::string_view words, std::string_view command) {
  constexpr std::string_view kBefore = " ;&|(`\\!={";
  constexpr std::string_view kAfter = " ;&|)`<>.$}\\";
  const bool module = command.find('.') != std::string_view::npos;
  const auto ends = [&](std::string_view marks, char c) {
    return marks.find(c) != std::string_view::npos || (module && c == ',');
  };
  for (std::size_t at = words.find(command); at != std::string_view::npos;
       at = words.find(command, at + 1)) {
    const std::size_t end = at + command.size();
    if (end < words.size() && !ends(kAfter, words[end])) continue;
    if (at == 0 || ends(kBefore, words[at - 1])) return true;
    const std::string_view before = words.substr(0, at);
    const std::string_view word = before.substr(before.find_last_of(kBefore) + 1);
    if (word.ends_with('/') && word.find("://") == std::string_view::npos) return true;
    // python -mMODULE
    if (word.size() > 1 && word.front() == '-' && word[1] != '-' && word.back() == 'm') return true;
  }
  return false;
}

void AddWords(const Json& container, const char* key, Words& words) {
  const Json* list = Find(container, key);
  if (list == nullptr || !list->is_array()) return;
  for (const Json& item : *list) {
    if (!item.is_string()) continue;
    const std::string& text = item.get_ref<const std::string&>();
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
    words.unquoted += ' ';
    for (std::size_t i = 0; i < text.size(); ++i) {
      const char c = text[i];
      // A line that goes on.
      const bool joins =
          c == '\\' && (text.compare(i + 1, 1, "\n") == 0 || text.compare(i + 1, 2, "\r\n") == 0);
      if (joins) {
        i += text[i + 1] == '\n' ? 1 : 2;
        if (words.unquoted.back() != ' ') words.unquoted += ' ';
        continue;
      }
      const bool space = c == ' ' || c == '\t' || c == '\n' || c == '\r';
      const bool quote = c == '"' || c == '\'';
      if (!space && !quote) {
        words.unquoted += c;
      } else if (words.unquoted.back() != ' ') {
        words.unquoted += ' ';
      }
      if (space) {
        finish();
      } else if (!quote) {
        word += c;
      }
    }
    finish();
  }
}

}  // namespace countersign
