#include "cli/approval_reading.h"

#include <algorithm>
#include <iostream>
#include <set>

#include "catalog/resources.h"
#include "cli/render.h"
#include "governance/change_protocol.h"
#include "governance/environment.h"
#include "governance/in_force.h"
#include "governance/records.h"

namespace countersign {
namespace {

void Warn(const std::string& text) { std::cerr << "Warning: " << Printable(text) << "\n"; }

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
std::vector<Object<Spec>> Evidence(const ApprovalSource& source, const Resource& resource,
                                   const UseCase& use_case, Surroundings& all) {
  std::vector<Object<Spec>> out;
  auto items = source.List(resource, use_case.meta.name_space);
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
void ReadRecord(const ApprovalSource& source, ApprovalInput& input, Surroundings& all) {
  if (!input.deployment) return;
  auto object =
      source.Get(kModelRecords, {{}, RecordName(input.deployment->spec.model.digest.digest)});
  if (!object && object.error().code == Code::kNotFound) return;
  if (!object) return Warn(object.error().ToString());
  std::vector<ModelRecord> records;
  Keep({*object}, records, all);
  if (!records.empty()) input.record = std::move(records.front());
}

// The one among the files that is meant.
Result<Manifest> DeploymentAmong(std::vector<Manifest> files, const ApprovalSource& source,
                                 const ApproveFlags& flags) {
  std::erase_if(files, [&](const Manifest& m) {
    return StringAt(m.object, "kind") != ModelDeploymentSpec::kKind ||
           (!flags.name.empty() && StringAt(m.object, "metadata/name") != flags.name);
  });
  const std::size_t held = files.size();
  if (held > 1 && !source.name_space().empty()) {
    std::erase_if(files, [&](const Manifest& m) {
      return StringAt(m.object, "metadata/namespace") != source.name_space();
    });
  }
  if (files.size() != 1) {
    return Fail(Code::kInvalidArgument,
                "must hold exactly one ModelDeployment" +
                    (flags.name.empty() ? " (or name one of them)" : " '" + flags.name + "'") +
                    ", holds " + std::to_string(held) +
                    (held < 2        ? ""
                     : files.empty() ? ", none of them in namespace '" + source.name_space() +
                                           "': say with --namespace where"
                     : files.size() > 1 ? ": say with --namespace where"
                                        : ""),
                Joined(flags.files));
  }
  Manifest& found = files.front();
  const std::string in = StringAt(found.object, "metadata/namespace");
  if (in.empty()) {
    SetPath(found.object, "metadata/namespace", source.name_space());
  } else if (!flags.asked_namespace.empty() && in != flags.asked_namespace) {
    return Fail(
        Code::kInvalidArgument,
        "is '" + flags.asked_namespace + "', but the manifest is for namespace '" + in + "'",
        "--namespace");
  }
  return std::move(found);
}

Result<Manifest> DeploymentToSign(const ApprovalSource& source, const ApproveFlags& flags,
                                  const std::vector<Manifest>& files) {
  if (!flags.files.empty()) return DeploymentAmong(files, source, flags);
  auto object = source.Get(kModelDeployments, {source.name_space(), flags.name});
  if (!object && object.error().code == Code::kNotFound) {
    object.error().message +=
        "; if admission refuses it until it is approved, sign its manifest with -f FILE";
  }
  if (!object) return Fail(object.error());
  Manifest stored;
  stored.object = std::move(*object);
  return stored;
}

// What is signed, where it is not a deployment or answers; `use_case` is what it belongs to.
template <class Spec>
Status ReadNamed(const ApprovalSource& source, const Resource& resource, const std::string& name,
                 std::optional<Object<Spec>>& subject, ObjectKey& use_case) {
  auto object = source.Get(resource, {source.name_space(), name});
  if (!object) return Fail(object.error());
  auto decoded = Decode<Spec>(*object);
  if (!decoded) return Fail(decoded.error());
  use_case = {decoded->meta.name_space, decoded->spec.use_case};
  subject = std::move(*decoded);
  return {};
}

Status ReadDeployment(const ApprovalSource& source, const ApproveFlags& flags,
                      const std::vector<Manifest>& files, ApprovalInput& input, ObjectKey& use_case,
                      Surroundings& all) {
  auto manifest = DeploymentToSign(source, flags, files);
  if (!manifest) return Fail(manifest.error());
  auto deployment = Decode<ModelDeploymentSpec>(manifest->object);
  if (!deployment) return Fail(deployment.error());
  auto digest = GovernedDigest(*Find(manifest->object, "spec"));
  if (!digest) return Fail(digest.error());
  input.governed_digest = std::move(*digest);
  use_case = {deployment->spec.use_case.name_space, deployment->spec.use_case.name};
  input.deployment = std::move(*deployment);
  manifest->source = "the deployment";
  all.push_back(std::move(*manifest));
  return {};
}

Status ReadSubject(const ApprovalSource& source, const ApproveFlags& flags,
                   const std::vector<Manifest>& files, ApprovalInput& input, Surroundings& all) {
  ObjectKey use_case{source.name_space(), flags.use_case};
  Status read;
  if (!flags.waiver.empty()) {
    read = ReadNamed(source, kWaivers, flags.waiver, input.waiver, use_case);
  } else if (!flags.incident.empty()) {
    read = ReadNamed(source, kIncidents, flags.incident, input.incident, use_case);
  } else if (!flags.protocol.empty()) {
    read = ReadNamed(source, kEvidence, flags.protocol, input.protocol, use_case);
    if (read && input.protocol && input.protocol->spec.type != kChangeProtocolType) {
      return Fail(Code::kInvalidArgument,
                  "must be of type ChangeProtocol, is of type '" + input.protocol->spec.type + "'",
                  "--protocol");
    }
  } else if (flags.use_case.empty()) {
    read = ReadDeployment(source, flags, files, input, use_case, all);
  }
  if (!read) return read;
  auto object = source.Get(kUseCases, use_case);
  if (!object) return Fail(object.error());
  auto decoded = Decode<UseCaseSpec>(*object);
  if (!decoded) return Fail(decoded.error());
  input.use_case = std::move(*decoded);
  all.push_back({"the use case", std::move(*object)});
  return {};
}

// Leaves the policies that count now. Where the signer may not read the sign-offs on policies,
// those that need some are taken for not in force.
void KeepInForce(const ApprovalSource& source, std::vector<GovernancePolicy>& policies,
                 Surroundings& all) {
  PolicySet every;
  if (auto read = source.ReadPolicies(every); !read) Warn(read.error().ToString());
  std::set<std::string> in_force;
  for (const auto& policy : PoliciesInForce(every, source.Now()).policies) {
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

// Where people keep the sign-offs on policies; as far as the signer may read them.
std::vector<std::string> HomesOfPolicySignOffs(const ApprovalSource& source) {
  PolicySet every;
  (void)source.ReadPolicies(every);
  std::set<std::string> homes;
  for (const AttestedSignOff& one : every.sign_offs) {
    homes.insert("'" + one.object->meta.name_space + "'");
  }
  return {homes.begin(), homes.end()};
}

// Whether a measure that concerns the deployment asks for more than that people sign.
bool RestsOnEvidence(const GovernancePolicySpec& policy, const std::string& name_space) {
  const auto environments = EnvironmentsOf(policy, name_space);
  return std::any_of(policy.measures.begin(), policy.measures.end(), [&](const Measure& measure) {
    const auto& in = measure.applies.environments;
    return !measure.require.sign_off &&
           std::any_of(environments.begin(), environments.end(), [&](const auto* environment) {
             return in.empty() || std::find(in.begin(), in.end(), environment->name) != in.end();
           });
  });
}

}  // namespace

Status ReadApproval(const ApprovalSource& source, const ApproveFlags& flags,
                    const std::vector<Manifest>& files, ApprovalInput& input, Surroundings& all) {
  if (auto read = ReadSubject(source, flags, files, input, all); !read) return read;
  auto policies = source.List(kGovernancePolicies, {});
  if (!policies) return Fail(policies.error());
  Keep(*policies, input.policies, all);
  KeepInForce(source, input.policies, all);
  input.snapshots =
      Evidence<ReproducibilitySnapshotSpec>(source, kReproducibilitySnapshots, input.use_case, all);
  input.bias_tests = Evidence<BiasTestSpec>(source, kBiasTests, input.use_case, all);
  input.reports = Evidence<EvidenceSpec>(source, kEvidence, input.use_case, all);
  input.sign_offs = Evidence<SignOffSpec>(source, kSignOffs, input.use_case, all);
  ReadRecord(source, input, all);
  return {};
}

Status ReadPolicyApproval(const ApprovalSource& source, const ApproveFlags& flags,
                          PolicyApproval& input) {
  const auto read = [&](const std::string& name, Json& spec) -> Result<GovernancePolicy> {
    auto object = source.Get(kGovernancePolicies, {{}, name});
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
  // Not the context's, which is where somebody happens to work.
  if (flags.asked_namespace.empty()) {
    const auto homes = HomesOfPolicySignOffs(source);
    return Fail(Code::kInvalidArgument,
                "is required: the sign-off on a policy is kept there, and is gone with the "
                "namespace; " +
                    (homes.empty() ? "name one that nobody deletes, such as the installation's"
                                   : "there are some in " + Joined(homes)),
                "--namespace");
  }
  input.name_space = flags.asked_namespace;
  input.role = flags.role;
  input.rationale = flags.rationale;
  input.withdraw = flags.withdraw;
  return {};
}

Status CheckShown(const ApprovalInput& input, const std::vector<Json>& sign_offs) {
  if (!input.deployment) return {};
  const bool any = std::any_of(sign_offs.begin(), sign_offs.end(), [](const Json& one) {
    const Json* shown = FindPath(one, "spec/shown/evidence");
    return shown != nullptr && !shown->empty();
  });
  if (any) return {};
  for (const GovernancePolicy& policy : input.policies) {
    if (!RestsOnEvidence(policy.spec, input.deployment->meta.name_space)) continue;
    return Fail(Code::kInvalidArgument,
                "is needed to decide without: a sign-off lists the evidence that its signer was "
                "shown, policy '" +
                    policy.meta.name + "' asks for some, and none about model " +
                    input.deployment->spec.model.digest.digest +
                    " is among the files; else give it with -f too",
                "--without-evidence");
  }
  return {};
}

}  // namespace countersign
