// Keys, certificates and revocation lists in PEM, and certificates in DER: taken, or refused with a
// reason, and judged without a crash. The first byte chooses which.
#include "base/certificate.h"
#include "tests/fuzz/require.h"

namespace {

using namespace countersign;

constexpr char kAuthority[] =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBUDCB9qADAgECAgIQADAKBggqhkjOPQQDAjAPMQ0wCwYDVQQDDARyb290MB4X\n"
    "DTI2MDEwMTAwMDAwMFoXDTM2MDEwMTAwMDAwMFowDzENMAsGA1UEAwwEcm9vdDBZ\n"
    "MBMGByqGSM49AgEGCCqGSM49AwEHA0IABIE/9uxhy6FC+FRgGFz/mrAjz9AQVmrX\n"
    "HRe87i1EglVKhBsGY6DI9U/WFUzQzuXpuFCPy2XmkMzQTtOyoW0pqTmjQjBAMA8G\n"
    "A1UdEwEB/wQFMAMBAf8wDgYDVR0PAQH/BAQDAgEGMB0GA1UdDgQWBBR3gToVo1L/\n"
    "OJqZlfdSlKYgaR5atTAKBggqhkjOPQQDAgNJADBGAiEAkAGn6fsOmqfM3MSenf7B\n"
    "SSSG3OXA5kZm39tsNnfSTmQCIQCydlHc3q8F3QzUuDf21HpOLhDK0tfE7fnZxujs\n"
    "/Kf40g==\n"
    "-----END CERTIFICATE-----\n";

CertificateAuthority Authority() {
  return CertificateAuthority::Parse(kAuthority, {}, {CertificateUse::kCodeSigning}).value();
}

void AsChain(const Result<CertificateChain>& chain) {
  if (!chain) {
    fuzz::RequireReadable(chain.error());
    return;
  }
  static const CertificateAuthority authority = Authority();
  const Time now = ParseTime("2026-11-20T12:00:00Z").value();
  const std::string why = authority.WhyNot(*chain, now);
  fuzz::Require(authority.WhyNot(*chain, now) == why, "the same answer again", why);
  fuzz::Require(CanonicalJson(Json(chain->Name() + why)).has_value(), "words are UTF-8", why);
}

void AsList(std::string_view pem) {
  const auto authority =
      CertificateAuthority::Parse(kAuthority, {std::string(pem)}, {CertificateUse::kCodeSigning});
  if (!authority) fuzz::RequireReadable(authority.error());
}

void AsAuthority(std::string_view pem) {
  const auto authority = CertificateAuthority::Parse(pem, {}, {CertificateUse::kCodeSigning});
  if (!authority) fuzz::RequireReadable(authority.error());
}

void AsKey(std::string_view pem) {
  const auto key = VerificationKey::Parse(pem);
  if (!key) fuzz::RequireReadable(key.error());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text = fuzz::Text(data + 1, size - 1);
  switch (data[0] % 5) {
    case 0: AsChain(CertificateChain::FromPem(text)); break;
    case 1: AsChain(CertificateChain::FromDer({std::string(text)})); break;
    case 2: AsList(text); break;
    case 3: AsAuthority(text); break;
    default: AsKey(text); break;
  }
  return 0;
}
