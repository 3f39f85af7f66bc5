// resources.h: where the API server keeps our kinds.
#pragma once

#include "governance/types/object.h"
#include "kube/resource.h"

namespace countersign {

inline const Resource kGovernancePolicies{std::string(kApiGroup), std::string(kServedVersion),
                                          "governancepolicies", false, "GovernancePolicy"};
inline const Resource kUseCases{std::string(kApiGroup), std::string(kServedVersion), "usecases",
                                true, "UseCase"};
inline const Resource kModelDeployments{std::string(kApiGroup), std::string(kServedVersion),
                                        "modeldeployments", true, "ModelDeployment"};
inline const Resource kSignOffs{std::string(kApiGroup), std::string(kServedVersion), "signoffs",
                                true, "SignOff"};
// Field selector of the sign-offs on policies, whatever their namespace.
inline constexpr char kOnPolicies[] = "spec.subject.policy!=";
inline const Resource kReproducibilitySnapshots{std::string(kApiGroup), std::string(kServedVersion),
                                                "reproducibilitysnapshots", true,
                                                "ReproducibilitySnapshot"};
inline const Resource kBiasTests{std::string(kApiGroup), std::string(kServedVersion), "biastests",
                                 true, "BiasTest"};
inline const Resource kEvidence{std::string(kApiGroup), std::string(kServedVersion), "evidence",
                                true, "Evidence"};
inline const Resource kWaivers{std::string(kApiGroup), std::string(kServedVersion), "waivers", true,
                               "Waiver"};
inline const Resource kIncidents{std::string(kApiGroup), std::string(kServedVersion), "incidents",
                                 true, "Incident"};
inline const Resource kModelRecords{std::string(kApiGroup), std::string(kServedVersion),
                                    "modelrecords", false, "ModelRecord"};

}  // namespace countersign
