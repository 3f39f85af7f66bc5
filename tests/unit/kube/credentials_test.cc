#include "kube/credentials.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include <csignal>
#include <thread>

#include "kube/exec_plugin.h"
#include "kube/small_file.h"
#include "tests/unit/support/fake_clock.h"
#include "tests/unit/support/temp_dir.h"

namespace countersign {
namespace {

using std::chrono::seconds;

class CredentialsTest : public testing::Test {
 protected:
  std::unique_ptr<CredentialSource> Source(const UserConfig& user) {
    return MakeCredentialSource({.server = {.url = "https://h"}, .user = user}, clock_);
  }
  static std::string AuthorizationOf(CredentialSource& source) {
    const auto credential = source.Get({});
    return credential ? credential->authorization : "error: " + credential.error().message;
  }
  // A plugin that runs `script` by the shell.
  ExecConfig Plugin(const std::string& script) {
    return {.api_version = "client.authentication.k8s.io/v1",
            .command = dir_.WriteScript("plugin", "#!/bin/sh\n" + script),
            .interactive_mode = "Never"};
  }
  // Prints an ExecCredential with `status`, and one line into the file "runs".
  std::string Print(const std::string& status) {
    return "echo run >> " + dir_.Path("runs") +
           R"(
cat <<END
{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": )" +
           status + "}\nEND\n";
  }
  std::size_t Runs() { return ReadSmallFile(dir_.Path("runs")).value_or("").size() / 4; }

  FakeClock clock_;
  TempDir dir_;
};

TEST_F(CredentialsTest, StaticOnesAreTakenInKubectlsOrder) {
  EXPECT_EQ(AuthorizationOf(*Source({})), "");
  EXPECT_EQ(AuthorizationOf(*Source({.username = "u", .password = "p"})), "Basic dTpw");
  EXPECT_EQ(AuthorizationOf(*Source({.token = "t", .username = "u"})), "Bearer t");
  const std::string file = dir_.Write("token", "from-file\n");
  EXPECT_EQ(AuthorizationOf(*Source({.token = "t", .token_file = file})), "Bearer from-file");
  const auto source = Source({.client_certificate_pem = "C", .client_key_pem = "K", .token = "t"});
  const auto credential = source->Get({});
  EXPECT_EQ(credential->identity->certificate_pem, "C");
  EXPECT_FALSE(source->Reject(*credential));
}

TEST_F(CredentialsTest, ATokenFileIsReadAgainAfterAWhile) {
  const std::string file = dir_.Write("token", "one");
  const auto source = Source({.token_file = file});
  EXPECT_EQ(AuthorizationOf(*source), "Bearer one");
  dir_.Write("token", " two\n");
  clock_.Advance(kTokenFilePeriod - seconds(1));
  EXPECT_EQ(AuthorizationOf(*source), "Bearer one");
  clock_.Advance(seconds(1));
  EXPECT_EQ(AuthorizationOf(*source), "Bearer two");
}

TEST_F(CredentialsTest, ARefusedTokenIsReadAgainAtOnce) {
  const std::string file = dir_.Write("token", "one");
  const auto source = Source({.token_file = file});
  const auto one = source->Get({});
  dir_.Write("token", "two");
  EXPECT_TRUE(source->Reject(*one));
  EXPECT_EQ(AuthorizationOf(*source), "Bearer two");
  // A late refusal of the first token does not cost the second its place.
  dir_.Write("token", "three");
  EXPECT_TRUE(source->Reject(*one));
  EXPECT_EQ(AuthorizationOf(*source), "Bearer two");
}

TEST_F(CredentialsTest, WhenTheFileCannotBeReadTheLastTokenServesOn) {
  const std::string file = dir_.Write("token", "one");
  const auto source = Source({.token_file = file});
  EXPECT_EQ(AuthorizationOf(*source), "Bearer one");
  for (const char* content : {"", " \n", "two tokens"}) {
    dir_.Write("token", content);
    clock_.Advance(kTokenFilePeriod);
    EXPECT_EQ(AuthorizationOf(*source), "Bearer one") << content;
  }
  std::filesystem::remove(file);
  clock_.Advance(kTokenFilePeriod);
  EXPECT_EQ(AuthorizationOf(*source), "Bearer one");
  const auto missing = Source({.token_file = file});
  EXPECT_EQ(missing->Get({}).error().code, Code::kUnauthenticated);
}

TEST_F(CredentialsTest, APluginRunsOnceUntilItsTokenExpires) {
  const std::string expiry = FormatTime(clock_.Now() + seconds(100));
  const auto source = Source(
      {.exec = Plugin(Print(R"({"token": "t", "expirationTimestamp": ")" + expiry + "\"}"))});
  EXPECT_EQ(AuthorizationOf(*source), "Bearer t");
  clock_.Advance(seconds(98));
  EXPECT_EQ(AuthorizationOf(*source), "Bearer t");
  EXPECT_EQ(Runs(), 1u);
  clock_.Advance(seconds(2));
  EXPECT_EQ(AuthorizationOf(*source), "Bearer t");
  EXPECT_EQ(Runs(), 2u);
}

TEST_F(CredentialsTest, ARefusedPluginTokenRunsItAgain) {
  const auto source = Source({.exec = Plugin(Print(R"({"token": "t"})"))});
  const auto credential = source->Get({});
  EXPECT_TRUE(source->Reject(*credential));
  EXPECT_EQ(AuthorizationOf(*source), "Bearer t");
  EXPECT_EQ(Runs(), 2u);
}

TEST_F(CredentialsTest, APluginMayGiveACertificate) {
  const auto source =
      Source({.exec = Plugin(Print(R"({"clientCertificateData": "C", "clientKeyData": "K"})"))});
  const auto credential = source->Get({});
  ASSERT_TRUE(credential) << credential.error().message;
  EXPECT_EQ(credential->authorization, "");
  EXPECT_EQ(credential->identity->key_pem, "K");
}

TEST_F(CredentialsTest, ManyCallersShareOneRun) {
  const auto source = Source({.exec = Plugin(Print(R"({"token": "t"})"))});
  std::vector<std::jthread> callers;
  for (int i = 0; i < 8; ++i) {
    callers.emplace_back([&] { EXPECT_EQ(AuthorizationOf(*source), "Bearer t"); });
  }
  callers.clear();
  EXPECT_EQ(Runs(), 1u);
}

TEST_F(CredentialsTest, APluginIsToldAboutTheClusterAndItself) {
  ExecConfig config = Plugin("printf '%s' \"$KUBERNETES_EXEC_INFO\" > " + dir_.Path("info") +
                             "\nprintf '%s' \"$1 $EXTRA\" > " + dir_.Path("args") + "\n" +
                             Print(R"({"token": "t"})"));
  config.args = {"first arg"};
  config.env = {{"EXTRA", "value"}};
  config.provide_cluster_info = true;
  config.cluster_config = {{"audience", "x"}};
  const std::string ca = dir_.Write("ca", "CA");
  ASSERT_TRUE(
      RunExecPlugin(config, {.url = "https://h", .ca_file = ca, .tls_server_name = "n"}, {}));
  EXPECT_EQ(*ReadSmallFile(dir_.Path("args")), "first arg value");
  EXPECT_EQ(*ParseJson(*ReadSmallFile(dir_.Path("info"))), *ParseJson(R"({
      "apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
      "spec": {"interactive": false, "cluster": {"server": "https://h", "tls-server-name": "n",
               "certificate-authority-data": "Q0E=", "config": {"audience": "x"}}}})"));
}

TEST_F(CredentialsTest, PluginsThatFailAreNamedAndTheirOutputIsNotShown) {
  struct Case {
    std::string script;
    const char* expected;
  };
  for (const Case& c :
       {Case{"exit 3\n", "failed with exit code 3"}, Case{"kill -9 $$\n", "was killed by signal 9"},
        Case{"echo secret\n", "did not print an ExecCredential in JSON"},
        Case{"echo '{\"kind\": \"ExecCredential\", \"apiVersion\": "
             "\"client.authentication.k8s.io/v1beta1\"}'\n",
             "must print an ExecCredential of client.authentication.k8s.io/v1, found"},
        Case{Print("{}"), "gave neither a token nor a client certificate"},
        Case{Print(R"({"clientKeyData": "secret"})"), "must give clientCertificateData"},
        Case{Print(R"({"token": "secret", "expirationTimestamp": "soon"})"), "not RFC 3339"},
        Case{"head -c 2000000 /dev/zero\n", "printed more than 1 MiB"}}) {
    const auto result = RunExecPlugin(Plugin(c.script), {}, {});
    ASSERT_FALSE(result) << c.script;
    EXPECT_EQ(result.error().code, Code::kUnauthenticated);
    EXPECT_NE(result.error().message.find(c.expected), std::string::npos) << result.error().message;
    EXPECT_EQ(result.error().message.find("secret"), std::string::npos);
  }
}

TEST_F(CredentialsTest, AMissingPluginSaysHowToGetIt) {
  ExecConfig config = Plugin("");
  config.command = "no-such-plugin-anywhere";
  config.install_hint = "apt install it";
  const auto result = RunExecPlugin(config, {}, {});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message,
            "credential plugin no-such-plugin-anywhere could not be started: No such file or "
            "directory; apt install it");
}

TEST_F(CredentialsTest, APluginThatWantsATerminalIsNotStartedWithoutOne) {
  if (isatty(STDIN_FILENO) == 1) GTEST_SKIP() << "needs a run without a terminal";
  ExecConfig config = Plugin(Print(R"({"token": "t"})"));
  config.interactive_mode = "Always";
  EXPECT_FALSE(RunExecPlugin(config, {}, {}));
  EXPECT_EQ(Runs(), 0u);
}

TEST_F(CredentialsTest, StopKillsAPluginThatWaitsForEver) {
  ASSERT_EQ(mkfifo(dir_.Path("started").c_str(), 0600), 0);
  const auto source =
      Source({.exec = Plugin("echo $$ > " + dir_.Path("started") + "\nexec sleep 1000\n")});
  std::stop_source stop;
  std::jthread caller([&] {
    const auto credential = source->Get(stop.get_token());
    ASSERT_FALSE(credential);
    EXPECT_EQ(credential.error().code, Code::kCancelled);
  });
  const pid_t pid = std::stoi(*ReadSmallFile(dir_.Path("started")));
  // Another caller that waits for the same run is released as well.
  std::jthread second(
      [&] { EXPECT_EQ(source->Get(stop.get_token()).error().code, Code::kCancelled); });
  stop.request_stop();
  caller.join();
  second.join();
  EXPECT_EQ(kill(pid, 0), -1);
}

}  // namespace
}  // namespace countersign
