// claims.h: claims of Evidence from what files and people say. Pure functions.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "governance/types/evidence.h"

namespace countersign {

void AddNumber(EvidenceSpec& spec, std::string name, Decimal value, std::string unit = {});
void AddCount(EvidenceSpec& spec, std::string name, std::int64_t value);
void AddText(EvidenceSpec& spec, std::string name, std::string value);
void AddFlag(EvidenceSpec& spec, std::string name, bool value);
void AddItems(EvidenceSpec& spec, std::string name, std::vector<std::string> values);

// Claims as text, by name, of a well-known type: numbers as decimals, flags as true or false, items
// with commas between. One that the type does not have, or that says otherwise than `spec` does
// already, is an error; and so is one that the type's measure always asks for and nobody gave.
[[nodiscard]] Status AddClaims(const std::map<std::string, std::string>& given, EvidenceSpec& spec);

// A number as our objects have it: at most nine decimals, rounded.
[[nodiscard]] Result<Decimal> ToDecimal(const Json& value, const std::string& path);

}  // namespace countersign
