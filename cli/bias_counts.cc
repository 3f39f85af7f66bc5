#include "cli/bias_counts.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <span>
#include <string_view>

#include "cli/files.h"
#include "importers/csv.h"

namespace countersign {
namespace {

constexpr std::string_view kCounts[] = {"tp", "fp", "fn", "tn"};

constexpr std::string_view kOutcomes[] = {"y_true", "y_pred"};

using Records = std::vector<std::vector<std::string>>;

// The header and at least one record, with one column of each of these names.
Result<Records> ReadRecords(const std::string& path, std::span<const std::string_view> columns) {
  auto text = ReadTextFile(path);
  if (!text) return Fail(text.error());
  Records rows;
  CsvReader csv([&](const std::vector<std::string>& fields) { rows.push_back(fields); });
  auto fed = csv.Feed(WithoutMark(*text));
  if (fed) fed = csv.Finish();
  if (!fed) return Fail(Code::kInvalidArgument, fed.error().message, path);
  if (rows.size() < 2) return Fail(Code::kInvalidArgument, "must have a header and rows", path);
  for (const std::string_view column : columns) {
    if (std::count(rows[0].begin(), rows[0].end(), column) == 1) continue;
    return Fail(Code::kInvalidArgument, "must have one column '" + std::string(column) + "'", path);
  }
  return rows;
}

std::vector<std::string> AttributesOf(const std::vector<std::string>& header,
                                      std::span<const std::string_view> columns) {
  std::vector<std::string> attributes;
  for (const std::string& name : header) {
    if (std::find(columns.begin(), columns.end(), name) == columns.end()) {
      attributes.push_back(name);
    }
  }
  return attributes;
}

Error WrongWidth(std::size_t wanted, std::size_t found, const std::string& path) {
  return {Code::kInvalidArgument,
          "must have " + std::to_string(wanted) + " fields, has " + std::to_string(found), path,
          std::nullopt};
}

Result<std::int64_t> CountOf(const std::string& text, const std::string& path) {
  constexpr std::size_t kDigits = 13;  // 10^12, the API's maximum, has as many
  const bool digits = !text.empty() && text.size() <= kDigits &&
                      text.find_first_not_of("0123456789") == std::string::npos;
  if (digits) return std::stoll(text);
  return Fail(Code::kInvalidArgument, "must be a count, is '" + Excerpt(text) + "'", path);
}

BiasCell Nobody(std::map<std::string, std::string> groups) {
  BiasCell cell;
  cell.groups = std::move(groups);
  for (auto* const count : {&cell.tp, &cell.fp, &cell.fn, &cell.tn}) *count = 0;
  return cell;
}

Result<BiasCell> CellOf(const std::vector<std::string>& header, const std::vector<std::string>& row,
                        const std::string& path) {
  if (row.size() != header.size()) return Fail(WrongWidth(header.size(), row.size(), path));
  BiasCell cell;
  std::optional<std::int64_t>* const members[] = {&cell.tp, &cell.fp, &cell.fn, &cell.tn};
  for (std::size_t i = 0; i < header.size(); ++i) {
    const auto* found = std::find(std::begin(kCounts), std::end(kCounts), header[i]);
    if (found == std::end(kCounts)) {
      cell.groups[header[i]] = row[i];
      continue;
    }
    auto count = CountOf(row[i], path + ", column " + header[i]);
    if (!count) return Fail(count.error());
    *members[found - std::begin(kCounts)] = *count;
  }
  return cell;
}

// What the file leaves out is nobody: the API wants the full cross.
void CompleteCross(BiasCounts& counts) {
  std::vector<std::set<std::string>> values(counts.attributes.size());
  std::set<std::map<std::string, std::string>> present;
  for (const BiasCell& cell : counts.cells) {
    present.insert(cell.groups);
    for (std::size_t i = 0; i < values.size(); ++i) {
      values[i].insert(cell.groups.at(counts.attributes[i]));
    }
  }
  std::vector<std::map<std::string, std::string>> cross(1);
  for (std::size_t i = 0; i < values.size(); ++i) {
    std::vector<std::map<std::string, std::string>> next;
    for (const auto& groups : cross) {
      for (const std::string& value : values[i]) {
        next.push_back(groups);
        next.back()[counts.attributes[i]] = value;
      }
    }
    constexpr std::size_t kMostCells = 512;
    if (next.size() > kMostCells) return;  // more than the API takes: its own message says so
    cross = std::move(next);
  }
  for (auto& groups : cross) {
    if (present.insert(groups).second) counts.cells.push_back(Nobody(std::move(groups)));
  }
}

// How the favourable outcome is written: as it is called, or 1 where all outcomes are 1 and 0.
std::string PositiveOf(const Records& rows, const std::array<std::size_t, 2>& columns,
                       const std::string& favorable_outcome) {
  for (std::size_t i = 1; i < rows.size(); ++i) {
    for (const std::size_t column : columns) {
      if (column >= rows[i].size()) continue;
      const std::string& outcome = rows[i][column];
      if (outcome == favorable_outcome || (outcome != "0" && outcome != "1")) {
        return favorable_outcome;
      }
    }
  }
  return "1";
}

}  // namespace

Result<BiasCounts> ReadCounts(const std::string& path) {
  auto table = ReadRecords(path, kCounts);
  if (!table) return Fail(table.error());
  const Records& rows = *table;
  const std::vector<std::string>& header = rows.front();
  BiasCounts counts;
  counts.attributes = AttributesOf(header, kCounts);
  std::set<std::map<std::string, std::string>> seen;
  for (std::size_t i = 1; i < rows.size(); ++i) {
    const std::string at = path + ": record " + std::to_string(i + 1);
    auto cell = CellOf(header, rows[i], at);
    if (!cell) return Fail(cell.error());
    if (!seen.insert(cell->groups).second) {
      return Fail(Code::kInvalidArgument, "has the groups of a record before", at);
    }
    counts.cells.push_back(std::move(*cell));
  }
  CompleteCross(counts);
  return counts;
}

Result<BiasCounts> ReadPredictions(const std::string& path, const std::string& favorable_outcome) {
  auto table = ReadRecords(path, kOutcomes);
  if (!table) return Fail(table.error());
  const Records& rows = *table;
  const std::vector<std::string>& header = rows.front();
  const auto column = [&](std::string_view name) {
    return static_cast<std::size_t>(
        std::distance(header.begin(), std::find(header.begin(), header.end(), name)));
  };
  const std::size_t truth = column("y_true");
  const std::size_t predicted = column("y_pred");
  std::set<std::string> outcomes;
  std::map<std::map<std::string, std::string>, BiasCell> cells;
  const auto positive = PositiveOf(rows, {truth, predicted}, favorable_outcome);
  for (std::size_t i = 1; i < rows.size(); ++i) {
    const std::vector<std::string>& row = rows[i];
    if (row.size() != header.size()) {
      return Fail(
          WrongWidth(header.size(), row.size(), path + ": record " + std::to_string(i + 1)));
    }
    std::map<std::string, std::string> groups;
    for (std::size_t at = 0; at < row.size(); ++at) {
      if (at != truth && at != predicted) groups[header[at]] = row[at];
    }
    outcomes.insert({row[truth], row[predicted]});
    BiasCell& cell = cells.try_emplace(groups, Nobody(groups)).first->second;
    const bool is = row[truth] == positive;
    const bool said = row[predicted] == positive;
    std::optional<std::int64_t>& count =
        is ? (said ? cell.tp : cell.fn) : (said ? cell.fp : cell.tn);
    count = count.value_or(0) + 1;
  }
  if (!outcomes.contains(positive)) {
    return Fail(Code::kInvalidArgument,
                "no y_true or y_pred is '" + Excerpt(positive) +
                    "': give the favourable outcome as it stands there, or 1 and 0",
                path);
  }
  if (outcomes.size() > 2) {
    return Fail(Code::kInvalidArgument,
                "y_true and y_pred must have two outcomes, have " +
                    std::to_string(outcomes.size()) + ": " + Excerpt(*outcomes.begin()) + ", …",
                path);
  }
  BiasCounts counts;
  counts.attributes = AttributesOf(header, kOutcomes);
  for (auto& [groups, cell] : cells) counts.cells.push_back(std::move(cell));
  CompleteCross(counts);
  return counts;
}

}  // namespace countersign
