#include "kube/credentials.h"

#include <condition_variable>
#include <mutex>
#include <optional>
#include <utility>

#include "base/digest.h"
#include "kube/exec_plugin.h"
#include "kube/small_file.h"

namespace countersign {
namespace {

using Identity = std::shared_ptr<const ClientIdentity>;

Identity StaticIdentity(const UserConfig& user) {
  if (user.client_key_pem.empty()) return nullptr;
  return std::make_shared<ClientIdentity>(
      ClientIdentity{user.client_certificate_pem, user.client_key_pem});
}

class StaticCredentials final : public CredentialSource {
 public:
  explicit StaticCredentials(Credential credential) : credential_(std::move(credential)) {}
  Result<Credential> Get(std::stop_token /*stop*/) override { return credential_; }
  bool Reject(const Credential& /*refused*/) override { return false; }

 private:
  const Credential credential_;
};

class TokenFileCredentials final : public CredentialSource {
 public:
  TokenFileCredentials(std::string path, Identity identity, Clock& clock)
      : path_(std::move(path)), identity_(std::move(identity)), clock_(clock) {}

  Result<Credential> Get(std::stop_token /*stop*/) override {
    const std::lock_guard lock(mutex_);
    const SteadyTime now = clock_.Steady();
    if (fresh_ && now < read_at_ + kTokenFilePeriod) return Credential{authorization_, identity_};
    const auto text = ReadSmallFile(path_);
    const std::string token = text ? Trim(*text) : std::string();
    if (!token.empty() && token.find_first_of(" \t\r\n") == std::string::npos) {
      authorization_ = "Bearer " + token;
    } else if (authorization_.empty()) {
      return Fail(Code::kUnauthenticated,
                  text ? path_ + " holds no token" : std::string(text.error().message));
    }
    fresh_ = true;
    read_at_ = now;
    return Credential{authorization_, identity_};
  }

  bool Reject(const Credential& refused) override {
    const std::lock_guard lock(mutex_);
    if (refused.authorization == authorization_) fresh_ = false;
    return true;
  }

 private:
  const std::string path_;
  const Identity identity_;
  Clock& clock_;
  std::mutex mutex_;
  std::string authorization_;
  bool fresh_ = false;
  SteadyTime read_at_{};
};

class ExecCredentials final : public CredentialSource {
 public:
  ExecCredentials(ExecConfig config, ServerConfig server, Identity identity, Clock& clock)
      : config_(std::move(config)),
        server_(std::move(server)),
        identity_(std::move(identity)),
        clock_(clock) {}

  Result<Credential> Get(std::stop_token stop) override {
    std::unique_lock lock(mutex_);
    // One run for everybody who waits.
    if (!changed_.wait(lock, stop, [&] { return !running_; })) {
      return Fail(Code::kCancelled, "stopped while waiting for a credential plugin");
    }
    if (current_ && (!expiry_ || clock_.Now() < *expiry_)) return *current_;
    running_ = true;
    lock.unlock();
    auto result = RunExecPlugin(config_, server_, stop);
    lock.lock();
    running_ = false;
    changed_.notify_all();
    if (!result) return Fail(result.error());
    Credential credential{result->token.empty() ? "" : "Bearer " + result->token, identity_};
    if (!result->client_key_pem.empty()) {
      credential.identity = std::make_shared<ClientIdentity>(
          ClientIdentity{result->client_certificate_pem, result->client_key_pem});
    }
    expiry_ = result->expiry;
    current_ = credential;
    return credential;
  }

  bool Reject(const Credential& refused) override {
    const std::lock_guard lock(mutex_);
    if (current_ == refused) current_.reset();
    return true;
  }

 private:
  const ExecConfig config_;
  const ServerConfig server_;
  const Identity identity_;
  Clock& clock_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  bool running_ = false;
  std::optional<Credential> current_;
  std::optional<Time> expiry_;
};

}  // namespace

std::unique_ptr<CredentialSource> MakeCredentialSource(const RestConfig& config, Clock& clock) {
  const UserConfig& user = config.user;
  Identity identity = StaticIdentity(user);
  if (!user.token_file.empty()) {
    return std::make_unique<TokenFileCredentials>(user.token_file, std::move(identity), clock);
  }
  std::string authorization;
  if (!user.token.empty()) {
    authorization = "Bearer " + user.token;
  } else if (!user.username.empty()) {
    authorization = "Basic " + Base64Encode(user.username + ":" + user.password);
  } else if (user.exec) {
    return std::make_unique<ExecCredentials>(*user.exec, config.server, std::move(identity), clock);
  }
  return std::make_unique<StaticCredentials>(Credential{authorization, std::move(identity)});
}

}  // namespace countersign
