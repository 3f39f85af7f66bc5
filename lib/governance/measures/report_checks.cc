#include "governance/measures/report_checks.h"

#include <re2/re2.h>

#include <algorithm>
#include <cctype>
#include <iterator>
#include <tuple>

#include "governance/measures/against.h"
#include "governance/measures/revoked.h"
#include "governance/records.h"
#include "governance/report_requirements.h"

namespace countersign {
namespace {

const Claim* FindClaim(const EvidenceSpec& spec, const std::string& name) {
  const auto found = std::find_if(spec.claims.begin(), spec.claims.end(),
                                  [&](const Claim& claim) { return claim.name == name; });
  return found == spec.claims.end() ? nullptr : &*found;
}

std::vector<std::string> ItemsOf(const EvidenceSpec& spec, const std::string& name) {
  const Claim* claim = FindClaim(spec, name);
  return claim == nullptr ? std::vector<std::string>() : claim->items;
}

bool Has(const std::vector<std::string>& list, const std::string& word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

// "Sex" and "sex" are one feature: another case must not get around a policy.
bool SameFeature(const std::string& a, const std::string& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](unsigned char x, unsigned char y) {
    return std::tolower(x) == std::tolower(y);
  });
}

bool HasFeature(const std::vector<std::string>& list, const std::string& feature) {
  return std::any_of(list.begin(), list.end(),
                     [&](const std::string& one) { return SameFeature(one, feature); });
}

// Each once, where it stands first: repeating one must not push another out of the first places.
std::vector<std::string> RankedFeatures(const EvidenceSpec& report) {
  std::vector<std::string> features;
  for (std::string& one : ItemsOf(report, "topFeatures")) {
    if (!HasFeature(features, one)) features.push_back(std::move(one));
  }
  return features;
}

// A claim that is a duration; nullopt, with the shortfall noted, when it is none.
std::optional<Seconds> DurationOf(const EvidenceSpec& spec, const std::string& name,
                                  Shortfall& shortfall) {
  const Claim* claim = FindClaim(spec, name);
  if (claim == nullptr) return std::nullopt;  // noted already: the claim must exist
  auto duration = ParseDuration(claim->text);
  if (duration) return *duration;
  shortfall.Add(
      GateState::kInsufficient, "ClaimUnusable",
      "claim '" + name + "' must be a duration such as 7d, is '" + Shorten(claim->text) + "'");
  return std::nullopt;
}

void CheckName(const std::string& pattern, const std::string& name, const char* path,
               Shortfall& shortfall) {
  if (pattern.empty() || RE2::FullMatch(name, pattern)) return;
  shortfall.Add(
      GateState::kFailed, "NameNotAllowed",
      std::string(path) + " must match '" + Shorten(pattern) + "', is '" + Shorten(name) + "'");
  if (shortfall.path.empty()) shortfall.path = path;
}

void Check(const Context& context, const VerificationRequirement& r, Shortfall& shortfall) {
  const Model& model = context.facts.deployment->spec.model;
  CheckName(r.model_name_pattern, model.name, "spec.model.name", shortfall);
  CheckName(r.model_version_pattern, model.version, "spec.model.version", shortfall);
}

void Check(const Context& context, const ExplainabilityRequirement& r, const EvidenceSpec& report,
           Shortfall& shortfall) {
  const std::vector<std::string>& excluded = r.excluded_features.empty()
                                                 ? context.policy.spec.ethics.protected_attributes
                                                 : r.excluded_features;
  const std::vector<std::string> top = RankedFeatures(report);
  const std::vector<std::string> justified = ItemsOf(report, "justifiedFeatures");
  const auto wanted = static_cast<std::size_t>(r.top_features);
  if (!top.empty() && top.size() < wanted) {
    shortfall.Add(GateState::kInsufficient, "TooFewFeatures",
                  "claim 'topFeatures' must list " + std::to_string(wanted) +
                      " different features, lists " + std::to_string(top.size()));
  }
  for (std::size_t i = 0; i < top.size() && i < wanted; ++i) {
    if (!HasFeature(excluded, top[i]) || HasFeature(justified, top[i])) continue;
    shortfall.Add(GateState::kFailed, "ExcludedFeatureMatters",
                  "'" + top[i] + "' is number " + std::to_string(i + 1) +
                      " of the features that matter most, and may not matter: leave it out, or "
                      "justify it (claim 'justifiedFeatures')");
  }
}

void Check(const MonitoringRequirement& r, const EvidenceSpec& report, Shortfall& shortfall) {
  const Seconds most = MaxIntervalOf(r);
  for (const MonitoringCheck check : ChecksOf(r)) {
    const std::string name = ClaimPrefix(check) + "Interval";
    const auto interval = DurationOf(report, name, shortfall);
    if (!interval || *interval <= most) continue;
    shortfall.Add(GateState::kFailed, "MonitoringTooRare",
                  "claim '" + name + "' must be at most " + FormatDuration(most) + ", is " +
                      FormatDuration(*interval));
  }
}

void Check(const ReleaseRequirement& r, const EvidenceSpec& report, Shortfall& shortfall) {
  if (!r.min_duration) return;
  const auto duration = DurationOf(report, "duration", shortfall);
  if (!duration || *duration >= *r.min_duration) return;
  shortfall.Add(GateState::kFailed, "ReleaseTooShort",
                "claim 'duration' must be at least " + FormatDuration(*r.min_duration) + ", is " +
                    FormatDuration(*duration));
}

// Whether the assessment lets the use case be; the shortfall is noted if it does not.
bool IsAccepted(const AttestedEvidence& assessment, std::string_view note, Shortfall& shortfall) {
  const Claim* outcome = FindClaim(assessment.object->spec, "outcome");
  if (outcome != nullptr && outcome->text == "Accepted") return true;
  std::string text = "ImpactAssessment '" + assessment.object->meta.name +
                     "' must have outcome 'Accepted', has '" +
                     (outcome == nullptr ? "" : Shorten(outcome->text)) + "'";
  text += note;
  shortfall.Add(GateState::kFailed, "ImpactAssessmentNotAccepted", std::move(text));
  return false;
}

void CheckAssessment(const Context& context, const DataQualityRequirement& r,
                     const AttestedEvidence& assessment, Shortfall& shortfall) {
  if (!IsAccepted(assessment, {}, shortfall)) return;
  const std::optional<Seconds>& max_age = r.rules.max_age;
  if (!max_age) return;
  const Time end = AgesFrom(assessment) + *max_age;
  if (!shortfall.holds_until || end < *shortfall.holds_until) shortfall.holds_until = end;
  if (end > context.facts.now) return;
  shortfall.Add(GateState::kExpired, "ImpactAssessmentExpired",
                "ImpactAssessment '" + assessment.object->meta.name + "' is older than " +
                    FormatDuration(*max_age) + ", it ended at " + FormatTime(end));
}

UsableReportsResult OfBoth(const Context& context, const EvidenceRequirement& of_model,
                           const EvidenceRequirement& of_use_case) {
  UsableReportsResult all = UsableReports(context, of_model);
  const UsableReportsResult others = UsableReports(context, of_use_case);
  all.usable.insert(all.usable.end(), others.usable.begin(), others.usable.end());
  all.revoked.insert(all.revoked.end(), others.revoked.begin(), others.revoked.end());
  all.notes.insert(all.notes.end(), others.notes.begin(), others.notes.end());
  return all;
}

// An assessment is about the use case or about this model, by anybody whom the measure believes and
// signed as it asks for.
void CheckAssessment(const Context& context, const DataQualityRequirement& r,
                     Shortfall& shortfall) {
  EvidenceRequirement wanted;
  wanted.type = "ImpactAssessment";
  wanted.issuers = r.rules.issuers;
  wanted.assurance = r.rules.assurance;
  wanted.signers = r.rules.signers;
  wanted.independent = r.rules.independent;
  EvidenceRequirement of_use_case = wanted;
  of_use_case.scope = EvidenceScope::kUseCase;
  const UsableReportsResult all = OfBoth(context, wanted, of_use_case);
  for (const EvidenceRequirement& one : {wanted, of_use_case}) {
    if (const auto gone = GoneReport(context, one, all.usable)) {
      shortfall.Add(GateState::kMissing, "ImpactAssessmentWithdrawn",
                    "ImpactAssessment " + GoneText(*gone));
      return;
    }
  }
  if (all.usable.empty()) {
    shortfall.Add(GateState::kMissing, "ImpactAssessmentMissing",
                  "personal data needs an Evidence of type 'ImpactAssessment' by the same issuers" +
                      (all.notes.empty() ? "" : "; " + Join(all.notes)));
    return;
  }
  const auto latest = LatestOf(all.usable);
  // Records keep what came of each.
  const auto hear = [&](const AttestedEvidence& one) {
    AddEvidence({RefTo(context.policy.spec, one)}, shortfall.evidence);
  };
  for (const AttestedEvidence* one : latest) {
    hear(*one);
    CheckAssessment(context, r, *one, shortfall);
  }
  for (const AttestedEvidence* one : all.revoked) {
    if (one->by.first_seen >= latest.front()->by.first_seen) {
      hear(*one);
      static_cast<void>(IsAccepted(*one, kRevokedText, shortfall));
    }
  }
  // Who assessed it and is a developer since has said no all the same.
  for (const EvidenceRequirement& asked : {wanted, of_use_case}) {
    for (const AttestedEvidence* one : DependentReports(context, asked)) {
      if (one->by.first_seen >= latest.front()->by.first_seen) {
        hear(*one);
        static_cast<void>(IsAccepted(*one, kDependentText, shortfall));
      }
    }
  }
}

void Check(const Context& context, const DataQualityRequirement& r, const EvidenceSpec& report,
           Shortfall& shortfall) {
  const Claim* personal = FindClaim(report, "personalData");
  if (personal == nullptr || !personal->flag || !*personal->flag) return;
  for (const char* name : {"anonymisation", "lawfulBasis", "retentionDays"}) {
    if (FindClaim(report, name) != nullptr) continue;
    shortfall.Add(GateState::kInsufficient, "PersonalDataUnexplained",
                  std::string("claim '") + name + "' is needed with personal data, is missing");
  }
  if (r.impact_assessment) CheckAssessment(context, r, shortfall);
}

bool Says(const AttestedEvidence& record, const std::string& name) {
  const Claim* claim = FindClaim(record.object->spec, name);
  return claim != nullptr && claim->flag && *claim->flag;
}

// When the last ServingRecord before `last` was first seen that is there no more: the run counts
// anew from then on, for nobody knows what it said. Of records that the ModelRecord has let go of,
// it knows when the last was seen at the latest.
std::optional<Time> LastGone(const Context& context, const PromotionRequirement& r,
                             const AttestedEvidence& last) {
  const ModelRecord* record = RecordOf(context.facts, context.model.digest);
  if (record == nullptr) return std::nullopt;
  const auto present = context.index.Reports("ServingRecord", context.model.digest);
  const Believed who{r.rules.issuers, r.rules.assurance};
  const auto is_there = [&](const std::string& digest) {
    return std::any_of(present.begin(), present.end(), [&](const AttestedEvidence* one) {
      return one->object->KnownAs() == digest && IsBelieved(context.policy.spec, who, one->by);
    });
  };
  std::optional<Time> gone;
  const auto note = [&](Time seen) {
    if (seen <= last.by.first_seen && (!gone || *gone < seen)) gone = seen;
  };
  std::int64_t let_go = 0;
  Time let_go_before = Time::min();
  for (const PastResult& past : PastResults(QueryOf(context), EvidenceSpec::kKind, who)) {
    const RecordedResult& series = *past.result;
    if (series.topic != "ServingRecord" || series.environment != r.from) continue;
    if (!is_there(series.digest)) note(past.by.first_seen);
    Time oldest = series.by.first_seen.time;
    for (const EarlierResult& earlier : series.earlier) {
      oldest = std::min(oldest, earlier.first_seen.time);
      if (!is_there(earlier.digest)) note(earlier.first_seen.time);
    }
    if (LetGo(series) <= 0) continue;
    let_go += LetGo(series);
    let_go_before = std::max(let_go_before, oldest);
  }
  const auto is_from_there = [&](const AttestedEvidence& one) {
    return one.object->spec.environment == r.from && IsBelieved(context.policy.spec, who, one.by);
  };
  if (IsAnyGone(let_go, *record, present, is_from_there)) note(let_go_before);
  return gone;
}

// The run is as old as the first of the records since it was last unhealthy, did not serve, or a
// record was deleted; one that has ended grows no older. By a key that has ended, a record can only
// say that the run was unhealthy or over.
void Check(const Context& context, const PromotionRequirement& r,
           const UsableReportsResult& reports, Shortfall& shortfall) {
  if (!r.soak || shortfall.state != GateState::kPassed) return;
  std::vector<const AttestedEvidence*> records = reports.usable;
  std::copy_if(
      reports.revoked.begin(), reports.revoked.end(), std::back_inserter(records),
      [](const AttestedEvidence* one) { return !Says(*one, "healthy") || Says(*one, "ended"); });
  if (records.empty()) return;  // what is judged counts for nothing, and does not pass by it
  // Of the same instant what speaks against it is the later one.
  const auto rank = [](const AttestedEvidence& one) {
    return std::tuple(one.by.first_seen, !Says(one, "healthy"), Says(one, "ended"));
  };
  std::sort(
      records.begin(), records.end(),
      [&](const AttestedEvidence* a, const AttestedEvidence* b) { return rank(*a) > rank(*b); });
  const AttestedEvidence& last = *records.front();
  const bool ended = Says(last, "ended");
  const std::optional<Time> gone = LastGone(context, r, last);
  Time since = last.by.first_seen;
  for (const AttestedEvidence* record : records) {
    if (!Says(*record, "healthy") || (record != &last && Says(*record, "ended"))) break;
    if (record != &last && gone && record->by.first_seen <= *gone) break;
    since = record->by.first_seen;
  }
  const std::string anew = gone && *gone <= since
                               ? "; a ServingRecord of " + FormatTime(*gone) +
                                     " was deleted, and the time before it does not count"
                               : std::string();
  const Time enough = since + *r.soak;
  if (ended && enough > last.by.first_seen) {
    shortfall.Add(GateState::kInsufficient, "SoakTooShort",
                  "this model must run in '" + r.from + "' for " + FormatDuration(*r.soak) +
                      ", which it did not: it ran there from " + FormatTime(since) + " to " +
                      FormatTime(last.by.first_seen) + "; serve it there again" + anew);
    return;
  }
  if (ended || enough <= context.facts.now) return;
  shortfall.passes_from = enough;
  shortfall.Add(GateState::kInsufficient, "SoakTooShort",
                "this model must run in '" + r.from + "' for " + FormatDuration(*r.soak) +
                    ", which it will have at " + FormatTime(enough) + anew);
}

// A board that weighed one purpose has said nothing about another.
void Check(const Context& context, const EthicsReviewRequirement& /*r*/, const EvidenceSpec& report,
           Shortfall& shortfall) {
  const std::string& purpose = context.facts.use_case->spec.purpose_category;
  const Claim* reviewed = FindClaim(report, "purposeCategory");
  if (reviewed != nullptr && reviewed->text == purpose) return;
  shortfall.Add(GateState::kInsufficient, "OtherPurposeReviewed",
                "claim 'purposeCategory' must be the use case's, '" + purpose + "', " +
                    (reviewed == nullptr ? "is missing" : "is '" + Shorten(reviewed->text) + "'"));
}

void Check(const EnvironmentalImpactRequirement& r, const EvidenceSpec& report,
           Shortfall& shortfall) {
  if (r.max_training_energy || FindClaim(report, "trainingEnergy") != nullptr ||
      FindClaim(report, "trainingCompute") != nullptr) {
    return;
  }
  shortfall.Add(GateState::kInsufficient, "EnergyNotStated",
                "claim 'trainingEnergy' or 'trainingCompute' must be there");
}

void Check(const DataSecurityRequirement& r, const EvidenceSpec& report, Shortfall& shortfall) {
  if (r.regions.empty()) return;
  for (const std::string& region : ItemsOf(report, "regions")) {
    if (Has(r.regions, region)) continue;
    shortfall.Add(GateState::kFailed, "RegionNotAllowed",
                  "data is in region '" + Shorten(region) + "', allowed are " + Join(r.regions));
  }
}

void Check(const ModelSignatureRequirement& r, const AttestedEvidence& latest,
           Shortfall& shortfall) {
  if (!latest.by.signature) return;  // it did not count without one
  for (const std::string& path : latest.by.signature->ignored_paths) {
    if (Has(r.ignored_paths, path)) continue;
    shortfall.Add(GateState::kFailed, "ModelPathNotSigned",
                  "it leaves out '" + Shorten(path) +
                      "' of the model: sign it without --ignore-paths, or list the path in the "
                      "measure's ignoredPaths");
  }
  if (latest.by.signature->symlinks && r.symlinks == Symlinks::kRefused) {
    shortfall.Add(GateState::kFailed, "ModelSymlinksFollowed",
                  "symbolic links were followed when it was signed: sign the model without "
                  "--allow_symlinks");
  }
}

}  // namespace

void CheckReport(const Context& context, const UsableReportsResult& reports,
                 const AttestedEvidence& latest, Shortfall& shortfall) {
  const Requirement& r = context.measure.require;
  const EvidenceSpec& report = latest.object->spec;
  if (r.verification) Check(context, *r.verification, shortfall);
  if (r.explainability) Check(context, *r.explainability, report, shortfall);
  if (r.monitoring) Check(*r.monitoring, report, shortfall);
  if (r.release) Check(*r.release, report, shortfall);
  if (r.data_quality) Check(context, *r.data_quality, report, shortfall);
  if (r.promotion) Check(context, *r.promotion, reports, shortfall);
  if (r.ethics_review) Check(context, *r.ethics_review, report, shortfall);
  if (r.environmental_impact) Check(*r.environmental_impact, report, shortfall);
  if (r.data_security) Check(*r.data_security, report, shortfall);
  if (r.model_signature) Check(*r.model_signature, latest, shortfall);
}

}  // namespace countersign
