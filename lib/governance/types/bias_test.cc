#include "governance/types/bias_test.h"

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
  v.Field({.name = "rows",
           .doc = "Number of people in it, 1 to 10^12; the cells must add up to it.",
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
void Describe(V& v, BiasCell& c) {
  v.Field({.name = "groups",
           .doc = "One value for every attribute of the test, for example {sex: female, ageBand: "
                  "30-60}.",
           .required = true,
           .format = Format::kToken,
           .max = 8,
           .length = 63},
          c.groups);
  v.Field({.name = "tp",
           .doc = "People selected (favourable outcome predicted) whose label is "
                  "favourable, 0 to 10^12.",
           .required = true,
           .max = kMaxCount},
          c.tp);
  v.Field({.name = "fp",
           .doc = "People selected whose label is not favourable, 0 to 10^12.",
           .required = true,
           .max = kMaxCount},
          c.fp);
  v.Field({.name = "fn",
           .doc = "People not selected whose label is favourable, 0 to 10^12.",
           .required = true,
           .max = kMaxCount},
          c.fn);
  v.Field({.name = "tn",
           .doc = "People not selected whose label is not favourable, 0 to 10^12.",
           .required = true,
           .max = kMaxCount},
          c.tn);
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
  v.Field({.name = "protocol",
           .doc = "Name of the test protocol. Of several results for one model, protocol and data "
                  "set the latest governs.",
           .required = true,
           .format = Format::kToken,
           .length = 63},
          s.protocol);
  v.Field({.name = "dataSet", .doc = "The test data.", .required = true}, s.data_set);
  v.Field({.name = "favorableOutcome",
           .doc = "The outcome that counts as positive in the cells; must be the policy's.",
           .required = true,
           .format = Format::kToken,
           .length = 63},
          s.favorable_outcome);
  v.Field({.name = "decisionThreshold",
           .doc = "Score from which on people were selected; must be the deployment's "
                  "decision.threshold where it has one. A decimal."},
          s.decision_threshold);
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
}

static void Check(const BiasTestSpec& spec, const Json& /*json*/, std::vector<Error>& errors) {
  std::int64_t total = 0;
  for (std::size_t i = 0; i < spec.cells.size(); ++i) {
    const BiasCell& cell = spec.cells[i];
    total += cell.tp + cell.fp + cell.fn + cell.tn;
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
  if (total != spec.data_set.rows) {
    AddError(errors, "spec.dataSet.rows",
             "must be the sum of all cells, which is " + std::to_string(total) + ", is " +
                 std::to_string(spec.data_set.rows));
  }
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
