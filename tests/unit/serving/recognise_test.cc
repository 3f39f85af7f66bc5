#include "governance/serving/recognise.h"

#include <fstream>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/yaml.h"
#include "governance/serving/made_for.h"
#include "governance/serving/resolved_images.h"
#include "governance/serving/running.h"

namespace countersign {
namespace {

using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Kind = ServedReference::Kind;

const ServingProfiles& Table() {
  static const ServingProfiles kTable = BuiltInServingProfiles().value();
  return kTable;
}

Json Read(const std::string& path) {
  std::ifstream file(SOURCE_DIR "/tests/unit/serving/" + path);
  std::ostringstream text;
  text << file.rdbuf();
  auto parsed = ParseYaml(text.str());
  if (!parsed) throw std::runtime_error(parsed.error().ToString());
  return *parsed;
}

std::vector<std::string> Strings(const Json& c, const char* key) {
  const Json* list = Find(c, key);
  return list == nullptr ? std::vector<std::string>() : list->get<std::vector<std::string>>();
}

std::vector<std::string> Texts(const Recognition& found, Kind kind, std::optional<bool> pinned) {
  std::vector<std::string> texts;
  for (const ServedReference& reference : found.references) {
    if (reference.kind == kind && (!pinned || reference.pinned == *pinned)) {
      texts.push_back(reference.text);
    }
  }
  return texts;
}

class Objects : public ::testing::TestWithParam<Json> {};

TEST_P(Objects, AreRecognisedForWhatTheyAre) {
  const Json& c = GetParam();
  const Recognition found = Recognise(Table(), *Find(c, "object"));
  SCOPED_TRACE(StringAt(c, "name"));
  EXPECT_EQ(found.serves, BoolAt(c, "serves")) << WhyServing(found);
  EXPECT_EQ(found.suspected, BoolAt(c, "suspected")) << WhyServing(found);
  EXPECT_THAT(Texts(found, Kind::kModel, true), ElementsAreArray(Strings(c, "pinned")));
  EXPECT_THAT(Texts(found, Kind::kModel, false), ElementsAreArray(Strings(c, "models")));
  EXPECT_THAT(Texts(found, Kind::kRoute, {}), ElementsAreArray(Strings(c, "routes")));
  EXPECT_THAT(Texts(found, Kind::kContainer, {}),
              SizeIs(static_cast<std::size_t>(IntAt(c, "containers"))));
  EXPECT_THAT(Texts(found, Kind::kVolume, {}),
              SizeIs(static_cast<std::size_t>(IntAt(c, "volumes"))));
  std::vector<std::string> faults;
  for (const Error& fault : found.faults) faults.push_back(fault.path);
  EXPECT_THAT(faults, ElementsAreArray(Strings(c, "faults")));
  EXPECT_EQ(found.fingerprint.empty(), !found.serves);
}

std::vector<Json> All() {
  const Json cases = Read("testdata/objects.yaml").at("cases");
  return {cases.begin(), cases.end()};
}

INSTANTIATE_TEST_SUITE_P(Recognise, Objects, ::testing::ValuesIn(All()),
                         [](const ::testing::TestParamInfo<Json>& one) {
                           std::string name = std::to_string(one.index) + "_";
                           for (const char c : StringAt(one.param, "name")) {
                             const bool word = std::isalnum(static_cast<unsigned char>(c)) != 0;
                             name += word ? c : '_';
                           }
                           return name;
                         });

Json Deployment(const std::string& container, const std::string& more = "") {
  return ParseYaml(
             "{apiVersion: apps/v1, kind: Deployment, metadata: {name: d, namespace: x}, "
             "spec: {replicas: 1, template: {spec: {containers: [" +
             container + "]" + more + "}}}}")
      .value();
}

TEST(Recognise, SaysWhichSignItFoundWhere) {
  const Recognition found = Recognise(Table(), Deployment("{image: 'ollama/ollama:0.9'}"));
  EXPECT_EQ(WhyServing(found),
            "image '*ollama/ollama*': 'ollama/ollama:0.9' at "
            "spec.template.spec.containers[0].image");
}

TEST(Recognise, SaysWhereACommandStands) {
  EXPECT_THAT(WhyServing(Recognise(Table(), Deployment("{image: x, command: [torchserve]}"))),
              HasSubstr("containers[0].command"));
  EXPECT_THAT(
      WhyServing(Recognise(Table(), Deployment("{image: x, command: [x], args: [torchserve]}"))),
      HasSubstr("containers[0].args"));
  const Recognition option =
      Recognise(Table(), Deployment("{image: x, command: [x, --model-id, m], args: [y]}"));
  EXPECT_THAT(WhyServing(option), HasSubstr("containers[0].command"));
}

// Who takes one of them out would not know why it is refused still.
TEST(Recognise, SaysAllHintsThatCountTogether) {
  std::string container = "{image: x, args: [";
  for (int i = 0; i < 40; ++i) container += "--model, m,";
  container += "], env: [{name: HF_TOKEN, value: x}]}";
  const Recognition found = Recognise(Table(), Deployment(container));
  EXPECT_TRUE(found.serves);
  EXPECT_EQ(WhyServing(found),
            "argument '--model': '--model' at spec.template.spec.containers[0].args and variable "
            "'HF_TOKEN': 'HF_TOKEN' at spec.template.spec.containers[0].env[0], which are hints "
            "and count together");
}

// What is found goes into refusals, Events and logs.
TEST(Recognise, ShowsNoValueThatMayBeASecret) {
  const Recognition found = Recognise(
      Table(),
      Deployment("{image: x, args: [vllm, serve, m, --api-key, hidden-a, --served-model-name, m, "
                 "'--model-id=s3://user:hidden-b@host/m?sig=hidden-c'], env: [{name: VLLM_API_KEY, "
                 "value: hidden-d}, {name: HF_TOKEN, value: hidden-e}, {name: STORAGE_URI, value: "
                 "'https://hidden-f@host/m?sig=hidden-g'}, {name: OTHER, value: "
                 "'hf://org/m?token=hidden-h'}]}"));
  EXPECT_TRUE(found.serves);
  std::string all = WhyServing(found);
  for (const ServingSign& sign : found.signs) all += "\n" + sign.what + " " + sign.found;
  for (const ServedReference& reference : found.references) all += "\n" + reference.text;
  EXPECT_THAT(all, Not(HasSubstr("hidden")));
  EXPECT_THAT(all, HasSubstr("https://host/m"));
  EXPECT_THAT(all, HasSubstr("command 'vllm serve' vllm serve"));
}

TEST(Recognise, ACommandIsWordsOfItsOwn) {
  const Json lines = Read("examples/command_lines.yaml");
  const auto runs = [](const std::string& command) {
    Json object = Deployment("{image: x}");
    object["spec"]["template"]["spec"]["containers"][0]["command"] = {"sh", "-c", command};
    return Recognise(Table(), object).serves;
  };
  for (const std::string& one : Strings(lines, "serves")) EXPECT_TRUE(runs(one)) << one;
  for (const std::string& one : Strings(lines, "does_not_serve")) EXPECT_FALSE(runs(one)) << one;
}

TEST(Recognise, EveryKindOfTheTableIsMetInTheObjects) {
  std::set<std::string> met;
  for (const Json& c : All()) met.insert(Recognise(Table(), *Find(c, "object")).profile);
  for (const ServingProfile& profile : Table().profiles) {
    EXPECT_TRUE(met.contains(profile.name)) << profile.name;
  }
}

TEST(Recognise, ReplicasAndStatusAreNotWhatIsServed) {
  const std::string digest = "sha256:" + std::string(64, 'a');
  Json object = Deployment("{image: 'ollama/ollama@" + digest + "'}");
  const std::string before = Recognise(Table(), object).fingerprint;
  object["spec"]["replicas"] = 9;
  object["status"] = {{"readyReplicas", 1}};
  object["metadata"]["finalizers"] = {"example.com/x"};
  EXPECT_EQ(Recognise(Table(), object).fingerprint, before);
  object["spec"]["template"]["spec"]["containers"][0]["env"] = {{{"name", "A"}, {"value", "b"}}};
  EXPECT_NE(Recognise(Table(), object).fingerprint, before);
}

TEST(Recognise, AModelInAnAnnotationIsPartOfWhatIsServed) {
  Json object = Deployment("{image: 'ollama/ollama:1'}");
  const std::string before = Recognise(Table(), object).fingerprint;
  object["metadata"]["annotations"] = {
      {"internal.serving.kserve.io/storage-initializer-sourceuri", "s3://other"}};
  EXPECT_NE(Recognise(Table(), object).fingerprint, before);
}

TEST(Recognise, ACommandLineThatIsTooLongToLookThroughIsAFault) {
  Json object = Deployment("{image: 'ollama/ollama:1', args: []}");
  object["spec"]["template"]["spec"]["containers"][0]["args"].push_back(
      std::string(kMaxEmbeddedBytes + 1, 'x'));
  EXPECT_THAT(Recognise(Table(), object).faults, SizeIs(1));
}

// How much is remembered of an object.
std::size_t Remembered(const Recognition& found) {
  std::size_t bytes = 0;
  for (const ServedReference& one : found.references) {
    bytes += one.text.size() + one.path.size() + one.name.size();
    for (const std::string& name : one.mounted_by) bytes += name.size();
  }
  for (const ServingSign& one : found.signs) bytes += one.path.size() + one.found.size();
  for (const Error& one : found.faults) bytes += one.path.size() + one.message.size();
  return bytes;
}

TEST(Recognise, OfContainersWithinContainersLittleIsRemembered) {
  constexpr int kDepth = 200;
  Json within = {{"image", "vllm/vllm-openai:v1"}};
  for (int i = 0; i < kDepth; ++i) {
    Json one = {{"image", "vllm/vllm-openai:v" + std::to_string(i)},
                {"env", {{{"name", std::string(1000, 'x')}}}}};
    one["containers"] = Json::array({std::move(within)});
    within = std::move(one);
  }
  const Recognition found =
      Recognise(Table(), {{"apiVersion", "serving.kserve.io/v1beta1"},
                          {"kind", "InferenceService"},
                          {"metadata", {{"name", "deep"}, {"namespace", "x"}}},
                          {"spec", {{"predictor", {{"containers", Json::array({within})}}}}}});
  EXPECT_TRUE(found.serves);
  ASSERT_THAT(found.faults, Not(IsEmpty()));
  EXPECT_THAT(found.faults.back().message, HasSubstr("than are looked through"));
  EXPECT_LT(Remembered(found), 200'000U);
}

TEST(Recognise, MoreContainersThanAnybodyRunsAreAFault) {
  Json object = Deployment("{image: 'ollama/ollama:1'}");
  Json& spec = object["spec"]["template"]["spec"];
  for (int i = 0; i < 10'000; ++i) {
    spec["containers"].push_back({{"name", "c" + std::to_string(i)}, {"image", "x"}});
    spec["volumes"].push_back({{"name", std::to_string(i)}, {"hostPath", {{"path", "/x"}}}});
  }
  const Recognition found = Recognise(Table(), object);
  ASSERT_THAT(found.faults, SizeIs(1));
  EXPECT_THAT(found.faults.front().message, HasSubstr("more containers and volumes"));
  // Nor is it taken for what its owner says: nobody has compared all of it.
  const ServingOwner owner{.kind = "ReplicaSet", .name = "r", .recognition = found};
  EXPECT_TRUE(NotAsOwnerSays("Pod", found, owner));
  EXPECT_LT(Remembered(found), 50'000U);
}

TEST(Recognise, OfLongNamesLittleIsRemembered) {
  Json object = {{"apiVersion", "serving.kserve.io/v1beta1"},
                 {"kind", "InferenceService"},
                 {"metadata", {{"name", "long"}, {"namespace", "x"}}}};
  object["spec"]["predictor"]["model"] = {{"storageUri", "s3://" + std::string(100'000, 'x')},
                                          {std::string(100'000, 'k'), {{"uri", "s3://m"}}}};
  object["spec"]["predictor"]["containers"] = {{{"image", std::string(100'000, 'i')}}};
  const Recognition found = Recognise(Table(), object);
  EXPECT_TRUE(found.serves);
  EXPECT_LT(Remembered(found), 10'000U);
}

TEST(Recognise, MoreModelsThanAnybodyServesAreAFault) {
  Json object = Deployment("{image: 'ollama/ollama:1', args: []}");
  Json& args = object["spec"]["template"]["spec"]["containers"][0]["args"];
  for (std::size_t i = 0; i <= kMaxServedReferences; ++i) {
    args.push_back("hf://org/m" + std::to_string(i));
  }
  const Recognition found = Recognise(Table(), object);
  ASSERT_FALSE(found.faults.empty());
  EXPECT_THAT(found.faults.front().message, HasSubstr("more than 256 models"));
}

TEST(Recognise, AnObjectAsDeepAsTheParserLetsThroughIsWalked) {
  Json graph = {{"modelUri", "gs://m/deep"}};
  for (int i = 0; i < 450; ++i) graph = {{"children", Json::array({std::move(graph)})}};
  Json object = {{"apiVersion", "machinelearning.seldon.io/v1"},
                 {"kind", "SeldonDeployment"},
                 {"metadata", {{"name", "s"}}},
                 {"spec", {{"predictors", Json::array({{{"graph", std::move(graph)}}})}}}};
  EXPECT_THAT(Recognise(Table(), object).references, SizeIs(1));
  Discard(object);
}

TEST(Recognise, AnObjectThatIsNestedDeeperIsNotLookedThroughAndNotBelieved) {
  Json deep = "x";
  for (int i = 0; i < 9000; ++i) deep = Json::array({std::move(deep)});
  Json object = {{"apiVersion", "serving.knative.dev/v1"},
                 {"kind", "Service"},
                 {"metadata", {{"name", "s"}}},
                 {"spec", std::move(deep)}};
  const Recognition found = Recognise(Table(), object);
  EXPECT_TRUE(found.serves);
  ASSERT_THAT(found.faults, SizeIs(1));
  EXPECT_THAT(found.faults[0].message, HasSubstr("nested deeper"));
  Discard(object);
}

TEST(Recognise, WhatIsOfAnotherTypeThanExpectedIsNoCrash) {
  for (const char* text :
       {"{apiVersion: apps/v1, kind: Deployment}", "{apiVersion: 1, kind: []}", "[1]", "[text]",
        "{apiVersion: v1, kind: Pod, metadata: [], spec: {containers: [1, {image: 2, args: [3], "
        "env: [4], resources: 5}], volumes: {a: b}}}",
        "{apiVersion: serving.kserve.io/v1beta1, kind: InferenceService, spec: {predictor: "
        "{model: {storageUri: 7}}}}"}) {
    const auto object = ParseYaml(text);
    ASSERT_TRUE(object) << object.error().ToString();
    const Recognition found = Recognise(Table(), *object);
    EXPECT_THAT(Texts(found, Kind::kModel, {}), IsEmpty()) << text;
  }
}

TEST(Recognise, ContainersAgreeInWhatRunsAndNotInNamesOrDefaults) {
  const std::string image = "image: 'r.example/s@sha256:" + std::string(64, 'd') + "'";
  const auto fingerprint = [&](const std::string& container) {
    return RunsIn(ParseYaml("{containers: [" + container + "]}").value()).at(0).fingerprint;
  };
  const std::string plain = fingerprint("{name: a, " + image + "}");
  EXPECT_EQ(fingerprint("{name: b, " + image +
                        ", resources: {limits: {cpu: '1'}}, ports: [{containerPort: 1}], "
                        "terminationMessagePath: /x, imagePullPolicy: Always, env: []}"),
            plain);
  EXPECT_EQ(fingerprint("{name: a, image: 'mirror.example/t@sha256:" + std::string(64, 'd') + "'}"),
            plain)
      << "the same bytes from another registry";
  for (const char* other : {"command: [sh]", "args: [x]", "env: [{name: A, value: b}]",
                            "envFrom: [{configMapRef: {name: c}}]", "workingDir: /x",
                            "lifecycle: {postStart: {exec: {command: [x]}}}",
                            "livenessProbe: {exec: {command: [x]}}"}) {
    EXPECT_NE(fingerprint("{name: a, " + image + ", " + other + "}"), plain) << other;
  }
}

const std::string kA = "sha256:" + std::string(64, 'a');
const std::string kB = "sha256:" + std::string(64, 'b');

Json RunningPod() {
  return ParseYaml(
             "{apiVersion: v1, kind: Pod, metadata: {name: p, namespace: x, labels: {app: "
             "chat, tier: gpu}}, spec: {containers: [{name: c, image: 'mirror.example/x:1'}]}"
             ", status: {containerStatuses: [{name: c, image: 'mirror.example/x:1', imageID: "
             "'docker-pullable://docker.io/vllm/vllm-openai@" +
             kA +
             "', volumeMounts: [{name: weights, mountPath: /w, volumeStatus: {image: "
             "{imageRef: 'r.example/m@" +
             kB + "'}}}]}, {name: side, imageID: '" + kA + "'}]}}")
      .value();
}

TEST(RecogniseRunning, ByTheImageThatANodePulled) {
  const Json pod = RunningPod();
  EXPECT_FALSE(Recognise(Table(), pod).serves);
  const Recognition found = RecogniseRunning(Table(), pod, {});
  EXPECT_TRUE(found.serves);
  EXPECT_EQ(WhyServing(found), "image '*vllm/vllm*': 'docker.io/vllm/vllm-openai@" + kA +
                                   "' at status.containerStatuses[0].imageID");
}

TEST(RecogniseRunning, ResolvedAreContainersAndImageVolumesWithARepository) {
  const auto resolved = ResolvedImages(RunningPod());
  ASSERT_THAT(resolved, SizeIs(2));
  EXPECT_EQ(resolved[0].of + " " + resolved[0].image, "c docker.io/vllm/vllm-openai@" + kA);
  EXPECT_FALSE(resolved[0].volume);
  EXPECT_EQ(resolved[1].of + " " + resolved[1].image, "weights r.example/m@" + kB);
  EXPECT_TRUE(resolved[1].volume);
  EXPECT_EQ(resolved[1].path,
            "status.containerStatuses[0].volumeMounts[0].volumeStatus.image.imageRef");
}

TEST(RecogniseRunning, WhatSomebodyPutIntoItWhileItRunsIsPulledToo) {
  Json pod = RunningPod();
  pod["status"]["containerStatuses"] = Json::array();
  pod["spec"]["ephemeralContainers"] =
      Json::array({{{"name", "debug"}, {"image", "mirror.example/y:1"}}});
  pod["status"]["ephemeralContainerStatuses"] =
      Json::array({{{"name", "debug"}, {"imageID", "docker.io/vllm/vllm-openai@" + kA}}});
  const auto resolved = ResolvedImages(pod);
  ASSERT_THAT(resolved, SizeIs(1));
  EXPECT_EQ(resolved[0].asked, "mirror.example/y:1");
  EXPECT_EQ(resolved[0].path, "status.ephemeralContainerStatuses[0].imageID");
  EXPECT_TRUE(RecogniseRunning(Table(), pod, {}).serves);
}

TEST(RecogniseRunning, ByAModelThatAModelDeploymentNamesWhateverItsTag) {
  Json pod = RunningPod();
  pod["status"]["containerStatuses"][0]["imageID"] = "r.example/plain@" + kB;
  EXPECT_FALSE(RecogniseRunning(Table(), pod, {}).serves);
  const Recognition found =
      RecogniseRunning(Table(), pod, {{}, {{kB, "ModelDeployment 'x/scorer'"}}});
  EXPECT_TRUE(found.serves);
  EXPECT_EQ(Texts(found, Kind::kModel, true).front(), "oci://r.example/plain@" + kB);
  EXPECT_THAT(WhyServing(found), HasSubstr("model of ModelDeployment 'x/scorer'"));
}

TEST(RecogniseRunning, ByAPoolThatTakesItForAModelServer) {
  const auto pool = [](const std::string& version, const std::string& selector) {
    return PodSelectionOf(
        Table(), ParseYaml("{apiVersion: " + version +
                           ", kind: InferencePool, metadata: {name: chat, namespace: x}, spec: "
                           "{selector: " +
                           selector + "}}")
                     .value());
  };
  Json pod = RunningPod();
  pod.erase("status");
  const auto by = [&](const std::optional<PodSelection>& selection) {
    return RecogniseRunning(Table(), pod, {{*selection}, {}});
  };
  const auto stable =
      pool("inference.networking.k8s.io/v1", "{matchLabels: {app: chat, tier: gpu}}");
  ASSERT_TRUE(stable);
  EXPECT_EQ(WhyServing(by(stable)), "InferencePool 'chat': 'app=chat' at metadata.labels.app");
  EXPECT_THAT(Texts(by(stable), Kind::kContainer, {}), ElementsAreArray({"mirror.example/x:1"}));
  const auto older = pool("inference.networking.x-k8s.io/v1alpha2", "{app: chat}");
  ASSERT_TRUE(older);
  EXPECT_TRUE(by(older).serves);
  EXPECT_FALSE(by(pool("inference.networking.k8s.io/v1", "{matchLabels: {app: other}}")).serves);
  EXPECT_FALSE(pool("inference.networking.k8s.io/v1", "{matchLabels: {}}"));
  EXPECT_FALSE(pool("inference.networking.k8s.io/v1", "{matchLabels: {app: 1}}"));
  EXPECT_FALSE(pool("inference.networking.k8s.io/v9", "{matchLabels: {app: chat}}"));
  pod["metadata"]["namespace"] = "y";
  EXPECT_FALSE(by(stable).serves);
}

}  // namespace
}  // namespace countersign
