// index_keys.h: by what the catalog finds objects: the names of its indexes, and the keys that an
// object has in them.
//
// For the files of Catalog alone. Pure.
#pragma once

#include <string>
#include <vector>

#include "governance/types/bias_test.h"
#include "governance/types/evidence.h"
#include "governance/types/incident.h"
#include "governance/types/model_deployment.h"
#include "governance/types/reproducibility_snapshot.h"
#include "governance/types/sign_off.h"
#include "governance/types/waiver.h"

namespace countersign {

inline constexpr char kByUseCase[] = "use-case";
inline constexpr char kByModel[] = "model";
// Sign-offs on policies, all by this one key.
inline constexpr char kBySubject[] = "subject";
inline constexpr char kPolicies[] = "policies";
// ServingRecords, by what they say that they are about.
inline constexpr char kByDeployment[] = "deployment";
// Snapshots, by the one that they repeat.
inline constexpr char kByRepeated[] = "repeated";
// Sign-offs that reject something of a use case, and records that hold such, by that.
inline constexpr char kRejections[] = "rejections";
// Reports about a use case and no model.
inline constexpr char kAboutUseCase[] = "aboutUseCase";

// "namespace/name".
[[nodiscard]] std::string RefTo(const std::string& name_space, const std::string& name);

// The use case that an object is about, "namespace/name"; empty for a sign-off on a policy.
[[nodiscard]] std::string UseCaseOf(const SignOff& o);
[[nodiscard]] std::string UseCaseOf(const ReproducibilitySnapshot& o);
[[nodiscard]] std::string UseCaseOf(const BiasTest& o);
[[nodiscard]] std::string UseCaseOf(const EvidenceReport& o);
[[nodiscard]] std::string UseCaseOf(const Waiver& o);
[[nodiscard]] std::string UseCaseOf(const Incident& o);
[[nodiscard]] std::string UseCaseOf(const ModelDeployment& o);

// Digests of the models that an object is about, with their components. None of a waiver: waivers
// are not recorded.
[[nodiscard]] std::vector<std::string> ModelsOf(const SignOffSpec& spec);
[[nodiscard]] std::vector<std::string> ModelsOf(const ReproducibilitySnapshotSpec& spec);
[[nodiscard]] std::vector<std::string> ModelsOf(const BiasTestSpec& spec);
[[nodiscard]] std::vector<std::string> ModelsOf(const EvidenceSpec& spec);
[[nodiscard]] std::vector<std::string> ModelsOf(const WaiverSpec& spec);
[[nodiscard]] std::vector<std::string> ModelsOf(const IncidentSpec& spec);
[[nodiscard]] std::vector<std::string> ModelsOf(const ModelDeploymentSpec& spec);

// The ModelDeployment that a ServingRecord says it is about; else empty.
[[nodiscard]] std::string DeploymentOf(const EvidenceReport& report);

}  // namespace countersign
