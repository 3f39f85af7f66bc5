// samples.h: files of tools (testdata/README.md) and what the importers make of them.
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>
#include <variant>

#include "governance/types/bias_test.h"
#include "governance/types/evidence.h"
#include "importers/importer.h"

namespace countersign::importing {

inline std::string Sample(const std::string& name) {
  std::ifstream file(std::string(SOURCE_DIR) + "/tests/unit/importers/testdata/" + name,
                     std::ios::binary);
  EXPECT_TRUE(file) << name;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

inline std::string Replaced(std::string text, const std::string& old, const std::string& fresh) {
  const auto at = text.find(old);
  EXPECT_NE(at, std::string::npos) << old;
  return at == std::string::npos ? text : text.replace(at, old.size(), fresh);
}

inline Result<Imported> ImportText1(const std::string& format, std::string_view text,
                                    const ImportOptions& options = {}) {
  const ImportFormat* found = FindImportFormat(format);
  if (found == nullptr) return Fail(Code::kNotFound, format);
  const ImportText file{"in", text};
  return Import(*found, {&file, 1}, options);
}

template <class T>
std::string Wrong(const Result<T>& result) {
  return result ? "" : result.error().ToString();
}

// The spec, once the caller's part is there, as the API server's decoder takes it.
inline Result<BiasTestSpec> BiasTestOf(const Result<Imported>& imported) {
  if (!imported) return Fail(imported.error());
  const auto* spec = std::get_if<BiasTestSpec>(&imported->spec);
  if (spec == nullptr) return Fail(Code::kInternal, "no BiasTest");
  BiasTestSpec whole = *spec;
  whole.use_case = "credit";
  whole.protocol = "holdout";
  const std::string digest = "sha256:" + std::string(64, '1');
  whole.model = {digest, DigestType::kFile};
  whole.data_set.name = "test";
  whole.data_set.digest = digest;
  auto decoded = Decode<BiasTestSpec>(Json{{"apiVersion", std::string(kApiVersion)},
                                           {"kind", "BiasTest"},
                                           {"metadata", {{"name", "a"}, {"namespace", "b"}}},
                                           {"spec", EncodeSpec(whole)}});
  if (!decoded) return Fail(decoded.error());
  return decoded->spec;
}

inline Result<EvidenceSpec> ReportOf(const Result<Imported>& imported) {
  if (!imported) return Fail(imported.error());
  const auto* spec = std::get_if<EvidenceSpec>(&imported->spec);
  if (spec == nullptr) return Fail(Code::kInternal, "no Evidence");
  EvidenceSpec whole = *spec;
  whole.use_case = "credit";
  auto decoded = Decode<EvidenceSpec>(Json{{"apiVersion", std::string(kApiVersion)},
                                           {"kind", "Evidence"},
                                           {"metadata", {{"name", "a"}, {"namespace", "b"}}},
                                           {"spec", EncodeSpec(whole)}});
  if (!decoded) return Fail(decoded.error());
  return decoded->spec;
}

// A claim as text; "none" if there is none.
inline std::string ClaimText(const Result<EvidenceSpec>& spec, const std::string& name) {
  if (!spec) return spec.error().ToString();
  for (const Claim& claim : spec->claims) {
    if (claim.name != name) continue;
    if (claim.number)
      return claim.number->ToString() + (claim.unit.empty() ? "" : " " + claim.unit);
    if (claim.flag) return *claim.flag ? "true" : "false";
    if (!claim.text.empty()) return claim.text;
    std::string items;
    for (const std::string& item : claim.items) items += (items.empty() ? "" : ",") + item;
    return items;
  }
  return "none";
}

// "female,north: 30 5 10 15" a line, groups in the order of their attributes' names.
inline std::string Cells(const Result<BiasTestSpec>& test) {
  if (!test) return test.error().ToString();
  std::string text;
  const auto add = [&](const std::optional<std::int64_t>& count) {
    if (count) text += " " + std::to_string(*count);
  };
  for (const BiasCell& cell : test->cells) {
    std::string groups;
    for (const auto& [attribute, group] : cell.groups)
      groups += (groups.empty() ? "" : ",") + group;
    text += groups + ":";
    add(cell.tp);
    add(cell.fp);
    add(cell.fn);
    add(cell.tn);
    add(cell.selected);
    add(cell.n);
    add(cell.unweighted);
    for (const OutcomeCount& one : cell.outcomes) {
      text += " " + one.outcome + "/" + one.label + "=" + std::to_string(one.count);
    }
    text += "\n";
  }
  return text;
}

}  // namespace countersign::importing
