#include <iostream>
#include <memory>

#include "base/command_line.h"
#include "catalog/resources.h"
#include "cli/approve_desk.h"
#include "cli/command.h"
#include "cli/delegation.h"
#include "cli/render.h"
#include "cli/signing.h"

namespace countersign {
namespace {

struct DelegateFlags {
  std::string use_case;
  std::string role;
  std::string to;
  std::string lasts;
  std::string rationale;
  std::vector<std::string> environments;
  bool withdraw = false;
  bool yes = false;
  ApproveFlags desk;  // where it is signed: its files, signer and record
};

// All policies that can be read: one that cannot lends nothing.
Result<std::vector<GovernancePolicy>> ReadPolicies(const ApprovalSource& source) {
  auto items = source.List(kGovernancePolicies, {});
  if (!items) return Fail(items.error());
  std::vector<GovernancePolicy> policies;
  for (const Json& item : *items) {
    auto policy = Decode<GovernancePolicySpec>(item);
    if (policy) {
      policies.push_back(std::move(*policy));
    } else {
      std::cerr << "Warning: GovernancePolicy '" << Printable(StringAt(item, "metadata/name"))
                << "' cannot be read: " << Printable(policy.error().ToString()) << "\n";
    }
  }
  return policies;
}

int Delegate(const DelegateFlags& flags, const Global& global) {
  if (auto can = CanConfirm(flags.yes, global); !can) return Report(can.error());
  DelegationInput input;
  input.use_case = flags.use_case;
  input.role = flags.role;
  input.deputy = flags.to;
  input.environments = flags.environments;
  input.rationale = flags.rationale;
  input.withdraw = flags.withdraw;
  if (!flags.lasts.empty()) {
    auto lasts = ParseDuration(flags.lasts);
    if (!lasts) return Report({Code::kInvalidArgument, lasts.error().message, "--for", {}});
    input.lasts = *lasts;
  }
  std::vector<Manifest> files;
  if (!flags.desk.files.empty()) {
    auto read = ReadManifests(flags.desk.files);
    if (!read) return Report(read.error());
    files = std::move(*read);
  }
  auto desk = OpenDesk(flags.desk, global, std::move(files));
  if (!desk) return Report(desk.error());
  const ApprovalSource& source = (*desk)->source();
  if (source.name_space().empty()) {
    return Report({Code::kInvalidArgument, "must be the use case's home", "--namespace", {}});
  }
  input.name_space = source.name_space();
  input.now = source.Now();
  // A delegation for a use case that is not there would be waiting for whoever registers one.
  if (auto found = source.Get(kUseCases, {input.name_space, input.use_case}); !found) {
    return Report(found.error());
  }
  auto user = (*desk)->Signer();
  if (!user) return Report(user.error());
  input.lender = std::move(*user);
  auto policies = ReadPolicies(source);
  if (!policies) return Report(policies.error());
  input.policies = std::move(*policies);
  auto delegation = MakeDelegation(input);
  if (!delegation) return Report(delegation.error());
  std::ostream& out = SpeechOf(flags.desk.record);
  if (!global.IsJson()) out << DelegationText(input, *delegation);
  if (!Confirmed(flags.yes, out)) {
    std::cerr << "Nothing was signed.\n";
    return kFailed;
  }
  return (*desk)->Record({std::move(*delegation)});
}

}  // namespace

void AddDelegate(CLI::App& app, Global& global, Run& run) {
  CLI::App* command = app.add_subcommand(
      "delegate",
      "Lend one of your roles to a deputy for a time, or withdraw it, for one use case");
  AddOutput(*command, global, {"table", "json"});
  auto flags = std::make_shared<DelegateFlags>();
  command->add_option("--use-case", flags->use_case, "UseCase, in --namespace")->required();
  command->add_option("--role", flags->role, "role of the policy that you hold")->required();
  command->add_option("--to", flags->to, "account of the deputy")->required();
  command->add_option("--rationale", flags->rationale, "why, in your words")->required();
  auto* lasts = command->add_option("--for", flags->lasts, "how long, e.g. 14d");
  auto* environments =
      command->add_option("--environments", flags->environments, "only there, e.g. qa,preprod");
  environments->delimiter(',')->allow_extra_args(false);
  command->add_flag("--withdraw", flags->withdraw, "take it back; what was signed stays signed")
      ->excludes(lasts)
      ->excludes(environments);
  command
      ->add_option("-f,--filename", flags->desk.files,
                   "with --sign-with and --print: manifests, the policies and the UseCase among "
                   "them; then no cluster is asked; repeatable")
      ->allow_extra_args(false);
  command->add_option("--signer", flags->desk.signer,
                      "your account, where no cluster is asked and the policies among the files do "
                      "not tell by your key");
  AddRecordFlags(*command, flags->desk.record);
  command->add_flag("-y,--yes", flags->yes, "sign without being asked");
  CheckAllGiven(*command);
  command->callback([flags, &global, &run] {
    flags->desk.use_case = flags->use_case;
    run = [flags, &global] { return Delegate(*flags, global); };
  });
}

}  // namespace countersign
