#include "base/certificate.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <ctime>
#include <limits>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <utility>

#include "base/digest.h"

namespace countersign {
namespace {

constexpr std::size_t kMaxPem = 65'536;          // of a chain
constexpr std::size_t kMaxListPem = 1U << 20U;   // of a revocation list, some 10,000 entries
constexpr std::size_t kMaxCertificate = 16'384;  // DER
constexpr int kMaxNames = 32;
constexpr int kSecurityLevel = 3;            // 128 bits: no SHA-1, RSA of 3072 bits or more
constexpr std::size_t kRemembered = 16'384;  // answers of one authority

struct ErrorScope {
  ErrorScope() { ERR_clear_error(); }
  ~ErrorScope() { ERR_clear_error(); }
};

using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;
using Cert = std::shared_ptr<X509>;
using RevocationList = std::shared_ptr<X509_CRL>;
using Names = std::unique_ptr<GENERAL_NAMES, decltype(&GENERAL_NAMES_free)>;

tl::unexpected<Error> Bad(std::string why, std::string path = {}) {
  return Fail(Code::kInvalidArgument, std::move(why), std::move(path));
}

Bio Memory(std::string_view text) {
  return {BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), BIO_free};
}

int NoPassPhrase(char*, int, int, void*) { return 0; }

std::string DerOf(const X509* certificate) {
  unsigned char* der = nullptr;
  const int size = i2d_X509(certificate, &der);
  if (size <= 0) return {};
  std::string out(reinterpret_cast<char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  return out;
}

// Null for anything but one certificate.
Cert FromDerOf(const std::string& der) {
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  const unsigned char* end = at + der.size();
  Cert certificate(d2i_X509(nullptr, &at, static_cast<long>(der.size())), X509_free);
  return at == end ? certificate : nullptr;
}

std::vector<Cert> ParsedOf(const std::vector<std::string>& all) {
  std::vector<Cert> certificates;
  certificates.reserve(all.size());
  for (const std::string& der : all) certificates.push_back(FromDerOf(der));
  return certificates;
}

// "CN = vera, O = Bank", for people.
std::string Text(const X509_NAME* name) {
  const Bio out(BIO_new(BIO_s_mem()), BIO_free);
  X509_NAME_print_ex(out.get(), name, 0, XN_FLAG_ONELINE & ~ASN1_STRFLGS_ESC_MSB);
  char* data = nullptr;
  const long size = BIO_get_mem_data(out.get(), &data);
  return "'" + Excerpt({data, static_cast<std::size_t>(size)}) + "'";
}

std::string SubjectOf(const X509* certificate) { return Text(X509_get_subject_name(certificate)); }

std::optional<Time> TimeOf(const ASN1_TIME* time) {
  std::tm parts{};
  if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1) return std::nullopt;
  return Time(std::chrono::seconds(timegm(&parts)));
}

Result<VerificationKey> KeyOf(X509* certificate) {
  const Bio out(BIO_new(BIO_s_mem()), BIO_free);
  EVP_PKEY* key = X509_get0_pubkey(certificate);
  if (key == nullptr || PEM_write_bio_PUBKEY(out.get(), key) != 1) {
    return Bad("has a key of an unknown kind");
  }
  char* data = nullptr;
  const long size = BIO_get_mem_data(out.get(), &data);
  auto parsed = VerificationKey::Parse({data, static_cast<std::size_t>(size)});
  if (!parsed) return Bad("has a key that does not count: it " + parsed.error().message);
  return parsed;
}

void ReadNames(const X509* certificate, std::vector<std::string>& emails,
               std::vector<std::string>& uris) {
  const Names names(static_cast<GENERAL_NAMES*>(
                        X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)),
                    GENERAL_NAMES_free);
  if (names == nullptr) return;
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()) && i < kMaxNames; ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_EMAIL && name->type != GEN_URI) continue;
    const ASN1_IA5STRING* text =
        name->type == GEN_EMAIL ? name->d.rfc822Name : name->d.uniformResourceIdentifier;
    const auto* data = reinterpret_cast<const char*>(ASN1_STRING_get0_data(text));
    std::string value(data, static_cast<std::size_t>(ASN1_STRING_length(text)));
    // An IA5String is ASCII (RFC 5280 section 4.2.1.6); what is not names nobody.
    if (!std::all_of(value.begin(), value.end(), [](char c) { return c > 0x20 && c < 0x7F; })) {
      continue;
    }
    (name->type == GEN_EMAIL ? emails : uris).push_back(std::move(value));
  }
}

bool Allows(std::uint32_t usage, CertificateUse use) {
  switch (use) {
    case CertificateUse::kCodeSigning: return (usage & XKU_CODE_SIGN) != 0;
    case CertificateUse::kEmailProtection: return (usage & XKU_SMIME) != 0;
    case CertificateUse::kClientAuth: return (usage & XKU_SSL_CLIENT) != 0;
  }
  return false;
}

const char* NameOfUse(CertificateUse use) {
  switch (use) {
    case CertificateUse::kCodeSigning: return "codeSigning";
    case CertificateUse::kEmailProtection: return "emailProtection";
    case CertificateUse::kClientAuth: return "clientAuth";
  }
  return "";
}

bool IsWeakDigest(int signature) {
  int digest = NID_undef;
  int key = NID_undef;
  if (OBJ_find_sigid_algs(signature, &digest, &key) != 1) return true;
  return digest == NID_sha1 || digest == NID_md5 || digest == NID_md5_sha1;
}

struct Listed {
  RevocationList list;
  Time from;
  Time until;
};

Result<Listed> ParseList(std::string_view pem, X509* authority) {
  if (pem.size() > kMaxListPem) return Bad("is larger than 1 MiB");
  const Bio bio = Memory(pem);
  const RevocationList list(PEM_read_bio_X509_CRL(bio.get(), nullptr, NoPassPhrase, nullptr),
                            X509_CRL_free);
  if (list == nullptr) return Bad("must be a list of revoked certificates in PEM (X509 CRL)");
  const auto from = TimeOf(X509_CRL_get0_lastUpdate(list.get()));
  const auto until = TimeOf(X509_CRL_get0_nextUpdate(list.get()));
  if (!from || !until) return Bad("must say when the next list comes (nextUpdate)");
  // Such a list names part of what was revoked, and would let the rest pass.
  if (X509_CRL_get_ext_by_critical(list.get(), 1, -1) >= 0) {
    return Bad("has a critical extension: lists that are partial or a difference do not count");
  }
  if (IsWeakDigest(X509_CRL_get_signature_nid(list.get())))
    return Bad("is signed with SHA-1 or MD5");
  const bool own =
      X509_NAME_cmp(X509_CRL_get_issuer(list.get()), X509_get_subject_name(authority)) == 0;
  if (own && X509_CRL_verify(list.get(), X509_get0_pubkey(authority)) != 1) {
    return Bad("is not signed by the authority's certificate");
  }
  return Listed{list, *from, *until};
}

// Since when the list says that a certificate is revoked.
std::optional<Time> RevokedSince(X509_CRL* list, X509* certificate) {
  X509_REVOKED* entry = nullptr;
  if (X509_CRL_get0_by_serial(list, &entry, X509_get0_serialNumber(certificate)) != 1) {
    return std::nullopt;
  }
  // When the key was lost may be before anybody knew.
  auto* lost = static_cast<ASN1_TIME*>(
      X509_REVOKED_get_ext_d2i(entry, NID_invalidity_date, nullptr, nullptr));
  const auto known = TimeOf(lost);
  ASN1_TIME_free(lost);
  const Time listed = TimeOf(X509_REVOKED_get0_revocationDate(entry)).value_or(Time::min());
  return known ? std::min(*known, listed) : listed;
}

using Store = std::unique_ptr<X509_STORE, decltype(&X509_STORE_free)>;
using StoreContext = std::unique_ptr<X509_STORE_CTX, decltype(&X509_STORE_CTX_free)>;
struct Stack {
  Stack() : all(sk_X509_new_null()) {}
  ~Stack() { sk_X509_free(all); }
  Stack(const Stack&) = delete;
  Stack& operator=(const Stack&) = delete;
  STACK_OF(X509) * all;
};

}  // namespace

// OpenSSL's own form of a certificate takes ten times its bytes, and evidence is kept for long.
struct CertificateChain::Parts {
  std::vector<std::string> all;  // DER, each well-formed
  VerificationKey key;
  std::string subject;
  std::vector<std::string> emails;
  std::vector<std::string> uris;
  Sha256Bytes digest{};  // over all of it
};

struct CertificateAuthority::State {
  Cert certificate;
  std::string fingerprint;
  std::vector<Listed> lists;
  std::vector<CertificateUse> uses;
  Store store{X509_STORE_new(), X509_STORE_free};

  // Answers, by what was asked: they never change.
  std::mutex mutex;
  std::unordered_map<std::string, std::string> answers;

  [[nodiscard]] std::string Judge(const CertificateChain::Parts& chain, Time at,
                                  Revocation revocation) const;
  [[nodiscard]] std::string Revoked(X509* certificate, X509* issuer, Time at) const;
  [[nodiscard]] std::string WrongUse(X509* certificate, bool signer) const;
};

Result<CertificateChain> CertificateChain::FromDer(const std::vector<std::string>& all) {
  const ErrorScope scope;
  if (all.empty() || all.size() > kMaxCertificates) {
    return Bad("must be 1 to " + std::to_string(kMaxCertificates) + " certificates");
  }
  Cert first;
  Sha256Stream digest;
  for (const std::string& der : all) {
    if (der.size() > kMaxCertificate) return Bad("has a certificate larger than 16 KiB");
    Cert certificate = FromDerOf(der);
    if (certificate == nullptr) return Bad("has something that is no certificate");
    digest.Update(std::to_string(der.size()) + ":");
    digest.Update(der);
    if (first == nullptr) first = std::move(certificate);
  }
  auto key = KeyOf(first.get());
  if (!key) return Fail(key.error());
  Parts parts{all, *std::move(key), SubjectOf(first.get()), {}, {}, digest.Finish()};
  ReadNames(first.get(), parts.emails, parts.uris);
  return CertificateChain(std::make_shared<const Parts>(std::move(parts)));
}

Result<CertificateChain> CertificateChain::FromPem(std::string_view pem) {
  const ErrorScope scope;
  if (pem.size() > kMaxPem) return Bad("is larger than 64 KiB");
  if (pem.find("PRIVATE KEY") != pem.npos) {
    return Bad("holds a private key; give certificates alone, and replace a key that others saw");
  }
  const Bio bio = Memory(pem);
  std::vector<std::string> all;
  while (true) {
    const Cert one(PEM_read_bio_X509(bio.get(), nullptr, NoPassPhrase, nullptr), X509_free);
    if (one == nullptr) {
      if (ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE) break;
      return Bad("has something that is no certificate in PEM");
    }
    all.push_back(DerOf(one.get()));
    if (all.size() > kMaxCertificates) break;
  }
  return FromDer(all);
}

std::string CertificateChain::Pem() const {
  std::string text;
  for (const Cert& certificate : ParsedOf(parts_->all)) {
    const Bio out(BIO_new(BIO_s_mem()), BIO_free);
    PEM_write_bio_X509(out.get(), certificate.get());
    char* data = nullptr;
    const long size = BIO_get_mem_data(out.get(), &data);
    text.append(data, static_cast<std::size_t>(size));
  }
  return text;
}

const VerificationKey& CertificateChain::key() const { return parts_->key; }
const std::vector<std::string>& CertificateChain::emails() const { return parts_->emails; }
const std::vector<std::string>& CertificateChain::uris() const { return parts_->uris; }

std::string CertificateChain::Name() const {
  if (!parts_->emails.empty()) return "'" + Excerpt(parts_->emails.front()) + "'";
  if (!parts_->uris.empty()) return "'" + Excerpt(parts_->uris.front()) + "'";
  return parts_->subject;
}

Result<CertificateAuthority> CertificateAuthority::Of(
    std::shared_ptr<X509> certificate, const std::vector<std::string>& revocation_lists,
    std::vector<CertificateUse> uses) {
  auto state = std::make_shared<State>();
  state->certificate = std::move(certificate);
  if (X509_check_ca(state->certificate.get()) != 1) {
    return Bad("must be of an authority (basic constraints CA:TRUE, key usage keyCertSign)",
               "certificate");
  }
  state->fingerprint = Sha256Hex(DerOf(state->certificate.get()));
  state->uses = std::move(uses);
  for (std::size_t i = 0; i < revocation_lists.size(); ++i) {
    auto list = ParseList(revocation_lists[i], state->certificate.get());
    if (!list) {
      return Bad(list.error().message, "revocationLists[" + std::to_string(i) + "]");
    }
    state->lists.push_back(*std::move(list));
  }
  X509_STORE_add_cert(state->store.get(), state->certificate.get());
  return CertificateAuthority(std::move(state));
}

Result<CertificateAuthority> CertificateAuthority::Parse(
    std::string_view certificate, const std::vector<std::string>& revocation_lists,
    std::vector<CertificateUse> uses) {
  const ErrorScope scope;
  auto chain = CertificateChain::FromPem(certificate);
  if (!chain) return Bad(chain.error().message, "certificate");
  if (chain->parts_->all.size() != 1) return Bad("must be one certificate", "certificate");
  return Of(FromDerOf(chain->parts_->all.front()), revocation_lists, std::move(uses));
}

Result<std::vector<CertificateAuthority>> CertificateAuthority::ParseAll(
    std::string_view certificates, const std::vector<std::string>& revocation_lists,
    const std::vector<CertificateUse>& uses) {
  const ErrorScope scope;
  auto chain = CertificateChain::FromPem(certificates);
  if (!chain) return Bad(chain.error().message, "certificate");
  std::vector<CertificateAuthority> all;
  for (const std::string& certificate : chain->parts_->all) {
    auto one = Of(FromDerOf(certificate), revocation_lists, uses);
    if (!one) return Fail(one.error());
    all.push_back(*std::move(one));
  }
  return all;
}

const std::string& CertificateAuthority::fingerprint() const { return state_->fingerprint; }

std::string CertificateAuthority::WhyNot(const CertificateChain& chain, Time at,
                                         Revocation revocation) const {
  std::string question(reinterpret_cast<const char*>(chain.parts_->digest.data()),
                       chain.parts_->digest.size());
  question += std::to_string(at.time_since_epoch().count());
  question += revocation == Revocation::kChecked ? "c" : "d";
  {
    const std::lock_guard lock(state_->mutex);
    if (const auto known = state_->answers.find(question); known != state_->answers.end()) {
      return known->second;
    }
  }
  std::string answer = state_->Judge(*chain.parts_, at, revocation);
  const std::lock_guard lock(state_->mutex);
  if (state_->answers.size() >= kRemembered) state_->answers.clear();
  state_->answers.emplace(std::move(question), answer);
  return answer;
}

std::string CertificateAuthority::State::WrongUse(X509* one, bool signer) const {
  if (signer) {
    const std::uint32_t flags = X509_get_extension_flags(one);
    if ((flags & EXFLAG_CA) != 0) return "it is an authority's, which signs certificates alone";
    if ((flags & EXFLAG_KUSAGE) == 0 || (X509_get_key_usage(one) & KU_DIGITAL_SIGNATURE) == 0) {
      return "its key usage must be digitalSignature";
    }
  }
  const std::uint32_t usage = X509_get_extended_key_usage(one);
  const bool absent = usage == std::numeric_limits<std::uint32_t>::max();
  if (absent && !signer) return {};  // of an authority: whatever those below it say
  std::string wanted;
  for (const CertificateUse use : uses) {
    if (!absent && Allows(usage, use)) return {};
    wanted += (wanted.empty() ? "" : " or ") + std::string(NameOfUse(use));
  }
  return (signer ? "its" : SubjectOf(one) + " on its way: the") +
         std::string(" extended key usage must be ") + wanted;
}

std::string CertificateAuthority::State::Revoked(X509* one, X509* issuer, Time at) const {
  std::optional<Time> until;
  std::optional<Time> since;
  for (const Listed& listed : lists) {
    X509_CRL* list = listed.list.get();
    if (X509_NAME_cmp(X509_CRL_get_issuer(list), X509_get_subject_name(issuer)) != 0 ||
        X509_CRL_verify(list, X509_get0_pubkey(issuer)) != 1) {
      continue;
    }
    until = std::max(until.value_or(listed.until), listed.until);
    // Later lists leave out what has expired, so an earlier one counts as well.
    if (const auto revoked = RevokedSince(list, one)) {
      since = std::min(since.value_or(*revoked), *revoked);
    }
  }
  if (since && *since <= at) return SubjectOf(one) + " is revoked since " + FormatTime(*since);
  const std::string by = SubjectOf(issuer);
  if (!until) return "there is no list of what " + by + " has revoked";
  if (*until > at) return {};
  return "the list of what " + by + " has revoked ended at " + FormatTime(*until) +
         ": put a newer one into the policy";
}

std::string CertificateAuthority::State::Judge(const CertificateChain::Parts& chain, Time at,
                                               Revocation revocation) const {
  const ErrorScope scope;
  const std::vector<Cert> certificates = ParsedOf(chain.all);
  X509* signer = certificates.front().get();
  if (auto why = WrongUse(signer, true); !why.empty()) return why;
  const Stack others;
  for (std::size_t i = 1; i < certificates.size(); ++i) {
    sk_X509_push(others.all, certificates[i].get());
  }
  const StoreContext context(X509_STORE_CTX_new(), X509_STORE_CTX_free);
  if (context == nullptr || others.all == nullptr ||
      X509_STORE_CTX_init(context.get(), store.get(), signer, others.all) != 1) {
    return "it could not be checked";
  }
  X509_VERIFY_PARAM* rules = X509_STORE_CTX_get0_param(context.get());
  X509_VERIFY_PARAM_set_time(rules, std::chrono::system_clock::to_time_t(
                                        std::chrono::time_point_cast<std::chrono::seconds>(at)));
  X509_VERIFY_PARAM_set_depth(rules, static_cast<int>(CertificateChain::kMaxCertificates));
  X509_VERIFY_PARAM_set_auth_level(rules, kSecurityLevel);
  // The authority that the policy lists is trusted, with or without one above it.
  X509_VERIFY_PARAM_set_flags(rules, X509_V_FLAG_PARTIAL_CHAIN);
  if (X509_verify_cert(context.get()) != 1) {
    const int error = X509_STORE_CTX_get_error(context.get());
    X509* at_fault = X509_STORE_CTX_get_current_cert(context.get());
    return std::string(X509_verify_cert_error_string(error)) +
           (at_fault == nullptr ? "" : " (" + SubjectOf(at_fault) + ")");
  }
  const STACK_OF(X509)* path = X509_STORE_CTX_get0_chain(context.get());
  for (int i = 0; i + 1 < sk_X509_num(path); ++i) {
    X509* one = sk_X509_value(path, i);
    if (i > 0) {
      if (auto why = WrongUse(one, false); !why.empty()) return why;
    }
    if (lists.empty() || revocation == Revocation::kDisregarded) continue;
    if (auto why = Revoked(one, sk_X509_value(path, i + 1), at); !why.empty()) return why;
  }
  return {};
}

}  // namespace countersign
