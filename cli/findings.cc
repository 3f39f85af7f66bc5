#include "cli/findings.h"

#include <algorithm>
#include <map>

#include "cli/render.h"

namespace countersign {
namespace {

constexpr std::string_view kLevels[] = {"note", "warning", "error"};

std::string_view LevelOf(const Finding& finding) {
  return kLevels[static_cast<int>(finding.severity)];
}

Severity SeverityOf(const Json& gate) {
  if (StringAt(gate, "state") == GateStateName(GateState::kWaived)) return Severity::kNote;
  const std::string enforcement = StringAt(gate, "enforcement");
  if (enforcement == NameOf(Enforcement::kAudit)) return Severity::kNote;
  return enforcement == NameOf(Enforcement::kWarn) ? Severity::kWarning : Severity::kError;
}

bool Passed(const Json& gate) {
  return StringAt(gate, "state") == GateStateName(GateState::kPassed);
}

Finding FindingOfGate(const Json& gate, const std::string& subject) {
  Finding finding;
  finding.severity = SeverityOf(gate);
  finding.rule = StringAt(gate, "reason");
  finding.measure = StringAt(gate, "measure");
  finding.policy = StringAt(gate, "policy");
  finding.subject = subject;
  const std::string path = StringAt(gate, "path");
  finding.message =
      finding.measure + ": " + (path.empty() ? "" : path + ": ") + StringAt(gate, "message");
  finding.remedy = StringAt(gate, "remedy");
  return finding;
}

const Manifest* Named(const std::vector<Manifest>& manifests, const EvidenceRef& ref) {
  const auto it = std::find_if(manifests.begin(), manifests.end(), [&](const Manifest& m) {
    return StringAt(m.object, "kind") == ref.kind &&
           StringAt(m.object, "metadata/name") == ref.name &&
           StringAt(m.object, "metadata/namespace", ref.name_space) == ref.name_space;
  });
  return it == manifests.end() ? nullptr : &*it;
}

// A built-in check names a field of the deployment, a measure one of the evidence that it judged.
const Manifest* AtFault(const Gate& gate, const OfflineDecision& decision,
                        const std::vector<Manifest>& manifests) {
  if (!gate.policy.empty() && !gate.path.empty() && !gate.evidence.empty()) {
    if (const Manifest* evidence = Named(manifests, gate.evidence.front())) return evidence;
  }
  const auto it = std::find_if(manifests.begin(), manifests.end(),
                               [&](const Manifest& m) { return m.source == decision.source; });
  return it == manifests.end() ? nullptr : &*it;
}

// RFC 3986 section 2.3 and '/': what may stand in the path of a relative reference.
std::string UriOf(const std::string& file) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : file) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("-._~/").find(c) != std::string_view::npos;
    if (plain) {
      out += c;
    } else {
      out += '%';
      out += kHex[byte >> 4U];
      out += kHex[byte & 0xFU];
    }
  }
  return file.starts_with('/') ? "file://" + out : out;
}

Json ResultOf(const Finding& finding, std::size_t rule) {
  std::string text = finding.message;
  if (!finding.remedy.empty()) text += ". Remedy: " + finding.remedy;
  Json result = {{"ruleId", finding.rule},
                 {"ruleIndex", rule},
                 {"level", std::string(LevelOf(finding))},
                 {"message", {{"text", std::move(text)}}}};
  Json location = Json::object();
  if (!finding.file.empty()) {
    location["physicalLocation"] = {
        {"artifactLocation", {{"uri", UriOf(finding.file)}}},
        {"region", {{"startLine", std::max<std::size_t>(finding.line, 1)}}}};
  }
  if (!finding.subject.empty()) {
    location["logicalLocations"] =
        Json::array({{{"fullyQualifiedName", finding.subject}, {"kind", "resource"}}});
  }
  if (!location.empty()) result["locations"] = Json::array({std::move(location)});
  return result;
}

// https://docs.github.com/actions/reference/workflow-commands-for-github-actions, as its toolkit
// escapes them.
std::string Escaped(const std::string& text, bool property) {
  std::string out;
  for (const char c : text) {
    if (c == '%') {
      out += "%25";
    } else if (c == '\r') {
      out += "%0D";
    } else if (c == '\n') {
      out += "%0A";
    } else if (property && c == ':') {
      out += "%3A";
    } else if (property && c == ',') {
      out += "%2C";
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace

std::vector<Finding> FindingsOf(const std::vector<OfflineDecision>& decisions,
                                const std::vector<Manifest>& manifests) {
  std::vector<Finding> findings;
  for (const OfflineDecision& decision : decisions) {
    for (const Gate& gate : decision.decision.gates) {
      if (gate.state == GateState::kPassed) continue;
      Finding finding = FindingOfGate(GateJson(gate), decision.name_space + "/" + decision.name);
      if (const Manifest* at = AtFault(gate, decision, manifests)) {
        finding.file = at->file;
        finding.line = at->LineOf(gate.path);
      }
      findings.push_back(std::move(finding));
    }
  }
  return findings;
}

Finding FindingOf(const Fault& fault) {
  Finding finding;
  finding.rule = "ManifestInvalid";
  finding.message = fault.detail.empty() ? fault.ToString() : fault.detail;
  finding.file = fault.file;
  finding.line = fault.line;
  return finding;
}

std::vector<Finding> FindingsOf(const Json& gates, const std::string& subject) {
  std::vector<Finding> findings;
  for (const Json& gate : gates) {
    if (!Passed(gate)) findings.push_back(FindingOfGate(gate, subject));
  }
  return findings;
}

JunitSuite SuiteOf(const Json& gates, const std::string& subject,
                   const std::vector<Finding>& findings) {
  JunitSuite suite{subject, {}};
  auto next = findings.begin();
  for (const Json& gate : gates) {
    JunitCase c;
    const std::string policy = StringAt(gate, "policy");
    c.class_name = subject;
    if (!policy.empty()) c.class_name.append(".").append(policy);
    c.name = StringAt(gate, "measure");
    if (!Passed(gate) && next != findings.end()) {
      const Finding& finding = *next++;
      c.outcome = finding.severity == Severity::kError ? JunitCase::Outcome::kFailed
                                                       : JunitCase::Outcome::kPassed;
      c.type = finding.rule;
      c.message = "[" + finding.rule + "] " + finding.message;
      c.text = c.message + (finding.remedy.empty() ? "" : "\nRemedy: " + finding.remedy);
      c.file = finding.file;
      c.line = finding.line;
    }
    suite.cases.push_back(std::move(c));
  }
  return suite;
}

std::string FaultText(const Fault& fault, const std::string& format) {
  const Finding finding = FindingOf(fault);
  if (format == "sarif") return DumpJson(SarifLog({finding}, false, {})) + "\n";
  if (format == "github") return GithubCommands({finding});
  if (format != "junit") return {};
  JunitCase c;
  c.class_name = "manifests";
  c.name = finding.file.empty() ? "manifests" : finding.file;
  c.outcome = JunitCase::Outcome::kError;
  c.type = finding.rule;
  c.message = finding.message;
  c.text = fault.ToString();
  c.file = finding.file;
  c.line = finding.line;
  return JunitXml({{"manifests", {std::move(c)}}});
}

Json SarifLog(const std::vector<Finding>& findings, bool completed,
              const std::vector<std::string>& notes) {
  std::map<std::string, std::size_t> index;
  Json rules = Json::array();
  Json results = Json::array();
  for (const Finding& finding : findings) {
    const auto [it, added] = index.emplace(finding.rule, index.size());
    if (added) rules.push_back({{"id", finding.rule}});
    results.push_back(ResultOf(finding, it->second));
  }
  Json assumed = Json::array();
  for (const std::string& note : notes) {
    assumed.push_back({{"level", "note"}, {"message", {{"text", note}}}});
  }
  return {
      {"$schema", "https://json.schemastore.org/sarif-2.1.0.json"},
      {"version", "2.1.0"},
      {"runs", Json::array({{{"tool",
                              {{"driver",
                                {{"name", "countersign"},
                                 {"version", COUNTERSIGN_VERSION},
                                 {"rules", std::move(rules)}}}}},
                             {"columnKind", "unicodeCodePoints"},
                             {"invocations",
                              Json::array({{{"executionSuccessful", completed},
                                            {"toolExecutionNotifications", std::move(assumed)}}})},
                             {"results", std::move(results)}}})}};
}

std::string GithubCommands(const std::vector<Finding>& findings) {
  static constexpr std::string_view kCommands[] = {"notice", "warning", "error"};
  std::string out;
  for (const Finding& finding : findings) {
    out += "::";
    out += kCommands[static_cast<int>(finding.severity)];
    out += " ";
    if (!finding.file.empty()) {
      out += "file=" + Escaped(finding.file, true) +
             ",line=" + std::to_string(std::max<std::size_t>(finding.line, 1)) + ",";
    }
    std::string title = finding.rule;
    if (!finding.subject.empty()) title += " in " + finding.subject;
    out += "title=" + Escaped(Printable(title), true) + "::";
    std::string text = finding.message;
    if (!finding.remedy.empty()) text += "\nRemedy: " + finding.remedy;
    out += Escaped(text, false) + "\n";
  }
  return out;
}

}  // namespace countersign
