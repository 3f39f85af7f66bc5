// prediction_rows.h: rows of CSV and of JSON lines, as far as they are used. For predictions.cc.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "importers/importer.h"

namespace countersign {

// The used columns, in their order; nothing where the row has none, or null.
using Row = std::vector<std::optional<std::string>>;
// An error ends the reading.
using TakeRow = std::function<Status(const Row&, const std::string& where)>;

// The columns that there are. What is wrong with the text is said when it is read.
[[nodiscard]] std::vector<std::string> HeaderOf(const ImportText& file);
[[nodiscard]] Result<std::vector<std::string>> KeysOf(const ImportText& file);

[[nodiscard]] Status ReadCsvRows(const ImportText& file, const std::vector<std::string>& names,
                                 const TakeRow& take);
[[nodiscard]] Status ReadJsonLines(const ImportText& file, const std::vector<std::string>& keys,
                                   const std::vector<std::string>& names, const TakeRow& take);

}  // namespace countersign
