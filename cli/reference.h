// reference.h: what is generated into the repository: CRDs and the API reference made from them.
//
// Everything comes from AllKinds() and the table of fairness metrics. Pure.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "governance/crd.h"

namespace countersign {

// Markdown page of a kind: what it is, how kubectl shows it, every field.
[[nodiscard]] std::string KindPage(const KindInfo& kind);
// Markdown page of all metrics that a policy can name.
[[nodiscard]] std::string MetricsPage();

// Path below the repository's root, and content.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> GeneratedFiles();

}  // namespace countersign
