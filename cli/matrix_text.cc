#include "cli/matrix_text.h"

#include "cli/render.h"

namespace countersign {
namespace {

constexpr std::size_t kColumnWidth = 38;

std::string PartText(const MatrixPart& part) {
  std::string text = part.requirement;
  if (part.at_least) text += ", " + std::string(NameOf(*part.at_least)) + " at least";
  return text + " (" + part.policy + "/" + part.measure + ")";
}

// One text a demand; the environments are named where the cell's differ, or do not cover all.
std::vector<std::string> CellTexts(const Matrix& matrix, const std::vector<MatrixDemand>& cell) {
  std::vector<std::string> texts;
  for (const MatrixDemand& demand : cell) {
    std::vector<std::string> parts;
    parts.reserve(demand.parts.size());
    for (const MatrixPart& part : demand.parts) parts.push_back(PartText(part));
    const bool everywhere = demand.environments.size() == matrix.environments.size();
    texts.push_back((everywhere ? "" : Joined(demand.environments) + ": ") +
                    Joined(parts, " and "));
  }
  return texts;
}

std::string CountText(const MatrixClass& risk) {
  return "measures: " + (risk.measures == 0 ? "none" : std::to_string(risk.measures));
}

std::string EnvironmentText(const MatrixEnvironment& environment) {
  std::vector<std::string> parts;
  bool same = true;
  for (const auto& [policy, enforcement] : environment.enforcement) {
    same = same && enforcement == environment.enforcement.begin()->second;
    parts.push_back(std::string(NameOf(enforcement)) + " by " + policy);
  }
  return environment.name + " (" +
         (same ? std::string(NameOf(environment.enforcement.begin()->second)) : Joined(parts)) +
         ")";
}

std::vector<std::string> Environments(const Matrix& matrix) {
  std::vector<std::string> texts;
  texts.reserve(matrix.environments.size());
  for (const MatrixEnvironment& e : matrix.environments) texts.push_back(EnvironmentText(e));
  return texts;
}

// How the use case came to its classes, one line a policy.
std::vector<std::string> ClassLines(const MatrixView& view) {
  std::vector<std::string> lines;
  for (const auto& [policy, classes] : view.classes) {
    std::string line =
        "by policy " + policy + ": " +
        (classes.classified.classes.empty() ? "no class" : Joined(classes.classified.classes));
    if (!classes.approved) {
      line += " (every class that the answers could lead to: nobody has signed them off)";
    } else if (!classes.classified.faults.empty()) {
      line += " (every class that these could lead to: " + Joined(classes.classified.faults, "; ") +
              ")";
    }
    lines.push_back(std::move(line));
  }
  if (lines.empty()) lines.emplace_back("no policy has an environment for its namespaces");
  return lines;
}

std::string RoleText(const MatrixRole& role) {
  return role.role + (role.holders.empty() ? "" : " (" + role.holders + ")");
}

std::string RolesText(const std::vector<MatrixRole>& roles) {
  std::vector<std::string> texts;
  texts.reserve(roles.size());
  for (const MatrixRole& role : roles) texts.push_back(RoleText(role));
  return texts.empty() ? "-" : Joined(texts);
}

std::vector<std::vector<std::string>> DutyRows(const Matrix& matrix) {
  std::vector<std::vector<std::string>> rows = {
      {"MEASURE", "ACCOUNTABLE", "RESPONSIBLE", "CONSULTED", "INFORMED"}};
  for (const MatrixRow& row : matrix.rows) {
    for (const MatrixDuty& duty : row.duties) {
      rows.push_back({duty.policy + "/" + row.measure, RoleText(duty.accountable),
                      RolesText(duty.responsible), RolesText(duty.consulted),
                      RolesText(duty.informed)});
    }
  }
  return rows;
}

Json RoleJson(const MatrixRole& role) { return {{"role", role.role}, {"holders", role.holders}}; }

Json RolesJson(const std::vector<MatrixRole>& roles) {
  Json list = Json::array();
  for (const MatrixRole& role : roles) list.push_back(RoleJson(role));
  return list;
}

Json RowJson(const Matrix& matrix, const MatrixRow& row) {
  Json cells = Json::object();
  for (std::size_t i = 0; i < row.cells.size(); ++i) {
    Json demands = Json::array();
    for (const MatrixDemand& demand : row.cells[i]) {
      Json parts = Json::array();
      for (const MatrixPart& part : demand.parts) {
        Json one = {
            {"policy", part.policy}, {"measure", part.measure}, {"requirement", part.requirement}};
        if (part.at_least) one["enforcementAtLeast"] = std::string(NameOf(*part.at_least));
        parts.push_back(std::move(one));
      }
      demands.push_back({{"environments", demand.environments}, {"parts", std::move(parts)}});
    }
    cells[matrix.classes[i].name] = std::move(demands);
  }
  Json duties = Json::array();
  for (const MatrixDuty& duty : row.duties) {
    duties.push_back({{"policy", duty.policy},
                      {"accountable", RoleJson(duty.accountable)},
                      {"responsible", RolesJson(duty.responsible)},
                      {"consulted", RolesJson(duty.consulted)},
                      {"informed", RolesJson(duty.informed)}});
  }
  return {{"step", std::string(NameOf(row.step))},
          {"measure", row.measure},
          {"cells", std::move(cells)},
          {"duties", std::move(duties)}};
}

}  // namespace

std::string MatrixTable(const MatrixView& view) {
  const Matrix& matrix = view.matrix;
  std::string out = "Policies: " + (matrix.policies.empty() ? "none" : Joined(matrix.policies)) +
                    "\nEnvironments: " + Joined(Environments(matrix)) + "\n";
  if (!view.use_case.empty()) {
    out += "Use case: " + Printable(view.use_case) + "\n";
    for (const std::string& line : ClassLines(view)) out += "  " + Printable(line) + "\n";
  }
  std::vector<std::vector<std::string>> rows(2);
  rows[0].emplace_back("MEASURE");
  rows[1].emplace_back("");
  for (const MatrixClass& risk : matrix.classes) {
    rows[0].push_back(risk.name);
    rows[1].push_back(CountText(risk));
  }
  std::optional<Step> step;
  for (const MatrixRow& row : matrix.rows) {
    if (step != row.step) rows.push_back({std::string(NameOf(row.step))});
    step = row.step;
    rows.push_back({"  " + row.measure});
    for (const auto& cell : row.cells) {
      const auto texts = CellTexts(matrix, cell);
      rows.back().push_back(texts.empty() ? "-" : Joined(texts, "\n"));
    }
  }
  out += "\n" + WrappedTable(rows, kColumnWidth);
  if (!view.use_case.empty() && !matrix.rows.empty()) {
    out += "\n" + WrappedTable(DutyRows(matrix), kColumnWidth);
  }
  return out;
}

std::string MatrixMarkdown(const MatrixView& view) {
  const Matrix& matrix = view.matrix;
  std::string out;
  if (!view.use_case.empty()) {
    out += "Use case: " + MarkdownText(view.use_case) + "\n\n";
    for (const std::string& line : ClassLines(view)) out += "- " + MarkdownText(line) + "\n";
    out += "\n";
  }
  out += "Policies: " + MarkdownText(Joined(matrix.policies)) +
         ". Environments: " + MarkdownText(Joined(Environments(matrix))) + ".\n\n";
  std::vector<std::vector<std::string>> rows(2);
  rows[0] = {"Step", "Measure"};
  rows[1] = {"", ""};
  for (const MatrixClass& risk : matrix.classes) {
    rows[0].push_back(MarkdownText(risk.name));
    rows[1].push_back(CountText(risk));
  }
  for (const MatrixRow& row : matrix.rows) {
    rows.push_back({std::string(NameOf(row.step)), MarkdownText(row.measure)});
    for (const auto& cell : row.cells) {
      std::vector<std::string> texts = CellTexts(matrix, cell);
      for (std::string& text : texts) text = MarkdownText(text);
      rows.back().push_back(texts.empty() ? "–" : Joined(texts, "<br>"));
    }
  }
  out += MarkdownTable(rows);
  if (!view.use_case.empty() && !matrix.rows.empty()) {
    auto duties = DutyRows(matrix);
    for (auto& row : duties) {
      for (std::string& cell : row) cell = MarkdownText(cell);
    }
    duties[0] = {"Measure", "Accountable", "Responsible", "Consulted", "Informed"};
    out += "\n" + MarkdownTable(duties);
  }
  return out;
}

Json MatrixJson(const MatrixView& view) {
  const Matrix& matrix = view.matrix;
  Json out = VersionedJson("Matrix");
  out["policies"] = matrix.policies;
  out["environments"] = Json::array();
  for (const MatrixEnvironment& e : matrix.environments) {
    Json enforcement = Json::object();
    for (const auto& [policy, value] : e.enforcement) {
      enforcement[policy] = std::string(NameOf(value));
    }
    out["environments"].push_back({{"name", e.name}, {"enforcement", std::move(enforcement)}});
  }
  out["classes"] = Json::array();
  for (const MatrixClass& risk : matrix.classes) {
    out["classes"].push_back(
        {{"name", risk.name}, {"policies", risk.policies}, {"measures", risk.measures}});
  }
  out["rows"] = Json::array();
  for (const MatrixRow& row : matrix.rows) out["rows"].push_back(RowJson(matrix, row));
  if (view.use_case.empty()) return out;
  Json by_policy = Json::object();
  for (const auto& [policy, classes] : view.classes) {
    by_policy[policy] = {{"classes", classes.classified.classes},
                         {"certain", classes.classified.certain},
                         {"answersApproved", classes.approved},
                         {"faults", classes.classified.faults}};
  }
  out["useCase"] = {{"name", view.use_case}, {"byPolicy", std::move(by_policy)}};
  return out;
}

}  // namespace countersign
