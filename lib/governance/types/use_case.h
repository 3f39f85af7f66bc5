// use_case.h: the inventory entry: what a model is for, whose it is, what policy wants to know.
// See object.h for thread rules.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "governance/types/common.h"
#include "governance/types/object.h"

namespace countersign {

enum class Lifecycle { kProposed, kActive, kRetiring, kRetired };
template <>
struct EnumNames<Lifecycle> {
  static constexpr std::pair<Lifecycle, std::string_view> kNames[] = {
      {Lifecycle::kProposed, "Proposed"},
      {Lifecycle::kActive, "Active"},
      {Lifecycle::kRetiring, "Retiring"},
      {Lifecycle::kRetired, "Retired"}};
};

struct Kpi {
  std::string name;
  std::string target;
  std::string description;
};

struct Link {
  std::string name;
  std::string url;
};

enum class DataAction { kDelete, kAnonymize, kArchive, kRetain, kTransfer };
template <>
struct EnumNames<DataAction> {
  static constexpr std::pair<DataAction, std::string_view> kNames[] = {
      {DataAction::kDelete, "Delete"},
      {DataAction::kAnonymize, "Anonymize"},
      {DataAction::kArchive, "Archive"},
      {DataAction::kRetain, "Retain"},
      {DataAction::kTransfer, "Transfer"}};
};

// What becomes of one set of data when the use case ends.
struct DataDisposition {
  std::string data;
  DataAction action = DataAction::kDelete;
  std::string reason;
  std::optional<Time> until;
};

// How the use case ends: what people sign before it is retired.
struct Retirement {
  std::string reason;
  std::vector<DataDisposition> data;
  std::string successor;
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
  std::optional<Retirement> retirement;
  std::string answers_digest;     // AnswersDigest of the above, by Decode; empty when there is none
  std::string retirement_digest;  // RetirementDigest, by Decode; empty without a retirement
};
using UseCase = Object<UseCaseSpec>;

// What a sign-off on a use case covers: answers, purpose, and who develops it. Changing a link does
// not undo a classification; leaving a developer out of the list, who could then approve, does.
[[nodiscard]] Result<std::string> AnswersDigest(const UseCaseSpec& spec);

// What a sign-off on a retirement covers: reason, successor, and what becomes of the data.
[[nodiscard]] Result<std::string> RetirementDigest(const Retirement& retirement);

}  // namespace countersign
