#include "webhook/certificates/file_source.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <exception>
#include <system_error>
#include <utility>

#include "base/digest.h"
#include "base/log.h"

namespace countersign {
namespace {

// A certificate with a long chain is a few KiB; more is the wrong file.
constexpr std::size_t kMaxFileBytes = 1 << 20;

Result<std::string> ReadFile(const std::string& path) {
  const std::unique_ptr<std::FILE, openssl::Deleter<std::fclose>> file(
      std::fopen(path.c_str(), "rbe"));
  if (file == nullptr) {
    return Fail(Code::kNotFound,
                "cannot read " + path + ": " + std::generic_category().message(errno));
  }
  std::string content;
  std::array<char, 8192> block{};
  while (std::feof(file.get()) == 0 && std::ferror(file.get()) == 0) {
    content.append(block.data(), std::fread(block.data(), 1, block.size(), file.get()));
    if (content.size() > kMaxFileBytes) {
      return Fail(Code::kInvalidArgument, path + " is larger than 1 MiB: not a PEM file of ours");
    }
  }
  if (std::ferror(file.get()) != 0) return Fail(Code::kUnavailable, "cannot read " + path);
  return content;
}

}  // namespace

FileCertificateSource::FileCertificateSource(CertificateFiles files, Clock& clock)
    : files_(std::move(files)), clock_(clock) {}

FileCertificateSource::~FileCertificateSource() = default;

Result<std::unique_ptr<FileCertificateSource>> FileCertificateSource::Create(CertificateFiles files,
                                                                             Clock& clock) {
  std::unique_ptr<FileCertificateSource> source(new FileCertificateSource(std::move(files), clock));
  Result<Pair> pair = source->LoadPair("");
  if (!pair) return Fail(pair.error());
  Result<Clients> clients = source->LoadClients("");
  if (!clients) return Fail(clients.error());
  source->pair_ = *std::move(pair);
  source->clients_ = *std::move(clients);
  source->poller_ =
      std::jthread([raw = source.get()](const std::stop_token& stop) { raw->Poll(stop); });
  return source;
}

Result<FileCertificateSource::Pair> FileCertificateSource::LoadPair(
    const std::string& known_digest) const {
  if (files_.certificate.empty()) return Pair();
  const Result<std::string> certificate = ReadFile(files_.certificate);
  if (!certificate) return Fail(certificate.error());
  const Result<std::string> key = ReadFile(files_.key);
  if (!key) return Fail(key.error());
  Pair pair{Sha256Hex(Sha256Hex(*certificate) + Sha256Hex(*key)), nullptr};
  if (pair.digest == known_digest) return pair;
  auto serving = ServingCertificate::Parse(*certificate, *key, files_.wanted_name, clock_.Now());
  if (!serving) return Fail(serving.error());
  pair.value = *std::move(serving);
  return pair;
}

Result<FileCertificateSource::Clients> FileCertificateSource::LoadClients(
    const std::string& known_digest) const {
  if (files_.client_ca.empty()) return Clients();
  const Result<std::string> text = ReadFile(files_.client_ca);
  if (!text) return Fail(text.error());
  Clients clients{Sha256Hex(*text), nullptr};
  if (clients.digest == known_digest) return clients;
  auto trust = ClientTrust::Parse(*text);
  if (!trust) return Fail(trust.error());
  clients.value = *std::move(trust);
  return clients;
}

template <class T>
Status FileCertificateSource::Take(Result<Taken<T>> next, Taken<T>& current, const char* kept,
                                   const char* renewed) {
  const std::lock_guard lock(mutex_);
  const std::string until = pair_.value == nullptr ? "" : FormatTime(pair_.value->NotAfter());
  if (!next) {
    if (next.error().message != current.failure) {
      current.failure = next.error().message;
      Log(LogLevel::kWarning, kept, {{"error", current.failure}, {"notAfter", until}});
    }
    return Fail(next.error());
  }
  current.failure.clear();
  if (next->value == nullptr) return {};
  current = *std::move(next);
  ++reloads_;
  Log(LogLevel::kInfo, renewed,
      {{"serial", pair_.value == nullptr ? "" : pair_.value->Serial()},
       {"notAfter", pair_.value == nullptr ? "" : FormatTime(pair_.value->NotAfter())}});
  return {};
}

Status FileCertificateSource::Reload() {
  std::string pair;
  std::string clients;
  {
    const std::lock_guard lock(mutex_);
    pair = pair_.digest;
    clients = clients_.digest;
  }
  Result<Pair> next_pair = LoadPair(pair);
  // The link may have been swapped between two reads: one more look tells a torn pair from a bad
  // one.
  if (!next_pair) next_pair = LoadPair(pair);
  Result<Clients> next_clients = LoadClients(clients);
  if (!next_clients) next_clients = LoadClients(clients);
  Status took_pair = Take(std::move(next_pair), pair_,
                          "the serving certificate was not renewed; the last good one stays",
                          "serving certificate renewed");
  Status took_clients = Take(std::move(next_clients), clients_,
                             "the CA of the clients was not renewed; the last good one stays",
                             "CA of the clients renewed");
  if (took_pair && took_clients) return {};
  const std::lock_guard lock(mutex_);
  ++failures_;
  return took_pair ? took_clients : took_pair;
}

void FileCertificateSource::Poll(const std::stop_token& stop) {
  while (clock_.SleepFor(stop, files_.poll_interval)) {
    try {
      (void)Reload();  // counted and logged there
    } catch (const std::exception& e) {
      Log(LogLevel::kError, "reading the serving certificate failed", {{"error", e.what()}});
    }
  }
}

std::shared_ptr<const ServingCertificate> FileCertificateSource::Current() const {
  const std::lock_guard lock(mutex_);
  return pair_.value;
}

std::shared_ptr<const ClientTrust> FileCertificateSource::Trust() const {
  const std::lock_guard lock(mutex_);
  return clients_.value;
}

Time FileCertificateSource::NotAfter() const {
  const auto current = Current();
  return current == nullptr ? Time{} : current->NotAfter();
}

std::uint64_t FileCertificateSource::Reloads() const {
  const std::lock_guard lock(mutex_);
  return reloads_;
}

std::uint64_t FileCertificateSource::Failures() const {
  const std::lock_guard lock(mutex_);
  return failures_;
}

Status FileCertificateSource::Healthy() const {
  const Time not_after = NotAfter();
  if (clock_.Now() < not_after) return {};
  return Fail(Code::kFailedPrecondition,
              "the serving certificate expired at " + FormatTime(not_after));
}

}  // namespace countersign
