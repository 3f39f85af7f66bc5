#include "cli/approve_desk.h"

#include <algorithm>
#include <iostream>
#include <utility>

#include "base/clock.h"
#include "catalog/resources.h"
#include "cli/approval_reading.h"
#include "cli/object_signature.h"
#include "cli/offline_signer.h"
#include "cli/render.h"
#include "cli/signing.h"
#include "evidence/signed_object.h"

namespace countersign {
namespace {

class ClusterDesk : public Desk {
 public:
  ClusterDesk(std::unique_ptr<Cluster> cluster, const ApproveFlags& flags, const Global& global)
      : cluster_(std::move(cluster)), source_(*cluster_), flags_(flags), global_(global) {}
  [[nodiscard]] const ApprovalSource& source() const override { return source_; }
  [[nodiscard]] Result<std::string> Signer() override { return cluster_->WhoAmI(); }
  [[nodiscard]] Status Check(const ApprovalInput&, const std::vector<Json>&) const override {
    return {};
  }
  [[nodiscard]] int Record(std::vector<Json> sign_offs) override {
    return RecordSignOffs(*cluster_, std::move(sign_offs), flags_.record, global_.IsJson());
  }

 private:
  std::unique_ptr<Cluster> cluster_;
  ClusterSource source_;
  const ApproveFlags& flags_;
  const Global& global_;
};

// Nobody is asked who signs: the key says it, and the policies among the files whose it is.
class OfflineDesk : public Desk {
 public:
  OfflineDesk(ManifestSource source, const ApproveFlags& flags, const Global& global)
      : source_(std::move(source)), flags_(flags), global_(global) {}
  [[nodiscard]] const ApprovalSource& source() const override { return source_; }
  [[nodiscard]] Result<std::string> Signer() override {
    auto items = source_.List(kGovernancePolicies, {});
    if (!items) return Fail(items.error());
    for (const Json& item : *items) {
      auto policy = Decode<GovernancePolicySpec>(item);
      if (!policy) return Fail(policy.error());
      policies_.push_back(std::move(*policy));
    }
    auto key = FingerprintOf(flags_.record.sign_with);
    if (!key) return Fail(key.error());
    auto signer = SignerOffline(policies_, *key, flags_.signer, source_.Now());
    if (!signer) return Fail(signer.error());
    account_ = signer->account;
    std::cerr << source_.OriginText()
              << Printable("Signer '" + account_ + "': " + signer->why + ".") << "\n";
    return account_;
  }
  [[nodiscard]] Status Check(const ApprovalInput& input,
                             const std::vector<Json>& sign_offs) const override {
    return flags_.without_evidence ? Status() : CheckShown(input, sign_offs);
  }
  [[nodiscard]] int Record(std::vector<Json> sign_offs) override {
    auto made = SignAll(std::move(sign_offs), flags_.record, source_.Now());
    if (!made) return Report(made.error());
    for (const Json& sign_off : *made) {
      auto proof = VerifySignature(sign_off);
      if (!proof) return Report({Code::kInternal, proof.error().message, "--sign-with", {}});
      // The key that signed may be another than the public half beside it.
      auto signer = SignerOffline(policies_, proof->key, account_, source_.Now());
      if (!signer) return Report(signer.error());
    }
    return PrintSignOffs(*made, global_.IsJson());
  }

 private:
  ManifestSource source_;
  const ApproveFlags& flags_;
  const Global& global_;
  std::vector<GovernancePolicy> policies_;
  std::string account_;
};

// What only makes sense where no cluster is asked.
Status CheckOnline(const ApproveFlags& flags) {
  const std::string offline =
      "goes with --sign-with, --print and the policies among the files of -f: then no cluster is "
      "asked";
  if (!flags.signer.empty()) return Fail(Code::kInvalidArgument, offline, "--signer");
  if (flags.without_evidence) return Fail(Code::kInvalidArgument, offline, "--without-evidence");
  const bool deployment = flags.use_case.empty() && flags.waiver.empty() &&
                          flags.incident.empty() && flags.protocol.empty() && flags.policy.empty();
  if (flags.files.empty() || deployment) return {};
  return Fail(Code::kInvalidArgument, offline + "; else it takes a ModelDeployment alone",
              "--filename");
}

}  // namespace

Result<std::unique_ptr<Desk>> OpenDesk(const ApproveFlags& flags, const Global& global,
                                       std::vector<Manifest> files) {
  const bool policies = std::any_of(files.begin(), files.end(), [](const Manifest& manifest) {
    return StringAt(manifest.object, "kind") == GovernancePolicySpec::kKind;
  });
  if (policies && flags.record.print) {
    auto source = ManifestSource::Make(std::move(files), global.name_space, SystemClock().Now());
    if (!source) return Fail(source.error());
    return std::make_unique<OfflineDesk>(std::move(*source), flags, global);
  }
  if (auto ok = CheckOnline(flags); !ok) return Fail(ok.error());
  auto cluster = Cluster::Connect(global);
  if (!cluster) {
    Error error = cluster.error();
    error.message +=
        "; to sign without a cluster, give the manifests, the policies among them, with -f, and "
        "--sign-with KEY --print";
    return Fail(error);
  }
  return std::make_unique<ClusterDesk>(std::move(*cluster), flags, global);
}

}  // namespace countersign
