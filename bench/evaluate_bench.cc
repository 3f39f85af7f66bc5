// evaluate_bench: what one evaluation costs, by measures that apply and by evidence there is.
// Compare the numbers of one run: they should grow with the first and hardly with the second.

#include <benchmark/benchmark.h>

#include <memory>
#include <string>

#include "base/time.h"
#include "governance/dossier.h"
#include "governance/evaluate.h"
#include "tests/unit/catalog/objects.h"

namespace countersign {
namespace {

// Of the evidence for a use case most is about models that have gone: of what there is, three
// people approve of this one, and each type has one report on it.
const std::string kOther =
    "sha256:2222222222222222222222222222222222222222222222222222222222222222";
const std::string kNow = "2026-11-24T12:00:00Z";

// Every other measure asks for a sign-off, the rest for a report of a type of its own.
Json Measure(std::int64_t i) {
  Json measure = {
      {"name", "m" + std::to_string(i)}, {"step", "PreProduction"}, {"accountable", "validator"}};
  if (i % 2 == 0) {
    measure["require"]["signOff"] = {
        {"role", "validator"}, {"count", 1}, {"assurance", "Requester"}};
  } else {
    measure["require"]["evidence"] = {
        {"type", "Type" + std::to_string(i)},
        {"claims",
         Json::array({Json{{"claim", "errorRate"}, {"operator", "AtMost"}, {"value", "0.01"}}})},
        {"issuers", Json::array({Json{{"kind", "User"}, {"name", "dan@bank.example"}}})}};
  }
  return measure;
}

Provenance By(const std::string& user, std::vector<std::string> groups) {
  Provenance by;
  by.authenticity = Authenticity::kAttested;
  by.user = user;
  by.groups = std::move(groups);
  by.first_seen = ParseTime("2026-11-01T12:00:00Z").value();
  return by;
}

struct World {
  PolicySet policies;
  Facts facts;
};

World Make(std::int64_t measures, std::int64_t evidence) {
  Json policy = PolicyJson("lending");
  policy["spec"]["measures"] = Json::array();
  for (std::int64_t i = 0; i < measures; ++i) policy["spec"]["measures"].push_back(Measure(i));
  World world;
  world.policies.policies.push_back(
      std::make_shared<const GovernancePolicy>(Decode<GovernancePolicySpec>(policy).value()));
  Facts& facts = world.facts;
  facts.now = ParseTime(kNow).value();
  const Json deployment = DeploymentJson("scorer", "credit");
  facts.deployment =
      std::make_shared<const ModelDeployment>(Decode<ModelDeploymentSpec>(deployment).value());
  facts.name_space = facts.deployment->meta.name_space;
  facts.name = "scorer";
  facts.governed_digest = facts.deployment->spec_digest;
  facts.author = By("bob@bank.example", {});
  facts.use_case =
      std::make_shared<const UseCase>(Decode<UseCaseSpec>(UseCaseJson("credit")).value());
  std::vector<AttestedSignOff> sign_offs;
  std::vector<AttestedEvidence> reports;
  for (std::int64_t i = 0; i < evidence; ++i) {
    const std::string name = "e" + std::to_string(100'000 + i);
    const bool current = i % 2 == 0 ? i < 8 : i < 2 * measures;
    if (i % 2 == 0) {
      const std::string signer = "vera" + std::to_string(i) + "@bank.example";
      Json sign_off = SignOffJson(name, "credit");
      sign_off["spec"]["signer"]["username"] = signer;
      if (i == 0) {
        sign_off["spec"]["subject"]["answersDigest"] = facts.use_case->spec.answers_digest;
      } else {
        sign_off["spec"]["subject"] = {
            {"kind", "ModelDeployment"},
            {"useCase", "credit"},
            {"environment", "prod"},
            {"model", {{"digest", kModelDigest}, {"digestType", "ociManifest"}}},
            {"governedDigest", current ? facts.governed_digest : kOther}};
      }
      sign_offs.push_back({std::make_shared<const SignOff>(Decode<SignOffSpec>(sign_off).value()),
                           By(signer, {"model-risk"})});
      continue;
    }
    Json report = {{"apiVersion", kApiVersion},
                   {"kind", "Evidence"},
                   {"metadata", {{"name", name}, {"namespace", "lending"}}}};
    report["spec"] = {
        {"useCase", "credit"},
        {"type", "Type" + std::to_string(i % (2 * measures))},
        {"model", {{"digest", current ? kModelDigest : kOther}, {"digestType", "ociManifest"}}},
        {"performedAt", "2026-11-01T12:00:00Z"},
        {"claims", Json::array({Json{{"name", "errorRate"}, {"number", "0.001"}}})}};
    reports.push_back({std::make_shared<const EvidenceReport>(Decode<EvidenceSpec>(report).value()),
                       By("dan@bank.example", {})});
  }
  facts.sign_offs = std::move(sign_offs);
  facts.reports = std::move(reports);
  // As the webhook and the operator keep it.
  facts.dossier = std::make_shared<const Dossier>(facts);
  return world;
}

void Measures(benchmark::State& state) {
  const World world = Make(state.range(0), state.range(1));
  const Decision decision = Evaluate(world.policies, world.facts);
  if (decision.verdict != Verdict::kAllow) {
    state.SkipWithError(RefusalText(decision, "the deployment", 1000).c_str());
    return;
  }
  for (auto unused : state) benchmark::DoNotOptimize(Evaluate(world.policies, world.facts));
}
BENCHMARK(Measures)
    ->ArgNames({"measures", "evidence"})
    ->Args({5, 200})
    ->Args({50, 200})
    ->Args({100, 200})
    ->Args({50, 2'000})
    ->Args({50, 20'000});

// What a change of a use case's evidence costs whoever asks next.
void Dossiers(benchmark::State& state) {
  const World world = Make(50, state.range(0));
  for (auto unused : state) benchmark::DoNotOptimize(Dossier(world.facts));
}
BENCHMARK(Dossiers)->ArgNames({"evidence"})->Arg(200)->Arg(2'000)->Arg(20'000);

}  // namespace
}  // namespace countersign

BENCHMARK_MAIN();
