#include "kube/http_transport.h"

#include <algorithm>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "kube/credentials.h"
#include "kube/endpoint.h"
#include "kube/http_connection.h"
#include "kube/small_file.h"
#include "kube/tls_context.h"

namespace countersign {
namespace {

// The API server closes idle connections after 90 s; ours must never meet that.
constexpr std::chrono::seconds kMaxIdleAge{30};
// Calls in parallel that find a connection ready; more connections come and go.
constexpr std::size_t kMaxIdleConnections = 8;
// How often a CA file is looked at.
constexpr std::chrono::seconds kCaFilePeriod{60};

bool IsHeaderValue(const std::string& text) {
  return std::none_of(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) < ' ' && c != '\t') || c == '\x7f';
  });
}

bool SameIdentity(const std::shared_ptr<const ClientIdentity>& a,
                  const std::shared_ptr<const ClientIdentity>& b) {
  return a == b || (a && b && *a == *b);
}

// Where connections come from: idle ones, or new ones by the trust and identity of the moment.
class ConnectionPool {
 public:
  ConnectionPool(ServerConfig server, Endpoint endpoint, Clock& clock)
      : server_(std::move(server)), endpoint_(std::move(endpoint)), clock_(clock) {
    if (!server_.ca_pem.empty()) ca_pem_ = server_.ca_pem;
  }

  // Reads the CA file if it is due, and builds the TLS context anew when that or the identity
  // changed. Connections of before are not used for new exchanges; running ones go on.
  Status Refresh(const std::shared_ptr<const ClientIdentity>& identity) {
    if (!endpoint_.tls) return {};
    const std::lock_guard lock(mutex_);
    const bool ca_due = !server_.ca_file.empty() && server_.ca_pem.empty() &&
                        (!tls_ || clock_.Steady() >= ca_read_at_ + kCaFilePeriod);
    TlsOptions next{ca_pem_,
                    server_.tls_server_name.empty() ? endpoint_.host : server_.tls_server_name,
                    server_.insecure_skip_tls_verify, identity};
    if (ca_due) {
      auto pem = ReadSmallFile(server_.ca_file);
      if (!pem && !tls_) return Fail(pem.error());
      if (pem) next.ca_pem = std::move(*pem);
      ca_read_at_ = clock_.Steady();
    }
    const bool same_identity = SameIdentity(identity, identity_);
    if (tls_ && next.ca_pem == ca_pem_ && same_identity) return {};
    auto tls = TlsContext::Make(next);
    if (!tls) {
      // A bundle that is being written is not the end: the one in use stays until the next look.
      return tls_ && same_identity ? Status() : Fail(tls.error());
    }
    tls_ = std::move(*tls);
    ca_pem_ = next.ca_pem;
    identity_ = identity;
    idle_.clear();
    return {};
  }

  struct Lease {
    std::unique_ptr<HttpConnection> connection;
    std::shared_ptr<const TlsContext> tls;
  };

  Result<Lease> Take(SteadyTime deadline, const std::stop_token& stop) {
    Lease lease;
    {
      const std::lock_guard lock(mutex_);
      lease.tls = tls_;
      const SteadyTime now = clock_.Steady();
      while (!idle_.empty() && !lease.connection) {
        Idle last = std::move(idle_.back());
        idle_.pop_back();
        if (now < last.since + kMaxIdleAge && last.connection->Reusable()) {
          lease.connection = std::move(last.connection);
        }
      }
    }
    if (lease.connection) return lease;
    auto opened = HttpConnection::Open(endpoint_, lease.tls, deadline, stop);
    if (!opened) return Fail(opened.error());
    lease.connection = std::move(*opened);
    return lease;
  }

  void Give(Lease lease) {
    if (!lease.connection->Reusable()) return;
    const std::lock_guard lock(mutex_);
    if (lease.tls != tls_) return;
    if (idle_.size() >= kMaxIdleConnections) idle_.erase(idle_.begin());
    idle_.push_back({std::move(lease.connection), clock_.Steady()});
  }

 private:
  struct Idle {
    std::unique_ptr<HttpConnection> connection;
    SteadyTime since;
  };

  const ServerConfig server_;
  const Endpoint endpoint_;
  Clock& clock_;
  std::mutex mutex_;
  std::shared_ptr<const TlsContext> tls_;
  std::optional<std::string> ca_pem_;  // what tls_ trusts; none: the system's CAs
  SteadyTime ca_read_at_{};
  std::shared_ptr<const ClientIdentity> identity_;
  std::vector<Idle> idle_;
};

class HttpTransport final : public Transport {
 public:
  HttpTransport(const RestConfig& config, Endpoint endpoint, Clock& clock,
                HttpTransportOptions options)
      : credentials_(MakeCredentialSource(config, clock)),
        pool_(config.server, std::move(endpoint), clock),
        impersonation_(config.user.impersonation),
        options_(std::move(options)) {}

  // For what can be known before the first call.
  Status Check(const UserConfig& user) {
    std::shared_ptr<const ClientIdentity> identity;
    if (!user.client_key_pem.empty()) {
      identity = std::make_shared<ClientIdentity>(
          ClientIdentity{user.client_certificate_pem, user.client_key_pem});
    }
    return pool_.Refresh(identity);
  }

  Result<HttpResponse> Send(const HttpRequest& request, std::stop_token stop,
                            BodySink* sink) override {
    auto credential = credentials_->Get(stop);
    if (!credential) return Fail(credential.error());
    auto response = SendAs(*credential, request, stop, sink);
    if (!response || response->status != 401 || !credentials_->Reject(*credential)) return response;
    // Rotated since it was read? A 401 means that nothing was done, so any request may be repeated.
    auto renewed = credentials_->Get(stop);
    if (!renewed || *renewed == *credential) return response;
    return SendAs(*renewed, request, stop, sink);
  }

 private:
  Result<HttpResponse> SendAs(const Credential& credential, HttpRequest request,
                              const std::stop_token& stop, BodySink* sink) {
    if (!IsHeaderValue(credential.authorization)) {
      return Fail(Code::kUnauthenticated, "the token contains control characters");
    }
    if (Status status = pool_.Refresh(credential.identity); !status) return Fail(status.error());
    request.headers.emplace_back("User-Agent", options_.user_agent);
    if (!credential.authorization.empty()) {
      request.headers.emplace_back("Authorization", credential.authorization);
    }
    request.headers.insert(request.headers.end(), impersonation_.begin(), impersonation_.end());
    auto lease = pool_.Take(request.deadline, stop);
    if (!lease) return Fail(lease.error());
    auto response = lease->connection->Send(request, stop, sink);
    pool_.Give(std::move(*lease));
    return response;
  }

  const std::unique_ptr<CredentialSource> credentials_;
  ConnectionPool pool_;
  const HttpHeaders impersonation_;
  const HttpTransportOptions options_;
};

}  // namespace

Result<std::unique_ptr<Transport>> MakeHttpTransport(const RestConfig& config, Clock& clock,
                                                     const HttpTransportOptions& options) {
  auto endpoint = ParseEndpoint(config.server.url);
  if (!endpoint) return Fail(endpoint.error());
  auto transport = std::make_unique<HttpTransport>(config, std::move(*endpoint), clock, options);
  if (Status status = transport->Check(config.user); !status) return Fail(status.error());
  return transport;
}

}  // namespace countersign
