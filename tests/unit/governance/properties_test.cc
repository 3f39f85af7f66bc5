// What holds for every situation, not only for those that a case names: the order in which facts
// come does not matter, more good evidence is never worse, and more at stake never asks for less.
// The situations are those of tests/cases; randomness is seeded, so that a failure comes again.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "case_files.h"
#include "governance/dossier.h"
#include "governance/evaluate.h"

namespace countersign::testing {
namespace {

std::string Shown(const Situation& made) {
  return DecisionJson(Evaluate(made.policies, made.facts)).dump();
}

TEST(Properties, NoDecisionDependsOnTheOrderOfItsFacts) {
  std::mt19937 random(3);  // NOLINT(bugprone-random-generator-seed): the same orders every run
  for (const Case& c : AllCases()) {
    Situation made = MakeSituation(SituationOf(c), BaseSituation());
    const std::string first = Shown(made);
    for (int round = 0; round < 3; ++round) {
      Facts& facts = made.facts;
      std::shuffle(made.policies.policies.begin(), made.policies.policies.end(), random);
      Shuffle(facts.sign_offs, random);
      Shuffle(facts.snapshots, random);
      Shuffle(facts.bias_tests, random);
      Shuffle(facts.reports, random);
      Shuffle(facts.waivers, random);
      Shuffle(facts.incidents, random);
      ASSERT_EQ(Shown(made), first) << c.file << ": " << c.name;
    }
  }
}

// Nor on who made the evidence ready to be looked up, or for which other evidence it was.
TEST(Properties, NoDecisionDependsOnADossierThatIsKept) {
  Situation other = MakeSituation(BaseSituation(), BaseSituation());
  const auto others = std::make_shared<const Dossier>(other.facts);
  for (const Case& c : AllCases()) {
    Situation made = MakeSituation(SituationOf(c), BaseSituation());
    const std::string first = Shown(made);
    made.facts.dossier = others;
    ASSERT_EQ(Shown(made), first) << c.file << ": " << c.name;
    made.facts.dossier = std::make_shared<const Dossier>(made.facts);
    static_cast<StoredEvidence&>(made.facts) = made.facts.dossier->evidence();
    ASSERT_EQ(Shown(made), first) << c.file << ": " << c.name;
  }
}

// Whatever part of good evidence is there, one more piece of it never makes the verdict worse. What
// may: rejections, incidents, later results that fail. None of these situations has any.
TEST(Properties, MoreGoodEvidenceIsNeverWorse) {
  std::mt19937 random(4);  // NOLINT(bugprone-random-generator-seed): the same subsets every run
  int grew = 0;
  for (const Case& c : AllCases()) {
    if (c.file != "reports.yaml" || StringAt(c.expect, "verdict") != "Allow") continue;
    Json situation = SituationOf(c);
    // In the order in which they were made, so that sign-offs find what they were shown.
    const Json all = situation["evidence"];
    std::vector<std::string> names;
    for (auto it = all.begin(); it != all.end(); ++it) names.push_back(it.key());
    const Situation whole = MakeSituation(situation, BaseSituation());
    for (int round = 0; round < 4; ++round) {
      std::shuffle(names.begin(), names.end(), random);
      Situation made = whole;
      Verdict before = Verdict::kDeny;
      for (std::size_t count = 0; count <= names.size(); ++count) {
        const std::set<std::string> there(names.begin(),
                                          names.begin() + static_cast<std::ptrdiff_t>(count));
        made.facts = whole.facts;
        const auto keep = [&](auto& list) {
          list.Change([&](auto& items) {
            std::erase_if(items,
                          [&](const auto& one) { return !there.contains(one.object->meta.name); });
          });
        };
        keep(made.facts.sign_offs);
        keep(made.facts.snapshots);
        keep(made.facts.bias_tests);
        keep(made.facts.reports);
        const Verdict now = Evaluate(made.policies, made.facts).verdict;
        ASSERT_LE(now, before) << c.name << ": worse with '" << names[count == 0 ? 0 : count - 1]
                               << "'";
        grew += now < before ? 1 : 0;
        before = now;
      }
      ASSERT_EQ(before, Verdict::kAllow) << c.name;
    }
  }
  EXPECT_GT(grew, 50) << "hardly any evidence made a difference: the test shows nothing";
}

// A use case that is open to more people, or costs more when it errs, owes at least as much, where
// no measure is for the mildest class alone (policy_warnings.h tells of those).
TEST(Properties, MoreAtStakeNeverAsksForLess) {
  std::mt19937 random(5);  // NOLINT(bugprone-random-generator-seed): the same answers every run
  const std::vector<std::string> audiences = {"single", "internal", "public"};  // by their scores
  const std::vector<std::string> impacts = {"none", "financial", "legal"};
  const auto owed = [&](std::size_t audience, const std::vector<std::string>& impact) {
    Json situation = BaseSituation();
    situation["useCase"]["answers"] = {{"audience", Json::array({audiences[audience]})},
                                       {"impact", impact}};
    const Situation made = MakeSituation(situation, BaseSituation());
    std::set<std::string> measures;
    for (const Gate& gate : Evaluate(made.policies, made.facts).gates)
      measures.insert(gate.measure);
    return measures;
  };
  for (int round = 0; round < 50; ++round) {
    const std::size_t mild = random() % audiences.size();
    const std::size_t wild = mild + random() % (audiences.size() - mild);
    std::vector<std::string> less = {impacts[random() % impacts.size()]};
    std::vector<std::string> more = less;
    for (const std::string& impact : impacts) {
      if (impact != less.front() && random() % 2 == 0) more.push_back(impact);
    }
    const auto low = owed(mild, less);
    const auto high = owed(wild, more);
    ASSERT_TRUE(std::includes(high.begin(), high.end(), low.begin(), low.end()))
        << audiences[mild] << " to " << audiences[wild];
  }
}

}  // namespace
}  // namespace countersign::testing
