// claim_assertion.h: what a report must claim, as a policy or the condition of an approval says it.
// See object.h for thread rules.
#pragma once

#include <string>
#include <vector>

#include "base/describe.h"

namespace countersign {

// How a claim is compared; kExists asks for any value. Numbers compare as decimals, exactly.
enum class ClaimOperator {
  kExists,
  kEquals,
  kNotEquals,
  kAtLeast,
  kAtMost,
  kAbove,
  kBelow,
  kIn,
  kNotIn,
  kIncludes,
  kExcludes,
  kMatches
};

struct ClaimAssertion {
  std::string claim;
  ClaimOperator op = ClaimOperator::kExists;
  std::string value;
  std::vector<std::string> values;
  std::string unit = {};
};

template <>
struct EnumNames<ClaimOperator> {
  static constexpr std::pair<ClaimOperator, std::string_view> kNames[] = {
      {ClaimOperator::kExists, "Exists"},       {ClaimOperator::kEquals, "Equals"},
      {ClaimOperator::kNotEquals, "NotEquals"}, {ClaimOperator::kAtLeast, "AtLeast"},
      {ClaimOperator::kAtMost, "AtMost"},       {ClaimOperator::kAbove, "Above"},
      {ClaimOperator::kBelow, "Below"},         {ClaimOperator::kIn, "In"},
      {ClaimOperator::kNotIn, "NotIn"},         {ClaimOperator::kIncludes, "Includes"},
      {ClaimOperator::kExcludes, "Excludes"},   {ClaimOperator::kMatches, "Matches"}};
};

}  // namespace countersign
