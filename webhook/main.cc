// countersign-webhook: the admission server. Flags, wiring and the order of shutdown; nothing else.

#include <signal.h>
#ifdef COUNTERSIGN_JEMALLOC
#include <jemalloc/jemalloc.h>
#endif

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <mutex>
#include <random>
#include <set>

#include "base/command_line.h"
#include "base/host_port.h"
#include "base/log.h"
#include "catalog/live_reader.h"
#include "catalog/serving_table.h"
#include "kube/http_transport.h"
#include "kube/kubeconfig.h"
#include "kube/server_clock.h"
#include "webhook/admission/guard.h"
#include "webhook/admission/handler.h"
#include "webhook/authority/built_in_source.h"
#include "webhook/certificates/file_source.h"
#include "webhook/certificates/self_signed.h"
#include "webhook/http/probe_server.h"
#include "webhook/http/server.h"
#include "webhook/metrics.h"

#ifdef COUNTERSIGN_JEMALLOC
// Read by jemalloc when it starts. A cache of freed memory for each thread is for those that handle
// requests (KeepFreedMemory); the forty that watch the API server would keep 8 MiB in theirs. What
// a burst took goes back within seconds, by a thread of its own: threads that have nothing to do
// would never look.
extern "C" const char* malloc_conf;
const char* malloc_conf =
    "tcache:false,narenas:2,background_thread:true,dirty_decay_ms:5000,muzzy_decay_ms:0";
#endif

namespace countersign {
namespace {

void KeepFreedMemory() {
#ifdef COUNTERSIGN_JEMALLOC
  bool on = true;
  mallctl("thread.tcache.enabled", nullptr, nullptr, &on, sizeof on);
#endif
}

struct Flags {
  std::string kubeconfig;
  std::string listen = "0.0.0.0:9443";
  std::string probe_listen = "0.0.0.0:8080";
  CertificateFiles files;
  std::string self_signed;
  std::string ca_secret;  // NAMESPACE/NAME: the built-in authority
  std::string webhook_configuration = "countersign";
  std::string leaf_lifetime = "90d";
  std::string ca_lifetime = "730d";
  std::string ca_settle = "30s";
  std::string ca_retire = "10m";
  std::string stamp_key;
  std::string trusted_keys;
  std::string installation = "default";
  AdmissionOptions admission;
  std::string serving_profiles;
  std::vector<std::string> trusted_controllers;
  std::string elsewhere = "Warn";
  std::vector<std::string> allowed_clients;
  int workers = 0;
  int drain_seconds = 15;
};

Status WriteFile(const std::filesystem::path& path, const std::string& text) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << text;
  out.close();
  if (!out) return Fail(Code::kUnavailable, "cannot write '" + path.string() + "'");
  std::filesystem::permissions(
      path, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  return {};
}

// A CA and a certificate for local runs, kept in a folder so that a restart serves the same.
Status MakeSelfSigned(const std::filesystem::path& folder, CertificateFiles& files, Time now) {
  files.certificate = folder / "tls.crt";
  files.key = folder / "tls.key";
  if (std::filesystem::exists(files.certificate) && std::filesystem::exists(files.key)) return {};
  std::error_code ignored;
  std::filesystem::create_directories(folder, ignored);
  const Validity validity{now - std::chrono::hours(1), now + std::chrono::days(365)};
  auto authority = MakeAuthority("countersign local CA", validity);
  if (!authority) return Fail(authority.error());
  auto leaf = MakeCertificate(*authority, LeafUse::kServer, "countersign-webhook",
                              {"127.0.0.1", "localhost"}, validity);
  if (!leaf) return Fail(leaf.error());
  if (auto s = WriteFile(folder / "ca.crt", authority->certificate); !s) return s;
  if (auto s = WriteFile(files.key, leaf->key); !s) return s;
  return WriteFile(files.certificate, leaf->certificate);
}

Result<BuiltInOptions> MakeBuiltIn(const Flags& flags) {
  BuiltInOptions options;
  auto secret = ParseObjectKey(flags.ca_secret, "--ca-secret");
  if (!secret) return Fail(secret.error());
  options.secret = std::move(*secret);
  options.name = flags.files.wanted_name;
  options.configuration = flags.webhook_configuration;
  const std::tuple<const char*, const std::string&, Seconds&, Seconds> durations[] = {
      {"--leaf-lifetime", flags.leaf_lifetime, options.policy.leaf_lifetime, Seconds(10)},
      {"--ca-lifetime", flags.ca_lifetime, options.policy.authority_lifetime, Seconds(30)},
      {"--ca-settle", flags.ca_settle, options.policy.settle, Seconds(1)},
      {"--ca-retire", flags.ca_retire, options.policy.retire, Seconds(1)}};
  for (const auto& [flag, text, value, least] : durations) {
    auto parsed = ParseDuration(text);
    if (!parsed) return Fail(Code::kInvalidArgument, parsed.error().message, flag);
    if (*parsed < least) {
      return Fail(Code::kInvalidArgument,
                  "must be at least " + FormatDuration(least) + ", is '" + text + "'", flag);
    }
    value = *parsed;
  }
  if (auto sound = options.policy.Check(); !sound) return Fail(sound.error());
  if (const std::string concern = options.policy.Concern(kStaleAfter); !concern.empty()) {
    Log(LogLevel::kWarning, "certificate authority: a rotation may refuse requests",
        {{"why", concern}});
  }
  std::random_device device;
  options.random = std::uniform_real_distribution<double>(0, 1)(device);
  return options;
}

// A name that could be nobody's is a mistake that would show only when models are refused.
Status CheckController(const std::string& name) {
  constexpr std::string_view kAccount = "system:serviceaccount:";
  const bool plain = !name.empty() && name.find_first_of("*? \t\n") == std::string::npos;
  const bool account = name.starts_with(kAccount);
  const bool whole = std::count(name.begin(), name.end(), ':') == 3 && !name.ends_with(':');
  if (plain && !name.starts_with("system:serviceaccounts") && (!account || whole)) return {};
  return Fail(Code::kInvalidArgument,
              "must be one account, such as system:serviceaccount:NAMESPACE:NAME, not a pattern or "
              "a group; is '" +
                  name + "'",
              "--trusted-controller");
}

Result<GuardOptions> MakeGuardOptions(const Flags& flags) {
  GuardOptions options;
  options.operator_user = flags.admission.operator_user;
  options.trusted_controllers = BuiltInControllers();
  for (const std::string& name : flags.trusted_controllers) {
    if (auto sound = CheckController(name); !sound) return Fail(sound.error());
  }
  options.trusted_controllers.insert(options.trusted_controllers.end(),
                                     flags.trusted_controllers.begin(),
                                     flags.trusted_controllers.end());
  auto elsewhere = GuardModeNamed(flags.elsewhere, "--guard-elsewhere");
  if (!elsewhere) return Fail(elsewhere.error());
  options.elsewhere = *elsewhere;
  return options;
}

int Die(const Error& error) {
  std::cerr << "countersign-webhook: " << error.ToString() << "\n";
  return 2;
}

http::Response ResponseOf(AdmissionReply&& reply) {
  http::Response response;
  response.status = reply.http_status;
  response.body = std::move(reply.body);
  if (response.status == 500) response.content_type = "text/plain";  // else it is JSON
  return response;
}

AdmissionCall CallOf(const http::Request& request) {
  return {request.body, request.traceparent, request.deadline};
}

template <class Answers>
http::Route RouteTo(const char* path, const Answers& answers,
                    AdmissionReply (Answers::*method)(const AdmissionCall&) const) {
  return {path, [&answers, method](const http::Request& request) {
            return ResponseOf((answers.*method)(CallOf(request)));
          }};
}

// The same; `at_once` is asked first, where nothing may be waited for.
http::Route RouteTo(const char* path, const AdmissionHandler& handler,
                    AdmissionReply (AdmissionHandler::*method)(const AdmissionCall&) const,
                    std::optional<AdmissionReply> (AdmissionHandler::*at_once)(const AdmissionCall&)
                        const) {
  http::Route route = RouteTo(path, handler, method);
  route.at_once = [&handler, at_once](const http::Request& request) {
    std::optional<AdmissionReply> reply = (handler.*at_once)(CallOf(request));
    return reply ? std::optional(ResponseOf(*std::move(reply))) : std::nullopt;
  };
  return route;
}

int Run(Flags flags) {
  // Blocked in every thread; the main thread waits for them below.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  SystemClock clock;
  auto key = InstallationKey::Load(flags.stamp_key);
  if (!key) return Die(key.error());
  if (!flags.self_signed.empty()) {
    if (auto s = MakeSelfSigned(flags.self_signed, flags.files, clock.Now()); !s) {
      return Die(s.error());
    }
  }
  std::unique_ptr<FileCertificateSource> files;
  if (flags.ca_secret.empty() || !flags.files.client_ca.empty()) {
    auto created = FileCertificateSource::Create(flags.files, clock);
    if (!created) return Die(created.error());
    files = std::move(*created);
  }
  const auto table = LoadServingProfiles(flags.serving_profiles);
  if (!table) return Die(table.error());
  const auto guard_options = MakeGuardOptions(flags);
  if (!guard_options) return Die(guard_options.error());
  std::optional<BuiltInOptions> built_in;
  if (!flags.ca_secret.empty()) {
    auto made = MakeBuiltIn(flags);
    if (!made) return Die(made.error());
    built_in = std::move(*made);
  }
  ConfigSource source;
  source.kubeconfig = flags.kubeconfig;
  auto config = LoadRestConfig(source);
  if (!config) return Die(config.error());
  auto transport = MakeHttpTransport(*config, clock);
  if (!transport) return Die(transport.error());
  std::stop_source stop;
  ClientOptions client_options;
  client_options.field_manager = "countersign-webhook";
  client_options.stop = stop.get_token();
  const std::shared_ptr<Transport> shared = std::move(*transport);
  KubeClient client(shared, clock, client_options);
  ServerClock server_clock(clock);
  KubeClient authority_client(WithServerClock(shared, server_clock), clock, client_options);
  std::unique_ptr<BuiltInSource> authority;
  if (built_in) {
    authority = std::make_unique<BuiltInSource>(authority_client, clock, server_clock,
                                                std::move(*built_in));
  }
  const CertificateSource& certificates =
      authority == nullptr ? static_cast<const CertificateSource&>(*files) : *authority;
  auto trusted = LoadTrustedKeys(*key, flags.stamp_key, flags.trusted_keys);
  if (!trusted) return Die(trusted.error());
  Catalog catalog(client, clock, {flags.installation, std::move(*trusted)});
  LiveReader live(client, clock, catalog);
  std::set<std::string> serving_kinds;
  for (const ServingProfile& profile : table->profiles) serving_kinds.insert(profile.kind);
  WebhookMetrics metrics(COUNTERSIGN_VERSION, std::move(serving_kinds));
  Workloads workloads(client, clock, *table);
  Revisions revisions(client, clock, catalog.authority());
  const auto record = [&metrics](const DecisionRecord& decided, bool may_wait) {
    const std::string line = RecordLine(decided);
    if (may_wait) {
      WriteRecord(line);
    } else if (!TryWriteRecord(line)) {
      return false;
    }
    metrics.Count(decided);
    return true;
  };
  AdmissionHandler handler(catalog, live, clock, std::move(*key), flags.admission, record);
  GuardHandler guard(catalog, workloads, revisions, *table, clock, *guard_options, record);

  auto listen = ParseHostPort(flags.listen);
  if (!listen) return Die(listen.error());
  auto probe_listen = ParseHostPort(flags.probe_listen);
  if (!probe_listen) return Die(probe_listen.error());
  http::ServerOptions options;
  options.address = listen->host;
  options.port = listen->port;
  options.worker_threads = flags.workers;
  options.thread_begins = KeepFreedMemory;
  http::TlsOptions tls;
  tls.certificate = [&] { return certificates.Current(); };
  if (!flags.files.client_ca.empty()) tls.client_trust = [&] { return files->Trust(); };
  tls.allowed_clients = flags.allowed_clients;

  std::unique_ptr<http::HttpsServer> server;
  std::mutex server_mutex;  // the server starts after the probes, which report on it
  std::atomic<bool> leaving = false;
  http::ProbeOptions probes;
  probes.address = probe_listen->host;
  probes.port = probe_listen->port;
  // Null until it starts; it outlives the probes.
  const auto running = [&]() -> const http::HttpsServer* {
    const std::lock_guard lock(server_mutex);
    return server.get();
  };
  const auto not_alive = [&]() -> std::optional<std::string> {
    const http::HttpsServer* found = running();
    return found == nullptr ? std::nullopt : found->Stalled(clock.Steady());
  };
  const auto synced = [&] {
    return catalog.HasSynced() && workloads.HasSynced() && revisions.HasSynced();
  };
  const auto not_ready = [&]() -> std::optional<std::string> {
    if (leaving) return "shutting down";
    if (!synced()) return "caches are not synced yet";
    if (const auto stale = catalog.Stale(clock.Steady()); !stale.empty()) return stale.front();
    if (auto healthy = certificates.Healthy(); !healthy) return healthy.error().ToString();
    if (running() == nullptr) return "not listening yet";
    return not_alive();
  };
  probes.not_alive = not_alive;
  probes.not_ready = not_ready;
  probes.metrics = [&] {
    const http::HttpsServer* found = running();
    return metrics.Text({found == nullptr ? http::ServerStats{} : found->Stats(),
                         certificates.NotAfter(),
                         catalog,
                         clock.Steady(),
                         !not_ready().has_value(),
                         LostRecords(),
                         authority == nullptr ? std::nullopt : std::optional(authority->Stats()),
                         certificates.Lifetime(),
                         files == nullptr ? std::nullopt : std::optional(files->Failures()),
                         {workloads.Status(), revisions.Status()}});
  };
  auto probe = http::ProbeServer::Start(probes);
  if (!probe) return Die(probe.error());
  catalog.Start();
  if (authority != nullptr) authority->Start();
  workloads.Start();
  revisions.Start();
  // Until the caches are full every answer would be "missing": better none.
  const timespec pause{0, 100'000'000};
  while (!synced() || certificates.Current() == nullptr) {
    if (sigtimedwait(&signals, nullptr, &pause) > 0) return 0;
  }
  auto started = http::HttpsServer::Start(
      options, tls,
      {RouteTo("/validate/v1", handler, &AdmissionHandler::Validate,
               &AdmissionHandler::TryValidate),
       RouteTo("/mutate/v1", handler, &AdmissionHandler::Mutate, &AdmissionHandler::TryMutate),
       RouteTo("/guard/v1", guard, &GuardHandler::Judge)});
  if (!started) return Die(started.error());
  {
    const std::lock_guard lock(server_mutex);
    server = std::move(*started);
  }
  Log(LogLevel::kInfo, "serving admission reviews",
      {{"port", server->Port()},
       {"probePort", (*probe)->Port()},
       {"installation", flags.installation}});

  int signal = 0;
  sigwait(&signals, &signal);
  // Readiness first; then the time that endpoints take to change, for half of which connections are
  // kept, because a caller that is sent away too early only comes back; then those that are left.
  leaving = true;
  Log(LogLevel::kInfo, "draining", {{"seconds", flags.drain_seconds}});
  const auto half = std::chrono::milliseconds(std::chrono::seconds(flags.drain_seconds)) / 2;
  const timespec patience{half.count() / 1000, half.count() % 1000 * 1'000'000};
  const bool hurried = sigtimedwait(&signals, nullptr, &patience) > 0;
  server->Drain();
  if (!hurried) sigtimedwait(&signals, nullptr, &patience);  // a second signal ends the wait
  server->Stop();
  stop.request_stop();  // not before: what is answered last may need the API server
  if (authority != nullptr) authority->Stop();
  revisions.Stop();
  workloads.Stop();
  catalog.Stop();
  return 0;
}

}  // namespace
}  // namespace countersign

int main(int argc, char** argv) {
  ::signal(SIGPIPE, SIG_IGN);  // before any thread: a closed connection must not end the process
  countersign::Flags flags;
  CLI::App app("Countersign admission webhook: no model goes live without its evidence.");
  app.add_option("--kubeconfig", flags.kubeconfig, "kubeconfig file; default: in-cluster");
  app.add_option("--listen", flags.listen, "address:port for admission reviews (HTTPS)");
  app.add_option("--probe-listen", flags.probe_listen,
                 "address:port for /healthz, /readyz and /metrics (HTTP)");
  auto* pair =
      app.add_option("--tls-cert", flags.files.certificate, "serving certificate chain, PEM");
  app.add_option("--tls-key", flags.files.key, "its key, PEM")->needs(pair);
  auto* name = app.add_option("--tls-name", flags.files.wanted_name,
                              "name the certificate must be valid for");
  auto* ca_secret =
      app.add_option("--ca-secret", flags.ca_secret,
                     "NAMESPACE/NAME of the Secret of the built-in certificate authority, which "
                     "issues the certificate for --tls-name and renews it")
          ->needs(name)
          ->excludes(pair);
  app.add_option("--webhook-configuration", flags.webhook_configuration,
                 "name of the webhook configurations that must trust the authority")
      ->capture_default_str();
  app.add_option("--leaf-lifetime", flags.leaf_lifetime, "of certificates by the authority")
      ->capture_default_str();
  app.add_option("--ca-lifetime", flags.ca_lifetime, "of the authority")->capture_default_str();
  app.add_option("--ca-settle", flags.ca_settle,
                 "how long API servers may take to trust an authority that is published")
      ->capture_default_str();
  app.add_option("--ca-retire", flags.ca_retire,
                 "how long the authority before stays trusted; more than a replica may serve on "
                 "without having heard from the API server")
      ->capture_default_str();
  auto* client_ca = app.add_option("--client-ca", flags.files.client_ca,
                                   "CA of client certificates; calls without one are refused");
  app.add_option("--allowed-client", flags.allowed_clients,
                 "common name of a client certificate of --client-ca that may call; repeatable")
      ->needs(client_ca);
  app.add_option("--self-signed", flags.self_signed,
                 "make a CA and a certificate for 127.0.0.1 in this folder (local runs)")
      ->excludes(ca_secret);
  app.add_option("--stamp-key", flags.stamp_key, "installation key, PEM (countersign keygen)")
      ->required();
  app.add_option("--trusted-keys", flags.trusted_keys,
                 "PEM file with public keys that were in use before, or will be, and count too "
                 "(default: trusted.pem beside the key, if there is one)");
  app.add_option("--installation", flags.installation, "name of this installation");
  app.add_option("--operator-user", flags.admission.operator_user,
                 "account of the operator, the only writer of status")
      ->default_val("system:serviceaccount:countersign-system:countersign-operator");
  app.add_flag("--require-credential-id", flags.admission.require_credential_id,
               "refuse sign-offs whose request shows no credential id");
  app.add_option("--serving-profiles", flags.serving_profiles,
                 "table of what serves a model, YAML; default: the one built in");
  app.add_option(
      "--trusted-controller", flags.trusted_controllers,
      "account of a controller that makes serving workloads for objects of its own kind, "
      "which are judged themselves; repeatable; Kubernetes' own are trusted anyway");
  app.add_option("--guard-elsewhere", flags.elsewhere,
                 "Deny, Warn or Audit what serves a model in a namespace in no environment")
      ->capture_default_str();
  app.add_option("--workers", flags.workers, "worker threads; 0: by the CPU limit")
      ->check(CLI::Range(0, 1024));
  app.add_option("--drain-seconds", flags.drain_seconds, "how long to go on serving after SIGTERM")
      ->check(CLI::Range(0, 3600));
  app.set_version_flag("--version", COUNTERSIGN_VERSION);
  countersign::CheckAllGiven(app);
  try {
    countersign::ParseCommandLine(app, argc, argv);
  } catch (const CLI::ParseError& error) {
    return countersign::EndOfParsing(app, error, "countersign-webhook");
  }
  return countersign::Run(std::move(flags));
}
