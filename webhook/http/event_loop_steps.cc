// What one connection does in each phase. The rest of EventLoop is in event_loop.cc.
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>
#include <variant>

#include "webhook/http/event_loop.h"
#include "webhook/http/response.h"

namespace countersign::http {
namespace {

// What one connection may read in one turn before the others get theirs.
constexpr std::size_t kReadBudget = std::size_t{256} << 10;
constexpr int kDiscardsATurn = 16;
// Reserved at once for a body; a larger one grows as it comes, so that announcing costs nothing.
constexpr std::size_t kMaxReserve = std::size_t{256} << 10;

std::uint32_t Awaited(Io io) { return io == Io::kWantWrite ? EPOLLOUT : EPOLLIN; }

bool Waits(Io io) { return io == Io::kWantRead || io == Io::kWantWrite; }

}  // namespace

void EventLoop::Advance(Connection& c) {
  if ((c.phase == Phase::kFresh || c.phase == Phase::kHandshake) && !Greet(c)) return;
  if (c.phase == Phase::kWriting) Write(c);
  Read(c);
  if (c.phase == Phase::kLingering) Discard(c);
}

// True once the handshake is done.
bool EventLoop::Greet(Connection& c) {
  if (c.phase == Phase::kFresh) {
    char first = 0;
    const ssize_t n = recv(c.fd.Get(), &first, 1, MSG_PEEK);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return false;
    if (n <= 0) {  // gone without a word, as TCP health checks are: no failure of TLS
      Close(c);
      return false;
    }
    c.transport = make_transport_(c.fd.Get());
    if (c.transport == nullptr) {
      counters_.tls_failures.fetch_add(1);
      Close(c);
      return false;
    }
    SetPhase(c, Phase::kHandshake);
  }
  const Io io = c.transport->Handshake();
  if (io == Io::kDone) {
    EnterIdle(c, now_ + options_.idle_timeout);
    return true;
  }
  if (Waits(io)) {
    AwaitMore(c, Awaited(io));
    c.CountBytes();
    RelieveMemory();
  } else {
    counters_.tls_failures.fetch_add(1);
    Linger(c);  // for the client to read the alert that says why
  }
  return false;
}

void EventLoop::Read(Connection& c) {
  std::size_t budget = kReadBudget;
  while (c.phase == Phase::kIdle || c.phase == Phase::kReading) {
    if (!c.in.empty()) {
      if (UseInput(c)) continue;
      RelieveMemory();  // not before: a request that is whole is none of the unfinished
      if (c.phase != Phase::kReading) return;
    }
    if (!Fill(c, budget)) return;
  }
}

// Reads once. False when there is nothing more to read in this turn.
bool EventLoop::Fill(Connection& c, std::size_t& budget) {
  if (budget == 0) {
    AwaitMore(c, EPOLLIN);
    return false;
  }
  std::size_t n = 0;
  const Io io = c.transport->Read(scratch_.data(), scratch_.size(), n);
  if (io != Io::kDone) {
    if (!Waits(io)) {
      Close(c);
      return false;
    }
    AwaitMore(c, Awaited(io));
    AwaitRecord(c);
    return false;
  }
  if (c.phase == Phase::kIdle) BeginRequest(c);
  c.in.append(scratch_.data(), n);
  c.CountBytes();
  budget -= std::min(budget, n);
  return true;
}

// A part of a record takes memory as a part of a request does, and has no longer to be whole.
void EventLoop::AwaitRecord(Connection& c) {
  const bool part = c.transport->Held() > 0;
  if (part && c.phase == Phase::kIdle) BeginRequest(c);
  // An update of the keys is no request: however many come, the wait for one ends.
  if (!part && c.phase == Phase::kReading && c.in.empty()) EnterIdle(c, c.idle_until);
  c.CountBytes();
  RelieveMemory();
}

// True when the bytes at hand led to something; false when more are needed.
bool EventLoop::UseInput(Connection& c) {
  if (c.request_size == 0) {
    const std::size_t end = FindHeadEnd(c.in, c.searched);
    c.searched = c.in.size();
    if (std::min(end, c.in.size()) > options_.max_head_bytes) {
      Refuse(c, Refusal::kHeadTooLarge,
             PlainText(431, "the head must not exceed " + std::to_string(options_.max_head_bytes) +
                                " bytes"));
      return true;
    }
    if (end == std::string::npos) return false;
    c.head_size = end;
    if (!JudgeHead(c)) return true;
  }
  if (!c.IsComplete()) return false;
  Dispatch(c);
  return true;
}

// False when the request was refused.
bool EventLoop::JudgeHead(Connection& c) {
  Result<RequestHead> head = parser_.Parse(std::string_view(c.in).substr(0, c.head_size));
  if (!head) {
    const bool flood = head.error().code == Code::kResourceExhausted;
    Refuse(c, flood ? Refusal::kHeadTooLarge : Refusal::kMalformed,
           PlainText(flood ? 431 : 400, head.error().message));
    return false;
  }
  const auto judged = Judge(*head, routes_, options_.max_body_bytes);
  if (const auto* refused = std::get_if<Refused>(&judged)) {
    Refuse(c, refused->refusal, refused->response);
    return false;
  }
  c.route = std::get<const Route*>(judged);
  c.client_closes = head->close;
  c.answer_by = now_ + CallerPatience(*head);
  c.head = *std::move(head);
  // Judged not to exceed max_body_bytes: the sum cannot overflow.
  c.request_size = c.head_size + c.head.content_length.value_or(0);
  if (c.IsComplete()) return true;
  SetDeadline(c, c.began + options_.request_deadline);
  c.in.reserve(std::min(c.request_size, kMaxReserve));
  if (c.head.expects_continue) {
    std::string_view interim = "HTTP/1.1 100 Continue\r\n\r\n";
    // An empty send buffer takes 25 bytes; a client for which it does not is none of ours.
    if (c.transport->Write(interim) != Io::kDone || !interim.empty()) {
      Close(c);
      return false;
    }
  }
  return true;
}

void EventLoop::Dispatch(Connection& c) {
  std::string bytes = c.TakeRequest();
  Job job{c.id,
          c.route,
          std::move(c.head),
          std::move(bytes),
          c.head_size,
          now_,
          c.answer_by,
          c.peer,
          BufferLease(counters_.buffered_bytes)};
  job.lease.Set(job.bytes.size());
  c.ResetRequest();
  ClearDeadline(c);
  SetPhase(c, Phase::kDispatched);
  if (job.route->at_once && job.bytes.size() <= options_.at_once_bytes) {
    at_once_.push_back(std::move(job));
  } else {
    Submit(c, std::move(job));
  }
}

void EventLoop::Submit(Connection& c, Job&& job) {
  if (try_submit_(std::move(job))) return;
  counters_.Count(Refusal::kOverloaded);
  // The request was read whole, so the connection is kept: a reconnect would only add to the load.
  Respond(c, TryAgain("too many requests are waiting"),
          c.client_closes || IsLast(c) || !c.in.empty());
}

// What a handler made of a request.
void EventLoop::Answer(Connection& c, const Response& response) {
  Prove(c);
  Respond(c, response, c.client_closes || IsLast(c));
  ReadOn(c);
}

// A pipelined request may be here already, and no event would say so.
void EventLoop::ReadOn(Connection& c) {
  if (c.phase != Phase::kIdle && c.phase != Phase::kReading) return;
  if (!c.in.empty() || c.transport->HasPending()) Read(c);
}

void EventLoop::Refuse(Connection& c, Refusal refusal, const Response& response) {
  counters_.Count(refusal);
  c.in.clear();
  c.ResetRequest();
  Respond(c, response, true);
}

void EventLoop::Respond(Connection& c, const Response& response, bool close) {
  c.BeginResponse(Serialize(response, close), close);
  SetPhase(c, Phase::kWriting);
  Write(c);
  // Nearly always all of it has left.
  if (c.phase == Phase::kWriting) SetDeadline(c, now_ + options_.write_deadline);
}

void EventLoop::Write(Connection& c) {
  while (!c.unsent.empty()) {
    const Io io = c.transport->Write(c.unsent);
    if (io == Io::kDone) continue;
    if (Waits(io)) return SetInterest(c, Awaited(io));
    return Close(c);
  }
  std::string().swap(c.out);
  if (c.close_after) return Linger(c);
  if (c.in.empty()) return EnterIdle(c, now_ + options_.idle_timeout);
  BeginRequest(c);
}

void EventLoop::Linger(Connection& c) {
  c.in.clear();
  c.ResetRequest();
  SetPhase(c, Phase::kLingering);
  c.transport->Farewell();
  shutdown(c.fd.Get(), SHUT_WR);
  SetDeadline(c, now_ + options_.linger);
  SetInterest(c, EPOLLIN);
}

void EventLoop::Discard(Connection& c) {
  for (int i = 0; i < kDiscardsATurn; ++i) {
    const ssize_t n = recv(c.fd.Get(), scratch_.data(), scratch_.size(), 0);
    if (n > 0) continue;
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    return Close(c);
  }
}

void EventLoop::BeginRequest(Connection& c) {
  c.began = now_;
  SetPhase(c, Phase::kReading);
  SetDeadline(c, now_ + options_.head_deadline);
}

void EventLoop::EnterIdle(Connection& c, SteadyTime until) {
  SetPhase(c, Phase::kIdle);
  c.idle_until = until;
  c.CountBytes();
  SetDeadline(c, until);
  SetInterest(c, EPOLLIN);
}

void EventLoop::RelieveMemory() {
  while (counters_.buffered_bytes > options_.max_buffered_bytes) {
    Connection* largest = LargestUnfinished();
    if (largest == nullptr) return;
    if (largest->phase == Phase::kReading) {
      Refuse(*largest, Refusal::kMemory, TryAgain("too many bytes of requests are waiting"));
    } else {
      counters_.Count(Refusal::kMemory);
      Close(*largest);
    }
  }
}

// Of the address that holds most bytes, what has taken most memory for the longest time. An honest
// review of a few KiB, or a handshake, is over in milliseconds, and is never it.
Connection* EventLoop::LargestUnfinished() const {
  const auto weight = [&](const Connection& c) {
    const auto age = std::chrono::duration_cast<std::chrono::milliseconds>(now_ - c.began).count();
    return static_cast<double>(c.lease.Bytes()) * static_cast<double>(age + 1);
  };
  Connection* largest = nullptr;
  for (const auto& [id, c] : connections_) {
    const bool unfinished = c->phase == Phase::kReading || c->phase == Phase::kHandshake;
    if (!unfinished || c->lease.Bytes() == 0) continue;
    if (largest == nullptr || c->totals->bytes > largest->totals->bytes ||
        (c->totals == largest->totals && weight(*c) > weight(*largest))) {
      largest = c.get();
    }
  }
  return largest;
}

bool EventLoop::IsLast(const Connection& c) const {
  return draining_ || stopping_ || now_ >= c.retire_at;
}

}  // namespace countersign::http
