// stamp_tool: stamps an object as admission would, for tests that run without the webhook.
//
//   stamp_tool --make-key FILE
//   stamp_tool --key FILE --installation NAME --user NAME [--groups a,b] [--time RFC3339]
//   [--receipt]
//     < in.json
//
// Reads one object as JSON on stdin, prints it with the annotation countersign.dev/stamp, and with
// countersign.dev/receipt if asked for.
#include <fstream>
#include <iostream>
#include <iterator>

#include <CLI/CLI.hpp>

#include "base/clock.h"
#include "evidence/installation_key.h"
#include "evidence/receipt.h"
#include "evidence/stamp.h"
#include "governance/types/object.h"

namespace countersign {
namespace {

struct Flags {
  std::string make_key;
  std::string key;
  std::string installation;
  std::string user;
  std::vector<std::string> groups;
  std::string time;
  bool receipt = false;
};

Result<std::string> Stamped(const Flags& flags, const std::string& text) {
  auto key = InstallationKey::Load(flags.key);
  if (!key) return Fail(key.error());
  auto object = ParseJson(text, kMaxForeignJsonDepth);
  if (!object) return Fail(object.error());
  Time now = SystemClock().Now();
  if (!flags.time.empty()) {
    auto parsed = ParseTime(flags.time);
    if (!parsed) return Fail(parsed.error());
    now = *parsed;
  }
  auto stamp = MakeStamp(*key, flags.installation, *object, flags.user, flags.groups, now);
  if (!stamp) return Fail(stamp.error());
  Json annotations = Json::object();
  if (const Json* given = FindPath(*object, "metadata/annotations")) annotations = *given;
  annotations[std::string(kStampAnnotation)] = *stamp;
  SetPath(*object, "metadata/annotations", std::move(annotations));
  if (flags.receipt) {
    auto receipt = MakeReceipt(*key, flags.installation, *object, now);
    if (!receipt) return Fail(receipt.error());
    (*object)["metadata"]["annotations"][std::string(kReceiptAnnotation)] = *receipt;
  }
  return DumpJson(*object);
}

int Run(const Flags& flags) {
  if (!flags.make_key.empty()) {
    auto key = InstallationKey::Generate();
    if (!key) return 1;
    std::ofstream(flags.make_key) << key->PrivatePem();
    return 0;
  }
  const std::string text{std::istreambuf_iterator<char>(std::cin), {}};
  const auto stamped = Stamped(flags, text);
  if (!stamped) {
    std::cerr << stamped.error().ToString() << "\n";
    return 1;
  }
  std::cout << *stamped << "\n";
  return 0;
}

}  // namespace
}  // namespace countersign

int main(int argc, char** argv) {
  countersign::Flags flags;
  CLI::App app{"Stamps an object as admission would."};
  app.add_option("--make-key", flags.make_key, "write a new private key to this file and stop");
  app.add_option("--key", flags.key, "PEM file with the installation's private key");
  app.add_option("--installation", flags.installation, "name of the installation");
  app.add_option("--user", flags.user, "who made the object");
  app.add_option("--groups", flags.groups, "their groups")->delimiter(',');
  app.add_flag("--receipt", flags.receipt, "with its receipt, as the operator gives it");
  app.add_option("--time", flags.time, "when; default: now");
  CLI11_PARSE(app, argc, argv);
  return countersign::Run(flags);
}
