#include "governance/types/authority_check.h"

#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <string_view>
#include <tuple>

namespace countersign {
namespace {

std::string At(const std::string& path, std::size_t index) {
  return path + "[" + std::to_string(index) + "]";
}

void Add(std::vector<Error>& errors, std::string path, std::string message) {
  errors.push_back({Code::kInvalidArgument, std::move(message), std::move(path), std::nullopt});
}

constexpr std::array<std::string_view, 4> kCarried = {"SignOff", "BiasTest", "Evidence",
                                                      "ReproducibilitySnapshot"};

}  // namespace

void CheckInstallations(const GovernancePolicySpec& spec, std::vector<Error>& errors) {
  std::map<std::string, std::string> owners;  // fingerprint to name
  for (std::size_t i = 0; i < spec.trusted_installations.size(); ++i) {
    const TrustedInstallation& one = spec.trusted_installations[i];
    const std::string path = At("spec.trustedInstallations", i);
    for (std::size_t k = 0; k < one.public_keys.size(); ++k) {
      const std::string key_path = At(path + ".publicKeys", k);
      auto key = VerificationKey::Parse(one.public_keys[k]);
      if (!key) {
        Add(errors, key_path, key.error().message);
        continue;
      }
      if (key->algorithm() != "ecdsa-sha2-nistp256") {
        Add(errors, key_path,
            "must be ECDSA P-256, which installations sign with, is " + key->algorithm());
      }
      const auto [it, fresh] = owners.emplace(key->fingerprint(), one.name);
      if (!fresh) Add(errors, key_path, "is listed for '" + it->second + "' already");
    }
    for (std::size_t k = 0; k < one.kinds.size(); ++k) {
      if (std::find(kCarried.begin(), kCarried.end(), one.kinds[k]) != kCarried.end()) continue;
      Add(errors, At(path + ".kinds", k),
          "must be SignOff, BiasTest, Evidence or ReproducibilitySnapshot, is '" + one.kinds[k] +
              "'");
    }
    for (std::size_t k = 0; k < one.environments.size(); ++k) {
      const std::string& name = one.environments[k];
      if (std::any_of(spec.environments.begin(), spec.environments.end(),
                      [&](const PolicyEnvironment& e) { return e.name == name; })) {
        continue;
      }
      Add(errors, At(path + ".environments", k), "'" + name + "' is not one of spec.environments");
    }
  }
}

void CheckAuthorities(const GovernancePolicySpec& spec, std::vector<Error>& errors) {
  std::map<std::string, std::string> authorities;  // fingerprint to name
  std::map<std::string, std::string> names;        // name to fingerprint
  for (std::size_t i = 0; i < spec.certificate_authorities.size(); ++i) {
    const TrustedAuthority& authority = spec.certificate_authorities[i];
    const std::string path = At("spec.certificateAuthorities", i);
    names[authority.name];
    auto parsed = ParseAuthority(authority);
    if (!parsed) {
      Add(errors, path + "." + parsed.error().path, parsed.error().message);
      continue;
    }
    const auto [it, fresh] = authorities.emplace(parsed->fingerprint(), authority.name);
    if (!fresh) Add(errors, path + ".certificate", "is that of '" + it->second + "' too");
  }
  std::map<std::tuple<std::string, std::string, std::string>, std::string> owners;
  for (std::size_t i = 0; i < spec.people.size(); ++i) {
    const Person& person = spec.people[i];
    for (std::size_t k = 0; k < person.certificates.size(); ++k) {
      const PersonCertificate& one = person.certificates[k];
      const std::string path = At(At("spec.people", i) + ".certificates", k);
      if (!names.contains(one.authority)) {
        Add(errors, path + ".authority",
            "'" + one.authority + "' is not one of spec.certificateAuthorities");
      }
      if (one.email.empty() == one.uri.empty()) {
        Add(errors, path, "must have exactly one of email and uri");
        continue;
      }
      const auto [it, fresh] =
          owners.emplace(std::tuple(one.authority, one.email, one.uri), person.name);
      if (!fresh) {
        Add(errors, path,
            "certificates of '" + one.authority + "' for '" + one.email + one.uri +
                "' already belong to '" + it->second + "'");
      }
    }
  }
}

}  // namespace countersign
