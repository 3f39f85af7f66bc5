#include "cli/offline_signer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/files.h"
#include "cli/manifests.h"

namespace countersign {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr char kKey[] = "SHA256:kkkk";

// A policy that lists the key for somebody with these accounts.
GovernancePolicy Listing(const std::string& name, std::vector<std::string> accounts) {
  GovernancePolicy policy;
  policy.meta.name = name;
  Person person;
  person.name = "vera";
  person.accounts = std::move(accounts);
  SignerKey key;
  key.fingerprint = kKey;
  person.keys.push_back(std::move(key));
  policy.spec.people.push_back(std::move(person));
  return policy;
}

const Time kNow = *ParseTime("2026-11-20T00:00:00Z");

std::string Fault(const std::vector<GovernancePolicy>& policies, const std::string& key,
                  const std::string& claimed) {
  auto signer = SignerOffline(policies, key, claimed, kNow);
  return signer ? "signs as " + signer->account : signer.error().ToString();
}

TEST(OfflineSigner, IsWhoHasTheKeyByThePolicies) {
  auto signer = SignerOffline({Listing("lending", {"vera@bank.example"})}, kKey, {}, kNow);
  ASSERT_TRUE(signer) << signer.error().ToString();
  EXPECT_EQ(signer->account, "vera@bank.example");
  EXPECT_THAT(signer->why, AllOf(HasSubstr(kKey), HasSubstr("'lending'")));
}

TEST(OfflineSigner, IsAskedForWhereNobodyHasTheKey) {
  EXPECT_THAT(Fault({Listing("lending", {"vera"})}, "SHA256:other", {}),
              AllOf(HasSubstr("--signer"), HasSubstr("no policy among the files lists key "
                                                     "SHA256:other")));
  EXPECT_EQ(Fault({Listing("lending", {"vera"})}, "SHA256:other", "victor"), "signs as victor");
}

TEST(OfflineSigner, IsAskedForWhereThePublicHalfIsNotThere) {
  EXPECT_THAT(Fault({Listing("lending", {"vera"})}, {}, {}),
              AllOf(HasSubstr("--signer"), HasSubstr("public half")));
}

TEST(OfflineSigner, IsAskedForWhereTheOwnerHasSeveralAccounts) {
  const std::vector<GovernancePolicy> policies = {Listing("lending", {"vera", "vera-admin"})};
  EXPECT_THAT(Fault(policies, kKey, {}),
              AllOf(HasSubstr("--signer"), HasSubstr("'vera', 'vera-admin'")));
  EXPECT_EQ(Fault(policies, kKey, "vera-admin"), "signs as vera-admin");
}

TEST(OfflineSigner, CannotBeSomebodyElseThanTheOwner) {
  EXPECT_THAT(Fault({Listing("lending", {"vera"})}, kKey, "victor"),
              AllOf(HasSubstr("--signer"), HasSubstr("is 'victor'"), HasSubstr("is of 'vera'")));
}

TEST(OfflineSigner, IsNobodyOnceTheKeyIsRevoked) {
  GovernancePolicy policy = Listing("lending", {"vera"});
  policy.spec.people[0].keys[0].revoked_at = *ParseTime("2026-11-01T00:00:00Z");
  EXPECT_THAT(Fault({policy}, kKey, "vera"), AllOf(HasSubstr("--sign-with"), HasSubstr("'lending'"),
                                                   HasSubstr("is revoked since 2026-11-01")));
}

}  // namespace
}  // namespace countersign
