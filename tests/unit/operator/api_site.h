// api_site.h: an API server in memory and a client of it that nobody slows down.
#pragma once

#include <memory>

#include "base/clock.h"
#include "kube/client.h"
#include "tests/unit/support/fake_api.h"

namespace countersign {

struct ApiSite {
  std::shared_ptr<FakeApi> api = std::make_shared<FakeApi>();
  SystemClock clock;
  KubeClient client{api, clock, [] {
                      ClientOptions options;
                      options.qps = 0;
                      return options;
                    }()};
};

// Instead of a write to what `target` names part of.
inline std::optional<Result<HttpResponse>> Forbidden(const HttpRequest& request,
                                                     std::string_view method,
                                                     std::string_view target,
                                                     const std::string& message) {
  if (request.method != method || request.target.find(target) == std::string::npos) {
    return std::nullopt;
  }
  return Result<HttpResponse>(HttpResponse{
      403,
      {},
      R"({"kind":"Status","status":"Failure","reason":"Forbidden","code":403,"message":")" +
          message + "\"}"});
}

}  // namespace countersign
