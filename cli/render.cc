#include "cli/render.h"

#include <algorithm>
#include <string>

#include "governance/decision.h"

namespace countersign {
namespace {

// Characters on the screen, near enough: UTF-8 continuation bytes take no place.
std::size_t Width(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  }));
}

// Lines of at most `width` characters where words allow it; later lines keep the indentation.
std::vector<std::string> Wrap(const std::string& text, std::size_t width) {
  std::vector<std::string> lines(1);
  bool begun = false;  // the line has a word
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] == '\n') {
      lines.emplace_back();
      begun = false;
      ++at;
      continue;
    }
    std::size_t end = text.find_first_not_of(' ', at);
    end = std::min(text.find_first_of(" \n", std::min(end, text.size())), text.size());
    std::string word = text.substr(at, end - at);
    if (begun && Width(lines.back() + word) > width) {
      word.erase(0, word.find_first_not_of(' '));
      lines.emplace_back("  ").append(word);
    } else {
      lines.back().append(word);
    }
    begun = true;
    at = end;
  }
  return lines;
}

// Gates stand below the line that says what they are about.
constexpr std::string_view kIndent = "  ";

}  // namespace

std::string Printable(std::string_view text) {
  return OneLine(std::string(text), std::string::npos);
}

std::string Table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], Width(row[i]));
  }
  std::string out;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += row[i];
      if (i + 1 < row.size()) line.append(widths[i] - Width(row[i]) + 2, ' ');
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

std::string WrappedTable(const std::vector<std::vector<std::string>>& rows, std::size_t width) {
  std::vector<std::vector<std::string>> lines;
  for (const auto& row : rows) {
    std::vector<std::vector<std::string>> cells;
    std::size_t height = 1;
    for (const std::string& cell : row) {
      cells.push_back(Wrap(cell, width));
      for (std::string& line : cells.back()) line = Printable(line);
      height = std::max(height, cells.back().size());
    }
    for (std::size_t i = 0; i < height; ++i) {
      lines.emplace_back();
      for (const auto& cell : cells) lines.back().push_back(i < cell.size() ? cell[i] : "");
    }
  }
  return Table(lines);
}

Json VersionedJson(std::string_view kind) {
  return {{"apiVersion", "cli.countersign.dev/v1"}, {"kind", std::string(kind)}};
}

std::vector<std::string> SignatoryLines(const Json* evidence) {
  std::vector<std::string> lines;
  if (evidence == nullptr || !evidence->is_array()) return lines;
  for (const Json& one : *evidence) {
    const Json* by = Find(one, "signatory");
    if (by == nullptr || StringAt(one, "kind") != "SignOff") continue;
    std::string line = StringAt(*by, "meaning") + ": " + StringAt(*by, "printedName");
    const std::string account = StringAt(*by, "account");
    if (account != StringAt(*by, "printedName")) line += " (" + account + ")";
    line += ", " + StringAt(*by, "at");
    const std::string key = StringAt(*by, "key");
    if (!key.empty()) line += ", " + StringAt(*by, "assurance") + " by key " + key;
    lines.push_back(Printable(line));
  }
  return lines;
}

std::string GatesText(const Json& gates) {
  if (!gates.is_array() || gates.empty()) return std::string(kIndent) + "no gates\n";
  std::vector<std::vector<std::string>> heads = {{"STATE", "GATE", "REASON", "ASKED BY"}};
  for (const Json& gate : gates) {
    const std::string policy = StringAt(gate, "policy");
    heads.push_back({Printable(StringAt(gate, "state")), Printable(StringAt(gate, "measure")),
                     Printable(StringAt(gate, "reason")),
                     policy.empty() ? "always" : "policy " + Printable(policy)});
  }
  const std::string table = Table(heads);
  std::string out;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < heads.size(); ++i) {
    const std::size_t end = table.find('\n', begin);
    out.append(kIndent).append(table, begin, end - begin).append("\n");
    begin = end + 1;
    if (i == 0) continue;
    const Json& gate = gates.at(i - 1);
    const std::string below = std::string(kIndent) + "    ";
    std::string message = Printable(StringAt(gate, "message"));
    if (const std::string path = StringAt(gate, "path"); !path.empty()) {
      message.insert(0, Printable(path) + ": ");
    }
    if (const std::string until = StringAt(gate, "validUntil"); !until.empty()) {
      message += " (valid until " + Printable(until) + ")";
    }
    if (!message.empty()) out += below + message + "\n";
    for (const std::string& line : SignatoryLines(Find(gate, "evidence"))) {
      out += below + line + "\n";
    }
    if (const std::string remedy = StringAt(gate, "remedy"); !remedy.empty()) {
      out += below + "Remedy: " + Printable(remedy) + "\n";
    }
  }
  return out;
}

std::string Joined(const std::vector<std::string>& parts, std::string_view between) {
  std::string text;
  for (const std::string& part : parts) text.append(text.empty() ? "" : between).append(part);
  return text;
}

std::string MarkdownText(std::string_view text) {
  constexpr std::string_view kMarkup = "|*_`\\[]";
  std::string out;
  for (const char c : Printable(text)) {
    if (kMarkup.find(c) != std::string_view::npos) out += '\\';
    if (c == '<') {
      out += "&lt;";
    } else if (c == '&') {
      out += "&amp;";
    } else {
      out += c;
    }
  }
  return out;
}

std::string MarkdownTable(const std::vector<std::vector<std::string>>& rows) {
  std::string out;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    out += "|";
    for (const std::string& cell : rows[i]) out += " " + cell + " |";
    out += "\n";
    if (i > 0) continue;
    out += "|";
    for (std::size_t column = 0; column < rows[i].size(); ++column) out += " --- |";
    out += "\n";
  }
  return out;
}

std::string ListText(const Json* list) {
  std::string out;
  if (list != nullptr && list->is_array()) {
    for (const Json& item : *list) {
      if (!item.is_string()) continue;
      out += (out.empty() ? "" : ", ") + Printable(item.get_ref<const std::string&>());
    }
  }
  return out.empty() ? "none" : out;
}

}  // namespace countersign
