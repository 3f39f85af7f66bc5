// peer_address.h: where a connection comes from.
#pragma once

#include <array>

namespace countersign::http {

// IPv6, or IPv4 mapped into it.
using PeerAddress = std::array<unsigned char, 16>;

}  // namespace countersign::http
