// csv.h: the one door to libcsv: records of RFC 4180 text, piece by piece.
//
// Quotes, escaped quotes and line breaks in fields are libcsv's; empty lines are no records. One
// thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace countersign {

// Without the byte order mark that Excel puts before the first column's name.
[[nodiscard]] std::string_view WithoutMark(std::string_view text);

class CsvReader {
 public:
  using Record = std::function<void(const std::vector<std::string>& fields)>;
  // Without a function records are only counted, whatever their size.
  explicit CsvReader(Record record = {});
  ~CsvReader();
  CsvReader(const CsvReader&) = delete;
  CsvReader& operator=(const CsvReader&) = delete;

  // Error: a quote where none may stand.
  [[nodiscard]] Status Feed(std::string_view piece);
  [[nodiscard]] Status Finish();
  // So far, the header among them.
  [[nodiscard]] std::int64_t records() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace countersign
