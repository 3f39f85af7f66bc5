// admission_bench: what a full decision costs over an empty answer of the same server.
//
// One process holds the server, the caches and the callers, so that both routes bear the same costs
// of TLS, loopback and client, and only their ratio means something. The catalog is filled by hand
// and never started; every use case has its evidence, so the answers are approvals made from
// caches alone. Rounds of both routes alternate, because the machine's load drifts. At the end come
// rounds at a fixed rate under many policies, for latencies that count from when a request was due.
// Progress goes to stderr, one JSON document to stdout.

#include <httplib.h>
#include <signal.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <fstream>
#include <iostream>
#include <optional>
#include <thread>

#include "base/json.h"
#include "bench/seeds.h"
#include "catalog/live_reader.h"
#include "webhook/admission/handler.h"
#include "webhook/certificates/self_signed.h"
#include "webhook/http/server.h"

namespace countersign {
namespace {

constexpr int kConnections = 25;  // what an API server keeps idle at most (client-go)
constexpr std::size_t kSizes[] = {4096, 65'536};  // bytes of a review

struct Flags {
  int use_cases = 1000;
  int rounds = 3;
  double seconds = 3;
  int rate = 2000;    // a second, of the rounds at a fixed rate
  int policies = 50;  // of these
};

double ResidentMiB() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) return std::stod(line.substr(6)) / 1024;
  }
  return 0;
}

// Of the process, or (RUSAGE_THREAD) of the thread.
double CpuSeconds(int who = RUSAGE_SELF) {
  rusage usage{};
  getrusage(who, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

struct Sample {
  double seconds = 0;
  double cpu_seconds = 0;           // of callers and server together
  double caller_seconds = 0;        // of CPU, of callers alone
  std::vector<double> latencies{};  // ms
  std::string failure{};
};

void Append(Sample& to, Sample&& from) {
  to.seconds += from.seconds;
  to.cpu_seconds += from.cpu_seconds;
  to.caller_seconds += from.caller_seconds;
  to.latencies.insert(to.latencies.end(), from.latencies.begin(), from.latencies.end());
  if (to.failure.empty()) to.failure = std::move(from.failure);
}

double Percentile(std::vector<double>& values, double p) {
  if (values.empty()) return 0;
  const auto at = static_cast<std::ptrdiff_t>(p * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), values.begin() + at, values.end());
  return values[static_cast<std::size_t>(at)];
}

// One connection a body, each in a closed loop, or all together at a rate. The connections outlive
// the rounds.
class Callers {
 public:
  Callers(int port, std::vector<std::string> bodies) : bodies_(std::move(bodies)) {
    for (std::size_t i = 0; i < bodies_.size(); ++i) {
      auto client = std::make_unique<httplib::SSLClient>("127.0.0.1", port);
      client->enable_server_certificate_verification(false);
      client->set_keep_alive(true);
      client->set_tcp_nodelay(true);
      client->set_read_timeout(10);
      clients_.push_back(std::move(client));
    }
  }

  Sample Round(const char* path, double seconds, int rate = 0) {
    std::vector<Sample> samples(clients_.size());
    std::vector<std::jthread> threads;
    const auto begin = std::chrono::steady_clock::now();
    const double cpu = CpuSeconds();
    const auto end = begin + std::chrono::duration<double>(seconds);
    for (std::size_t i = 0; i < clients_.size(); ++i) {
      threads.emplace_back([&, i] {
        Loop(i, path, {begin, end, rate}, samples[i]);
        samples[i].caller_seconds = CpuSeconds(RUSAGE_THREAD);
      });
    }
    threads.clear();  // joins
    Sample all;
    for (Sample& sample : samples) Append(all, std::move(sample));
    all.seconds = Since(begin) / 1000;
    all.cpu_seconds = CpuSeconds() - cpu;
    return all;
  }

 private:
  static double Since(std::chrono::steady_clock::time_point begin) {
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin)
        .count();
  }

  struct Pace {
    std::chrono::steady_clock::time_point begin;
    std::chrono::time_point<std::chrono::steady_clock, std::chrono::duration<double, std::nano>>
        end;
    int rate;  // of all connections; 0: each as soon as it is answered
  };

  // When the request `number` of connection `i` is due. One that comes late keeps its time.
  [[nodiscard]] std::chrono::steady_clock::time_point Due(const Pace& pace, std::size_t i,
                                                          std::size_t number) const {
    if (pace.rate == 0) return std::chrono::steady_clock::now();
    const auto all = static_cast<std::int64_t>(number * clients_.size() + i);
    return pace.begin + std::chrono::nanoseconds(all * 1'000'000'000 / pace.rate);
  }

  void Loop(std::size_t i, const char* path, const Pace& pace, Sample& sample) {
    for (std::size_t number = 0;; ++number) {
      const auto begin = Due(pace, i, number);
      if (begin >= pace.end) return;
      std::this_thread::sleep_until(begin);
      const auto answer = clients_[i]->Post(path, bodies_[i], "application/json");
      if (!answer) {
        sample.failure = "no answer: " + httplib::to_string(answer.error());
      } else if (answer->status != 200 ||
                 answer->body.find(R"("allowed":true)") == std::string::npos) {
        sample.failure = std::to_string(answer->status) + " " + answer->body.substr(0, 600);
      }
      if (!sample.failure.empty()) return;
      sample.latencies.push_back(Since(begin));
    }
  }

  const std::vector<std::string> bodies_;
  std::vector<std::unique_ptr<httplib::SSLClient>> clients_;
};

Json Summary(Sample& sample) {
  const auto count = static_cast<double>(sample.latencies.size());
  return {{"requests", sample.latencies.size()},
          {"perSecond", count / sample.seconds},
          {"cpuMicros", sample.cpu_seconds * 1e6 / count},
          {"serverMicros", (sample.cpu_seconds - sample.caller_seconds) * 1e6 / count},
          {"p50", Percentile(sample.latencies, 0.5)},
          {"p99", Percentile(sample.latencies, 0.99)},
          {"p999", Percentile(sample.latencies, 0.999)}};
}

void Forget(Sample& sample) { sample = {.failure = std::move(sample.failure)}; }

// After telling why a request failed, if one did.
bool Approved(const Sample& sample) {
  if (sample.failure.empty()) return true;
  std::cerr << "admission_bench: a request was not approved: " << sample.failure << "\n";
  return false;
}

// Both routes in alternate rounds; nullopt after telling why a request failed.
std::optional<Json> Compare(int port, const Flags& flags, std::vector<std::string> bodies) {
  const std::size_t bytes = bodies.front().size();
  Callers callers(port, std::move(bodies));
  Sample noop;
  Sample validate;
  constexpr double kWarmUpSeconds = 0.5;  // handshakes and first allocations
  Append(noop, callers.Round("/noop", kWarmUpSeconds));
  Append(validate, callers.Round("/validate/v1", kWarmUpSeconds));
  for (Sample* sample : {&noop, &validate}) Forget(*sample);
  for (int i = 0; i < flags.rounds; ++i) {
    Append(noop, callers.Round("/noop", flags.seconds));
    Append(validate, callers.Round("/validate/v1", flags.seconds));
  }
  if (!Approved(noop) || !Approved(validate)) return std::nullopt;
  const double ratio = static_cast<double>(validate.latencies.size()) / validate.seconds /
                       (static_cast<double>(noop.latencies.size()) / noop.seconds);
  return Json{
      {"bytes", bytes}, {"noop", Summary(noop)}, {"validate", Summary(validate)}, {"ratio", ratio}};
}

// Both routes at the same rate, whatever the answers do.
std::optional<Json> Paced(int port, const Flags& flags, std::vector<std::string> bodies) {
  const std::size_t bytes = bodies.front().size();
  Callers callers(port, std::move(bodies));
  Sample noop;
  Sample validate;
  constexpr double kWarmUpSeconds = 0.5;
  Append(noop, callers.Round("/noop", kWarmUpSeconds));
  Append(validate, callers.Round("/validate/v1", kWarmUpSeconds));
  for (Sample* sample : {&noop, &validate}) Forget(*sample);
  for (int i = 0; i < flags.rounds; ++i) {
    Append(noop, callers.Round("/noop", flags.seconds, flags.rate));
    Append(validate, callers.Round("/validate/v1", flags.seconds, flags.rate));
  }
  if (!Approved(noop) || !Approved(validate)) return std::nullopt;
  return Json{{"bytes", bytes},
              {"rate", flags.rate},
              {"policies", flags.policies},
              {"noop", Summary(noop)},
              {"validate", Summary(validate)}};
}

Result<std::shared_ptr<const ServingCertificate>> MakeServing(Time now) {
  const Validity validity{now - std::chrono::hours(1), now + std::chrono::days(1)};
  auto authority = MakeAuthority("benchmark CA", validity);
  if (!authority) return Fail(authority.error());
  auto leaf = MakeCertificate(*authority, LeafUse::kServer, "benchmark", {"127.0.0.1"}, validity);
  if (!leaf) return Fail(leaf.error());
  return ServingCertificate::Parse(leaf->certificate, leaf->key, "127.0.0.1", now);
}

int Run(const Flags& flags) {
  SystemClock clock;
  const auto key = InstallationKey::Generate();
  const auto certificate = MakeServing(clock.Now());
  if (!key || !certificate) {
    std::cerr << "admission_bench: cannot make keys\n";
    return 1;
  }
  KubeClient client(std::make_shared<NoServer>(), clock, {});
  Catalog catalog(client, clock, {kInstallation, key->Public()});
  LiveReader live(client, clock, catalog);
  std::atomic<std::size_t> recorded = 0;  // the text of a record is made, as in life, but not kept
  AdmissionHandler handler(catalog, live, clock, *key, {}, [&](const DecisionRecord& record, bool) {
    recorded += RecordLine(record).size();
    return true;
  });

  http::TlsOptions tls;
  tls.certificate = [&] { return *certificate; };
  // Both at once, as the webhook's routes; what would have to wait would be seen as a denial.
  http::Route noop{"/noop", [](const http::Request&) {
                     return http::Response{
                         200,
                         R"({"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview",)"
                         R"("response":{"allowed":true,"uid":"0"}})",
                         "application/json",
                         {}};
                   }};
  noop.at_once = noop.handler;
  http::Route validate{
      "/validate/v1", [&](const http::Request& request) {
        AdmissionReply reply =
            handler.Validate({request.body, request.traceparent, request.deadline});
        return http::Response{reply.http_status, std::move(reply.body), "application/json", {}};
      }};
  validate.at_once = validate.handler;
  auto server = http::HttpsServer::Start({}, tls, {noop, validate});
  if (!server) {
    std::cerr << "admission_bench: " << server.error().ToString() << "\n";
    return 1;
  }

  const double before = ResidentMiB();
  std::cerr << "filling the caches: " << flags.use_cases << " use cases\n";
  Seeder seeder(catalog, *key, clock.Now());
  seeder.Policy();
  std::vector<std::vector<std::string>> bodies(std::size(kSizes));
  for (int i = 0; i < flags.use_cases; ++i) {
    // The first use cases are those that are asked about.
    const auto group = static_cast<std::size_t>(i / kConnections);
    const std::size_t bytes = kSizes[std::min(group, std::size(kSizes) - 1)];
    seeder.Fill(i, bytes);
    if (group >= std::size(kSizes)) continue;
    bodies[group].push_back(ReviewOf(Deployment(*key, i, bytes, clock.Now())));
  }
  Json out = {{"useCases", flags.use_cases},
              {"evidence", flags.use_cases * kEvidencePerUseCase},
              {"connections", kConnections},
              {"rssBeforeMiB", before},
              {"rssSeededMiB", ResidentMiB()}};
  const std::vector<std::string> small = bodies.front();
  Json results = Json::array();
  for (auto& of_size : bodies) {
    std::cerr << "measuring reviews of " << of_size.front().size() << " bytes\n";
    auto result = Compare((*server)->Port(), flags, std::move(of_size));
    if (!result) return 1;
    results.push_back(std::move(*result));
  }
  out["reviews"] = std::move(results);
  std::cerr << "measuring at " << flags.rate << "/s under " << flags.policies << " policies\n";
  for (int i = 1; i < flags.policies; ++i) seeder.Policy("lending-" + std::to_string(i));
  auto paced = Paced((*server)->Port(), flags, small);
  if (!paced) return 1;
  out["paced"] = std::move(*paced);
  out["rssAfterLoadMiB"] = ResidentMiB();
  std::cout << DumpJson(out) << "\n";
  (*server)->Stop();
  return 0;
}

}  // namespace
}  // namespace countersign

int main(int argc, char** argv) {
  ::signal(SIGPIPE, SIG_IGN);
  countersign::Flags flags;
  CLI::App app("Measures a full admission decision against an empty answer of the same server.");
  app.add_option("--use-cases", flags.use_cases,
                 "use cases cached, with ten pieces of evidence each")
      ->check(CLI::Range(2 * countersign::kConnections, 100'000));
  app.add_option("--rounds", flags.rounds, "rounds of each route and size")
      ->check(CLI::Range(1, 100));
  app.add_option("--seconds", flags.seconds, "length of a round")->check(CLI::Range(0.2, 60.0));
  app.add_option("--rate", flags.rate, "requests a second of the rounds at a fixed rate")
      ->check(CLI::Range(1, 100'000));
  app.add_option("--policies", flags.policies, "that a decision looks at in these")
      ->check(CLI::Range(1, 1000));
  CLI11_PARSE(app, argc, argv);
  return countersign::Run(flags);
}
