#include "cli/framework_text.h"

#include "cli/render.h"

namespace countersign {
namespace {

constexpr std::size_t kColumnWidth = 60;

std::string Counted(std::size_t n, const std::string& what) {
  return std::to_string(n) + " " + what + (n == 1 ? "" : "s");
}

std::string EvidenceText(const EvidenceRef& evidence) {
  std::string text = evidence.kind + " " + evidence.name_space + "/" + evidence.name;
  if (evidence.signatory) text += " by " + evidence.signatory->Text();
  return text + ", " + evidence.digest;
}

Json BasisJson(const ControlBasis& basis) {
  Json evidence = EvidenceJson(basis.evidence);
  for (Json& one : evidence) {
    const Json* by = Find(one, "signatory");
    if (by == nullptr) continue;
    const std::string account = StringAt(*by, "account");
    const std::string name = StringAt(*by, "printedName");
    Json line = {{"by", name == account ? account : name + " (" + account + ")"},
                 {"meaning", StringAt(*by, "meaning")},
                 {"at", StringAt(*by, "at")}};
    one.update(line);
  }
  Json out = {{"name", basis.name},
              {"state", std::string(GateStateName(basis.state))},
              {"message", basis.message},
              {"evidence", std::move(evidence)}};
  if (!basis.remedy.empty()) out["remedy"] = basis.remedy;
  if (basis.valid_until) out["validUntil"] = FormatTime(*basis.valid_until);
  return out;
}

Json DeploymentJson(const DeploymentReport& deployment) {
  Json controls = Json::array();
  for (const ControlResult& result : deployment.controls) {
    Json basis = Json::array();
    for (const ControlBasis& one : result.basis) basis.push_back(BasisJson(one));
    controls.push_back({{"id", result.control->id},
                        {"applies", result.state != ControlState::kNotApplicable},
                        {"state", std::string(ControlStateName(result.state))},
                        {"gap", IsGap(result.state)},
                        {"because", result.because},
                        {"basis", std::move(basis)}});
  }
  Json policies = Json::array();
  for (const PolicyRef& policy : deployment.policies) {
    policies.push_back({{"name", policy.name}, {"digest", policy.digest}});
  }
  Json out = {{"deployment", deployment.name},
              {"useCase", deployment.use_case},
              {"model",
               {{"name", deployment.model.name},
                {"version", deployment.model.version},
                {"digest", deployment.model.digest.digest}}},
              {"governedDigest", deployment.governed_digest},
              {"policies", std::move(policies)},
              {"environment", deployment.environment},
              {"classes", deployment.classes},
              {"verdict", std::string(VerdictName(deployment.verdict))},
              {"gaps", deployment.Gaps()},
              {"controls", std::move(controls)}};
  if (!deployment.fault.empty()) out["fault"] = deployment.fault;
  return out;
}

// Control, title, state and what it rests on, as plain text.
std::vector<std::vector<std::string>> ControlRows(const DeploymentReport& deployment) {
  std::vector<std::vector<std::string>> rows = {{"CONTROL", "STATE", "BECAUSE"}};
  for (const ControlResult& result : deployment.controls) {
    rows.push_back({result.control->id + " " + result.control->title,
                    std::string(ControlStateName(result.state)), Joined(BasisLines(result), "\n")});
  }
  return rows;
}

}  // namespace

std::string SummaryText(const FrameworkReport& report) {
  std::size_t affected = 0;
  std::size_t unaffected = 0;
  for (const DeploymentReport& deployment : report.deployments) {
    affected += deployment.Gaps() > 0 ? 1 : 0;
    unaffected +=
        deployment.Count(ControlState::kMet) + deployment.Count(ControlState::kWaived) == 0 &&
                deployment.Gaps() == 0
            ? 1
            : 0;
  }
  std::string text = Counted(report.deployments.size(), "deployment") + ": " +
                     std::to_string(report.deployments.size() - affected - unaffected) +
                     " without a gap, " + std::to_string(affected) + " with gaps (" +
                     Counted(report.Gaps(), "control") + ")";
  if (unaffected > 0) text += ", " + std::to_string(unaffected) + " that no control is about";
  return text + ".";
}

std::vector<std::pair<ControlState, std::string>> StateLegend() {
  return {{ControlState::kMet, "every measure that bears on it is passed"},
          {ControlState::kWaived, "a waiver that holds stands in for some of them"},
          {ControlState::kNotApplicable, "it is not about this deployment"},
          {ControlState::kOutside, "it is about the organisation: look where it says"},
          {ControlState::kExpired, "it was met, and time has run out: a gap"},
          {ControlState::kInsufficient, "the evidence does not suffice to judge it: a gap"},
          {ControlState::kNotMet, "evidence is missing, or says no: a gap"},
          {ControlState::kNoMeasure, "no policy asks for what would meet it: a gap"}};
}

std::vector<std::string> BasisLines(const ControlResult& result) {
  std::vector<std::string> lines;
  if (!result.because.empty()) lines.push_back(result.because);
  for (const ControlBasis& basis : result.basis) {
    std::string line =
        basis.name + " " + std::string(GateStateName(basis.state)) + ": " + basis.message;
    if (basis.valid_until) line += " (valid until " + FormatTime(*basis.valid_until) + ")";
    lines.push_back(std::move(line));
    for (const EvidenceRef& one : basis.evidence) lines.push_back(EvidenceText(one));
    if (!basis.remedy.empty()) lines.push_back("Remedy: " + basis.remedy);
  }
  return lines;
}

std::vector<std::pair<std::string, std::string>> DeploymentLines(
    const DeploymentReport& deployment) {
  std::vector<std::pair<std::string, std::string>> lines = {
      {"use case", deployment.use_case},
      {"model", deployment.model.name + " " + deployment.model.version},
      {"model digest", deployment.model.digest.digest},
      {"governed digest", deployment.governed_digest},
      {"environment", deployment.environment.empty() ? "none" : deployment.environment},
      {"classes", deployment.classes.empty() ? "none" : Joined(deployment.classes)},
      {"verdict", std::string(VerdictName(deployment.verdict))}};
  for (const PolicyRef& policy : deployment.policies) {
    lines.emplace_back("policy", policy.name + ", " + policy.digest);
  }
  if (!deployment.fault.empty()) lines.emplace_back("not evaluated", deployment.fault);
  return lines;
}

std::vector<std::vector<std::string>> SummaryRows(const FrameworkReport& report) {
  std::vector<std::vector<std::string>> rows = {{"Deployment", "Environment", "Classes", "Verdict",
                                                 "Met", "Waived", "Gaps", "Not applicable",
                                                 "Outside"}};
  for (const DeploymentReport& one : report.deployments) {
    rows.push_back({one.name, one.environment, Joined(one.classes),
                    std::string(VerdictName(one.verdict)),
                    std::to_string(one.Count(ControlState::kMet)),
                    std::to_string(one.Count(ControlState::kWaived)), std::to_string(one.Gaps()),
                    std::to_string(one.Count(ControlState::kNotApplicable)),
                    std::to_string(one.Count(ControlState::kOutside))});
  }
  return rows;
}

std::vector<std::string> Remarks(const FrameworkReport& report) {
  std::vector<std::string> remarks;
  if (report.left_out > 0) {
    remarks.push_back(Counted(report.left_out, "deployment") +
                      " of other use cases or environments left out");
  }
  for (const std::string& line : report.unreadable) remarks.push_back("not judged: " + line);
  for (const std::string& line : report.assumptions) {
    remarks.push_back("taken for granted: " + line);
  }
  return remarks;
}

std::string ReportTable(const FrameworkReport& report) {
  const Framework& framework = *report.framework;
  std::string out = framework.title + " (" + framework.edition + "), as of " +
                    FormatTime(report.at) + "\n" + SummaryText(report) + "\n";
  for (const DeploymentReport& deployment : report.deployments) {
    out += "\nModelDeployment " + Printable(deployment.name) + "\n";
    std::vector<std::vector<std::string>> lines;
    for (const auto& [name, value] : DeploymentLines(deployment)) {
      lines.push_back({"  " + name, Printable(value)});
    }
    out += Table(lines) + "\n" + WrappedTable(ControlRows(deployment), kColumnWidth);
  }
  const auto remarks = Remarks(report);
  if (!remarks.empty()) out += "\n";
  for (const std::string& line : remarks) out += "- " + Printable(line) + "\n";
  return out;
}

std::string ReportMarkdown(const FrameworkReport& report) {
  const Framework& framework = *report.framework;
  const auto head = [](const std::vector<std::string>& names) {
    std::vector<std::string> cells;
    cells.reserve(names.size());
    for (const std::string& name : names) cells.push_back(MarkdownText(name));
    return cells;
  };
  std::string out = "# " + MarkdownText(framework.title) + "\n\n" +
                    MarkdownText(framework.edition) + ". As of " + FormatTime(report.at) + ".\n\n" +
                    "Source: " + MarkdownText(framework.source) + "\n\n";
  if (!framework.note.empty()) out += MarkdownText(framework.note) + "\n\n";
  out += SummaryText(report) + "\n\n";
  std::vector<std::vector<std::string>> summary;
  for (const auto& row : SummaryRows(report)) summary.push_back(head(row));
  out += MarkdownTable(summary);
  for (const DeploymentReport& deployment : report.deployments) {
    out += "\n## " + MarkdownText(deployment.name) + "\n\n";
    for (const auto& [name, value] : DeploymentLines(deployment)) {
      out += "- " + name + ": " + MarkdownText(value) + "\n";
    }
    std::vector<std::vector<std::string>> rows = {{"Control", "Asks", "State", "Because"}};
    for (const ControlResult& result : deployment.controls) {
      const Control& control = *result.control;
      std::vector<std::string> lines;
      for (const std::string& line : BasisLines(result)) lines.push_back(MarkdownText(line));
      rows.push_back({"**" + MarkdownText(control.id) + "** " + MarkdownText(control.title) +
                          "<br>" + MarkdownText(control.cite),
                      MarkdownText(control.asks), std::string(ControlStateName(result.state)),
                      Joined(lines, "<br>")});
    }
    out += "\n" + MarkdownTable(rows);
  }
  out += "\n";
  for (const auto& [state, meaning] : StateLegend()) {
    out += "- " + std::string(ControlStateName(state)) + ": " + meaning + "\n";
  }
  for (const std::string& line : Remarks(report)) out += "- " + MarkdownText(line) + "\n";
  return out;
}

Json ReportJson(const FrameworkReport& report) {
  const Framework& framework = *report.framework;
  Json controls = Json::array();
  for (const Control& control : framework.controls) {
    controls.push_back({{"id", control.id},
                        {"title", control.title},
                        {"cite", control.cite},
                        {"source", control.source.empty() ? framework.source : control.source},
                        {"asks", control.asks}});
  }
  Json deployments = Json::array();
  for (const DeploymentReport& one : report.deployments) deployments.push_back(DeploymentJson(one));
  Json out = VersionedJson("FrameworkReport");
  out["framework"] = {{"name", framework.name},       {"title", framework.title},
                      {"edition", framework.edition}, {"source", framework.source},
                      {"note", framework.note},       {"controls", std::move(controls)}};
  out["at"] = FormatTime(report.at);
  out["gaps"] = report.Gaps();
  out["complete"] = report.Complete();
  out["deployments"] = std::move(deployments);
  out["leftOut"] = report.left_out;
  out["notJudged"] = report.unreadable;
  out["assumptions"] = report.assumptions;
  return out;
}

}  // namespace countersign
