// Keys, SSH signatures and envelopes of others: taken, or refused with a reason. The first byte
// chooses which, and nothing that is made up may hold.
#include "base/verification_key.h"
#include "evidence/dsse.h"
#include "evidence/signed_object.h"
#include "evidence/sshsig.h"
#include "tests/fuzz/require.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace countersign;
  if (size == 0) return 0;
  const std::string_view text = fuzz::Text(data + 1, size - 1);
  switch (data[0] % 3) {
    case 0: {
      const auto key = VerificationKey::Parse(text);
      if (!key) {
        fuzz::RequireReadable(key.error());
        return 0;
      }
      fuzz::Require(key->fingerprint().size() == 50, "SHA256: and 43 digits", key->fingerprint());
      return 0;
    }
    case 1: {
      const auto opened = OpenSshSignature(text, "a message");
      if (!opened) fuzz::RequireReadable(opened.error());
      return 0;
    }
    default: {
      static const VerificationKey key =
          VerificationKey::Parse(
              "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB2zIFiXC0XS4ZyXbNJJwxRc5hUlcokEx73L5yen8QLQ")
              .value();
      const auto opened = OpenSignedEnvelope(key, kStatementPayload, text);
      fuzz::Require(!opened, "nobody has the private key", std::string(text));
      fuzz::RequireReadable(opened.error());
      return 0;
    }
  }
}
