#include "importers/claims.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <span>
#include <string_view>

#include "governance/report_types.h"

namespace countersign {
namespace {

// What a type's measure always asks for, and what it can be told; an empty one is none.
struct AskedClaim {
  std::string_view type;
  std::string_view claim;
  std::array<std::string_view, 3> values;
};
constexpr AskedClaim kAsked[] = {
    {"Documentation", "level", {"Automatic", "FullHistory"}},
    {"Verification", "level", {"AutomaticChecks", "FullPipeline", "IndependentRecode"}},
    {"Explainability", "level", {"Opaque", "Explained", "Interpretable"}},
    {"DataQuality", "personalData", {"true", "false"}},
};

// "a, b or c"
std::string ValuesOf(const AskedClaim& asked) {
  std::string text;
  for (std::size_t i = 0; i < asked.values.size() && !asked.values[i].empty(); ++i) {
    const bool last = i + 1 == asked.values.size() || asked.values[i + 1].empty();
    text.append(i == 0 ? "" : last ? " or " : ", ").append(asked.values[i]);
  }
  return text;
}

Status CheckAsked(std::string_view type, std::string_view name, const std::string& text,
                  const std::string& path) {
  for (const AskedClaim& asked : kAsked) {
    if (asked.type != type || asked.claim != name) continue;
    if (!text.empty() &&
        std::find(asked.values.begin(), asked.values.end(), text) != asked.values.end()) {
      return {};
    }
    return Fail(Code::kInvalidArgument,
                "must be " + ValuesOf(asked) + ", is '" + Excerpt(text) + "'", path);
  }
  return {};
}

Claim& Add(EvidenceSpec& spec, std::string name) {
  spec.claims.emplace_back();
  spec.claims.back().name = std::move(name);
  return spec.claims.back();
}

const Claim* FindClaim(const EvidenceSpec& spec, std::string_view name) {
  const auto found = std::find_if(spec.claims.begin(), spec.claims.end(),
                                  [&](const Claim& claim) { return claim.name == name; });
  return found == spec.claims.end() ? nullptr : &*found;
}

std::vector<std::string> Words(const std::string& text) {
  std::vector<std::string> words;
  std::size_t begin = 0;
  while (begin <= text.size()) {
    const auto comma = std::min(text.find(',', begin), text.size());
    if (comma > begin) words.push_back(text.substr(begin, comma - begin));
    begin = comma + 1;
  }
  return words;
}

Result<Claim> ClaimOf(const KnownClaim& known, const std::string& text, const std::string& path) {
  Claim claim;
  claim.name = known.name;
  switch (known.type) {
    case ClaimType::kNumber: {
      auto number = Decimal::Parse(text);
      if (!number) return Fail(Code::kInvalidArgument, number.error().message, path);
      claim.number = *number;
      return claim;
    }
    case ClaimType::kFlag:
      if (text != "true" && text != "false") {
        return Fail(Code::kInvalidArgument, "must be true or false, is '" + Excerpt(text) + "'",
                    path);
      }
      claim.flag = text == "true";
      return claim;
    case ClaimType::kItems:
      claim.items = Words(text);
      if (claim.items.empty()) {
        return Fail(Code::kInvalidArgument, "must be words with commas between", path);
      }
      return claim;
    case ClaimType::kText: break;
  }
  if (text.empty()) return Fail(Code::kInvalidArgument, "must not be empty", path);
  claim.text = text;
  return claim;
}

bool SameValue(const Claim& a, const Claim& b) {
  return a.number == b.number && a.text == b.text && a.flag == b.flag && a.items == b.items;
}

const KnownClaim* Known(const ReportType& type, std::string_view name) {
  const auto found = std::find_if(type.claims.begin(), type.claims.end(),
                                  [&](const KnownClaim& known) { return known.name == name; });
  return found == type.claims.end() ? nullptr : &*found;
}

Status AddGiven(const ReportType& type, const std::string& name, const std::string& text,
                EvidenceSpec& spec) {
  const std::string path = "--claim " + name;
  const KnownClaim* known = Known(type, name);
  if (known == nullptr) {
    std::string names;
    for (const KnownClaim& one : type.claims) {
      names.append(names.empty() ? "" : ", ").append(one.name);
    }
    return Fail(Code::kInvalidArgument, "must be one of " + spec.type + ": " + names, path);
  }
  if (auto allowed = CheckAsked(spec.type, name, text, path); !allowed) return allowed;
  auto claim = ClaimOf(*known, text, path);
  if (!claim) return Fail(claim.error());
  const Claim* stated = FindClaim(spec, name);
  if (stated == nullptr) {
    spec.claims.push_back(std::move(*claim));
  } else if (!SameValue(*stated, *claim)) {
    return Fail(Code::kInvalidArgument, "is stated by the file, and otherwise: leave it out", path);
  }
  return {};
}

}  // namespace

void AddNumber(EvidenceSpec& spec, std::string name, Decimal value, std::string unit) {
  Claim& claim = Add(spec, std::move(name));
  claim.number = value;
  claim.unit = std::move(unit);
}

void AddCount(EvidenceSpec& spec, std::string name, std::int64_t value) {
  // Below 10^9: what was counted stood in the file, an entry each.
  if (auto number = Decimal::Parse(std::to_string(value)); number) {
    AddNumber(spec, std::move(name), *number);
  }
}

void AddText(EvidenceSpec& spec, std::string name, std::string value) {
  Add(spec, std::move(name)).text = std::move(value);
}

void AddFlag(EvidenceSpec& spec, std::string name, bool value) {
  Add(spec, std::move(name)).flag = value;
}

void AddItems(EvidenceSpec& spec, std::string name, std::vector<std::string> values) {
  Add(spec, std::move(name)).items = std::move(values);
}

Status AddClaims(const std::map<std::string, std::string>& given, EvidenceSpec& spec) {
  const ReportType* type = FindReportType(spec.type);
  for (const auto& [name, text] : given) {
    if (type == nullptr) {
      return Fail(Code::kInvalidArgument, "goes with the well-known types, not with " + spec.type,
                  "--claim " + name);
    }
    if (auto added = AddGiven(*type, name, text, spec); !added) return added;
  }
  for (const AskedClaim& asked : kAsked) {
    if (asked.type != spec.type || FindClaim(spec, asked.claim) != nullptr) continue;
    return Fail(Code::kInvalidArgument,
                "is required, for the file does not say it: " + ValuesOf(asked),
                "--claim " + std::string(asked.claim) + "=…");
  }
  return {};
}

Result<Decimal> ToDecimal(const Json& value, const std::string& path) {
  if (value.is_number_integer()) {
    if (auto whole = Decimal::Parse(DumpJson(value)); whole) return *whole;
  } else if (value.is_number_float()) {
    std::array<char, 400> buffer{};
    const auto [end, code] =
        std::to_chars(buffer.data(), buffer.data() + buffer.size(), value.get<double>(),
                      std::chars_format::fixed, kDecimalFractionDigits);
    if (code == std::errc()) {
      if (auto decimal =
              Decimal::Parse({buffer.data(), static_cast<std::size_t>(end - buffer.data())});
          decimal) {
        return *decimal;
      }
    }
  } else if (value.is_string()) {
    auto decimal = Decimal::Parse(value.get_ref<const std::string&>());
    if (decimal) return *decimal;
  }
  return Fail(Code::kInvalidArgument,
              "must be a finite number below 10^9 in size, is " + Excerpt(DumpJson(value)), path);
}

}  // namespace countersign
