#include <iostream>
#include <memory>

#include "base/json.h"
#include "cli/command.h"
#include "cli/files.h"
#include "cli/render.h"
#include "evidence/installation_key.h"

namespace countersign {
namespace {

int Keygen(const std::string& out, bool json) {
  auto key = InstallationKey::Generate();
  if (!key) return Report(key.error());
  if (auto written = CreateSecretFile(out, key->PrivatePem()); !written) {
    return Report(written.error());
  }
  if (json) {
    Json answer = VersionedJson("Key");
    answer.update(
        {{"file", out}, {"fingerprint", key->Fingerprint()}, {"publicKey", key->PublicPem()}});
    std::cout << DumpJson(answer) << "\n";
  } else {
    std::cout << key->PublicPem();
    std::cerr << "Wrote the private key to '" << out << "' (" << key->Fingerprint()
              << "). Whoever reads it can forge stamps: give it to the webhook and the operator as "
                 "a Secret, and to nobody else.\n";
  }
  return kOk;
}

}  // namespace

void AddKeygen(CLI::App& app, Global& global, Run& run) {
  CLI::App* command = app.add_subcommand(
      "keygen", "Make the key pair with which an installation stamps what it has seen");
  AddOutput(*command, global, {"table", "json"});
  auto out = std::make_shared<std::string>();
  command->add_option("--out", *out, "file for the private key; never overwritten")->required();
  command->callback([out, &global, &run] {
    run = [out, &global]() -> int { return Keygen(*out, global.IsJson()); };
  });
}

}  // namespace countersign
