// countersign-webhook: the admission server. Flags, wiring and the order of shutdown; nothing else.

#include <signal.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <mutex>

#include "base/host_port.h"
#include "base/log.h"
#include "catalog/live_reader.h"
#include "kube/http_transport.h"
#include "kube/kubeconfig.h"
#include "webhook/admission/handler.h"
#include "webhook/certificates/file_source.h"
#include "webhook/certificates/self_signed.h"
#include "webhook/http/probe_server.h"
#include "webhook/http/server.h"
#include "webhook/metrics.h"

namespace countersign {
namespace {

struct Flags {
  std::string kubeconfig;
  std::string listen = "0.0.0.0:9443";
  std::string probe_listen = "0.0.0.0:8080";
  CertificateFiles files;
  std::string self_signed;
  std::string stamp_key;
  std::string trusted_keys;
  std::string installation = "default";
  AdmissionOptions admission;
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

int Die(const Error& error) {
  std::cerr << "countersign-webhook: " << error.ToString() << "\n";
  return 2;
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
  auto certificates = FileCertificateSource::Create(flags.files, clock);
  if (!certificates) return Die(certificates.error());
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
  KubeClient client(std::move(*transport), clock, client_options);
  auto trusted = LoadTrustedKeys(*key, flags.stamp_key, flags.trusted_keys);
  if (!trusted) return Die(trusted.error());
  Catalog catalog(client, clock, {flags.installation, std::move(*trusted)});
  LiveReader live(client, clock, catalog);
  WebhookMetrics metrics(COUNTERSIGN_VERSION);
  AdmissionHandler handler(catalog, live, clock, std::move(*key), flags.admission,
                           [&](const DecisionRecord& record) {
                             WriteRecord(RecordLine(record));
                             metrics.Count(record);
                           });

  auto listen = ParseHostPort(flags.listen);
  if (!listen) return Die(listen.error());
  auto probe_listen = ParseHostPort(flags.probe_listen);
  if (!probe_listen) return Die(probe_listen.error());
  http::ServerOptions options;
  options.address = listen->host;
  options.port = listen->port;
  options.worker_threads = flags.workers;
  http::TlsOptions tls;
  tls.certificate = [&] { return (*certificates)->Current(); };
  if (!flags.files.client_ca.empty()) tls.client_trust = [&] { return (*certificates)->Trust(); };
  tls.allowed_clients = flags.allowed_clients;
  const auto route = [&](const char* path,
                         AdmissionReply (AdmissionHandler::*method)(const AdmissionCall&) const) {
    return http::Route{path, [&handler, method](const http::Request& request) {
                         AdmissionReply reply = (handler.*method)(
                             {request.body, request.traceparent, request.deadline});
                         http::Response response;
                         response.status = reply.http_status;
                         response.body = std::move(reply.body);
                         if (response.status != 200) response.content_type = "text/plain";
                         return response;
                       }};
  };

  std::unique_ptr<http::HttpsServer> server;
  std::mutex server_mutex;  // the server starts after the probes, which report on it
  std::atomic<bool> leaving = false;
  http::ProbeOptions probes;
  probes.address = probe_listen->host;
  probes.port = probe_listen->port;
  const auto not_ready = [&]() -> std::optional<std::string> {
    if (leaving) return "shutting down";
    if (!catalog.HasSynced()) return "caches are not synced yet";
    if (const auto stale = catalog.Stale(clock.Steady()); !stale.empty()) return stale.front();
    if (auto healthy = (*certificates)->Healthy(); !healthy) return healthy.error().ToString();
    return std::nullopt;
  };
  probes.not_ready = not_ready;
  probes.metrics = [&] {
    const std::lock_guard lock(server_mutex);
    return metrics.Text({server == nullptr ? http::ServerStats{} : server->Stats(),
                         (*certificates)->NotAfter(), catalog, clock.Steady(),
                         !not_ready().has_value(), LostRecords()});
  };
  auto probe = http::ProbeServer::Start(probes);
  if (!probe) return Die(probe.error());
  catalog.Start();
  // Until the caches are full every answer would be "missing": better none.
  while (!catalog.WaitForSync({}, clock.Steady() + std::chrono::milliseconds(200))) {
    const timespec no_wait{0, 0};
    if (sigtimedwait(&signals, nullptr, &no_wait) > 0) return 0;
  }
  auto started = http::HttpsServer::Start(options, tls,
                                          {route("/validate/v1", &AdmissionHandler::Validate),
                                           route("/mutate/v1", &AdmissionHandler::Mutate)});
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
  // Readiness first, then the time that endpoints take to change, then the connections.
  leaving = true;
  Log(LogLevel::kInfo, "draining", {{"seconds", flags.drain_seconds}});
  const timespec patience{flags.drain_seconds, 0};
  sigtimedwait(&signals, nullptr, &patience);  // a second signal ends the wait
  server->Drain();
  stop.request_stop();
  server->Stop();
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
  app.add_option("--tls-cert", flags.files.certificate, "serving certificate chain, PEM");
  app.add_option("--tls-key", flags.files.key, "its key, PEM");
  app.add_option("--tls-name", flags.files.wanted_name, "name the certificate must be valid for");
  app.add_option("--client-ca", flags.files.client_ca,
                 "CA of client certificates; calls without one are refused");
  app.add_option("--allowed-client", flags.allowed_clients,
                 "common name of a client certificate that may call; repeatable");
  app.add_option("--self-signed", flags.self_signed,
                 "make a CA and a certificate for 127.0.0.1 in this folder (local runs)");
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
  app.add_option("--workers", flags.workers, "worker threads; 0: by the CPU limit");
  app.add_option("--drain-seconds", flags.drain_seconds, "how long to go on serving after SIGTERM");
  CLI11_PARSE(app, argc, argv);
  return countersign::Run(std::move(flags));
}
