#include "governance/claims.h"

#include <re2/re2.h>

#include <algorithm>
#include <optional>

#include "governance/decision.h"
#include "governance/report_types.h"

namespace countersign {
namespace {

constexpr std::size_t kMaxExpressionMemory = std::size_t{1} << 20;  // of one compiled expression
constexpr std::size_t kShown = 128;                                 // bytes of a claim in a message

std::string Quoted(const std::string& text) { return "'" + OneLine(text, kShown) + "'"; }

std::string Quoted(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ", ") + Quoted(word);
  return out;
}

bool IsOrder(ClaimOperator op) {
  return op == ClaimOperator::kAtLeast || op == ClaimOperator::kAtMost ||
         op == ClaimOperator::kAbove || op == ClaimOperator::kBelow;
}

bool IsList(ClaimOperator op) {
  return op == ClaimOperator::kIn || op == ClaimOperator::kNotIn ||
         op == ClaimOperator::kIncludes || op == ClaimOperator::kExcludes;
}

RE2 Expression(const std::string& text) {
  RE2::Options options(RE2::Quiet);
  options.set_max_mem(kMaxExpressionMemory);
  return RE2(text, options);
}

bool Has(const std::vector<std::string>& list, const std::string& word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

// What is forbidden is so however it is spelled: licences, for one, are the same in any case.
bool HasInAnyCase(const std::vector<std::string>& list, const std::string& word) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::any_of(list.begin(), list.end(), [&](const std::string& one) {
    return std::equal(one.begin(), one.end(), word.begin(), word.end(),
                      [&](char a, char b) { return lower(a) == lower(b); });
  });
}

std::string ValueText(const Claim& claim) {
  if (claim.number) {
    return claim.number->ToString() + (claim.unit.empty() ? "" : " " + OneLine(claim.unit, 16));
  }
  if (claim.flag) return *claim.flag ? "true" : "false";
  if (!claim.text.empty()) return Quoted(claim.text);
  return "[" + OneLine(Quoted(claim.items), kShown) + "]";
}

// "must be at most 250 ms"
std::string Demand(const ClaimAssertion& a) {
  const std::string unit = a.unit.empty() ? "" : " " + OneLine(a.unit, 16);
  switch (a.op) {
    case ClaimOperator::kExists: return "must be there";
    case ClaimOperator::kEquals: return "must be " + Quoted(a.value) + unit;
    case ClaimOperator::kNotEquals: return "must not be " + Quoted(a.value) + unit;
    case ClaimOperator::kAtLeast: return "must be at least " + a.value + unit;
    case ClaimOperator::kAtMost: return "must be at most " + a.value + unit;
    case ClaimOperator::kAbove: return "must be above " + a.value + unit;
    case ClaimOperator::kBelow: return "must be below " + a.value + unit;
    case ClaimOperator::kIn: return "must be one of " + Quoted(a.values);
    case ClaimOperator::kNotIn: return "must be none of " + Quoted(a.values);
    case ClaimOperator::kIncludes: return "must include " + Quoted(a.values);
    case ClaimOperator::kExcludes: return "must not include any of " + Quoted(a.values);
    case ClaimOperator::kMatches: return "must match " + Quoted(a.value);
  }
  return "must be what this version does not know";
}

std::optional<bool> Ordered(const ClaimAssertion& a, const Claim& claim) {
  const auto bound = Decimal::Parse(a.value);
  if (!claim.number || !bound) return std::nullopt;
  switch (a.op) {
    case ClaimOperator::kAtLeast: return *claim.number >= *bound;
    case ClaimOperator::kAtMost: return *claim.number <= *bound;
    case ClaimOperator::kAbove: return *claim.number > *bound;
    case ClaimOperator::kBelow: return *claim.number < *bound;
    default: return std::nullopt;
  }
}

std::optional<bool> Equal(const ClaimAssertion& a, const Claim& claim) {
  if (claim.number) {
    const auto bound = Decimal::Parse(a.value);
    if (!bound) return std::nullopt;
    return *claim.number == *bound;
  }
  if (claim.flag) {
    if (a.value != "true" && a.value != "false") return std::nullopt;
    return *claim.flag == (a.value == "true");
  }
  if (claim.text.empty()) return std::nullopt;
  return claim.text == a.value;
}

bool ComparesNumbers(ClaimOperator op) {
  return IsOrder(op) || op == ClaimOperator::kEquals || op == ClaimOperator::kNotEquals;
}

// The unit that the policy asks for, or that of the well-known claim, where the number is in
// another one; else empty. 30 s are not below 250 ms.
std::string_view WantedUnit(std::string_view type, const ClaimAssertion& a, const Claim& claim) {
  if (!claim.number || !ComparesNumbers(a.op)) return {};
  if (!a.unit.empty()) return IsSameUnit(claim.unit, a.unit) ? std::string_view() : a.unit;
  if (claim.unit.empty()) return {};
  const std::string_view wanted = UnitOf(type, a.claim);
  return wanted.empty() || IsSameUnit(claim.unit, wanted) ? std::string_view() : wanted;
}

// nullopt: the claim is of another type than the operator needs.
std::optional<bool> Holds(const ClaimAssertion& a, const Claim& claim) {
  if (IsOrder(a.op)) return Ordered(a, claim);
  switch (a.op) {
    case ClaimOperator::kExists: return true;
    case ClaimOperator::kEquals: return Equal(a, claim);
    case ClaimOperator::kNotEquals: {
      const auto equal = Equal(a, claim);
      if (!equal) return std::nullopt;
      return !*equal && !HasInAnyCase({a.value}, claim.text);
    }
    case ClaimOperator::kIn:
      if (claim.text.empty()) return std::nullopt;
      return Has(a.values, claim.text);
    case ClaimOperator::kNotIn:
      if (claim.text.empty()) return std::nullopt;
      return !HasInAnyCase(a.values, claim.text);
    case ClaimOperator::kIncludes:
      if (claim.items.empty()) return std::nullopt;
      return std::all_of(a.values.begin(), a.values.end(),
                         [&](const std::string& word) { return Has(claim.items, word); });
    case ClaimOperator::kExcludes:
      if (claim.items.empty()) return std::nullopt;
      return std::none_of(a.values.begin(), a.values.end(),
                          [&](const std::string& word) { return HasInAnyCase(claim.items, word); });
    case ClaimOperator::kMatches: {
      if (claim.text.empty()) return std::nullopt;
      const RE2 expression = Expression(a.value);
      if (!expression.ok()) return std::nullopt;
      return RE2::FullMatch(claim.text, expression);
    }
    default: return std::nullopt;
  }
}

}  // namespace

std::string WrongUnit(std::string_view type, std::string_view claim, std::string_view unit) {
  const std::string_view known = UnitOf(type, claim);
  if (unit.empty() || known.empty() || IsSameUnit(unit, known)) return {};
  return "must be '" + std::string(known) + "', the unit of claim '" + std::string(claim) +
         "' of a " + std::string(type) + ", is " + Quoted(std::string(unit));
}

Status CheckAssertion(std::string_view type, const ClaimAssertion& a) {
  const auto fault = [](const char* field, const std::string& why) {
    return Fail(Code::kInvalidArgument, why, field);
  };
  const std::string name(NameOf(a.op));
  if (!a.unit.empty() && !ComparesNumbers(a.op)) {
    return fault("unit", "does not go with operator " + name);
  }
  if (auto wrong = WrongUnit(type, a.claim, a.unit); !wrong.empty()) return fault("unit", wrong);
  if (IsList(a.op)) {
    if (a.values.empty()) return fault("values", "must not be empty for operator " + name);
    if (!a.value.empty()) return fault("value", "does not go with operator " + name);
    return {};
  }
  if (!a.values.empty()) return fault("values", "does not go with operator " + name);
  if (a.op == ClaimOperator::kExists) {
    if (!a.value.empty()) return fault("value", "does not go with operator " + name);
    return {};
  }
  if (a.value.empty()) return fault("value", "is required for operator " + name);
  if ((IsOrder(a.op) || !a.unit.empty()) && !Decimal::Parse(a.value)) {
    return fault("value", "must be a decimal for operator " + name +
                              (a.unit.empty() ? "" : " with a unit") + ", is " + Quoted(a.value));
  }
  if (a.op == ClaimOperator::kMatches) {
    const RE2 expression = Expression(a.value);
    if (!expression.ok()) {
      return fault("value", "must be an RE2 expression: " + expression.error());
    }
  }
  return {};
}

ClaimJudgement JudgeClaim(std::string_view type, const ClaimAssertion& assertion,
                          const std::vector<Claim>& claims) {
  const std::string what = "claim '" + assertion.claim + "' " + Demand(assertion);
  const auto found = std::find_if(claims.begin(), claims.end(), [&](const Claim& claim) {
    return claim.name == assertion.claim;
  });
  if (found == claims.end()) return {ClaimOutcome::kMissing, what + ", is missing"};
  if (const auto unit = WantedUnit(type, assertion, *found); !unit.empty()) {
    return {ClaimOutcome::kOtherUnit, what + ", is " + ValueText(*found) + ", which is " +
                                          (found->unit.empty() ? "in no unit" : "another unit") +
                                          ": its issuer gives it in '" +
                                          OneLine(std::string(unit), 16) + "'"};
  }
  const std::optional<bool> holds = Holds(assertion, *found);
  if (!holds) {
    return {ClaimOutcome::kUnusable,
            what + ", is " + ValueText(*found) + ", which cannot be compared"};
  }
  return {*holds ? ClaimOutcome::kHolds : ClaimOutcome::kFails, what + ", is " + ValueText(*found)};
}

}  // namespace countersign
