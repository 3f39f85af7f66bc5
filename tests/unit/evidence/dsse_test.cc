#include "evidence/dsse.h"

#include <gtest/gtest.h>

#include "base/digest.h"

namespace countersign {
namespace {

constexpr char kType[] = "application/vnd.example+json";

const InstallationKey& Key() {
  static const InstallationKey key = InstallationKey::Generate().value();
  return key;
}

// An envelope over exactly `body`, signed as the protocol says: for bodies that our encoder would
// not write.
std::string Signed(const std::string& body, const std::string& type = kType) {
  const std::string pae = "DSSEv1 " + std::to_string(type.size()) + " " + type + " " +
                          std::to_string(body.size()) + " " + body;
  return DumpJson(Json{{"payload", Base64Encode(body)},
                       {"payloadType", type},
                       {"signatures", {{{"sig", Base64Encode(Key().Sign(pae).value())}}}}});
}

Json EnvelopeJson() { return ParseJson(SignEnvelope(Key(), kType, {{"a", 1}}).value()).value(); }

TEST(Dsse, GivesBackWhatWasSigned) {
  const std::string text = SignEnvelope(Key(), kType, {{"b", "x"}, {"a", 1}}).value();
  EXPECT_EQ(OpenEnvelope(Key().Public(), kType, text).value(), (Json{{"a", 1}, {"b", "x"}}));
}

// The example of protocol.md: PAE("http://example.com/HelloWorld", "hello world").
TEST(Dsse, SignsThePreAuthenticationEncodingOfTheProtocol) {
  const Json envelope =
      ParseJson(SignEnvelope(Key(), "http://example.com/HelloWorld", "hello world").value())
          .value();
  const std::string sig = Base64Decode(StringAt((*Find(envelope, "signatures"))[0], "sig")).value();
  EXPECT_TRUE(
      Key().Public().Verify("DSSEv1 29 http://example.com/HelloWorld 13 \"hello world\"", sig));
}

TEST(Dsse, TakesTheKeyIdForAHintAlone) {
  Json envelope = EnvelopeJson();
  (*envelope.find("signatures"))[0]["keyid"] = "SHA256:somebody-else";
  EXPECT_TRUE(OpenEnvelope(Key().Public(), kType, DumpJson(envelope)));
  (*envelope.find("signatures"))[0].erase("keyid");
  EXPECT_TRUE(OpenEnvelope(Key().Public(), kType, DumpJson(envelope)));
}

TEST(Dsse, FindsOurSignatureAmongOthers) {
  Json envelope = EnvelopeJson();
  Json& signatures = *envelope.find("signatures");
  signatures.insert(signatures.begin(), Json{{"sig", Base64Encode("not ours")}});
  EXPECT_TRUE(OpenEnvelope(Key().Public(), kType, DumpJson(envelope)));
}

TEST(Dsse, OpensNothingThatWasNotSignedByTheseKeys) {
  struct Case {
    std::string what;
    std::string text;
    std::string problem;
  };
  const auto edited = [](auto edit) {
    Json envelope = EnvelopeJson();
    edit(envelope);
    return DumpJson(envelope);
  };
  const std::vector<Case> cases = {
      {"garbage", "\x01\x02", "no envelope"},
      {"empty", "", "no envelope"},
      {"JSON of another shape", "[1,2]", "type must be"},
      {"a member twice", R"({"payload":"","payload":"","payloadType":"x"})", "no envelope"},
      {"very deep", std::string(60'000, '['), "no envelope"},
      {"oversized", std::string(kMaxEnvelopeBytes + 1, ' '), "larger than 64 KiB"},
      {"another type", Signed("{}", "application/vnd.other+json"), "type must be"},
      {"edited payload", edited([](Json& e) { e["payload"] = Base64Encode(R"({"a":2})"); }),
       "no key"},
      {"payload not base64", edited([](Json& e) { e["payload"] = "***"; }), "payload"},
      {"no signatures", edited([](Json& e) { e.erase("signatures"); }), "1 to 16"},
      {"empty signatures", edited([](Json& e) { e["signatures"] = Json::array(); }), "1 to 16"},
      {"signatures of another shape",
       edited([](Json& e) { e["signatures"] = Json::array({1, "x", nullptr}); }), "no key"},
      {"hundreds of signatures", edited([](Json& e) {
         const Json one = e["signatures"][0];
         for (int i = 0; i < 300; ++i) e["signatures"].push_back(one);
       }),
       "1 to 16"},
      {"a signature of nothing", edited([](Json& e) { e["signatures"][0]["sig"] = ""; }), "no key"},
      {"signed, with a member twice", Signed(R"({"user":"eve","user":"ana"})"), "not JSON"},
      {"signed, with text behind it", Signed("{} {}"), "not JSON"},
  };
  for (const Case& c : cases) {
    const auto opened = OpenEnvelope(Key().Public(), kType, c.text);
    ASSERT_FALSE(opened) << c.what;
    EXPECT_NE(opened.error().message.find(c.problem), std::string::npos)
        << c.what << ": " << opened.error().message;
  }
  EXPECT_FALSE(OpenEnvelope(InstallationKey::Generate().value().Public(), kType,
                            SignEnvelope(Key(), kType, {{"a", 1}}).value()));
  EXPECT_FALSE(OpenEnvelope(PublicKeys(), kType, SignEnvelope(Key(), kType, {{"a", 1}}).value()));
}

TEST(Dsse, WritesNoEnvelopeThatItWouldNotOpen) {
  const auto text = SignEnvelope(Key(), kType, {{"a", std::string(kMaxEnvelopeBytes, 'x')}});
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().code, Code::kResourceExhausted);
}

TEST(Dsse, APredicateOfInTotoMayHaveATypeOfItsOwn) {
  constexpr std::string_view kInToto = "application/vnd.in-toto+json";
  const auto made = [](std::string_view type) {
    return SignEnvelope(Key(), type, {{"a", 1}}).value();
  };
  EXPECT_TRUE(
      OpenEnvelope(Key().Public(), kInToto, made("application/vnd.in-toto.provenance+json")));
  EXPECT_FALSE(OpenEnvelope(Key().Public(), kInToto, made("application/vnd.in-toto.+json")));
  EXPECT_FALSE(OpenEnvelope(Key().Public(), kInToto, made("application/vnd.in-totox+json")));
  EXPECT_FALSE(OpenEnvelope(Key().Public(), "application/vnd.countersign.stamp+json",
                            made("application/vnd.countersign.stamp.x+json")));
  // The type that stands there is the one that was signed.
  Json moved = ParseJson(made(kInToto)).value();
  moved["payloadType"] = "application/vnd.in-toto.provenance+json";
  EXPECT_FALSE(OpenEnvelope(Key().Public(), kInToto, DumpJson(moved)));
}

}  // namespace
}  // namespace countersign
