#include "webhook/http/response.h"

#include <utility>

namespace countersign::http {
namespace {

std::string_view Reason(int status) {
  switch (status) {
    case 200: return "OK";
    case 400: return "Bad Request";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 411: return "Length Required";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 503: return "Service Unavailable";
    default: return "";  // the phrase is optional (RFC 9112, 4)
  }
}

}  // namespace

std::string Serialize(const Response& response, bool close) {
  std::string text;
  text.reserve(256 + response.body.size());
  text += "HTTP/1.1 ";
  text += std::to_string(response.status);
  text += ' ';
  text += Reason(response.status);
  text += "\r\nContent-Length: ";
  text += std::to_string(response.body.size());
  if (!response.body.empty()) {
    text += "\r\nContent-Type: ";
    text += response.content_type;
  }
  for (const auto& [name, value] : response.headers) {
    text += "\r\n";
    text += name;
    text += ": ";
    text += value;
  }
  if (close) text += "\r\nConnection: close";
  text += "\r\n\r\n";
  text += response.body;
  return text;
}

Response PlainText(int status, std::string message) {
  message += '\n';
  return Response{status, std::move(message), "text/plain; charset=utf-8", {}};
}

Response TryAgain(std::string message) {
  Response response = PlainText(429, std::move(message));
  response.headers.emplace_back("Retry-After", "1");  // seconds
  return response;
}

}  // namespace countersign::http
