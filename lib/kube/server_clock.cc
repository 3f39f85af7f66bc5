#include "kube/server_clock.h"

#include <ctime>
#include <utility>

namespace countersign {
namespace {

class DatedTransport final : public Transport {
 public:
  DatedTransport(std::shared_ptr<Transport> inner, ServerClock& clock)
      : inner_(std::move(inner)), clock_(clock) {}

  Result<HttpResponse> Send(const HttpRequest& request, std::stop_token stop,
                            BodySink* sink) override {
    auto response = inner_->Send(request, std::move(stop), sink);
    if (!response || sink != nullptr) return response;
    if (const auto date = response->Header("Date")) clock_.Heard(*date);
    return response;
  }

 private:
  const std::shared_ptr<Transport> inner_;
  ServerClock& clock_;
};

}  // namespace

Time ServerClock::Now() const {
  const std::lock_guard lock(mutex_);
  if (!reading_) return clock_.Now();
  return reading_->server +
         std::chrono::duration_cast<std::chrono::microseconds>(clock_.Steady() - reading_->at);
}

std::optional<std::chrono::nanoseconds> ServerClock::Age() const {
  const std::lock_guard lock(mutex_);
  if (!reading_) return std::nullopt;
  return clock_.Steady() - reading_->at;
}

void ServerClock::Heard(const std::string& date) {
  std::tm parts{};
  // No locale is ever set, so names of days and months are those of HTTP.
  const char* end = strptime(date.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  if (end == nullptr || *end != '\0') return;
  const std::lock_guard lock(mutex_);
  reading_ = Reading{Time(Seconds(timegm(&parts))), clock_.Steady()};
}

std::shared_ptr<Transport> WithServerClock(std::shared_ptr<Transport> transport,
                                           ServerClock& clock) {
  return std::make_shared<DatedTransport>(std::move(transport), clock);
}

}  // namespace countersign
