#include "cli/verify_model.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "base/digest.h"
#include "cli/files.h"
#include "cli/model_files.h"

namespace countersign {
namespace {

namespace fs = std::filesystem;

tl::unexpected<Error> DoesNotHold(std::string why) {
  return Fail(Code::kFailedPrecondition, std::move(why));
}

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

Status Allowed(const SignedModel& model, const ModelCheck& check) {
  std::vector<std::string> left_out;
  for (const std::string& path : model.ignored) {
    if (IsNeverPartOfModel(path) ||
        std::find(check.ignored.begin(), check.ignored.end(), path) != check.ignored.end()) {
      continue;
    }
    left_out.push_back(path);
  }
  if (!left_out.empty()) {
    return DoesNotHold("the signature leaves out " + Some(left_out) +
                       " of the model: sign all of it, or allow each with --ignore-path");
  }
  if (model.symlinks && !check.symlinks) {
    return DoesNotHold(
        "symbolic links were followed when it was signed: sign it without them, or allow them with "
        "--allow-symlinks");
  }
  return {};
}

Status CompareFile(const SignedModel& model, const ModelCheck& check) {
  const auto listed = model.files.find(".");
  if (listed == model.files.end()) {
    return DoesNotHold("the signature is for a folder, and '" + check.model + "' is a file");
  }
  auto digest = DigestModelFile(check.model);
  if (!digest) return Fail(digest.error());
  if (DigestText(*digest) == listed->second) return {};
  return DoesNotHold("'" + check.model + "' is not what was signed: its digest is " +
                     DigestText(*digest) + ", the signed one " + listed->second);
}

Status CompareFolder(const SignedModel& model, const ModelCheck& check,
                     const std::string& signature) {
  ModelFilesOptions options{model.ignored, model.symlinks, 0};
  if (std::string inner = WithinModel(check.model, signature); !inner.empty()) {
    options.ignored.push_back(std::move(inner));
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
  std::string why;
  const auto add = [&](const char* what, const std::vector<std::string>& names) {
    if (!names.empty()) why += (why.empty() ? "" : "; ") + std::string(what) + Some(names);
  };
  add("not what was signed: ", changed);
  add("missing: ", missing);
  add("not signed: ", unsigned_files);
  return why.empty() ? Status() : DoesNotHold(std::move(why));
}

// By the bundle's certificates, under one of the authorities if there are any.
Result<VerificationKey> KeyByCertificate(const ModelBundle& bundle, const ModelCheck& check,
                                         Time now, CheckedModel& out) {
  if (bundle.certificates.empty()) {
    return DoesNotHold("it was signed by a key, not by a certificate: give the key with --key");
  }
  auto chain = CertificateChain::FromDer(bundle.certificates);
  if (!chain) return DoesNotHold("its certificate " + chain.error().message);
  out.chain = *chain;
  if (check.authorities.empty()) return chain->key();
  std::vector<std::string> lists;
  for (const std::string& file : check.revocation_lists) {
    auto text = ReadTextFile(file);
    if (!text) return Fail(text.error().code, text.error().message, "--revocation-list");
    lists.push_back(*std::move(text));
  }
  auto text = ReadTextFile(check.authorities);
  if (!text) return Fail(text.error().code, text.error().message, "--certificate-chain");
  auto all = CertificateAuthority::ParseAll(*text, lists, {CertificateUse::kCodeSigning});
  if (!all) {
    const bool list = all.error().path.starts_with("revocation");
    return Fail(Code::kInvalidArgument, all.error().ToString(),
                list ? "--revocation-list" : "--certificate-chain");
  }
  std::string why;
  for (const CertificateAuthority& authority : *all) {
    why = authority.WhyNot(*chain, now);
    if (why.empty()) return chain->key();
  }
  return DoesNotHold("certificate of " + chain->Name() + " does not count: " + why);
}

Result<VerificationKey> KeyFor(const ModelBundle& bundle, const ModelCheck& check, Time now,
                               CheckedModel& out) {
  if (check.key.empty()) return KeyByCertificate(bundle, check, now, out);
  auto text = ReadTextFile(check.key);
  if (!text) return Fail(text.error().code, text.error().message, "--key");
  out.public_key = *std::move(text);
  auto key = VerificationKey::Parse(out.public_key);
  if (!key) return Fail(Code::kInvalidArgument, key.error().message, "--key");
  return key;
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
  auto bundle = ReadModelBundle(out.bundle);
  if (!bundle) return DoesNotHold(bundle.error().message);
  auto key = KeyFor(*bundle, check, now, out);
  if (!key) return Fail(key.error());
  out.fingerprint = key->fingerprint();
  auto model = OpenModelBundle(*bundle, *key);
  if (!model) return DoesNotHold(model.error().message);
  out.signed_model = *std::move(model);
  if (auto ok = Allowed(out.signed_model, check); !ok) return Fail(ok.error());
  auto same =
      folder ? CompareFolder(out.signed_model, check, path) : CompareFile(out.signed_model, check);
  if (!same) return Fail(same.error());
  return out;
}

}  // namespace countersign
