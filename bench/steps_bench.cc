// steps_bench: where the time of one decision goes, step by step, on one thread without a network.
// Arguments are bytes of a review; compare steps of one run with each other.

#include <benchmark/benchmark.h>

#include <memory>

#include "base/clock.h"
#include "bench/seeds.h"
#include "catalog/live_reader.h"
#include "evidence/stamp.h"
#include "governance/evaluate.h"
#include "webhook/admission/handler.h"

namespace countersign {
namespace {

// One use case per size with all its evidence, and the review that it approves.
struct Scene {
  SystemClock clock;
  InstallationKey key = InstallationKey::Generate().value();
  KubeClient client{std::make_shared<NoServer>(), clock, {}};
  Catalog catalog{client, clock, {kInstallation, key.Public()}};
  LiveReader live{client, clock, catalog};
  AdmissionHandler handler{catalog, live, clock, key, {}, [](const DecisionRecord& record, bool) {
                             benchmark::DoNotOptimize(RecordLine(record));
                             return true;
                           }};
  Json object;
  std::string review;

  explicit Scene(std::size_t bytes, int policies = 1) {
    Seeder seeder(catalog, key, clock.Now());
    seeder.Policy();
    for (int i = 1; i < policies; ++i) seeder.Policy("lending-" + std::to_string(i));
    seeder.Fill(0, bytes);
    object = Deployment(key, 0, bytes, clock.Now());
    review = ReviewOf(object);
  }
};

Scene& SceneOf(const benchmark::State& state) {
  static std::map<std::int64_t, std::unique_ptr<Scene>> scenes;
  auto& scene = scenes[state.range(0)];
  if (scene == nullptr) scene = std::make_unique<Scene>(static_cast<std::size_t>(state.range(0)));
  return *scene;
}

void Parse(benchmark::State& state) {
  const Scene& scene = SceneOf(state);
  for (auto unused : state) benchmark::DoNotOptimize(ParseReview(scene.review));
}

void Canonical(benchmark::State& state) {
  const Scene& scene = SceneOf(state);
  for (auto unused : state) benchmark::DoNotOptimize(CanonicalJson(scene.object));
}

void DecodeObject(benchmark::State& state) {
  const Scene& scene = SceneOf(state);
  for (auto unused : state) benchmark::DoNotOptimize(Decode<ModelDeploymentSpec>(scene.object));
}

void Stamp(benchmark::State& state) {
  const Scene& scene = SceneOf(state);
  for (auto unused : state) {
    benchmark::DoNotOptimize(VerifyStamp(scene.catalog.authority(), scene.object));
  }
}

void GatherAndEvaluate(benchmark::State& state) {
  const Scene& scene = SceneOf(state);
  const auto deployment =
      std::make_shared<ModelDeployment>(Decode<ModelDeploymentSpec>(scene.object).value());
  const std::string digest = GovernedDigest(*Find(scene.object, "spec")).value();
  const Provenance author = VerifyStamp(scene.catalog.authority(), scene.object);
  for (auto unused : state) {
    benchmark::DoNotOptimize(
        Evaluate(*scene.catalog.Policies(),
                 scene.catalog.Gather(deployment, digest, author, deployment->meta.name_space,
                                      deployment->meta.name, scene.clock.Now())));
  }
}

Decision Decided(const Scene& scene) {
  const auto deployment =
      std::make_shared<ModelDeployment>(Decode<ModelDeploymentSpec>(scene.object).value());
  return Evaluate(
      *scene.catalog.Policies(),
      scene.catalog.Gather(deployment, GovernedDigest(*Find(scene.object, "spec")).value(),
                           VerifyStamp(scene.catalog.authority(), scene.object),
                           deployment->meta.name_space, deployment->meta.name, scene.clock.Now()));
}

void Record(benchmark::State& state) {
  const Scene& scene = SceneOf(state);
  const Decision decision = Decided(scene);
  const Review review = DecodeReview(ParseReview(scene.review).value()).value();
  for (auto unused : state) {
    DecisionRecord record = StartRecord(review, scene.clock.Now());
    record.decision = &decision;
    record.reasons = ReasonsOf(decision);
    benchmark::DoNotOptimize(RecordLine(record));
  }
}

void Answer(benchmark::State& state) {
  const Scene& scene = SceneOf(state);
  const Decision decision = Decided(scene);
  const Review review = DecodeReview(ParseReview(scene.review).value()).value();
  DecisionRecord record = StartRecord(review, scene.clock.Now());
  record.decision = &decision;
  for (auto unused : state) {
    ReviewAnswer answer;
    answer.allowed = true;
    answer.annotations = AuditAnnotations(record);
    benchmark::DoNotOptimize(EncodeAnswer(review.uid, answer));
  }
}

void Decide(benchmark::State& state, Scene& scene) {
  const SteadyTime deadline = scene.clock.Steady() + std::chrono::hours(1);
  for (auto unused : state) {
    const AdmissionReply reply = scene.handler.Validate({scene.review, {}, deadline});
    if (reply.body.find(R"("allowed":true)") == std::string::npos) {
      state.SkipWithError(reply.body.c_str());
      return;
    }
  }
}

void Whole(benchmark::State& state) { Decide(state, SceneOf(state)); }

// By how many policies apply, each with a measure of its own.
void WholeUnderPolicies(benchmark::State& state) {
  Scene scene(4096, static_cast<int>(state.range(0)));
  Decide(state, scene);
}

BENCHMARK(Parse)->Arg(4096)->Arg(65'536);
BENCHMARK(Canonical)->Arg(4096)->Arg(65'536);
BENCHMARK(DecodeObject)->Arg(4096)->Arg(65'536);
BENCHMARK(Stamp)->Arg(4096)->Arg(65'536);
BENCHMARK(GatherAndEvaluate)->Arg(4096);
BENCHMARK(Record)->Arg(4096);
BENCHMARK(Answer)->Arg(4096);
BENCHMARK(Whole)->Arg(4096)->Arg(65'536);
BENCHMARK(WholeUnderPolicies)->Arg(1)->Arg(50);

}  // namespace
}  // namespace countersign

BENCHMARK_MAIN();
