#include "cli/evidence_list.h"
#include "cli/render.h"

namespace countersign {
namespace {

constexpr std::size_t kColumnWidth = 48;

// How it is known to be somebody's, before any policy is asked.
std::string HowKnown(const Provenance& by) {
  switch (by.authenticity) {
    case Authenticity::kAttested: return "stamped for '" + by.user + "'";
    case Authenticity::kSigned:
      return "signed by key " + by.signature->key + ", applied by '" + by.user + "'";
    case Authenticity::kForeign:
      return "seen by installation '" + by.foreign->installation + "' as made by '" + by.user + "'";
    case Authenticity::kAssumed: return "not verified offline";
    case Authenticity::kUnproven: return "not stamped";
    case Authenticity::kForged: return "its stamp does not hold: " + by.problem;
    case Authenticity::kWithdrawn: return "withdrawn: " + by.problem;
    case Authenticity::kBadSignature: return "its signature does not hold: " + by.problem;
  }
  return {};
}

std::string Who(const EvidenceEntry& entry) {
  if (!entry.ref.signatory) return "nobody: " + HowKnown(entry.by);
  const Signatory& by = *entry.ref.signatory;
  return by.printed_name == by.account ? by.account : by.printed_name + " (" + by.account + ")";
}

std::string CountsText(const EvidenceEntry& entry) {
  if (!entry.Counts()) return "no: " + Joined(entry.why_not, "; ");
  std::vector<std::string> uses;
  uses.reserve(entry.uses.size());
  for (const EvidenceUse& use : entry.uses) {
    uses.push_back(use.deployment + " " + use.gate + " " + std::string(GateStateName(use.state)));
  }
  return "yes: " + Joined(uses, "; ");
}

std::string SeenAt(const EvidenceEntry& entry) {
  if (entry.ref.signatory) return FormatTime(entry.ref.signatory->at);
  return entry.by.first_seen == Time{} ? "" : FormatTime(entry.by.first_seen);
}

}  // namespace

std::string EvidenceTable(const std::vector<EvidenceEntry>& entries) {
  std::vector<std::vector<std::string>> rows = {{"KIND", "NAME", "ABOUT", "BY", "AT", "COUNTS"}};
  for (const EvidenceEntry& entry : entries) {
    rows.push_back({entry.ref.kind, entry.ref.name_space + "/" + entry.ref.name, entry.about,
                    Who(entry), SeenAt(entry), CountsText(entry)});
  }
  return WrappedTable(rows, kColumnWidth);
}

std::string EvidenceText(const EvidenceEntry& entry) {
  std::vector<std::vector<std::string>> rows = {
      {"  use case", entry.use_case},
      {"  about", entry.about},
      {"  model", entry.model},
      {"  digest", entry.ref.digest},
      {"  signatory", entry.ref.signatory ? entry.ref.signatory->Text() : "nobody"},
      {"  known by", HowKnown(entry.by)},
      {"  groups", Joined(entry.by.groups)},
      {"  credential", entry.by.credential_id},
      {"  signed in", entry.by.sign_in ? FormatTime(entry.by.sign_in->at) : ""},
      {"  first seen", entry.by.first_seen == Time{} ? "" : FormatTime(entry.by.first_seen)},
      {"  supersedes", entry.supersedes.empty() ? "" : entry.supersedes + ": " + entry.correction},
      {"  superseded by", entry.superseded_by}};
  for (const EvidenceUse& use : entry.uses) {
    rows.push_back({"  counts for", use.deployment + ", " + use.gate + " " +
                                        std::string(GateStateName(use.state))});
  }
  for (const std::string& why : entry.why_not) rows.push_back({"  does not count", why});
  std::erase_if(rows, [](const auto& row) { return row[1].empty(); });
  for (auto& row : rows) row[1] = Printable(row[1]);
  return Printable(entry.ref.kind + " " + entry.ref.name_space + "/" + entry.ref.name) + "\n" +
         Table(rows);
}

Json EvidenceEntryJson(const EvidenceEntry& entry) {
  Json json = EvidenceJson({entry.ref}).front();
  json["useCase"] = entry.use_case;
  json["about"] = entry.about;
  json["knownBy"] = HowKnown(entry.by);
  json["groups"] = entry.by.groups;
  json["counts"] = entry.Counts();
  json["whyNot"] = entry.why_not;
  json["uses"] = Json::array();
  for (const EvidenceUse& use : entry.uses) {
    json["uses"].push_back({{"deployment", use.deployment},
                            {"gate", use.gate},
                            {"state", std::string(GateStateName(use.state))}});
  }
  const auto put = [&](const char* name, const std::string& text) {
    if (!text.empty()) json[name] = text;
  };
  put("modelDigest", entry.model);
  put("credentialId", entry.by.credential_id);
  if (entry.by.sign_in) json["signedInAt"] = FormatTime(entry.by.sign_in->at);
  put("supersedes", entry.supersedes);
  put("correction", entry.correction);
  put("supersededBy", entry.superseded_by);
  if (entry.by.first_seen != Time{}) json["firstSeen"] = FormatTime(entry.by.first_seen);
  return json;
}

}  // namespace countersign
