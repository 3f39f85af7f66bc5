// Every sign of the built-in table by an object of its own (examples/signs.yaml).
#include <fstream>
#include <set>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/yaml.h"
#include "governance/serving/recognise.h"

namespace countersign {
namespace {

using ::testing::ElementsAreArray;

const ServingProfiles& Table() {
  static const ServingProfiles kTable = BuiltInServingProfiles().value();
  return kTable;
}

std::vector<Json> Examples() {
  std::ifstream file(SOURCE_DIR "/tests/unit/serving/examples/signs.yaml");
  std::ostringstream text;
  text << file.rdbuf();
  const auto parsed = ParseYaml(text.str());
  if (!parsed) throw std::runtime_error(parsed.error().ToString());
  const Json& signs = parsed->at("signs");
  return {signs.begin(), signs.end()};
}

Json Member(const Json& example, const char* key) {
  const Json* found = Find(example, key);
  return found == nullptr ? Json::object() : *found;
}

Json Workload(const Json& example, const char* version, const char* kind) {
  Json container = {{"name", "c"}, {"image", "bank/app:1"}};
  container.update(Member(example, "container"));
  Json spec = Member(example, "spec");
  spec["containers"] = Json::array({std::move(container)});
  return {{"apiVersion", version},
          {"kind", kind},
          {"metadata", {{"name", "w"}, {"namespace", "x"}}},
          {"spec",
           {{"template", {{"metadata", Member(example, "metadata")}, {"spec", std::move(spec)}}}}}};
}

// What is expected of an object whose only sign has that certainty.
void ExpectIt(const Recognition& found, const std::string& sign, const std::string& certainty) {
  std::vector<std::pair<std::string, Certainty>> signs;
  for (const ServingSign& one : found.signs) signs.emplace_back(one.what, one.certainty);
  std::vector<std::pair<std::string, Certainty>> expected;
  if (certainty != "Ignore") {
    expected.emplace_back(sign, certainty == "Hint" ? Certainty::kHint : Certainty::kServing);
  }
  EXPECT_THAT(signs, ElementsAreArray(expected));
  EXPECT_EQ(found.serves, certainty == "Serving") << WhyServing(found);
  EXPECT_EQ(found.suspected, certainty == "Hint") << WhyServing(found);
}

TEST(Examples, ShowTheirSignAndNoOther) {
  for (const Json& example : Examples()) {
    const std::string sign = StringAt(example, "sign");
    SCOPED_TRACE(sign);
    const std::string said = StringAt(example, "certainty");
    const std::string certainty = said.empty() ? "Serving" : said;
    ExpectIt(Recognise(Table(), Workload(example, "apps/v1", "Deployment")), sign, certainty);
    const std::string in_batch = StringAt(example, "inBatch");
    ExpectIt(Recognise(Table(), Workload(example, "batch/v1", "Job")), sign,
             in_batch.empty() ? certainty : in_batch);
  }
}

TEST(Examples, ThereIsOneOfEverySignOfTheTable) {
  std::set<std::string> signs;
  const auto add = [&](const std::string& kind, const std::vector<ServingSignal>& signals) {
    for (const ServingSignal& signal : signals) signs.insert(kind + " '" + signal.match + "'");
  };
  const ServingSignals& all = Table().signals;
  add("image", all.images);
  add("command", all.commands);
  add("argument", all.arguments);
  add("variable", all.variables);
  add("uri", all.uris);
  add("label", all.labels);
  add("annotation", all.annotations);
  add("accelerator", all.accelerators);
  add("image volume", all.image_volumes);
  std::set<std::string> shown;
  for (const Json& example : Examples()) shown.insert(StringAt(example, "sign"));
  EXPECT_EQ(shown, signs);
}

}  // namespace
}  // namespace countersign
