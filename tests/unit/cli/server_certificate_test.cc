#include "cli/server_certificate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace countersign {
namespace {

using ::testing::HasSubstr;

// For 127.0.0.1, webhook.system.svc and webhook.system, until 2036.
constexpr char kWithoutSubject[] = R"(
-----BEGIN CERTIFICATE-----
MIIBWzCCAQGgAwIBAgIUKSGibWDkg+EbpGLW07byO2PmCWswCgYIKoZIzj0EAwIw
ADAeFw0yNjExMzAxMjE5MTVaFw0zNjExMjcxMjE5MTVaMAAwWTATBgcqhkjOPQIB
BggqhkjOPQMBBwNCAAT+VRNTffCcYg9P/ci37L1xRfSfzY8+N9hGtxAuKLITRgLc
JnyEteXbfWKvHIAtI38LijqoSbIZ9kI/YXpROTIYo1kwVzA2BgNVHREBAf8ELDAq
hwR/AAABghJ3ZWJob29rLnN5c3RlbS5zdmOCDndlYmhvb2suc3lzdGVtMB0GA1Ud
DgQWBBSnYAr4evNLfKu3CAnBS1y6ZNGzqTAKBggqhkjOPQQDAgNIADBFAiEAyVV9
5av/1t5HuM/W/0aRIAsmpuBcu8rN6MSbCJwwlhMCID54DFjIwWXfA3LRYq4N/VLV
hpc8GPMxPGKN0QDB0jSo
-----END CERTIFICATE-----
)";
// For the same, and O=corp, CN=webhook.
constexpr char kWithSubject[] = R"(
-----BEGIN CERTIFICATE-----
MIIBnTCCAUOgAwIBAgIUbPjAy9PBh/Uv4dWT6xXujfstyFQwCgYIKoZIzj0EAwIw
ITENMAsGA1UECgwEY29ycDEQMA4GA1UEAwwHd2ViaG9vazAeFw0yNjExMzAxMjE5
MTVaFw0zNjExMjcxMjE5MTVaMCExDTALBgNVBAoMBGNvcnAxEDAOBgNVBAMMB3dl
Ymhvb2swWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAT+VRNTffCcYg9P/ci37L1x
RfSfzY8+N9hGtxAuKLITRgLcJnyEteXbfWKvHIAtI38LijqoSbIZ9kI/YXpROTIY
o1kwVzA2BgNVHREBAf8ELDAqhwR/AAABghJ3ZWJob29rLnN5c3RlbS5zdmOCDndl
Ymhvb2suc3lzdGVtMB0GA1UdDgQWBBSnYAr4evNLfKu3CAnBS1y6ZNGzqTAKBggq
hkjOPQQDAgNIADBFAiEAshKPuoL9JpSswuwwLaUrYls/gLA0OMID4egxcNkF77EC
IEcO5fsN8ideEK6dU6y4iWx3cEm6exq3OrW86ZMMGX3e
-----END CERTIFICATE-----
)";
const Time kEnd = *ParseTime("2036-11-27T12:19:15Z");

TEST(ServerCertificate, IsKnownByItsSubject) {
  const auto ends = CertificateEnds(kWithSubject);
  ASSERT_TRUE(ends);
  ASSERT_EQ(ends->size(), 1U);
  EXPECT_EQ(ends->front().subject, "CN=webhook,O=corp");
  EXPECT_EQ(ends->front().not_after, kEnd);
}

TEST(ServerCertificate, IsKnownByItsFirstHostWithoutASubject) {
  const auto ends = CertificateEnds(std::string(kWithoutSubject) + kWithSubject);
  ASSERT_TRUE(ends);
  ASSERT_EQ(ends->size(), 2U);
  EXPECT_EQ(ends->front().subject, "webhook.system.svc");
  EXPECT_EQ(ends->front().not_after, kEnd);
}

TEST(ServerCertificate, IsBelievedForItsHostsWithoutASubject) {
  const Time now = *ParseTime("2030-01-01T00:00:00Z");
  EXPECT_FALSE(WhyNotTrusted(kWithoutSubject, kWithoutSubject, "webhook.system.svc", now));
  const auto elsewhere = WhyNotTrusted(kWithoutSubject, kWithoutSubject, "elsewhere", now);
  ASSERT_TRUE(elsewhere);
  EXPECT_TRUE(elsewhere->other_name);
  EXPECT_THAT(elsewhere->why, HasSubstr("ostname mismatch, it is for 'webhook.system.svc', "));
  const auto unknown = WhyNotTrusted(kWithoutSubject, "", "webhook.system.svc", now);
  ASSERT_TRUE(unknown);
  EXPECT_FALSE(unknown->other_name);
}

}  // namespace
}  // namespace countersign
