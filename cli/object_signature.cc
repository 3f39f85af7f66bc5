#include "cli/object_signature.h"

#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <system_error>

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

}  // namespace

Result<Json> SignObject(Json object, const std::string& key_file, Time now) {
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
    auto armored = SignBySsh(key_file, *statement);
    if (!armored) return Fail(armored.error());
    signature = {{"format", std::string(NameOf(SignatureFormat::kSsh))}, {"value", *armored}};
  } else {
    auto made = SignDsse(*key, kStatementPayload, *statement);
    if (!made) return Fail(made.error().code, made.error().message, "--key");
    signature = {{"format", std::string(NameOf(SignatureFormat::kDsse))},
                 {"value", made->envelope},
                 {"publicKey", made->public_key}};
  }
  object["spec"]["signature"] = std::move(signature);
  // What does not verify here verifies nowhere: say so before it is sent.
  if (auto proof = VerifySignature(object); !proof) {
    return Fail(Code::kInvalidArgument, "the signature does not count: " + proof.error().message,
                "--key");
  }
  return object;
}

}  // namespace countersign
