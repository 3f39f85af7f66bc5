// parser.h: cpp-httplib's request processing over bytes in memory.
//
// Relies on protected members of one version of the library, which the build pins and a test
// checks. Thread-safe once built: processing touches no shared state but the handlers.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "webhook/http/server.h"

namespace countersign {

class Parser {
 public:
  struct Outcome {
    std::string response;
    bool close = false;     // the connection must not be used again
    bool rejected = false;  // no handler was reached
  };

  Parser(std::map<std::string, HttpsHandler> handlers, const HttpsOptions& options);
  ~Parser();

  // `request` is one whole request (request_frame.h). `close`: say `Connection: close`.
  [[nodiscard]] Outcome Process(std::string_view request, bool close) const;
  [[nodiscard]] std::uint64_t handler_failures() const { return handler_failures_; }

  // A whole response that closes the connection, for what never gets to the library.
  [[nodiscard]] static std::string Refusal(int status);

 private:
  class Library;
  std::atomic<std::uint64_t> handler_failures_ = 0;
  std::unique_ptr<Library> library_;
};

}  // namespace countersign
