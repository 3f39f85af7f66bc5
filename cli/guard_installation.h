// guard_installation.h: the guard against shadow deployments as objects of a cluster: what its
// webhook entries are asked about, and the lock of environments, which the API server checks by
// itself. Pure.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "governance/serving/profiles.h"

namespace countersign {

// Accounts of Kubernetes that make and tend what others asked for.
[[nodiscard]] std::vector<std::string> ControllerAccounts();

// What people and other programs write is refused while nobody can be asked; what Kubernetes' own
// controllers make of it is not (docs/decisions/2026-11-29-webhook-entries.md).
enum class GuardEntryFor { kPeople, kControllers };
inline constexpr char kGuardEntry[] = "guard.countersign.dev";
inline constexpr char kControllersEntry[] = "controllers.guard.countersign.dev";

// Rules of both entries: every kind of the table, written.
[[nodiscard]] Json GuardRules(const ServingProfiles& table);
// Name and CEL: ordinary workloads and our operator never reach us.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> GuardConditions(
    const ServingProfiles& table, const std::string& operator_user, GuardEntryFor who);
// What is needed to start again, by names that no tenant gives: our own namespace, kube-system.
[[nodiscard]] Json ExemptNamespaces(const std::string& own);

// Of a ValidatingAdmissionPolicy, with all that the API server would fill in. It is one value
// there: of two who apply it with gaps, each would find the other's different from its own.
[[nodiscard]] Json MatchConstraints(Json rules, Json namespaces = Json::object());

// What a lock is asked about: workloads of the table, their scales, routes, ways into Pods.
[[nodiscard]] Json LockRules(const ServingProfiles& table);
// ValidatingAdmissionPolicy and binding that keep locked environments locked.
[[nodiscard]] std::vector<Json> LockObjects(const ServingProfiles& table,
                                            const std::string& operator_user,
                                            const std::string& own_namespace);

// In CEL, of the labels that a request sets: the signs of serving.
[[nodiscard]] std::string SignsSet(const ServingProfiles& table);
// ValidatingAdmissionPolicy and binding that keep these from being set where the guard is not
// asked: with a status, and as a Pod is bound to its node. The API server does so by itself, since
// nodes write a status all the time.
[[nodiscard]] std::vector<Json> SignObjects(const ServingProfiles& table,
                                            const std::string& own_namespace);
// Whether the policy, or binding, of that name is made from the table.
[[nodiscard]] bool IsMadeFromTable(const std::string& policy);

}  // namespace countersign
