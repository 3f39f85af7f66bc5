#include "governance/types/bias_test.h"

#include "governance/types/bias_cells.h"
#include "governance/types/codec.h"

namespace countersign {
namespace {

constexpr std::int64_t kMaxCount = 1'000'000'000'000;  // sums of 512 cells stay exact in an int64

}  // namespace

template <class V>
void Describe(V& v, DataSetRef& d) {
  v.Field({.name = "name", .doc = "Name of the test data.", .required = true}, d.name);
  v.Field({.name = "digest",
           .doc = "SHA-256 of its bytes.",
           .required = true,
           .format = Format::kSha256,
           .length = 71},
          d.digest);
  v.Field(
      {.name = "rows",
       .doc = "Number of rows (people, decisions) in it, 1 to 10^12; the cells must add up to it, "
              "weights left aside.",
       .required = true,
       .min = 1,
       .max = kMaxCount},
      d.rows);
}

template <class V>
void Describe(V& v, TestedAttribute& a) {
  v.Field({.name = "name",
           .doc = "Name of the attribute, as in the policy.",
           .required = true,
           .format = Format::kIdentifier,
           .length = 63},
          a.name);
  v.Field({.name = "bins",
           .doc = "Inner boundaries of a binned number, ascending decimals; the policy's, if it "
                  "gives any.",
           .max = 32},
          a.bins);
}

template <class V>
void Describe(V& v, OutcomeCount& o) {
  v.Field({.name = "outcome",
           .doc = "What came out, one of spec.outcomes.",
           .required = true,
           .format = Format::kToken,
           .length = 63},
          o.outcome);
  v.Field({.name = "label",
           .doc = "What should have come out, one of spec.outcomes; for all entries or for none.",
           .format = Format::kToken,
           .length = 63},
          o.label);
  v.Field({.name = "count",
           .doc = "How many there are, 0 to 10^12.",
           .required = true,
           .max = kMaxCount},
          o.count);
}

template <class V>
void Describe(V& v, ScoreBin& b) {
  v.Field({.name = "count",
           .doc = "How many have a score in the bin, 0 to 10^12.",
           .required = true,
           .max = kMaxCount},
          b.n);
  v.Field({.name = "scores", .doc = "Sum of their scores, a decimal.", .required = true}, b.scores);
  v.Field({.name = "positives",
           .doc = "How many of them have the favourable label, 0 to 10^12.",
           .required = true,
           .max = kMaxCount},
          b.positives);
}

template <class V>
void Describe(V& v, ErrorSums& e) {
  v.Field({.name = "sum",
           .doc = "Sum of the errors, prediction minus truth, a decimal. Choose a unit in which it "
                  "has at most nine digits before the point.",
           .required = true},
          e.sum);
  v.Field({.name = "sumOfAbsolute",
           .doc = "Sum of the errors without their signs, a decimal.",
           .required = true},
          e.sum_of_absolute);
  v.Field({.name = "sumOfSquares",
           .doc = "Sum of the squares of the errors, a decimal.",
           .required = true},
          e.sum_of_squares);
}

template <class V>
void Describe(V& v, RankingSums& r) {
  v.Field({.name = "exposure",
           .doc = "Sum, over all queries, of the exposure of the group's items: of the weight of "
                  "the position that each was shown at. A decimal.",
           .required = true},
          r.exposure);
  v.Field({.name = "merit", .doc = "Sum of the relevance of the same items, a decimal."}, r.merit);
}

template <class V>
void Describe(V& v, JudgeModel& j) {
  v.Field({.name = "name", .doc = "Name and version of the model.", .required = true}, j.name);
  v.Field({.name = "digest",
           .doc = "SHA-256 of the model, or of its provider's identifier, prompt and settings.",
           .required = true,
           .format = Format::kSha256,
           .length = 71},
          j.digest);
}

template <class V>
void Describe(V& v, BiasCell& c) {
  v.Field({.name = "groups",
           .doc = "One value for every attribute of the test, for example {sex: female, ageBand: "
                  "30-60}.",
           .required = true,
           .format = Format::kToken,
           .max = 8,
           .length = 63},
          c.groups);
  const auto count = [&v](std::string_view name, std::string_view doc,
                          std::optional<std::int64_t>& member) {
    v.Field({.name = name, .doc = doc, .max = kMaxCount}, member);
  };
  count("tp", "Selected (favourable outcome predicted), and favourable in the label, 0 to 10^12.",
        c.tp);
  count("fp", "Selected, not favourable in the label, 0 to 10^12.", c.fp);
  count("fn", "Not selected, favourable in the label, 0 to 10^12.", c.fn);
  count("tn", "Not selected, not favourable in the label, 0 to 10^12.", c.tn);
  count("selected",
        "How many of count were selected, instead of the four where labels are missing.",
        c.selected);
  v.Field({.name = "outcomes",
           .doc = "How often each of spec.outcomes came, instead of the four: by label, or without "
                  "labels. What is left out came never; a cell without people has one entry of 0.",
           .max = 1024},
          c.outcomes);
  v.Field(
      {.name = "bins",
       .doc = "Scores and labels by bin of the score, one entry for each bin of spec.scoreBins, "
              "instead of the four.",
       .max = 33},
      c.bins);
  v.Field(
      {.name = "errors", .doc = "Sums of a regression's errors, instead of the four, with count."},
      c.errors);
  v.Field(
      {.name = "ranking",
       .doc = "Sums over rankings, instead of the four, with count items and clusters queries."},
      c.ranking);
  count("compared", "How many of the answers people looked at too. Required with spec.judge.",
        c.compared);
  count("agreed",
        "On how many of those they agreed with the judge model. Required with spec.judge.",
        c.agreed);
  count("count",
        "How many there are in the cell: the sum of its counts. Required with selected, errors "
        "and ranking.",
        c.n);
  count("unweighted",
        "How many there are without their weights. Required where spec.counting.weighted is true.",
        c.unweighted);
  count("clusters",
        "How many independent clusters the counts come from, where several belong together: "
        "decisions about one person, people of one branch. No cluster may span two cells, "
        "except the queries of rankings.",
        c.clusters);
}

template <class V>
void Describe(V& v, Counting& c) {
  v.Field({.name = "unit",
           .doc = "What one count is, for example person, decision or loan.",
           .format = Format::kToken,
           .length = 63},
          c.unit);
  v.Field({.name = "errorUnit",
           .doc = "The unit that errors of a regression are in, for example EUR.",
           .format = Format::kToken,
           .length = 63},
          c.error_unit);
  v.Field(
      {.name = "weighted", .doc = "Whether counts are sums of weights, rounded to whole numbers."},
      c.weighted);
  v.Field({.name = "labelSource",
           .doc = "Where labels come from: ObservedOutcome, HumanAnnotation, ModelJudge or Proxy."},
          c.label_source);
  v.Field({.name = "labelWindow",
           .doc = "How long after the decision outcomes were waited for, for example 365d."},
          c.label_window);
  v.Field({.name = "selection",
           .doc = "Who has a label: All, or SelectedOnly, those whom somebody had selected before. "
                  "Default All."},
          c.selection);
}

template <class V>
void Describe(V& v, SuppliedVariance& s) {
  v.Field({.name = "metric",
           .doc = "Name of the metric.",
           .required = true,
           .format = Format::kIdentifier,
           .length = 63},
          s.metric);
  v.Field({.name = "groups",
           .doc = "The group that the value is of, as in cells: one attribute, or those of an "
                  "intersection.",
           .required = true,
           .format = Format::kToken,
           .min = 1,
           .max = 8,
           .length = 63},
          s.groups);
  v.Field({.name = "variance",
           .doc = "Variance of the metric's value, a decimal above 0.",
           .required = true},
          s.variance);
}

template <class V>
void Describe(V& v, DeclaredMetric& d) {
  v.Field({.name = "metric",
           .doc = "Name of the metric.",
           .required = true,
           .format = Format::kIdentifier,
           .length = 63},
          d.metric);
  v.Field({.name = "attribute",
           .doc = "The attribute.",
           .required = true,
           .format = Format::kIdentifier,
           .length = 63},
          d.attribute);
  v.Field({.name = "group",
           .doc = "The group compared with the policy's reference group.",
           .required = true,
           .format = Format::kToken,
           .length = 63},
          d.group);
  v.Field({.name = "value", .doc = "The value as reported, a decimal.", .required = true}, d.value);
}

template <class V>
void Describe(V& v, BiasTestSpec& s) {
  v.Field({.name = "useCase",
           .doc = "Name of the use case, in this object's namespace.",
           .required = true,
           .format = Format::kObjectName},
          s.use_case);
  v.Field({.name = "model", .doc = "The model that was tested.", .required = true}, s.model);
  v.Field({.name = "performedAt", .doc = "When the test was made. RFC 3339.", .required = true},
          s.performed_at);
  v.Field(PerformedByField(), s.performed_by);
  v.Field({.name = "protocol",
           .doc = "Name of the test protocol. Of several results for one model, protocol and data "
                  "set the latest governs.",
           .required = true,
           .format = Format::kToken,
           .length = 63},
          s.protocol);
  v.Field({.name = "dataSet", .doc = "The test data.", .required = true}, s.data_set);
  v.Field(
      {.name = "favorableOutcome",
       .doc = "The outcome that counts as positive in the cells; must be the policy's. Required "
              "except with errors and ranking.",
       .format = Format::kToken,
       .length = 63},
      s.favorable_outcome);
  v.Field({.name = "decisionThreshold",
           .doc = "Score from which on people were selected; must be the deployment's "
                  "decision.threshold where it has one. A decimal."},
          s.decision_threshold);
  v.Field({.name = "outcomes",
           .doc = "All outcomes that there are, where cells count several.",
           .format = Format::kToken,
           .max = 32,
           .length = 63,
           .list = ListType::kSet},
          s.outcomes);
  v.Field({.name = "scoreBins",
           .doc = "Inner boundaries of the bins of the score, ascending decimals between 0 and 1, "
                  "where cells count by them.",
           .max = 32},
          s.score_bins);
  v.Field({.name = "judge",
           .doc = "The model that sorted answers into outcomes, where one did; "
                  "spec.counting.labelSource is ModelJudge then."},
          s.judge);
  v.Field({.name = "counting",
           .doc = "What one count is, and how far its label can be trusted. Without it: one "
                  "independent person each, labelled as the data are."},
          s.counting);
  v.Field({.name = "attributes",
           .doc = "The attributes that the cells are crossed by.",
           .required = true,
           .min = 1,
           .max = 8,
           .list = ListType::kMap,
           .list_key = "name"},
          s.attributes);
  v.Field({.name = "cells",
           .doc = "Counts for the full cross of all attributes' values; a combination without "
                  "people is a cell of zeros.",
           .required = true,
           .min = 1,
           .max = 512},
          s.cells);
  v.Field({.name = "declared",
           .doc = "Metric values as the testing tool reported them. They are recomputed from the "
                  "cells; a value that disagrees fails the measure.",
           .max = 128},
          s.declared);
  v.Field(
      {.name = "variances",
       .doc = "Variances of metric values where counts are weighted or clustered: without one a "
              "metric is Insufficient there.",
       .max = 512},
      s.variances);
  v.Field(SourcesField(), s.sources);
  v.Field(SupersedesField(), s.supersedes);
  v.Field(SignatureField(), s.signature);
}

static void Check(const BiasTestSpec& spec, const Json& /*json*/, std::vector<Error>& errors) {
  CheckSignature(spec.signature, errors);
  for (std::size_t i = 0; i < spec.cells.size(); ++i) {
    const BiasCell& cell = spec.cells[i];
    const std::string path = "spec.cells[" + std::to_string(i) + "].groups";
    for (const TestedAttribute& attribute : spec.attributes) {
      if (!cell.groups.contains(attribute.name)) {
        AddError(errors, path, "must have a value for attribute '" + attribute.name + "'");
      }
    }
    if (cell.groups.size() > spec.attributes.size()) {
      AddError(errors, path, "must name only the attributes listed in spec.attributes");
    }
  }
  CheckCells(spec, errors);
  for (std::size_t i = 0; i < spec.attributes.size(); ++i) {
    const auto& bins = spec.attributes[i].bins;
    for (std::size_t k = 1; k < bins.size(); ++k) {
      if (bins[k] <= bins[k - 1]) {
        AddError(errors, "spec.attributes[" + std::to_string(i) + "].bins", "must be ascending");
        break;
      }
    }
  }
}

COUNTERSIGN_INSTANTIATE_KIND(BiasTestSpec);

}  // namespace countersign
