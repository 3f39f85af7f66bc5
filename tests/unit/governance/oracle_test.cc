// An obvious evaluator, written from the documentation and as slow as it likes, against the real
// one on generated situations: sign-offs and classification. Seeds are fixed.
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

#include "governance/classify.h"
#include "governance/measures/sign_off.h"

namespace countersign::testing {
namespace {

using Random = std::mt19937;

int Below(Random& random, int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); }

// ---- Sign-offs -------------------------------------------------------------------------------

// Six accounts: two people with two each, one with one, and a robot.
const std::vector<std::string> kAccounts = {
    "ana", "ana-admin", "ben", "ben-admin", "cleo", "system:serviceaccount:lending:bot"};

std::string NaivePerson(const std::string& account) {
  return account.starts_with("ana") ? "Ana" : account.starts_with("ben") ? "Ben" : account;
}

GovernancePolicySpec PeoplePolicy() {
  GovernancePolicySpec policy;
  policy.people = {{"Ana", "", {"ana", "ana-admin"}}, {"Ben", "", {"ben", "ben-admin"}}};
  policy.roles = {{"validator", RoleLevel::kTactical, "", {{SubjectKind::kGroup, "risk"}}}};
  return policy;
}

AttestedSignOff RandomSignOff(Random& random, int number) {
  auto object = std::make_shared<SignOff>();
  object->meta.name = "s" + std::to_string(number);
  SignOffSpec& spec = object->spec;
  spec.subject.use_case = "credit";
  spec.subject.environment = Below(random, 8) == 0 ? "qa" : "prod";
  spec.subject.model = ModelDigest{Below(random, 8) == 0 ? "other" : "model", DigestType::kFile};
  spec.subject.governed_digest = Below(random, 8) == 0 ? "old" : "now";
  spec.role = Below(random, 8) == 0 ? "owner" : "validator";
  spec.decision = Below(random, 5) == 0 ? SignOffDecision::kReject : SignOffDecision::kApprove;
  Provenance by;
  by.user = kAccounts[static_cast<std::size_t>(Below(random, 6))];
  by.authenticity = Below(random, 10) == 0 ? Authenticity::kUnproven : Authenticity::kAttested;
  if (Below(random, 6) > 0) by.groups.push_back("risk");
  if (Below(random, 8) == 0) by.groups.push_back("developers");
  by.first_seen = Time(std::chrono::seconds(Below(random, 12)));
  spec.signer.username = Below(random, 12) == 0 ? "cleo" : by.user;
  if (Below(random, 4) == 0) spec.expires_at = Time(std::chrono::seconds(5 + Below(random, 20)));
  return {object, by};
}

// Passed, Failed (rejected), Expired or Missing, by the book.
GateState NaiveSignOffs(const std::vector<AttestedSignOff>& all, const SignOffRequirement& r,
                        const std::string& author, const std::string& developer, Time now) {
  std::map<std::string, AttestedSignOff> latest;
  for (const AttestedSignOff& one : all) {
    const SignOffSpec& s = one.object->spec;
    const bool about_this = s.subject.environment == "prod" && s.subject.governed_digest == "now" &&
                            s.subject.model->digest == "model" && s.role == "validator";
    const bool holds =
        std::set<std::string>(one.by.groups.begin(), one.by.groups.end()).contains("risk");
    const bool genuine = one.by.authenticity == Authenticity::kAttested &&
                         s.signer.username == one.by.user && !one.by.user.starts_with("system:");
    if (!about_this || !holds || !genuine) continue;
    const auto key = NaivePerson(one.by.user);
    const auto age = [](const AttestedSignOff& x) {
      return std::tuple(x.by.first_seen, x.object->spec.decision == SignOffDecision::kReject,
                        x.object->meta.name);
    };
    if (!latest.contains(key) || age(latest.at(key)) < age(one)) latest[key] = one;
  }
  int good = 0;
  int ended = 0;
  for (const auto& [person, one] : latest) {
    if (one.object->spec.decision == SignOffDecision::kReject) return GateState::kFailed;
    bool excluded = false;
    for (const Distinct from : r.distinct_from) {
      if (from == Distinct::kRequester && person == NaivePerson(author)) excluded = true;
      if (from == Distinct::kDevelopers &&
          (person == NaivePerson(developer) ||
           std::set<std::string>(one.by.groups.begin(), one.by.groups.end())
               .contains("developers"))) {
        excluded = true;
      }
    }
    if (excluded) continue;
    const bool over = (r.max_age && one.by.first_seen + *r.max_age <= now) ||
                      (one.object->spec.expires_at && *one.object->spec.expires_at <= now);
    ++(over ? ended : good);
  }
  if (good >= r.count) return GateState::kPassed;
  return good + ended >= r.count ? GateState::kExpired : GateState::kMissing;
}

TEST(OracleTest, SignOffsComeOutAsByTheBook) {
  Random random(20261124);
  const GovernancePolicySpec policy = PeoplePolicy();
  std::map<GateState, int> outcomes;
  for (int round = 0; round < 20000; ++round) {
    SignOffRequirement r;
    r.role = "validator";
    r.count = 1 + Below(random, 2);
    if (Below(random, 2) == 0) r.distinct_from.push_back(Distinct::kDevelopers);
    if (Below(random, 2) == 0) r.distinct_from.push_back(Distinct::kRequester);
    if (Below(random, 2) == 0) r.max_age = Seconds(5 + Below(random, 10));
    Facts facts;
    facts.now = Time(std::chrono::seconds(12 + Below(random, 4)));
    facts.author = {Authenticity::kAttested,
                    "",
                    "",
                    kAccounts[static_cast<std::size_t>(Below(random, 6))],
                    {},
                    Time{}};
    const std::string developer = kAccounts[static_cast<std::size_t>(Below(random, 6))];
    const int size = Below(random, 9);
    for (int i = 0; i < size; ++i) facts.sign_offs.push_back(RandomSignOff(random, i));
    const Dossier dossier(facts);
    Insiders insiders;
    insiders.Add(policy, developer);
    insiders.AddGroup({SubjectKind::kGroup, "developers"});
    SignOffTarget target;
    target.use_case = "credit";
    target.environment = "prod";
    target.model = ModelDigest{"model", DigestType::kFile};
    target.governed_digest = "now";
    const auto wanted =
        NaiveSignOffs(facts.sign_offs.items(), r, facts.author.user, developer, facts.now);
    const auto outcome = JudgeSignOffs(policy, r, target, facts, insiders,
                                       EvidenceIndex(dossier, policy, {}), "answers");
    ASSERT_EQ(GateStateName(outcome.state), GateStateName(wanted))
        << "round " << round << ": " << outcome.reason << ", " << outcome.message;
    ++outcomes[wanted];
    // What passes until an instant passes just before it and not at it, all else equal.
    if (outcome.state == GateState::kPassed && outcome.valid_until) {
      facts.now = *outcome.valid_until - std::chrono::microseconds(1);
      EXPECT_EQ(JudgeSignOffs(policy, r, target, facts, insiders,
                              EvidenceIndex(dossier, policy, {}), "answers")
                    .state,
                GateState::kPassed);
      facts.now = *outcome.valid_until;
      EXPECT_EQ(JudgeSignOffs(policy, r, target, facts, insiders,
                              EvidenceIndex(dossier, policy, {}), "answers")
                    .state,
                GateState::kExpired);
    }
  }
  for (const auto state :
       {GateState::kPassed, GateState::kExpired, GateState::kMissing, GateState::kFailed}) {
    EXPECT_GT(outcomes[state], 500) << GateStateName(state) << " is hardly exercised";
  }
}

// ---- Classification --------------------------------------------------------------------------

// What the approved, complete answers `chosen` (question to options) lead to: two-valued.
using Chosen = std::map<std::string, std::set<std::string>>;

bool Holds(const Leaf& leaf, const Chosen& chosen, std::int64_t score) {
  if (leaf.score_at_least) return score >= *leaf.score_at_least;
  return chosen.at(leaf.answer).contains(leaf.includes);
}

template <class Group>
bool HoldsGroup(const Group& group, const Chosen& chosen, std::int64_t score) {
  const auto test = [&](const auto& part) {
    if constexpr (std::is_same_v<std::decay_t<decltype(part)>, Leaf>) {
      return Holds(part, chosen, score);
    } else {
      return HoldsGroup(part, chosen, score);
    }
  };
  if (!group.any_of.empty()) return std::any_of(group.any_of.begin(), group.any_of.end(), test);
  if (!group.all_of.empty()) return std::all_of(group.all_of.begin(), group.all_of.end(), test);
  return Holds(group, chosen, score);
}

std::set<std::string> NaiveClasses(const Classification& c, const Chosen& chosen) {
  std::int64_t score = 0;
  for (const Question& q : c.questions) {
    for (const std::string& option : chosen.at(q.name)) score += q.options.at(option);
  }
  std::set<std::string> classes;
  std::string rest;
  for (const RiskClass& risk : c.classes) {
    if (risk.when.otherwise) {
      rest = risk.name;
    } else if (HoldsGroup(risk.when, chosen, score)) {
      classes.insert(risk.name);
    }
  }
  return classes.empty() ? std::set<std::string>{rest} : classes;
}

// Every way in which the questions can be answered where `known` says nothing.
std::vector<Chosen> Completions(const Classification& c, const Chosen& known) {
  std::vector<Chosen> all = {{}};
  for (const Question& q : c.questions) {
    std::vector<std::set<std::string>> ways;
    if (known.contains(q.name)) {
      ways = {known.at(q.name)};
    } else if (q.multiple) {
      ways = {{"a"}, {"b"}, {"a", "b"}};
    } else {
      ways = {{"a"}, {"b"}};
    }
    std::vector<Chosen> next;
    for (const Chosen& start : all) {
      for (const auto& way : ways) {
        next.push_back(start);
        next.back()[q.name] = way;
      }
    }
    all = std::move(next);
  }
  return all;
}

Leaf RandomLeaf(Random& random) {
  Leaf leaf;
  if (Below(random, 2) == 0) {
    leaf.score_at_least = Below(random, 10);
  } else {
    leaf.answer = "q" + std::to_string(Below(random, 3));
    leaf.includes = Below(random, 2) == 0 ? "a" : "b";
  }
  return leaf;
}

ClassCondition RandomCondition(Random& random) {
  ClassCondition condition;
  const int form = Below(random, 3);
  if (form == 0) {
    static_cast<Leaf&>(condition) = RandomLeaf(random);
    return condition;
  }
  auto& parts = form == 1 ? condition.any_of : condition.all_of;
  for (int i = 0; i < 2; ++i) {
    Clause clause;
    if (Below(random, 2) == 0) {
      static_cast<Leaf&>(clause) = RandomLeaf(random);
    } else {
      auto& leaves = Below(random, 2) == 0 ? clause.any_of : clause.all_of;
      leaves = {RandomLeaf(random), RandomLeaf(random)};
    }
    parts.push_back(clause);
  }
  return condition;
}

TEST(OracleTest, ClassesAreThoseThatTheAnswersLeadTo) {
  Random random(4711);
  int complete = 0;
  for (int round = 0; round < 5000; ++round) {
    Classification c;
    for (int q = 0; q < 3; ++q) {
      c.questions.push_back({"q" + std::to_string(q),
                             "",
                             Below(random, 2) == 0,
                             {{"a", Below(random, 5)}, {"b", Below(random, 5)}}});
    }
    c.classes = {{"one", "", RandomCondition(random)}, {"two", "", RandomCondition(random)}};
    ClassCondition otherwise;
    otherwise.otherwise = true;
    c.classes.push_back({"rest", "", otherwise});

    UseCaseSpec use_case;
    Chosen known;
    for (const Question& q : c.questions) {
      if (Below(random, 4) == 0) continue;  // not answered
      std::set<std::string> options = {Below(random, 2) == 0 ? "a" : "b"};
      if (q.multiple && Below(random, 2) == 0) options = {"a", "b"};
      known[q.name] = options;
      use_case.answers[q.name].assign(options.begin(), options.end());
      if (Below(random, 10) == 0) {  // an answer that is no option says nothing
        use_case.answers[q.name].push_back("c");
        known.erase(q.name);
      }
    }
    const bool approved = Below(random, 4) > 0;
    const ClassesOf got = Classify(c, &use_case, approved);
    const std::set<std::string> classes(got.classes.begin(), got.classes.end());
    const auto completions = Completions(c, approved ? known : Chosen{});
    std::set<std::string> possible;
    for (const Chosen& chosen : completions) {
      const auto some = NaiveClasses(c, chosen);
      possible.insert(some.begin(), some.end());
    }
    // Never milder than any way to complete the answers; exact where nothing is open.
    for (const std::string& name : possible) {
      ASSERT_TRUE(classes.contains(name)) << "round " << round << ": " << name << " is missing";
    }
    EXPECT_EQ(got.certain, approved && known.size() == 3);
    if (!got.certain) continue;
    ++complete;
    ASSERT_EQ(classes, possible) << "round " << round;
  }
  EXPECT_GT(complete, 500);
}

}  // namespace
}  // namespace countersign::testing
