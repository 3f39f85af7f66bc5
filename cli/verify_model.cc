#include "cli/verify_model.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <variant>

#include "base/digest.h"
#include "cli/files.h"
#include "cli/model_files.h"

namespace countersign {
namespace {

namespace fs = std::filesystem;

bool IsFolder(const std::string& path) {
  std::error_code ignored;
  return fs::symlink_status(path, ignored).type() == fs::file_type::directory;
}

// The signature's path within the folder; empty: it lies elsewhere.
std::string WithinModel(const std::string& folder, const std::string& file) {
  std::error_code error;
  const fs::path inner =
      fs::weakly_canonical(file, error).lexically_relative(fs::weakly_canonical(folder, error));
  const std::string path = inner.generic_string();
  return error || path.starts_with("..") || path == "." ? std::string() : path;
}

// "'a', 'b' and 3 more"
std::string Some(const std::vector<std::string>& names) {
  constexpr std::size_t kShown = 5;
  std::string text;
  for (std::size_t i = 0; i < names.size() && i < kShown; ++i) {
    text += (i == 0 ? "'" : ", '") + Excerpt(names[i]) + "'";
  }
  if (names.size() > kShown) text += " and " + std::to_string(names.size() - kShown) + " more";
  return text;
}

// What the signature leaves out, and the caller does not allow it to.
void CheckAllowed(const SignedModel& model, const ModelCheck& check,
                  std::vector<ModelFault>& faults) {
  std::vector<std::string> left_out;
  for (const std::string& path : model.ignored) {
    if (IsNeverPartOfModel(path) ||
        std::find(check.ignored.begin(), check.ignored.end(), path) != check.ignored.end()) {
      continue;
    }
    left_out.push_back(path);
  }
  if (!left_out.empty()) {
    std::string why = "the signature leaves out " + Some(left_out) +
                      " of the model: sign all of it, or allow each with --ignore-path";
    faults.push_back({"ModelPathNotSigned", std::move(why), std::move(left_out)});
  }
  if (model.symlinks && !check.symlinks) {
    faults.push_back({"ModelSymlinksFollowed",
                      "symbolic links were followed when it was signed: sign it without them, or "
                      "allow them with --allow-symlinks"});
  }
}

Status CompareFile(const SignedModel& model, const ModelCheck& check,
                   std::vector<ModelFault>& faults) {
  const auto listed = model.files.find(".");
  if (listed == model.files.end()) {
    faults.push_back({"SignatureForOtherModel",
                      "the signature is for a folder, and '" + check.model + "' is a file"});
    return {};
  }
  auto digest = DigestModelFile(check.model);
  if (!digest) return Fail(digest.error());
  if (DigestText(*digest) != listed->second) {
    faults.push_back({"ModelFileChanged",
                      "'" + check.model + "' is not what was signed: its digest is " +
                          DigestText(*digest) + ", the signed one " + listed->second,
                      {"."}});
  }
  return {};
}

Status CompareFolder(const SignedModel& model, const ModelCheck& check,
                     const std::string& signature, std::vector<ModelFault>& faults) {
  if (model.files.contains(".")) {
    faults.push_back({"SignatureForOtherModel",
                      "the signature is for one file, and '" + check.model + "' is a folder"});
    return {};
  }
  ModelFilesOptions options{model.ignored, model.symlinks, 0};
  if (std::string inner = WithinModel(check.model, signature); !inner.empty()) {
    options.ignored.push_back(std::move(inner));
  }
  if (!options.follow_links) {
    auto links = SymlinksIn(check.model, options.ignored);
    if (!links) return Fail(links.error());
    if (!links->empty()) {
      std::string why = "symbolic links, and what they lead to may change: " + Some(*links) +
                        ": put the files themselves there, as they were signed";
      faults.push_back({"ModelHasSymlinks", std::move(why), *std::move(links)});
      return {};
    }
  }
  auto found = DigestFolder(check.model, options);
  if (!found) return Fail(found.error());
  std::vector<std::string> unsigned_files;
  std::vector<std::string> changed;
  std::vector<std::string> missing;
  for (const auto& [name, digest] : *found) {
    const auto listed = model.files.find(name);
    if (listed == model.files.end()) {
      unsigned_files.push_back(name);
    } else if (listed->second != DigestText(digest)) {
      changed.push_back(name);
    }
  }
  for (const auto& [name, digest] : model.files) {
    if (!found->contains(name)) missing.push_back(name);
  }
  const auto add = [&](const char* reason, const char* what, std::vector<std::string> names) {
    if (names.empty()) return;
    std::string why = what + Some(names);
    faults.push_back({reason, std::move(why), std::move(names)});
  };
  add("ModelFileChanged", "not what was signed: ", std::move(changed));
  add("ModelFileMissing", "missing: ", std::move(missing));
  add("ModelFileNotSigned", "not signed: ", std::move(unsigned_files));
  return {};
}

// Why what was asked about has no answer: the first is an error of whoever calls, the second a
// fault of the signature.
using NoKey = std::variant<Error, ModelFault>;
using KeyOrNot = tl::expected<VerificationKey, NoKey>;

tl::unexpected<NoKey> Wrong(Code code, std::string message, const char* flag) {
  return tl::unexpected<NoKey>(Error{code, std::move(message), flag, {}});
}
tl::unexpected<NoKey> DoesNotHold(std::string reason, std::string message) {
  return tl::unexpected<NoKey>(ModelFault{std::move(reason), std::move(message)});
}

// By the bundle's certificates, under one of the authorities if there are any.
KeyOrNot KeyByCertificate(const ModelBundle& bundle, const ModelCheck& check, Time now,
                          CheckedModel& out) {
  if (bundle.certificates.empty()) {
    return DoesNotHold("SignatureKeyUnsupported",
                       "it was signed by a key, not by a certificate: give the key with --key");
  }
  auto chain = CertificateChain::FromDer(bundle.certificates);
  if (!chain) {
    return DoesNotHold("SignatureKeyUnsupported", "its certificate " + chain.error().message);
  }
  out.chain = *chain;
  if (check.authorities.empty()) return chain->key();
  std::vector<std::string> lists;
  for (const std::string& file : check.revocation_lists) {
    auto text = ReadTextFile(file);
    if (!text) return Wrong(text.error().code, text.error().message, "--revocation-list");
    lists.push_back(*std::move(text));
  }
  auto text = ReadTextFile(check.authorities);
  if (!text) return Wrong(text.error().code, text.error().message, "--certificate-chain");
  auto all = CertificateAuthority::ParseAll(*text, lists, {CertificateUse::kCodeSigning});
  if (!all) {
    const bool list = all.error().path.starts_with("revocation");
    return Wrong(Code::kInvalidArgument, all.error().ToString(),
                 list ? "--revocation-list" : "--certificate-chain");
  }
  std::string why;
  for (const CertificateAuthority& authority : *all) {
    why = authority.WhyNot(*chain, now);
    if (why.empty()) return chain->key();
  }
  return DoesNotHold("SignerCertificateUntrusted",
                     "certificate of " + chain->Name() + " does not count: " + why);
}

KeyOrNot KeyFor(const ModelBundle& bundle, const ModelCheck& check, Time now, CheckedModel& out) {
  if (check.key.empty()) return KeyByCertificate(bundle, check, now, out);
  auto text = ReadTextFile(check.key);
  if (!text) return Wrong(text.error().code, text.error().message, "--key");
  out.public_key = *std::move(text);
  auto key = VerificationKey::Parse(out.public_key);
  if (!key) return Wrong(Code::kInvalidArgument, key.error().message, "--key");
  return *key;
}

// What stands in the bundle; faults are added to `out`.
Status Open(const ModelCheck& check, Time now, CheckedModel& out) {
  const auto refuted = [&](const SignatureFault& fault) {
    out.faults.push_back({fault.reason, fault.message});
    return Status();
  };
  auto bundle = ReadModelBundle(out.bundle);
  if (!bundle) return refuted(bundle.error());
  auto key = KeyFor(*bundle, check, now, out);
  if (!key) {
    if (const auto* error = std::get_if<Error>(&key.error())) return Fail(*error);
    out.faults.push_back(std::get<ModelFault>(key.error()));
    return {};
  }
  out.fingerprint = key->fingerprint();
  auto model = OpenModelBundle(*bundle, *key);
  if (!model) return refuted(model.error());
  out.signed_model = *std::move(model);
  return {};
}

}  // namespace

Result<CheckedModel> CheckModel(const ModelCheck& check, Time now) {
  const bool folder = IsFolder(check.model);
  if (!folder && check.signature.empty()) {
    return Fail(Code::kInvalidArgument, "is required for a model that is one file", "--signature");
  }
  const std::string path = check.signature.empty() ? check.model + "/model.sig" : check.signature;
  CheckedModel out;
  auto text = ReadTextFile(path);
  if (!text) return Fail(text.error().code, text.error().message, "--signature");
  out.bundle = *std::move(text);
  if (auto opened = Open(check, now, out); !opened) return Fail(opened.error());
  if (!out.signed_model) return out;
  CheckAllowed(*out.signed_model, check, out.faults);
  // Where it leaves out what it must not, the files are not worth the time that they take.
  if (!out.faults.empty()) return out;
  auto compared = folder ? CompareFolder(*out.signed_model, check, path, out.faults)
                         : CompareFile(*out.signed_model, check, out.faults);
  if (!compared) return Fail(compared.error());
  return out;
}

}  // namespace countersign
