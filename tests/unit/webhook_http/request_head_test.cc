// Also the contract with cpp-httplib: what HeadParser takes for granted about the packaged version.
#include "webhook/http/request_head.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace countersign::http {
namespace {

std::string Head(const std::string& lines, const std::string& first = "POST /v HTTP/1.1") {
  return first + "\r\n" + lines + "\r\n";
}

RequestHead Parsed(const std::string& head) {
  HeadParser parser;
  Result<RequestHead> result = parser.Parse(head);
  EXPECT_TRUE(result.has_value()) << (result ? "" : result.error().message);
  return result ? *std::move(result) : RequestHead();
}

TEST(RequestHeadTest, WhatTheApiServerSendsIsUnderstood) {
  const RequestHead head = Parsed(
      "POST /validate?timeout=5s HTTP/1.1\r\n"
      "Host: webhook.countersign.svc:443\r\n"
      "User-Agent: kube-apiserver-admission\r\n"
      "Content-Length: 1234\r\n"
      "Accept: application/json, */*\r\n"
      "Content-Type: application/json\r\n"
      "Traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n"
      "Accept-Encoding: gzip\r\n\r\n");
  EXPECT_EQ(head.method, "POST");
  EXPECT_EQ(head.path, "/validate");
  ASSERT_EQ(head.query.count("timeout"), 1U);
  EXPECT_EQ(head.query.find("timeout")->second, "5s");
  EXPECT_EQ(head.content_type, "application/json");
  EXPECT_EQ(head.traceparent, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
  EXPECT_EQ(head.content_length, 1234U);
  EXPECT_FALSE(head.has_transfer_encoding);
  EXPECT_FALSE(head.has_content_encoding);
  EXPECT_FALSE(head.expects_continue);
  EXPECT_FALSE(head.close);
}

TEST(RequestHeadTest, AParserKeepsNothingFromOneHeadToTheNext) {
  HeadParser parser;
  ASSERT_TRUE(parser.Parse(Head("Content-Length: 5\r\nConnection: close\r\n")).has_value());
  ASSERT_FALSE(parser.Parse("nonsense\r\n\r\n").has_value());
  const Result<RequestHead> next = parser.Parse(Head("", "GET /other HTTP/1.1"));
  ASSERT_TRUE(next.has_value());
  EXPECT_EQ(next->path, "/other");
  EXPECT_FALSE(next->content_length.has_value());
  EXPECT_FALSE(next->close);
}

TEST(RequestHeadTest, FramingHeadersAreRecognisedInAnyCase) {
  EXPECT_TRUE(Parsed(Head("transfer-encoding: chunked\r\n")).has_transfer_encoding);
  EXPECT_TRUE(Parsed(Head("TRANSFER-ENCODING: x\r\n")).has_transfer_encoding);
  EXPECT_TRUE(Parsed(Head("content-encoding: gzip\r\n")).has_content_encoding);
  EXPECT_TRUE(
      Parsed(Head("Content-Encoding: identity\r\nContent-Encoding: br\r\n")).has_content_encoding);
  EXPECT_FALSE(Parsed(Head("Content-Encoding: identity\r\n")).has_content_encoding);
  EXPECT_TRUE(Parsed(Head("expect: 100-Continue\r\n")).expects_continue);
}

TEST(RequestHeadTest, TheClientsWishToCloseIsSeenInAListAndInOldVersions) {
  EXPECT_TRUE(Parsed(Head("Connection: close\r\n")).close);
  EXPECT_TRUE(Parsed(Head("connection: Keep-Alive , Close\r\n")).close);
  EXPECT_FALSE(Parsed(Head("Connection: keep-alive\r\n")).close);
  EXPECT_FALSE(Parsed(Head("Connection: closed\r\n")).close);
  EXPECT_TRUE(Parsed(Head("", "GET / HTTP/1.0")).close);
}

TEST(RequestHeadTest, ARangeOrAcceptEncodingChangesNothing) {
  const RequestHead head =
      Parsed(Head("Range: bytes=0-1\r\nAccept-Encoding: gzip, br\r\nContent-Length: 2\r\n"));
  EXPECT_EQ(head.content_length, 2U);
}

struct BadHead {
  const char* why;
  std::string head;
  Code code = Code::kInvalidArgument;
};

TEST(RequestHeadTest, WhatTwoParsersCouldReadDifferentlyIsRefused) {
  const std::string nul("X: a\0b\r\n", 8);
  const std::vector<BadHead> cases = {
      {"bare line feed ends a header", "POST / HTTP/1.1\r\nX: a\nContent-Length: 5\r\n\r\n"},
      {"bare line feed before the empty line", "POST / HTTP/1.1\r\nX: a\n\r\nY: b\r\n\r\n"},
      {"folded header", Head("X: a\r\n Transfer-Encoding: chunked\r\n")},
      {"blank before the colon", Head("Transfer-Encoding : chunked\r\n")},
      {"nameless header", Head(": value\r\n")},
      {"NUL", Head(nul)},
      {"two lengths that differ", Head("Content-Length: 5\r\nContent-Length: 6\r\n")},
      {"two lengths that agree", Head("Content-Length: 5\r\nContent-Length: 5\r\n")},
      {"length with a sign", Head("Content-Length: +5\r\n")},
      {"negative length", Head("Content-Length: -5\r\n")},
      {"length that is no number", Head("Content-Length: abc\r\n")},
      {"hexadecimal length", Head("Content-Length: 0x10\r\n")},
      {"length list", Head("Content-Length: 5, 5\r\n")},
      {"length beyond 64 bits", Head("Content-Length: 18446744073709551616\r\n")},
      {"no version", "POST /\r\n\r\n"},
      {"wrong version", Head("", "POST / HTTP/2.0")},
      {"unknown method", Head("", "BREW / HTTP/1.1")},
      {"nothing but the end", "\r\n\r\n"},
      {"TLS-like bytes", std::string("\x16\x03\x01\x02\x00\x01\r\n\r\n", 10)},
      {"malformed range", Head("Range: " + std::string(7000, ',') + "\r\n")},
      {"overlong line", Head("X: " + std::string(9000, 'a') + "\r\n"), Code::kResourceExhausted},
  };
  HeadParser parser;
  for (const BadHead& bad : cases) {
    SCOPED_TRACE(bad.why);
    const Result<RequestHead> result = parser.Parse(bad.head);
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().code, bad.code);
  }
}

TEST(RequestHeadTest, AFloodOfHeadersIsRefusedAndTheLimitItselfIsNot) {
  const auto lines = [](std::size_t n) {
    std::string all;
    for (std::size_t i = 0; i < n; ++i) all += "X" + std::to_string(i) + ": y\r\n";
    return all;
  };
  HeadParser parser;
  EXPECT_TRUE(parser.Parse(Head(lines(kMaxHeaderLines))).has_value());
  const Result<RequestHead> flood = parser.Parse(Head(lines(kMaxHeaderLines + 1)));
  ASSERT_FALSE(flood.has_value());
  EXPECT_EQ(flood.error().code, Code::kResourceExhausted);
}

// Each takes many times its text.
TEST(RequestHeadTest, AFloodOfParametersIsRefusedAndTheLimitItselfIsNot) {
  const auto head = [](std::size_t parameters) {
    std::string target = "/validate/v1?timeout=5s";
    for (std::size_t i = 1; i < parameters; ++i) target += "&" + std::to_string(i);
    return HeadParser().Parse("POST " + target + " HTTP/1.1\r\nHost: x\r\n\r\n");
  };
  const auto allowed = head(kMaxParameters);
  ASSERT_TRUE(allowed) << allowed.error().message;
  EXPECT_EQ(allowed->query.find("timeout")->second, "5s");
  EXPECT_FALSE(head(kMaxParameters + 1));
}

TEST(RequestHeadTest, TheEndOfAHeadIsFoundHoweverTheBytesArrive) {
  const std::string bytes = "GET / HTTP/1.1\r\nA: b\r\n\r\nrest";
  const std::size_t end = bytes.find("rest");
  EXPECT_EQ(FindHeadEnd(bytes, 0), end);
  std::size_t searched = 0;
  for (std::size_t size = 1; size <= bytes.size(); ++size) {
    const std::size_t found = FindHeadEnd(std::string_view(bytes).substr(0, size), searched);
    EXPECT_EQ(found, size < end ? std::string::npos : end) << size;
    if (found == std::string::npos) searched = size;
  }
}

}  // namespace
}  // namespace countersign::http
