#include "base/decimal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>

namespace countersign {
namespace {

TEST(DecimalTest, KeepsTheValueExactlyAndPrintsItInShortestForm) {
  const struct {
    const char* text;
    std::int64_t billionths;
    const char* shortest;
  } cases[] = {
      {"0", 0, "0"},
      {"-0", 0, "0"},
      {"-0.000", 0, "0"},
      {"0.8", 800'000'000, "0.8"},
      {"0.80", 800'000'000, "0.8"},
      {"1.25", 1'250'000'000, "1.25"},
      {"-0.1", -100'000'000, "-0.1"},
      {"10", 10'000'000'000, "10"},
      {"100.050", 100'050'000'000, "100.05"},
      {"0.000000001", 1, "0.000000001"},
      {"-0.000000001", -1, "-0.000000001"},
      {"999999999.999999999", 999'999'999'999'999'999, "999999999.999999999"},
      {"-999999999.999999999", -999'999'999'999'999'999, "-999999999.999999999"},
  };
  for (const auto& c : cases) {
    const auto decimal = Decimal::Parse(c.text);
    ASSERT_TRUE(decimal.has_value()) << c.text;
    EXPECT_EQ(decimal->billionths(), c.billionths) << c.text;
    EXPECT_EQ(decimal->ToString(), c.shortest) << c.text;
    EXPECT_EQ(Decimal::Parse(decimal->ToString()), *decimal) << c.text;
  }
}

TEST(DecimalTest, RefusesEverythingThatIsNotAPlainDecimal) {
  const std::string cases[] = {
      "",
      "-",
      ".",
      ".8",
      "0.",
      "+0.8",
      "00",
      "01",
      "-01",
      "0.8 ",
      " 0.8",
      "0.8\n",
      "1e3",
      "1E3",
      "0x1",
      "NaN",
      "nan",
      "inf",
      "-inf",
      "0,8",
      "1_0",
      "0..8",
      "0.8.1",
      "--1",
      "1000000000",
      "0.0000000001",
      "٣",
      "0.-8",
      "1.2-",
      "1-2",
      std::string("0.8\0", 4),
      std::string(1'000'000, '9'),
  };
  for (const std::string& text : cases) {
    const auto decimal = Decimal::Parse(text);
    ASSERT_FALSE(decimal.has_value()) << text.substr(0, 40);
    EXPECT_EQ(decimal.error().code, Code::kInvalidArgument);
    EXPECT_LT(decimal.error().message.size(), 250U) << "the message must not carry the whole input";
  }
}

TEST(DecimalTest, ShowsWhatWasFoundWithoutControlCharacters) {
  const auto decimal = Decimal::Parse("0.8\x1b[2J\n");
  ASSERT_FALSE(decimal.has_value());
  EXPECT_NE(decimal.error().message.find("\"0.8?[2J?\""), std::string::npos)
      << decimal.error().message;
}

TEST(DecimalTest, ComparesByValue) {
  EXPECT_EQ(*Decimal::Parse("0.80"), *Decimal::Parse("0.8"));
  EXPECT_EQ(*Decimal::Parse("-0"), Decimal());
  EXPECT_LT(*Decimal::Parse("-0.2"), *Decimal::Parse("-0.1"));
  EXPECT_LT(*Decimal::Parse("0.799999999"), *Decimal::Parse("0.8"));
  EXPECT_GT(*Decimal::Parse("10"), *Decimal::Parse("9.999999999"));
}

TEST(DecimalTest, GivesTheNearestDouble) {
  EXPECT_EQ(Decimal::Parse("0.8")->ToDouble(), 0.8);
  EXPECT_EQ(Decimal::Parse("-0.1")->ToDouble(), -0.1);
  EXPECT_EQ(Decimal::Parse("1.25")->ToDouble(), 1.25);
}

// The schema checks the pattern, the code parses: they must agree on every text.
TEST(DecimalTest, AcceptsExactlyWhatThePatternOfTheSchemaAccepts) {
  const auto matches_pattern =
      testing::Matches(testing::MatchesRegex(std::string(kDecimalPattern)));
  std::mt19937 random(20260);  // NOLINT(bugprone-random-generator-seed): the same texts every run
  const std::string alphabet = "0000123456789..--e+ ";
  int accepted = 0;
  for (int i = 0; i < 30'000; ++i) {
    std::string text(random() % 14, ' ');
    for (char& c : text) c = alphabet[random() % alphabet.size()];
    const bool matches = matches_pattern(text);
    EXPECT_EQ(Decimal::Parse(text).has_value(), matches) << '"' << text << '"';
    accepted += matches ? 1 : 0;
  }
  EXPECT_GT(accepted, 500) << "too few valid texts for the comparison to mean something";
}

}  // namespace
}  // namespace countersign
