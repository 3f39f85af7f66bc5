#include "importers/groups.h"

#include <algorithm>
#include <array>
#include <set>
#include <string_view>

#include "governance/decision.h"
#include "governance/types/bias_cells.h"

namespace countersign {
namespace {

// What tools write for a value that is not there, and what may as well be a value.
constexpr std::array<std::string_view, 14> kMaybeMissing = {"NA",   "N/A", "n/a",  "na",   "<NA>",
                                                            "NaN",  "nan", "None", "none", "null",
                                                            "NULL", "NaT", "?",    "-"};
constexpr std::size_t kLongestGroup = 63;
constexpr std::size_t kMostCells = 512;

std::string List(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "'" : ", '") + Excerpt(name) + "'";
  return text;
}

BiasCell Nobody(const BiasCell& like, GroupKey groups) {
  const auto none = [](const auto& count) {
    return count ? std::optional<std::int64_t>(0) : std::nullopt;
  };
  BiasCell cell;
  cell.groups = std::move(groups);
  cell.tp = none(like.tp);
  cell.fp = none(like.fp);
  cell.fn = none(like.fn);
  cell.tn = none(like.tn);
  cell.selected = none(like.selected);
  cell.n = none(like.n);
  cell.unweighted = none(like.unweighted);
  if (!like.outcomes.empty()) {
    cell.outcomes = {like.outcomes.front()};
    cell.outcomes.front().count = 0;
  }
  return cell;
}

template <class Enum>
Status ReadEnum(const std::string& text, const std::string& flag, std::optional<Enum>& member) {
  if (text.empty()) return {};
  std::string names;
  for (const auto& [value, name] : EnumNames<Enum>::kNames) {
    if (name == text) {
      member = value;
      return {};
    }
    names.append(names.empty() ? "" : ", ").append(name);
  }
  return Fail(Code::kInvalidArgument, "must be one of " + names + ", is '" + Excerpt(text) + "'",
              flag);
}

}  // namespace

bool MayBeMissing(std::string_view text) {
  return std::find(kMaybeMissing.begin(), kMaybeMissing.end(), text) != kMaybeMissing.end();
}

Result<std::vector<ImportAttribute>> AttributesOf(const ImportOptions& options,
                                                  const std::vector<std::string>& columns,
                                                  const std::string& file) {
  if (options.attributes.empty()) {
    return Fail(Code::kInvalidArgument,
                "is required: which column says what group somebody is in, COLUMN or COLUMN=NAME; "
                "'" +
                    file + "' has " + List(columns),
                "--attribute");
  }
  std::set<std::string> names;
  for (const ImportAttribute& attribute : options.attributes) {
    const std::string flag = "--attribute " + attribute.column;
    if (std::count(columns.begin(), columns.end(), attribute.column) != 1) {
      return Fail(Code::kInvalidArgument,
                  "must be one column of '" + file + "', which has " + List(columns), flag);
    }
    if (!MatchesFormat(Format::kIdentifier, attribute.name)) {
      return Fail(Code::kInvalidArgument,
                  "must be called by letters and digits as the policy calls it: give " +
                      attribute.column + "=NAME",
                  flag);
    }
    if (!names.insert(attribute.name).second) {
      return Fail(Code::kInvalidArgument, "is there twice", flag);
    }
  }
  return options.attributes;
}

GroupNames::GroupNames(const ImportOptions& options)
    : options_(options), missing_(options.missing.begin(), options.missing.end()) {
  for (const auto& [value, name] : options.groups) groups_.insert(value);
}

bool GroupNames::IsMissing(const std::string& text) const {
  return std::count(options_.missing.begin(), options_.missing.end(), text) > 0;
}

void GroupNames::Note(const std::string& column, const std::string& value) {
  if (groups_.empty() && missing_.empty()) return;
  values_[column].insert(value);
  missing_.erase(value);
  if (!IsMissing(value)) groups_.erase(column + ":" + value);
}

Status GroupNames::CheckUsed(const std::vector<ImportAttribute>& attributes) const {
  const auto there = [&](const std::string& column) {
    const auto found = values_.find(column);
    if (found == values_.end()) return std::string("none");
    return Excerpt(List({found->second.begin(), found->second.end()}), 256);
  };
  std::string columns;
  std::string all;
  for (const ImportAttribute& attribute : attributes) {
    const std::string prefix = attribute.column + ":";
    columns += (columns.empty() ? "'" : ", '") + attribute.column + "'";
    all.append(all.empty() ? "'" : "; '").append(attribute.column).append("' has ");
    all += there(attribute.column);
    for (const std::string& one : groups_) {
      if (!one.starts_with(prefix)) continue;
      const std::string value = one.substr(prefix.size());
      return Fail(Code::kInvalidArgument,
                  IsMissing(value) ? "'" + value + "' cannot be a group and among --missing"
                                   : "must be a value of '" + attribute.column + "', which has " +
                                         there(attribute.column),
                  "--group " + one);
    }
  }
  if (!groups_.empty()) {
    return Fail(Code::kInvalidArgument,
                "must be COLUMN:VALUE=NAME of a column of --attribute, which are " + columns,
                "--group " + *groups_.begin());
  }
  if (missing_.empty()) return {};
  return Fail(Code::kInvalidArgument, "must be a value that is there: " + all,
              "--missing " + *missing_.begin());
}

Result<std::string> GroupNames::Of(const ImportAttribute& attribute,
                                   const std::optional<std::string>& value,
                                   const std::string& path) {
  const ImportOptions& options = options_;
  const std::string text = value.value_or("");
  Note(attribute.column, text);
  if (text.empty() || IsMissing(text)) {
    if (!options.unknown_group.empty()) return options.unknown_group;
    return Fail(Code::kInvalidArgument,
                "is required: '" + attribute.column + "' is not known at " + path +
                    "; how the policy calls such people "
                    "(unknownGroup)",
                "--unknown-group");
  }
  const auto renamed = options.groups.find(attribute.column + ":" + text);
  const std::string& group = renamed == options.groups.end() ? text : renamed->second;
  if (renamed == options.groups.end() && group == options.unknown_group) {
    return Fail(Code::kInvalidArgument,
                "is a value of '" + attribute.column + "' at " + path + ": give --missing '" +
                    group + "' if it means there that none is known, or another name",
                "--unknown-group");
  }
  if (MatchesFormat(Format::kToken, group) && group.size() <= kLongestGroup &&
      (renamed != options.groups.end() || !MayBeMissing(text))) {
    return group;
  }
  // It may have line breaks, and whatever else no option can be given with.
  constexpr std::size_t kShown = 128;
  const std::string flag = "--group '" + attribute.column + ":" + OneLine(text, kShown) + "=NAME'";
  if (group.size() <= kLongestGroup && MatchesFormat(Format::kToken, group)) {
    return Fail(Code::kInvalidArgument,
                "'" + text + "' may be a group, or mean that none is known: give " + flag +
                    " or --missing '" + text + "'",
                path);
  }
  return Fail(Code::kInvalidArgument,
              "'" + OneLine(group, kShown) +
                  "' cannot name a group, which is one word of at most 63 bytes: "
                  "give " +
                  flag,
              path);
}

std::string SameNumber(std::string text) {
  if (auto number = Decimal::Parse(text); number) return number->ToString();
  return text;
}

void CompleteCross(std::vector<BiasCell>& cells) {
  if (cells.empty()) return;
  std::map<std::string, std::set<std::string>> values;
  std::set<GroupKey> present;
  for (const BiasCell& cell : cells) {
    present.insert(cell.groups);
    for (const auto& [attribute, group] : cell.groups) values[attribute].insert(group);
  }
  std::vector<GroupKey> cross(1);
  for (const auto& [attribute, groups] : values) {
    if (cross.size() * groups.size() > kMostCells) return;
    std::vector<GroupKey> next;
    for (const GroupKey& key : cross) {
      for (const std::string& group : groups) {
        next.push_back(key);
        next.back()[attribute] = group;
      }
    }
    cross = std::move(next);
  }
  const BiasCell like = cells.front();
  for (GroupKey& key : cross) {
    if (!present.contains(key)) cells.push_back(Nobody(like, std::move(key)));
  }
}

Status GroupCounts::Start(const ImportOptions& options) {
  if (options.positive == "favorable" || options.positive == "unfavorable") {
    swapped_ = options.positive == "unfavorable";
    return {};
  }
  return Fail(Code::kInvalidArgument,
              "is required: whether what the tool counts as positive is the favorable outcome or "
              "the unfavorable one",
              "--positive");
}

Status GroupCounts::Add(const BiasCell& cell, const std::string& where) {
  BiasCell turned = cell;
  if (swapped_) {
    std::swap(turned.tp, turned.tn);
    std::swap(turned.fp, turned.fn);
    if (cell.selected) turned.selected = cell.n.value_or(0) - *cell.selected;
  }
  const auto [at, fresh] = cells_.try_emplace(cell.groups, turned);
  if (fresh) return {};
  constexpr std::int64_t kMost = 1'000'000'000'000;
  BiasCell& sum = at->second;
  for (auto member : {&BiasCell::tp, &BiasCell::fp, &BiasCell::fn, &BiasCell::tn,
                      &BiasCell::selected, &BiasCell::n}) {
    std::optional<std::int64_t>& total = sum.*member;
    const std::optional<std::int64_t>& more = turned.*member;
    if (!total || !more) continue;
    *total += *more;
    if (*total > kMost) {
      return Fail(Code::kInvalidArgument, "counts more than 10^12 people", where);
    }
  }
  return {};
}

void GroupCounts::Finish(BiasTestSpec& test) const {
  for (const auto& [groups, cell] : cells_) {
    test.cells.push_back(cell);
    test.data_set.rows += RowsOf(cell);
  }
  CompleteCross(test.cells);
}

Status AddTestFacts(const ImportOptions& options, const std::vector<ImportAttribute>& attributes,
                    BiasTestSpec& test) {
  if (options.favorable_name.empty()) {
    return Fail(Code::kInvalidArgument,
                "is required: the outcome that people hope for, as the policy calls it",
                "--favorable");
  }
  test.favorable_outcome = options.favorable_name;
  std::vector<std::string> names;
  for (const ImportAttribute& attribute : attributes) names.push_back(attribute.name);
  for (const auto& [name, bounds] : options.bins) {
    if (std::count(names.begin(), names.end(), name) > 0) continue;
    return Fail(Code::kInvalidArgument,
                "must be of an attribute, by the name that --attribute gives it: " + List(names),
                "--bins " + name);
  }
  for (const ImportAttribute& attribute : attributes) {
    const auto bins = options.bins.find(attribute.name);
    test.attributes.push_back(
        {attribute.name, bins == options.bins.end() ? std::vector<Decimal>() : bins->second});
  }
  Counting counting;
  counting.unit = options.unit;
  counting.weighted = !options.weight.empty();
  if (auto ok = ReadEnum(options.label_source, "--label-source", counting.label_source); !ok) {
    return ok;
  }
  if (auto ok = ReadEnum(options.selection, "--selection", counting.selection); !ok) return ok;
  if (!options.label_window.empty()) {
    auto window = ParseDuration(options.label_window);
    if (!window) return Fail(Code::kInvalidArgument, window.error().message, "--label-window");
    counting.label_window = *window;
  }
  const bool said = !counting.unit.empty() || counting.weighted || counting.label_source ||
                    counting.selection || counting.label_window;
  if (said) test.counting = std::move(counting);
  return {};
}

}  // namespace countersign
