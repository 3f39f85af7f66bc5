#include "governance/evidence_index.h"

#include <algorithm>

#include "governance/signers.h"

namespace countersign {

template <class Spec>
const Attested<Spec>* EvidenceIndex::At(Seen<Spec>& seen, std::size_t i) const {
  const Attested<Spec>& one = seen.all[i];
  if (one.by.authenticity != Authenticity::kSigned &&
      one.by.authenticity != Authenticity::kForeign && !one.by.sign_in) {
    return &one;
  }
  const auto [it, fresh] = seen.in_name_of_signer.try_emplace(i);
  if (!fresh) return &it->second;
  it->second = WithSigner(policy_, environment_, one, revocation_);
  if constexpr (std::is_same_v<Spec, SignOffSpec>) {
    const SignOffSpec& spec = one.object->spec;
    if (strict_ && spec.decision == SignOffDecision::kReject &&
        one.by.authenticity == Authenticity::kSigned) {
      it->second.by = SignerOf(policy_, one.by, spec.signer.username, spec.performed_at);
    }
  }
  return &it->second;
}

const EvidenceIndex& EvidenceIndex::Ever() const {
  if (revocation_ == Revocation::kDisregarded) return *this;
  if (ever_ == nullptr) {
    ever_ = std::make_unique<EvidenceIndex>(dossier_, policy_, environment_);
    ever_->revocation_ = Revocation::kDisregarded;
    ever_->strict_ = strict_;
  }
  return *ever_;
}

const EvidenceIndex& EvidenceIndex::Strict() const {
  if (strict_) return *this;
  if (strict_index_ == nullptr) {
    strict_index_ = std::make_unique<EvidenceIndex>(dossier_, policy_, environment_);
    strict_index_->revocation_ = revocation_;
    strict_index_->strict_ = true;
  }
  return *strict_index_;
}

template <class Spec>
std::vector<const Attested<Spec>*> EvidenceIndex::At(Seen<Spec>& seen,
                                                     const Dossier::Positions& positions) const {
  std::vector<const Attested<Spec>*> found;
  found.reserve(positions.size());
  for (const std::size_t i : positions) found.push_back(At(seen, i));
  return found;
}

template <class Spec>
std::vector<const Attested<Spec>*> EvidenceIndex::All(Seen<Spec>& seen) const {
  std::vector<const Attested<Spec>*> found;
  found.reserve(seen.all.size());
  for (std::size_t i = 0; i < seen.all.size(); ++i) found.push_back(At(seen, i));
  return found;
}

template <class Spec>
std::vector<const Attested<Spec>*> EvidenceIndex::Named(Seen<Spec>& seen,
                                                        std::string_view name) const {
  const auto& all = seen.all;
  const auto first = std::lower_bound(all.begin(), all.end(), name,
                                      [](const Attested<Spec>& one, std::string_view wanted) {
                                        return one.object->meta.name < wanted;
                                      });
  std::vector<const Attested<Spec>*> found;
  for (auto i = static_cast<std::size_t>(std::distance(all.begin(), first));
       i < all.size() && all[i].object->meta.name == name; ++i) {
    found.push_back(At(seen, i));
  }
  return found;
}

EvidenceIndex::SignOffList EvidenceIndex::SignOffs(std::string_view role,
                                                   std::string_view digest) const {
  return At(sign_offs_, dossier_.SignOffs(role, digest));
}

EvidenceIndex::SignOffList EvidenceIndex::SignOffsOn(std::string_view digest) const {
  return At(sign_offs_, dossier_.SignOffsOn(digest));
}

EvidenceIndex::SignOffList EvidenceIndex::SignOffsAbout(const ModelDigest& model) const {
  return At(sign_offs_, dossier_.SignOffsAbout(model));
}

EvidenceIndex::SignOffList EvidenceIndex::SignOffsOnUseCase() const {
  return At(sign_offs_, dossier_.SignOffsOnUseCase());
}

EvidenceIndex::ReportList EvidenceIndex::Reports(std::string_view type,
                                                 std::string_view model) const {
  return At(reports_, dossier_.Reports(type, model));
}

EvidenceIndex::ReportList EvidenceIndex::ReportsOfType(std::string_view type) const {
  return At(reports_, dossier_.ReportsOfType(type));
}

EvidenceIndex::BiasTestList EvidenceIndex::BiasTests(const ModelDigest& model) const {
  return At(bias_tests_, dossier_.BiasTests(model));
}

EvidenceIndex::SnapshotList EvidenceIndex::Snapshots(const ModelDigest& model) const {
  return At(snapshots_, dossier_.Snapshots(model));
}

EvidenceIndex::SnapshotList EvidenceIndex::Repetitions(std::string_view of) const {
  return At(snapshots_, dossier_.Repetitions(of));
}

EvidenceIndex::WaiverList EvidenceIndex::Waivers(const ModelDigest& model) const {
  return At(waivers_, dossier_.Waivers(model));
}

EvidenceIndex::WaiverList EvidenceIndex::AllWaivers() const { return All(waivers_); }

EvidenceIndex::SignOffList EvidenceIndex::AllSignOffs() const { return All(sign_offs_); }

EvidenceIndex::SnapshotList EvidenceIndex::AllSnapshots() const { return All(snapshots_); }

EvidenceIndex::ReportList EvidenceIndex::ReportsAt(const Dossier::Positions& positions) const {
  return At(reports_, positions);
}

EvidenceIndex::ReportList EvidenceIndex::ReportsNamed(std::string_view name) const {
  return Named(reports_, name);
}

EvidenceIndex::SignOffList EvidenceIndex::SignOffsNamed(std::string_view name) const {
  return Named(sign_offs_, name);
}

EvidenceIndex::SnapshotList EvidenceIndex::SnapshotsNamed(std::string_view name) const {
  return Named(snapshots_, name);
}

EvidenceIndex::BiasTestList EvidenceIndex::BiasTestsNamed(std::string_view name) const {
  return Named(bias_tests_, name);
}

}  // namespace countersign
