#include "base/verification_key.h"

#include <gtest/gtest.h>

#include <ctime>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/digest.h"

namespace countersign {
namespace {

// The public key of the DSSE protocol's test vector, and the vector: hello world, signed as r and
// s.
constexpr char kPem[] =
    "-----BEGIN PUBLIC KEY-----\n"
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEZ805D3eqNZywjCI19lInBJOp7YMr\n"
    "CrzAH3CVTAOQ0jgMeCvVTiaRJaRPRDOv8UMs6U4SvKc6pnrIDOoSYI3fdA==\n"
    "-----END PUBLIC KEY-----\n";
constexpr char kData[] = "DSSEv1 29 http://example.com/HelloWorld 11 hello world";
constexpr char kSignature[] =
    "A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+FnZ+O88SjtR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA==";
// Made by ssh-keygen, with the fingerprint that it prints.
constexpr char kSsh[] =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB2zIFiXC0XS4ZyXbNJJwxRc5hUlcokEx73L5yen8QLQ "
    "vera@bank.example";
constexpr char kSshFingerprint[] = "SHA256:nQ8p00efRDMJnJLuzsJcMlcVvXGLBIdlz+fMcKVaY1A";

TEST(VerificationKey, VerifiesTheVectorOfTheDsseProtocol) {
  const auto key = VerificationKey::Parse(kPem);
  ASSERT_TRUE(key) << key.error().ToString();
  const std::string signature = Base64Decode(kSignature).value();
  EXPECT_EQ(key->algorithm(), "ecdsa-sha2-nistp256");
  EXPECT_TRUE(key->Verify(kData, signature));
  EXPECT_FALSE(key->Verify(std::string(kData) + " ", signature));
  EXPECT_FALSE(key->Verify(kData, signature.substr(1)));
  EXPECT_TRUE(key->Verify(kData, signature));  // a failure leaves nothing behind
}

TEST(VerificationKey, HasTheFingerprintThatSshKeygenPrints) {
  const auto key = VerificationKey::Parse(kSsh);
  ASSERT_TRUE(key) << key.error().ToString();
  EXPECT_EQ(key->fingerprint(), kSshFingerprint);
  EXPECT_FALSE(key->IsHardwareKey());
}

TEST(VerificationKey, IsTheSameKeyInPemAndAsOpenSshWritesIt) {
  const auto pem = VerificationKey::Parse(kPem).value();
  const std::string point = Base64Decode(
                                "BGfNOQ93qjWcsIwiNfZSJwSTqe2DKwq8wB9wlUwDkNI4DHgr1U4mkSWkT0Qzr/"
                                "FDLOlOErynOqZ6yAzqEmCN33Q=")
                                .value();
  const std::string wire =
      WireString("ecdsa-sha2-nistp256") + WireString("nistp256") + WireString(point);
  const auto ssh = VerificationKey::Parse("ecdsa-sha2-nistp256 " + Base64Encode(wire));
  ASSERT_TRUE(ssh) << ssh.error().ToString();
  EXPECT_EQ(pem, *ssh);
}

double CpuSecondsOfParsing(const std::vector<std::string>& texts) {
  const auto now = [] {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
  };
  const double start = now();
  for (const std::string& text : texts) EXPECT_TRUE(VerificationKey::Parse(text));
  return now() - start;
}

// An Ed25519 key for each number; any 32 bytes are one.
std::string PemOf(int i) {
  std::string half = std::to_string(i);
  half.resize(32, '.');
  const std::string prefix("\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00", 12);  // RFC 8410
  return "-----BEGIN PUBLIC KEY-----\n" + Base64Encode(prefix + half) +
         "\n-----END PUBLIC KEY-----\n";
}

TEST(VerificationKey, IsDecodedOnceForAllThatItSigned) {
  std::vector<std::string> different;
  for (int i = 0; i < 400; ++i) different.push_back(PemOf(i));
  const double decoded = CpuSecondsOfParsing(different);
  const double known = CpuSecondsOfParsing(std::vector<std::string>(different.size(), kPem));
  EXPECT_LT(known, decoded / 4);
}

TEST(VerificationKey, IsKnownByItsWholeText) {
  ASSERT_TRUE(VerificationKey::Parse(kPem));
  EXPECT_FALSE(VerificationKey::Parse(kPem + std::string("x")));
  std::string other = kPem;
  other[other.find("Z805")] = 'Y';
  EXPECT_FALSE(VerificationKey::Parse(other)) << "no point of the curve";
  EXPECT_FALSE(VerificationKey::Parse(other)) << "neither when it is asked for again";
  ASSERT_TRUE(VerificationKey::Parse(PemOf(1)));
  EXPECT_NE(VerificationKey::Parse(PemOf(2)).value(), VerificationKey::Parse(PemOf(1)).value());
}

TEST(VerificationKey, IsReadAnewWhereMoreAreUsedThanAreRemembered) {
  const VerificationKey key = VerificationKey::Parse(kPem).value();
  std::set<std::string> fingerprints;
  for (int i = 0; i < 2500; ++i) {
    const auto other = VerificationKey::Parse(PemOf(i));
    ASSERT_TRUE(other) << other.error().ToString();
    fingerprints.insert(other->fingerprint());
  }
  EXPECT_EQ(fingerprints.size(), 2500U);
  const std::string signature = Base64Decode(kSignature).value();
  const VerificationKey again = VerificationKey::Parse(kPem).value();
  EXPECT_EQ(again, key);
  EXPECT_TRUE(again.Verify(kData, signature));
}

TEST(VerificationKey, IsSharedByThreads) {
  const std::string signature = Base64Decode(kSignature).value();
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&signature, thread] {
      for (int i = 0; i < 300; ++i) {
        EXPECT_TRUE(VerificationKey::Parse(kPem).value().Verify(kData, signature));
        EXPECT_TRUE(VerificationKey::Parse(PemOf(10'000 + 300 * (thread % 2) + i)));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

// Made by `openssl dgst -sha256 -sigopt rsa_padding_mode:pss`, whose salt is the longest by
// default.
constexpr char kRsa[] =
    "-----BEGIN PUBLIC KEY-----\n"
    "MIIBojANBgkqhkiG9w0BAQEFAAOCAY8AMIIBigKCAYEAlVPoLhyTJ0hCIycwqBKw\n"
    "T3vD6Jyf7OeL081r998yiMm/u9XdcItEeVNcW4IIVlbFwrzAubH/OBiTPjC4E8cp\n"
    "lDWYYf5rOEUFYPTfsFb2d2YGt4TmqOTqgzjHNlaoXUEo0CIjyjxw6A1eFIqdKCoc\n"
    "2P3QOayIEiR5JxCsPPzZ2ysbiSGVajui1919tPTMUwne07jbA78VlVmiy/W9hTV2\n"
    "HVXzCE/JLEWo85JEQQtiYRrb8KxJ4z6m4kap8VHV9uFb2KjLPvOI/kYZLgIguZiR\n"
    "o8ACZsz4eACpFqSVpdwKCKFZrv2CScNSCjvFQNqCL1Ats8uVHGE6Qn5w2dQoREgj\n"
    "BtlCIZr9cO8xnRfbODUxTV5qUEscU85QtyZEDxreffgqOQ+KjBSk/RjTEXcUTY4O\n"
    "jrjaKICw+TRP7Lr5W88JRl2e8jRmgLGMMivsiF87EM3jS8Zgb8WN5cTSdCKngbBK\n"
    "CC6Q/QBTN0JRX1ODDaxj+KFfkF70qCoDYkoYRjdpPer5AgMBAAE=\n"
    "-----END PUBLIC KEY-----\n";
constexpr char kLongSalt[] =
    "StBgL0AgSJUyJvdoeKRadGK+maRmUz7E+PYUrm6hIqFwim0miypJFR0jPUzXGSgPoX2+D+suxPwA"
    "dwnEIGEtWhf7js6YmtvRjSav5aQ6OM+1MrbsDlAitGNxaUvYbYV65m7J9Kp3jzYHmN+j+JWM+wlP"
    "DJW0/QWtUaw5ljro6ymjC07yzkZ/W28lhhwyKSHv5IUWJBKViCj5XHQkpLwY3Ceh3fyjd2VKS10a"
    "j2vy59mCLptjZRAR9oqwXIVnRP9KNYEV3AIGImD3WZRig+zztvVHyiUQ/d3Aoqk6WIKdtOEkPR3U"
    "9bUqZMgb+T19CJRisuztF+qubqZO/jAHcE3vplfTHphz4YitzdKjGvIhuofoJ9XKLt8AUHoPxgBp"
    "wgwPhIfry6XJuQtAWDIsz3CWwcWmWLeBjxkS1OIstVHeVzfaT0R7TT8TB62cm99FFIQwNZTzpRVR"
    "R4CCBBbJ6vl3ZiMIiXOqr6y5w6FsdDeDBQrN1VGB+74VGSY2EQGVEGkd";

TEST(VerificationKey, TakesASaltOfPssOfAnyLength) {
  const auto key = VerificationKey::Parse(kRsa);
  ASSERT_TRUE(key) << key.error().ToString();
  EXPECT_TRUE(key->Verify("hello", Base64Decode(kLongSalt).value()));
  EXPECT_FALSE(key->Verify("hallo", Base64Decode(kLongSalt).value()));
}

struct Refused {
  const char* name;
  std::string text;
  const char* why;
};

class RefusedKey : public testing::TestWithParam<Refused> {};

TEST_P(RefusedKey, IsToldWhatIsWrong) {
  const auto key = VerificationKey::Parse(GetParam().text);
  ASSERT_FALSE(key);
  EXPECT_NE(key.error().message.find(GetParam().why), std::string::npos) << key.error().message;
}

std::string Ssh(const std::string& name, const std::string& wire) {
  return name + " " + Base64Encode(wire);
}

INSTANTIATE_TEST_SUITE_P(
    All, RefusedKey,
    testing::Values(
        Refused{"empty", "", "must be a public key"},
        Refused{"words", "hello", "must be a public key"},
        Refused{"private", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
                "is a private key"},
        Refused{"two", std::string(kPem) + kPem, "nothing after it"},
        Refused{"damaged", std::string(kPem).erase(60, 1), "must be a public key"},
        Refused{"shortKey", Ssh("ssh-ed25519", WireString("ssh-ed25519") + WireString("short")),
                "damaged"},
        Refused{
            "trailing",
            Ssh("ssh-ed25519", WireString("ssh-ed25519") + WireString(std::string(32, 'a')) + "x"),
            "damaged"},
        Refused{"otherName",
                Ssh("ssh-rsa", WireString("ssh-ed25519") + WireString(std::string(32, 'a'))),
                "holds ssh-ed25519"},
        Refused{"weakRsa",
                Ssh("ssh-rsa", WireString("ssh-rsa") + WireString(std::string("\1\0\1", 3)) +
                                   WireString(std::string(1, '\0') + std::string(128, '\xAB'))),
                "RSA of 3072 bits or more"},
        Refused{"dsa", Ssh("ssh-dss", WireString("ssh-dss") + WireString("x")), "ssh-dss"},
        Refused{"hugeLength", Ssh("ssh-ed25519", WireString("ssh-ed25519") + "\xFF\xFF\xFF\xFF"),
                "damaged"},
        Refused{"binaryName", Ssh("ssh-ed25519", WireString("\xFF\xFE") + WireString("x")),
                "something unreadable"},
        Refused{"large", std::string(20'000, 'A'), "larger than 16 KiB"}),
    [](const auto& one) { return one.param.name; });

TEST(WireReader, TellsWhatIsMissing) {
  const std::string data = WireString("abc") + "\1";
  WireReader in(data);
  EXPECT_EQ(in.String(), "abc");
  EXPECT_FALSE(in.Done());
  EXPECT_EQ(in.Byte(), 1);
  EXPECT_TRUE(in.Done());
  EXPECT_EQ(in.Byte(), 0);
  EXPECT_FALSE(in.ok());
}

}  // namespace
}  // namespace countersign
