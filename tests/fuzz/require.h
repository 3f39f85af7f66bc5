// require.h: how a fuzz target says that a promise was broken.
//
// libFuzzer and the replay both take an abort for a finding and keep the input.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"

namespace countersign::fuzz {

inline void Require(bool holds, const char* promise, const std::string& found = {}) {
  if (holds) return;
  std::fprintf(stderr, "broken promise: %s\n%s\n", promise, found.c_str());
  std::abort();
}

// What every refusal owes to the person who reads it.
inline void RequireReadable(const Error& error) {
  Require(!error.message.empty(), "an error says what is wrong");
  Require(CanonicalJson(Json(error.ToString())).has_value(), "an error is UTF-8", error.message);
}

// yaml-cpp quotes Unicode's noncharacters as U+FFFD (see yaml.h): such a text cannot read back.
inline bool HasReplacement(const std::string& yaml) {
  return yaml.find("\xEF\xBF\xBD") != yaml.npos || yaml.find("\\ufffd") != yaml.npos;
}

inline std::string_view Text(const unsigned char* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

}  // namespace countersign::fuzz
