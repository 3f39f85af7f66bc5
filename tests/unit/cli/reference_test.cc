#include "cli/reference.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/files.h"

namespace countersign {
namespace {

using ::testing::HasSubstr;

TEST(Reference, CommittedFilesAreWhatTheGeneratorGives) {
  for (const auto& [path, text] : GeneratedFiles()) {
    auto file = ReadTextFile(std::string(SOURCE_DIR) + "/" + path);
    ASSERT_TRUE(file) << file.error().ToString();
    EXPECT_TRUE(*file == text) << path << " is out of date: run `make manifests`";
  }
}

TEST(Reference, APageHasARowForEachFieldWithTypeAndLimits) {
  for (const KindInfo& kind : AllKinds()) {
    if (kind.kind != "ModelDeployment") continue;
    const std::string page = KindPage(kind);
    EXPECT_THAT(page, HasSubstr("| `spec.model.digest` | string | required; 1 to 71 characters; "
                                "`^sha256:[0-9a-f]{64}$` | The model's content digest"));
    EXPECT_THAT(page, HasSubstr("| `spec.serving.config[].name` | string | required"));
    EXPECT_THAT(page, HasSubstr("| `status.gates[].remedy` | string |"));
    EXPECT_THAT(page, HasSubstr("kubectl get mdeploy"));
  }
}

// A pipe inside of a cell would end it.
TEST(Reference, PipesInPatternsAreEscaped) {
  for (const KindInfo& kind : AllKinds()) {
    if (kind.kind != "ReproducibilitySnapshot") continue;
    EXPECT_THAT(KindPage(kind), HasSubstr("`^([0-9a-f]{40}\\|[0-9a-f]{64})$`"));
  }
}

TEST(Reference, EveryMetricHasARow) {
  const std::string page = MetricsPage();
  for (const char* metric : {"disparateImpact", "equalOpportunityDifference", "selectionRate"}) {
    EXPECT_THAT(page, HasSubstr("| `" + std::string(metric) + "` |"));
  }
}

}  // namespace
}  // namespace countersign
