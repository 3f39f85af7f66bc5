#include "cli/object_signature.h"

#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <system_error>

#include "base/certificate.h"
#include "base/digest.h"
#include "cli/files.h"
#include "evidence/signed_object.h"
#include "evidence/signing_key.h"
#include "evidence/sshsig.h"
#include "governance/types/sign_off.h"
#include "governance/types/signature.h"
#include "kube/child_process.h"

namespace countersign {
namespace {

constexpr std::chrono::minutes kSignTimeout{5};  // whoever types a pass phrase, or looks for a key

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::error_code error;
    auto base = std::filesystem::temp_directory_path(error);
    std::string name = (error ? std::filesystem::path("/tmp") : base) / "countersign-XXXXXX";
    if (::mkdtemp(name.data()) != nullptr) path_ = name;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

Result<std::string> SignBySsh(const std::string& key_file, const std::string& statement) {
  const TemporaryFolder folder;
  if (folder.path().empty()) return Fail(Code::kUnavailable, "cannot make a temporary folder");
  const std::string file = folder.path() + "/statement";
  if (auto written = WriteTextFile(file, statement); !written) return Fail(written.error());
  ChildProcess ssh;
  const int error =
      ssh.Start({"ssh-keygen",
                 {"-Y", "sign", "-n", std::string(kSshNamespace), "-f", key_file, file},
                 {},
                 true});
  if (error != 0) {
    return Fail(Code::kFailedPrecondition,
                "ssh-keygen could not be started: " + std::generic_category().message(error) +
                    "; install openssh-client, or give a key in PEM",
                "--key");
  }
  std::string output;
  if (ssh.ReadAll(kMaxSshSignature, kSignTimeout, {}, output) != ReadEnd::kClosed) {
    return Fail(Code::kUnavailable, "ssh-keygen did not come to an end", "--key");
  }
  const int status = ssh.Reap();
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    return Fail(Code::kInvalidArgument,
                "ssh-keygen could not sign with '" + key_file + "'; it says why above", "--key");
  }
  return ReadTextFile(file + ".sig");
}

bool IsOpenSsh(const std::string& text) {
  return text.find("-----BEGIN OPENSSH PRIVATE KEY-----") != std::string::npos ||
         !text.starts_with("-----BEGIN ");
}

// A key of OpenSSH names its type in clear, in a private file too: "\0\0\0\7ssh-rsa" of its blob.
bool IsRsaOfOpenSsh(const std::string& text) {
  constexpr std::string_view kType = "ssh-rsa";
  if (text.starts_with(kType)) return true;
  std::string body;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("-----")) body += line.substr(0, line.find_last_not_of(" \r") + 1);
  }
  const auto blob = Base64Decode(body);
  return blob && blob->find(std::string("\0\0\0\7", 4) + std::string(kType)) != std::string::npos;
}

// What is verified with: `public_key`, or the certificates in the file, which must be for it.
Result<Json> VerifiedBy(const std::string& public_key, const std::string& certificate_file) {
  if (certificate_file.empty()) return Json{{"publicKey", public_key}};
  const std::string flag = "--certificate-chain";
  auto text = ReadTextFile(certificate_file);
  if (!text) return Fail(text.error().code, text.error().message, flag);
  auto chain = CertificateChain::FromPem(*text);
  if (!chain) return Fail(Code::kInvalidArgument, chain.error().message, flag);
  auto key = VerificationKey::Parse(public_key);
  if (!key) return Fail(Code::kInvalidArgument, key.error().message, "--key");
  if (key->fingerprint() != chain->key().fingerprint()) {
    return Fail(Code::kInvalidArgument,
                "the first certificate must be for the key: it is for " +
                    chain->key().fingerprint() + ", the key is " + key->fingerprint(),
                flag);
  }
  return Json{{"certificateChain", *text}};
}

// With what was signed beside it, unless that is longer than may stand there.
Json SshSignatureOf(std::string armored, std::string payload) {
  Json signature = {{"format", std::string(NameOf(SignatureFormat::kSsh))},
                    {"value", std::move(armored)}};
  if (payload.size() <= static_cast<std::size_t>(kMaxSignedPayload)) {
    signature["payload"] = std::move(payload);
  }
  return signature;
}

// What does not verify here verifies nowhere: say so before it is sent.
Status Recheck(const Json& object) {
  auto proof = VerifySignature(object);
  if (proof) return {};
  return Fail(Code::kInvalidArgument, "the signature does not count: " + proof.error().message,
              "--key");
}

}  // namespace

Result<Json> SignObject(Json object, const std::string& key_file, Time now,
                        const std::string& certificate_file) {
  auto key = ReadTextFile(key_file);
  if (!key) return Fail(key.error());
  if (StringAt(object, "kind") == SignOffSpec::kKind &&
      StringAt(object, "spec/performedAt").empty()) {
    SetPath(object, "spec/performedAt", FormatTime(now));
  }
  object["spec"].erase("signature");
  auto statement = StatementOf(object);
  if (!statement) return Fail(statement.error());
  Json signature;
  if (IsOpenSsh(*key)) {
    if (!certificate_file.empty()) {
      return Fail(Code::kInvalidArgument, "goes with a key in PEM", "--certificate-chain");
    }
    if (IsRsaOfOpenSsh(*key)) {
      return Fail(Code::kInvalidArgument,
                  "must not be RSA of OpenSSH, whose signatures do not count: give it in PEM "
                  "(3072 bits or more), or an ed25519 or ecdsa key",
                  "--key");
    }
    auto armored = SignBySsh(key_file, *statement);
    if (!armored) return Fail(armored.error());
    signature = SshSignatureOf(*std::move(armored), *std::move(statement));
  } else {
    auto made = SignDsse(*key, kStatementPayload, *statement);
    if (!made) return Fail(made.error().code, made.error().message, "--key");
    auto by = VerifiedBy(made->public_key, certificate_file);
    if (!by) return Fail(by.error());
    signature = {{"format", std::string(NameOf(SignatureFormat::kDsse))},
                 {"value", made->envelope}};
    signature.update(*by);
  }
  object["spec"]["signature"] = std::move(signature);
  if (auto ok = Recheck(object); !ok) return Fail(ok.error());
  return object;
}

Result<Json> AddSignature(Json object, const std::string& key_file,
                          const std::string& certificate_file) {
  if (StringAt(object, "spec/signature/format") != NameOf(SignatureFormat::kDsse)) {
    return Fail(Code::kInvalidArgument,
                "must be DSSE to take a further signature: sign it first with a key in PEM",
                "spec.signature.format");
  }
  // Nobody signs beside a signature that does not hold.
  auto proof = VerifySignature(object);
  if (!proof) return Fail(Code::kInvalidArgument, proof.error().message, "spec.signature");
  auto key = ReadTextFile(key_file);
  if (!key) return Fail(key.error());
  if (IsOpenSsh(*key)) {
    return Fail(Code::kInvalidArgument, "must be in PEM: keys of OpenSSH sign alone", "--key");
  }
  auto made = AddDsse(*key, StringAt(object, "spec/signature/value"));
  if (!made) return Fail(made.error().code, made.error().message, "--key");
  auto by = VerifiedBy(made->public_key, certificate_file);
  if (!by) return Fail(by.error());
  Json& signature = object["spec"]["signature"];
  signature["value"] = made->envelope;
  signature["cosigners"].push_back(*by);
  if (auto ok = Recheck(object); !ok) return Fail(ok.error());
  return object;
}

Result<Json> AttachSignature(Json object, const std::string& signature_file,
                             const std::string& payload_file) {
  auto armored = ReadTextFile(signature_file);
  if (!armored) return Fail(armored.error().code, armored.error().message, "--signature");
  object["spec"].erase("signature");
  auto payload = payload_file.empty() ? StatementOf(object) : ReadTextFile(payload_file);
  if (!payload) {
    return payload_file.empty() ? Fail(payload.error())
                                : Fail(payload.error().code, payload.error().message, "--payload");
  }
  object["spec"]["signature"] = SshSignatureOf(*std::move(armored), *std::move(payload));
  auto proof = VerifySignature(object);
  if (proof) return object;
  return Fail(Code::kInvalidArgument, "the signature does not count: " + proof.error().message,
              "--signature");
}

Result<std::string> FingerprintOf(const std::string& key_file) {
  const std::string flag = "--sign-with";
  auto text = ReadTextFile(key_file);
  if (!text) return Fail(text.error().code, text.error().message, flag);
  std::string public_half = *text;
  if (!IsOpenSsh(*text)) {
    auto pem = PublicHalf(*text);
    if (!pem) return Fail(pem.error().code, pem.error().message, flag);
    public_half = std::move(*pem);
  } else if (text->find(" PRIVATE KEY-----") != std::string::npos) {
    std::error_code error;
    if (!std::filesystem::exists(key_file + ".pub", error)) return std::string();
    auto beside = ReadTextFile(key_file + ".pub");
    if (!beside) return Fail(beside.error().code, beside.error().message, flag);
    public_half = std::move(*beside);
  }
  auto key = VerificationKey::Parse(public_half);
  if (!key) return Fail(Code::kInvalidArgument, key.error().message, flag);
  return key->fingerprint();
}

Json ForApply(std::vector<Json> objects) {
  if (objects.size() == 1) return std::move(objects.front());
  return {{"apiVersion", "v1"}, {"kind", "List"}, {"items", std::move(objects)}};
}

}  // namespace countersign
