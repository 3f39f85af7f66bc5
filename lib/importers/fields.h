// fields.h: checked reading of what tools wrote; every error says where. Pure functions.
#pragma once

#include <string>
#include <string_view>

#include "base/decimal.h"
#include "base/json.h"
#include "base/result.h"
#include "importers/importer.h"

namespace countersign {

// A value of a document, and how to say where it stands: "report.json: metrics.rate".
struct Field {
  const Json* value = nullptr;
  std::string path;

  [[nodiscard]] bool Is() const { return value != nullptr; }
  // Null value: there is none.
  [[nodiscard]] Field Get(std::string_view key) const;
  [[nodiscard]] Field At(std::size_t index) const;
  [[nodiscard]] std::string Text() const;  // empty: none, or no text
  [[nodiscard]] Result<Decimal> Number() const;
  // 0 to 10^12, also as a float without fraction, which is how some tools write counts.
  [[nodiscard]] Result<std::int64_t> Count() const;
};

// Error: bytes that are no text in UTF-8, and what to do; UTF-16 (of Excel, of PowerShell) by name.
[[nodiscard]] Status CheckUtf8(const ImportText& file);
// The same without looking at what is not ASCII: columns that nobody uses may be in other
// encodings.
[[nodiscard]] Status CheckNotUtf16(const ImportText& file);
// A document that takes at most four times the memory of its text, or what a small one may take.
[[nodiscard]] std::size_t MostTreeBytes(std::string_view text);
[[nodiscard]] Result<Json> ParseDocument(const ImportText& file);
[[nodiscard]] Result<Json> ParseObject(const ImportText& file);
[[nodiscard]] Field Root(const Json& json, const ImportText& file);

// "file: path must be …, is …".
[[nodiscard]] tl::unexpected<Error> Wrong(const Field& field, const std::string& wanted);

}  // namespace countersign
