#include "base/command_line.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace countersign {
namespace {

// A program as ours are: a command, options in both, a switch and a positional.
struct Program {
  Program() {
    app.require_subcommand(1);
    app.fallthrough();
    app.add_option("-n,--namespace", name_space);
    CLI::App* command = app.add_subcommand("approve");
    command->fallthrough();
    command->add_option("name", name);
    command->add_option("--rationale", rationale);
    command->add_option("--respond", responses)->allow_extra_args(false);
    command->add_flag("-r,--reject", reject);
  }
  // What is wrong; empty if nothing.
  std::string Parse(std::vector<const char*> arguments) {
    arguments.insert(arguments.begin(), "countersign");
    try {
      ParseCommandLine(app, static_cast<int>(arguments.size()), arguments.data());
    } catch (const CLI::ParseError& error) {
      return UsageProblem(app, error);
    }
    return {};
  }

  CLI::App app;
  std::string name_space = "unset", name, rationale = "unset";
  std::vector<std::string> responses;
  bool reject = false;
};

TEST(ParseCommandLine, AnEmptyValueDoesNotTakeTheNextArgument) {
  Program program;
  EXPECT_EQ(program.Parse({"approve", "scorer", "--rationale=", "--reject"}), "");
  EXPECT_EQ(program.rationale, "");
  EXPECT_TRUE(program.reject);
  EXPECT_EQ(program.name, "scorer");
}

TEST(ParseCommandLine, NorDoesOneOfTheProgramOrOfAShortOption) {
  for (const char* empty : {"--namespace=", "-n="}) {
    Program program;
    EXPECT_EQ(program.Parse({empty, "approve", "scorer"}), "") << empty;
    EXPECT_EQ(program.name_space, "");
    EXPECT_EQ(program.name, "scorer");
    Program behind;
    EXPECT_EQ(behind.Parse({"approve", empty, "scorer"}), "") << empty;
    EXPECT_EQ(behind.name_space, "");
    EXPECT_EQ(behind.name, "scorer");
  }
}

TEST(ParseCommandLine, AsTheLastArgumentItIsAnEmptyValueToo) {
  Program program;
  EXPECT_EQ(program.Parse({"approve", "scorer", "--rationale="}), "");
  EXPECT_EQ(program.rationale, "");
}

TEST(ParseCommandLine, AnOptionThatIsRepeatedKeepsItsOtherValues) {
  Program program;
  EXPECT_EQ(program.Parse({"approve", "--respond", "a=b", "--respond=", "--respond=c="}), "");
  EXPECT_EQ(program.responses, (std::vector<std::string>{"a=b", "", "c="}));
}

TEST(ParseCommandLine, ASwitchTakesNoValue) {
  for (const char* empty : {"--reject=", "-r="}) {
    Program program;
    const std::string problem = program.Parse({"approve", "scorer", empty, "--rationale", "no"});
    EXPECT_NE(problem.find("takes no value"), std::string::npos) << problem;
  }
}

TEST(ParseCommandLine, WhatOnlyLooksLikeItStaysAsItIs) {
  Program program;
  EXPECT_EQ(program.Parse({"approve", "--rationale", "--see notes=", "--", "a="}), "");
  EXPECT_EQ(program.rationale, "--see notes=");
  EXPECT_EQ(program.name, "a=");
  EXPECT_EQ(Program().Parse({"approve", "--nonsense="}), "'--nonsense=' is not a command or flag");
}

TEST(ParseCommandLine, AnythingAfterADashedValueIsStillRead) {
  Program program;
  EXPECT_EQ(program.Parse({"approve", "scorer", "--rationale", "--", "--namespace=", "-r"}), "");
  EXPECT_EQ(program.name_space, "");
  EXPECT_TRUE(program.reject);
}

TEST(Given, RefusesNothingAndWhatReadsAsAFlag) {
  CLI::App app;
  std::string value;
  app.add_option("--rationale", value);
  CheckAllGiven(app);
  const auto parsed = [&](std::vector<const char*> arguments) {
    arguments.insert(arguments.begin(), "countersign");
    try {
      ParseCommandLine(app, static_cast<int>(arguments.size()), arguments.data());
    } catch (const CLI::ParseError&) {
      return false;
    }
    return true;
  };
  EXPECT_TRUE(parsed({"--rationale", "-- see the notes"}));
  EXPECT_TRUE(parsed({"--rationale", "--reject it, said the board"}));
  EXPECT_FALSE(parsed({"--rationale="}));
  EXPECT_FALSE(parsed({"--rationale", ""}));
  EXPECT_FALSE(parsed({"--rationale", "--reject"}));
}

}  // namespace
}  // namespace countersign
