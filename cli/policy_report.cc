#include "cli/policy_report.h"

#include <utility>

#include "cli/render.h"

namespace countersign {
namespace {

std::string TimeText(const std::optional<Time>& time) { return time ? FormatTime(*time) : "-"; }

const PolicyVersion* VersionOf(const PolicyStanding& standing) {
  const auto& version = standing.policy->spec.version;
  return version ? &*version : nullptr;
}

const Provenance* MakerOf(const PolicyReport& report, const PolicyStanding& standing) {
  const auto found = report.made_by.find(standing.policy->meta.name);
  const bool known = found != report.made_by.end() && !found->second.user.empty() &&
                     (found->second.authenticity == Authenticity::kAttested ||
                      found->second.authenticity == Authenticity::kAssumed);
  return known ? &found->second : nullptr;
}

Json StandingJson(const PolicyReport& report, const PolicyStanding& standing) {
  Json json = {
      {"name", standing.policy->meta.name}, {"digest", standing.policy->spec_digest},
      {"inForce", standing.Counts()},       {"state", std::string(PolicyStateName(standing.state))},
      {"reason", standing.reason},          {"deleting", standing.policy->meta.deleting},
      {"warnings", standing.warnings}};
  const auto text = [&](const char* name, const std::string& value) {
    if (!value.empty()) json[name] = value;
  };
  const auto time = [&](const char* name, const std::optional<Time>& value) {
    if (value) json[name] = FormatTime(*value);
  };
  text("message", standing.message);
  text("remedy", standing.remedy);
  time("since", standing.since);
  time("until", standing.until);
  time("nextChange", standing.next_change);
  if (const PolicyVersion* version = VersionOf(standing)) {
    text("version", version->label);
    text("supersedes", version->supersedes);
    time("effectiveFrom", version->effective_from);
    if (version->transition) json["transition"] = FormatDuration(*version->transition);
  }
  if (const Provenance* maker = MakerOf(report, standing)) {
    json["publishedBy"] = maker->user;
    json["publishedAt"] = FormatTime(maker->first_seen);
  }
  json["signOffs"] = Json::array();
  for (const EvidenceRef& ref : standing.sign_offs) {
    json["signOffs"].push_back(
        {{"namespace", ref.name_space}, {"name", ref.name}, {"digest", ref.digest}});
  }
  return json;
}

}  // namespace

PolicyReport ReportOn(PolicySet policies, Time at) {
  std::erase_if(policies.policies, [&](const auto& policy) {
    return policy->meta.creation_time && *policy->meta.creation_time > at;
  });
  PolicyReport report;
  report.at = at;
  report.standings = PolicyStandings(policies, at);
  report.made_by = std::move(policies.made_by);
  report.unreadable = std::move(policies.unreadable);
  return report;
}

std::string PolicyReportText(const PolicyReport& report) {
  std::string out = "At " + FormatTime(report.at) + ":\n\n";
  std::vector<std::vector<std::string>> rows = {
      {"POLICY", "VERSION", "IN FORCE", "STATE", "SINCE", "UNTIL", "SUPERSEDES"}};
  for (const PolicyStanding& standing : report.standings) {
    const PolicyVersion* version = VersionOf(standing);
    rows.push_back({Printable(standing.policy->meta.name),
                    version == nullptr ? "-" : Printable(version->label),
                    standing.Counts() ? "yes" : "no", std::string(PolicyStateName(standing.state)),
                    TimeText(standing.since), TimeText(standing.until),
                    standing.Supersedes().empty() ? "-" : Printable(standing.Supersedes())});
  }
  out += Table(rows) + "\n";
  for (const PolicyStanding& standing : report.standings) {
    const std::string name = Printable(standing.policy->meta.name) + ": ";
    if (standing.state == PolicyState::kUnversioned) {
      out += name + "counts as it stands; whoever may update it changes it at once\n";
    } else {
      out += name + Printable(standing.message) + "\n";
    }
    if (!standing.remedy.empty()) out += "    Remedy: " + Printable(standing.remedy) + "\n";
    for (const std::string& warning : standing.warnings) {
      out += "    Warning: " + Printable(warning) + "\n";
    }
    if (standing.policy->meta.deleting) {
      const auto kept = KeptBecause(report.standings, standing.policy->meta.name);
      out += "    Deletion was asked for" + (kept ? "; it stays: " + Printable(*kept) : "") + "\n";
    }
  }
  for (const std::string& line : report.unreadable) {
    out += "Not judged: " + Printable(line) + "\n";
  }
  if (!report.assumptions.empty()) out += "\nTaken for granted:\n";
  for (const std::string& line : report.assumptions) out += "- " + line + "\n";
  return out;
}

Json PolicyReportJson(const PolicyReport& report) {
  Json json = VersionedJson("PolicyVersions");
  json["at"] = FormatTime(report.at);
  json["policies"] = Json::array();
  for (const PolicyStanding& standing : report.standings) {
    json["policies"].push_back(StandingJson(report, standing));
  }
  json["notJudged"] = report.unreadable;
  json["assumptions"] = report.assumptions;
  return json;
}

}  // namespace countersign
