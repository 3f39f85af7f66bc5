#include "webhook/http/routing.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace countersign::http {
namespace {

constexpr std::size_t kLimit = 100;

std::vector<Route> Routes() {
  const Handler none = [](const Request&) { return Response(); };
  return {Route{"/validate", none}, Route{"/healthz", none, "GET", ""}};
}

RequestHead Review() {
  RequestHead head;
  head.method = "POST";
  head.path = "/validate";
  head.content_type = "application/json";
  head.content_length = 10;
  return head;
}

TEST(RoutingTest, AReviewIsRouted) {
  const std::vector<Route> routes = Routes();
  const auto judged = Judge(Review(), routes, kLimit);
  ASSERT_TRUE(std::holds_alternative<const Route*>(judged));
  EXPECT_EQ(std::get<const Route*>(judged)->path, "/validate");
}

TEST(RoutingTest, AMediaTypeMayHaveParametersAndAnyCase) {
  const std::vector<Route> routes = Routes();
  for (const char* type : {"application/json; charset=utf-8", "Application/JSON"}) {
    RequestHead head = Review();
    head.content_type = type;
    EXPECT_TRUE(std::holds_alternative<const Route*>(Judge(head, routes, kLimit))) << type;
  }
}

TEST(RoutingTest, AGetNeedsNeitherLengthNorType) {
  const std::vector<Route> routes = Routes();
  RequestHead head;
  head.method = "GET";
  head.path = "/healthz";
  EXPECT_TRUE(std::holds_alternative<const Route*>(Judge(head, routes, kLimit)));
}

struct RefusedCase {
  const char* why;
  void (*change)(RequestHead&);
  int status;
  Refusal refusal;
};

TEST(RoutingTest, EachFaultHasItsStatus) {
  const std::vector<RefusedCase> cases = {
      {"unknown path", [](RequestHead& h) { h.path = "/nothing"; }, 404, Refusal::kUnknownPath},
      {"longer path", [](RequestHead& h) { h.path = "/validate/"; }, 404, Refusal::kUnknownPath},
      {"wrong method", [](RequestHead& h) { h.method = "GET"; }, 405, Refusal::kMethod},
      {"chunked", [](RequestHead& h) { h.has_transfer_encoding = true; }, 411, Refusal::kLength},
      {"no length", [](RequestHead& h) { h.content_length.reset(); }, 411, Refusal::kLength},
      {"compressed", [](RequestHead& h) { h.has_content_encoding = true; }, 415,
       Refusal::kEncoding},
      {"other type", [](RequestHead& h) { h.content_type = "text/plain"; }, 415,
       Refusal::kMediaType},
      {"similar type", [](RequestHead& h) { h.content_type = "application/jsonx"; }, 415,
       Refusal::kMediaType},
      {"no type", [](RequestHead& h) { h.content_type.clear(); }, 415, Refusal::kMediaType},
      {"too large", [](RequestHead& h) { h.content_length = kLimit + 1; }, 413,
       Refusal::kBodyTooLarge},
      {"far too large", [](RequestHead& h) { h.content_length = UINT64_MAX; }, 413,
       Refusal::kBodyTooLarge},
  };
  const std::vector<Route> routes = Routes();
  for (const RefusedCase& c : cases) {
    SCOPED_TRACE(c.why);
    RequestHead head = Review();
    c.change(head);
    const auto judged = Judge(head, routes, kLimit);
    ASSERT_TRUE(std::holds_alternative<Refused>(judged));
    EXPECT_EQ(std::get<Refused>(judged).response.status, c.status);
    EXPECT_EQ(std::get<Refused>(judged).refusal, c.refusal);
  }
}

TEST(RoutingTest, TheLimitItselfIsAllowed) {
  const std::vector<Route> routes = Routes();
  RequestHead head = Review();
  head.content_length = kLimit;
  EXPECT_TRUE(std::holds_alternative<const Route*>(Judge(head, routes, kLimit)));
}

TEST(RoutingTest, AWrongMethodIsToldTheRightOne) {
  const std::vector<Route> routes = Routes();
  RequestHead head = Review();
  head.method = "PUT";
  const auto judged = Judge(head, routes, kLimit);
  const auto& headers = std::get<Refused>(judged).response.headers;
  ASSERT_EQ(headers.size(), 1U);
  EXPECT_EQ(headers.front(), std::make_pair(std::string("Allow"), std::string("POST")));
}

TEST(RoutingTest, TheCallersPatienceIsItsTimeoutLessAMargin) {
  using std::chrono::milliseconds;
  const std::vector<std::pair<const char*, milliseconds>> cases = {
      {"5s", milliseconds(4'500)},       {"1s", milliseconds(900)}, {"30s", milliseconds(29'500)},
      {"10s", milliseconds(9'500)},      {"0s", milliseconds(900)}, {"5m", milliseconds(29'500)},
      {"nonsense", milliseconds(9'500)}, {"", milliseconds(9'500)},
  };
  for (const auto& [text, expected] : cases) {
    RequestHead head = Review();
    head.query.emplace("timeout", text);
    EXPECT_EQ(CallerPatience(head), expected) << text;
  }
  EXPECT_EQ(CallerPatience(Review()), milliseconds(9'500)) << "no timeout given";
}

}  // namespace
}  // namespace countersign::http
