#include "base/shell.h"

#include <gtest/gtest.h>

namespace countersign {
namespace {

TEST(ShellQuoted, IsOneWordWhateverIsInIt) {
  EXPECT_EQ(ShellQuoted("a 'b' $c"), "'a '\\''b'\\'' $c'");
  EXPECT_EQ(ShellQuoted(""), "''");
}

TEST(ShellWord, IsBareOnlyWhereNothingMeansAnythingToAShell) {
  EXPECT_EQ(ShellWord("--image=ns/chat/c=r.example:5000/server@sha256:0a"),
            "--image=ns/chat/c=r.example:5000/server@sha256:0a");
  for (const std::string text : {"a b", "$(id)", "`id`", "a;b", "a&b", "a|b", "~", "*", "a>b",
                                 "{a,b}", "#a", "!a", "a\nb", "\"a", "\\a", ""}) {
    EXPECT_EQ(ShellWord(text), "'" + text + "'");
  }
}

}  // namespace
}  // namespace countersign
