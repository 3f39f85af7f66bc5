#include "kube/transport.h"

#include <algorithm>

namespace countersign {
namespace {

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

}  // namespace

std::optional<std::string> HttpResponse::Header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    const bool same = key.size() == name.size() &&
                      std::equal(key.begin(), key.end(), name.begin(),
                                 [](char a, char b) { return Lower(a) == Lower(b); });
    if (same) return value;
  }
  return std::nullopt;
}

}  // namespace countersign
