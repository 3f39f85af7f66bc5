// The body of an admission call: a review or a reason, and an answer to the very uid that asked.
#include "tests/fuzz/require.h"
#include "webhook/admission/review.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace countersign;
  using namespace countersign::fuzz;
  auto body = ParseReview(Text(data, size));
  if (!body) return 0;
  const auto review = DecodeReview(std::move(*body));
  if (!review) {
    RequireReadable(review.error());
    return 0;
  }
  Require(!review->uid.empty() && !review->kind.empty() && !review->user.name.empty(),
          "a review says what is asked, and by whom");
  for (const Json* object : {&review->object, &review->old_object}) {
    Require(object->is_object() || object->is_null(), "an object is an object", DumpJson(*object));
  }
  ReviewAnswer answer;
  answer.message = review->name;
  answer.kind = review->kind;
  answer.causes.push_back({"Found", review->user.name, review->name_space});
  answer.annotations["user"] = review->user.name;
  answer.warnings = review->user.groups;
  for (const bool allowed : {false, true}) {
    answer.allowed = allowed;
    if (allowed) answer.patch = Json::array({review->object});
    const auto encoded = ParseJson(EncodeAnswer(review->uid, answer));
    Require(encoded.has_value(), "an answer is JSON");
    Require(StringAt(*encoded, "response/uid") == review->uid, "an answer has the request's uid");
    Require(BoolAt(*encoded, "response/allowed", !allowed) == allowed,
            "an answer says the verdict");
  }
  return 0;
}
