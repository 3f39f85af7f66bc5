#include "webhook/certificates/file_source.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "tests/unit/support/fake_clock.h"
#include "tests/unit/webhook_http/support.h"

namespace countersign {
namespace {

namespace fs = std::filesystem;
using http::Eventually;
using http::Pki;
using std::chrono::hours;

// A directory as kubelet lays out a Secret volume: `tls.crt` -> `..data/tls.crt`, `..data` -> a
// directory of one version, and a new version is put in place by swapping the one link.
class SecretVolume {
 public:
  SecretVolume() {
    std::string name = (fs::temp_directory_path() / "countersign-XXXXXX").string();
    root_ = mkdtemp(name.data());
  }
  ~SecretVolume() { fs::remove_all(root_); }
  SecretVolume(const SecretVolume&) = delete;
  SecretVolume& operator=(const SecretVolume&) = delete;

  void Publish(const std::string& certificate, const std::string& key,
               const std::string& client_ca = "") {
    const std::string version = "..version" + std::to_string(++versions_);
    fs::create_directory(root_ / version);
    Write(root_ / version / "tls.crt", certificate);
    Write(root_ / version / "tls.key", key);
    Write(root_ / version / "ca.crt", client_ca);
    fs::create_symlink(version, root_ / "..tmp");
    fs::rename(root_ / "..tmp", root_ / "..data");
    for (const char* name : {"tls.crt", "tls.key", "ca.crt"}) {
      if (!fs::exists(fs::symlink_status(root_ / name))) {
        fs::create_symlink(fs::path("..data") / name, root_ / name);
      }
    }
  }
  void Publish(const PemPair& pair) { Publish(pair.certificate, pair.key); }
  void Empty() { fs::remove(root_ / "..data"); }

  [[nodiscard]] CertificateFiles Files() const {
    CertificateFiles files;
    files.certificate = root_ / "tls.crt";
    files.key = root_ / "tls.key";
    return files;
  }
  [[nodiscard]] std::string ClientCa() const { return root_ / "ca.crt"; }

 private:
  static void Write(const fs::path& path, const std::string& content) {
    std::ofstream(path) << content;
  }

  fs::path root_;
  int versions_ = 0;
};

class FileSourceTest : public testing::Test {
 protected:
  std::unique_ptr<FileCertificateSource> Create(const CertificateFiles& files) {
    auto source = FileCertificateSource::Create(files, clock_);
    return source ? *std::move(source) : nullptr;
  }

  FakeClock clock_{http::RealNow()};
  SecretVolume volume_;
};

TEST_F(FileSourceTest, APairIsRenewedByThePollAlone) {
  volume_.Publish(Pki::Get().server);
  const auto source = Create(volume_.Files());
  ASSERT_NE(source, nullptr);
  const auto first = source->Current();
  volume_.Publish(Pki::Get().Server("renewed.example"));
  clock_.AwaitWaiters(1);
  clock_.Advance(std::chrono::seconds(10));
  EXPECT_TRUE(Eventually([&] { return source->Reloads() == 1; }));
  EXPECT_NE(source->Current()->Serial(), first->Serial());
  EXPECT_EQ(source->Failures(), 0U);
}

TEST_F(FileSourceTest, UnchangedFilesAreNotPublishedAgain) {
  volume_.Publish(Pki::Get().server);
  const auto source = Create(volume_.Files());
  const auto first = source->Current();
  EXPECT_TRUE(source->Reload().has_value());
  volume_.Publish(Pki::Get().server);  // another version of the volume, the same content
  EXPECT_TRUE(source->Reload().has_value());
  EXPECT_EQ(source->Current(), first);
  EXPECT_EQ(source->Reloads(), 0U);
}

TEST_F(FileSourceTest, ABadRenewalIsCountedAndTheLastGoodPairStays) {
  volume_.Publish(Pki::Get().server);
  CertificateFiles files = volume_.Files();
  files.wanted_name = "localhost";
  const auto source = Create(files);
  ASSERT_NE(source, nullptr);
  const auto good = source->Current();
  const PemPair other = Pki::Get().Server("other.example");

  volume_.Publish(other.certificate, Pki::Get().server.key);
  EXPECT_FALSE(source->Reload().has_value()) << "key of another certificate";
  volume_.Publish(other);
  EXPECT_FALSE(source->Reload().has_value()) << "wanted name missing";
  volume_.Publish("", "");
  EXPECT_FALSE(source->Reload().has_value()) << "empty files";
  volume_.Empty();
  EXPECT_FALSE(source->Reload().has_value()) << "no files";
  EXPECT_EQ(source->Failures(), 4U);
  EXPECT_EQ(source->Current(), good);
  EXPECT_TRUE(source->Healthy().has_value()) << "it still serves well";

  volume_.Publish(Pki::Get().Server("localhost"));
  EXPECT_TRUE(source->Reload().has_value());
  EXPECT_NE(source->Current(), good);
  EXPECT_EQ(source->Reloads(), 1U);
}

TEST_F(FileSourceTest, HealthEndsWithTheServedCertificate) {
  volume_.Publish(Pki::Get().server);
  const auto source = Create(volume_.Files());
  EXPECT_TRUE(source->Healthy().has_value());
  clock_.Advance(hours(25));
  ASSERT_FALSE(source->Healthy().has_value());
  EXPECT_NE(source->Healthy().error().message.find("expired at"), std::string::npos);
  EXPECT_NE(source->Current(), nullptr) << "it is served on: better than nothing at all";
}

TEST_F(FileSourceTest, WithoutAValidPairThereIsNoSource) {
  EXPECT_EQ(Create(volume_.Files()), nullptr);
  volume_.Publish("garbage", "garbage");
  EXPECT_EQ(Create(volume_.Files()), nullptr);
  volume_.Publish(std::string((1 << 20) + 1, 'x'), Pki::Get().server.key);
  const auto large = FileCertificateSource::Create(volume_.Files(), clock_);
  ASSERT_FALSE(large.has_value());
  EXPECT_NE(large.error().message.find("larger than 1 MiB"), std::string::npos);
}

TEST_F(FileSourceTest, ClientAuthoritiesAreRenewedWithIt) {
  const PemPair& server = Pki::Get().server;
  volume_.Publish(server.certificate, server.key, Pki::Get().authority.certificate);
  CertificateFiles files = volume_.Files();
  EXPECT_EQ(Create(files)->Trust(), nullptr) << "not asked for";
  files.client_ca = volume_.ClientCa();
  const auto source = Create(files);
  ASSERT_NE(source, nullptr);
  const auto trust = source->Trust();
  ASSERT_NE(trust, nullptr);
  const PemPair next = MakeAuthority("next authority", http::ValidNow()).value();
  volume_.Publish(server.certificate, server.key, next.certificate);
  EXPECT_TRUE(source->Reload().has_value());
  EXPECT_NE(source->Trust(), trust);
  volume_.Publish(server.certificate, server.key, "");
  EXPECT_FALSE(source->Reload().has_value()) << "an empty bundle must not switch verification off";
  EXPECT_NE(source->Trust(), nullptr);
}

TEST_F(FileSourceTest, ASpoiltClientAuthorityKeepsNoCertificateFromBeingRenewed) {
  volume_.Publish(Pki::Get().server.certificate, Pki::Get().server.key,
                  Pki::Get().authority.certificate);
  CertificateFiles files = volume_.Files();
  files.client_ca = volume_.ClientCa();
  const auto source = Create(files);
  ASSERT_NE(source, nullptr);
  const auto before = source->Current();
  const auto trust = source->Trust();
  const PemPair next = Pki::Get().Server("localhost");
  volume_.Publish(next.certificate, next.key, "spoilt");
  EXPECT_FALSE(source->Reload().has_value());
  EXPECT_NE(source->Current(), before);
  EXPECT_EQ(source->Trust(), trust);
  EXPECT_EQ(source->Failures(), 1U);
  const PemPair authority = MakeAuthority("next authority", http::ValidNow()).value();
  const auto renewed = source->Current();
  volume_.Publish(next.certificate, "spoilt", authority.certificate);
  EXPECT_FALSE(source->Reload().has_value());
  EXPECT_EQ(source->Current(), renewed);
  EXPECT_NE(source->Trust(), trust) << "nor the other way round";
}

}  // namespace
}  // namespace countersign
