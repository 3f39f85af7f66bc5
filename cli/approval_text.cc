#include <algorithm>
#include <tuple>

#include "cli/approval.h"
#include "cli/render.h"

namespace countersign {
namespace {

// All that it covers: the signer will not be asked again.
void ProtocolRows(const EvidenceReport& report, std::vector<std::vector<std::string>>& rows) {
  rows.push_back({"change protocol", report.meta.name});
  if (report.spec.model) rows.push_back({"starts from model", report.spec.model->digest});
  rows.push_back({"environment", report.spec.environment});
  for (const Claim& claim : report.spec.claims) {
    std::string value = claim.number ? claim.number->ToString() : claim.text;
    for (const std::string& item : claim.items) value += (value.empty() ? "" : ", ") + item;
    rows.push_back({claim.name, value});
  }
  if (!report.spec.summary.empty()) rows.push_back({"summary", report.spec.summary});
  rows.push_back({"protocol digest", report.spec_digest});
}

// What a review of that incident claims; nothing for other reports.
std::vector<Claim> ClaimsAbout(const EvidenceSpec& report, const std::string& incident) {
  const bool about = report.type == "IncidentReview" &&
                     std::any_of(report.claims.begin(), report.claims.end(), [&](const Claim& c) {
                       return c.name == "incident" && c.text == incident;
                     });
  return about ? report.claims : std::vector<Claim>();
}

std::string DecisionText(const ApprovalInput& input) {
  switch (input.decision) {
    case SignOffDecision::kApprove: return "APPROVE";
    case SignOffDecision::kApproveWithConditions: return "APPROVE WITH CONDITIONS";
    case SignOffDecision::kReject: return "REJECT";
    case SignOffDecision::kAdvise:
      return "ADVISE, severity " +
             std::string(NameOf(input.severity.value_or(AdviceSeverity::kNone)));
  }
  return {};
}

std::string AdviceRow(const ApprovalInput& input, const std::string& name) {
  for (const SignOff& one : input.sign_offs) {
    if (one.meta.name != name) continue;
    return name + ", " + one.spec.signer.username + " as " + one.spec.role + " (" +
           std::string(NameOf(one.spec.severity.value_or(AdviceSeverity::kNone))) +
           "): " + one.spec.rationale;
  }
  return name;
}

// How many results like this one the model's record knows of, whoever made them.
int RecordedAttempts(const ApprovalInput& input, const BiasTest& test) {
  std::int64_t attempts = 0;
  if (!input.record) return 0;
  for (const RecordedResult& one : input.record->spec.results) {
    if (one.kind == BiasTestSpec::kKind && one.name_space == test.meta.name_space &&
        one.use_case == test.spec.use_case && one.topic == test.spec.protocol &&
        one.data_set == test.spec.data_set.digest) {
      attempts += one.attempts;
    }
  }
  return static_cast<int>(attempts);
}

// " (attempt 2 of 3 of protocol p on data set d)": the signer should know how often it was tried,
// not only that the last result is good.
std::string AttemptText(const ApprovalInput& input, const std::string& name) {
  const auto& tests = input.bias_tests;
  const auto test = std::find_if(tests.begin(), tests.end(),
                                 [&](const BiasTest& t) { return t.meta.name == name; });
  if (test == tests.end()) return {};
  int earlier = 0;
  int all = 0;
  for (const BiasTest& other : tests) {
    if (other.spec.model != test->spec.model || other.spec.protocol != test->spec.protocol ||
        other.spec.data_set.digest != test->spec.data_set.digest) {
      continue;
    }
    ++all;
    if (std::tie(other.meta.creation_time, other.meta.name) <
        std::tie(test->meta.creation_time, test->meta.name)) {
      ++earlier;
    }
  }
  const int deleted = std::max(0, RecordedAttempts(input, *test) - all);
  return " (attempt " + std::to_string(earlier + 1 + deleted) + " of " +
         std::to_string(all + deleted) + " of protocol " + test->spec.protocol + " on data set " +
         test->spec.data_set.name +
         (deleted == 0 ? "" : ", " + std::to_string(deleted) + " of them deleted") + ")";
}

}  // namespace

std::string ApprovalText(const ApprovalInput& input, const std::vector<Json>& sign_offs) {
  const UseCase& use_case = input.use_case;
  std::vector<std::vector<std::string>> rows;
  rows.push_back({"decision", DecisionText(input)});
  rows.push_back({"signer", input.username + " as role " + input.role +
                                (input.on_behalf_of.empty() ? "" : ", for " + input.on_behalf_of)});
  rows.push_back({"use case", use_case.meta.name_space + "/" + use_case.meta.name + ": " +
                                  use_case.spec.title});
  const Json& first = sign_offs.front();
  if (input.waiver) {
    const WaiverSpec& waiver = input.waiver->spec;
    rows.push_back({"waiver", input.waiver->meta.name + " until " + FormatTime(waiver.expires_at)});
    for (const std::string& measure : waiver.measures) {
      rows.push_back({"waives", measure + " of policy " + waiver.policy + " in environment " +
                                    waiver.environment});
    }
    rows.push_back({"model digest", waiver.model.digest});
    rows.push_back({"reason", waiver.reason});
    rows.push_back({"ticket", waiver.ticket});
    rows.push_back({"meanwhile", waiver.compensating_control});
    rows.push_back({"waiver digest", input.waiver->spec_digest});
  } else if (input.incident) {
    const IncidentSpec& incident = input.incident->spec;
    rows.push_back({"closes incident", input.incident->meta.name});
    rows.push_back({"severity", std::string(NameOf(incident.severity))});
    rows.push_back({"what happened", incident.summary});
    if (incident.quarantine) {
      rows.push_back({"ends quarantine", std::string(NameOf(incident.quarantine->scope))});
    }
    for (const EvidenceReport& review : input.reports) {
      for (const Claim& claim : ClaimsAbout(review.spec, input.incident->meta.name)) {
        rows.push_back({claim.name, claim.text});
      }
    }
    rows.push_back({"incident digest", input.incident->spec_digest});
  } else if (input.protocol) {
    ProtocolRows(*input.protocol, rows);
  } else if (input.deployment) {
    const Model& model = input.deployment->spec.model;
    rows.push_back(
        {"deployment", input.deployment->meta.name_space + "/" + input.deployment->meta.name});
    std::string environments;
    for (const Json& one : sign_offs) {
      if (!environments.empty()) environments += ", ";
      environments += StringAt(one, "spec/subject/environment");
    }
    for (const std::string& one : input.environments) {
      environments += (environments.empty() ? "" : ", ") + one;
    }
    rows.push_back({"environment", environments});
    rows.push_back({"model", model.name + " " + model.version});
    rows.push_back({"model digest", model.digest.digest});
    for (const Component& one : model.components) {
      rows.push_back(
          {"component", one.name + ", " + std::string(NameOf(one.role)) + ": " +
                            (one.hosted ? HostedText(*one.hosted) : one.identity.digest)});
    }
    rows.push_back({"governed digest", input.governed_digest});
  } else if (input.retirement && use_case.spec.retirement) {
    const Retirement& end = *use_case.spec.retirement;
    rows.push_back({"ends because", end.reason});
    for (const DataDisposition& data : end.data) {
      rows.push_back({"data", data.data + ": " + std::string(NameOf(data.action)) +
                                  (data.until ? " until " + FormatTime(*data.until) : "") +
                                  (data.reason.empty() ? "" : " (" + data.reason + ")")});
    }
    if (!end.successor.empty()) rows.push_back({"in its place", end.successor});
    rows.push_back({"retirement digest", use_case.spec.retirement_digest});
  } else {
    for (const auto& [question, options] : use_case.spec.answers) {
      std::string answer;
      for (const std::string& option : options) {
        if (!answer.empty()) answer += ", ";
        answer += option;
      }
      rows.push_back({"answer", question});
      rows.back().back().append(": ").append(answer);
    }
    rows.push_back({"answers digest", StringAt(first, "spec/subject/answersDigest")});
  }
  if (const Json* evidence = FindPath(first, "spec/shown/evidence"); evidence != nullptr) {
    for (const Json& one : *evidence) {
      if (StringAt(one, "kind") == SignOffSpec::kKind) {
        rows.push_back({"advice", AdviceRow(input, StringAt(one, "name"))});
        continue;
      }
      std::string text = StringAt(one, "kind") + " " + StringAt(one, "name");
      if (StringAt(one, "kind") == BiasTestSpec::kKind) {
        text += AttemptText(input, StringAt(one, "name"));
      }
      rows.push_back({"evidence", std::move(text)});
    }
  }
  for (const AdviceResponse& one : input.responses) {
    rows.push_back({"your answer", one.advice + ": " + one.response});
  }
  for (const ApprovalCondition& one : input.conditions) {
    rows.push_back({"condition", one.name + " by " + FormatTime(one.due_at) + ": " +
                                     one.description +
                                     (one.evidence ? " (" + one.evidence->type + ")" : "")});
  }
  rows.push_back({"rationale", input.rationale});
  if (input.expires_at) rows.push_back({"expires", FormatTime(*input.expires_at)});
  for (auto& row : rows) row = {"  " + row[0], Printable(row[1])};
  return "You are about to sign:\n" + Table(rows);
}

}  // namespace countersign
