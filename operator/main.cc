// countersign-operator: runs what is approved, judges it for as long as it runs.
//
// The main thread waits for signals, one thread does everything from syncing to leading; a second
// signal ends the process at once. Losing the Lease ends it too: another replica may act already.
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <optional>
#include <thread>

#include <malloc.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include "base/command_line.h"
#include "base/digest.h"
#include "base/host_port.h"
#include "base/log.h"
#include "catalog/serving_table.h"
#include "kube/http_transport.h"
#include "kube/kubeconfig.h"
#include "kube/leader_election.h"
#include "operator/names.h"
#include "operator/operator.h"
#include "webhook/http/probe_server.h"

namespace countersign {
namespace {

// Of whoever signs the webhook's certificate where it is not we. It is not compared.
constexpr char kOthersAuthority[] = "-----BEGIN CERTIFICATE-----";
constexpr char kLeaseName[] = "countersign-operator";
// Rate of our own calls. A cluster of thousands of deployments is re-applied within minutes after a
// restart; the server's priority and fairness is what protects it.
constexpr double kQps = 200;
constexpr int kBurst = 400;

// glibc gives each thread an arena of its own and keeps in it what the largest JSON document took;
// thirty informers and workers would hold on to thirty of these.
constexpr int kMallocArenas = 2;

// What no stop token reaches, such as a write to a pipe that nobody reads, does not hold up the end
// for longer. Well below the 30 s after which kubelet kills.
constexpr timespec kStopGrace{10, 0};

// For a line of log, of a process whose log may be what stands still.
constexpr std::chrono::seconds kLastWord{1};

struct Flags {
  std::string kubeconfig;
  std::string context;
  std::string stamp_key;
  std::string trusted_keys;
  std::string installation;
  std::string lease_namespace = "countersign-system";
  std::string probe_listen;
  std::string ca_secret;
  std::string webhook_configuration = "countersign";
  InstallOptions installed;
  bool leader_elect = true;
  int workers = 4;
  std::string serving_profiles;
  std::string elsewhere = "Warn";
  int scan_seconds = 300;
  bool verbose = false;
};

int Complain(const Error& error) {
  Log(LogLevel::kError, "cannot start", {{"error", error.ToString()}});
  return EXIT_FAILURE;
}

std::string Identity() {
  char host[256] = {};
  if (gethostname(host, sizeof(host) - 1) != 0) host[0] = '\0';
  return std::string(host) + "_" + NewUuid(SystemClock().Now());
}

Result<OperatorOptions> MakeOptions(const Flags& flags) {
  auto key = InstallationKey::Load(flags.stamp_key);
  if (!key) return Fail(key.error());
  auto trusted = LoadTrustedKeys(*key, flags.stamp_key, flags.trusted_keys);
  if (!trusted) return Fail(trusted.error());
  WebhookConfigurationOptions webhooks;
  webhooks.name = flags.webhook_configuration;
  if (!flags.ca_secret.empty()) {
    auto secret = ParseObjectKey(flags.ca_secret, "--ca-secret");
    if (!secret) return Fail(secret.error());
    webhooks.ca_secret = std::move(*secret);
  }
  auto table = LoadServingProfiles(flags.serving_profiles);
  if (!table) return Fail(table.error());
  if (!flags.installed.service.empty() || !flags.installed.url.empty()) {
    webhooks.installed = flags.installed;
    // The guard's entry is made from the table.
    auto profiles = ReadServingProfiles(flags.serving_profiles);
    if (!profiles) return Fail(profiles.error());
    webhooks.installed->serving_profiles = std::move(*profiles);
    webhooks.installed->name_space = flags.lease_namespace;
    if (flags.ca_secret.empty()) webhooks.installed->ca_pem = kOthersAuthority;
    if (auto valid = InstallationObjects(*webhooks.installed); !valid) return Fail(valid.error());
  }
  auto elsewhere = GuardModeNamed(flags.elsewhere, "--guard-elsewhere");
  if (!elsewhere) return Fail(elsewhere.error());
  return OperatorOptions{flags.installation,
                         std::move(*key),
                         std::move(*trusted),
                         Identity(),
                         flags.workers,
                         COUNTERSIGN_VERSION,
                         std::move(webhooks),
                         {std::move(*table), *elsewhere, std::chrono::seconds(flags.scan_seconds),
                          flags.lease_namespace}};
}

// A worker that stands still can neither be stopped nor be told that another replica acts. So that
// it never goes on beside one, the process ends while the Lease is still held.
[[noreturn]] void EndAtOnce(const std::string& why) {
  std::thread([why] {
    Log(LogLevel::kError, "only a new start can help; another replica leads soon",
        {{"error", why}});
  }).detach();
  std::this_thread::sleep_for(kLastWord);
  std::_Exit(EXIT_FAILURE);
}

// Leads, or acts alone, until `stop`. False when leadership was lost.
bool Lead(Operator& parts, const KubeClient& client, Clock& clock, const Flags& flags,
          const std::string& identity, const std::stop_token& stop) {
  if (!flags.leader_elect) {
    parts.SetLeading(true);
    parts.StartControllers();
    std::mutex mutex;
    std::condition_variable_any never;
    std::unique_lock lock(mutex);
    never.wait(lock, stop, [] { return false; });
    parts.StopControllers();
    return true;
  }
  LeaderElectionOptions options;
  options.lease = {flags.lease_namespace, kLeaseName};
  options.identity = identity;
  options.on_started_leading = [&] {
    Log(LogLevel::kInfo, "leading", {{"identity", identity}});
    parts.SetLeading(true);
    parts.StartControllers();
  };
  options.may_lead = [&] { return !parts.Stalled(clock.Steady()); };
  options.on_stopped_leading = [&] {
    if (const auto why = parts.Stalled(clock.Steady())) EndAtOnce(*why);
    parts.SetLeading(false);
    parts.StopControllers();
  };
  options.on_new_leader = [](const std::string& leader) {
    Log(LogLevel::kInfo, "leader seen", {{"leader", leader}});
  };
  options.on_error = [](const ApiError& error) {
    Log(LogLevel::kWarning, "the Lease could not be written", {{"error", error.message}});
  };
  LeaderElector elector(client, clock, std::move(options));
  return elector.Run(stop) == LeadershipEnd::kStopped;
}

// From empty caches to the end. Gives the exit code.
int Work(Operator& parts, const KubeClient& client, Clock& clock, const Flags& flags,
         const std::string& identity, const std::stop_token& stop) {
  parts.StartCaches();
  Log(LogLevel::kInfo, "filling caches");
  if (!parts.WaitForSync(stop)) return EXIT_SUCCESS;
  // The lists were parsed and taken apart; what that took goes back.
  malloc_trim(0);
  Log(LogLevel::kInfo, "caches are full");
  if (Lead(parts, client, clock, flags, identity, stop)) return EXIT_SUCCESS;
  Log(LogLevel::kError, "the Lease was lost; another replica may act");
  return EXIT_FAILURE;
}

int Run(const Flags& flags, const sigset_t& signals) {
  if (flags.verbose) SetLogLevel(LogLevel::kDebug);
  auto options = MakeOptions(flags);
  if (!options) return Complain(options.error());
  const std::string identity = options->identity;
  ConfigSource source;
  source.kubeconfig = flags.kubeconfig;
  source.context = flags.context;
  auto config = LoadRestConfig(source);
  if (!config) return Complain(config.error());

  SystemClock clock;
  std::stop_source stopping;
  auto transport = MakeHttpTransport(*config, clock);
  if (!transport) return Complain(transport.error());
  const std::shared_ptr<Transport> shared = std::move(*transport);
  ClientOptions client_options;
  client_options.field_manager = std::string(kOperatorName);
  client_options.qps = kQps;
  client_options.burst = kBurst;
  client_options.stop = stopping.get_token();
  const KubeClient client(shared, clock, client_options);
  // The Lease must not wait behind a thousand applies, and is released when all else has stopped.
  ClientOptions lease_options;
  lease_options.field_manager = std::string(kOperatorName);
  lease_options.qps = 0;
  const KubeClient lease_client(shared, clock, lease_options);

  Operator parts(client, clock, std::move(*options));
  std::unique_ptr<http::ProbeServer> probes;
  if (!flags.probe_listen.empty()) {
    auto listen = ParseHostPort(flags.probe_listen);
    if (!listen) return Complain(listen.error());
    http::ProbeOptions probe;
    probe.address = listen->host;
    probe.port = listen->port;
    probe.not_alive = [&] { return parts.Stalled(clock.Steady()); };
    probe.not_ready = [&]() -> std::optional<std::string> {
      if (parts.HasSynced()) return std::nullopt;
      return "caches are not full yet";
    };
    probe.metrics = [&] { return parts.MetricsText(); };
    auto started = http::ProbeServer::Start(std::move(probe));
    if (!started) return Complain(started.error());
    probes = std::move(*started);
    Log(LogLevel::kInfo, "answering probes", {{"port", probes->Port()}});
  }
  int exit_code = EXIT_SUCCESS;
  std::jthread worker([&] {
    exit_code = Work(parts, lease_client, clock, flags, identity, stopping.get_token());
    if (!stopping.stop_requested()) kill(getpid(), SIGTERM);  // wakes the main thread
  });
  int signal = 0;
  sigwait(&signals, &signal);
  stopping.request_stop();
  std::thread([signals] {
    const int second = sigtimedwait(&signals, nullptr, &kStopGrace);  // of an impatient user
    std::_Exit(second > 0 ? 128 + second : EXIT_FAILURE);
  }).detach();
  worker.join();
  return exit_code;
}

}  // namespace
}  // namespace countersign

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  // NOLINTNEXTLINE(concurrency-mt-unsafe): there are no threads yet
  mallopt(M_ARENA_MAX, countersign::kMallocArenas);
  countersign::Flags flags;
  CLI::App app{"Serves approved ModelDeployments and withdraws what is approved no more."};
  app.set_version_flag("--version", COUNTERSIGN_VERSION);
  app.add_option("--kubeconfig", flags.kubeconfig,
                 "kubeconfig file; default: KUBECONFIG, else the Pod's service account");
  app.add_option("--context", flags.context, "context of the kubeconfig");
  app.add_option("--stamp-key", flags.stamp_key,
                 "PEM file with the installation's private key, the one the webhook stamps with")
      ->required();
  app.add_option("--trusted-keys", flags.trusted_keys,
                 "PEM file with public keys that were in use before, or will be, and count too "
                 "(default: trusted.pem beside the key, if there is one)");
  app.add_option("--installation", flags.installation,
                 "name of this installation, the same as the webhook's")
      ->required();
  app.add_option("--namespace", flags.lease_namespace,
                 "namespace of the Lease and of both programs, which is exempt from the guard")
      ->capture_default_str();
  app.add_option(
      "--probe-listen", flags.probe_listen,
      "address:port for /healthz, /readyz and /metrics; port 0 takes a free one and logs "
      "it; default: none");
  app.add_flag("--leader-elect,!--no-leader-elect", flags.leader_elect,
               "act only while holding the Lease; default true");
  app.add_option("--workers", flags.workers, "ModelDeployments reconciled at once")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  app.add_option("--ca-secret", flags.ca_secret,
                 "NAMESPACE/NAME of the Secret of the webhook's built-in certificate authority; "
                 "its certificates are kept in the caBundle of the webhook configurations");
  app.add_option("--webhook-configuration", flags.webhook_configuration,
                 "name of the webhook configurations")
      ->capture_default_str();
  app.add_option("--serving-profiles", flags.serving_profiles,
                 "table of what serves a model, YAML, the same as the webhook's; default: the one "
                 "built in");
  app.add_option(
         "--guard-elsewhere", flags.elsewhere,
         "what the webhook does in namespaces in no environment, for the report: Deny, Warn "
         "or Audit")
      ->capture_default_str();
  app.add_option("--scan-seconds", flags.scan_seconds,
                 "time from one look for shadow deployments to the next")
      ->check(CLI::Range(1, 86400))
      ->capture_default_str();
  auto* service = app.add_option("--webhook-service", flags.installed.service,
                                 "the webhook's Service, NAMESPACE/NAME: the webhook "
                                 "configurations are compared with what is installed for it");
  app.add_option("--webhook-url", flags.installed.url, "the same for a webhook that has a URL")
      ->excludes(service);
  app.add_option("--webhook-timeout", flags.installed.timeout_seconds,
                 "timeoutSeconds of the entries that must be asked")
      ->check(CLI::Range(1, 30))
      ->capture_default_str();
  app.add_option("--operator-user", flags.installed.operator_user,
                 "account of the operator as it was installed; default: its service account");
  app.add_flag("--verbose", flags.verbose, "log debug lines");
  countersign::CheckAllGiven(app);
  try {
    countersign::ParseCommandLine(app, argc, argv);
  } catch (const CLI::ParseError& error) {
    return countersign::EndOfParsing(app, error, "countersign-operator");
  }
  // Before the first thread, which inherits it.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return countersign::Run(flags, signals);
}
