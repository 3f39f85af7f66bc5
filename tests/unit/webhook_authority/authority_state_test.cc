#include "webhook/authority/authority_state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "base/digest.h"
#include "webhook/authority/rotation.h"

namespace countersign {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kName[] = "countersign-webhook.system.svc";
const Time kNow{Seconds(1'790'000'000)};

AuthorityState Rotating() {
  AuthorityState state;
  for (const RotationStep step : {RotationStep::kCreate, RotationStep::kPrepare,
                                  RotationStep::kPromote, RotationStep::kPrepare}) {
    state = Advance(step, state, {}, kName, kNow).value();
  }
  return state;
}

Json SecretOf(const AuthorityState& state) { return {{"data", AuthorityData(state)}}; }

TEST(AuthorityStateTest, WhatIsStoredIsWhatIsRead) {
  const AuthorityState state = Rotating();
  const auto read = AuthorityFromSecret(SecretOf(state));
  ASSERT_TRUE(read) << read.error().ToString();
  EXPECT_EQ(read->authority.certificate, state.authority.certificate);
  EXPECT_EQ(read->authority.key, state.authority.key);
  EXPECT_EQ(read->leaf.certificate, state.leaf.certificate);
  EXPECT_EQ(read->leaf.key, state.leaf.key);
  ASSERT_TRUE(read->next);
  EXPECT_EQ(read->next->certificate, state.next->certificate);
  EXPECT_EQ(read->previous, state.previous);
  EXPECT_EQ(AuthorityData(*read), AuthorityData(state));
}

TEST(AuthorityStateTest, ABundleIsReadableWhateverEndsItsParts) {
  AuthorityState state = Rotating();
  EXPECT_EQ(state.Bundle(), state.authority.certificate + state.next->certificate + state.previous);
  const std::string whole = state.Bundle();
  state.authority.certificate.pop_back();
  EXPECT_EQ(state.Bundle(), whole);
}

TEST(AuthorityStateTest, WhatDoesNotFitTogetherIsRefusedByTheNameOfThePartWithoutItsContent) {
  const AuthorityState good = Rotating();
  const AuthorityState other = Rotating();
  const struct {
    std::function<void(AuthorityState&)> spoil;
    const char* expected;
  } cases[] = {
      {[](auto& s) { s.authority.certificate = "x"; }, "data[ca.crt]: must be a certificate"},
      {[](auto& s) { s.authority.certificate += s.previous; }, "data[ca.crt]: must be one"},
      {[](auto& s) { s.authority.key.clear(); }, "data[ca.key]: must be an unencrypted"},
      {[&](auto& s) { s.authority.key = other.authority.key; }, "data[ca.key]: does not belong"},
      {[](auto& s) { s.authority = s.leaf; }, "data[ca.crt]: must be a certificate authority's"},
      {[&](auto& s) { s.leaf = other.leaf; }, "data[tls.crt]: was not issued by"},
      {[](auto& s) { s.leaf.certificate.clear(); }, "data[tls.crt]: must be a certificate"},
      {[&](auto& s) { s.leaf.key = other.leaf.key; }, "data[tls.key]: does not belong"},
      {[](auto& s) { s.next->key.clear(); }, "data[next-ca.key]: must be an unencrypted"},
      {[](auto& s) { s.next->certificate.clear(); }, "data[next-ca.crt]: must be a certificate"},
      {[](auto& s) { s.previous = "x"; }, "data[previous-ca.crt]: must be a certificate"},
  };
  for (const auto& c : cases) {
    AuthorityState state = good;
    c.spoil(state);
    const auto read = AuthorityFromSecret(SecretOf(state));
    ASSERT_FALSE(read) << c.expected;
    EXPECT_THAT(read.error().ToString(), HasSubstr(c.expected));
    EXPECT_THAT(read.error().ToString(), Not(HasSubstr("PRIVATE")));
  }
}

TEST(AuthorityStateTest, ASecretWithoutDataOrWithRubbishIsUnreadable) {
  EXPECT_FALSE(AuthorityFromSecret(Json::object()));
  EXPECT_FALSE(AuthorityFromSecret({{"data", nullptr}}));
  EXPECT_FALSE(AuthorityFromSecret({{"data", Json::object()}}));
  Json secret = SecretOf(Rotating());
  secret["data"]["tls.key"] = "%";
  EXPECT_THAT(AuthorityFromSecret(secret).error().ToString(),
              HasSubstr("data[tls.key]: is not base64"));
  secret["data"]["tls.key"] = 7;
  EXPECT_FALSE(AuthorityFromSecret(secret));
}

}  // namespace
}  // namespace countersign
