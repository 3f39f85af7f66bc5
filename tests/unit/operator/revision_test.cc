#include "operator/revision.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/digest.h"
#include "governance/types/model_deployment.h"
#include "operator/names.h"

namespace countersign {
namespace {

using ::testing::HasSubstr;

constexpr char kSpec[] =
    R"({"model":{"name":"m"},"serving":{"replicas":2,"template":{"spec":{"containers":[{"name":"s","env":[{"name":"a","valueFrom":{"secretKeyRef":{"name":"b"}}}]}]}}}})";

const InstallationKey& Key() {
  static const InstallationKey key = InstallationKey::Generate().value();
  return key;
}

Revision Sample() {
  Revision revision;
  revision.installation = "lab";
  revision.deployment = {"lending-prod", "credit-scorer"};
  revision.uid = "uid-1";
  revision.number = 3;
  revision.spec = kSpec;
  revision.governed_digest = GovernedDigest(ParseJson(kSpec).value()).value();
  revision.author.authenticity = Authenticity::kAttested;
  revision.author.user = "dan@bank.example";
  revision.author.groups = {"ds-lending"};
  revision.author.first_seen = Time(std::chrono::microseconds(1'800'000'000'123'456));
  revision.created = Time(std::chrono::seconds(1'800'000'001));
  return revision;
}

// As the API server would give it back.
Json Stored(const Revision& revision, const InstallationKey& key = Key()) {
  auto object = RevisionObject(revision, SignWith(key));
  EXPECT_TRUE(object.has_value()) << object.error().ToString();
  SetPath(*object, "metadata/uid", "cr-uid");
  return *object;
}

StoredRevision Open(const Json& object) {
  return DecodeRevisionObject(object, "lab", OpenWith(Key().Public()));
}

TEST(Revision, ComesBackAsItWasApproved) {
  const Revision want = Sample();
  const StoredRevision stored = Open(Stored(want));
  ASSERT_NE(stored.revision, nullptr) << stored.problem;
  const Revision& got = *stored.revision;
  EXPECT_EQ(stored.key.name, "credit-scorer-3");
  EXPECT_EQ(stored.owner_uid, "uid-1");
  EXPECT_EQ(got.deployment, want.deployment);
  EXPECT_EQ(got.governed_digest, want.governed_digest);
  EXPECT_EQ(ParseJson(got.spec).value(), ParseJson(kSpec).value());
  EXPECT_EQ(got.author.user, want.author.user);
  EXPECT_EQ(got.author.groups, want.author.groups);
  EXPECT_EQ(got.author.first_seen, want.author.first_seen);
  EXPECT_EQ(got.author.authenticity, Authenticity::kAttested);
}

TEST(Revision, WhoseAuthorWasUnknownStaysWithoutOne) {
  Revision revision = Sample();
  revision.author.authenticity = Authenticity::kForged;
  const StoredRevision stored = Open(Stored(revision));
  ASSERT_NE(stored.revision, nullptr);
  EXPECT_EQ(stored.revision->author.authenticity, Authenticity::kUnproven);
}

// Each case is a valid object with one change that somebody could make.
TEST(Revision, ThatWasForgedEditedOrMovedCountsForNothing) {
  const struct {
    const char* name;
    std::function<void(Json&)> change;
    const char* problem;
  } cases[] = {
      {"no data", [](Json& o) { o.erase("data"); }, "no data"},
      {"data is not an envelope", [](Json& o) { o["data"] = {{"spec", Json::object()}}; },
       "not signed"},
      {"another payload under the same signature",
       [](Json& o) {
         Json payload = RevisionPayload(Sample());
         payload["number"] = 4;
         SetPath(o, "data/payload", Base64Encode(DumpJson(payload)));
       },
       "not signed"},
      {"another payload type",
       [](Json& o) { SetPath(o, "data/payloadType", "application/vnd.countersign.stamp+json"); },
       "not signed"},
      {"no signature", [](Json& o) { SetPath(o, "data/signatures", Json::array()); }, "not signed"},
      {"signed by somebody else's key",
       [](Json& o) { o = Stored(Sample(), InstallationKey::Generate().value()); }, "not signed"},
      {"copied under another name", [](Json& o) { SetPath(o, "metadata/name", "credit-scorer-9"); },
       "as revision 3"},
      {"copied to another namespace",
       [](Json& o) { SetPath(o, "metadata/namespace", "lending-dev"); }, "not for its owner"},
      {"given to another owner",
       [](Json& o) {
         Json owner = FindPath(o, "metadata/ownerReferences")->front();
         owner["uid"] = "uid-2";
         SetPath(o, "metadata/ownerReferences", Json::array({owner}));
       },
       "not for its owner"},
      {"without owner", [](Json& o) { SetPath(o, "metadata/ownerReferences", Json::array()); },
       "not for its owner"},
      {"of another installation",
       [](Json& o) {
         Revision revision = Sample();
         revision.installation = "elsewhere";
         o = Stored(revision);
       },
       "installation 'elsewhere'"},
      {"spec that is not the one of the digest",
       [](Json& o) {
         Revision revision = Sample();
         revision.governed_digest = "sha256:" + std::string(64, '0');
         o = Stored(revision);
       },
       "governed digest"},
  };
  for (const auto& c : cases) {
    Json object = Stored(Sample());
    c.change(object);
    const StoredRevision stored = Open(object);
    EXPECT_EQ(stored.revision, nullptr) << c.name;
    EXPECT_THAT(stored.problem, HasSubstr(c.problem)) << c.name;
  }
}

TEST(Revision, NumberOnTheObjectIsNotBelieved) {
  Json object = Stored(Sample());
  object["revision"] = 99;
  EXPECT_EQ(Open(object).number, 3);
}

TEST(Revision, OfAKeyThatWasReplacedStillVerifies) {
  const InstallationKey next = InstallationKey::Generate().value();
  const auto both = PublicKeys::Parse(next.PublicPem() + Key().PublicPem()).value();
  const StoredRevision stored = DecodeRevisionObject(Stored(Sample()), "lab", OpenWith(both));
  EXPECT_NE(stored.revision, nullptr) << stored.problem;
}

}  // namespace
}  // namespace countersign
