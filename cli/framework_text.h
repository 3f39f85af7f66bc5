// framework_text.h: a report on a framework for people, pages and programs. Pure.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "cli/framework_report.h"

namespace countersign {

[[nodiscard]] std::string ReportTable(const FrameworkReport& report);
[[nodiscard]] std::string ReportMarkdown(const FrameworkReport& report);
// One page that needs nothing else: no script, no font, no picture. Text of the cluster is text.
[[nodiscard]] std::string ReportHtml(const FrameworkReport& report);
[[nodiscard]] Json ReportJson(const FrameworkReport& report);

// --- what the pages have in common, for framework_*.cc alone ---

// One sentence on how it stands.
[[nodiscard]] std::string SummaryText(const FrameworkReport& report);
// What each state means, in the order of the states.
[[nodiscard]] std::vector<std::pair<ControlState, std::string>> StateLegend();
// What a control's state rests on: message, evidence and remedy, a line each.
[[nodiscard]] std::vector<std::string> BasisLines(const ControlResult& result);
// Name and value: use case, model, environment, classes, verdict.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> DeploymentLines(
    const DeploymentReport& deployment);
// The head of the summary table and its rows.
[[nodiscard]] std::vector<std::vector<std::string>> SummaryRows(const FrameworkReport& report);
// What was left out or taken for granted, a line each.
[[nodiscard]] std::vector<std::string> Remarks(const FrameworkReport& report);

}  // namespace countersign
