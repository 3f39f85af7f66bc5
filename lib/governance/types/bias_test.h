// bias_test.h: how often the model was right and wrong, per group. See object.h for threads.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "governance/types/common.h"
#include "governance/types/correction.h"
#include "governance/types/counting.h"
#include "governance/types/object.h"
#include "governance/types/signature.h"
#include "governance/types/source.h"

namespace countersign {

struct DataSetRef {
  std::string name;
  std::string digest;
  std::int64_t rows = 0;
};

struct TestedAttribute {
  std::string name;
  std::vector<Decimal> bins;
};

// How often an outcome came, of those with the label, if there are labels.
struct OutcomeCount {
  std::string outcome;
  std::string label;
  std::int64_t count = 0;
};

// Of a calibration: those whose score is in the bin.
struct ScoreBin {
  std::int64_t n = 0;
  Decimal scores;
  std::int64_t positives = 0;
};

// Of a regression: error is prediction minus truth.
struct ErrorSums {
  Decimal sum;
  Decimal sum_of_absolute;
  Decimal sum_of_squares;
};

// Of rankings, over all queries.
struct RankingSums {
  Decimal exposure;
  std::optional<Decimal> merit;
};

// One kind of counts, the same in all cells: bias_cells.h.
struct BiasCell {
  std::map<std::string, std::string> groups;
  std::optional<std::int64_t> tp;
  std::optional<std::int64_t> fp;
  std::optional<std::int64_t> fn;
  std::optional<std::int64_t> tn;
  std::optional<std::int64_t> selected;  // with n, where there are no labels
  std::vector<OutcomeCount> outcomes;
  std::vector<ScoreBin> bins;
  std::optional<ErrorSums> errors;
  std::optional<RankingSums> ranking;
  std::optional<std::int64_t> compared;  // answers that people looked at, where a model is judge
  std::optional<std::int64_t> agreed;
  std::optional<std::int64_t> n;
  std::optional<std::int64_t> unweighted;  // of weighted counts
  std::optional<std::int64_t> clusters;
};

struct DeclaredMetric {
  std::string metric;
  std::string attribute;
  std::string group;
  Decimal value;
};

struct BiasTestSpec {
  static constexpr std::string_view kKind = "BiasTest";
  std::string use_case;
  ModelDigest model;
  Time performed_at{};
  std::vector<std::string> performed_by;
  std::string protocol;
  DataSetRef data_set;
  std::string favorable_outcome;
  std::optional<Decimal> decision_threshold;
  std::optional<Counting> counting;
  std::vector<std::string> outcomes;
  std::vector<Decimal> score_bins;
  std::optional<JudgeModel> judge;
  std::vector<TestedAttribute> attributes;
  std::vector<BiasCell> cells;
  std::vector<DeclaredMetric> declared;
  std::vector<SuppliedVariance> variances;
  std::vector<EvidenceSource> sources;
  std::optional<Correction> supersedes;
  std::optional<ObjectSignature> signature;
};
using BiasTest = Object<BiasTestSpec>;

}  // namespace countersign
