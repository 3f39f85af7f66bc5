#include "webhook/http/engine.h"

#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <utility>

#include "base/log.h"
#include "webhook/http/cpu_count.h"
#include "webhook/http/tls_context.h"

namespace countersign::http {
namespace {

constexpr int kMinWorkers = 4;
constexpr int kMaxWorkers = 64;
// Connections take descriptors from 1024 on (event_loop.cc); the rest of the process has the
// others.
constexpr rlim_t kReservedDescriptors = 1024;

// Raises the soft limit on descriptors as far as allowed (Go's runtime does the same) and says how
// many connections that leaves.
std::size_t DescriptorsFor(std::size_t connections) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return connections;
  const rlim_t wanted = connections + kReservedDescriptors;
  if (limit.rlim_cur < wanted) {
    limit.rlim_cur = std::min(wanted, limit.rlim_max);
    setrlimit(RLIMIT_NOFILE, &limit);
    getrlimit(RLIMIT_NOFILE, &limit);
  }
  if (limit.rlim_cur >= wanted) return connections;
  return std::max<std::size_t>(limit.rlim_cur / 2, 16);  // fewer than asked, some left for others
}

}  // namespace

Engine::Engine(ServerOptions options, std::optional<TlsOptions> tls, std::vector<Route> routes)
    : options_(std::move(options)), tls_(std::move(tls)), routes_(std::move(routes)) {}

Engine::~Engine() { Stop(); }

Result<std::unique_ptr<Engine>> Engine::Start(ServerOptions options, std::optional<TlsOptions> tls,
                                              std::vector<Route> routes) {
  // OpenSSL writes with write(2): a client that vanished would otherwise end the process.
  std::signal(SIGPIPE, SIG_IGN);
  std::unique_ptr<Engine> engine(new Engine(std::move(options), std::move(tls), std::move(routes)));
  ServerOptions& own = engine->options_;
  if (own.worker_threads <= 0) {
    own.worker_threads = std::clamp(2 * AvailableCpus(), kMinWorkers, kMaxWorkers);
  }
  const std::size_t possible = DescriptorsFor(own.max_connections);
  if (possible < own.max_connections) {
    Log(LogLevel::kWarning, "the limit on open files allows fewer connections than configured",
        {{"wanted", own.max_connections}, {"allowed", possible}});
    own.max_connections = possible;
  }
  if (const std::optional<TlsOptions>& used = engine->tls_; used.has_value()) {
    Result<openssl::ContextPtr> context = MakeTlsContext(*used);
    if (!context) return Fail(context.error());
    engine->context_ = *std::move(context);
  }
  Result<Listener> listener = Listen(own.address, own.port);
  if (!listener) return Fail(listener.error());
  engine->port_ = listener->port;

  engine->loop_ = std::make_unique<EventLoop>(
      own, engine->routes_, std::move(listener->fd),
      [raw = engine.get()](int fd) { return raw->MakeTransport(fd); },
      [raw = engine.get()](Job&& job) { return raw->workers_->TrySubmit(std::move(job)); },
      [raw = engine.get()](const Job& job) { return raw->workers_->TryAtOnce(job); },
      engine->counters_);
  if (const Status opened = engine->loop_->Open(); !opened) return Fail(opened.error());
  engine->workers_ = std::make_unique<Workers>(
      own.worker_threads, own.max_queued, own.max_wait, own.long_bytes, own.max_buffered_bytes / 2,
      engine->counters_,
      [loop = engine->loop_.get()](std::uint64_t connection, Response response) {
        loop->Complete(connection, std::move(response));
      },
      own.thread_begins);
  engine->thread_ = std::thread([loop = engine->loop_.get(), begins = own.thread_begins] {
    if (begins) begins();
    loop->Run();
  });
  return engine;
}

std::unique_ptr<Transport> Engine::MakeTransport(int fd) const {
  return tls_ ? MakeTlsTransport(context_.get(), *tls_, fd) : MakePlainTransport(fd);
}

std::optional<std::string> Engine::Stalled(SteadyTime now) const {
  using std::chrono::duration_cast;
  const auto seconds = [](SteadyTime::duration time) {
    return std::to_string(duration_cast<std::chrono::seconds>(time).count()) + " s";
  };
  if (const auto busy = now - loop_->TurnBegan(); busy > options_.max_turn) {
    return "the thread of connections has been busy with one turn for " + seconds(busy);
  }
  if (const auto waits = now - workers_->WaitsSince(); waits > options_.max_standstill) {
    return "requests wait for a worker, and none has taken one up for " + seconds(waits);
  }
  return std::nullopt;
}

void Engine::Stop() {
  std::call_once(stopped_, [this] {
    // The loop first: it waits a moment for answers that the workers are about to give.
    if (thread_.joinable()) {
      loop_->Stop();
      thread_.join();
    }
    if (workers_ != nullptr) workers_->Stop();
  });
}

}  // namespace countersign::http
