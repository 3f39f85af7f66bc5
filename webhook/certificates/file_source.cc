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

// For logs; empty where only a client CA is read.
std::string EndOf(const std::shared_ptr<const ServingCertificate>& pair) {
  return pair == nullptr ? std::string() : FormatTime(pair->NotAfter());
}

}  // namespace

FileCertificateSource::FileCertificateSource(CertificateFiles files, Clock& clock)
    : files_(std::move(files)), clock_(clock) {}

FileCertificateSource::~FileCertificateSource() = default;

Result<std::unique_ptr<FileCertificateSource>> FileCertificateSource::Create(CertificateFiles files,
                                                                             Clock& clock) {
  std::unique_ptr<FileCertificateSource> source(new FileCertificateSource(std::move(files), clock));
  Result<Snapshot> first = source->Load("");
  if (!first) return Fail(first.error());
  source->current_ = *std::move(first);
  source->poller_ =
      std::jthread([raw = source.get()](const std::stop_token& stop) { raw->Poll(stop); });
  return source;
}

Result<FileCertificateSource::Snapshot> FileCertificateSource::Load(
    const std::string& known_digest) const {
  const bool pair = !files_.certificate.empty();
  const Result<std::string> certificate = pair ? ReadFile(files_.certificate) : std::string();
  if (!certificate) return Fail(certificate.error());
  const Result<std::string> key = pair ? ReadFile(files_.key) : std::string();
  if (!key) return Fail(key.error());
  Result<std::string> client_ca = std::string();
  if (!files_.client_ca.empty()) client_ca = ReadFile(files_.client_ca);
  if (!client_ca) return Fail(client_ca.error());

  Snapshot snapshot;
  snapshot.digest = Sha256Hex(Sha256Hex(*certificate) + Sha256Hex(*key) + Sha256Hex(*client_ca));
  if (snapshot.digest == known_digest) return snapshot;
  if (pair) {
    Result<std::shared_ptr<const ServingCertificate>> serving =
        ServingCertificate::Parse(*certificate, *key, files_.wanted_name, clock_.Now());
    if (!serving) return Fail(serving.error());
    snapshot.serving = *std::move(serving);
  }
  if (!files_.client_ca.empty()) {
    Result<std::shared_ptr<const ClientTrust>> trust = ClientTrust::Parse(*client_ca);
    if (!trust) return Fail(trust.error());
    snapshot.trust = *std::move(trust);
  }
  return snapshot;
}

Status FileCertificateSource::Reload() {
  std::string known;
  {
    const std::lock_guard lock(mutex_);
    known = current_.digest;
  }
  Result<Snapshot> next = Load(known);
  // The link may have been swapped between two reads: one more look tells a torn pair from a bad
  // one.
  if (!next) next = Load(known);

  const std::lock_guard lock(mutex_);
  if (!next) {
    ++failures_;
    if (next.error().message != last_failure_) {
      last_failure_ = next.error().message;
      Log(LogLevel::kWarning, "the serving certificate was not renewed; the last good one stays",
          {{"error", last_failure_}, {"notAfter", EndOf(current_.serving)}});
    }
    return Fail(next.error());
  }
  last_failure_.clear();
  if (next->digest == known) return {};
  current_ = *std::move(next);
  ++reloads_;
  Log(LogLevel::kInfo, "serving certificate renewed",
      {{"serial", current_.serving == nullptr ? "" : current_.serving->Serial()},
       {"notAfter", EndOf(current_.serving)}});
  return {};
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
  return current_.serving;
}

std::shared_ptr<const ClientTrust> FileCertificateSource::Trust() const {
  const std::lock_guard lock(mutex_);
  return current_.trust;
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
