#include "webhook/http/event_loop.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <ctime>
#include <system_error>
#include <utility>

#include "base/log.h"
#include "webhook/http/response.h"

namespace countersign::http {
namespace {

using std::chrono::milliseconds;

constexpr int kEventsATurn = 256;
// So that a storm of new connections cannot keep the others from their turn.
constexpr int kAcceptsATurn = 64;
// Without descriptors, accepting is tried again after this rather than at once, for ever.
constexpr milliseconds kAcceptPause{100};
// One TLS record holds at most 16 KiB (RFC 8446, 5.1): a read of this size leaves nothing behind in
// OpenSSL that epoll would not announce.
constexpr std::size_t kScratchBytes = std::size_t{16} << 10;
// One address with more than this part of all connections allowed has many: 128 of 4,096, where an
// API server keeps 25 (client-go transport/cache.go) and what is under way.
constexpr std::size_t kManyOfAll = 32;
// Connections get numbers from here on. cpp-httplib's client in the same process waits by select(),
// which knows no descriptor above 1023; ours need none of those.
constexpr int kFirstDescriptor = 1024;
// A peer that vanished without a word is found out after 15 + 3 x 15 s (kubernetes#80313: API
// servers' stale connections lived for a quarter of an hour).
constexpr int kKeepAliveSeconds = 15;
constexpr int kKeepAliveProbes = 3;

void Tune(int fd) {
  const auto set = [fd](int level, int name, int value) {
    setsockopt(fd, level, name, &value, sizeof(value));
  };
  set(IPPROTO_TCP, TCP_NODELAY, 1);  // 44 ms a request without it, 0.5 ms with (measured)
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, kKeepAliveSeconds);
  set(IPPROTO_TCP, TCP_KEEPINTVL, kKeepAliveSeconds);
  set(IPPROTO_TCP, TCP_KEEPCNT, kKeepAliveProbes);
}

// Not the time of day: what other programs take on a busy machine does not count.
std::chrono::nanoseconds ThreadCpu() {
  timespec spent{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent);
  return std::chrono::seconds(spent.tv_sec) + std::chrono::nanoseconds(spent.tv_nsec);
}

PeerAddress AddressOf(const sockaddr_storage& from) {
  PeerAddress address{};
  if (from.ss_family == AF_INET6) {
    std::memcpy(address.data(), &reinterpret_cast<const sockaddr_in6&>(from).sin6_addr,
                address.size());
  } else if (from.ss_family == AF_INET) {
    address[10] = address[11] = 0xff;
    std::memcpy(address.data() + 12, &reinterpret_cast<const sockaddr_in&>(from).sin_addr, 4);
  }
  return address;
}

bool Watch(int epoll, int operation, int fd, std::uint32_t events, std::uint64_t id) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = id;
  return epoll_ctl(epoll, operation, fd, &event) == 0;
}

}  // namespace

EventLoop::EventLoop(const ServerOptions& options, const std::vector<Route>& routes,
                     UniqueFd listener, TransportFactory make_transport, TrySubmit try_submit,
                     TryAtOnce try_at_once, Counters& counters)
    : options_(options),
      routes_(routes),
      listener_(std::move(listener)),
      make_transport_(std::move(make_transport)),
      try_submit_(std::move(try_submit)),
      try_at_once_(std::move(try_at_once)),
      counters_(counters),
      scratch_(kScratchBytes) {}

Status EventLoop::Open() {
  epoll_ = UniqueFd(epoll_create1(EPOLL_CLOEXEC));
  wake_ = UniqueFd(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!epoll_.IsOpen() || !wake_.IsOpen() ||
      !Watch(epoll_.Get(), EPOLL_CTL_ADD, listener_.Get(), EPOLLIN, kListener) ||
      !Watch(epoll_.Get(), EPOLL_CTL_ADD, wake_.Get(), EPOLLIN, kWakeUp)) {
    return Fail(Code::kUnavailable,
                "cannot start the server: " + std::generic_category().message(errno));
  }
  return {};
}

void EventLoop::Run() {
  std::array<epoll_event, kEventsATurn> events{};
  while (!IsOver()) {
    const int n = epoll_wait(epoll_.Get(), events.data(), kEventsATurn, WaitMilliseconds());
    now_ = std::chrono::steady_clock::now();
    turn_began_.store(now_, std::memory_order_relaxed);
    for (int i = 0; i < n; ++i) {
      const epoll_event& event = events.at(static_cast<std::size_t>(i));
      OnEvent(event.data.u64, event.events);
    }
    HandleUnread();
    AnswerAtOnce();
    HandleCompletions();
    ExpireTimers();
    if (now_ >= accept_again_at_) ResumeAccepting();
    if (stop_requested_ && !stopping_) BeginStop();
    closed_.clear();
    turn_began_.store(SteadyTime::max(), std::memory_order_relaxed);
  }
  // What the workers have not got to: an API server that is told so asks another replica.
  while (!connections_.empty()) {
    Connection& c = *connections_.begin()->second;
    if (c.phase == Phase::kDispatched) {
      Attempt(c, [&] { Respond(c, TryAgain("the server ends"), true); });
    }
    Close(c);
  }
  closed_.clear();
}

template <class Step>
void EventLoop::Attempt(Connection& c, Step step) {
  try {
    step();
  } catch (...) {
    Close(c);
    Log(LogLevel::kError, "a connection was dropped: out of memory or a fault in the server");
  }
}

void EventLoop::OnEvent(std::uint64_t id, std::uint32_t events) {
  if (id == kListener) return AcceptSome();
  if (id == kWakeUp) {
    std::uint64_t ignored = 0;
    (void)!read(wake_.Get(), &ignored, sizeof(ignored));
    return;
  }
  const auto found = connections_.find(id);
  if (found == connections_.end()) return;  // closed earlier in this turn
  Connection& c = *found->second;
  if (c.phase != Phase::kDispatched) return Attempt(c, [&] { Advance(c); });
  // The next request, or the client's half of the close, waits until this answer is out.
  if ((events & (EPOLLHUP | EPOLLERR)) != 0) return Close(c);
  SetInterest(c, 0);
}

// One after the other, as far as the time goes: read, decided and written by turns each would find
// the caches of the CPU full of the others' code.
void EventLoop::AnswerAtOnce() {
  if (at_once_.empty()) return;
  const std::chrono::nanoseconds end = ThreadCpu() + options_.at_once_time;
  std::vector<std::pair<std::uint64_t, Response>> answers;
  for (Job& job : std::exchange(at_once_, {})) {
    const auto found = connections_.find(job.connection);
    if (found == connections_.end()) continue;
    Connection& c = *found->second;
    Attempt(c, [&] {
      std::optional<Response> response;
      if (ThreadCpu() < end) response = try_at_once_(job);
      if (response) {
        answers.emplace_back(c.id, *std::move(response));
      } else {
        Submit(c, std::move(job));
        ReadOn(c);
      }
    });
  }
  Deliver(answers);
}

void EventLoop::HandleCompletions() {
  std::vector<std::pair<std::uint64_t, Response>> mail;
  {
    const std::lock_guard lock(mailbox_mutex_);
    mail.swap(mailbox_);
  }
  Deliver(mail);
}

void EventLoop::Deliver(const std::vector<std::pair<std::uint64_t, Response>>& answers) {
  for (const auto& [id, response] : answers) {
    const auto found = connections_.find(id);
    if (found == connections_.end()) continue;  // the client gave up meanwhile
    Connection& c = *found->second;
    Attempt(c, [&, &answer = response] { Answer(c, answer); });
  }
}

void EventLoop::HandleUnread() {
  for (const std::uint64_t id : std::exchange(unread_, {})) {
    const auto found = connections_.find(id);
    if (found == connections_.end()) continue;
    Attempt(*found->second, [this, &c = *found->second] { Advance(c); });
  }
}

void EventLoop::ExpireTimers() {
  while (!timers_.empty() && timers_.begin()->first <= now_) {
    Connection& c = *connections_.at(timers_.begin()->second);
    ClearDeadline(c);
    Attempt(c, [&] { OnDeadline(c); });
  }
}

void EventLoop::OnDeadline(Connection& c) {
  switch (c.phase) {
    case Phase::kFresh:
    case Phase::kHandshake: counters_.Count(Refusal::kHandshakeDeadline); break;
    case Phase::kReading: counters_.Count(Refusal::kRequestDeadline); break;
    case Phase::kWriting: counters_.Count(Refusal::kWriteDeadline); break;
    case Phase::kIdle: c.transport->Farewell(); break;
    case Phase::kDispatched:
    case Phase::kLingering:
    case Phase::kClosed: break;
  }
  Close(c);
}

// --- accepting ----------------------------------------------------------------------------------

void EventLoop::AcceptSome() {
  for (int i = 0; i < kAcceptsATurn; ++i) {
    sockaddr_storage from{};
    socklen_t size = sizeof(from);
    UniqueFd socket(accept4(listener_.Get(), reinterpret_cast<sockaddr*>(&from), &size,
                            SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (socket.IsOpen()) {
      const int high = fcntl(socket.Get(), F_DUPFD_CLOEXEC, kFirstDescriptor);
      if (high >= 0) socket = UniqueFd(high);
      Admit(std::move(socket), AddressOf(from));
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      if (!CloseUnproven(nullptr)) return PauseAccepting();
    } else if (errno != EINTR && errno != ECONNABORTED) {
      return;
    }
  }
}

void EventLoop::Admit(UniqueFd socket, const PeerAddress& peer) {
  counters_.accepted.fetch_add(1);
  if (connections_.size() >= options_.max_connections && !MakeRoom(peer)) {
    counters_.Count(Refusal::kConnectionLimit);
    return;
  }
  const std::uint64_t id = next_id_++;
  Tune(socket.Get());
  if (!Watch(epoll_.Get(), EPOLL_CTL_ADD, socket.Get(), EPOLLIN, id)) return;
  std::shared_ptr<Peer>& totals = peers_[peer];
  if (totals == nullptr) totals = std::make_shared<Peer>();
  Connection& c = *connections_
                       .emplace(id, std::make_unique<Connection>(id, std::move(socket), peer,
                                                                 totals, counters_.buffered_bytes))
                       .first->second;
  ++totals->connections;
  c.began = now_;
  c.interest = EPOLLIN;
  c.unproven_at = unproven_.insert(unproven_.end(), id);
  const auto jitter = options_.max_age_jitter.count();
  c.retire_at = now_ + options_.max_age +
                milliseconds(std::uniform_int_distribution<long>(0, jitter)(jitter_));
  counters_.active.fetch_add(1);
  counters_.silent.fetch_add(1);
  SetDeadline(c, now_ + options_.handshake_deadline);
}

// At the limit somebody goes. An address with far more connections than an API server keeps open
// gives up one of its own, lest its new ones drive out those that others begin; to itself, none
// that has made a request. Else the oldest connection goes that never made one: an honest new one
// needs milliseconds for that, a silent one never will.
bool EventLoop::MakeRoom(const PeerAddress& peer) {
  const auto most = std::max_element(
      peers_.begin(), peers_.end(),
      [](const auto& a, const auto& b) { return a.second->connections < b.second->connections; });
  if (most == peers_.end()) return false;
  const auto own = peers_.find(peer);
  const std::size_t held = own == peers_.end() ? 0 : own->second->connections;
  if (most->second->connections > options_.max_connections / kManyOfAll) {
    if (CloseUnproven(&most->first)) return true;
    if (most->first == peer) return false;
    if (most->second->connections > held + 1 && CloseLeastUsed(most->first)) return true;
  }
  return CloseUnproven(nullptr, held);
}

// The oldest, of the address that holds most of those that have some, if it holds as many as
// `held`; or of `peer`.
bool EventLoop::CloseUnproven(const PeerAddress* peer, std::size_t held) {
  Connection* oldest = nullptr;
  for (const std::uint64_t id : unproven_) {
    Connection& c = *connections_.at(id);
    if (c.phase == Phase::kDispatched || c.phase == Phase::kWriting) continue;
    if (peer != nullptr && c.peer != *peer) continue;
    if (oldest == nullptr || c.totals->connections > oldest->totals->connections) oldest = &c;
  }
  if (oldest == nullptr || oldest->totals->connections < held) return false;
  counters_.Count(Refusal::kConnectionLimit);
  Close(*oldest);
  return true;
}

// Closing a proven connection under an API server fails its next request: it is the one that was
// not used for the longest time.
bool EventLoop::CloseLeastUsed(const PeerAddress& peer) {
  Connection* longest = nullptr;
  for (const auto& [id, c] : connections_) {
    if (c->peer != peer || (c->phase != Phase::kIdle && c->phase != Phase::kReading)) continue;
    if (longest == nullptr || c->began < longest->began) longest = c.get();
  }
  if (longest == nullptr) return false;
  counters_.Count(Refusal::kConnectionLimit);
  Close(*longest);
  return true;
}

void EventLoop::PauseAccepting() {
  Watch(epoll_.Get(), EPOLL_CTL_MOD, listener_.Get(), 0, kListener);
  accept_again_at_ = now_ + kAcceptPause;
}

void EventLoop::ResumeAccepting() {
  accept_again_at_ = SteadyTime::max();
  Watch(epoll_.Get(), EPOLL_CTL_MOD, listener_.Get(), EPOLLIN, kListener);
}

// --- bookkeeping --------------------------------------------------------------------------------

std::atomic<std::uint64_t>* EventLoop::Gauge(Phase phase) {
  switch (phase) {
    case Phase::kFresh:
    case Phase::kHandshake: return &counters_.silent;
    case Phase::kIdle: return &counters_.idle;
    case Phase::kDispatched: return &counters_.in_flight;
    case Phase::kReading:
    case Phase::kWriting:
    case Phase::kLingering:
    case Phase::kClosed: return nullptr;
  }
  return nullptr;
}

void EventLoop::SetPhase(Connection& c, Phase phase) {
  if (auto* before = Gauge(c.phase)) before->fetch_sub(1);
  if (auto* after = Gauge(phase)) after->fetch_add(1);
  c.phase = phase;
}

void EventLoop::SetDeadline(Connection& c, SteadyTime at) {
  if (!c.timer) {
    c.timer = timers_.emplace(at, c.id);
    return;
  }
  // Several a request: what holds it is kept rather than freed and allocated again.
  Timers::node_type held = timers_.extract(*c.timer);
  held.key() = at;
  c.timer = timers_.insert(std::move(held));
}

void EventLoop::ClearDeadline(Connection& c) {
  if (c.timer) timers_.erase(*c.timer);
  c.timer.reset();
}

void EventLoop::SetInterest(Connection& c, std::uint32_t events) {
  if (c.interest == events) return;
  c.interest = events;
  Watch(epoll_.Get(), EPOLL_CTL_MOD, c.fd.Get(), events, c.id);
}

// Goes on when the socket is ready, or in the next turn where the bytes are here already.
void EventLoop::AwaitMore(Connection& c, std::uint32_t events) {
  SetInterest(c, events);
  if (c.transport->HasPending()) unread_.push_back(c.id);
}

void EventLoop::Prove(Connection& c) {
  if (!c.proven) unproven_.erase(c.unproven_at);
  c.proven = true;
}

void EventLoop::Close(Connection& c) {
  if (c.phase == Phase::kClosed) return;
  SetPhase(c, Phase::kClosed);
  ClearDeadline(c);
  if (!c.proven) unproven_.erase(c.unproven_at);
  c.Hold(0);
  if (--c.totals->connections == 0) peers_.erase(c.peer);
  c.transport.reset();
  c.fd.Reset();  // leaves epoll by itself
  counters_.active.fetch_sub(1);
  const auto found = connections_.find(c.id);
  closed_.push_back(std::move(found->second));  // callers up the stack still look at it
  connections_.erase(found);
}

// --- starting and ending ------------------------------------------------------------------------

void EventLoop::Complete(std::uint64_t connection, Response response) {
  bool first = false;
  {
    const std::lock_guard lock(mailbox_mutex_);
    first = mailbox_.empty();
    mailbox_.emplace_back(connection, std::move(response));
  }
  if (first) Wake();
}

void EventLoop::Stop() {
  stop_requested_ = true;
  Wake();
}

void EventLoop::Wake() {
  const std::uint64_t one = 1;
  (void)!write(wake_.Get(), &one, sizeof(one));  // full means a wake-up is pending: as good
}

// Who is about to ask, or has begun to, is answered within the grace: an API server does not ask
// again, so that its user would be refused.
void EventLoop::BeginStop() {
  stopping_ = true;
  stop_by_ = now_ + options_.stop_grace;
  AcceptSome();
  listener_.Reset();
  accept_again_at_ = SteadyTime::max();
  std::vector<Connection*> idle;
  for (const auto& [id, c] : connections_) {
    if (c->phase == Phase::kIdle && c->proven) idle.push_back(c.get());
  }
  for (Connection* c : idle) {
    Attempt(*c, [&] { Advance(*c); });  // what has come in unseen
    if (c->phase != Phase::kIdle) continue;
    c->transport->Farewell();
    Close(*c);
  }
}

bool EventLoop::IsOver() const { return stopping_ && (connections_.empty() || now_ >= stop_by_); }

int EventLoop::WaitMilliseconds() const {
  if (!unread_.empty() || !at_once_.empty()) return 0;
  SteadyTime until = accept_again_at_;
  if (!timers_.empty()) until = std::min(until, timers_.begin()->first);
  if (stopping_) until = std::min(until, stop_by_);
  if (until == SteadyTime::max()) return -1;
  // Rounded up: waking a little early would only mean another turn.
  const auto wait = std::chrono::ceil<milliseconds>(until - std::chrono::steady_clock::now());
  return static_cast<int>(std::clamp<std::int64_t>(wait.count(), 0, INT_MAX));
}

}  // namespace countersign::http
