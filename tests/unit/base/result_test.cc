#include "base/result.h"

#include <gtest/gtest.h>

namespace countersign {
namespace {

TEST(ErrorTest, SaysWhereWhenItKnows) {
  EXPECT_EQ((Error{Code::kNotFound, "is missing", "spec.a", {}}.ToString()), "spec.a: is missing");
  EXPECT_EQ((Error{Code::kNotFound, "is missing", "", {}}.ToString()), "is missing");
}

TEST(ExcerptTest, CutsBetweenCharactersAndSaysThatItCut) {
  EXPECT_EQ(Excerpt(""), "");
  EXPECT_EQ(Excerpt("abcd", 4), "abcd");
  EXPECT_EQ(Excerpt("abcde", 4), "abcd…");
  EXPECT_EQ(Excerpt("abc\xE2\x82\xAC", 4), "abc…");
  EXPECT_EQ(Excerpt("abc\xE2\x82\xAC", 5), "abc…");
  EXPECT_EQ(Excerpt("abc\xE2\x82\xAC", 6), "abc\xE2\x82\xAC");
  EXPECT_EQ(Excerpt("\xF0\x9F\x98\x80\xF0\x9F\x98\x80", 7), "\xF0\x9F\x98\x80…");
  EXPECT_EQ(Excerpt("\x80\x80\x80", 2), "…");  // no character at all
}

}  // namespace
}  // namespace countersign
