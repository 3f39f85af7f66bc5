#include "catalog/serving_table.h"

#include <fstream>
#include <sstream>

namespace countersign {

Result<std::string> ReadServingProfiles(const std::string& path) {
  if (path.empty()) return std::string();
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file) return Fail(Code::kNotFound, "cannot be read", path);
  return text.str();
}

Result<ServingProfiles> LoadServingProfiles(const std::string& path) {
  if (path.empty()) return BuiltInServingProfiles();
  auto text = ReadServingProfiles(path);
  if (!text) return Fail(text.error());
  auto table = ParseServingProfiles(*text);
  if (!table) return Fail(table.error().code, table.error().ToString(), path);
  return table;
}

Result<GuardMode> GuardModeNamed(const std::string& name, const std::string& flag) {
  for (const auto& [mode, known] : EnumNames<GuardMode>::kNames) {
    if (known == name) return mode;
  }
  return Fail(Code::kInvalidArgument, "must be Deny, Warn or Audit, is '" + Excerpt(name) + "'",
              flag);
}

}  // namespace countersign
