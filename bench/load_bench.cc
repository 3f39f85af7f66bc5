// load_bench: how long the caches take to read signed evidence: decode it, verify its stamp and its
// signature. A webhook or operator that starts does that with all there is. Writes JSON: seconds,
// and those that one core worked for it, which other work on the machine hardly changes.

#include <CLI/CLI.hpp>
#include <chrono>
#include <ctime>
#include <iostream>

#include "base/clock.h"
#include "bench/seeds.h"
#include "evidence/signed_object.h"
#include "evidence/signing_key.h"

namespace countersign {
namespace {

struct Signer {
  const char* name;
  const char* key;  // in PEM, made for this benchmark
};
// Ed25519 and ECDSA on P-256: what OpenSSL's genpkey makes.
constexpr Signer kSigners[] = {{"Ed25519",
                                "-----BEGIN PRIVATE KEY-----\n"
                                "MC4CAQAwBQYDK2VwBCIEIBtdbsZvLatdaE2JyuQ9fHZvJrnG4EQGfEndG5/qjUuz\n"
                                "-----END PRIVATE KEY-----\n"},
                               {"P-256",
                                "-----BEGIN PRIVATE KEY-----\n"
                                "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgKZ4CIfwMpsEvoM8J\n"
                                "KZ9pgc+FXtbJcYVDFXKTxXBCwOGhRANCAASMZH5xnOfzYOhyFyIS04ZvpI6Jl3Me\n"
                                "dqVAcB5uWG1CqmntYi0aowjKV80pscvIiY3UmjL2IHHF90tcjYDcHCcv\n"
                                "-----END PRIVATE KEY-----\n"}};

double CpuSeconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

// A report of middling size: thirty claims.
Json ReportOf(int i) {
  Json claims = Json::array();
  for (int k = 0; k < 30; ++k) {
    claims.push_back({{"name", "metric" + std::to_string(k)}, {"number", "0.75"}});
  }
  return {{"apiVersion", "countersign.dev/v1alpha1"},
          {"kind", "Evidence"},
          {"metadata", {{"name", "report-" + std::to_string(i)}, {"namespace", "lending"}}},
          {"spec",
           {{"useCase", UseCaseName(i / kEvidencePerUseCase)},
            {"type", "Verification"},
            {"model", {{"digest", kModelDigest}, {"digestType", "ociManifest"}}},
            {"performedAt", "2026-11-01T12:00:00Z"},
            {"claims", std::move(claims)}}}};
}

Json SignedReport(const InstallationKey& installation, const Signer& signer, int i, Time now) {
  Json object = ReportOf(i);
  const std::string statement = StatementOf(object).value();
  const auto made = SignDsse(signer.key, kStatementPayload, statement).value();
  object["spec"]["signature"] = {
      {"format", "DSSE"}, {"value", made.envelope}, {"publicKey", made.public_key}};
  object = StampedBy(installation, std::move(object), "system:serviceaccount:ci:trainer", now);
  SetPath(object, "metadata/resourceVersion", std::to_string(i + 1));
  SetPath(object, "metadata/creationTimestamp", FormatTime(now));
  return object;
}

int Main(int objects) {
  SystemClock clock;
  const auto key = InstallationKey::Generate().value();
  KubeClient client(std::make_shared<NoServer>(), clock, {});
  Json results = Json::array();
  for (const Signer& signer : kSigners) {
    Catalog catalog(client, clock, {kInstallation, key.Public()});
    std::vector<Json> all;
    all.reserve(static_cast<std::size_t>(objects));
    for (int i = 0; i < objects; ++i) all.push_back(SignedReport(key, signer, i, clock.Now()));
    const auto start = std::chrono::steady_clock::now();
    const double cpu_start = CpuSeconds();
    for (Json& object : all) catalog.Upsert(kEvidence, std::move(object));
    const double cpu = CpuSeconds() - cpu_start;
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    for (const auto& cached : catalog.reports().List()) {
      if (cached->by.authenticity != Authenticity::kSigned) {
        std::cerr << "load_bench: '" << cached->object.meta.name
                  << "' does not count: " << cached->by.problem << "\n";
        return 1;
      }
    }
    if (catalog.reports().Size() != static_cast<std::size_t>(objects)) {
      std::cerr << "load_bench: not everything was taken\n";
      return 1;
    }
    results.push_back({{"signatures", signer.name},
                       {"objects", objects},
                       {"seconds", took.count()},
                       {"cpuSeconds", cpu}});
  }
  std::cout << DumpJson({{"loads", std::move(results)}}) << "\n";
  return 0;
}

}  // namespace
}  // namespace countersign

int main(int argc, char** argv) {
  CLI::App app("How long the caches take to read signed evidence");
  int objects = 10'000;
  app.add_option("--objects", objects, "how many")->check(CLI::PositiveNumber);
  CLI11_PARSE(app, argc, argv);
  return countersign::Main(objects);
}
