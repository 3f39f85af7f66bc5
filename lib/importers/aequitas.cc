// The crosstab of Aequitas: BiasTest of one attribute.
//
// Counts are read and the rates beside them are held against the counts. What Aequitas calls
// "Statistical Parity" compares ppr, the group's share of *all* who are selected, which grows with
// the group; the comparison of selection rates is its pprev ("Impact Parity"). Only the latter is
// declared, as disparateImpact. Its positive is mostly the unfavourable outcome (an intervention),
// so --positive is always asked for. Source: github.com/dssg/aequitas,
// src/aequitas/{group,bias}.py.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <set>

#include "governance/types/bias_cells.h"
#include "importers/claims.h"
#include "importers/csv.h"
#include "importers/formats.h"
#include "importers/groups.h"

namespace countersign {
namespace {

using Record = std::map<std::string, std::string>;

Result<std::vector<Record>> Records(const ImportText& file) {
  std::vector<std::string> header;
  std::vector<Record> records;
  Status fault;
  CsvReader csv([&](const std::vector<std::string>& fields) {
    if (!fault) return;
    if (header.empty()) {
      header = fields;
      const std::set<std::string> distinct(fields.begin(), fields.end());
      if (distinct.size() != fields.size()) {
        fault = Fail(Code::kInvalidArgument, "must have each column once", file.name);
      }
      return;
    }
    if (fields.size() != header.size()) {
      fault = Fail(Code::kInvalidArgument,
                   "must have " + std::to_string(header.size()) + " fields, has " +
                       std::to_string(fields.size()),
                   file.name + ": record " + std::to_string(records.size() + 2));
      return;
    }
    Record& record = records.emplace_back();
    for (std::size_t i = 0; i < fields.size(); ++i) record[header[i]] = fields[i];
  });
  auto fed = csv.Feed(WithoutMark(file.text));
  if (fed) fed = csv.Finish();
  if (!fault) return Fail(fault.error());
  if (!fed) return Fail(Code::kInvalidArgument, fed.error().message, file.name);
  for (const char* column : {"attribute_name", "attribute_value", "tp", "fp", "fn", "tn"}) {
    if (std::count(header.begin(), header.end(), column) == 1) continue;
    return Fail(Code::kInvalidArgument,
                "must be a crosstab of Aequitas, with column '" + std::string(column) + "'",
                file.name);
  }
  return records;
}

std::string List(const std::set<std::string>& values) {
  std::string text;
  for (const std::string& value : values) text += (text.empty() ? "" : ", ") + value;
  return Excerpt(text, 256);
}

std::string Get(const Record& record, const std::string& column) {
  const auto found = record.find(column);
  return found == record.end() ? std::string() : found->second;
}

// The rows of --attribute and --rows-of, of one model and threshold.
Result<std::vector<Record>> Chosen(std::vector<Record> records, const ImportOptions& options,
                                   const std::string& file) {
  std::set<std::string> attributes;
  for (const Record& record : records) attributes.insert(Get(record, "attribute_name"));
  if (options.attributes.size() != 1) {
    return Fail(Code::kInvalidArgument,
                "is required, one: '" + file + "' has " + List(attributes) +
                    "; a crosstab counts each by itself and not the cross of several, for which "
                    "import the predictions",
                "--attribute");
  }
  const ImportAttribute& attribute = options.attributes.front();
  if (!attributes.contains(attribute.column)) {
    return Fail(Code::kInvalidArgument, "must be one of " + List(attributes),
                "--attribute " + attribute.column);
  }
  std::erase_if(records, [&](const Record& record) {
    if (Get(record, "attribute_name") != attribute.column) return true;
    return std::any_of(options.rows_of.begin(), options.rows_of.end(), [&](const auto& wanted) {
      return Get(record, wanted.first) != wanted.second;
    });
  });
  if (records.empty()) {
    return Fail(Code::kInvalidArgument, "no row of '" + file + "' is as it says", "--rows-of");
  }
  for (const char* column : {"model_id", "score_threshold"}) {
    std::set<std::string> values;
    for (const Record& record : records) values.insert(Get(record, column));
    if (values.size() == 1) continue;
    return Fail(Code::kInvalidArgument, "is required: '" + file + "' has several, " + List(values),
                "--rows-of " + std::string(column) + "=…");
  }
  return records;
}

Result<std::int64_t> CountAt(const Record& record, const std::string& column,
                             const std::string& where) {
  std::string text = Get(record, column);
  if (text.ends_with(".0")) text.resize(text.size() - 2);  // pandas: a column with gaps
  constexpr std::size_t kDigits = 12;
  if (!text.empty() && text.size() <= kDigits &&
      text.find_first_not_of("0123456789") == std::string::npos) {
    return std::stoll(text);
  }
  return Fail(Code::kInvalidArgument, "must be a count, is '" + Excerpt(Get(record, column)) + "'",
              where + " " + column);
}

// A rate that stands in the file must be what the counts give.
Status CheckRate(const Record& record, const std::string& column, double counted,
                 const std::string& where) {
  const std::string text = Get(record, column);
  if (text.empty() || std::isnan(counted)) return {};
  char* end = nullptr;
  const double stated = std::strtod(text.c_str(), &end);
  constexpr double kNear = 1e-6;
  if (end != text.c_str() && *end == '\0' && std::abs(stated - counted) < kNear) return {};
  return Fail(Code::kInvalidArgument,
              "is " + Excerpt(text) + ", and the counts give " + std::to_string(counted),
              where + " " + column);
}

double Ratio(std::int64_t part, std::int64_t whole) {
  return whole == 0 ? std::nan("") : static_cast<double>(part) / static_cast<double>(whole);
}

struct Counted {
  Record record;
  BiasCell cell;
  std::string group;
};

Status CheckRates(const std::vector<Counted>& all, const std::string& file) {
  std::int64_t selected = 0;
  for (const Counted& one : all) selected += CountsOf(one.cell).Selected();
  for (const Counted& one : all) {
    const fairness::ConfusionCounts counts = CountsOf(one.cell);
    const std::string where = file + ": " + one.group + ":";
    const std::pair<const char*, double> rates[] = {
        {"group_size", static_cast<double>(counts.Total())},
        {"pp", static_cast<double>(counts.Selected())},
        {"pprev", Ratio(counts.Selected(), counts.Total())},
        {"ppr", Ratio(counts.Selected(), selected)},
        {"tpr", Ratio(counts.tp, counts.tp + counts.fn)},
        {"fpr", Ratio(counts.fp, counts.fp + counts.tn)},
    };
    for (const auto& [column, counted] : rates) {
      if (auto same = CheckRate(one.record, column, counted, where); !same) return same;
    }
  }
  return {};
}

// pprev_disparity, where it compares with the group that the policy does.
Status Declare(const std::vector<Counted>& all, const ImportOptions& options, BiasTestSpec& test,
               std::vector<std::string>& notes) {
  if (options.reference.empty()) return {};
  if (options.positive == "unfavorable") {
    notes.emplace_back(
        "no disparity is declared: those of Aequitas compare how often groups get the "
        "unfavorable outcome");
    return {};
  }
  for (const Counted& one : all) {
    const std::string reference = Get(one.record, "pprev_ref_group_value");
    const std::string text = Get(one.record, "pprev_disparity");
    if (text.empty()) {
      return Fail(Code::kInvalidArgument, "the file has no pprev_disparity", "--reference");
    }
    if (reference != options.reference) {
      return Fail(Code::kInvalidArgument,
                  "must be the group that the file compares with, '" + reference + "'",
                  "--reference");
    }
    if (Get(one.record, "attribute_value") == reference) continue;
    const auto json = ParseJson(text);
    auto value = json ? ToDecimal(*json, "pprev_disparity of " + one.group)
                      : Result<Decimal>(Fail(Code::kInvalidArgument,
                                             "must be a number, is '" + Excerpt(text) + "'",
                                             "pprev_disparity of " + one.group));
    if (!value) return Fail(value.error());
    test.declared.push_back(
        {"disparateImpact", options.attributes.front().name, one.group, *value});
  }
  return {};
}

}  // namespace

Result<Imported> ImportAequitas(std::span<const ImportText> files, const ImportOptions& options) {
  const ImportText& file = files.front();
  auto records = Records(file);
  if (!records) return Fail(records.error());
  auto chosen = Chosen(std::move(*records), options, file.name);
  if (!chosen) return Fail(chosen.error());
  const ImportAttribute& attribute = options.attributes.front();
  if (!MatchesFormat(Format::kIdentifier, attribute.name)) {
    return Fail(Code::kInvalidArgument,
                "must be called by letters and digits as the policy calls it: give " +
                    attribute.column + "=NAME",
                "--attribute " + attribute.column);
  }
  GroupCounts counts;
  if (auto started = counts.Start(options); !started) return Fail(started.error());
  GroupNames names(options);
  std::vector<Counted> all;
  std::set<std::string> seen;
  for (Record& record : *chosen) {
    const std::string value = Get(record, "attribute_value");
    const std::string where = file.name + ": " + Excerpt(value);
    if (!seen.insert(value).second) {
      return Fail(Code::kInvalidArgument, "must have one row", where);
    }
    BiasCell cell;
    for (const auto& [column, member] : {std::pair{"tp", &BiasCell::tp},
                                         {"fp", &BiasCell::fp},
                                         {"fn", &BiasCell::fn},
                                         {"tn", &BiasCell::tn}}) {
      auto count = CountAt(record, column, where);
      if (!count) return Fail(count.error());
      cell.*member = *count;
    }
    auto group = names.Of(attribute, value, where);
    if (!group) return Fail(group.error());
    cell.groups[attribute.name] = *group;
    if (auto added = counts.Add(cell, where); !added) return Fail(added.error());
    all.push_back({std::move(record), std::move(cell), std::move(*group)});
  }
  if (auto same = CheckRates(all, file.name); !same) return Fail(same.error());
  if (auto used = names.CheckUsed(options.attributes); !used) return Fail(used.error());
  Imported imported;
  imported.tool = "aequitas";
  BiasTestSpec test;
  if (auto added = AddTestFacts(options, options.attributes, test); !added) {
    return Fail(added.error());
  }
  if (auto declared = Declare(all, options, test, imported.notes); !declared) {
    return Fail(declared.error());
  }
  counts.Finish(test);
  imported.spec = std::move(test);
  return imported;
}

}  // namespace countersign
