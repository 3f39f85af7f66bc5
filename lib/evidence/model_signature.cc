#include "evidence/model_signature.h"

#include <algorithm>
#include <array>

#include "base/digest.h"
#include "evidence/dsse.h"
#include "evidence/signed_object.h"

namespace countersign {
namespace {

constexpr std::string_view kBundleType = "application/vnd.dev.sigstore.bundle.v0.3+json";
constexpr std::string_view kPredicate = "https://model_signing/signature/v1.0";
constexpr std::string_view kOldPredicate = "https://model_signing/Digests/v0.1";
constexpr std::size_t kMaxCertificates = 8;
constexpr std::size_t kMaxIgnored = 64;
constexpr std::array<std::string_view, 5> kNeverPart = {".git", ".gitattributes", ".github",
                                                        ".gitignore", "model.sig"};

constexpr const char* kOld =
    "it was made by model-signing before v1.0 (predicate https://model_signing/Digests/v0.1), "
    "which "
    "signs no root: sign the model again with model-signing 1.0 or later";

constexpr const char* kMalformed = "SignatureMalformed";
constexpr const char* kOtherType = "SignatureOfOtherType";
constexpr const char* kOutdated = "SignatureOutdated";
constexpr const char* kSerialization = "ModelSerializationUnsupported";

tl::unexpected<SignatureFault> Bad(std::string why) { return Refuted(kMalformed, std::move(why)); }

// The bytes of 64 lower-case hexadecimal digits; empty for anything else.
std::string DigestBytes(std::string_view hex) {
  if (hex.size() != 64) return {};
  std::string bytes;
  const auto value = [](char c) { return c >= 'a' ? c - 'a' + 10 : c - '0'; };
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    for (const char c : {hex[i], hex[i + 1]}) {
      if ((c < '0' || c > '9') && (c < 'a' || c > 'f')) return {};
    }
    bytes += static_cast<char>(value(hex[i]) * 16 + value(hex[i + 1]));
  }
  return bytes;
}

// A path within the model that names one file and leaves it nowhere: "sub/tok.txt", or "." for a
// model that is one file.
bool IsPlainPath(std::string_view path) {
  if (path == ".") return true;
  if (path.empty() || path.size() > 4096 || path.find('\0') != path.npos) return false;
  while (true) {
    const auto slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    if (part.empty() || part == "." || part == "..") return false;
    if (slash == path.npos) return true;
    path.remove_prefix(slash + 1);
  }
}

Proven<void> ReadSerialization(const Json& predicate, SignedModel& model) {
  const std::string at = "its serialization's ";
  const Json* how = Find(predicate, "serialization");
  if (how == nullptr) return Bad("its predicate has no serialization");
  if (StringAt(*how, "method") != "files") {
    return Refuted(kSerialization, at + "method must be 'files', is '" +
                                       Excerpt(StringAt(*how, "method")) +
                                       "': sign without shards");
  }
  if (StringAt(*how, "hash_type") != "sha256") {
    return Refuted(kSerialization, at + "hash_type must be 'sha256', is '" +
                                       Excerpt(StringAt(*how, "hash_type")) + "'");
  }
  const Json* links = Find(*how, "allow_symlinks");
  if (links == nullptr || !links->is_boolean()) {
    return Refuted(kSerialization, at + "allow_symlinks must be true or false");
  }
  model.symlinks = links->get<bool>();
  const Json* ignored = Find(*how, "ignore_paths");
  if (ignored == nullptr) return {};
  if (!ignored->is_array()) return Refuted(kSerialization, at + "ignore_paths must be a list");
  if (ignored->size() > kMaxIgnored) {
    return Refuted("ModelIgnoresTooMuch", at + "ignore_paths must list at most " +
                                              std::to_string(kMaxIgnored) + " paths, lists " +
                                              std::to_string(ignored->size()));
  }
  for (const Json& path : *ignored) {
    if (!path.is_string() || !IsPlainPath(path.get_ref<const std::string&>()) || path == ".") {
      return Refuted(kSerialization, at + "ignore_paths must be paths within the model, one is " +
                                         Excerpt(DumpJson(path)));
    }
    model.ignored.push_back(path.get<std::string>());
  }
  std::sort(model.ignored.begin(), model.ignored.end());
  return {};
}

Proven<void> ReadFiles(const Json& predicate, SignedModel& model) {
  const Json* resources = Find(predicate, "resources");
  if (resources == nullptr || !resources->is_array() || resources->empty()) {
    return Bad("its predicate must list the model's files as resources");
  }
  Sha256Stream root;
  std::string before;
  for (const Json& resource : *resources) {
    const std::string name = StringAt(resource, "name");
    const std::string hex = StringAt(resource, "digest");
    const std::string bytes = DigestBytes(hex);
    if (!IsPlainPath(name) || (name == "." && resources->size() != 1)) {
      return Bad("it names a file '" + Excerpt(name) + "', which is no path within the model");
    }
    if (StringAt(resource, "algorithm") != "sha256" || bytes.empty()) {
      return Refuted(kSerialization, "its digest of '" + Excerpt(name) +
                                         "' must be by sha256, in lower-case hexadecimal digits");
    }
    root.Update(bytes);
    if (!model.files.emplace(name, "sha256:" + hex).second) {
      return Bad("it lists '" + Excerpt(name) + "' twice");
    }
    if (!before.empty() && ModelFileOrder()(name, before)) {
      return Bad("it lists '" + Excerpt(name) + "' after '" + Excerpt(before) +
                 "': files must be in the order of their paths, else nobody gets its root from "
                 "the model; sign it with model_signing 1.0 or later");
    }
    before = name;
  }
  model.root = DigestText(root.Finish());
  return {};
}

Proven<SignedModel> ReadStatement(const Json& statement) {
  if (StringAt(statement, "_type") != kStatementType) {
    return Refuted(kOtherType, "its payload must be an in-toto Statement v1");
  }
  const std::string type = StringAt(statement, "predicateType");
  if (type == kOldPredicate) return Refuted(kOutdated, kOld);
  if (type != kPredicate) {
    return Refuted(kOtherType, "its predicate must be '" + std::string(kPredicate) + "', is '" +
                                   Excerpt(type) + "'");
  }
  const Json* subjects = Find(statement, "subject");
  const Json* predicate = Find(statement, "predicate");
  if (subjects == nullptr || !subjects->is_array() || subjects->size() != 1) {
    return Bad("it must have exactly one subject, the model");
  }
  if (predicate == nullptr || !predicate->is_object()) return Bad("its payload has no predicate");
  SignedModel model;
  if (auto ok = ReadSerialization(*predicate, model); !ok) return Refuted(ok.error());
  if (auto ok = ReadFiles(*predicate, model); !ok) return Refuted(ok.error());
  const std::string stated = "sha256:" + StringAt(subjects->front(), "digest/sha256");
  if (stated != model.root) {
    return Refuted("ModelRootDiffers", "it contradicts itself: its subject is " + Excerpt(stated) +
                                           ", and its files make " + model.root);
  }
  return model;
}

// What was not verified decides nothing but which reason is given: old versions also computed the
// bytes to sign in a way of their own, so that their signatures hold by no rule of today.
bool LooksOld(const Json& envelope) {
  const auto payload = Base64Decode(StringAt(envelope, "payload"));
  const auto json = payload ? ParseJson(*payload, 16) : Result<Json>(Json());
  return json && StringAt(*json, "predicateType") == kOldPredicate;
}

}  // namespace

bool ModelFileOrder::operator()(std::string_view a, std::string_view b) const {
  const auto weight = [](char c) { return c == '/' ? 0 : static_cast<unsigned char>(c) + 1; };
  return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(),
                                      [&](char x, char y) { return weight(x) < weight(y); });
}

bool IsNeverPartOfModel(std::string_view path) {
  return std::find(kNeverPart.begin(), kNeverPart.end(), path) != kNeverPart.end();
}

Proven<ModelBundle> ReadModelBundle(std::string_view text) {
  if (text.size() > kMaxModelBundle) {
    return Refuted("SignatureTooLarge", "it is larger than 64 MiB");
  }
  auto json = ParseJson(text, 16);
  if (!json) return Bad("it is no Sigstore bundle: " + json.error().message);
  if (StringAt(*json, "mediaType") != kBundleType) {
    return Bad("its mediaType must be '" + std::string(kBundleType) + "', is '" +
               Excerpt(StringAt(*json, "mediaType")) + "'");
  }
  ModelBundle bundle;
  const Json* material = Find(*json, "verificationMaterial");
  const Json* chain =
      material == nullptr ? nullptr : FindPath(*material, "x509CertificateChain/certificates");
  if (chain != nullptr) {
    if (!chain->is_array() || chain->empty() || chain->size() > kMaxCertificates) {
      return Bad("it must carry 1 to " + std::to_string(kMaxCertificates) + " certificates");
    }
    for (const Json& certificate : *chain) {
      auto der = Base64Decode(StringAt(certificate, "rawBytes"));
      if (!der) return Bad("a certificate of it " + der.error().message);
      bundle.certificates.push_back(*std::move(der));
    }
  } else if (material == nullptr || Find(*material, "publicKey") == nullptr) {
    return Refuted(
        "SignatureKeyUnsupported",
        "it must be signed by a key or a certificate (model_signing sign key, sign certificate)");
  }
  const Json* envelope = Find(*json, "dsseEnvelope");
  const Json* signatures = envelope == nullptr ? nullptr : Find(*envelope, "signatures");
  if (signatures == nullptr || !signatures->is_array() || signatures->size() != 1) {
    return Bad("it must hold a DSSE envelope with exactly one signature");
  }
  bundle.envelope = *envelope;
  return bundle;
}

Proven<SignedModel> OpenModelBundle(const ModelBundle& bundle, const VerificationKey& key) {
  if (key.IsHardwareKey()) {
    return Refuted("SignatureKeyUnsupported", "hardware keys of OpenSSH sign no models");
  }
  auto payload = OpenReadEnvelope(key, kStatementPayload, bundle.envelope);
  if (!payload && LooksOld(bundle.envelope)) return Refuted(kOutdated, kOld);
  if (!payload) return Refuted(payload.error());
  return ReadStatement(*payload);
}

}  // namespace countersign
