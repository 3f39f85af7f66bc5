#include "kube/kubeconfig.h"

#include <gtest/gtest.h>

#include "base/digest.h"
#include "kube/endpoint.h"
#include "tests/unit/support/temp_dir.h"

namespace countersign {
namespace {

// A file with one cluster, user and context called `name`.
std::string Kubeconfig(const std::string& name, const std::string& cluster, const std::string& user,
                       const std::string& current = {}) {
  return "apiVersion: v1\nkind: Config\n" +
         (current.empty() ? "" : "current-context: " + current + "\n") +
         "clusters:\n- name: " + name + "\n  cluster: " + cluster + "\n" +
         "users:\n- name: " + name + "\n  user: " + user + "\n" + "contexts:\n- name: " + name +
         "\n  context: {cluster: " + name + ", user: " + name + ", namespace: ns-" + name + "}\n";
}

class KubeconfigTest : public testing::Test {
 protected:
  // One file with the cluster and user given in flow style.
  Result<RestConfig> Load(const std::string& cluster, const std::string& user = "{}") {
    return LoadKubeconfig({dir_.Write("config", Kubeconfig("c", cluster, user, "c"))});
  }
  static Environment Variables(std::map<std::string, std::string> values) {
    return [values = std::move(values)](std::string_view name) -> std::optional<std::string> {
      const auto found = values.find(std::string(name));
      if (found == values.end()) return std::nullopt;
      return found->second;
    };
  }

  TempDir dir_;
};

constexpr const char* kServer = "{server: \"https://h:6443\"}";

TEST_F(KubeconfigTest, InlineDataIsDecoded) {
  const auto config =
      Load("{server: \"https://h:6443\", tls-server-name: other, certificate-authority-data: " +
               Base64Encode("CA") + ", certificate-authority: ignored}",
           "{client-certificate-data: " + Base64Encode("CERT") +
               ", client-key-data: " + Base64Encode("KEY") + "}");
  ASSERT_TRUE(config) << config.error().ToString();
  EXPECT_EQ(config->server.url, "https://h:6443");
  EXPECT_EQ(config->server.tls_server_name, "other");
  EXPECT_EQ(config->server.ca_pem, "CA");
  EXPECT_EQ(config->server.ca_file, "");
  EXPECT_EQ(config->user.client_certificate_pem, "CERT");
  EXPECT_EQ(config->user.client_key_pem, "KEY");
  EXPECT_EQ(config->default_namespace, "ns-c");
  EXPECT_EQ(config->context, "c");
}

TEST_F(KubeconfigTest, PathsAreRelativeToTheirFile) {
  dir_.Write("pki/cert.pem", "CERT");
  dir_.Write("pki/key.pem", "KEY");
  const auto config = Load("{server: \"https://h\", certificate-authority: pki/ca.pem}",
                           "{client-certificate: pki/cert.pem, client-key: ./pki/key.pem,"
                           " tokenFile: ../token}");
  ASSERT_TRUE(config) << config.error().ToString();
  EXPECT_EQ(config->server.ca_file, dir_.Path("pki/ca.pem"));
  EXPECT_EQ(config->user.client_certificate_pem, "CERT");
  EXPECT_EQ(config->user.client_key_pem, "KEY");
  EXPECT_EQ(config->user.token_file,
            std::filesystem::path(dir_.Path("")).parent_path().parent_path().string() + "/token");
}

TEST_F(KubeconfigTest, InAListTheFirstDefinitionWins) {
  const std::string a = dir_.Write("a", Kubeconfig("c", "{server: \"https://a\"}", "{token: a}"));
  const std::string b =
      dir_.Write("b", Kubeconfig("c", "{server: \"https://b\"}", "{token: b}", "c"));
  const std::string c =
      dir_.Write("c", Kubeconfig("d", "{server: \"https://d\"}", "{token: d}", "d"));
  const ConfigSource source{
      .environment =
          Variables({{"KUBECONFIG", "::" + dir_.Path("missing") + ":" + a + ":" + b + ":" + c}})};
  auto config = LoadRestConfig(source);
  ASSERT_TRUE(config) << config.error().ToString();
  EXPECT_EQ(config->server.url, "https://a");
  EXPECT_EQ(config->user.token, "a");
  EXPECT_EQ(config->context, "c");
  config = LoadRestConfig({.context = "d", .environment = source.environment});
  ASSERT_TRUE(config);
  EXPECT_EQ(config->server.url, "https://d");
  EXPECT_EQ(config->default_namespace, "ns-d");
}

TEST_F(KubeconfigTest, TheExecPluginIsReadWhole) {
  const auto config = Load(
      R"({server: "https://h", extensions: [{name: other, extension: 1},
         {name: client.authentication.k8s.io/exec, extension: {audience: x}}]})",
      R"({exec: {apiVersion: client.authentication.k8s.io/v1, command: ./bin/login,
          args: [a, b], env: [{name: N, value: V}], installHint: get it,
          interactiveMode: Never, provideClusterInfo: true}})");
  ASSERT_TRUE(config) << config.error().ToString();
  const ExecConfig& exec = *config->user.exec;
  EXPECT_EQ(exec.command, dir_.Path("bin/login"));
  EXPECT_EQ(exec.args, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(exec.env, (std::vector<std::pair<std::string, std::string>>{{"N", "V"}}));
  EXPECT_EQ(exec.install_hint, "get it");
  EXPECT_EQ(exec.interactive_mode, "Never");
  EXPECT_TRUE(exec.provide_cluster_info);
  EXPECT_EQ(exec.cluster_config, *ParseJson(R"({"audience":"x"})"));
}

TEST_F(KubeconfigTest, V1Beta1PluginsMayLeaveTheInteractiveModeOut) {
  const auto config =
      Load(kServer, "{exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: login}}");
  ASSERT_TRUE(config) << config.error().ToString();
  EXPECT_EQ(config->user.exec->interactive_mode, "IfAvailable");
  EXPECT_EQ(config->user.exec->command, "login");
}

TEST_F(KubeconfigTest, ImpersonationIsKept) {
  const auto config = Load(kServer,
                           "{token: t, as: jane, as-uid: u1, as-groups: [g1, g2],"
                           " as-user-extra: {example.org/scope: [s]}}");
  ASSERT_TRUE(config) << config.error().ToString();
  EXPECT_EQ(config->user.impersonation, (std::vector<std::pair<std::string, std::string>>{
                                            {"Impersonate-User", "jane"},
                                            {"Impersonate-Uid", "u1"},
                                            {"Impersonate-Group", "g1"},
                                            {"Impersonate-Group", "g2"},
                                            {"Impersonate-Extra-example.org%2Fscope", "s"}}));
}

TEST_F(KubeconfigTest, FaultsAreNamedWithTheirPlace) {
  struct Case {
    const char* cluster;
    const char* user;
    const char* expected;
  };
  for (const Case& c :
       {Case{"{}", "{}", "server must be https://host[:port][/path], found \"\""},
        Case{"{server: \"http://10.0.0.1\"}", "{}", "http is accepted for loopback only"},
        Case{"{server: \"https://h\", proxy-url: \"http://p\"}", "{}",
             "clusters[c].proxy-url: is not supported"},
        Case{"{server: \"https://h\", insecure-skip-tls-verify: true, certificate-authority: x}",
             "{}", "clusters[c].insecure-skip-tls-verify: must not be set together"},
        Case{"{server: \"https://h\", certificate-authority-data: \"%%%\"}", "{}",
             "clusters[c].certificate-authority-data: must be base64"},
        Case{kServer, "{auth-provider: {name: gcp}}", "users[c].auth-provider: is no longer"},
        Case{kServer, "{client-certificate-data: QQ==}", "must come together"},
        Case{kServer, "{client-certificate: missing.pem, client-key: missing.key}", "cannot read"},
        Case{kServer, "{exec: {apiVersion: client.authentication.k8s.io/v1alpha1, command: x}}",
             "users[c].exec.apiVersion: must be"},
        Case{kServer, "{exec: {apiVersion: client.authentication.k8s.io/v1, command: x}}",
             "users[c].exec.interactiveMode: must be Never"},
        Case{kServer, "{exec: {apiVersion: client.authentication.k8s.io/v1beta1}}",
             "users[c].exec.command: is required"},
        Case{kServer, "{as-groups: [admins]}", "users[c].as: is required"},
        Case{kServer, "{as: \"a\\nX-Evil: 1\"}", "must be one line"}}) {
    const auto config = Load(c.cluster, c.user);
    ASSERT_FALSE(config) << c.cluster << c.user;
    EXPECT_NE(config.error().ToString().find(c.expected), std::string::npos)
        << config.error().ToString();
  }
}

TEST_F(KubeconfigTest, MissingNamesAreSaid) {
  const std::string file = dir_.Write("config", Kubeconfig("c", kServer, "{}"));
  EXPECT_NE(LoadKubeconfig({file}).error().message.find("no current-context"), std::string::npos);
  EXPECT_EQ(LoadKubeconfig({file}, "nope").error().code, Code::kNotFound);
  EXPECT_EQ(LoadKubeconfig({dir_.Path("nowhere")}).error().code, Code::kNotFound);
  const std::string dangling =
      dir_.Write("dangling",
                 "contexts: [{name: c, context: {cluster: gone, user: gone}}]\ncurrent-context: c");
  EXPECT_NE(LoadKubeconfig({dangling}).error().message.find("cluster \"gone\""), std::string::npos);
  const std::string garbage = dir_.Write("garbage", "clusters: {a: b}\n");
  EXPECT_NE(LoadKubeconfig({garbage}).error().ToString().find("clusters: must be a list"),
            std::string::npos);
}

TEST_F(KubeconfigTest, JsonAndEmptyFilesAreKubeconfigsToo) {
  const std::string json =
      dir_.Write("json",
                 R"({"clusters":[{"name":"c","cluster":{"server":"https://h"}}],"users":null,
          "contexts":[{"name":"c","context":{"cluster":"c"}}],"current-context":"c"})");
  const auto config = LoadKubeconfig({dir_.Write("empty", "\n"), json});
  ASSERT_TRUE(config) << config.error().ToString();
  EXPECT_EQ(config->default_namespace, "default");
}

TEST_F(KubeconfigTest, SourcesAreTriedInTheOrderThatUsersExpect) {
  const std::string flag = dir_.Write("flag", Kubeconfig("f", kServer, "{token: flag}", "f"));
  const std::string env = dir_.Write("env", Kubeconfig("e", kServer, "{token: env}", "e"));
  dir_.Write(".kube/config", Kubeconfig("h", kServer, "{token: home}", "h"));
  dir_.Write("sa/token", "in-cluster-token");
  dir_.Write("sa/namespace", "pod-namespace\n");
  std::map<std::string, std::string> variables = {{"KUBECONFIG", env},
                                                  {"HOME", dir_.Path("")},
                                                  {"KUBERNETES_SERVICE_HOST", "fd00::1"},
                                                  {"KUBERNETES_SERVICE_PORT", "443"}};
  const auto load = [&](const std::string& kubeconfig) {
    return LoadRestConfig({.kubeconfig = kubeconfig,
                           .environment = Variables(variables),
                           .service_account_dir = dir_.Path("sa")});
  };
  EXPECT_EQ(load(flag)->user.token, "flag");
  EXPECT_EQ(load("")->user.token, "env");
  variables.erase("KUBECONFIG");
  const auto in_cluster = load("");
  ASSERT_TRUE(in_cluster) << in_cluster.error().ToString();
  EXPECT_EQ(in_cluster->server.url, "https://[fd00::1]:443");
  EXPECT_EQ(in_cluster->server.ca_file, dir_.Path("sa/ca.crt"));
  EXPECT_EQ(in_cluster->user.token_file, dir_.Path("sa/token"));
  EXPECT_EQ(in_cluster->default_namespace, "pod-namespace");
  std::filesystem::remove(dir_.Path("sa/token"));
  EXPECT_EQ(load("").error().code, Code::kNotFound);
  variables.erase("KUBERNETES_SERVICE_HOST");
  EXPECT_EQ(load("")->user.token, "home");
  variables.erase("HOME");
  EXPECT_EQ(load("").error().code, Code::kNotFound);
}

TEST(EndpointTest, UrlsAreTakenApart) {
  struct Case {
    const char* url;
    bool tls;
    const char* host;
    int port;
    const char* prefix;
    const char* authority;
  };
  for (const Case& c :
       {Case{"https://h", true, "h", 443, "", "h"},
        Case{"https://h:6443/", true, "h", 6443, "", "h:6443"},
        Case{"https://h/a/b/", true, "h", 443, "/a/b", "h"},
        Case{"https://[::1]:6443", true, "::1", 6443, "", "[::1]:6443"},
        Case{"https://[fd00::1]", true, "fd00::1", 443, "", "[fd00::1]"},
        Case{"http://127.0.0.1:8001", false, "127.0.0.1", 8001, "", "127.0.0.1:8001"},
        Case{"http://localhost", false, "localhost", 80, "", "localhost"}}) {
    const auto endpoint = ParseEndpoint(c.url);
    ASSERT_TRUE(endpoint) << c.url;
    EXPECT_EQ(endpoint->tls, c.tls) << c.url;
    EXPECT_EQ(endpoint->host, c.host);
    EXPECT_EQ(endpoint->port, c.port);
    EXPECT_EQ(endpoint->prefix, c.prefix);
    EXPECT_EQ(endpoint->Authority(), c.authority);
  }
}

TEST(EndpointTest, EverythingElseIsRefused) {
  for (const char* url : {"",
                          "h:6443",
                          "ftp://h",
                          "https://",
                          "https://:6443",
                          "https://h:",
                          "https://h:0",
                          "https://h:65536",
                          "https://h:64x",
                          "https://u:p@h",
                          "https://h?x",
                          "https://h#x",
                          "https://h h",
                          "https://[::1",
                          "https://[h]",
                          "https://[::1]x",
                          "https://::1",
                          "http://h",
                          "http://127.evil.example",
                          "https://h\r\nX: y"}) {
    EXPECT_FALSE(ParseEndpoint(url)) << url;
  }
}

}  // namespace
}  // namespace countersign
