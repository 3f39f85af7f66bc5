#include "cli/approval_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "catalog/resources.h"
#include "cli/approval_reading.h"
#include "cli/files.h"

namespace countersign {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

const Time kNow = *ParseTime("2026-11-20T00:00:00Z");

std::vector<Manifest> Samples() {
  auto text =
      ReadTextFile(std::string(SOURCE_DIR) + "/tests/unit/governance/testdata/samples.yaml");
  auto manifests = ParseManifests("set.yaml", text.value_or(""));
  EXPECT_TRUE(manifests) << manifests.error().ToString();
  return manifests.value_or(std::vector<Manifest>());
}

void Drop(std::vector<Manifest>& manifests, const std::string& kind) {
  std::erase_if(manifests, [&](const Manifest& m) { return StringAt(m.object, "kind") == kind; });
}

Result<ApprovalInput> Read(const std::vector<Manifest>& manifests, ApproveFlags flags,
                           const std::string& name_space = {}) {
  auto source = ManifestSource::Make(manifests, name_space, kNow);
  if (!source) return Fail(source.error());
  flags.files = {"set.yaml"};
  ApprovalInput input;
  Surroundings all;
  auto read = ReadApproval(*source, flags, source->manifests(), input, all);
  if (!read) return Fail(read.error());
  input.role = "model-validator";
  input.username = "vera";
  input.rationale = "Looked at it.";
  return input;
}

std::string Fault(const std::vector<Manifest>& manifests, const ApproveFlags& flags = {},
                  const std::string& name_space = {}) {
  auto input = Read(manifests, flags, name_space);
  return input ? "" : input.error().ToString();
}

TEST(ManifestSource, HoldsAllThatADeploymentIsJudgedBy) {
  auto input = Read(Samples(), {});
  ASSERT_TRUE(input) << input.error().ToString();
  auto sign_offs = MakeSignOffs(*input);
  ASSERT_TRUE(sign_offs) << sign_offs.error().ToString();
  ASSERT_EQ(sign_offs->size(), 1U);
  const Json& spec = sign_offs->front().at("spec");
  EXPECT_EQ(StringAt(spec, "subject/environment"), "prod");
  EXPECT_FALSE(FindPath(spec, "shown/evidence")->empty());
  EXPECT_TRUE(CheckShown(*input, *sign_offs));
}

TEST(ManifestSource, SaysWhatIsNotAmongTheFiles) {
  std::vector<Manifest> manifests = Samples();
  Drop(manifests, "UseCase");
  EXPECT_THAT(Fault(manifests), AllOf(HasSubstr("there is no UseCase 'sample'"),
                                      HasSubstr("no cluster is asked"), HasSubstr("-f")));
}

TEST(ManifestSource, EvidenceThatNobodySawIsAskedFor) {
  std::vector<Manifest> manifests = Samples();
  for (const char* kind : {"BiasTest", "ReproducibilitySnapshot", "Evidence"}) {
    Drop(manifests, kind);
  }
  auto input = Read(manifests, {});
  ASSERT_TRUE(input) << input.error().ToString();
  auto sign_offs = MakeSignOffs(*input);
  ASSERT_TRUE(sign_offs) << sign_offs.error().ToString();
  auto enough = CheckShown(*input, *sign_offs);
  ASSERT_FALSE(enough);
  EXPECT_THAT(enough.error().ToString(),
              AllOf(HasSubstr("--without-evidence"), HasSubstr("-f"),
                    HasSubstr(input->deployment->spec.model.digest.digest)));
}

TEST(ManifestSource, RefusesWhatItWouldLeaveOut) {
  std::vector<Manifest> manifests = Samples();
  for (Manifest& manifest : manifests) {
    if (StringAt(manifest.object, "kind") == "BiasTest") manifest.object["spec"]["colour"] = "red";
  }
  EXPECT_THAT(Fault(manifests), HasSubstr("spec.colour"));
  manifests = Samples();
  for (Manifest& manifest : manifests) {
    if (StringAt(manifest.object, "kind") != "BiasTest") continue;
    manifest.object["metadata"].erase("name");
    manifest.object["metadata"]["generateName"] = "fair-";
  }
  EXPECT_THAT(Fault(manifests), HasSubstr("metadata.name"));
}

TEST(ManifestSource, ANameInTwoNamespacesIsAskedFor) {
  std::vector<Manifest> manifests = Samples();
  for (Manifest manifest : Samples()) {
    if (StringAt(manifest.object, "kind") != "UseCase") continue;
    manifest.object["metadata"]["namespace"] = "elsewhere";
    manifests.push_back(std::move(manifest));
  }
  ApproveFlags flags;
  flags.use_case = "sample";
  EXPECT_THAT(Fault(manifests, flags),
              AllOf(HasSubstr("--namespace"), HasSubstr("'lending' and 'elsewhere'")));
  EXPECT_EQ(Fault(manifests, flags, "lending"), "");
}

TEST(ManifestSource, TellsWhatWasTakenFromWhere) {
  auto source = ManifestSource::Make(Samples(), {}, kNow);
  ASSERT_TRUE(source) << source.error().ToString();
  EXPECT_THAT(source->OriginText(),
              AllOf(HasSubstr("no cluster was asked"),
                    HasSubstr("\n  ModelDeployment 'lending-prod/sample' of set.yaml#3\n")));
}

}  // namespace
}  // namespace countersign
