#include "governance/classify.h"

#include <algorithm>
#include <map>
#include <set>

namespace countersign {
namespace {

enum class Truth { kFalse, kMaybe, kTrue };

// What may be known of one question's answer: what it says, or that it could be anything.
struct Answer {
  const Question* question = nullptr;
  bool known = false;
  std::vector<std::string> chosen;
};

struct ScoreRange {
  std::int64_t least = 0;
  std::int64_t most = 0;
};

using Answers = std::map<std::string, Answer>;

ScoreRange RangeOf(const Answers& answers) {
  ScoreRange range;
  for (const auto& [name, answer] : answers) {
    if (answer.known) {
      for (const std::string& option : answer.chosen) {
        range.least += answer.question->options.at(option);
        range.most += answer.question->options.at(option);
      }
      continue;
    }
    // Scores are not negative, so the least is no score and the most is every option, or the
    // weightiest where only one may be chosen.
    std::int64_t sum = 0;
    std::int64_t top = 0;
    for (const auto& [option, score] : answer.question->options) {
      sum += score;
      top = std::max(top, score);
    }
    range.most += answer.question->multiple ? sum : top;
  }
  return range;
}

Truth Test(const Leaf& leaf, const Answers& answers, const ScoreRange& range) {
  if (leaf.score_at_least) {
    if (range.least >= *leaf.score_at_least) return Truth::kTrue;
    return range.most >= *leaf.score_at_least ? Truth::kMaybe : Truth::kFalse;
  }
  const auto it = answers.find(leaf.answer);
  if (it == answers.end() || !it->second.known) return Truth::kMaybe;
  const auto& chosen = it->second.chosen;
  return std::find(chosen.begin(), chosen.end(), leaf.includes) != chosen.end() ? Truth::kTrue
                                                                                : Truth::kFalse;
}

template <class Group>
Truth TestGroup(const Group& group, const Answers& answers, const ScoreRange& range) {
  if (!group.any_of.empty()) {
    Truth best = Truth::kFalse;
    for (const auto& part : group.any_of) best = std::max(best, TestAny(part, answers, range));
    return best;
  }
  if (!group.all_of.empty()) {
    Truth worst = Truth::kTrue;
    for (const auto& part : group.all_of) worst = std::min(worst, TestAny(part, answers, range));
    return worst;
  }
  return Test(group, answers, range);
}

Truth TestAny(const Leaf& leaf, const Answers& answers, const ScoreRange& range) {
  return Test(leaf, answers, range);
}
Truth TestAny(const Clause& clause, const Answers& answers, const ScoreRange& range) {
  return TestGroup(clause, answers, range);
}

// Reads one answer; says what is wrong with it, if something is.
std::string Read(const Question& question, const UseCaseSpec& use_case, Answer& answer) {
  const auto it = use_case.answers.find(question.name);
  if (it == use_case.answers.end() || it->second.empty()) {
    return "question '" + question.name + "' is not answered";
  }
  const std::set<std::string> chosen(it->second.begin(), it->second.end());
  for (const std::string& option : chosen) {
    if (!question.options.contains(option)) {
      return "'" + option + "' is not an option of question '" + question.name + "'";
    }
  }
  if (chosen.size() > 1 && !question.multiple) {
    return "question '" + question.name + "' takes one answer, has " +
           std::to_string(chosen.size());
  }
  answer.known = true;
  answer.chosen.assign(chosen.begin(), chosen.end());
  return {};
}

}  // namespace

ClassesOf Classify(const Classification& classification, const UseCaseSpec* use_case,
                   bool approved) {
  ClassesOf result;
  Answers answers;
  result.certain = approved && use_case != nullptr;
  for (const Question& question : classification.questions) {
    Answer& answer = answers[question.name];
    answer.question = &question;
    if (use_case == nullptr) continue;
    if (std::string fault = Read(question, *use_case, answer); !fault.empty()) {
      result.faults.push_back(std::move(fault));
      result.certain = false;
    }
    if (!approved) answer.known = false;
  }
  const ScoreRange range = RangeOf(answers);
  Truth any = Truth::kFalse;
  std::map<std::string, Truth> truths;
  for (const RiskClass& risk : classification.classes) {
    if (risk.when.otherwise) continue;
    const Truth truth = TestGroup(risk.when, answers, range);
    truths[risk.name] = truth;
    any = std::max(any, truth);
  }
  for (const RiskClass& risk : classification.classes) {
    const bool applies =
        risk.when.otherwise ? any != Truth::kTrue : truths[risk.name] != Truth::kFalse;
    if (applies) result.classes.push_back(risk.name);
  }
  return result;
}

}  // namespace countersign
