// Predictions, a row a person (or decision), as CSV or as JSON lines: BiasTest.
//
// Which outcome is favourable, which columns are attributes, whether a high score selects: all said
// by options. Two outcomes give tp, fp, fn, tn; several are counted each with --classes; without
// labels selected of count. What a row has no group for counts as the group of the unknown.
#include <algorithm>
#include <set>

#include "importers/formats.h"
#include "importers/groups.h"
#include "importers/prediction_rows.h"
#include "importers/row_number.h"

namespace countersign {
namespace {

using Value = std::optional<std::string>;

// What is read of a row, by its place in Row.
struct Columns {
  std::vector<std::string> names;
  std::optional<std::size_t> label;
  std::size_t outcome = 0;  // prediction or score
  std::optional<std::size_t> weight;
  std::size_t attributes = 0;  // the first; the others follow

  std::size_t Add(const std::string& name) {
    names.push_back(name);
    return names.size() - 1;
  }
};

tl::unexpected<Error> Missing(const std::string& flag, const std::string& what) {
  return Fail(Code::kInvalidArgument, "is required: " + what, flag);
}

Status CheckScore(const ImportOptions& options) {
  if (!options.prediction.empty()) {
    return Fail(Code::kInvalidArgument, "cannot be given along with --prediction", "--score");
  }
  if (options.classes) {
    return Fail(Code::kInvalidArgument, "cannot be given along with --score", "--classes");
  }
  if (options.threshold.empty()) return Missing("--threshold", "the score that decides");
  if (options.selected != "at-least" && options.selected != "at-most") {
    return Missing("--selected", "at-least or at-most: whether a high or a low score is selected");
  }
  return {};
}

Result<Columns> ColumnsOf(const ImportOptions& options,
                          const std::vector<ImportAttribute>& attributes) {
  Columns columns;
  if (options.label.empty() == !options.no_label) {
    return Missing("--label", "the column with what should have come out; or --no-label");
  }
  if (!options.label.empty()) columns.label = columns.Add(options.label);
  if (options.score.empty()) {
    for (const auto& [flag, text] :
         {std::pair("--threshold", &options.threshold), {"--selected", &options.selected}}) {
      if (!text->empty()) return Fail(Code::kInvalidArgument, "goes with --score", flag);
    }
    if (options.prediction.empty()) {
      return Missing("--prediction",
                     "the column with what came out; or --score, --threshold and --selected");
    }
    columns.outcome = columns.Add(options.prediction);
  } else {
    if (auto ok = CheckScore(options); !ok) return Fail(ok.error());
    columns.outcome = columns.Add(options.score);
  }
  if (!options.weight.empty()) columns.weight = columns.Add(options.weight);
  columns.attributes = columns.names.size();
  for (const ImportAttribute& attribute : attributes) columns.Add(attribute.column);
  const std::set<std::string> all(columns.names.begin(), columns.names.end());
  if (all.size() == columns.names.size()) return columns;
  return Fail(Code::kInvalidArgument, "must be different columns",
              "--label, --prediction, --score, --weight, --attribute");
}

// Of the people in one cell with one outcome and label.
struct Tally {
  std::int64_t rows = 0;
  WeightSum weight;
};
using Outcome = std::pair<std::string, std::string>;  // outcome, label (empty: none)

class Counter {
 public:
  Counter(const ImportOptions& options, std::vector<ImportAttribute> attributes, Columns columns)
      : options_(options),
        names_(options),
        attributes_(std::move(attributes)),
        columns_(std::move(columns)) {}

  [[nodiscard]] Status Start() {
    if (options_.score.empty()) return {};
    auto threshold = Decimal::Parse(options_.threshold);
    if (!threshold) {
      return Fail(Code::kInvalidArgument, threshold.error().message, "--threshold");
    }
    threshold_ = *threshold;
    return {};
  }

  [[nodiscard]] Status Take(const Row& row, const std::string& where) {
    GroupKey groups;
    for (std::size_t i = 0; i < attributes_.size(); ++i) {
      auto group = names_.Of(attributes_[i], row[columns_.attributes + i], where);
      if (!group) return Fail(group.error());
      groups[attributes_[i].name] = std::move(*group);
    }
    auto outcome = OutcomeOf(row, where);
    if (!outcome) return Fail(outcome.error());
    auto weight = WeightOf(row, where);
    if (!weight) return Fail(weight.error());
    constexpr std::size_t kMostCells = 512;
    Tallies& cell = cells_[std::move(groups)];
    if (cells_.size() > kMostCells) {
      return Fail(Code::kInvalidArgument,
                  "must have at most 512 combinations of groups: is this attribute a number or an "
                  "identifier?",
                  where);
    }
    Tally& tally = cell[std::move(*outcome)];
    ++tally.rows;
    tally.weight.Add(*weight);
    ++rows_;
    return {};
  }

  Result<BiasTestSpec> Finish(const std::string& file) {
    if (rows_ == 0) return Fail(Code::kInvalidArgument, "must have rows", file);
    if (auto known = CheckOutcomes(file); !known) return Fail(known.error());
    if (auto used = names_.CheckUsed(attributes_); !used) return Fail(used.error());
    BiasTestSpec test;
    if (auto added = AddTestFacts(options_, attributes_, test); !added) return Fail(added.error());
    test.data_set.rows = rows_;
    if (options_.selected == "at-least") test.decision_threshold = threshold_;
    if (options_.classes) test.outcomes.assign(outcomes_.begin(), outcomes_.end());
    for (const auto& [groups, tallies] : cells_) test.cells.push_back(CellOf(groups, tallies));
    CompleteCross(test.cells);
    return test;
  }

 private:
  using Tallies = std::map<Outcome, Tally>;

  [[nodiscard]] Result<std::string> Said(const Value& value, const std::string& column,
                                         const std::string& where) const {
    const bool listed =
        value && std::count(options_.missing.begin(), options_.missing.end(), *value) > 0;
    if (value && !value->empty() && !listed) {
      // Of a score it is found to be no number.
      const bool named = column == options_.score || *value == options_.favorable;
      if (named || !MayBeMissing(*value)) return SameNumber(*value);
      return Fail(Code::kInvalidArgument,
                  "'" + *value + "' in '" + column +
                      "' may be an outcome, or mean that there is none: take such rows out, or "
                      "write the outcome otherwise",
                  where);
    }
    return Fail(Code::kInvalidArgument,
                "has no '" + column + "': take such rows out" +
                    (column == options_.label ? ", or count without labels (--no-label)" : ""),
                where);
  }

  Result<Outcome> OutcomeOf(const Row& row, const std::string& where) {
    Outcome outcome;
    const std::string& column = columns_.names[columns_.outcome];
    auto said = Said(row[columns_.outcome], column, where);
    if (!said) return Fail(said.error());
    if (options_.score.empty()) {
      outcome.first = std::move(*said);
      outcomes_.insert(outcome.first);
      predicted_.insert(outcome.first);
    } else {
      auto score = RowNumber::Parse(*said);
      if (!score) {
        return Fail(Code::kInvalidArgument, "'" + column + "' " + score.error().message, where);
      }
      const bool selected = options_.selected == "at-least" ? score->Compare(threshold_) >= 0
                                                            : score->Compare(threshold_) <= 0;
      outcome.first = selected ? SameNumber(options_.favorable) : "";
    }
    if (!columns_.label) return outcome;
    auto label = Said(row[*columns_.label], options_.label, where);
    if (!label) return Fail(label.error());
    outcome.second = std::move(*label);
    outcomes_.insert(outcome.second);
    labels_.insert(outcome.second);
    return outcome;
  }

  [[nodiscard]] Result<RowNumber> WeightOf(const Row& row, const std::string& where) const {
    if (!columns_.weight) return RowNumber();
    auto weight = RowNumber::Parse(row[*columns_.weight].value_or(""));
    const Rational most(WeightSum::kMostWeight);
    if (weight && weight->Compare(Decimal()) >= 0 && (!weight->finer || *weight->finer < most)) {
      return *weight;
    }
    return Fail(Code::kInvalidArgument,
                "'" + options_.weight + "' must be a weight, from 0 to below 10^9, is '" +
                    Excerpt(row[*columns_.weight].value_or("")) + "'",
                where);
  }

  static std::string Listed(const std::set<std::string>& outcomes) {
    std::string names;
    for (const std::string& outcome : outcomes) {
      names += (names.empty() ? "'" : ", '") + Excerpt(outcome, 32) + "'";
    }
    return Excerpt(names, 256);
  }

  // 'True' of one column and '1' of the other would make every prediction a wrong one.
  [[nodiscard]] Status CheckWriting(const std::string& file) const {
    if (predicted_.empty() || labels_.empty()) return {};
    const bool common = std::any_of(predicted_.begin(), predicted_.end(),
                                    [&](const auto& one) { return labels_.contains(one); });
    if (common) return {};
    return Fail(Code::kInvalidArgument,
                "has " + Listed(labels_) + " in '" + options_.label + "' and " +
                    Listed(predicted_) + " in '" + options_.prediction +
                    "', nothing in common: write outcomes alike in both",
                file);
  }

  [[nodiscard]] Status CheckOutcomes(const std::string& file) const {
    if (auto alike = CheckWriting(file); !alike) return alike;
    const std::string names = Listed(outcomes_);
    if (options_.favorable.empty()) {
      return Missing("--favorable", "which of " + (names.empty() ? "the outcomes" : names) +
                                        " people hope for: VALUE, or VALUE=NAME");
    }
    if (!outcomes_.empty() && !outcomes_.contains(SameNumber(options_.favorable))) {
      return Fail(Code::kInvalidArgument, "is no outcome of '" + file + "', which has " + names,
                  "--favorable");
    }
    if (!options_.classes && outcomes_.size() > 2) {
      return Fail(Code::kInvalidArgument,
                  "has " + std::to_string(outcomes_.size()) + " outcomes: " + names +
                      "; give --classes to count each",
                  file);
    }
    if (options_.classes && options_.favorable_name != options_.favorable) {
      return Fail(Code::kInvalidArgument,
                  "must be VALUE alone with --classes: outcomes keep their names", "--favorable");
    }
    if (options_.classes && columns_.weight) {
      return Fail(Code::kInvalidArgument, "cannot be given along with --classes", "--weight");
    }
    return {};
  }

  [[nodiscard]] BiasCell CellOf(const GroupKey& groups, const Tallies& tallies) const {
    BiasCell cell;
    cell.groups = groups;
    if (columns_.weight) {
      cell.unweighted = 0;
      for (const auto& [outcome, tally] : tallies) *cell.unweighted += tally.rows;
    }
    if (options_.classes) {
      for (const auto& [outcome, tally] : tallies) {
        cell.outcomes.push_back({outcome.first, outcome.second, tally.rows});
      }
      return cell;
    }
    const std::string favorable = SameNumber(options_.favorable);
    const auto sum = [&](auto&& counts) {
      Tally all;
      for (const auto& [outcome, tally] : tallies) {
        if (!counts(outcome)) continue;
        all.rows += tally.rows;
        all.weight.Add(tally.weight);
      }
      return columns_.weight ? all.weight.Rounded() : all.rows;
    };
    const auto count = [&](bool selected, bool deserved) {
      return sum([&](const Outcome& o) {
        return (o.first == favorable) == selected && (o.second == favorable) == deserved;
      });
    };
    if (!columns_.label) {
      cell.selected = sum([&](const Outcome& o) { return o.first == favorable; });
      cell.n = *cell.selected + sum([&](const Outcome& o) { return o.first != favorable; });
      return cell;
    }
    cell.tp = count(true, true);
    cell.fp = count(true, false);
    cell.fn = count(false, true);
    cell.tn = count(false, false);
    return cell;
  }

  const ImportOptions& options_;
  GroupNames names_;
  std::vector<ImportAttribute> attributes_;
  Columns columns_;
  Decimal threshold_;
  std::map<GroupKey, Tallies> cells_;
  std::set<std::string> outcomes_;  // those of the next two
  std::set<std::string> predicted_;
  std::set<std::string> labels_;
  std::int64_t rows_ = 0;
};

template <class Read>
Result<Imported> CountRows(const ImportText& file, const std::vector<std::string>& header,
                           const ImportOptions& options, const Read& read) {
  auto attributes = AttributesOf(options, header, file.name);
  if (!attributes) return Fail(attributes.error());
  auto columns = ColumnsOf(options, *attributes);
  if (!columns) return Fail(columns.error());
  const std::vector<std::string> names = columns->names;
  Counter counter(options, std::move(*attributes), std::move(*columns));
  if (auto started = counter.Start(); !started) return Fail(started.error());
  const TakeRow take = [&](const Row& row, const std::string& where) {
    return counter.Take(row, where);
  };
  if (auto done = read(names, take); !done) return Fail(done.error());
  auto test = counter.Finish(file.name);
  if (!test) return Fail(test.error());
  Imported imported;
  if (!options.weight.empty()) {
    imported.notes.emplace_back(
        "counts are weighted: a metric of them is Insufficient without its variance in "
        "spec.variances");
  }
  imported.spec = std::move(*test);
  return imported;
}

}  // namespace

Result<Imported> ImportPredictionsCsv(std::span<const ImportText> files,
                                      const ImportOptions& options) {
  const ImportText& file = files.front();
  return CountRows(file, HeaderOf(file), options,
                   [&](const std::vector<std::string>& names, const TakeRow& take) {
                     return ReadCsvRows(file, names, take);
                   });
}

Result<Imported> ImportPredictionsJsonLines(std::span<const ImportText> files,
                                            const ImportOptions& options) {
  const ImportText& file = files.front();
  auto keys = KeysOf(file);
  if (!keys) return Fail(keys.error());
  return CountRows(file, *keys, options,
                   [&](const std::vector<std::string>& names, const TakeRow& take) {
                     return ReadJsonLines(file, *keys, names, take);
                   });
}

}  // namespace countersign
