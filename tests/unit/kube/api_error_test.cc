#include "kube/api_error.h"

#include <gtest/gtest.h>

#include "tests/unit/support/kube_objects.h"

namespace countersign {
namespace {

TEST(ApiErrorTest, CodesFollowReasonThenHttpStatus) {
  struct Case {
    int http;
    const char* reason;
    Code expected;
  };
  for (const Case& c :
       {Case{400, "BadRequest", Code::kInvalidArgument},
        Case{401, "Unauthorized", Code::kUnauthenticated},
        Case{403, "Forbidden", Code::kPermissionDenied}, Case{404, "NotFound", Code::kNotFound},
        Case{409, "AlreadyExists", Code::kAlreadyExists}, Case{409, "Conflict", Code::kConflict},
        Case{410, "Expired", Code::kExpired}, Case{410, "Gone", Code::kExpired},
        Case{413, "RequestEntityTooLarge", Code::kInvalidArgument},
        Case{422, "Invalid", Code::kInvalidArgument},
        Case{429, "TooManyRequests", Code::kResourceExhausted},
        Case{500, "InternalError", Code::kInternal}, Case{500, "ServerTimeout", Code::kUnavailable},
        Case{503, "ServiceUnavailable", Code::kUnavailable},
        Case{504, "Timeout", Code::kUnavailable}}) {
    const ApiError error = ParseApiError(c.http, StatusBody(c.http, c.reason));
    EXPECT_EQ(error.code, c.expected) << c.http << " " << c.reason;
    EXPECT_EQ(error.http_status, c.http);
    EXPECT_EQ(error.reason, c.reason);
    EXPECT_EQ(error.message, "refused");
  }
}

TEST(ApiErrorTest, CausesAndRetryAfterAreKept) {
  const ApiError error = ParseApiError(
      422, StatusBody(422, "Invalid", "spec is wrong",
                      {{"retryAfterSeconds", 3},
                       {"causes",
                        {{{"reason", "FieldValueInvalid"}, {"message", "no"}, {"field", "spec.a"}},
                         {{"reason", "FieldValueRequired"}, {"message", "yes"}}}}}));
  ASSERT_EQ(error.causes.size(), 2u);
  EXPECT_EQ(error.causes[0].reason, "FieldValueInvalid");
  EXPECT_EQ(error.causes[0].field, "spec.a");
  EXPECT_EQ(error.causes[1].field, "");
  EXPECT_EQ(error.retry_after, std::chrono::seconds(3));
  EXPECT_EQ(error.path, "");
}

TEST(ApiErrorTest, OneFaultHasAPathUnlessTheMessageNamesIt) {
  const Json causes = {{"causes", {{{"field", "spec.a"}, {"message", "bad"}}}}};
  EXPECT_EQ(ParseApiError(422, StatusBody(422, "Invalid", "is wrong", causes)).ToString(),
            "spec.a: is wrong");
  EXPECT_EQ(ParseApiError(422, StatusBody(422, "Invalid", "spec.a: is wrong", causes)).ToString(),
            "spec.a: is wrong");
}

TEST(ApiErrorTest, AnswersThatAreNoStatusStillSaySomething) {
  EXPECT_EQ(ParseApiError(502, "<html>Bad Gateway</html>\n").message,
            "the server answered HTTP 502: <html>Bad Gateway</html>");
  EXPECT_EQ(ParseApiError(500, "").message, "the server answered HTTP 500");
  EXPECT_EQ(ParseApiError(404, R"({"kind":"Pod"})").code, Code::kNotFound);
  const std::string cut = ParseApiError(500, std::string(511, 'a') + "é" + "tail").message;
  EXPECT_EQ(cut, "the server answered HTTP 500: " + std::string(511, 'a') + "…");
}

TEST(ApiErrorTest, StatusOfAWatchEventIsRead) {
  const ApiError error = ApiErrorFromStatus(StatusJson(410, "Expired", "too old"));
  EXPECT_EQ(error.code, Code::kExpired);
  EXPECT_EQ(error.message, "too old");
  EXPECT_EQ(ApiErrorFromStatus(Json::object()).code, Code::kInternal);
}

TEST(ApiErrorTest, ConvertsToAnErrorWhereAResultIsReturned) {
  const auto convert = []() -> Result<int> {
    const ApiResult<int> failed = tl::unexpected(ParseApiError(404, ""));
    return Fail(failed.error());
  };
  EXPECT_EQ(convert().error().code, Code::kNotFound);
}

}  // namespace
}  // namespace countersign
