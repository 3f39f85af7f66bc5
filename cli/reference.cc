#include "cli/reference.h"

#include "base/yaml.h"
#include "cli/chart.h"
#include "governance/fairness_metrics.h"
#include "governance/report_types.h"
#include "governance/serving/profiles.h"
#include "governance/sum_metrics.h"
#include "governance/types/object.h"

namespace countersign {
namespace {

constexpr std::string_view kMarker =
    "Made by countersign-manifests from the C++ types: change those, not this file.";

// Text for a table cell.
std::string Cell(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '|')
      out += "\\|";
    else if (c == '<')
      out += "&lt;";
    else if (c == '\n')
      out += ' ';
    else
      out += c;
  }
  return out;
}

std::string Quoted(std::string_view text) {
  std::string out = "`";
  for (const char c : text) out += c == '|' ? std::string("\\|") : std::string(1, c);
  return out + "`";
}

std::string TypeOf(const Json& schema) {
  std::string type = StringAt(schema, "type");
  if (type == "array") {
    const Json* items = Find(schema, "items");
    return "list of " + (items == nullptr ? std::string("values") : TypeOf(*items));
  }
  if (const Json* values = Find(schema, "additionalProperties"); values != nullptr) {
    return "map of " + TypeOf(*values);
  }
  if (type == "string" && Find(schema, "enum") != nullptr) return "enum";
  const std::string format = StringAt(schema, "format");
  if (format == "date-time") return "time";
  if (format == "duration") return "duration";
  return type;
}

void Constraint(std::string& out, const std::string& text) {
  out += (out.empty() ? "" : "; ") + text;
}

// What the API server checks of the value itself.
std::string ScalarConstraints(const Json& schema) {
  std::string out;
  if (const Json* values = Find(schema, "enum"); values != nullptr) {
    std::string list;
    for (const Json& value : *values) {
      list += (list.empty() ? "" : ", ") + Quoted(value.get_ref<const std::string&>());
    }
    Constraint(out, "one of " + list);
  }
  if (Find(schema, "minimum") != nullptr) {
    Constraint(out, std::to_string(IntAt(schema, "minimum")) + " to " +
                        std::to_string(IntAt(schema, "maximum")));
  }
  if (Find(schema, "maxLength") != nullptr && StringAt(schema, "format").empty()) {
    Constraint(out, std::to_string(IntAt(schema, "minLength")) + " to " +
                        std::to_string(IntAt(schema, "maxLength")) + " characters");
  }
  if (const std::string pattern = StringAt(schema, "pattern");
      !pattern.empty() && StringAt(schema, "format").empty()) {
    Constraint(out, Quoted(pattern));
  }
  return out;
}

std::string Constraints(const Json& schema, bool required) {
  std::string out = required ? "required" : "";
  if (Find(schema, "maxItems") != nullptr) {
    Constraint(out, std::to_string(IntAt(schema, "minItems")) + " to " +
                        std::to_string(IntAt(schema, "maxItems")) + " items");
    const std::string list = StringAt(schema, "x-kubernetes-list-type");
    if (list == "set") Constraint(out, "no duplicates");
    if (const Json* keys = Find(schema, "x-kubernetes-list-map-keys"); keys != nullptr) {
      Constraint(out, "one a " + Quoted(keys->front().get_ref<const std::string&>()));
    }
  }
  if (Find(schema, "maxProperties") != nullptr) {
    Constraint(out, "at most " + std::to_string(IntAt(schema, "maxProperties")) + " entries");
  }
  const Json* leaf = &schema;
  while (true) {
    const Json* inner = Find(*leaf, "items");
    if (inner == nullptr) inner = Find(*leaf, "additionalProperties");
    if (inner == nullptr) break;
    leaf = inner;
  }
  if (const std::string scalar = ScalarConstraints(*leaf); !scalar.empty()) {
    Constraint(out, leaf == &schema ? scalar : "each " + scalar);
  }
  return out;
}

bool IsRequired(const Json& object, const std::string& name) {
  const Json* required = Find(object, "required");
  if (required == nullptr) return false;
  for (const Json& item : *required) {
    if (item == name) return true;
  }
  return false;
}

void Rows(const Json& schema, const std::string& path, std::string& out);

void Row(const Json& schema, const std::string& path, bool required, std::string& out) {
  std::string description = StringAt(schema, "description");
  if (const Json* rules = Find(schema, "x-kubernetes-validations"); rules != nullptr) {
    for (const Json& rule : *rules) description += " Rule: " + StringAt(rule, "message") + ".";
  }
  out += "| " + Quoted(path) + " | " + TypeOf(schema) + " | " + Constraints(schema, required) +
         " | " + Cell(description) + " |\n";
  Rows(schema, path, out);
}

void Rows(const Json& schema, const std::string& path, std::string& out) {
  if (const Json* items = Find(schema, "items"); items != nullptr) Rows(*items, path + "[]", out);
  if (const Json* values = Find(schema, "additionalProperties"); values != nullptr) {
    Rows(*values, path + ".*", out);
  }
  const Json* properties = Find(schema, "properties");
  if (properties == nullptr) return;
  for (auto it = properties->begin(); it != properties->end(); ++it) {
    Row(it.value(), path + "." + it.key(), IsRequired(schema, it.key()), out);
  }
}

std::string Table(const Json& schema, const std::string& root) {
  std::string out = "| field | type | limits | what it is |\n| --- | --- | --- | --- |\n";
  Rows(schema, root, out);
  return out;
}

}  // namespace

std::string KindPage(const KindInfo& kind) {
  std::string out = "<!-- " + std::string(kMarker) + " -->\n";
  out += "# " + std::string(kind.kind) + "\n\n" + std::string(kind.doc) + "\n\n";
  out += "`apiVersion: " + std::string(kApiVersion) + "`, " +
         (kind.namespaced ? "namespaced" : "cluster-scoped") + "; `kubectl get " +
         SingularOf(kind) + "`";
  if (!kind.short_name.empty()) out += " or `kubectl get " + std::string(kind.short_name) + "`";
  out +=
      ".\n\n## Columns of `kubectl get`\n\n| column | from | what it is |\n| --- | --- | --- |\n";
  for (const PrinterColumn& column : kind.columns) {
    out += "| " + std::string(column.name) + (column.wide ? " (`-o wide`)" : "") + " | " +
           Quoted(column.path) + " | " + Cell(column.doc) + " |\n";
  }
  if (!kind.selectable.empty()) {
    out += "\nField selectors: ";
    for (std::size_t i = 0; i < kind.selectable.size(); ++i) {
      out += (i == 0 ? "" : ", ") + Quoted(kind.selectable[i].substr(1));
    }
    out += ".\n";
  }
  out += "\n## spec\n\n" + std::string(kind.spec_doc) + "\n\n" + Table(kind.spec_schema(), "spec");
  out += "\n## status\n\nWhat the operator last saw. Only the operator may write it.\n\n" +
         Table(kind.status_schema(), "status");
  return out;
}

std::string MetricsPage() {
  std::string out = "<!-- " + std::string(kMarker) + " -->\n# Fairness metrics\n\n";
  out +=
      "Names for `spec.measures[].require.biasTest.metrics[].name` of a GovernancePolicy. All are\n"
      "computed from the counts of a BiasTest (`tp`, `fp`, `fn`, `tn`; positive is the favourable\n"
      "outcome) and compared with the bounds exactly. A value that the counts do not determine "
      "(an\n"
      "empty group, a division by zero, too few people) is `Insufficient`, which never passes.\n\n"
      "In the formulae `g` is the group under test and `r` the reference group. Signed and "
      "unsigned\n"
      "variants are different metrics.\n\n"
      "| name | formula | ideal | kind | interval | what it says | source |\n"
      "| --- | --- | --- | --- | --- | --- | --- |\n";
  for (const fairness::Metric& metric : fairness::kMetrics) {
    out += "| " + Quoted(metric.name) + " | " + Cell(metric.formula) + " | " +
           (metric.ideal ? std::to_string(*metric.ideal) : std::string("none")) + " | " +
           std::string(fairness::KindName(metric.kind())) + " | " +
           std::string(fairness::IntervalMethodName(metric.interval())) + " | " +
           Cell(metric.description) + " | " + Cell(metric.source) + " |\n";
  }
  out +=
      "\n## Of counts that are not binary\n\n"
      "These have no interval and are judged by their value. What they are computed from, and how "
      "to\n"
      "report it: [Testing for bias](../bias.md).\n\n"
      "| name | computed from | formula | ideal | what it says | source |\n"
      "| --- | --- | --- | --- | --- | --- |\n";
  for (const fairness::SumMetric& metric : fairness::kSumMetrics) {
    out += "| " + Quoted(metric.name) + " | " + std::string(fairness::ShapeName(metric.shape)) +
           " | " + Cell(metric.formula) + " | " +
           (metric.ideal ? std::to_string(*metric.ideal) : std::string("none")) + " | " +
           Cell(metric.description) + " | " + Cell(metric.source) + " |\n";
  }
  return out;
}

std::string ReportTypesPage() {
  std::string out = "<!-- " + std::string(kMarker) + " -->\n# Types of Evidence\n\n";
  out +=
      "Values for `spec.type` of an Evidence that Countersign knows. A measure asks for one with "
      "the\n"
      "requirement named; a report may claim more than is listed, but what is listed must be "
      "given\n"
      "as shown. Any other type is an organisation's own, for measures that require `evidence`.\n";
  for (const ReportType& type : ReportTypes()) {
    out += "\n## " + std::string(type.name) + "\n\n" + std::string(type.doc) + " Asked for by `" +
           std::string(type.requirement) +
           "`.\n\n| claim | given as | what it is |\n| --- | --- | --- |\n";
    for (const KnownClaim& claim : type.claims) {
      out += "| " + Quoted(claim.name) + " | " + std::string(ClaimTypeName(claim.type)) + " | " +
             Cell(claim.doc) + " |\n";
    }
    if (type.artifacts.empty()) continue;
    out += "\n| artifact | what it is |\n| --- | --- |\n";
    for (const KnownArtifact& artifact : type.artifacts) {
      out += "| " + Quoted(artifact.name) + " | " + Cell(artifact.doc) + " |\n";
    }
  }
  return out;
}

std::vector<std::pair<std::string, std::string>> GeneratedFiles() {
  std::vector<std::pair<std::string, std::string>> files;
  for (const KindInfo& kind : AllKinds()) {
    files.emplace_back("crds/" + std::string(kApiGroup) + "_" + std::string(kind.plural) + ".yaml",
                       "# " + std::string(kMarker) + "\n" + DumpYaml(CrdOf(kind)));
    files.emplace_back("docs/reference/" + SingularOf(kind) + ".md", KindPage(kind));
  }
  files.emplace_back("docs/reference/fairness-metrics.md", MetricsPage());
  files.emplace_back("docs/reference/evidence-types.md", ReportTypesPage());
  Json schema = ServingProfilesSchema();
  schema["$schema"] = "https://json-schema.org/draft/2020-12/schema";
  schema["title"] = "Serving profiles";
  schema["$comment"] = std::string(kMarker);
  files.emplace_back("docs/reference/serving-profiles.schema.json", schema.dump(2) + "\n");
  for (auto& file : ChartFiles()) {
    file.second.insert(0, "# " + std::string(kMarker) + "\n");
    files.push_back(std::move(file));
  }
  return files;
}

}  // namespace countersign
