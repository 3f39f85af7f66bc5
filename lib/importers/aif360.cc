// One metric as MetricJSONExplainer of AIF360 explains it: BiasTest.
//
// Only some metrics carry counts that a bias can be computed from: those of the odds (true and
// false positives and how many could have been), the error rates, and those of selection. The
// explainer does not say which group is which, nor, for statistical parity, whether it counted
// labels or predictions. Source: github.com/Trusted-AI/AIF360,
// aif360/explainers/metric_json_explainer.py. It writes the counts of labels beside a mean
// difference of predictions, so the value in the message is held against the counts.
#include <cmath>
#include <cstdlib>

#include "governance/types/bias_cells.h"
#include "importers/fields.h"
#include "importers/formats.h"
#include "importers/groups.h"

namespace countersign {
namespace {

class Explanation {
 public:
  explicit Explanation(Field root) : root_(std::move(root)) {}

  [[nodiscard]] bool Has(const std::string& key) const {
    return root_.Get("num" + key + "Unprivileged").Is() ||
           root_.Get("num" + key + "Privileged").Is();
  }
  [[nodiscard]] Result<std::int64_t> Count(const std::string& key, bool privileged) const {
    const std::string suffix = privileged ? "Privileged" : "Unprivileged";
    Field found = root_.Get("num" + key + suffix);
    // The explanation of error rates has numPositivePrivileged, without the s.
    if (!found.Is() && key.ends_with('s')) {
      const Field singular = root_.Get("num" + key.substr(0, key.size() - 1) + suffix);
      if (singular.Is()) found = singular;
    }
    return found.Count();
  }
  [[nodiscard]] const Field& root() const { return root_; }

 private:
  Field root_;
};

// `part` of `whole`, which must not be less.
Result<std::int64_t> Rest(const Explanation& explanation, const std::string& part,
                          const std::string& whole, bool privileged) {
  auto some = explanation.Count(part, privileged);
  if (!some) return some;
  auto all = explanation.Count(whole, privileged);
  if (!all) return all;
  if (*some <= *all) return *all - *some;
  return Fail(Code::kInvalidArgument, "num" + part + " must not be above num" + whole,
              explanation.root().path);
}

Result<BiasCell> OddsOf(const Explanation& explanation, bool privileged) {
  const bool errors = explanation.Has("TrueNegatives");
  BiasCell cell;
  auto tp = explanation.Count("TruePositives", privileged);
  if (!tp) return Fail(tp.error());
  auto fn = Rest(explanation, "TruePositives", "Positives", privileged);
  if (!fn) return Fail(fn.error());
  const std::string negatives = errors ? "TrueNegatives" : "FalsePositives";
  auto one = explanation.Count(negatives, privileged);
  if (!one) return Fail(one.error());
  auto other = Rest(explanation, negatives, "Negatives", privileged);
  if (!other) return Fail(other.error());
  cell.tp = *tp;
  cell.fn = *fn;
  cell.tn = errors ? *one : *other;
  cell.fp = errors ? *other : *one;
  return cell;
}

Result<BiasCell> SelectionOf(const Explanation& explanation, const std::string& selected,
                             const std::string& all, bool privileged) {
  auto rest = Rest(explanation, selected, all, privileged);
  if (!rest) return Fail(rest.error());
  auto count = explanation.Count(selected, privileged);
  if (!count) return Fail(count.error());
  BiasCell cell;
  cell.selected = *count;
  cell.n = *count + *rest;
  return cell;
}

struct Shape {
  enum class Kind { kOdds, kSelection, kUnknown } kind = Kind::kUnknown;
  std::string selected;
  std::string all;
};

Result<Shape> ShapeOf(const Explanation& explanation, const ImportOptions& options,
                      const std::string& file) {
  const auto has = [&](const char* key) { return explanation.Has(key); };
  if (has("TruePositives") && (has("FalsePositives") || has("TrueNegatives"))) {
    return Shape{Shape::Kind::kOdds, {}, {}};
  }
  if (has("PositivePredictions")) {
    return Shape{Shape::Kind::kSelection, "PositivePredictions", ""};  // of numUnprivileged
  }
  if (has("Positives") && has("Instances")) {
    if (options.counted == "predictions") {
      return Shape{Shape::Kind::kSelection, "Positives", "Instances"};
    }
    if (options.counted == "labels") {
      return Fail(Code::kInvalidArgument,
                  "counts labels: it says what the data are, and nothing about the model", file);
    }
    return Fail(Code::kInvalidArgument,
                "is required: predictions or labels, whichever the metric was computed from",
                "--counted");
  }
  return Fail(Code::kInvalidArgument,
              "metric '" + Excerpt(explanation.root().Get("metric").Text()) +
                  "' has no counts by group that a bias can be computed from: explain "
                  "average_odds_difference instead",
              file);
}

// "…: -0.06" at the end of the message.
std::optional<double> StatedValue(const Explanation& explanation) {
  const std::string message = explanation.root().Get("message").Text();
  const auto colon = message.rfind(": ");
  if (colon == std::string::npos) return std::nullopt;
  char* end = nullptr;
  const char* begin = message.c_str() + colon + 2;
  const double value = std::strtod(begin, &end);
  if (end == begin || *end != '\0') return std::nullopt;
  return value;
}

Status CheckStated(const Explanation& explanation, const BiasCell& unprivileged,
                   const BiasCell& privileged) {
  const auto stated = StatedValue(explanation);
  const fairness::ConfusionCounts few = CountsOf(unprivileged);
  const fairness::ConfusionCounts many = CountsOf(privileged);
  if (!stated || !unprivileged.selected || few.Total() == 0 || many.Total() == 0) return {};
  const auto share = [](const fairness::ConfusionCounts& counts) {
    return static_cast<double>(counts.Selected()) / static_cast<double>(counts.Total());
  };
  const bool ratio = explanation.root().Get("metric").Text().find("Impact") != std::string::npos;
  const double counted = ratio ? share(few) / share(many) : share(few) - share(many);
  constexpr double kNear = 1e-6;
  if (std::isnan(counted) || std::abs(counted - *stated) < kNear) return {};
  return Fail(Code::kInvalidArgument,
              "states " + std::to_string(*stated) + ", and its counts give " +
                  std::to_string(counted) + ": they are not of the same thing",
              explanation.root().path + "message");
}

Status CheckNames(const ImportOptions& options) {
  const auto required = [](const char* flag, const std::string& what) -> Status {
    return Fail(Code::kInvalidArgument, "is required: " + what, flag);
  };
  if (options.attributes.size() != 1) {
    return required("--attribute",
                    "the one attribute that the groups are of, as the policy "
                    "calls it: the file does not name it");
  }
  if (!MatchesFormat(Format::kIdentifier, options.attributes.front().name)) {
    return required("--attribute", "its name, of letters and digits");
  }
  for (const auto& [flag, group] : {std::pair{"--unprivileged", &options.unprivileged},
                                    {"--privileged", &options.privileged}}) {
    if (!MatchesFormat(Format::kToken, *group)) {
      return required(flag, "what this group is called: the file does not name it");
    }
  }
  if (options.unprivileged != options.privileged) return {};
  return Fail(Code::kInvalidArgument, "must be another group than --unprivileged", "--privileged");
}

}  // namespace

Result<Imported> ImportAif360(std::span<const ImportText> files, const ImportOptions& options) {
  const ImportText& file = files.front();
  auto json = ParseObject(file);
  if (!json) return Fail(json.error());
  const Explanation explanation(Root(*json, file));
  auto shape = ShapeOf(explanation, options, file.name);
  if (!shape) return Fail(shape.error());
  if (auto named = CheckNames(options); !named) return Fail(named.error());
  GroupCounts counts;
  if (auto started = counts.Start(options); !started) return Fail(started.error());
  std::vector<BiasCell> cells;
  for (const bool privileged : {false, true}) {
    auto cell = shape->kind == Shape::Kind::kOdds
                    ? OddsOf(explanation, privileged)
                    : SelectionOf(explanation, shape->selected, shape->all, privileged);
    if (!cell) return Fail(cell.error());
    cell->groups[options.attributes.front().name] =
        privileged ? options.privileged : options.unprivileged;
    cells.push_back(std::move(*cell));
  }
  if (auto same = CheckStated(explanation, cells[0], cells[1]); !same) return Fail(same.error());
  for (const BiasCell& cell : cells) {
    if (auto added = counts.Add(cell, file.name); !added) return Fail(added.error());
  }
  BiasTestSpec test;
  if (auto added = AddTestFacts(options, options.attributes, test); !added) {
    return Fail(added.error());
  }
  counts.Finish(test);
  Imported imported;
  imported.tool = "aif360";
  imported.spec = std::move(test);
  return imported;
}

}  // namespace countersign
