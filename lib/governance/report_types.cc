#include "governance/report_types.h"

#include <algorithm>
#include <array>
#include <utility>

namespace countersign {
namespace {

using enum ClaimType;

constexpr KnownClaim kDocumentation[] = {
    {"completeness", kNumber, "share of the model card's fields that are filled in, 0 to 1",
     "share"},
    {"level", kText, "Automatic or FullHistory"},
};
constexpr KnownArtifact kSections[] = {
    {"intended-use", "what the model is for, and what it is not for"},
    {"limits", "where it is known to fail"},
    {"data", "which data, from where, selected and prepared how"},
    {"algorithm", "which algorithm and why"},
    {"experiments", "what was tried and the reasons for each choice"},
    {"owner", "who answers for it"},
};

constexpr KnownClaim kVerification[] = {
    {"level", kText, "AutomaticChecks, FullPipeline or IndependentRecode"},
    {"result", kText, "Passed or Failed"},
    {"environmentLikeness", kText, "Identical or Equivalent to production, or Different"},
    {"testsPassed", kNumber, "count"},
    {"testsFailed", kNumber, "count"},
    {"accuracy", kNumber, "share of right predictions, 0 to 1", "share"},
    {"precision", kNumber, "share of positive predictions that are right, 0 to 1", "share"},
    {"recall", kNumber, "share of positives that are found, 0 to 1", "share"},
    {"f1", kNumber, "harmonic mean of precision and recall, 0 to 1", "share"},
    {"auc", kNumber, "area under the ROC curve, 0 to 1", "share"},
    {"rmse", kNumber, "root mean squared error, in the unit of the outcome"},
};
constexpr KnownArtifact kReport[] = {{"report", "the report in full"}};

constexpr KnownClaim kExplainability[] = {
    {"level", kText, "Opaque, Explained or Interpretable"},
    {"methods", kItems, "SHAP, PermutationImportance, PartialDependence, …"},
    {"topFeatures", kItems, "features by importance, the greatest first"},
    {"justifiedFeatures", kItems, "excluded features whose use the report justifies"},
    {"coverage", kNumber, "share of predictions that can be explained, 0 to 1", "share"},
};
constexpr KnownArtifact kExplanation[] = {{"explanation", "the explanations or their method"}};

constexpr KnownClaim kHarmTest[] = {
    {"level", kText, "Automated or RedTeam"},
    {"attackVectors", kItems, "attacks that were tried"},
    {"openCritical", kNumber, "count of open findings"},
    {"openHigh", kNumber, "count of open findings"},
    {"openMedium", kNumber, "count of open findings"},
    {"openLow", kNumber, "count of open findings"},
};

constexpr KnownClaim kLoadTest[] = {
    {"requestsPerSecond", kNumber, "requests/s that were sustained", "requests/s"},
    {"errorRate", kNumber, "share of failed requests, 0 to 1", "share"},
    {"thresholdsCrossed", kNumber, "count of the tool's own limits that were not kept"},
    {"latencyP50", kNumber, "ms", "ms"},
    {"latencyP95", kNumber, "ms", "ms"},
    {"latencyP99", kNumber, "ms", "ms"},
};

constexpr KnownClaim kRelease[] = {
    {"mode", kText, "Shadow, Canary, ABTest or Challenger"},
    {"duration", kText, "how long, for example 7d"},
    {"result", kText, "Passed or Failed"},
};

constexpr KnownClaim kMonitoringPlan[] = {
    {"performanceThreshold", kNumber, "where the alarm is raised"},
    {"performanceInterval", kText, "time between two checks, for example 1h"},
    {"performanceAction", kText, "what happens then, and who does it"},
    {"inputDriftThreshold", kNumber, "as above"},
    {"inputDriftInterval", kText, "as above"},
    {"inputDriftAction", kText, "as above"},
    {"biasThreshold", kNumber, "as above"},
    {"biasInterval", kText, "as above"},
    {"biasAction", kText, "as above"},
    {"dataQualityThreshold", kNumber, "as above"},
    {"dataQualityInterval", kText, "as above"},
    {"dataQualityAction", kText, "as above"},
    {"businessKpiThreshold", kNumber, "as above"},
    {"businessKpiInterval", kText, "as above"},
    {"businessKpiAction", kText, "as above"},
    {"healthThreshold", kNumber, "as above"},
    {"healthInterval", kText, "as above"},
    {"healthAction", kText, "as above"},
};

constexpr KnownClaim kDataQuality[] = {
    {"personalData", kFlag, "whether the data is about identifiable people"},
    {"anonymisation", kText, "the method; needed with personal data"},
    {"lawfulBasis", kText, "GDPR art. 6: Consent, Contract, …; needed with personal data"},
    {"retentionDays", kNumber, "how long it is kept; needed with personal data", "days"},
    {"accuracy", kNumber, "share of values that are right, 0 to 1", "share"},
    {"completeness", kNumber, "share of values that are there, 0 to 1", "share"},
    {"consistency", kNumber, "share of records that contradict no other, 0 to 1", "share"},
};
constexpr KnownArtifact kLineage[] = {
    {"lineage", "origin of every column and what was done to it"}};

constexpr KnownClaim kImpactAssessment[] = {
    {"outcome", kText, "Accepted or Rejected"},
    {"residualRisk", kText, "Low, Medium or High"},
};
constexpr KnownArtifact kAssessment[] = {{"assessment", "the assessment in full"}};

constexpr KnownClaim kServingRecord[] = {
    {"healthy", kFlag, "whether it served without failing its health checks until the record"},
    {"deployment", kText, "namespace/name of the ModelDeployment, in records by the operator"},
    {"ended", kFlag, "whether it serves no more from the record on"},
};

constexpr KnownClaim kIncidentPlan[] = {
    {"contact", kText, "who is called, at any hour"},
    {"rollbackTarget", kText, "which version, rules or people take over"},
};
constexpr KnownArtifact kResponsePlan[] = {{"response-plan", "who does what in which order"}};

constexpr KnownClaim kIncidentReview[] = {
    {"incident", kText, "name of the Incident"},
    {"cause", kText, "why it happened"},
    {"remedy", kText, "what was done about it"},
    {"lesson", kText, "what will be different"},
};

constexpr KnownClaim kProtocol[] = {
    {"kinds", kItems, "kinds of change: DataRefresh, Parameter, Threshold, Feature, Serving"},
    {"standsFor", kItems, "sign-off measures of the policy that it answers"},
    {"freshMeasures", kItems,
     "measures that each new model must meet by itself, beyond the policy's"},
    {"maxUses", kNumber, "how many new models it covers"},
    {"expiresAt", kText, "when it ends, RFC 3339"},
    {"policy", kText, "name of the policy"},
    {"policyDigest", kText, "digest of that policy's spec; any other voids it"},
    {"frameDigest", kText, "digest of the deployment without its model, as `check` shows it"},
};

constexpr KnownClaim kHumanOversight[] = {
    {"stopControl", kText, "how the model is stopped, and by whom"},
    {"overseers", kItems, "people or roles that watch it"},
};

constexpr KnownClaim kEthicsReview[] = {
    {"outcome", kText, "Approved or Rejected"},
    {"purposeCategory", kText, "spec.purposeCategory of the use case that was reviewed"},
    {"reviewers", kItems, "who sat on the board"},
    {"topics", kItems,
     "what was weighed, for example human-autonomy, prevention-of-harm, fairness, explicability "
     "(Ethics Guidelines for Trustworthy AI, 2019, chapter I)"},
    {"openConcerns", kNumber, "concerns that were raised and are not settled"},
};
constexpr KnownClaim kEnvironmentalImpact[] = {
    {"trainingEnergy", kNumber, "kWh", "kWh"},
    {"trainingCompute", kNumber, "hours of processors or accelerators, whichever hardware names",
     "hours"},
    {"carbon", kNumber, "of training, in kg of CO2 equivalent", "kg"},
    {"inferenceEnergy", kNumber, "Wh for a thousand predictions", "Wh"},
    {"hardware", kText, "on what, for example 8 accelerators of a type"},
    {"region", kText, "where"},
    {"method", kText, "measured with what, or estimated how"},
};

constexpr KnownClaim kDataSecurity[] = {
    {"encryptedAtRest", kFlag, "whether stored data is encrypted"},
    {"encryptedInTransit", kFlag, "whether data is encrypted on its way"},
    {"accessControl", kText, "how access is granted, reviewed and withdrawn"},
    {"regions", kItems, "where data is kept and processed"},
};
constexpr KnownArtifact kAccessList[] = {{"access-list", "who may read the data"}};

constexpr KnownArtifact kReview[] = {{"review", "the review in full"}};

constexpr ReportType kTypes[] = {
    {"Documentation", "documentation", "What the model is, and how it came about (R3.2).",
     kDocumentation, kSections},
    {"Verification", "verification", "What was tested before production (R3.4).", kVerification,
     kReport},
    {"Explainability", "explainability", "Why the model decides as it does (R3.5, R8.4).",
     kExplainability, kExplanation},
    {"HarmTest", "harmTest", "How people tried to make it do harm (R3.6).", kHarmTest, kReport},
    {"LoadTest", "loadTest", "What load it bears (R3.7).", kLoadTest, {}},
    {"Release", "release", "How it did beside or before full traffic (R3.7, R4.3).", kRelease, {}},
    {"MonitoringPlan",
     "monitoring",
     "What is watched, how often, and what happens (R3.8, R8.2).",
     kMonitoringPlan,
     {}},
    {"DataQuality", "dataQuality", "What the data is worth (R3.9, R7.3, R8.3).", kDataQuality,
     kLineage},
    {"ImpactAssessment", "dataQuality", "What it means for the people in the data (GDPR art. 35).",
     kImpactAssessment, kAssessment},
    {"ServingRecord",
     "promotion",
     "That this model ran in an environment, from then on (R3.3).",
     kServingRecord,
     {}},
    {"IncidentPlan", "incidentReadiness", "What happens when it goes wrong (R9.1).", kIncidentPlan,
     kResponsePlan},
    {"IncidentReview",
     "incidents",
     "What an incident was, for closing it (R9).",
     kIncidentReview,
     {}},
    {"ChangeProtocol",
     "changes",
     "Which changes of a model are approved beforehand; bounds on a metric are the numbers "
     "<metric>Min and <metric>Max.",
     kProtocol,
     {}},
    {kModelSignatureType,
     "modelSignature",
     "Who signed the files of the model (OpenSSF Model Signing v1.0); spec.modelSignature says it.",
     {},
     {}},
    {"HumanOversight",
     "humanOversight",
     "Who watches it and can stop it (R7.4).",
     kHumanOversight,
     {}},
    {"EthicsReview", "ethicsReview", "Whether it should be done at all (R2.1).", kEthicsReview,
     kReview},
    {"EnvironmentalImpact", "environmentalImpact",
     "What it took to make it and takes to run it (R7.4).", kEnvironmentalImpact, kReport},
    {"DataSecurity", "dataSecurity", "How the data is protected, and where it is (R8.3, R4.1).",
     kDataSecurity, kAccessList},
};

// Other words for a unit of a well-known claim.
constexpr std::pair<std::string_view, std::string_view> kSpellings[] = {
    {"ratio", "share"},      {"fraction", "share"}, {"1", "share"},    {"rps", "requests/s"},
    {"req/s", "requests/s"}, {"1/s", "requests/s"}, {"d", "days"},     {"h", "hours"},
    {"kgCO2e", "kg"},        {"kg CO2e", "kg"},     {"kgCO2eq", "kg"}, {"milliseconds", "ms"},
};

std::optional<ClaimType> TypeOf(const Claim& claim) {
  if (claim.number) return kNumber;
  if (claim.flag) return kFlag;
  if (!claim.text.empty()) return kText;
  if (!claim.items.empty()) return kItems;
  return std::nullopt;
}

}  // namespace

std::string_view ClaimTypeName(ClaimType type) {
  constexpr std::array<std::string_view, 4> kNames = {"number", "text", "flag", "items"};
  return kNames.at(static_cast<std::size_t>(type));
}

std::span<const ReportType> ReportTypes() { return kTypes; }

const ReportType* FindReportType(std::string_view name) {
  const auto* const found = std::find_if(std::begin(kTypes), std::end(kTypes),
                                         [&](const ReportType& type) { return type.name == name; });
  return found == std::end(kTypes) ? nullptr : found;
}

bool IsSameUnit(std::string_view a, std::string_view b) {
  const auto usual = [](std::string_view unit) {
    const auto* const found =
        std::find_if(std::begin(kSpellings), std::end(kSpellings),
                     [&](const auto& spelling) { return spelling.first == unit; });
    return found == std::end(kSpellings) ? unit : found->second;
  };
  return usual(a) == usual(b);
}

std::string_view UnitOf(std::string_view type, std::string_view claim) {
  const ReportType* const known = FindReportType(type);
  if (known == nullptr) return {};
  const auto found =
      std::find_if(known->claims.begin(), known->claims.end(),
                   [&](const KnownClaim& candidate) { return candidate.name == claim; });
  return found == known->claims.end() ? std::string_view() : found->unit;
}

std::vector<Error> CheckKnownClaims(const EvidenceSpec& spec) {
  std::vector<Error> errors;
  const ReportType* type = FindReportType(spec.type);
  if (type == nullptr) return errors;
  for (std::size_t i = 0; i < spec.claims.size(); ++i) {
    const Claim& claim = spec.claims[i];
    const auto known =
        std::find_if(type->claims.begin(), type->claims.end(),
                     [&](const KnownClaim& candidate) { return candidate.name == claim.name; });
    const auto found = TypeOf(claim);
    if (known == type->claims.end() || !found || *found == known->type) continue;
    errors.push_back({Code::kInvalidArgument,
                      "claim '" + claim.name + "' of a " + spec.type + " must be given as " +
                          std::string(ClaimTypeName(known->type)) + ", is given as " +
                          std::string(ClaimTypeName(*found)),
                      "spec.claims[" + std::to_string(i) + "]", std::nullopt});
  }
  return errors;
}

}  // namespace countersign
