// How requests and answers lie in TLS records, which clients cut as they like.
#include <netinet/tcp.h>

#include <string>

#include "tests/unit/webhook_http/support.h"

namespace countersign::http {
namespace {

// While it lives, what the client writes waits, to leave in as few segments as it fits in.
class Corked {
 public:
  explicit Corked(const TlsClient& client) : fd_(client.Fd()) { Set(1); }
  ~Corked() { Set(0); }
  Corked(const Corked&) = delete;
  Corked& operator=(const Corked&) = delete;

 private:
  void Set(int on) const { setsockopt(fd_, IPPROTO_TCP, TCP_CORK, &on, sizeof(on)); }
  int fd_;
};

bool UpdateKey(TlsClient& client) {
  return SSL_key_update(client.Ssl(), SSL_KEY_UPDATE_NOT_REQUESTED) == 1 &&
         SSL_do_handshake(client.Ssl()) == 1;
}

TEST(TlsRecordsTest, ManyThatComeTogetherAreOneRequest) {
  const auto server = StartServer(TestOptions(), {Echo()});
  TlsClient client(server->Port());
  const std::string body(200, 'x');
  const std::string request = Post("/echo", body);
  for (int i = 0; i < 3; ++i) {
    {
      const Corked corked(client);
      for (const char c : request) ASSERT_TRUE(client.Send({&c, 1}));
    }
    EXPECT_EQ(client.Read().body, body);
  }
}

// Of OpenSSL's calls each ends at an update of the keys: what follows it must not be forgotten.
TEST(TlsRecordsTest, UpdatesOfTheKeysInBetweenLoseNothing) {
  const auto server = StartServer(TestOptions(), {Echo()});
  TlsClient client(server->Port());
  const std::string request = Post("/echo", "body");
  for (std::size_t cut = 0; cut <= request.size(); ++cut) {
    {
      const Corked corked(client);
      ASSERT_TRUE(client.Send(request.substr(0, cut)));
      ASSERT_TRUE(UpdateKey(client));
      ASSERT_TRUE(UpdateKey(client));
      ASSERT_TRUE(client.Send(request.substr(cut)));
    }
    ASSERT_EQ(client.Read().body, "body") << "cut after " << cut;
  }
}

TEST(TlsRecordsTest, OneThatComesInPiecesIsReadWhenItIsWhole) {
  const auto server = StartServer(TestOptions(), {Echo()});
  TlsClient client(server->Port());
  const int now = 1;
  setsockopt(client.Fd(), IPPROTO_TCP, TCP_NODELAY, &now, sizeof(now));
  // Larger than what the server takes from a socket at once, and than a record.
  const std::string body(100'000, 'x');
  ASSERT_TRUE(client.Send(Post("/echo", body)));
  EXPECT_TRUE(client.Read().body == body);
}

TEST(TlsRecordsTest, AnAnswerIsOne) {
  const auto server = StartServer(TestOptions(), {Echo()});
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    ClientTls tls;
    tls.max_version = version;
    TlsClient client(server->Port(), tls);
    ASSERT_TRUE(client.Shaken());
    int records = 0;
    SSL_set_msg_callback(client.Ssl(), [](int sent, int, int type, const void* bytes, std::size_t,
                                          SSL*, void* counted) {
      const bool header = sent == 0 && type == SSL3_RT_HEADER;
      if (header && *static_cast<const unsigned char*>(bytes) == SSL3_RT_APPLICATION_DATA) {
        ++*static_cast<int*>(counted);
      }
    });
    SSL_set_msg_callback_arg(client.Ssl(), &records);
    const std::string body(4000, 'x');
    EXPECT_EQ(client.Exchange(Post("/echo", body)).body, body);
    EXPECT_EQ(records, 1) << "by TLS version " << version;
  }
}

}  // namespace
}  // namespace countersign::http
