// groups.h: cells of a BiasTest from rows or counts by group. Pure functions.
//
// What people belong to is never guessed: a value that may mean that none is known, or that our
// objects cannot hold, is an error that names the option which says what it is.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "importers/importer.h"

namespace countersign {

using GroupKey = std::map<std::string, std::string>;  // attribute to group

// Those of --attribute, which must be among `columns`, each once; the error lists them.
[[nodiscard]] Result<std::vector<ImportAttribute>> AttributesOf(
    const ImportOptions& options, const std::vector<std::string>& columns, const std::string& file);

// What groups are called, and whether each --group and --missing that says so is of a value that is
// there. `options` must outlive it.
class GroupNames {
 public:
  explicit GroupNames(const ImportOptions& options);
  // Of the group in which somebody with this value is; no value: not known.
  [[nodiscard]] Result<std::string> Of(const ImportAttribute& attribute,
                                       const std::optional<std::string>& value,
                                       const std::string& path);
  // After the last row. Error: an option named no value, with those that there are.
  [[nodiscard]] Status CheckUsed(const std::vector<ImportAttribute>& attributes) const;

 private:
  [[nodiscard]] bool IsMissing(const std::string& text) const;
  void Note(const std::string& column, const std::string& value);

  const ImportOptions& options_;
  std::set<std::string> groups_;   // of --group, those that named nothing so far
  std::set<std::string> missing_;  // of --missing
  std::map<std::string, std::set<std::string>>
      values_;  // by column, as long as one of them has any
};

// Whether tools write it for a value that is not there, though it may as well be one: "NaN", "?".
[[nodiscard]] bool MayBeMissing(std::string_view text);

// "1.0" and "1" are one value; text stays as it is.
[[nodiscard]] std::string SameNumber(std::string text);

// Adds a cell without people for each combination of groups that is not there: the API wants the
// full cross. More than it takes: nothing, and its own message says so.
void CompleteCross(std::vector<BiasCell>& cells);

// Counts by group as a tool has them, added up where several are of one combination of groups.
class GroupCounts {
 public:
  // Error: --positive is not given; whether a tool's positive is the favourable outcome it alone
  // says. Where it is not, what is selected is the tool's negative.
  [[nodiscard]] Status Start(const ImportOptions& options);
  // `cell` has tp, fp, fn and tn, or selected and n; the same of all.
  [[nodiscard]] Status Add(const BiasCell& cell, const std::string& where);
  // The full cross, with the number of rows.
  void Finish(BiasTestSpec& test) const;
  [[nodiscard]] bool Swapped() const { return swapped_; }

 private:
  bool swapped_ = false;
  std::map<GroupKey, BiasCell> cells_;
};

// Attributes, favourable outcome and what one count is, as the options say; the error names the
// option that is missing.
[[nodiscard]] Status AddTestFacts(const ImportOptions& options,
                                  const std::vector<ImportAttribute>& attributes,
                                  BiasTestSpec& test);

}  // namespace countersign
