#include <algorithm>
#include <iostream>
#include <memory>
#include <set>

#include "catalog/resources.h"
#include "cli/approve_flags.h"
#include "cli/cluster.h"
#include "cli/command.h"
#include "cli/live.h"
#include "cli/manifests.h"
#include "cli/offline.h"
#include "cli/policy_approval.h"
#include "cli/render.h"
#include "cli/signing.h"
#include "cli/stamps.h"
#include "governance/change_protocol.h"
#include "governance/in_force.h"

namespace countersign {
namespace {

void Warn(const std::string& text) { std::cerr << "Warning: " << Printable(text) << "\n"; }

// What is read besides the subject: objects as they came, so that they can be judged too.
using Surroundings = std::vector<Manifest>;

// Decodes what it can; the signer is told of the rest.
template <class Spec>
void Keep(const std::vector<Json>& items, std::vector<Object<Spec>>& out, Surroundings& all) {
  for (const Json& item : items) {
    auto decoded = Decode<Spec>(item);
    const std::string what =
        std::string(Spec::kKind) + " '" + StringAt(item, "metadata/name") + "'";
    if (!decoded) {
      Warn(what + " cannot be read: " + decoded.error().ToString());
      continue;
    }
    out.push_back(std::move(*decoded));
    all.push_back({what, item});
  }
}

// Evidence may be hidden from the signer by RBAC; what is not seen is not listed as shown.
template <class Spec>
std::vector<Object<Spec>> Evidence(const Cluster& cluster, const Resource& resource,
                                   const UseCase& use_case, Surroundings& all) {
  std::vector<Object<Spec>> out;
  auto items = cluster.List(resource, use_case.meta.name_space);
  if (!items) {
    Warn(items.error().ToString());
    return out;
  }
  const std::string path = resource == kSignOffs ? "spec/subject/useCase" : "spec/useCase";
  std::erase_if(*items,
                [&](const Json& item) { return StringAt(item, path) != use_case.meta.name; });
  Keep(*items, out, all);
  return out;
}

// How often it was tried, also where nobody can read the results any more.
void ReadRecord(const Cluster& cluster, ApprovalInput& input, Surroundings& all) {
  if (!input.deployment) return;
  auto object =
      cluster.Get(kModelRecords, {{}, RecordName(input.deployment->spec.model.digest.digest)});
  if (!object && object.error().code == Code::kNotFound) return;
  if (!object) return Warn(object.error().ToString());
  std::vector<ModelRecord> records;
  Keep({*object}, records, all);
  if (!records.empty()) input.record = std::move(records.front());
}

Result<Json> DeploymentToSign(const Cluster& cluster, const ApproveFlags& flags) {
  if (flags.file.empty()) {
    auto object = cluster.Get(kModelDeployments, {cluster.name_space(), flags.name});
    if (!object && object.error().code == Code::kNotFound) {
      object.error().message +=
          "; if admission refuses it until it is approved, sign its manifest with -f FILE";
    }
    return object;
  }
  auto manifests = ReadManifests({flags.file});
  if (!manifests) return Fail(Error(manifests.error()));
  std::erase_if(*manifests, [&](const Manifest& m) {
    return StringAt(m.object, "kind") != ModelDeploymentSpec::kKind ||
           (!flags.name.empty() && StringAt(m.object, "metadata/name") != flags.name);
  });
  if (manifests->size() != 1) {
    return Fail(Code::kInvalidArgument,
                "must hold exactly one ModelDeployment" +
                    (flags.name.empty() ? " (or name one of them)" : " '" + flags.name + "'") +
                    ", holds " + std::to_string(manifests->size()),
                flags.file);
  }
  Json object = std::move(manifests->front().object);
  if (StringAt(object, "metadata/namespace").empty()) {
    SetPath(object, "metadata/namespace", cluster.name_space());
  }
  return object;
}

Status ReadSubject(const Cluster& cluster, const ApproveFlags& flags, ApprovalInput& input,
                   Surroundings& all) {
  ObjectKey use_case{cluster.name_space(), flags.use_case};
  if (!flags.waiver.empty()) {
    auto object = cluster.Get(kWaivers, {cluster.name_space(), flags.waiver});
    if (!object) return Fail(object.error());
    auto waiver = Decode<WaiverSpec>(*object);
    if (!waiver) return Fail(waiver.error());
    use_case.name = waiver->spec.use_case;
    input.waiver = std::move(*waiver);
  } else if (!flags.incident.empty()) {
    auto object = cluster.Get(kIncidents, {cluster.name_space(), flags.incident});
    if (!object) return Fail(object.error());
    auto incident = Decode<IncidentSpec>(*object);
    if (!incident) return Fail(incident.error());
    use_case.name = incident->spec.use_case;
    input.incident = std::move(*incident);
  } else if (!flags.protocol.empty()) {
    auto object = cluster.Get(kEvidence, {cluster.name_space(), flags.protocol});
    if (!object) return Fail(object.error());
    auto protocol = Decode<EvidenceSpec>(*object);
    if (!protocol) return Fail(protocol.error());
    if (protocol->spec.type != kChangeProtocolType) {
      return Fail(Code::kInvalidArgument,
                  "must be of type ChangeProtocol, is of type '" + protocol->spec.type + "'",
                  "--protocol");
    }
    use_case.name = protocol->spec.use_case;
    input.protocol = std::move(*protocol);
  } else if (flags.use_case.empty()) {
    auto object = DeploymentToSign(cluster, flags);
    if (!object) return Fail(object.error());
    auto deployment = Decode<ModelDeploymentSpec>(*object);
    if (!deployment) return Fail(deployment.error());
    auto digest = GovernedDigest(*Find(*object, "spec"));
    if (!digest) return Fail(digest.error());
    input.governed_digest = std::move(*digest);
    use_case = {deployment->spec.use_case.name_space, deployment->spec.use_case.name};
    input.deployment = std::move(*deployment);
    all.push_back({"the deployment", std::move(*object)});
  }
  auto object = cluster.Get(kUseCases, use_case);
  if (!object) return Fail(object.error());
  auto decoded = Decode<UseCaseSpec>(*object);
  if (!decoded) return Fail(decoded.error());
  input.use_case = std::move(*decoded);
  all.push_back({"the use case", std::move(*object)});
  return {};
}

// The gates as they will stand if all evidence is what it says.
void PrintGates(const Cluster& cluster, const Surroundings& all, std::ostream& out) {
  auto decisions = DecideOffline(all, {cluster.Now(), {}});
  if (!decisions || decisions->size() != 1) return;
  const Json json = DecisionJson(decisions->front().decision);
  out << "Gates before this sign-off, taking all evidence for what it says:\n"
      << GatesText(*Find(json, "gates"));
}

Result<PolicyApproval> PolicyToSign(const Cluster& cluster, const ApproveFlags& flags) {
  PolicyApproval input;
  const auto read = [&](const std::string& name, Json& spec) -> Result<GovernancePolicy> {
    auto object = cluster.Get(kGovernancePolicies, {{}, name});
    if (!object) return Fail(object.error());
    auto policy = Decode<GovernancePolicySpec>(*object);
    if (policy) spec = *Find(*object, "spec");
    return policy;
  };
  auto policy = read(flags.policy, input.spec);
  if (!policy) return Fail(policy.error());
  input.policy = std::move(*policy);
  const auto& version = input.policy.spec.version;
  if (!flags.withdraw && version && !version->supersedes.empty()) {
    auto before = read(version->supersedes, input.before_spec);
    if (!before) return Fail(before.error());
    input.before = std::move(*before);
  }
  input.name_space = cluster.name_space();
  input.role = flags.role;
  input.rationale = flags.rationale;
  input.withdraw = flags.withdraw;
  auto user = cluster.WhoAmI();
  if (!user) return Fail(user.error());
  input.username = std::move(*user);
  return input;
}

int ApprovePolicy(const Cluster& cluster, const ApproveFlags& flags, const Global& global,
                  const ApprovalInput& decided) {
  auto input = PolicyToSign(cluster, flags);
  if (!input) return Report(input.error());
  input->expires_at = decided.expires_at;
  input->reject = decided.decision == SignOffDecision::kReject;
  if ((!input->reject && decided.decision != SignOffDecision::kApprove) ||
      !flags.on_behalf_of.empty()) {
    return Report({Code::kInvalidArgument,
                   "a version of a policy is approved or rejected by who holds the role, without "
                   "conditions",
                   "--policy",
                   {}});
  }
  auto sign_off = MakePolicySignOff(*input);
  if (!sign_off) return Report(sign_off.error());
  std::ostream& out = SpeechOf(flags.record);
  if (!global.IsJson()) out << PolicyApprovalText(*input);
  if (!Confirmed(flags.yes, out)) {
    std::cerr << "Nothing was signed.\n";
    return kFailed;
  }
  return RecordSignOffs(cluster, {*sign_off}, flags.record, global.IsJson());
}

// Leaves the policies that count now. Where the signer may not read the sign-offs on policies,
// those that need some are taken for not in force.
void KeepInForce(const Cluster& cluster, std::vector<GovernancePolicy>& policies,
                 Surroundings& all) {
  World world({BelieveStamp, {}});
  if (auto read = ReadPolicies(cluster, world); !read) Warn(read.error().ToString());
  std::set<std::string> in_force;
  for (const auto& policy : PoliciesInForce(world.policies(), cluster.Now()).policies) {
    in_force.insert(policy->meta.name);
  }
  std::erase_if(policies, [&](const auto& policy) { return !in_force.contains(policy.meta.name); });
  std::erase_if(all, [&](Manifest& manifest) {
    if (StringAt(manifest.object, "kind") != GovernancePolicySpec::kKind) return false;
    // What they are judged by is settled here.
    manifest.object["spec"].erase("version");
    return !in_force.contains(StringAt(manifest.object, "metadata/name"));
  });
}

int Approve(const ApproveFlags& flags, const Global& global) {
  if (auto can = CanConfirm(flags.yes, global); !can) return Report(can.error());
  auto cluster = Cluster::Connect(global);
  if (!cluster) return Report(cluster.error());
  ApprovalInput input;
  input.role = flags.role;
  input.rationale = flags.rationale;
  input.on_behalf_of = flags.on_behalf_of;
  input.retirement = flags.retirement;
  input.environments = flags.environments;
  if (auto read = ReadDecision(flags, (*cluster)->Now(), input); !read) return Report(read.error());
  if (!flags.policy.empty()) return ApprovePolicy(**cluster, flags, global, input);
  Surroundings all;
  if (auto read = ReadSubject(**cluster, flags, input, all); !read) return Report(read.error());
  auto user = (*cluster)->WhoAmI();
  if (!user) return Report(user.error());
  input.username = std::move(*user);
  auto policies = (*cluster)->List(kGovernancePolicies, {});
  if (!policies) return Report(policies.error());
  Keep(*policies, input.policies, all);
  KeepInForce(**cluster, input.policies, all);
  input.snapshots = Evidence<ReproducibilitySnapshotSpec>(**cluster, kReproducibilitySnapshots,
                                                          input.use_case, all);
  input.bias_tests = Evidence<BiasTestSpec>(**cluster, kBiasTests, input.use_case, all);
  input.reports = Evidence<EvidenceSpec>(**cluster, kEvidence, input.use_case, all);
  input.sign_offs = Evidence<SignOffSpec>(**cluster, kSignOffs, input.use_case, all);
  ReadRecord(**cluster, input, all);
  auto sign_offs = MakeSignOffs(input);
  if (!sign_offs) return Report(sign_offs.error());
  std::ostream& out = SpeechOf(flags.record);
  if (!global.IsJson()) {
    if (input.deployment) PrintGates(**cluster, all, out);
    out << ApprovalText(input, *sign_offs);
  }
  if (!Confirmed(flags.yes, out)) {
    std::cerr << "Nothing was signed.\n";
    return kFailed;
  }
  return RecordSignOffs(**cluster, *std::move(sign_offs), flags.record, global.IsJson());
}

}  // namespace

static void AddSigning(CLI::App* command, bool reject, Global& global, Run& run) {
  AddOutput(*command, global, {"table", "json"});
  auto flags = std::make_shared<ApproveFlags>();
  flags->reject = reject;
  auto* name = command->add_option("name", flags->name, "ModelDeployment, in --namespace");
  auto* file = command->add_option(
      "-f,--filename", flags->file,
      "manifest of the ModelDeployment, for one that is refused until it is approved");
  auto* use_case =
      command->add_option("--use-case", flags->use_case, "sign the answers of this UseCase");
  use_case->excludes(name)->excludes(file);
  command
      ->add_flag("--retirement", flags->retirement,
                 "with --use-case: sign how it ends, instead of its answers")
      ->needs(use_case);
  command->add_option("--waiver", flags->waiver, "sign this Waiver, in --namespace")
      ->excludes(name)
      ->excludes(file)
      ->excludes(use_case);
  command->add_option("--incident", flags->incident, "close this Incident, in --namespace")
      ->excludes(name)
      ->excludes(file)
      ->excludes(use_case)
      ->excludes("--waiver");
  command
      ->add_option("--protocol", flags->protocol,
                   "approve of the changes that this ChangeProtocol covers, in --namespace")
      ->excludes(name)
      ->excludes(file)
      ->excludes(use_case)
      ->excludes("--waiver")
      ->excludes("--incident");
  auto* policy = command->add_option(
      "--policy", flags->policy,
      "sign this version of a GovernancePolicy; the sign-off is kept in --namespace");
  policy->excludes(name)->excludes(file)->excludes(use_case)->excludes("--waiver");
  policy->excludes("--incident")->excludes("--protocol");
  command->add_flag("--withdraw", flags->withdraw, "with --policy: that it counts no longer")
      ->needs(policy);
  command->add_option("--role", flags->role, "role of the policy in which you decide")->required();
  command->add_option("--rationale", flags->rationale, "why, in your words")->required();
  AddDecisionFlags(*command, *flags);
  AddRecordFlags(*command, flags->record);
  command->add_flag("-y,--yes", flags->yes, "sign without being asked");
  command->callback([flags, &global, &run] {
    if (flags->name.empty() && flags->file.empty() && flags->use_case.empty() &&
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
