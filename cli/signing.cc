#include "cli/signing.h"

#include <unistd.h>

#include <iostream>

#include "base/digest.h"
#include "base/yaml.h"
#include "catalog/resources.h"
#include "cli/object_signature.h"

namespace countersign {

Status CanConfirm(bool yes, const Global& global) {
  if (yes || (::isatty(STDIN_FILENO) != 0 && !global.IsJson())) return {};
  return Fail(Code::kInvalidArgument, "must be given where nobody can be asked to confirm",
              "--yes");
}

std::ostream& SpeechOf(const RecordFlags& flags) { return flags.print ? std::cerr : std::cout; }

bool Confirmed(bool yes, std::ostream& out) {
  if (yes) return true;
  out << "Sign? [y/N] " << std::flush;
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "y" || answer == "Y" || answer == "yes";
}

void AddRecordFlags(CLI::App& command, RecordFlags& flags) {
  auto* key = command.add_option("--sign-with", flags.sign_with,
                                 "sign with this private key in PEM or of OpenSSH, or the public "
                                 "half of one that the agent holds");
  command
      .add_option("--certificate-chain", flags.certificates,
                  "file with the certificate of --sign-with's key in PEM, and after it those that "
                  "lead to an authority of the policy: for people whom the policy knows by a "
                  "certificate instead of a key")
      ->needs(key);
  command
      .add_flag("--print", flags.print,
                "print what is signed, for whoever applies it, instead of creating it")
      ->needs(key);
}

namespace {

void GiveName(Json& object) {
  const std::string prefix = StringAt(object, "metadata/generateName");
  if (prefix.empty()) return;
  object["metadata"].erase("generateName");
  auto digest = JsonDigest(object["spec"]);
  constexpr std::size_t kDigits = 10;
  SetPath(object, "metadata/name",
          prefix + (digest ? digest->substr(std::string("sha256:").size(), kDigits) : "signed"));
}

}  // namespace

Result<std::vector<Json>> SignAll(std::vector<Json> sign_offs, const RecordFlags& flags, Time now) {
  for (Json& sign_off : sign_offs) {
    auto made = SignObject(std::move(sign_off), flags.sign_with, now, flags.certificates);
    if (!made) {
      Error error = made.error();
      if (error.path == "--key") error.path = "--sign-with";
      return Fail(error);
    }
    sign_off = *std::move(made);
    if (flags.print) GiveName(sign_off);
  }
  return sign_offs;
}

int PrintSignOffs(const std::vector<Json>& sign_offs, bool json) {
  if (json) {
    std::cout << DumpJson(ForApply(sign_offs)) << "\n";
    return kOk;
  }
  for (const Json& one : sign_offs) std::cout << "---\n" << DumpYaml(one);
  return kOk;
}

int RecordSignOffs(const Cluster& cluster, std::vector<Json> sign_offs, const RecordFlags& flags,
                   bool json) {
  if (!flags.sign_with.empty()) {
    auto made = SignAll(std::move(sign_offs), flags, cluster.Now());
    if (!made) return Report(made.error());
    sign_offs = std::move(*made);
  }
  if (flags.print) return PrintSignOffs(sign_offs, json);
  Json created = Json::array();
  for (const Json& sign_off : sign_offs) {
    WriteOptions options;
    options.field_validation = "Strict";
    auto stored = cluster.client().Create(kSignOffs, sign_off, options);
    if (!stored) {
      return Report(cluster.Explain(
          "create the SignOff in namespace '" + StringAt(sign_off, "metadata/namespace") + "'",
          stored.error()));
    }
    if (!json) {
      std::cout << "signoff.countersign.dev/" << StringAt(*stored, "metadata/name")
                << " created in namespace " << StringAt(*stored, "metadata/namespace") << "\n";
    }
    created.push_back(std::move(*stored));
  }
  if (json) std::cout << DumpJson(created.size() == 1 ? created.front() : created) << "\n";
  return kOk;
}

}  // namespace countersign
