#include <iostream>
#include <memory>

#include "catalog/resources.h"
#include "cli/cluster.h"
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
  RecordFlags record;
};

// All policies that can be read: one that cannot lends nothing.
Result<std::vector<GovernancePolicy>> ReadPolicies(const Cluster& cluster) {
  auto items = cluster.List(kGovernancePolicies, {});
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
  auto cluster = Cluster::Connect(global);
  if (!cluster) return Report(cluster.error());
  input.name_space = (*cluster)->name_space();
  input.now = (*cluster)->Now();
  // A delegation for a use case that is not there would be waiting for whoever registers one.
  if (auto found = (*cluster)->Get(kUseCases, {input.name_space, input.use_case}); !found) {
    return Report(found.error());
  }
  auto user = (*cluster)->WhoAmI();
  if (!user) return Report(user.error());
  input.lender = std::move(*user);
  auto policies = ReadPolicies(**cluster);
  if (!policies) return Report(policies.error());
  input.policies = std::move(*policies);
  auto delegation = MakeDelegation(input);
  if (!delegation) return Report(delegation.error());
  std::ostream& out = SpeechOf(flags.record);
  if (!global.IsJson()) out << DelegationText(input, *delegation);
  if (!Confirmed(flags.yes, out)) {
    std::cerr << "Nothing was signed.\n";
    return kFailed;
  }
  return RecordSignOffs(**cluster, {std::move(*delegation)}, flags.record, global.IsJson());
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
  AddRecordFlags(*command, flags->record);
  command->add_flag("-y,--yes", flags->yes, "sign without being asked");
  command->callback(
      [flags, &global, &run] { run = [flags, &global] { return Delegate(*flags, global); }; });
}

}  // namespace countersign
