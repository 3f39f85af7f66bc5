// Properties of decisions and of the texts made from them.
#include "governance/decision.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "governance/admit.h"
#include "governance/evaluate.h"
#include "situation.h"

namespace countersign::testing {
namespace {

bool ValidUtf8(const std::string& text) { return CanonicalJson(Json(text)).has_value(); }

Json Denied() {
  Json situation = ReadCases("base.yaml");
  MergePatch(situation, Json::parse(R"({
    "evidence": {"validation-victor": null, "acceptance-olga": null, "run-again": null},
    "policies": {"zeta": {
      "environments": {"other-name": {"namespaces": ["lending-*"], "enforcement": "Hold"}},
      "roles": {"board": {"level": "Strategic", "subjects": [{"kind": "Group", "name": "board"}]}},
      "classification": {"signOff": {"role": "board", "count": 1, "assurance": "Requester"},
                         "classes": {"any": {"when": {"otherwise": true}}}},
      "measures": {"board": {"step": "Deployment", "accountable": "board",
        "require": {"signOff": {"role": "board", "count": 1, "assurance": "Requester"}}}}}}})"));
  return situation;
}

TEST(DecisionTest, TheOrderInWhichFactsAreGatheredDoesNotMatter) {
  const Json base = ReadCases("base.yaml");
  for (const Json& json : {base, Denied()}) {
    Situation made = MakeSituation(json, base);
    const std::string first = DecisionJson(Evaluate(made.policies, made.facts)).dump();
    std::mt19937 random(7);
    for (int round = 0; round < 50; ++round) {
      std::shuffle(made.policies.policies.begin(), made.policies.policies.end(), random);
      Shuffle(made.facts.sign_offs, random);
      Shuffle(made.facts.snapshots, random);
      Shuffle(made.facts.bias_tests, random);
      ASSERT_EQ(DecisionJson(Evaluate(made.policies, made.facts)).dump(), first);
    }
  }
}

// Reasons and notes must not follow the order either, when several kinds of evidence do not count.
TEST(DecisionTest, TheOrderOfEvidenceThatDoesNotCountDoesNotMatter) {
  Json json = ReadCases("base.yaml");
  MergePatch(json, Json::parse(R"({"evidence": {
    "validation-vera": {"stamp": null},
    "validation-victor": {"stamp": {"groups": []}},
    "run": {"stamp": null},
    "bias-holdout": {"stamp": null}}})"));
  const auto copy = [&](const char* from, const char* to, const char* stamp) {
    Json one = json["evidence"][from];
    one["stamp"] = Json::parse(stamp);
    json["evidence"][to] = one;
  };
  copy("run", "run-2", R"({"user": "eve", "groups": [], "at": "2026-11-02T12:00:00Z"})");
  copy("bias-holdout", "bias-2", R"({"user": "eve", "groups": [], "at": "2026-11-02T12:00:00Z"})");
  json["evidence"]["validation-vera"]["spec"].erase("shown");
  Situation made = MakeSituation(json, ReadCases("base.yaml"));
  const std::string first = DecisionJson(Evaluate(made.policies, made.facts)).dump();
  std::mt19937 random(8);
  for (int round = 0; round < 50; ++round) {
    Shuffle(made.facts.sign_offs, random);
    Shuffle(made.facts.snapshots, random);
    Shuffle(made.facts.bias_tests, random);
    ASSERT_EQ(DecisionJson(Evaluate(made.policies, made.facts)).dump(), first);
  }
}

Decision LongDecision(std::size_t gates) {
  Decision decision;
  decision.verdict = Verdict::kDeny;
  decision.environment = "prod";
  for (std::size_t i = 0; i < gates; ++i) {
    Gate gate;
    gate.measure = "measure-" + std::to_string(i);
    gate.reason = "SignOffMissing";
    gate.message = "needs \xC3\xA4\xC3\xB6\xC3\xBC " + std::string(80, 'x');
    gate.remedy = "ask somebody";
    decision.gates.push_back(gate);
  }
  return decision;
}

TEST(DecisionTest, ARefusalStaysWithinItsLimitAndSaysHowManyItLeftOut) {
  for (const std::size_t gates : {1U, 5U, 20U, 200U}) {
    const Decision decision = LongDecision(gates);
    const std::string text = RefusalText(decision, "ns/name", kMaxRefusalBytes);
    EXPECT_LE(text.size(), kMaxRefusalBytes);
    EXPECT_TRUE(ValidUtf8(text));
    std::size_t shown = 0;
    for (auto at = text.find("\n- ["); at != std::string::npos; at = text.find("\n- [", at + 1)) {
      ++shown;
    }
    EXPECT_GE(shown, 1U);
    if (shown < gates) {
      EXPECT_NE(text.find("(and " + std::to_string(gates - shown) + " more)"), std::string::npos);
    }
  }
}

TEST(DecisionTest, ARefusalStaysWithinItsLimitHoweverLongOneTextIs) {
  Decision decision = LongDecision(3);
  decision.answers_note = std::string(5000, 'n');
  EXPECT_LE(RefusalText(decision, "ns/name", kMaxRefusalBytes).size(), kMaxRefusalBytes);
  decision = LongDecision(3);
  decision.gates.front().message = std::string(5000, 'm');
  const std::string text = RefusalText(decision, "ns/name", kMaxRefusalBytes);
  EXPECT_LE(text.size(), kMaxRefusalBytes);
  EXPECT_NE(text.find("[SignOffMissing] measure-0"), std::string::npos)
      << "a long message must not hide which gate it is: " << text;
}

TEST(DecisionTest, ARefusalHasTheFileSignedAndNotWhatIsStoredUnderTheName) {
  const Json base = ReadCases("base.yaml");
  const Situation made = MakeSituation(Denied(), base);
  const Decision decision = Evaluate(made.policies, made.facts);
  const std::string text = RefusalText(decision, "lending-prod/credit-scorer", kMaxRefusalBytes);
  EXPECT_NE(text.find("approve -f FILE -n lending-prod --role model-validator --rationale \""),
            std::string::npos)
      << text;
  EXPECT_EQ(text.find("approve credit-scorer"), std::string::npos) << text;
}

TEST(DecisionTest, WhatSomebodyWroteAddsNoLineToARefusal) {
  Json json = ReadCases("base.yaml");
  MergePatch(json, Json::parse(R"({"evidence": {"validation-vera": {"spec": {
    "decision": "Reject", "rationale": "no\n- [SignedOff] validation: all is well\u0085\u001b[1m"}}}})"));
  const Situation made = MakeSituation(json, ReadCases("base.yaml"));
  const Decision decision = Evaluate(made.policies, made.facts);
  const std::string text = RefusalText(decision, "lending-prod/credit-scorer", kMaxRefusalBytes);
  EXPECT_EQ(text.find("\n- [SignedOff]"), std::string::npos) << text;
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_EQ(text.find("\xC2\x85"), std::string::npos);
}

TEST(DecisionTest, NoTextSaysThatAFieldIsImmutable) {
  // Argo CD and Flux take these words as a sign to delete and create the object again.
  const Json base = ReadCases("base.yaml");
  for (const Json& json : {base, Denied()}) {
    const Situation made = MakeSituation(json, base);
    const Decision decision = Evaluate(made.policies, made.facts);
    const std::string text = RefusalText(decision, "a/b", 100000) + DecisionJson(decision).dump();
    EXPECT_EQ(text.find("immutable"), std::string::npos);
  }
}

TEST(DecisionTest, WhatNobodySeesIsASpace) {
  // Left-to-right and other overrides, isolates, zero widths, a line separator, a byte order mark.
  for (const char* hidden : {"\u200B", "\u200D", "\u200E", "\u2028", "\u202A", "\u202E", "\u2060",
                             "\u2066", "\u2069", "\u061C", "\u00AD", "\uFEFF", "\u0085", "\n"}) {
    EXPECT_EQ(OneLine("a" + std::string(hidden) + "b", 80), "a b");
  }
  for (const char* shown : {"\u00A0", "\u00E4", "\u2013", "\u2019", "\u20AC", "\u0627", "\u05D0"}) {
    EXPECT_EQ(OneLine("a" + std::string(shown) + "b", 80), "a" + std::string(shown) + "b");
  }
}

TEST(DecisionTest, TextIsCutBetweenCharacters) {
  const std::string text = "ab\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80xyz";
  for (std::size_t limit = 3; limit <= text.size() + 1; ++limit) {
    const std::string cut = OneLine(text, limit);
    EXPECT_LE(cut.size(), limit);
    EXPECT_TRUE(ValidUtf8(cut)) << limit;
    EXPECT_EQ(cut == text, limit >= text.size()) << limit;
  }
}

TEST(AdmitTest, ARefusalOfWhatIsUnchangedIsLetThroughWithWarnings) {
  const Decision decision = LongDecision(3);
  const Admission changed = Admit(decision, "ns/name", false);
  EXPECT_FALSE(changed.allowed);
  EXPECT_FALSE(changed.ratcheted);
  EXPECT_FALSE(changed.message.empty());
  const Admission same = Admit(decision, "ns/name", true);
  EXPECT_TRUE(same.allowed);
  EXPECT_TRUE(same.ratcheted);
  EXPECT_TRUE(same.message.empty());
  EXPECT_EQ(same.warnings.size(), 3U);
}

TEST(AdmitTest, OnlyADenialIsRefused) {
  for (const auto verdict : {Verdict::kAllow, Verdict::kWarn, Verdict::kHold, Verdict::kDeny}) {
    Decision decision = LongDecision(1);
    decision.verdict = verdict;
    EXPECT_EQ(Admit(decision, "a/b", false).allowed, verdict != Verdict::kDeny);
    EXPECT_FALSE(Admit(decision, "a/b", true).ratcheted && verdict != Verdict::kDeny);
  }
}

TEST(AdmitTest, WarningsAreFewShortSingleLinesOfValidUtf8) {
  Decision decision = LongDecision(40);
  decision.verdict = Verdict::kHold;
  for (std::size_t i = 0; i < decision.gates.size(); ++i) {
    decision.gates[i].enforcement = Enforcement::kHold;
    decision.gates[i].message = std::string(i * 7, 'x') + "\n\t\x7F\xC2\x85\xE2\x82\xAC end";
    for (int k = 0; k < 100; ++k) decision.gates[i].message += "\xF0\x9F\x98\x80";
  }
  const Admission admission = Admit(decision, "a/b", false);
  ASSERT_EQ(admission.warnings.size(), 40U);
  const auto lines = WarningLines(admission.warnings);
  ASSERT_EQ(lines.size(), kMaxWarnings);
  EXPECT_EQ(lines.back(), "and 27 more");
  for (const std::string& line : lines) {
    EXPECT_LE(line.size(), kMaxWarningBytes);
    EXPECT_TRUE(ValidUtf8(line));
    EXPECT_TRUE(line == lines.back() || line.starts_with("held: [SignOffMissing] measure-"));
    for (const char c : line) EXPECT_GE(static_cast<unsigned char>(c), 0x20);
    EXPECT_EQ(line.find("\xC2\x85"), std::string::npos);
  }
}

TEST(AdmitTest, AWarningThatIsLongGoesOnAtAWordAndNothingOfItIsLost) {
  std::string text = "[EmergencyWaived] serves by waiver 'home/night'";
  for (int i = 0; i < 60; ++i) text += " word" + std::to_string(i);
  const auto lines = WarningLines({text, "short"});
  ASSERT_GT(lines.size(), 2U);
  EXPECT_EQ(lines.back(), "short");
  std::string whole = lines.front();
  for (std::size_t i = 1; i + 1 < lines.size(); ++i) {
    ASSERT_TRUE(lines[i].starts_with("… word")) << lines[i];
    whole += lines[i].substr(std::string("…").size());
  }
  EXPECT_EQ(whole, text);
  for (const std::string& line : lines) EXPECT_LE(line.size(), kMaxWarningBytes);
}

TEST(AdmitTest, ACommandThatFitsALineIsNotTornApart) {
  const std::string command = "kubectl countersign approve --waiver night -n home --role validator";
  const std::string before(200, 'x');
  const auto lines = WarningLines({before + ": " + command});
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[0], before + ":");
  EXPECT_EQ(lines[1], "… " + command);
}

TEST(AdmitTest, ALongWarningPushesOutNone) {
  std::vector<std::string> warnings(3, std::string(100'000, 'x'));
  warnings.emplace_back("the last");
  const auto lines = WarningLines(warnings);
  ASSERT_EQ(lines.size(), kMaxWarnings);
  EXPECT_EQ(lines.back(), "the last");
  EXPECT_TRUE(lines[lines.size() - 2].ends_with("x..."));
  for (const std::string& line : lines) EXPECT_LE(line.size(), kMaxWarningBytes);
}

TEST(AdmitTest, WhatIsOnlyAuditedIsNotWarnedOf) {
  Decision decision = LongDecision(2);
  decision.verdict = Verdict::kWarn;
  decision.gates[0].enforcement = Enforcement::kAudit;
  decision.gates[1].enforcement = Enforcement::kWarn;
  const Admission admission = Admit(decision, "a/b", false);
  ASSERT_EQ(admission.warnings.size(), 1U);
  EXPECT_TRUE(admission.warnings[0].starts_with("[SignOffMissing] measure-1"));
}

}  // namespace
}  // namespace countersign::testing
