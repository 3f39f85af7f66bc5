// evidence_index.h: what one policy sees of a dossier.
//
// Evidence comes in the name of whose key signed it, or whom a trusted installation saw make it, as
// the policy lists them (signers.h), which is looked up for what is asked about alone. Dossier and
// policy must outlive the index, the index what it returns. Lists are in the order of the dossier,
// by name. Used by one thread.
//
// What speaks for a model is looked for here; what speaks against it, or binds, in Ever().
#pragma once

#include <map>
#include <memory>
#include <string_view>
#include <vector>

#include "governance/dossier.h"

namespace countersign {

class EvidenceIndex {
 public:
  // `environment`: the policy's, of the deployment that is judged; empty: it is about none. By it
  // other installations are believed. Must outlive the index.
  EvidenceIndex(const Dossier& dossier, const GovernancePolicySpec& policy,
                std::string_view environment)
      : dossier_(dossier),
        policy_(policy),
        environment_(environment),
        sign_offs_{dossier.evidence().sign_offs, {}},
        snapshots_{dossier.evidence().snapshots, {}},
        bias_tests_{dossier.evidence().bias_tests, {}},
        reports_{dossier.evidence().reports, {}},
        waivers_{dossier.evidence().waivers, {}} {}

  // The same in which keys are their owners' whether they count or not: revoked, ended or not begun
  // (signers.h). Each list has the same objects at the same places.
  [[nodiscard]] const EvidenceIndex& Ever() const;
  // The same in which a no, too, counts only by a key that counts: for where a no would let
  // something through, so that whoever has a stolen key cannot.
  [[nodiscard]] const EvidenceIndex& Strict() const;

  using SignOffList = std::vector<const AttestedSignOff*>;
  using SnapshotList = std::vector<const AttestedSnapshot*>;
  using BiasTestList = std::vector<const AttestedBiasTest*>;
  using ReportList = std::vector<const AttestedEvidence*>;
  using WaiverList = std::vector<const AttestedWaiver*>;

  // See the functions of that name of Dossier.
  [[nodiscard]] SignOffList SignOffs(std::string_view role, std::string_view digest) const;
  [[nodiscard]] SignOffList SignOffsOn(std::string_view digest) const;
  [[nodiscard]] SignOffList SignOffsAbout(const ModelDigest& model) const;
  [[nodiscard]] SignOffList SignOffsOnUseCase() const;
  [[nodiscard]] ReportList Reports(std::string_view type, std::string_view model) const;
  [[nodiscard]] ReportList ReportsOfType(std::string_view type) const;
  [[nodiscard]] BiasTestList BiasTests(const ModelDigest& model) const;
  [[nodiscard]] SnapshotList Snapshots(const ModelDigest& model) const;
  [[nodiscard]] SnapshotList Repetitions(std::string_view of) const;

  [[nodiscard]] WaiverList Waivers(const ModelDigest& model) const;

  [[nodiscard]] SignOffList AllSignOffs() const;
  [[nodiscard]] WaiverList AllWaivers() const;
  [[nodiscard]] SnapshotList AllSnapshots() const;
  // Those at the given positions, of the dossier.
  [[nodiscard]] ReportList ReportsAt(const Dossier::Positions& positions) const;
  // Those of that name; usually one.
  [[nodiscard]] ReportList ReportsNamed(std::string_view name) const;
  [[nodiscard]] BiasTestList BiasTestsNamed(std::string_view name) const;
  [[nodiscard]] SignOffList SignOffsNamed(std::string_view name) const;
  [[nodiscard]] SnapshotList SnapshotsNamed(std::string_view name) const;

  [[nodiscard]] const Dossier& dossier() const { return dossier_; }
  [[nodiscard]] std::string_view environment() const { return environment_; }

 private:
  template <class Spec>
  struct Seen {
    const SharedList<Attested<Spec>>& all;
    std::map<std::size_t, Attested<Spec>> in_name_of_signer;
  };
  template <class Spec>
  const Attested<Spec>* At(Seen<Spec>& seen, std::size_t i) const;
  template <class Spec>
  std::vector<const Attested<Spec>*> At(Seen<Spec>& seen,
                                        const Dossier::Positions& positions) const;
  template <class Spec>
  std::vector<const Attested<Spec>*> All(Seen<Spec>& seen) const;
  template <class Spec>
  std::vector<const Attested<Spec>*> Named(Seen<Spec>& seen, std::string_view name) const;

  const Dossier& dossier_;
  const GovernancePolicySpec& policy_;
  const std::string_view environment_;
  Revocation revocation_ = Revocation::kChecked;
  bool strict_ = false;
  mutable std::unique_ptr<EvidenceIndex> ever_;
  mutable std::unique_ptr<EvidenceIndex> strict_index_;
  mutable Seen<SignOffSpec> sign_offs_;
  mutable Seen<ReproducibilitySnapshotSpec> snapshots_;
  mutable Seen<BiasTestSpec> bias_tests_;
  mutable Seen<EvidenceSpec> reports_;
  mutable Seen<WaiverSpec> waivers_;
};

}  // namespace countersign
