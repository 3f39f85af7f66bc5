#include "case_files.h"

#include <filesystem>
#include <ostream>

namespace countersign::testing {

void PrintTo(const Case& c, std::ostream* out) { *out << c.file << ": " << c.name; }

const Json& BaseSituation() {
  static const Json base = ReadCases("base.yaml");
  return base;
}

std::vector<Case> AllCases() {
  std::set<std::string> files;
  for (const auto& entry :
       std::filesystem::directory_iterator(std::string(SOURCE_DIR) + "/tests/cases")) {
    const auto name = entry.path().filename().string();
    if (name.ends_with(".yaml") && name != "base.yaml") files.insert(name);
  }
  std::vector<Case> cases;
  for (const std::string& file : files) {
    std::map<std::string, std::vector<Json>> earlier;
    for (const Json& one : ReadCases(file)) {
      const std::string name = StringAt(one, "name");
      std::vector<Json> merges;
      if (const Json* from = Find(one, "from")) merges = earlier.at(from->get<std::string>());
      if (const Json* merge = Find(one, "merge")) merges.push_back(*merge);
      earlier[name] = merges;
      cases.push_back({file, name, std::move(merges), one.at("expect")});
    }
  }
  return cases;
}

Json SituationOf(const Case& c) {
  Json situation = BaseSituation();
  for (const Json& merge : c.merges) MergePatch(situation, merge);
  return situation;
}

}  // namespace countersign::testing
