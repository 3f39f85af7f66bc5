#include "importers/prediction_rows.h"

#include <algorithm>
#include <set>

#include "base/json.h"
#include "importers/csv.h"
#include "importers/fields.h"

namespace countersign {
namespace {

// Gives each record's used columns to `take`; the first error ends it.
class CsvRows {
 public:
  CsvRows(std::string file, const std::vector<std::string>& names, const TakeRow& take)
      : file_(std::move(file)), names_(names), take_(take) {}

  Status Read(std::string_view text) {
    CsvReader csv([&](const std::vector<std::string>& fields) { Record(fields); });
    auto fed = csv.Feed(text);
    if (fed) fed = csv.Finish();
    if (!fault_) return fault_;
    if (!fed) return Fail(Code::kInvalidArgument, fed.error().message, file_);
    return {};
  }

 private:
  void Record(const std::vector<std::string>& fields) {
    ++record_;
    if (!fault_) return;
    const std::string where = file_ + ": record " + std::to_string(record_);
    if (record_ == 1) {
      Header(fields);
      return;
    }
    if (fields.size() != width_) {
      fault_ = Fail(
          Code::kInvalidArgument,
          "must have " + std::to_string(width_) + " fields, has " + std::to_string(fields.size()),
          where);
      return;
    }
    Row row;
    for (const std::size_t place : places_) row.emplace_back(fields[place]);
    fault_ = take_(row, where);
  }

  void Header(const std::vector<std::string>& fields) {
    width_ = fields.size();
    for (const std::string& name : names_) {
      const auto found = std::find(fields.begin(), fields.end(), name);
      if (std::count(fields.begin(), fields.end(), name) != 1) {
        std::string all;
        for (const std::string& field : fields) all += (all.empty() ? "'" : ", '") + field + "'";
        fault_ = Fail(Code::kInvalidArgument,
                      "must have one column '" + name + "', has " + Excerpt(all, 512), file_);
        return;
      }
      places_.push_back(static_cast<std::size_t>(found - fields.begin()));
    }
  }

  std::string file_;
  const std::vector<std::string>& names_;
  const TakeRow& take_;
  std::vector<std::size_t> places_;
  std::size_t width_ = 0;
  std::int64_t record_ = 0;
  Status fault_;
};

Result<std::optional<std::string>> ValueOf(const Json& object, const std::string& name,
                                           const std::string& where) {
  const Json* value = Find(object, name);
  if (value == nullptr || value->is_null()) return std::optional<std::string>();
  if (value->is_string()) return std::optional(value->get<std::string>());
  if (value->is_boolean() || value->is_number()) return std::optional(DumpJson(*value));
  return Fail(Code::kInvalidArgument, "'" + name + "' must be a text, a number, true or false",
              where);
}

template <class Take>
Status ForEachLine(const ImportText& file, const Take& take) {
  std::string_view rest = WithoutMark(file.text);
  for (std::int64_t number = 1; !rest.empty(); ++number) {
    const auto end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const std::string where = file.name + ": line " + std::to_string(number);
    auto object = ParseObject({where, line});
    if (!object) return Fail(object.error());
    if (auto taken = take(*object, where); !taken) return taken;
  }
  return {};
}

}  // namespace

std::vector<std::string> HeaderOf(const ImportText& file) {
  constexpr std::size_t kPiece = 4096;
  std::optional<std::vector<std::string>> header;
  CsvReader csv([&](const std::vector<std::string>& fields) {
    if (!header) header = fields;
  });
  std::string_view rest = WithoutMark(file.text);
  while (!header && !rest.empty() && csv.Feed(rest.substr(0, kPiece))) {
    rest.remove_prefix(std::min(kPiece, rest.size()));
  }
  if (!header) (void)csv.Finish();
  return header.value_or(std::vector<std::string>());
}

Status ReadCsvRows(const ImportText& file, const std::vector<std::string>& names,
                   const TakeRow& take) {
  return CsvRows(file.name, names, take).Read(WithoutMark(file.text));
}

Result<std::vector<std::string>> KeysOf(const ImportText& file) {
  std::set<std::string> keys;
  auto read = ForEachLine(file, [&](const Json& object, const std::string&) -> Status {
    for (auto it = object.begin(); it != object.end(); ++it) keys.insert(it.key());
    return {};
  });
  if (!read) return Fail(read.error());
  return std::vector<std::string>(keys.begin(), keys.end());
}

Status ReadJsonLines(const ImportText& file, const std::vector<std::string>& keys,
                     const std::vector<std::string>& names, const TakeRow& take) {
  for (const std::string& name : names) {
    if (std::find(keys.begin(), keys.end(), name) != keys.end()) continue;
    return Fail(Code::kInvalidArgument, "has no line with '" + name + "'", file.name);
  }
  return ForEachLine(file, [&](const Json& object, const std::string& where) -> Status {
    Row row;
    for (const std::string& name : names) {
      auto value = ValueOf(object, name, where);
      if (!value) return Fail(value.error());
      row.push_back(std::move(*value));
    }
    return take(row, where);
  });
}

}  // namespace countersign
