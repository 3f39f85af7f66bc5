// event_loop.h: the one thread that accepts, reads and writes, for all connections.
//
// epoll over non-blocking sockets; nothing here waits for one client, so a slow or hostile one
// costs memory within `max_buffered_bytes` and a place within `max_connections`, never a thread.
// Each phase has an absolute deadline. Complete requests go to the workers, whose responses come
// back through Complete(). Everything but Complete, Drain and Stop runs on the loop's thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "webhook/http/connection.h"
#include "webhook/http/listener.h"
#include "webhook/http/request_head.h"
#include "webhook/http/workers.h"

namespace countersign::http {

class EventLoop {
 public:
  using TransportFactory = std::function<std::unique_ptr<Transport>(int fd)>;
  using TrySubmit = std::function<bool(Job&&)>;
  using TryAtOnce = std::function<std::optional<Response>(const Job&)>;

  // References outlive the loop.
  EventLoop(const ServerOptions& options, const std::vector<Route>& routes, UniqueFd listener,
            TransportFactory make_transport, TrySubmit try_submit, TryAtOnce try_at_once,
            Counters& counters);

  // Fails when the kernel has no descriptors left.
  Status Open();
  // The thread's body; returns after Stop().
  void Run();

  void Complete(std::uint64_t connection, Response response);  // any thread
  void Drain() { draining_ = true; }                           // any thread
  void Stop();                                                 // any thread
  // When the turn began that is not over yet; in the far future while the loop waits. Any thread.
  [[nodiscard]] SteadyTime TurnBegan() const { return turn_began_.load(std::memory_order_relaxed); }

 private:
  // What epoll reports with an event: a connection's number or one of these.
  static constexpr std::uint64_t kListener = 0;
  static constexpr std::uint64_t kWakeUp = 1;
  static constexpr std::uint64_t kFirstConnection = 2;

  // Accepting.
  void AcceptSome();
  void Admit(UniqueFd socket, const PeerAddress& peer);
  [[nodiscard]] bool MakeRoom(const PeerAddress& peer);
  [[nodiscard]] bool CloseUnproven(const PeerAddress* peer, std::size_t held = 0);
  [[nodiscard]] bool CloseLeastUsed(const PeerAddress& peer);
  void PauseAccepting();
  void ResumeAccepting();

  // One connection, as far as it gets without blocking (event_loop_steps.cc).
  void Advance(Connection& c);
  [[nodiscard]] bool Greet(Connection& c);
  void Read(Connection& c);
  [[nodiscard]] bool Fill(Connection& c, std::size_t& budget);
  void AwaitRecord(Connection& c);
  [[nodiscard]] bool UseInput(Connection& c);
  [[nodiscard]] bool JudgeHead(Connection& c);
  void Dispatch(Connection& c);
  void Submit(Connection& c, Job&& job);
  void Answer(Connection& c, const Response& response);
  void ReadOn(Connection& c);
  void Respond(Connection& c, const Response& response, bool close);
  void Refuse(Connection& c, Refusal refusal, const Response& response);
  void Write(Connection& c);
  void Linger(Connection& c);
  void Discard(Connection& c);
  void BeginRequest(Connection& c);
  void EnterIdle(Connection& c, SteadyTime until);
  void RelieveMemory();
  [[nodiscard]] Connection* LargestUnfinished() const;
  [[nodiscard]] bool IsLast(const Connection& c) const;

  // Bookkeeping.
  void SetPhase(Connection& c, Phase phase);
  void SetDeadline(Connection& c, SteadyTime at);
  void ClearDeadline(Connection& c);
  void SetInterest(Connection& c, std::uint32_t events);
  void AwaitMore(Connection& c, std::uint32_t events);
  void Prove(Connection& c);
  void Close(Connection& c);
  [[nodiscard]] std::atomic<std::uint64_t>* Gauge(Phase phase);
  // Runs a step of `c`; an exception (no memory) costs that connection alone.
  template <class Step>
  void Attempt(Connection& c, Step step);

  // The loop itself.
  void OnEvent(std::uint64_t id, std::uint32_t events);
  void HandleCompletions();
  void HandleUnread();
  void AnswerAtOnce();
  void Deliver(const std::vector<std::pair<std::uint64_t, Response>>& answers);
  void ExpireTimers();
  void OnDeadline(Connection& c);
  void BeginStop();
  [[nodiscard]] bool IsOver() const;
  [[nodiscard]] int WaitMilliseconds() const;
  void Wake();

  const ServerOptions& options_;
  const std::vector<Route>& routes_;
  UniqueFd listener_;
  const TransportFactory make_transport_;
  const TrySubmit try_submit_;
  const TryAtOnce try_at_once_;
  Counters& counters_;
  HeadParser parser_;

  UniqueFd epoll_;
  UniqueFd wake_;
  SteadyTime now_;            // of this turn of the loop
  std::vector<Job> at_once_;  // of this turn, to be answered when all that came is read
  std::unordered_map<std::uint64_t, std::unique_ptr<Connection>> connections_;
  std::vector<std::unique_ptr<Connection>> closed_;  // freed at the end of the turn
  // With bytes taken from the socket that no event will announce: looked at in the next turn.
  std::vector<std::uint64_t> unread_;
  std::list<std::uint64_t> unproven_;                   // oldest first
  std::map<PeerAddress, std::shared_ptr<Peer>> peers_;  // of which there are connections
  Timers timers_;
  std::uint64_t next_id_ = kFirstConnection;
  SteadyTime accept_again_at_ = SteadyTime::max();
  std::vector<char> scratch_;
  std::minstd_rand jitter_{std::random_device{}()};
  bool stopping_ = false;
  SteadyTime stop_by_;

  std::atomic<SteadyTime> turn_began_ = SteadyTime::max();
  std::atomic<bool> draining_ = false;
  std::atomic<bool> stop_requested_ = false;
  std::mutex mailbox_mutex_;
  std::vector<std::pair<std::uint64_t, Response>> mailbox_;  // under mailbox_mutex_
};

}  // namespace countersign::http
