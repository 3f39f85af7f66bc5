#include "cli/render.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/command.h"

namespace countersign {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(Render, ControlCharactersNeverReachTheTerminal) {
  EXPECT_EQ(Printable("a\x1b[31mb\nc\td\x7f"), "a [31mb c d ");
  EXPECT_EQ(Printable("a\xC2\x9B"
                      "31m"),
            "a 31m");  // U+009B starts an escape sequence too
  EXPECT_EQ(Printable("Grüße, 日本"), "Grüße, 日本");
  EXPECT_EQ(Printable("\xC2"), "\xC2");
}

TEST(Render, ColumnsAreAsWideAsTheirWidestCell) {
  EXPECT_EQ(Table({{"A", "LONG HEAD", "C"}, {"wörter", "x", ""}, {"b"}}),
            "A       LONG HEAD  C\n"
            "wörter  x\n"
            "b\n");
  EXPECT_EQ(Table({}), "");
}

TEST(Render, AGateShowsWhyAndWhatToDo) {
  const Json gates = Json::array({{{"state", "Missing"},
                                   {"measure", "validation"},
                                   {"policy", "lending"},
                                   {"reason", "SignOffMissing"},
                                   {"path", "spec.model"},
                                   {"message", "needs 2 sign-offs, has none"},
                                   {"remedy", "group 'model-risk' can run: kubectl …"}},
                                  {{"state", "Passed"},
                                   {"measure", "bias"},
                                   {"reason", "WithinBounds"},
                                   {"message", "all within bounds"},
                                   {"validUntil", "2027-01-01T00:00:00Z"}}});
  EXPECT_EQ(GatesText(gates),
            "  STATE    GATE        REASON          ASKED BY\n"
            "  Missing  validation  SignOffMissing  policy lending\n"
            "      spec.model: needs 2 sign-offs, has none\n"
            "      Remedy: group 'model-risk' can run: kubectl …\n"
            "  Passed   bias        WithinBounds    always\n"
            "      all within bounds (valid until 2027-01-01T00:00:00Z)\n");
}

TEST(Render, GatesOfAnotherShapeDoNotStopIt) {
  EXPECT_EQ(GatesText(Json::array()), "  no gates\n");
  EXPECT_EQ(GatesText("nonsense"), "  no gates\n");
  EXPECT_THAT(GatesText(Json::array({1, nullptr, {{"state", 7}}})), HasSubstr("STATE"));
}

TEST(Render, AnEscapeSequenceInAGateIsDisarmed) {
  const Json gates = Json::array({{{"state", "Missing"}, {"message", "\x1b]0;owned\x07"}}});
  EXPECT_THAT(GatesText(gates), Not(HasSubstr("\x1b")));
}

TEST(Render, ListsAreForReading) {
  const Json list = {"high", "personal"};
  EXPECT_EQ(ListText(&list), "high, personal");
  EXPECT_EQ(ListText(nullptr), "none");
}

TEST(Command, CallsItselfAsTheUserDoes) {
  EXPECT_EQ(ProgramName("/usr/bin/kubectl-countersign"), "kubectl countersign");
  EXPECT_EQ(ProgramName("countersign"), "countersign");
  EXPECT_EQ(ProgramName("/opt/kubectl-tools/countersign"), "countersign");
}

}  // namespace
}  // namespace countersign
