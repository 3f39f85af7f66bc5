// use_case.h: the inventory entry: what a model is for, whose it is, what policy wants to know.
// See object.h for thread rules.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "governance/types/common.h"
#include "governance/types/object.h"

namespace countersign {

enum class Lifecycle { kProposed, kActive, kRetiring, kRetired };

struct Kpi {
  std::string name;
  std::string target;
  std::string description;
};

struct Link {
  std::string name;
  std::string url;
};

struct UseCaseSpec {
  static constexpr std::string_view kKind = "UseCase";
  std::string title;
  std::string purpose;
  std::string purpose_category;
  std::string owner;
  std::string sponsor;
  std::vector<Subject> developers;
  Lifecycle lifecycle = Lifecycle::kActive;
  std::map<std::string, std::vector<std::string>> answers;
  std::vector<std::string> deploy_to;
  std::vector<Kpi> kpis;
  std::vector<Link> links;
  std::string answers_digest;  // AnswersDigest of the above, by Decode; empty when there is none
};
using UseCase = Object<UseCaseSpec>;

// What a sign-off on a use case covers: answers, purpose, and who develops it. Changing a link does
// not undo a classification; leaving a developer out of the list, who could then approve, does.
[[nodiscard]] Result<std::string> AnswersDigest(const UseCaseSpec& spec);

}  // namespace countersign
