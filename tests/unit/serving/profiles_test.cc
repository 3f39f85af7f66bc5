#include "governance/serving/profiles.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "governance/serving/match_condition.h"

namespace countersign {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(ServingProfiles, TheBuiltInTableHolds) {
  const auto table = BuiltInServingProfiles();
  ASSERT_TRUE(table) << table.error().ToString();
  const ServingProfile* found = table->Find("serving.kserve.io", "InferenceService");
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->resource, "inferenceservices");
  EXPECT_EQ(table->Find("serving.kserve.io", "Nothing"), nullptr);
}

std::string Refusal(const std::string& profile, const std::string& signals = "{}") {
  const auto table =
      ParseServingProfiles("{signals: " + signals + ", profiles: [" + profile + "]}");
  return table ? "" : table.error().ToString();
}

TEST(ServingProfiles, ABadTableIsRefusedWithThePath) {
  const std::string good =
      "{name: a, group: g, kind: K, resource: ks, versions: [v1], serves: Always";
  EXPECT_EQ(Refusal(good + "}"), "");
  EXPECT_THAT(Refusal(good + ", models: [{path: [spec, '**', a, '**'], form: Uri}]}"),
              HasSubstr("profiles[0].models[0].path: must not hold '**' twice"));
  EXPECT_THAT(Refusal(good + ", models: [{path: [spec], form: Guess}]}"),
              HasSubstr("profiles[0].models[0].form: must be one of"));
  EXPECT_THAT(Refusal(good + ", model: []}"), HasSubstr("profiles[0].model"));
  EXPECT_THAT(Refusal(good + ", podSpecs: [[]]}"), HasSubstr("profiles[0].podSpecs[0]"));
  EXPECT_THAT(Refusal(good + ", models: [{path: [spec], form: Uri, version: v}]}"),
              HasSubstr("profiles[0].models[0].version: must not be set without name"));
  EXPECT_THAT(Refusal(good + "}, " + good + "}"), HasSubstr("profiles[1]: kind 'g/K' has"));
  EXPECT_THAT(Refusal("{name: a}"), HasSubstr("profiles[0].kind: is required"));
  EXPECT_THAT(Refusal(good + "}", "{images: [{match: x, certainty: Maybe}]}"),
              HasSubstr("signals.images[0].certainty: must be one of"));
  EXPECT_THAT(Refusal(good + "}", "{imageVolumes: [{match: x, model: Uri}]}"),
              HasSubstr("signals.imageVolumes[0].model: must not be set"));
  EXPECT_THAT(Refusal(good + "}], selectors: [{name: p, kind: P, resource: ps, versions: [v1], "
                             "labels: [spec, '**']}"),
              HasSubstr("selectors[0].labels: must not hold '**'"));
  EXPECT_FALSE(ParseServingProfiles("profiles: [&a {name: b}]"));
  EXPECT_FALSE(ParseServingProfiles(""));
}

TEST(ServingProfiles, TheSchemaNamesEveryField) {
  const Json schema = ServingProfilesSchema();
  EXPECT_NE(FindPath(schema, "properties/profiles/items/properties/embeddedYaml"), nullptr);
  EXPECT_NE(FindPath(schema, "properties/signals/properties/accelerators"), nullptr);
}

TEST(MatchCondition, HoldsEverySignOfTheTable) {
  const auto table = BuiltInServingProfiles();
  ASSERT_TRUE(table);
  const std::string cel = ServingMatchExpression(table->signals);
  EXPECT_THAT(cel, HasSubstr(R"(.*vllm-openai.*)"));
  EXPECT_THAT(cel, HasSubstr(R"(nvcr\\.io/nim/.*)"));
  EXPECT_THAT(cel, HasSubstr("contains('tritonserver')"));
  EXPECT_THAT(cel, HasSubstr("contains('--model')"));
  EXPECT_THAT(cel, HasSubstr("has(v.image)"));
  EXPECT_THAT(cel, HasSubstr(R"(nvidia\\.com/.*)"));
  EXPECT_THAT(cel, HasSubstr(R"(app\\.kubernetes\\.io/component)"));
  EXPECT_THAT(cel, HasSubstr("object.?spec.?jobTemplate.?metadata"));
}

// As AddWords reads them; tests/integration/test_guard.py asks the API server.
TEST(MatchCondition, ReadsCommandLinesWithoutQuotesAndEndsOfLinesThatGoOn) {
  const std::string cel = ServingMatchExpression(BuiltInServingProfiles()->signals);
  const std::string without =
      R"([t.lowerAscii().replace('\\\r\n', '').replace('\\\n', '').replace('"', ''))"
      R"(.replace('\'', '')].exists(u, )";
  EXPECT_THAT(cel, HasSubstr(without));
  EXPECT_THAT(cel, HasSubstr("[t.lowerAscii()].exists(u, ")) << "values of variables are no words";
}

// What costs the API server too much ends the request without a word of why.
TEST(MatchCondition, EveryListIsBounded) {
  const auto table = BuiltInServingProfiles();
  const std::string cel = ServingMatchExpression(table->signals);
  EXPECT_THAT(cel, HasSubstr("size(l) > 64"));
  EXPECT_THAT(cel, HasSubstr("[c.?resources.?limits, c.?resources.?requests]"));
  EXPECT_THAT(cel, HasSubstr("size(p.?volumes.orValue([])) > 256 || "));
  EXPECT_THAT(cel, HasSubstr("v.?hostPath.?path.orValue('')).join('')) > 8192 || "));
  const std::string change = ServingChangeExpression(*table);
  for (const char* map : {"labels", "annotations"}) {
    EXPECT_THAT(change, HasSubstr("oldObject.?metadata.?" + std::string(map) +
                                  ".orValue({})]].exists(m, size(m[0]) > 128 || "
                                  "size(m[0].map(k, k).join('')) > 8192 || "));
  }
}

TEST(MatchCondition, AnUpdateIsAskedAboutWhereTheTableReads) {
  const std::string cel = ServingChangeExpression(*BuiltInServingProfiles());
  EXPECT_THAT(cel, HasSubstr("request.kind.kind in ['Pod'] && (object[?'spec'] != "
                             "oldObject[?'spec'])"));
  EXPECT_THAT(cel,
              HasSubstr("request.kind.kind in ['StatefulSet'] && (object[?'spec'][?'template'] "
                        "!= oldObject[?'spec'][?'template'] || "
                        "object[?'spec'][?'volumeClaimTemplates'] != "));
  EXPECT_THAT(cel, HasSubstr(R"(llm-d\\.ai/)"));
  EXPECT_THAT(ServingRootsExpression(*BuiltInServingProfiles()),
              StartsWith("object[?'inference'] != oldObject[?'inference'] || object[?'spec'] != "
                         "oldObject[?'spec'] || ['app.kubernetes.io/instance', "));
}

TEST(MatchCondition, OfLabelsThatAreSetFindsThoseThatAreSigns) {
  auto signals = BuiltInServingProfiles()->signals;
  const std::string cel = ServingLabelsExpression(signals, "set", "m");
  EXPECT_THAT(cel, HasSubstr("size(set) > 128 || size(set.map(k, (k + '=' + m[k])).join('')) > "
                             "8192 ? set : set.filter(k, (k + '=' + m[k]).matches('^(?s:"));
  EXPECT_THAT(cel, HasSubstr(R"(|app\\.kubernetes\\.io/managed-by=countersign-operator)"));
  EXPECT_THAT(cel, HasSubstr(R"(|seldon-app=.*)")) << "whatever its value is";
  for (ServingSignal& signal : signals.labels) signal.certainty = Certainty::kIgnore;
  EXPECT_THAT(
      ServingLabelsExpression(signals, "set", "m"),
      HasSubstr(R"(matches('^(?s:app\\.kubernetes\\.io/managed-by=countersign-operator)$'))"))
      << "whatever a table says";
}

TEST(MatchCondition, QuotesWhatATableHolds) {
  EXPECT_EQ(CelLiteral(R"(it's \d)"), R"('it\'s \\d')");
}

}  // namespace
}  // namespace countersign
