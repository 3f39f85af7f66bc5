// A model's components: their common digest, and what the decoder says of them.
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <utility>

#include "governance/types/model_deployment.h"
#include "objects.h"
#include "situation.h"

namespace countersign::testing {
namespace {

constexpr char kAdapter[] =
    R"({name: adapter, role: Adapter, artifact: {uri: "oci://r.example/a:1", digestType: ociManifest,
    digest: "sha256:2222222222222222222222222222222222222222222222222222222222222222"}})";
constexpr char kHosted[] =
    R"({name: base, role: BaseModel, hosted: {provider: acme, model: chat-4, snapshot: "2026-08-06"}})";

Result<ModelDeployment> WithComponents(const std::string& components,
                                       const std::string& model = "{}") {
  Json object = Deployment();
  Json& own = object["spec"]["model"];
  own.erase("uri");
  own["digestType"] = "composite";
  own["components"] = Yaml("[" + components + "]");
  MergePatch(own, Yaml(model));
  return Decode<ModelDeploymentSpec>(object);
}

// The canonical form as docs/components.md gives it, hashed by another program.
TEST(CompositeDigestTest, IsOfTheCanonicalJsonOfTheComponentsByName) {
  const auto made = WithComponents(std::string(kHosted) + ", " + kAdapter);
  ASSERT_TRUE(made) << made.error().ToString();
  const Model& model = made->spec.model;
  EXPECT_EQ(model.composite_digest,
            "sha256:7f6ccdc5abb3175d13363e7b5cbc2c25eb2f204906b45635522eccf2b2e93553");
  EXPECT_EQ(model.components[0].identity.digest,
            "sha256:4930177b23cfee4e21a6eda75096668cc0e6f88bd62a3c54b9cbeee32ba92c6c");
  EXPECT_EQ(model.components[0].identity.type, DigestType::kHosted);
  EXPECT_EQ(model.components[1].identity,
            (ModelDigest{"sha256:" + std::string(64, '2'), DigestType::kOciManifest}));
}

TEST(CompositeDigestTest, ChangesWithWhatTheComponentsAreNotWithWhereTheyAre) {
  const auto digest = [](const std::string& hosted, const std::string& adapter) {
    Json one = Yaml(kHosted);
    Json two = Yaml(kAdapter);
    MergePatch(one, Yaml(hosted));
    MergePatch(two, Yaml(adapter));
    const auto made = WithComponents(two.dump() + ", " + one.dump());
    return made ? made->spec.model.composite_digest : made.error().ToString();
  };
  const std::string same = digest("{}", "{}");
  EXPECT_EQ(same, "sha256:7f6ccdc5abb3175d13363e7b5cbc2c25eb2f204906b45635522eccf2b2e93553");
  EXPECT_EQ(digest("{}", "{artifact: {uri: 'oci://elsewhere.example/a:2'}}"), same);
  std::set<std::string> others = {same};
  for (const char* change :
       {"{name: core}", "{role: Other}", "{hosted: {provider: other}}", "{hosted: {model: chat-5}}",
        "{hosted: {snapshot: '2026-09-01'}}", "{hosted: {snapshot: null}}"}) {
    EXPECT_TRUE(others.insert(digest(change, "{}")).second) << change;
  }
  for (const char* change :
       {"{name: tuned}", "{role: EnsembleMember}", "{artifact: {digestType: file}}",
        "{artifact: {digest: "
        "'sha256:3333333333333333333333333333333333333333333333333333333333333333'}}"}) {
    EXPECT_TRUE(others.insert(digest("{}", change)).second) << change;
  }
}

TEST(DecodeTest, ComponentsAreRefusedWithThePath) {
  const auto fault = [](const std::string& components, const std::string& model = "{}") {
    const auto made = WithComponents(components, model);
    return made ? std::string("accepted") : made.error().ToString();
  };
  const std::string adapter = kAdapter;
  EXPECT_EQ(fault(adapter), "accepted");
  const std::pair<std::string, std::string> faults[] = {
      {fault(adapter + ", {name: x, role: Other}"),
       "spec.model.components[1]: must have exactly one of artifact and hosted, has none"},
      {fault(adapter.substr(0, adapter.size() - 1) + ", hosted: {provider: acme, model: m}}"),
       "spec.model.components[0]: must have exactly one of artifact and hosted, has both"},
      {fault(adapter + ", " + adapter), "spec.model.components: has 'adapter' twice"},
      {fault("{name: x, role: Adaptor, hosted: {provider: acme, model: m}}"),
       "spec.model.components[0].role: must be one of 'BaseModel'"},
      {fault(adapter, "{digestType: ociManifest}"),
       "spec.model.digestType: must be 'composite' where there are components"},
      {fault(adapter, "{digestType: hosted}"), "spec.model.digestType: must not be 'hosted'"},
      {fault(adapter, "{uri: 'oci://r.example/m'}"), "spec.model.uri: must not be set beside"},
      {fault(adapter, "{components: null}"), "spec.model.components: is required with digestType"},
      {fault(adapter, "{components: null, digestType: file}"), "spec.model.uri: is required"},
      {fault("", "{}"), "spec.model.components: must have 1 to 32 items"},
      {fault(R"({name: x, role: Other, artifact: {uri: "oci://r.example/x", digestType: composite,
             digest: "sha256:2222222222222222222222222222222222222222222222222222222222222222"}})"),
       "spec.model.components[0].artifact.digestType: must be one of 'ociManifest'"}};
  for (const auto& [found, wanted] : faults) {
    EXPECT_NE(found.find(wanted), std::string::npos) << "not '" << wanted << "' but: " << found;
  }
}

}  // namespace
}  // namespace countersign::testing
