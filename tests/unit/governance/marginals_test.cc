#include "governance/marginals.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace countersign::fairness {
namespace {

using testing::HasSubstr;

const Domain& SexAndAge() {
  static const Domain domain = {{"sex", {"female", "male"}}, {"age", {"<30", "30-60", ">60"}}};
  return domain;
}

// Six cells, cell i with counts (i, 10 i, 100 i, 1000 i), i from 1.
std::vector<Cell> FullCross() {
  std::vector<Cell> cells;
  std::int64_t i = 1;
  for (const char* sex : {"female", "male"}) {
    for (const char* age : {"<30", "30-60", ">60"}) {
      cells.push_back({{{"sex", sex}, {"age", age}}, {i, 10 * i, 100 * i, 1000 * i}});
      ++i;
    }
  }
  return cells;
}

TEST(MarginalsTest, SumsOneAttributeOverAllOthers) {
  const std::vector<std::string> by = {"sex"};
  const auto groups = SumMarginals(FullCross(), by);
  ASSERT_TRUE(groups.has_value());
  ASSERT_EQ(groups->size(), 2U);
  EXPECT_EQ((*groups)[0].values, (std::map<std::string, std::string>{{"sex", "female"}}));
  EXPECT_EQ((*groups)[0].counts, (ConfusionCounts{6, 60, 600, 6000}));
  EXPECT_EQ((*groups)[1].values.at("sex"), "male");
  EXPECT_EQ((*groups)[1].counts, (ConfusionCounts{15, 150, 1500, 15000}));
}

TEST(MarginalsTest, SumsANamedIntersection) {
  std::vector<Cell> cells;
  for (const char* region : {"north", "south"}) {
    for (Cell cell : FullCross()) {
      cell.values["region"] = region;
      cells.push_back(cell);
    }
  }
  const std::vector<std::string> by = {"sex", "age"};
  const auto groups = SumMarginals(cells, by);
  ASSERT_TRUE(groups.has_value());
  ASSERT_EQ(groups->size(), 6U);
  for (const Cell& group : *groups) EXPECT_EQ(group.values.size(), 2U);
  EXPECT_EQ(CellLabel((*groups)[0].values), "age=30-60, sex=female");
  EXPECT_EQ((*groups)[0].counts, (ConfusionCounts{4, 40, 400, 4000}));
}

TEST(MarginalsTest, EveryMarginalCountsTheSamePeople) {
  std::mt19937 random(5);  // NOLINT(bugprone-random-generator-seed): the same cells every run
  std::vector<Cell> cells = FullCross();
  ConfusionCounts all;
  for (Cell& cell : cells) {
    const auto count = [&random] { return static_cast<std::int64_t>(random() % 1000); };
    cell.counts = {count(), count(), count(), count()};
    all = Add(all, cell.counts).value();
  }
  for (const std::vector<std::string>& by :
       {std::vector<std::string>{"sex"}, {"age"}, {"age", "sex"}}) {
    const auto groups = SumMarginals(cells, by);
    ASSERT_TRUE(groups.has_value());
    ConfusionCounts sum;
    for (const Cell& group : *groups) sum = Add(sum, group.counts).value();
    EXPECT_EQ(sum, all);
  }
}

TEST(MarginalsTest, SummingRefusesWhatItCannotSumHonestly) {
  const std::vector<std::string> none;
  EXPECT_FALSE(SumMarginals(FullCross(), none).has_value());

  const std::vector<std::string> unknown = {"sex", "religion"};
  const auto lacking = SumMarginals(FullCross(), unknown);
  ASSERT_FALSE(lacking.has_value());
  EXPECT_THAT(lacking.error().message, HasSubstr("lacks the attribute \"religion\""));

  const std::vector<std::string> by = {"sex"};
  std::vector<Cell> negative = FullCross();
  negative[1].counts.fn = -7;
  const auto invalid = SumMarginals(negative, by);
  ASSERT_FALSE(invalid.has_value());
  EXPECT_THAT(invalid.error().message, HasSubstr("age=30-60, sex=female"));
  EXPECT_EQ(invalid.error().path, "fn");

  std::vector<Cell> huge = FullCross();
  huge[0].counts = huge[1].counts = {kMaxTotal, 0, 0, 0};
  const auto overflow = SumMarginals(huge, by);
  ASSERT_FALSE(overflow.has_value());
  EXPECT_THAT(overflow.error().message, HasSubstr("sex=female"));
}

TEST(MarginalsTest, TheFullCrossIsAcceptedInAnyOrderZerosIncluded) {
  std::vector<Cell> cells = FullCross();
  std::swap(cells[0], cells[5]);
  cells[2].counts = {};
  EXPECT_TRUE(CheckFullCross(cells, SexAndAge()).has_value());
  EXPECT_TRUE(CheckFullCross(cells, DomainOf(cells)).has_value());
}

TEST(MarginalsTest, AnythingButTheFullCrossIsRefusedByName) {
  const auto message = [](const std::vector<Cell>& cells, const Domain& domain) {
    const Status status = CheckFullCross(cells, domain);
    return status ? std::string("accepted") : status.error().message;
  };
  std::vector<Cell> missing = FullCross();
  missing.erase(missing.begin() + 2);
  EXPECT_THAT(message(missing, SexAndAge()),
              HasSubstr("\"age=>60, sex=female\" is missing (1 of 6"));
  // The cells that are left still name both attributes, so they know what they lack.
  EXPECT_THAT(message(missing, DomainOf(missing)), HasSubstr("is missing"));

  std::vector<Cell> twice = FullCross();
  twice[1] = twice[0];
  EXPECT_THAT(message(twice, SexAndAge()), HasSubstr("\"age=<30, sex=female\" appears twice"));

  std::vector<Cell> stranger = FullCross();
  stranger.push_back({{{"sex", "unknown"}, {"age", "<30"}}, {}});
  EXPECT_THAT(message(stranger, SexAndAge()), HasSubstr("sex=unknown"));

  std::vector<Cell> coarse = FullCross();
  coarse[0].values.erase("age");
  EXPECT_THAT(message(coarse, SexAndAge()), HasSubstr("\"sex=female\" is not a combination"));

  std::vector<Cell> finer = FullCross();
  finer[0].values["region"] = "north";
  EXPECT_THAT(message(finer, SexAndAge()), HasSubstr("region=north"));

  std::vector<Cell> negative = FullCross();
  negative[3].counts.tp = -1;
  EXPECT_THAT(message(negative, SexAndAge()), HasSubstr("\"age=<30, sex=male\""));

  EXPECT_THAT(message({}, SexAndAge()), HasSubstr("missing (6 of 6"));
  EXPECT_THAT(message({}, {}), HasSubstr("at least one attribute"));
  EXPECT_THAT(message(FullCross(), {{"sex", {}}}),
              HasSubstr("\"sex\" must have at least one value"));
  EXPECT_THAT(message(FullCross(), {{"sex", {"male", "male"}}}), HasSubstr("none twice"));
}

TEST(MarginalsTest, ACrossTooLargeToBeMeantIsRefusedBeforeItIsBuilt) {
  Domain domain;
  for (int attribute = 0; attribute < 64; ++attribute) {
    domain["attribute" + std::to_string(attribute)] = {"a", "b", "c", "d"};
  }
  const Status status = CheckFullCross({}, domain);
  ASSERT_FALSE(status.has_value());
  EXPECT_THAT(status.error().message, HasSubstr("at most 4096 cells"));

  const std::vector<Cell> many(kMaxCells + 1, Cell{{{"sex", "male"}}, {}});
  EXPECT_FALSE(CheckFullCross(many, {{"sex", {"male"}}}).has_value());
}

}  // namespace
}  // namespace countersign::fairness
