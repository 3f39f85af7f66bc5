#include <iostream>
#include <memory>

#include "base/command_line.h"
#include "cli/approval_reading.h"
#include "cli/approve_desk.h"
#include "cli/approve_flags.h"
#include "cli/command.h"
#include "cli/manifests.h"
#include "cli/offline.h"
#include "cli/policy_approval.h"
#include "cli/render.h"
#include "cli/signing.h"

namespace countersign {
namespace {

// The gates as they will stand if all evidence is what it says.
void PrintGates(const Surroundings& all, const ApproveFlags& flags, Time now, std::ostream& out) {
  auto decisions = DecideOffline(all, {now, {}});
  if (!decisions || decisions->size() != 1) return;
  OfflineDecision& one = decisions->front();
  if (!flags.files.empty()) NameFile(one.decision, one.name_space, one.name, one.file);
  const Json json = DecisionJson(one.decision);
  out << "Gates before this sign-off, taking all evidence for what it says:\n"
      << GatesText(*Find(json, "gates"));
}

// Who wants a revision that is refused, and names the deployment, signs what is stored once more.
void WarnIfSignedAlready(const ApprovalInput& input, const ApproveFlags& flags) {
  if (!input.deployment || !flags.files.empty()) return;
  for (const SignOff& one : input.sign_offs) {
    const SignOffSpec& spec = one.spec;
    if (spec.signer.username != input.username || spec.role != input.role ||
        spec.decision != input.decision || spec.subject.governed_digest != input.governed_digest ||
        spec.subject.model != input.deployment->spec.model.digest) {
      continue;
    }
    std::cerr << Printable("Warning: you said the same of this very revision before (SignOff '" +
                           one.meta.name +
                           "'). It is the one that is stored; one that admission refuses is "
                           "signed with -f FILE.")
              << "\n";
    return;
  }
}

int AskAndRecord(Desk& desk, std::vector<Json> sign_offs, const ApproveFlags& flags) {
  if (!Confirmed(flags.yes, SpeechOf(flags.record))) {
    std::cerr << "Nothing was signed.\n";
    return kFailed;
  }
  return desk.Record(std::move(sign_offs));
}

int ApprovePolicy(Desk& desk, const ApproveFlags& flags, const Global& global,
                  const ApprovalInput& decided) {
  PolicyApproval input;
  if (auto read = ReadPolicyApproval(desk.source(), flags, input); !read) {
    return Report(read.error());
  }
  auto signer = desk.Signer();
  if (!signer) return Report(signer.error());
  input.username = std::move(*signer);
  input.expires_at = decided.expires_at;
  input.reject = decided.decision == SignOffDecision::kReject;
  if ((!input.reject && decided.decision != SignOffDecision::kApprove) ||
      !flags.on_behalf_of.empty()) {
    return Report({Code::kInvalidArgument,
                   "a version of a policy is approved or rejected by who holds the role, without "
                   "conditions",
                   "--policy",
                   {}});
  }
  auto sign_off = MakePolicySignOff(input);
  if (!sign_off) return Report(sign_off.error());
  if (!global.IsJson()) SpeechOf(flags.record) << PolicyApprovalText(input);
  return AskAndRecord(desk, {std::move(*sign_off)}, flags);
}

int Decide(Desk& desk, const ApproveFlags& flags, const Global& global,
           const std::vector<Manifest>& files) {
  ApprovalInput input;
  input.role = flags.role;
  input.rationale = flags.rationale;
  input.on_behalf_of = flags.on_behalf_of;
  input.retirement = flags.retirement;
  input.environments = flags.environments;
  const Time now = desk.source().Now();
  if (auto read = ReadDecision(flags, now, input); !read) return Report(read.error());
  if (!flags.policy.empty()) return ApprovePolicy(desk, flags, global, input);
  Surroundings all;
  if (auto read = ReadApproval(desk.source(), flags, files, input, all); !read) {
    return Report(read.error());
  }
  auto signer = desk.Signer();
  if (!signer) return Report(signer.error());
  input.username = std::move(*signer);
  auto sign_offs = MakeSignOffs(input);
  if (!sign_offs) return Report(sign_offs.error());
  if (auto enough = desk.Check(input, *sign_offs); !enough) return Report(enough.error());
  if (!global.IsJson()) {
    std::ostream& out = SpeechOf(flags.record);
    if (input.deployment) PrintGates(all, flags, now, out);
    out << ApprovalText(input, *sign_offs);
  }
  WarnIfSignedAlready(input, flags);
  return AskAndRecord(desk, std::move(*sign_offs), flags);
}

int Approve(ApproveFlags flags, const Global& global) {
  if (auto can = CanConfirm(flags.yes, global); !can) return Report(can.error());
  if (global.output == "yaml") {
    if (flags.record.sign_with.empty()) {
      return Report({Code::kInvalidArgument,
                     "is needed with -o yaml, which prints what is signed instead of creating it",
                     "--sign-with",
                     {}});
    }
    flags.record.print = true;
  }
  flags.asked_namespace = global.name_space;
  std::vector<Manifest> files;
  if (!flags.files.empty()) {
    auto read = ReadManifests(flags.files);
    if (!read) return Report(read.error());
    files = std::move(*read);
  }
  auto desk = OpenDesk(flags, global, files);
  if (!desk) return Report(desk.error());
  return Decide(**desk, flags, global, files);
}

}  // namespace

static void AddSigning(CLI::App* command, bool reject, Global& global, Run& run) {
  AddOutput(*command, global, {"table", "json", "yaml"});
  auto flags = std::make_shared<ApproveFlags>();
  flags->reject = reject;
  auto* name = command->add_option("name", flags->name, "ModelDeployment, in --namespace");
  auto* file = command->add_option(
      "-f,--filename", flags->files,
      "manifest of the ModelDeployment, for one that is refused until it is approved; repeatable. "
      "With the policies among the files, --sign-with and --print no cluster is asked: what is "
      "signed, the use case and the evidence are taken from them");
  file->allow_extra_args(false);
  auto* use_case =
      command->add_option("--use-case", flags->use_case, "sign the answers of this UseCase");
  use_case->excludes(name);
  command
      ->add_flag("--retirement", flags->retirement,
                 "with --use-case: sign how it ends, instead of its answers")
      ->needs(use_case);
  command->add_option("--waiver", flags->waiver, "sign this Waiver, in --namespace")
      ->excludes(name)
      ->excludes(use_case);
  command->add_option("--incident", flags->incident, "close this Incident, in --namespace")
      ->excludes(name)
      ->excludes(use_case)
      ->excludes("--waiver");
  command
      ->add_option("--protocol", flags->protocol,
                   "approve of the changes that this ChangeProtocol covers, in --namespace")
      ->excludes(name)
      ->excludes(use_case)
      ->excludes("--waiver")
      ->excludes("--incident");
  auto* policy = command->add_option("--policy", flags->policy,
                                     "sign this version of a GovernancePolicy; the sign-off is "
                                     "kept in --namespace, which has to be "
                                     "given");
  policy->excludes(name)->excludes(use_case)->excludes("--waiver");
  policy->excludes("--incident")->excludes("--protocol");
  command->add_flag("--withdraw", flags->withdraw, "with --policy: that it counts no longer")
      ->needs(policy);
  command->add_option("--role", flags->role, "role of the policy in which you decide")->required();
  command->add_option("--rationale", flags->rationale, "why, in your words")->required();
  AddDecisionFlags(*command, *flags);
  AddRecordFlags(*command, flags->record);
  command->add_option("--signer", flags->signer,
                      "your account, where no cluster is asked and the policies among the files do "
                      "not tell by your key");
  command->add_flag("--without-evidence", flags->without_evidence,
                    "decide though no evidence about the model is among the files");
  command->add_flag("-y,--yes", flags->yes, "sign without being asked");
  CheckAllGiven(*command);
  command->callback([flags, &global, &run] {
    if (flags->name.empty() && flags->files.empty() && flags->use_case.empty() &&
        flags->waiver.empty() && flags->incident.empty() && flags->protocol.empty() &&
        flags->policy.empty()) {
      throw CLI::RequiredError(
          "a ModelDeployment's name, -f, --use-case, --waiver, --incident, --protocol or --policy");
    }
    run = [flags, &global] { return Approve(*flags, global); };
  });
}

void AddApprove(CLI::App& app, Global& global, Run& run) {
  AddSigning(app.add_subcommand("approve",
                                "Sign off a ModelDeployment, a use case's answers, a "
                                "waiver, the end of an incident, a change protocol or a version of "
                                "a policy, as the current user"),
             false, global, run);
}

void AddReject(CLI::App& app, Global& global, Run& run) {
  AddSigning(app.add_subcommand("reject",
                                "Say no to what `approve` says yes to: it blocks until you "
                                "approve, also where it has been approved already"),
             true, global, run);
}

}  // namespace countersign
