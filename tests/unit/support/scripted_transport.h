// scripted_transport.h: a Transport that answers what the test wrote down, in order.
//
// Each exchange takes the next step of the script; a request beyond its end fails with kInternal,
// so that a test sees what it did not expect. Requests are kept for inspection. A step may also run
// a callback first (advance a clock, request a stop). Thread-safe.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "kube/transport.h"

namespace countersign {

class ScriptedTransport final : public Transport {
 public:
  struct Step {
    int status = 200;
    HttpHeaders headers;
    std::vector<std::string> pieces;  // the body; to the sink piece by piece, if there is one
    std::optional<Error> failure;     // after the pieces; no answer when there are none
    std::function<void()> before;     // runs when the request has arrived
  };

  ScriptedTransport& Answer(int status, std::string body, HttpHeaders headers = {}) {
    return Add({status, std::move(headers), {std::move(body)}, {}, {}});
  }
  ScriptedTransport& Fails(Code code, std::string message = "scripted") {
    return Add({0, {}, {}, Error{code, std::move(message), {}, {}}, {}});
  }
  // A watch: its lines, then the orderly end.
  ScriptedTransport& Stream(std::vector<std::string> lines) {
    for (std::string& line : lines) line += '\n';
    return Add({200, {}, std::move(lines), {}, {}});
  }
  // A watch that breaks off.
  ScriptedTransport& BrokenStream(std::vector<std::string> lines, Code code) {
    Stream(std::move(lines));
    const std::lock_guard lock(mutex_);
    steps_.back().failure = Error{code, "scripted", {}, {}};
    return *this;
  }
  ScriptedTransport& Add(Step step) {
    const std::lock_guard lock(mutex_);
    steps_.push_back(std::move(step));
    return *this;
  }
  // For the step added last.
  ScriptedTransport& Before(std::function<void()> before) {
    const std::lock_guard lock(mutex_);
    steps_.back().before = std::move(before);
    return *this;
  }

  Result<HttpResponse> Send(const HttpRequest& request, std::stop_token stop,
                            BodySink* sink) override {
    Step step;
    {
      const std::lock_guard lock(mutex_);
      requests_.push_back(request);
      if (steps_.empty()) {
        return Fail(Code::kInternal, "unscripted " + request.method + " " + request.target);
      }
      step = std::move(steps_.front());
      steps_.pop_front();
    }
    if (step.before) step.before();
    if (stop.stop_requested()) return Fail(Code::kCancelled, "stopped");
    HttpResponse response{step.status, step.headers, {}};
    for (const std::string& piece : step.pieces) {
      if (sink != nullptr && step.status < 300) {
        {
          const std::lock_guard lock(mutex_);
          idle_timeouts_.push_back(sink->IdleTimeout());
        }
        if (!sink->Accept(piece)) return Fail(Code::kCancelled, "refused");
      } else {
        response.body += piece;
      }
    }
    if (step.failure) return Fail(*step.failure);
    return response;
  }

  // "GET /api/v1/pods?limit=500" of each request so far.
  [[nodiscard]] std::vector<std::string> Requests() const {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> out;
    for (const HttpRequest& request : requests_) {
      out.push_back(request.method + " " + request.target);
    }
    return out;
  }
  [[nodiscard]] HttpRequest Request(std::size_t index) const {
    const std::lock_guard lock(mutex_);
    return requests_.at(index);
  }
  // What sinks said about silence, before each piece.
  [[nodiscard]] std::vector<std::chrono::milliseconds> IdleTimeouts() const {
    const std::lock_guard lock(mutex_);
    return idle_timeouts_;
  }
  [[nodiscard]] std::size_t StepsLeft() const {
    const std::lock_guard lock(mutex_);
    return steps_.size();
  }

 private:
  mutable std::mutex mutex_;
  std::deque<Step> steps_;
  std::vector<HttpRequest> requests_;
  std::vector<std::chrono::milliseconds> idle_timeouts_;
};

}  // namespace countersign
