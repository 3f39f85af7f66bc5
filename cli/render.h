// render.h: decisions and statuses as text for people.
//
// Gates come as the JSON that GateJson writes, which is also what stands in a status, so that
// `check` and `explain` look alike. Text from the cluster never reaches a terminal with control
// characters. Pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace countersign {

// Control characters as spaces: escape sequences in a name must not move the reader's cursor.
[[nodiscard]] std::string Printable(std::string_view text);

// Columns padded to their widest cell, two spaces between, one line a row.
[[nodiscard]] std::string Table(const std::vector<std::vector<std::string>>& rows);

// The same with cells broken between words into lines of at most `width` characters; a line feed
// in a cell starts a new line.
[[nodiscard]] std::string WrappedTable(const std::vector<std::vector<std::string>>& rows,
                                       std::size_t width);

// {"apiVersion": "cli.countersign.dev/v1", "kind": …}: what every JSON answer of ours begins with.
// Within v1 members are added, never renamed or removed.
[[nodiscard]] Json VersionedJson(std::string_view kind);

// "Approve as model-validator: Vera Jansen (vera@bank.example), 2026-…", one for each sign-off
// among a gate's evidence: every signature shows name, time and meaning (21 CFR 11.50).
[[nodiscard]] std::vector<std::string> SignatoryLines(const Json* evidence);

// A block a gate: state, measure and reason in columns, below them the message and the remedy.
[[nodiscard]] std::string GatesText(const Json& gates);

// "a, b": the parts with `between` them.
[[nodiscard]] std::string Joined(const std::vector<std::string>& parts,
                                 std::string_view between = ", ");

// Text as it stands in Markdown, also within a table's cell: nothing of it is markup.
[[nodiscard]] std::string MarkdownText(std::string_view text);
// Cells that are Markdown already; the first row is the head.
[[nodiscard]] std::string MarkdownTable(const std::vector<std::vector<std::string>>& rows);

// "high, personal", or "none".
[[nodiscard]] std::string ListText(const Json* list);

}  // namespace countersign
