// server_certificate.h: when certificates of a server end, and whether a client would believe them.
//
// Chains are built and checked by OpenSSL. Pure functions; messages hold no keys.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace countersign {

struct CertificateEnd {
  std::string subject;  // or its first host, where it has no subject
  Time not_after{};
};

// Of every certificate in a PEM text, which must hold one.
[[nodiscard]] Result<std::vector<CertificateEnd>> CertificateEnds(std::string_view pem);

struct Distrust {
  std::string why;
  bool other_name = false;  // it may be good, but for another server
};

// Why a client that trusts `authorities` would not talk to a server of that name which shows
// `certificate` (the leaf, then its intermediates); nullopt if it would.
[[nodiscard]] std::optional<Distrust> WhyNotTrusted(std::string_view certificate,
                                                    std::string_view authorities,
                                                    const std::string& name, Time now);

}  // namespace countersign
