// Runs the cases of tests/cases: each is a patch of one passing situation, and what comes of it.
// Gates that a case does not name must pass, so that a case shows the effect of its patch alone.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include "case_files.h"
#include "governance/evaluate.h"
#include "governance/in_force.h"

namespace countersign::testing {
namespace {

Decision Decide(const Case& c) {
  const Situation made = MakeSituation(SituationOf(c), BaseSituation());
  return Evaluate(made.policies, made.facts);
}

std::vector<PolicyStanding> Standings(const Case& c) {
  const Situation made = MakeSituation(SituationOf(c), BaseSituation());
  return PolicyStandings(made.policies, made.facts.now);
}

std::string AllText(const Decision& decision, const std::vector<PolicyStanding>& standings) {
  std::string text = decision.answers_note + "\n";
  for (const ChangeNote& change : decision.changes) text += change.Text() + "\n";
  for (const PolicyStanding& one : standings) {
    text += one.message + "\n" + one.remedy + "\n";
    for (const std::string& warning : one.warnings) text += warning + "\n";
  }
  for (const Gate& gate : decision.gates) {
    text += gate.path + ": " + gate.message + "\n" + gate.remedy + "\n";
  }
  return text;
}

class Cases : public ::testing::TestWithParam<Case> {};

TEST_P(Cases, ComesOutAsTheCaseSays) {
  const Case& c = GetParam();
  const std::set<std::string> known = {"verdict",         "gates",    "classes",
                                       "environment",     "messages", "nextChange",
                                       "answersApproved", "reaction", "standing"};
  for (const auto& [key, unused] : c.expect.items()) {
    EXPECT_TRUE(known.contains(key)) << "the case expects '" << key << "', which nobody checks";
  }
  const Decision decision = Decide(c);
  const std::string shown = DecisionJson(decision).dump(1);
  EXPECT_EQ(VerdictName(decision.verdict), StringAt(c.expect, "verdict", "Allow")) << shown;

  // Gates by measure; those of a second policy or environment are told apart by a number.
  std::map<std::string, std::string> found;
  for (const Gate& gate : decision.gates) {
    std::string name = gate.measure;
    for (int n = 2; found.contains(name); ++n) name = gate.measure + " " + std::to_string(n);
    found[name] = std::string(GateStateName(gate.state)) + " " + gate.reason;
  }
  const Json* gates = Find(c.expect, "gates");
  for (const auto& [name, text] : found) {
    const Json* wanted = gates == nullptr ? nullptr : Find(*gates, name);
    if (wanted == nullptr) {
      EXPECT_TRUE(text.starts_with("Passed")) << name << " is " << text << "\n" << shown;
    } else {
      EXPECT_EQ(text, wanted->get<std::string>()) << name << "\n" << shown;
    }
  }
  if (gates != nullptr) {
    for (const auto& [name, wanted] : gates->items()) {
      EXPECT_EQ(found.contains(name), wanted.get<std::string>() != "Absent") << name << shown;
    }
  }
  if (const Json* classes = Find(c.expect, "classes")) {
    EXPECT_EQ(Json(decision.classes), *classes) << shown;
  }
  if (const Json* environment = Find(c.expect, "environment")) {
    EXPECT_EQ(decision.environment, environment->get<std::string>());
  }
  if (const Json* approved = Find(c.expect, "answersApproved")) {
    EXPECT_EQ(decision.answers_approved, approved->get<bool>()) << shown;
  }
  if (const Json* next = Find(c.expect, "nextChange")) {
    EXPECT_EQ(decision.next_change ? FormatTime(*decision.next_change) : "never",
              next->get<std::string>());
  }
  if (const Json* reaction = Find(c.expect, "reaction")) {
    const auto now = ReactionNow(decision, ParseTime(StringAt(SituationOf(c), "now")).value());
    EXPECT_EQ(now ? NameOf(*now) : "None", reaction->get<std::string>());
  }
  const std::vector<PolicyStanding> standings = Standings(c);
  if (const Json* wanted = Find(c.expect, "standing")) {
    Json stands = Json::object();
    for (const PolicyStanding& one : standings) {
      if (!wanted->contains(one.policy->meta.name)) continue;
      stands[one.policy->meta.name] = std::string(PolicyStateName(one.state)) + " " + one.reason;
    }
    EXPECT_EQ(stands, *wanted) << shown;
  }
  if (const Json* messages = Find(c.expect, "messages")) {
    for (const Json& message : *messages) {
      EXPECT_NE(AllText(decision, standings).find(message.get<std::string>()), std::string::npos)
          << "nowhere: " << message << "\n"
          << shown;
    }
  }
}

std::string CaseName(const ::testing::TestParamInfo<Case>& info) {
  std::string name = info.param.file.substr(0, info.param.file.find('.')) + "_";
  for (const char c : info.param.name) {
    name += std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
  }
  return name;
}

INSTANTIATE_TEST_SUITE_P(All, Cases, ::testing::ValuesIn(AllCases()), CaseName);

// Reason codes that no object which decodes can bring about; defences_test.cc has them.
const std::set<std::string> kOnlyDefences = {"RequirementUnknown", "TemplateUnreadable",
                                             "MetricUnknown", "BiasCountsInvalid"};

// Words that look like reason codes and are none.
const std::set<std::string> kOtherWords = {
    "DoNotSchedule",          "ImpactAssessment",       "IncidentReview", "SeriousIncident",
    "WidespreadInfringement", "CriticalInfrastructure", "ServingRecord",  "ChangeProtocol"};

TEST(CasesTest, EveryReasonCodeOfTheSourceHasACase) {
  std::set<std::string> seen;
  for (const Case& c : AllCases()) {
    for (const Gate& gate : Decide(c).gates) seen.insert(gate.reason);
    for (const PolicyStanding& one : Standings(c)) {
      seen.insert(one.reason);
      seen.emplace(PolicyStateName(one.state));
    }
  }
  const std::string root = std::string(SOURCE_DIR) + "/lib/governance/";
  std::vector<std::string> files = {root + "evaluate.cc", root + "incidents.cc",
                                    root + "in_force.cc"};
  for (const auto& entry : std::filesystem::directory_iterator(root + "measures")) {
    if (entry.path().extension() == ".cc") files.push_back(entry.path().string());
  }
  const std::regex literal(R"re("([A-Z][a-z]+(?:[A-Z][a-z]+)+)")re");
  std::set<std::string> codes;
  for (const std::string& file : files) {
    std::ifstream in(file);
    std::ostringstream text;
    text << in.rdbuf();
    const std::string source = text.str();
    for (std::sregex_iterator it(source.begin(), source.end(), literal), end; it != end; ++it) {
      codes.insert((*it)[1]);
    }
  }
  EXPECT_GT(codes.size(), 40U) << "the codes are no longer found in the source";
  for (const std::string& code : codes) {
    if (kOnlyDefences.contains(code) || kOtherWords.contains(code)) continue;
    EXPECT_TRUE(seen.contains(code)) << "no case in tests/cases gives " << code;
  }
  for (const std::string& code : kOnlyDefences) EXPECT_TRUE(codes.contains(code)) << code;
}

TEST(CasesTest, EveryCaseHasANameOfItsOwn) {
  std::set<std::string> names;
  for (const Case& c : AllCases()) {
    EXPECT_FALSE(c.name.empty()) << c.file;
    EXPECT_TRUE(names.insert(c.name).second) << c.name;
  }
}

}  // namespace
}  // namespace countersign::testing
