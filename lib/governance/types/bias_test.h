// bias_test.h: how often the model was right and wrong, per group. See object.h for threads.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "governance/types/common.h"
#include "governance/types/object.h"

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

struct BiasCell {
  std::map<std::string, std::string> groups;
  std::int64_t tp = 0;
  std::int64_t fp = 0;
  std::int64_t fn = 0;
  std::int64_t tn = 0;
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
  std::string protocol;
  DataSetRef data_set;
  std::string favorable_outcome;
  std::optional<Decimal> decision_threshold;
  std::vector<TestedAttribute> attributes;
  std::vector<BiasCell> cells;
  std::vector<DeclaredMetric> declared;
};
using BiasTest = Object<BiasTestSpec>;

}  // namespace countersign
