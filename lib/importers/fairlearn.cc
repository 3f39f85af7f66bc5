// MetricFrame.by_group of Fairlearn: BiasTest.
//
// Fairlearn saves frames by pickle, which is code and never read here; pandas writes the same table
// as JSON. Rates alone do not say how many people are behind them: counts are needed, tp, fp, fn
// and tn, or count with selection_rate. Source: fairlearn.org, user guide, assessment; pandas,
// DataFrame.to_json.
#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "importers/fields.h"
#include "importers/formats.h"
#include "importers/groups.h"

namespace countersign {
namespace {

constexpr std::array<std::string_view, 4> kConfusion = {"tp", "fp", "fn", "tn"};
constexpr std::string_view kCount = "count";
constexpr std::string_view kRate = "selection_rate";

struct Table {
  std::vector<std::string> columns;  // all that a row may have
  std::vector<std::string> index;    // those that say the group, where the file states it
  std::vector<std::string> levels;   // the same, where it states them without names
  std::vector<std::map<std::string, Field>> rows;
};

constexpr std::string_view kLevel = "level_";

std::string Level(std::size_t number) { return std::string(kLevel) + std::to_string(number); }

bool Has(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

void AddColumn(Table& table, const std::string& name) {
  if (!Has(table.columns, name)) table.columns.push_back(name);
}

Status AddRecords(const Field& list, Table& table) {
  if (!list.Is() || !list.value->is_array()) return Wrong(list, "a list of rows");
  for (std::size_t i = 0; i < list.value->size(); ++i) {
    const Field row = list.At(i);
    if (!row.value->is_object()) return Wrong(row, "a row, an object");
    std::map<std::string, Field>& fields = table.rows.emplace_back();
    for (auto it = row.value->begin(); it != row.value->end(); ++it) {
      AddColumn(table, it.key());
      fields[it.key()] = row.Get(it.key());
    }
  }
  return {};
}

// orient="table": the schema says which columns are the index.
Result<Table> ReadTable(const Field& root) {
  Table table;
  const Field key = root.Get("schema").Get("primaryKey");
  for (std::size_t i = 0; key.At(i).Is(); ++i) table.index.push_back(key.At(i).Text());
  if (auto added = AddRecords(root.Get("data"), table); !added) return Fail(added.error());
  return table;
}

// orient="split": rows and their index apart, the index without names.
Result<Table> ReadSplit(const Field& root) {
  Table table;
  const Field columns = root.Get("columns");
  const Field index = root.Get("index");
  const Field data = root.Get("data");
  if (!data.Is() || !data.value->is_array() || !index.Is() || !index.value->is_array() ||
      index.value->size() != data.value->size()) {
    return Wrong(data, "as many rows as there are entries in 'index'");
  }
  for (std::size_t i = 0; i < data.value->size(); ++i) {
    std::map<std::string, Field>& row = table.rows.emplace_back();
    const Field group = index.At(i);
    if (group.value->is_array()) {
      for (std::size_t k = 0; group.At(k).Is(); ++k) row[Level(k)] = group.At(k);
    } else {
      row[Level(0)] = group;
    }
    for (std::size_t k = 0; columns.At(k).Is(); ++k) {
      const Field value = data.At(i).At(k);
      if (!value.Is()) return Wrong(value, "a value for each of 'columns'");
      row[columns.At(k).Text()] = value;
    }
    for (const auto& [name, field] : row) {
      AddColumn(table, name);
      if (name.starts_with(kLevel) && !Has(table.levels, name)) table.levels.push_back(name);
    }
  }
  return table;
}

// orient="index": group to its metrics.
Result<Table> ReadIndex(const Field& root, Json& names) {
  Table table;
  names = Json::array();
  for (auto it = root.value->begin(); it != root.value->end(); ++it) names.push_back(it.key());
  std::size_t i = 0;
  for (auto it = root.value->begin(); it != root.value->end(); ++it, ++i) {
    const Field group = root.Get(it.key());
    if (!group.value->is_object()) return Wrong(group, "the metrics of a group");
    std::map<std::string, Field>& row = table.rows.emplace_back();
    row[Level(0)] = {&names[i], group.path};
    for (auto metric = group.value->begin(); metric != group.value->end(); ++metric) {
      row[metric.key()] = group.Get(metric.key());
    }
    for (const auto& [name, field] : row) AddColumn(table, name);
  }
  return table;
}

bool IsMetric(const std::string& name) {
  return name == kCount || name == kRate ||
         std::find(kConfusion.begin(), kConfusion.end(), name) != kConfusion.end();
}

Result<Table> ReadAny(const Json& json, const ImportText& file, Json& names) {
  const Field root = Root(json, file);
  if (json.is_array()) {
    Table table;
    if (auto added = AddRecords({&json, file.name}, table); !added) return Fail(added.error());
    return table;
  }
  if (!json.is_object()) return Wrong({&json, file.name}, "a table as pandas writes it");
  if (root.Get("by_group").Is()) {
    return Fail(Code::kInvalidArgument,
                "has by_group beside other members: write the table alone, with "
                "by_group.to_json(orient='table')",
                file.name);
  }
  if (root.Get("schema").Is()) return ReadTable(root);
  if (root.Get("columns").Is() && root.Get("index").Is()) return ReadSplit(root);
  for (auto it = json.begin(); it != json.end(); ++it) {
    if (!IsMetric(it.key())) continue;
    return Fail(Code::kInvalidArgument,
                "is written column by column, where the names of groups are lost: write it with "
                "by_group.to_json(orient='table')",
                file.name);
  }
  return ReadIndex(root, names);
}

// A group that nobody is in has no metrics.
bool IsNobody(const std::map<std::string, Field>& row, const std::vector<std::string>& metrics) {
  return std::all_of(metrics.begin(), metrics.end(), [&](const std::string& metric) {
    const auto found = row.find(metric);
    return found != row.end() && found->second.value->is_null();
  });
}

class Cells {
 public:
  Cells(const Table& table, const std::string& file) : table_(table), file_(file) {
    confusion_ = std::all_of(kConfusion.begin(), kConfusion.end(),
                             [&](std::string_view name) { return Has(table.columns, name); });
    if (confusion_) {
      metrics_.assign(kConfusion.begin(), kConfusion.end());
    } else {
      metrics_ = {std::string(kCount), std::string(kRate)};
    }
  }

  [[nodiscard]] Status Check() const {
    for (const std::string& metric : metrics_) {
      if (Has(table_.columns, metric)) continue;
      return Fail(Code::kInvalidArgument,
                  "must have the metrics tp, fp, fn and tn, or count and selection_rate: rates "
                  "alone do not say of how many people they are; docs/importing.md has them",
                  file_);
    }
    return {};
  }

  [[nodiscard]] Result<BiasCell> Of(const std::map<std::string, Field>& row) const {
    BiasCell cell;
    const bool nobody = IsNobody(row, metrics_);
    const auto count = [&](std::string_view name) -> Result<std::int64_t> {
      if (nobody) return 0;
      const auto found = row.find(std::string(name));
      return found == row.end() ? Field{nullptr, file_ + ": " + std::string(name)}.Count()
                                : found->second.Count();
    };
    if (!confusion_) return Selected(row, nobody);
    const std::array<std::optional<std::int64_t>*, 4> members = {&cell.tp, &cell.fp, &cell.fn,
                                                                 &cell.tn};
    std::int64_t sum = 0;
    for (std::size_t i = 0; i < members.size(); ++i) {
      auto number = count(kConfusion[i]);
      if (!number) return Fail(number.error());
      *members[i] = *number;
      sum += *number;
    }
    if (!Has(table_.columns, kCount)) return cell;
    auto all = count(kCount);
    if (!all && !nobody) return Fail(all.error());
    if (*all == sum) return cell;
    return Wrong(row.at(std::string(kCount)),
                 "the sum of tp, fp, fn and tn, " + std::to_string(sum));
  }

 private:
  [[nodiscard]] static Result<BiasCell> Selected(const std::map<std::string, Field>& row,
                                                 bool nobody) {
    BiasCell cell;
    cell.n = 0;
    cell.selected = 0;
    if (nobody) return cell;
    const auto count_at = row.find(std::string(kCount));
    const auto rate_at = row.find(std::string(kRate));
    if (count_at == row.end() || rate_at == row.end()) {
      return Fail(Code::kInvalidArgument, "must have count and selection_rate",
                  row.empty() ? "" : row.begin()->second.path);
    }
    auto all = count_at->second.Count();
    if (!all) return Fail(all.error());
    auto rate = rate_at->second.Number();
    if (!rate) return Fail(rate.error());
    // A rate is a whole number of people, divided: what it is not, was not counted.
    constexpr double kNear = 1e-6;
    const double selected = rate_at->second.value->get<double>() * static_cast<double>(*all);
    const double whole = std::round(selected);
    if (*rate < Decimal() || rate->billionths() > kBillionthsPerOne ||
        std::abs(selected - whole) > kNear * std::max(1.0, whole)) {
      return Wrong(rate_at->second,
                   "a whole number of people divided by count, " + std::to_string(*all));
    }
    cell.n = *all;
    cell.selected = static_cast<std::int64_t>(whole);
    return cell;
  }

  const Table& table_;
  const std::string& file_;
  bool confusion_ = false;
  std::vector<std::string> metrics_;
};

// Numbers of rows, as pandas gives them where the groups stand in columns.
bool IsRowNumber(const Table& table, const std::string& column) {
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    const auto found = table.rows[i].find(column);
    if (found == table.rows[i].end() || *found->second.value != Json(i)) return false;
  }
  return true;
}

// A share, or another number that is none of a group's names.
bool IsMeasured(const Table& table, const std::string& column) {
  if (IsMetric(column)) return true;
  return std::any_of(table.rows.begin(), table.rows.end(), [&](const auto& row) {
    const auto found = row.find(column);
    if (found == row.end() || !found->second.value->is_number_float()) return false;
    const auto number = found->second.value->template get<double>();
    return number != std::floor(number);
  });
}

// The columns by which rows are told apart: those that the file calls the index, if the groups
// stand there, or else all in which nothing measured stands.
std::vector<std::string> KeysOf(const Table& table,
                                const std::vector<ImportAttribute>& attributes) {
  const std::vector<std::string>& index = table.index.empty() ? table.levels : table.index;
  const auto asked = [&](const std::string& column) {
    return std::any_of(attributes.begin(), attributes.end(),
                       [&](const ImportAttribute& one) { return one.column == column; });
  };
  if (std::all_of(attributes.begin(), attributes.end(),
                  [&](const ImportAttribute& one) { return Has(index, one.column); })) {
    return index;
  }
  std::vector<std::string> keys;
  for (const std::string& column : table.columns) {
    const bool numbers = Has(index, column) && IsRowNumber(table, column);
    if (asked(column) || (!numbers && !IsMeasured(table, column))) keys.push_back(column);
  }
  return keys;
}

// A MetricFrame has a row a group: the same group again is another frame's, or the same people.
Status CheckDistinct(const Table& table, const std::vector<ImportAttribute>& attributes,
                     const std::string& file) {
  const std::vector<std::string> keys = KeysOf(table, attributes);
  std::map<std::string, std::size_t> seen;
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    Json group = Json::array();
    for (const std::string& key : keys) {
      const auto found = table.rows[i].find(key);
      group.push_back(found == table.rows[i].end() ? Json() : *found->second.value);
    }
    const auto [first, fresh] = seen.emplace(DumpJson(group), i);
    if (fresh) continue;
    return Fail(Code::kInvalidArgument,
                "is of the group of row " + std::to_string(first->second + 1) +
                    ": must have one row a group; which columns say the group, a table written "
                    "with by_group.to_json(orient='table') says itself",
                file + ": row " + std::to_string(i + 1));
  }
  return {};
}

std::optional<std::string> ValueText(const Json& value) {
  if (value.is_null()) return std::nullopt;
  return value.is_string() ? value.get<std::string>() : DumpJson(value);
}

}  // namespace

Result<Imported> ImportFairlearn(std::span<const ImportText> files, const ImportOptions& options) {
  const ImportText& file = files.front();
  auto json = ParseDocument(file);
  if (!json) return Fail(json.error());
  Json names;
  auto table = ReadAny(*json, file, names);
  if (!table) return Fail(table.error());
  const Cells cells(*table, file.name);
  if (auto fit = cells.Check(); !fit) return Fail(fit.error());
  std::vector<std::string> columns;
  for (const std::string& column : table->columns) {
    if (!IsMetric(column)) columns.push_back(column);
  }
  ImportOptions asked = options;
  if (asked.attributes.empty()) {
    for (const std::string& column : table->index) asked.attributes.push_back({column, column});
  }
  auto attributes = AttributesOf(asked, columns, file.name);
  if (!attributes) return Fail(attributes.error());
  if (auto distinct = CheckDistinct(*table, *attributes, file.name); !distinct) {
    return Fail(distinct.error());
  }
  GroupCounts counts;
  if (auto started = counts.Start(options); !started) return Fail(started.error());
  GroupNames groups(options);
  for (std::size_t i = 0; i < table->rows.size(); ++i) {
    const auto& row = table->rows[i];
    const std::string where = file.name + ": row " + std::to_string(i + 1);
    auto cell = cells.Of(row);
    if (!cell) return Fail(cell.error());
    for (const ImportAttribute& attribute : *attributes) {
      const auto found = row.find(attribute.column);
      auto group = groups.Of(
          attribute, found == row.end() ? std::nullopt : ValueText(*found->second.value), where);
      if (!group) return Fail(group.error());
      cell->groups[attribute.name] = std::move(*group);
    }
    if (auto added = counts.Add(*cell, where); !added) return Fail(added.error());
  }
  if (auto used = groups.CheckUsed(*attributes); !used) return Fail(used.error());
  BiasTestSpec test;
  if (auto added = AddTestFacts(options, *attributes, test); !added) return Fail(added.error());
  counts.Finish(test);
  Imported imported;
  imported.tool = "fairlearn";
  imported.spec = std::move(test);
  return imported;
}

}  // namespace countersign
