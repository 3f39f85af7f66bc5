#include <iostream>
#include <map>
#include <memory>
#include <set>

#include "base/verification_key.h"
#include "catalog/resources.h"
#include "cli/cluster.h"
#include "cli/command.h"
#include "cli/files.h"
#include "cli/key_rotation.h"
#include "cli/render.h"

namespace countersign {
namespace {

constexpr char kOurPods[] = "app.kubernetes.io/part-of=countersign";

struct RotateFlags {
  std::string secret = "countersign-stamp-key";
  std::string installation = "default";
  std::string fingerprint;
  bool restarted = false;
  bool force = false;
};

int Keys(const std::vector<std::string>& files, const Global& global) {
  Json list = Json::array();
  for (const std::string& file : files) {
    auto text = ReadTextFile(file);
    if (!text) return Report(text.error());
    auto key = VerificationKey::Parse(*text);
    if (!key) return Report({Code::kInvalidArgument, key.error().message, file, {}});
    list.push_back({{"file", file},
                    {"fingerprint", key->fingerprint()},
                    {"algorithm", key->algorithm()},
                    {"hardware", key->IsHardwareKey()}});
    if (!global.IsJson()) {
      std::cout << key->fingerprint() << " " << Printable(key->algorithm()) << " "
                << Printable(file) << "\n";
    }
  }
  if (global.IsJson()) {
    Json answer = VersionedJson("Keys");
    answer["keys"] = std::move(list);
    std::cout << DumpJson(answer) << "\n";
  }
  return kOk;
}

struct Site {
  std::unique_ptr<Cluster> cluster;
  std::string ns;
  Json secret;
};

Result<Site> ReadSite(const RotateFlags& flags, const Global& global) {
  auto cluster = Cluster::Connect(global);
  if (!cluster) return Fail(cluster.error());
  const std::string ns = global.name_space.empty() ? "countersign-system" : global.name_space;
  auto secret = (*cluster)->Get(kSecrets, {ns, flags.secret});
  if (!secret) return Fail(secret.error());
  return Site{*std::move(cluster), ns, *std::move(secret)};
}

// Fails when somebody else changed the Secret since it was read.
Status WriteSecret(const Site& site, const Json& secret) {
  if (auto written = site.cluster->client().Update(kSecrets, secret); !written) {
    return Fail(site.cluster->Explain("change the Secret with the key", written.error()));
  }
  return {};
}

std::string RestartText(const Site& site) {
  return "kubectl -n " + site.ns + " rollout restart deployment -l " + kOurPods;
}

int PrintKeys(const StampKeys& keys, const std::string& did, const std::string& next,
              const Global& global) {
  const std::string signing = keys.key.Fingerprint();
  const std::string coming = keys.next ? keys.next->Fingerprint() : std::string();
  std::set<std::string> trusted;
  for (std::string& one : keys.trusted.Fingerprints()) trusted.insert(std::move(one));
  trusted.erase(signing);
  trusted.erase(coming);
  if (global.IsJson()) {
    Json answer = VersionedJson("StampKeys");
    answer.update({{"signing", signing}, {"trusted", trusted}, {"did", did}, {"next", next}});
    if (!coming.empty()) answer["coming"] = coming;
    std::cout << DumpJson(answer) << "\n";
    return kOk;
  }
  std::cout << "signing  " << signing << "\n";
  if (!coming.empty()) std::cout << "next     " << coming << "\n";
  for (const std::string& one : trusted) std::cout << "trusted  " << one << "\n";
  std::cerr << did << (next.empty() ? "" : " Next:\n" + next) << "\n";
  return kOk;
}

// Refuses while a pod is left that does not trust the next key yet.
Status CheckRestarted(const Site& site, const RotateFlags& flags, const StampKeys& keys) {
  if (flags.restarted) return {};
  ListOptions options;
  options.label_selector = kOurPods;
  auto pods = site.cluster->client().List(kPods, site.ns, options);
  if (!pods) return Fail(site.cluster->Explain("list pods in " + site.ns, pods.error()));
  std::string problem;
  if (pods->items.empty()) {
    problem = "no pod of webhook or operator is in namespace '" + site.ns + "'";
  } else if (!keys.prepared_at) {
    problem = "the Secret does not say since when its next key is trusted";
  } else {
    for (const std::string& name : StartedBefore(pods->items, *keys.prepared_at)) {
      problem += (problem.empty() ? "started before the next key was trusted: " : ", ") + name;
    }
  }
  if (problem.empty()) return {};
  return Fail(Code::kFailedPrecondition,
              problem + "; what it signs with the next key others would refuse. Restart both (" +
                  RestartText(site) +
                  "), or say with --restarted that all that run have read the Secret since");
}

int Rotate(const RotateFlags& flags, const Global& global) {
  auto site = ReadSite(flags, global);
  if (!site) return Report(site.error());
  auto keys = ReadStampKeys(site->secret);
  if (!keys) return Report(keys.error());
  const bool switching = keys->next.has_value();
  Result<Json> secret = Fail(Code::kInternal, "");
  if (switching) {
    if (auto restarted = CheckRestarted(*site, flags, *keys); !restarted) {
      return Report(restarted.error());
    }
    secret = Switched(site->secret);
  } else {
    auto next = InstallationKey::Generate();
    if (!next) return Report(next.error());
    secret = Prepared(site->secret, *next, site->cluster->Now());
  }
  if (!secret) return Report(secret.error());
  if (auto written = WriteSecret(*site, *secret); !written) return Report(written.error());
  auto now = ReadStampKeys(*secret);
  if (!now) return Report(now.error());
  const std::string again = "countersign keys rotate -n " + site->ns + " --secret " + flags.secret;
  return switching
             ? PrintKeys(*now,
                         "The next key signs from the next start on; the one before goes on to "
                         "count. Back up the Secret.",
                         RestartText(*site), global)
             : PrintKeys(*now, "The next key is made, and will be trusted from the next start on.",
                         RestartText(*site) + "\n" + again, global);
}

// What counts now, and would not without the key, by kind.
Result<std::map<std::string, std::size_t>> RestingOn(const Site& site, const RotateFlags& flags,
                                                     const PublicKeys& all) {
  const StampAuthority now{flags.installation, all};
  const StampAuthority without{flags.installation, all.Without(flags.fingerprint)};
  std::map<std::string, std::size_t> resting;
  for (const Resource* resource :
       {&kGovernancePolicies, &kModelDeployments, &kSignOffs, &kReproducibilitySnapshots,
        &kBiasTests, &kEvidence, &kWaivers, &kModelRecords, &kControllerRevisions}) {
    auto objects = site.cluster->List(*resource, {});
    if (!objects) return Fail(objects.error());
    for (const Json& object : *objects) {
      if (IsVouchedFor(now, object) && !IsVouchedFor(without, object)) ++resting[resource->kind];
    }
  }
  return resting;
}

// How each comes to rest on the key in use.
std::string HowToRenew(const std::map<std::string, std::size_t>& resting) {
  std::string text;
  const auto rests = [&](const Resource& resource) { return resting.contains(resource.kind); };
  // kubectl takes what stands before the first annotation for what is annotated.
  const auto annotate = [&](const std::string& resource) {
    text += "  kubectl annotate --overwrite --all " + resource +
            " countersign.dev/renewed=$(date +%s)\n";
  };
  if (rests(kModelDeployments)) annotate("-A modeldeployments");
  if (rests(kGovernancePolicies)) annotate("governancepolicies");
  if (!text.empty()) text = "Admission renews stamps of what is touched:\n" + text;
  if (rests(kControllerRevisions)) {
    text +=
        "Revisions are judged and recorded anew without it: what would not be approved today "
        "serves "
        "no more (countersign todo).\n";
  }
  return text +
         "Everything else the operator renews by itself; evidence that stays is made again by "
         "its maker.\n";
}

int Retire(const RotateFlags& flags, const Global& global) {
  auto site = ReadSite(flags, global);
  if (!site) return Report(site.error());
  auto keys = ReadStampKeys(site->secret);
  if (!keys) return Report(keys.error());
  auto secret = Retired(site->secret, flags.fingerprint);
  if (!secret) return Report(secret.error());
  auto resting = RestingOn(*site, flags, keys->trusted);
  if (!resting) return Report(resting.error());
  std::string what;
  for (const auto& [kind, count] : *resting) {
    what += (what.empty() ? "" : ", ") + std::to_string(count) + " " + kind;
  }
  if (!what.empty() && !flags.force) {
    std::cerr << "countersign: these count by this key alone and would not any more: " << what
              << ".\n"
              << HowToRenew(*resting) << "Or give --force, if the key was read by somebody else.\n";
    return kDenied;
  }
  if (auto written = WriteSecret(*site, *secret); !written) return Report(written.error());
  auto now = ReadStampKeys(*secret);
  if (!now) return Report(now.error());
  return PrintKeys(*now,
                   "The key counts no more from the next start on" +
                       (what.empty() ? "." : "; neither do " + what + "."),
                   RestartText(*site), global);
}

void AddSecretFlag(CLI::App& command, RotateFlags& flags) {
  command.fallthrough();
  command.add_option("--secret", flags.secret,
                     "Secret with key.pem, and trusted.pem and next.pem as keys are changed, in "
                     "the namespace given by -n (default: countersign-system)");
}

}  // namespace

void AddKeys(CLI::App& app, Global& global, Run& run) {
  CLI::App* command = app.add_subcommand(
      "keys", "Fingerprints of public keys; the installation's key, and how it is changed");
  AddOutput(*command, global, {"table", "json"});
  auto files = std::make_shared<std::vector<std::string>>();
  auto flags = std::make_shared<RotateFlags>();
  command->add_option("files", *files,
                      "print the fingerprints of these public keys, in PEM or of OpenSSH, as "
                      "refusals and records name them");
  CLI::App* rotate = command->add_subcommand(
      "rotate",
      "Replace the key that stamps evidence, in two steps with a restart of webhook and operator "
      "after each; what the key before signed goes on to count");
  AddOutput(*rotate, global, {"table", "json"});
  AddSecretFlag(*rotate, *flags);
  rotate->add_flag("--restarted", flags->restarted,
                   "all webhooks and operators have started since the first step");
  rotate->callback(
      [flags, &global, &run] { run = [flags, &global] { return Rotate(*flags, global); }; });
  CLI::App* retire = command->add_subcommand(
      "retire",
      "Let a replaced key count no more, if nothing rests on it alone: exit code 1 "
      "something does");
  AddOutput(*retire, global, {"table", "json"});
  AddSecretFlag(*retire, *flags);
  retire->add_option("fingerprint", flags->fingerprint, "of the key, as `keys rotate` prints it")
      ->required();
  retire->add_option("--installation", flags->installation, "name of the installation");
  retire->add_flag("--force", flags->force, "although evidence rests on it");
  command->callback([command, files, &global, &run] {
    if (!command->get_subcommands().empty()) return;
    if (files->empty()) throw CLI::RequiredError("files, rotate or retire");
    run = [files, &global] { return Keys(*files, global); };
  });
  retire->callback(
      [flags, &global, &run] { run = [flags, &global] { return Retire(*flags, global); }; });
}

}  // namespace countersign
