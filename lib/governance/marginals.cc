#include "governance/marginals.h"

#include <algorithm>
#include <set>
#include <utility>

namespace countersign::fairness {
namespace {

using Values = std::map<std::string, std::string>;

Status CheckSize(std::size_t cells) {
  if (cells <= kMaxCells) return {};
  return Fail(Code::kInvalidArgument,
              "the cross of the attributes must have at most " + std::to_string(kMaxCells) +
                  " cells, found more; use fewer attributes or coarser bins");
}

// All combinations of `domain`, or an error when there are too many to be meant.
Result<std::vector<Values>> Combinations(const Domain& domain) {
  std::vector<Values> combinations = {{}};
  for (const auto& [attribute, values] : domain) {
    const std::set<std::string> distinct(values.begin(), values.end());
    if (distinct.size() != values.size() || distinct.empty()) {
      return Fail(Code::kInvalidArgument,
                  "attribute \"" + attribute + "\" must have at least one value and none twice");
    }
    // Both factors are at most kMaxCells here, so the product cannot overflow.
    if (Status status = CheckSize(distinct.size()); !status) return Fail(std::move(status.error()));
    if (Status status = CheckSize(combinations.size() * distinct.size()); !status) {
      return Fail(std::move(status.error()));
    }
    std::vector<Values> longer;
    longer.reserve(combinations.size() * distinct.size());
    for (const Values& combination : combinations) {
      for (const std::string& value : distinct) {
        longer.push_back(combination);
        longer.back().emplace(attribute, value);
      }
    }
    combinations = std::move(longer);
  }
  return combinations;
}

Status CheckCounts(const Cell& cell) {
  Status status = Validate(cell.counts);
  if (status) return {};
  return Fail(Code::kInvalidArgument,
              "cell \"" + CellLabel(cell.values) + "\": " + status.error().message,
              status.error().path);
}

}  // namespace

std::string CellLabel(const Values& values) {
  std::string label;
  for (const auto& [attribute, value] : values) {
    if (!label.empty()) label += ", ";
    label += attribute;
    label += '=';
    label += value;
  }
  return label;
}

Status CheckFullCross(std::span<const Cell> cells, const Domain& domain) {
  if (domain.empty()) {
    return Fail(Code::kInvalidArgument, "a bias test needs at least one attribute, found none");
  }
  if (Status status = CheckSize(cells.size()); !status) return status;
  auto wanted = Combinations(domain);
  if (!wanted) return Fail(std::move(wanted.error()));

  std::set<Values> missing(wanted->begin(), wanted->end());
  std::set<Values> seen;
  for (const Cell& cell : cells) {
    if (Status status = CheckCounts(cell); !status) return status;
    if (!seen.insert(cell.values).second) {
      return Fail(Code::kInvalidArgument, "cell \"" + CellLabel(cell.values) + "\" appears twice");
    }
    if (missing.erase(cell.values) == 0) {
      return Fail(Code::kInvalidArgument,
                  "cell \"" + CellLabel(cell.values) +
                      "\" is not a combination of the attributes and values that are asked for");
    }
  }
  if (!missing.empty()) {
    return Fail(Code::kInvalidArgument,
                "cell \"" + CellLabel(*missing.begin()) + "\" is missing (" +
                    std::to_string(missing.size()) + " of " + std::to_string(wanted->size()) +
                    " are); a combination without people is a cell of zeros");
  }
  return {};
}

Domain DomainOf(std::span<const Cell> cells) {
  std::map<std::string, std::set<std::string>> found;
  for (const Cell& cell : cells) {
    for (const auto& [attribute, value] : cell.values) found[attribute].insert(value);
  }
  Domain domain;
  for (const auto& [attribute, values] : found) {
    domain[attribute].assign(values.begin(), values.end());
  }
  return domain;
}

Result<std::vector<Cell>> SumMarginals(std::span<const Cell> cells,
                                       std::span<const std::string> attributes) {
  if (attributes.empty()) {
    return Fail(Code::kInvalidArgument, "name at least one attribute to sum for, found none");
  }
  std::map<Values, ConfusionCounts> sums;
  for (const Cell& cell : cells) {
    if (Status status = CheckCounts(cell); !status) return Fail(std::move(status.error()));
    Values group;
    for (const std::string& attribute : attributes) {
      const auto value = cell.values.find(attribute);
      if (value == cell.values.end()) {
        return Fail(Code::kInvalidArgument, "cell \"" + CellLabel(cell.values) +
                                                "\" lacks the attribute \"" + attribute + "\"");
      }
      group.insert(*value);
    }
    ConfusionCounts& sum = sums[group];
    auto added = Add(sum, cell.counts);
    if (!added) {
      return Fail(Code::kInvalidArgument,
                  "group \"" + CellLabel(group) + "\": " + added.error().message,
                  added.error().path);
    }
    sum = *added;
  }
  std::vector<Cell> groups;
  groups.reserve(sums.size());
  for (const auto& [values, counts] : sums) groups.push_back({values, counts});
  return groups;
}

}  // namespace countersign::fairness
