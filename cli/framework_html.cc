#include <pugixml.hpp>
#include <sstream>

#include "cli/framework_text.h"
#include "cli/render.h"

namespace countersign {
namespace {

// Colours tell nothing that the words do not; the policy lets a browser load nothing at all.
constexpr std::string_view kHead = R"html(<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Governance report</title>
<style>
body { font: 15px/1.45 system-ui, sans-serif; color: #1c2430; background: #fff;
       max-width: 75rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.7rem; margin-bottom: .2rem; }
h2 { font-size: 1.25rem; margin-top: 2.5rem; border-top: 1px solid #c9d0d9; padding-top: 1rem; }
p { margin: .35rem 0; }
.lead { font-size: 1.1rem; font-weight: 600; margin: 1rem 0; }
.quiet, td p.quiet { color: #566171; }
table { border-collapse: collapse; width: 100%; margin: 1rem 0; }
th, td { text-align: left; vertical-align: top; padding: .45rem .6rem;
         border-bottom: 1px solid #dde2e8; overflow-wrap: anywhere; }
th { background: #f2f4f7; }
td p { margin: 0 0 .3rem; }
td p:last-child { margin: 0; }
.controls th:nth-child(1), .controls td:nth-child(1) { width: 19%; }
.controls th:nth-child(2), .controls td:nth-child(2) { width: 24%; }
.controls th:nth-child(3), .controls td:nth-child(3) { width: 9rem; }
.state { display: inline-block; padding: .05rem .5rem; border-radius: .6rem; font-weight: 600;
         border: 1px solid; white-space: nowrap; }
.Met { color: #11642f; background: #e6f4ea; }
.Waived, .Expired, .Insufficient { color: #7a4b00; background: #fdf3dc; }
.NotMet, .NoMeasure { color: #9b1c1c; background: #fdeaea; }
.NotApplicable, .Outside { color: #4a5463; background: #f2f4f7; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; margin: .8rem 0; }
dt { color: #566171; }
dd { margin: 0; overflow-wrap: anywhere; }
@media print { body { max-width: none; margin: 0; } tr { break-inside: avoid; } }
</style>
</head>
)html";

pugi::xml_node Add(pugi::xml_node parent, const char* tag, const std::string& text,
                   const char* style = nullptr) {
  pugi::xml_node node = parent.append_child(tag);
  if (style != nullptr) node.append_attribute("class").set_value(style);
  if (!text.empty()) node.text().set(Printable(text).c_str());
  return node;
}

pugi::xml_node AddRow(pugi::xml_node table, const char* cell,
                      const std::vector<std::string>& texts) {
  pugi::xml_node row = table.append_child("tr");
  for (const std::string& text : texts) Add(row, cell, text);
  return row;
}

void AddState(pugi::xml_node parent, ControlState state) {
  const std::string name(ControlStateName(state));
  Add(parent, "span", name, ("state " + name).c_str());
}

void AddControl(pugi::xml_node table, const ControlResult& result) {
  const Control& control = *result.control;
  pugi::xml_node row = table.append_child("tr");
  pugi::xml_node name = row.append_child("td");
  Add(Add(name, "p", {}), "strong", control.id);
  Add(name, "p", control.title);
  Add(name, "p", control.cite, "quiet");
  pugi::xml_node asks = row.append_child("td");
  Add(asks, "p", control.asks);
  if (!control.source.empty()) Add(asks, "p", control.source, "quiet");
  AddState(row.append_child("td"), result.state);
  pugi::xml_node because = row.append_child("td");
  for (const std::string& line : BasisLines(result)) Add(because, "p", line);
}

void AddDeployment(pugi::xml_node body, const DeploymentReport& deployment) {
  Add(body, "h2", deployment.name);
  pugi::xml_node list = body.append_child("dl");
  for (const auto& [name, value] : DeploymentLines(deployment)) {
    Add(list, "dt", name);
    Add(list, "dd", value);
  }
  pugi::xml_node table = Add(body, "table", {}, "controls");
  AddRow(table.append_child("thead"), "th", {"Control", "Asks", "State", "Because"});
  pugi::xml_node rows = table.append_child("tbody");
  for (const ControlResult& result : deployment.controls) AddControl(rows, result);
}

}  // namespace

std::string ReportHtml(const FrameworkReport& report) {
  const Framework& framework = *report.framework;
  pugi::xml_document document;
  pugi::xml_node body = document.append_child("body");
  Add(body, "h1", framework.title);
  Add(body, "p", framework.edition + ". As of " + FormatTime(report.at) + ".");
  Add(body, "p", "Source: " + framework.source, "quiet");
  if (!framework.note.empty()) Add(body, "p", framework.note, "quiet");
  Add(body, "p", SummaryText(report), "lead");
  pugi::xml_node summary = body.append_child("table");
  const auto rows = SummaryRows(report);
  AddRow(summary.append_child("thead"), "th", rows.front());
  pugi::xml_node lines = summary.append_child("tbody");
  for (std::size_t i = 1; i < rows.size(); ++i) AddRow(lines, "td", rows[i]);
  for (const DeploymentReport& deployment : report.deployments) AddDeployment(body, deployment);
  Add(body, "h2", "What the states mean");
  pugi::xml_node legend = body.append_child("dl");
  for (const auto& [state, meaning] : StateLegend()) {
    AddState(legend.append_child("dt"), state);
    Add(legend, "dd", meaning);
  }
  for (const std::string& line : Remarks(report)) Add(body, "p", line, "quiet");
  std::ostringstream out;
  out << kHead;
  // HTML has no empty-element tags: `<td/>` would open a cell and not close it.
  document.save(
      out, "", pugi::format_raw | pugi::format_no_declaration | pugi::format_no_empty_element_tags);
  out << "\n</html>\n";
  return out.str();
}

}  // namespace countersign
