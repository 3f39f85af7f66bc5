#include "governance/records.h"

#include <algorithm>

#include "governance/dossier.h"
#include "governance/signers.h"

namespace countersign {
namespace {

constexpr std::size_t kLongestLineage = 64;  // as far back as a policy may let evidence be carried

bool IsOf(const Facts& facts, const std::string& name_space, const std::string& use_case) {
  return facts.use_case != nullptr && facts.use_case->meta.name_space == name_space &&
         facts.use_case->meta.name == use_case;
}

Provenance ProvenanceOf(const RecordedMaker& maker) {
  Provenance by;
  by.authenticity = Authenticity::kAttested;
  by.user = maker.user;
  by.groups = maker.groups;
  by.first_seen = maker.first_seen.time;
  if (maker.signed_in_at) by.sign_in = SignIn{*maker.signed_in_at};
  if (!maker.installation.empty()) {
    by.authenticity = Authenticity::kForeign;
    by.foreign = std::make_shared<const ForeignStamp>(
        ForeignStamp{maker.installation, maker.installation_key});
  }
  if (!maker.signing_key.empty()) {
    by.authenticity = Authenticity::kSigned;
    SignatureProof proof{maker.signing_key, maker.user_present, maker.user_verified};
    proof.chain = maker.chain;
    for (const RecordedCosigner& one : maker.cosigners) {
      proof.cosigners.push_back({one.signing_key, one.chain});
    }
    by.signature = std::make_shared<const SignatureProof>(std::move(proof));
  }
  return by;
}

std::string RecordDigestOf(const ObjectMeta& use_case) {
  return countersign::RecordDigestOf(use_case.name_space, use_case.name);
}

bool IsMade(const Provenance& by) {
  return by.authenticity == Authenticity::kAttested || by.authenticity == Authenticity::kSigned ||
         by.authenticity == Authenticity::kForeign || by.authenticity == Authenticity::kAssumed;
}

Provenance Withdrawn(Provenance by, Time at) {
  by.authenticity = Authenticity::kWithdrawn;
  by.problem = "it was withdrawn at " + FormatTime(at) + " and does not count again";
  return by;
}

// Who really made the object at that place of a list, or when.
struct Correction {
  std::size_t at = 0;
  Provenance by;
};
using Corrections = std::vector<Correction>;

// In the record of their model.
template <class Spec>
void CorrectResults(const ModelRecord& record, const SharedList<Attested<Spec>>& list,
                    const Dossier::Positions& positions, Corrections& corrections) {
  for (const std::size_t i : positions) {
    const Attested<Spec>& one = list[i];
    if (!IsMade(one.by)) continue;
    const auto* known = record.spec.Find(one.object->KnownAs(), one.object->meta.name_space);
    const Time forgotten = record.spec.ResultsForgottenUntil(one.object->meta.name_space);
    if (known == nullptr) {
      const Time performed = one.object->spec.performed_at;
      if (performed > forgotten || one.by.first_seen <= performed) continue;
      corrections.push_back({i, one.by});
      corrections.back().by.first_seen = performed;
    } else if (known->withdrawn_at) {
      corrections.push_back({i, Withdrawn(one.by, *known->withdrawn_at)});
    } else if (known->first_seen < one.by.first_seen) {
      corrections.push_back({i, one.by});
      corrections.back().by.first_seen = known->first_seen;
    }
  }
}

// An approval that was withdrawn counts again when its signer makes it again, not when anybody
// applies it again; a rejection always counts.
void CorrectSignOffs(const ModelRecord& record, const SharedList<AttestedSignOff>& list,
                     const Dossier::Positions& positions, Corrections& corrections) {
  for (const std::size_t i : positions) {
    const AttestedSignOff& one = list[i];
    const SignOffSpec& spec = one.object->spec;
    if (spec.decision == SignOffDecision::kReject || !IsMade(one.by)) continue;
    const auto* known = record.spec.Find(one.object->KnownAs(), one.object->meta.name_space);
    const Time forgotten = record.spec.DecisionsForgottenUntil(one.object->meta.name_space);
    const Time made = std::min(one.by.first_seen, spec.performed_at.value_or(Time::max()));
    if (known == nullptr && made <= forgotten) {
      corrections.push_back({i, Withdrawn(one.by, forgotten)});
    } else if (known != nullptr && known->withdrawn_at &&
               (spec.signature || one.by.first_seen <= *known->withdrawn_at)) {
      corrections.push_back({i, Withdrawn(one.by, *known->withdrawn_at)});
    }
  }
}

// Those of the model, and repetitions of its runs that ended in another: a model's record has both.
Dossier::Positions SnapshotsOn(const Dossier& dossier, const ModelDigest& model) {
  Dossier::Positions all = dossier.Snapshots(model);
  const auto& snapshots = dossier.evidence().snapshots;
  for (std::size_t i = 0, own = all.size(); i < own; ++i) {
    const Object<ReproducibilitySnapshotSpec>& original = *snapshots[all[i]].object;
    if (!original.spec.reproduction_of.empty()) continue;
    for (const std::size_t at : dossier.Repetitions(original.meta.name)) {
      if (snapshots[at].object->spec.model != model) all.push_back(at);
    }
  }
  return all;
}

template <class Spec>
void Apply(Corrections&& corrections, SharedList<Attested<Spec>>& list) {
  if (corrections.empty()) return;
  list.Change([&](std::vector<Attested<Spec>>& all) {
    for (Correction& one : corrections) all[one.at].by = std::move(one.by);
  });
}

// Whether whoever would not believe `present` would not have believed what was recorded either.
bool IsAsGood(const Provenance& present, const RecordedMaker& recorded) {
  if (!IsMade(present)) return false;
  // A policy that believes another key in the same person's name may not be the one that judges.
  const std::string key = present.signature ? present.signature->key : std::string();
  if (key != recorded.signing_key) return false;
  return present.authenticity != Authenticity::kForeign ||
         (present.foreign && present.foreign->installation == recorded.installation &&
          present.foreign->key == recorded.installation_key);
}

// Both a model's record and its use case's may have it.
bool IsSame(const RecordedDecision& a, const RecordedDecision& b) {
  return a.digest == b.digest && a.name_space == b.name_space &&
         a.by.signing_key == b.by.signing_key;
}

std::vector<AttestedSignOff> GoneRejections(const Facts& facts, const Dossier& dossier) {
  std::vector<AttestedSignOff> gone;
  std::vector<const RecordedDecision*> told;
  for (const auto& record : facts.records) {
    for (const RecordedDecision& one : record->spec.decisions) {
      if (one.sign_off == nullptr || !IsOf(facts, one.name_space, one.use_case)) continue;
      const auto is = [&](const RecordedDecision* other) { return IsSame(*other, one); };
      if (std::any_of(told.begin(), told.end(), is)) continue;
      told.push_back(&one);
      const auto near = dossier.SignOffs(one.role, DigestOfSubject(one.sign_off->spec.subject));
      const bool there = std::any_of(near.begin(), near.end(), [&](std::size_t i) {
        const AttestedSignOff& present = facts.sign_offs[i];
        return present.object->KnownAs() == one.digest && IsAsGood(present.by, one.by);
      });
      if (!there) gone.push_back({one.sign_off, ProvenanceOf(one.by)});
    }
  }
  return gone;
}

std::vector<std::shared_ptr<const Incident>> GoneIncidents(const Facts& facts) {
  std::vector<std::shared_ptr<const Incident>> gone;
  const auto is = [](const Incident& a, const Incident& b) {
    return a.meta.name == b.meta.name && a.spec_digest == b.spec_digest;
  };
  for (const auto& record : facts.records) {
    for (const RecordedIncident& one : record->spec.incidents) {
      if (one.incident == nullptr || !IsOf(facts, one.name_space, one.use_case)) continue;
      const auto same = [&](const auto& other) { return is(*other, *one.incident); };
      if (std::none_of(facts.incidents.begin(), facts.incidents.end(), same) &&
          std::none_of(gone.begin(), gone.end(), same)) {
        gone.push_back(one.incident);
      }
    }
  }
  return gone;
}

}  // namespace

void AddRecord(Facts& facts, std::shared_ptr<const ModelRecord> record) {
  const RecordBounds* bounds =
      facts.use_case == nullptr ? nullptr : record->spec.BoundsOf(facts.use_case->meta.name_space);
  if (record->spec.full || (bounds != nullptr && bounds->full)) {
    facts.unknown.push_back(
        "ModelRecord '" + record->meta.name + "' is full" +
        (record->spec.full ? std::string()
                           : " of evidence in namespace '" + bounds->name_space + "'") +
        (record->spec.use_case.empty()
             ? ": what of the model's evidence was deleted cannot be told any more; release the "
               "model anew, under another digest"
             : ": which reports about the use case were deleted cannot be told any more; register "
               "it anew, under another name"));
  }
  facts.records.push_back(std::move(record));
}

bool IsRejectionInUseCase(const SignOffSpec& spec) {
  return spec.decision == SignOffDecision::kReject &&
         spec.subject.kind != SubjectOfSignOff::kModelDeployment &&
         spec.subject.kind != SubjectOfSignOff::kGovernancePolicy;
}

ModelRecordSpec FirstOfUseCase(const std::string& name_space, const std::string& use_case,
                               const std::vector<const ModelRecordSpec*>& others) {
  ModelRecordSpec first;
  first.digest = countersign::RecordDigestOf(name_space, use_case);
  first.use_case = name_space + "/" + use_case;
  for (const ModelRecordSpec* other : others) {
    if (!other->use_case.empty()) continue;
    for (const RecordedDecision& one : other->decisions) {
      if (one.sign_off == nullptr || !IsRejectionInUseCase(one.sign_off->spec) ||
          one.name_space != name_space || one.use_case != use_case) {
        continue;
      }
      const auto same = [&](const RecordedDecision& had) { return IsSame(had, one); };
      if (std::none_of(first.decisions.begin(), first.decisions.end(), same)) {
        first.decisions.push_back(one);
      }
    }
  }
  return first;
}

void AddFirstOfUseCase(Facts& facts, const std::vector<const ModelRecordSpec*>& others) {
  if (facts.use_case == nullptr) return;
  const ObjectMeta& use_case = facts.use_case->meta;
  ModelRecordSpec first = FirstOfUseCase(use_case.name_space, use_case.name, others);
  if (first.decisions.empty()) return;
  auto record = std::make_shared<ModelRecord>();
  record->meta.name = RecordName(first.digest);
  record->spec = std::move(first);
  record->spec.DeriveKnown();
  AddRecord(facts, std::move(record));
}

std::vector<std::string> ModelsOf(const Facts& facts, const Dossier& dossier) {
  const Model& model = facts.deployment->spec.model;
  std::vector<ModelDigest> models = {model.digest};
  for (const Component& component : model.components) models.push_back(component.identity);
  for (std::size_t i = 0; i < models.size() && models.size() < kLongestLineage; ++i) {
    for (const std::size_t at : dossier.Snapshots(models[i])) {
      const auto& previous = dossier.evidence().snapshots[at].object->spec.previous;
      if (previous && std::find(models.begin(), models.end(), *previous) == models.end()) {
        models.push_back(*previous);
      }
    }
  }
  std::vector<std::string> digests;
  digests.reserve(models.size() + 1);
  for (ModelDigest& one : models) digests.push_back(std::move(one.digest));
  if (facts.use_case != nullptr) digests.push_back(RecordDigestOf(facts.use_case->meta));
  return digests;
}

const ModelRecord* RecordOf(const Facts& facts, std::string_view digest) {
  for (const auto& record : facts.records) {
    if (record->spec.digest == digest) return record.get();
  }
  return nullptr;
}

std::optional<Facts> WithRecords(const Facts& facts, const Dossier& dossier) {
  if (facts.records.empty()) return std::nullopt;
  Corrections bias_tests;
  Corrections snapshots;
  Corrections reports;
  Corrections sign_offs;
  for (const auto& record : facts.records) {
    for (const auto& [type, name] : EnumNames<DigestType>::kNames) {
      const ModelDigest model{record->spec.digest, type};
      CorrectResults(*record, facts.bias_tests, dossier.BiasTests(model), bias_tests);
      CorrectResults(*record, facts.snapshots, SnapshotsOn(dossier, model), snapshots);
      CorrectSignOffs(*record, facts.sign_offs, dossier.SignOffsAbout(model), sign_offs);
    }
    const bool of_use_case = facts.use_case != nullptr && !record->spec.use_case.empty() &&
                             record->spec.digest == RecordDigestOf(facts.use_case->meta);
    const std::string_view about = of_use_case ? std::string_view() : record->spec.digest;
    CorrectResults(*record, facts.reports, dossier.ReportsAbout(about), reports);
  }
  auto rejections = GoneRejections(facts, dossier);
  auto incidents = GoneIncidents(facts);
  if (bias_tests.empty() && snapshots.empty() && reports.empty() && sign_offs.empty() &&
      rejections.empty() && incidents.empty()) {
    return std::nullopt;
  }
  Facts corrected = facts;
  corrected.dossier.reset();
  Apply(std::move(bias_tests), corrected.bias_tests);
  Apply(std::move(snapshots), corrected.snapshots);
  Apply(std::move(reports), corrected.reports);
  Apply(std::move(sign_offs), corrected.sign_offs);
  if (!rejections.empty()) {
    corrected.sign_offs.Change([&](std::vector<AttestedSignOff>& all) {
      all.insert(all.end(), rejections.begin(), rejections.end());
    });
  }
  if (!incidents.empty()) {
    corrected.incidents.Change(
        [&](auto& all) { all.insert(all.end(), incidents.begin(), incidents.end()); });
  }
  return corrected;
}

std::vector<PastResult> PastResults(const GovernancePolicySpec& policy, const Facts& facts,
                                    std::string_view environment, const ModelRecord& record) {
  std::vector<PastResult> found;
  for (const RecordedResult& one : record.spec.results) {
    if (!IsOf(facts, one.name_space, one.use_case)) continue;
    const Provenance by = ProvenanceOf(one.by);
    found.push_back({&one, WithSignIn(policy, by.authenticity == Authenticity::kForeign
                                                  ? VouchedFor(policy, one.kind, environment, by)
                                                  : SignerOf(policy, by, {}, one.performed_at))});
  }
  return found;
}

Provenance RecordedBy(const GovernancePolicySpec& policy, const RecordedMaker& maker) {
  return SignerOf(policy, ProvenanceOf(maker), {}, std::nullopt, Revocation::kDisregarded);
}

bool IsBelieved(const GovernancePolicySpec& policy, const Believed& who, const Provenance& by) {
  return IsAuthentic(by) && IsTrustedIssuer(policy, who.issuers, by) &&
         WhyTooWeak(who.assurance, by).empty();
}

bool HasPassed(const RecordedResult& result) {
  return !result.verdicts.empty() &&
         std::all_of(result.verdicts.begin(), result.verdicts.end(), [](const auto& verdict) {
           return verdict.state == GateStateName(GateState::kPassed);
         });
}

RecordQuery QueryOf(const Context& context) {
  return {context.policy.spec, context.facts, context.index, context.model};
}

ModelDigest InPlaceOfModel(const UseCase& use_case) {
  ModelDigest digest;
  digest.digest = RecordDigestOf(use_case.meta);
  return digest;
}

std::vector<PastResult> PastResults(const RecordQuery& query, std::string_view kind,
                                    const Believed& who) {
  const GovernancePolicySpec& policy = query.policy;
  const ModelRecord* record = RecordOf(query.facts, query.model.digest);
  if (record == nullptr) return {};
  std::vector<PastResult> found =
      PastResults(policy, query.facts, query.index.environment(), *record);
  std::erase_if(found, [&](PastResult& past) {
    // A run that is repeated may end in a model of another type.
    const bool repeats = kind == ReproducibilitySnapshotSpec::kKind && !past.result->topic.empty();
    if (past.result->kind != kind || (!repeats && past.result->digest_type != query.model.type)) {
      return true;
    }
    if (IsBelieved(policy, who, past.by)) return false;
    auto despite = DespiteRevocation(policy, past.by, past.result->performed_at);
    if (!despite || !IsBelieved(policy, who, *despite) || HasPassed(*past.result)) return true;
    past.by = *std::move(despite);
    past.revoked = true;
    return false;
  });
  return found;
}

std::int64_t LetGo(const RecordedResult& series) {
  return series.attempts - 1 - static_cast<std::int64_t>(series.earlier.size());
}

EvidenceIndex::SnapshotList RecordedSnapshots(const EvidenceIndex& index, const ModelDigest& model,
                                              const ModelRecord& record) {
  EvidenceIndex::SnapshotList all = index.Snapshots(model);
  std::set<std::string_view> repeated;
  for (const RecordedResult& one : record.spec.results) {
    if (one.kind != ReproducibilitySnapshotSpec::kKind || one.topic.empty() ||
        !repeated.insert(one.topic).second) {
      continue;
    }
    for (const AttestedSnapshot* copy : index.Repetitions(one.topic)) {
      if (copy->object->spec.model != model) all.push_back(copy);
    }
  }
  return all;
}

std::string GoneText(const PastResult& past) {
  const RecordedResult& result = *past.result;
  std::string text = "'" + result.name + "', made by '" + past.by.user + "' and first seen at " +
                     FormatTime(past.by.first_seen) + ", is the latest result and ";
  for (std::size_t i = 0; i < result.verdicts.size(); ++i) {
    const RecordedVerdict& verdict = result.verdicts[i];
    text += i == 0 ? "was " : ", ";
    text += verdict.state + " " + verdict.reason + " (" + verdict.measure + ")";
  }
  text += result.verdicts.empty() ? "was deleted" : "; it was deleted";
  return text + ": it governs until there is a later one, which no earlier result is";
}

}  // namespace countersign
