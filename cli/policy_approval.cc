#include "cli/policy_approval.h"

#include <algorithm>

#include "cli/render.h"
#include "governance/types/sign_off.h"

namespace countersign {
namespace {

// More than that nobody reads in a terminal.
constexpr std::size_t kMaxChanges = 40;
constexpr std::size_t kMaxValue = 120;
// The API server appends five characters; a subdomain has at most 253.
constexpr std::size_t kMaxNamePrefix = 200;

// The version whose roles sign.
Result<const GovernancePolicy*> Judging(const PolicyApproval& input) {
  const std::string name = "'" + input.policy.meta.name + "'";
  if (!input.policy.spec.version) {
    return Fail(Code::kInvalidArgument,
                "policy " + name + " has no spec.version: it counts as it stands");
  }
  if (input.withdraw) return &input.policy;
  if (!input.before) {
    return Fail(Code::kInvalidArgument,
                "policy " + name +
                    " is the first version of its line and needs no sign-off; --withdraw ends it");
  }
  if (!input.before->spec.version || !input.before->spec.succession) {
    return Fail(Code::kInvalidArgument, "policy '" + input.before->meta.name + "', which " + name +
                                            " supersedes, has no spec.version: nobody can approve "
                                            "what comes after it");
  }
  return &*input.before;
}

// Lists whose entries all have a name as objects by name, so that one entry more is one change.
Json ByName(const Json& json) {
  if (!json.is_structured()) return json;
  const bool named = json.is_array() && !json.empty() &&
                     std::all_of(json.begin(), json.end(), [](const Json& item) {
                       return item.is_object() && !StringAt(item, "name").empty();
                     });
  if (json.is_array() && !named) return json;
  Json out = Json::object();
  for (const auto& [key, value] : json.items()) {
    Json inner = ByName(value);
    if (!named) {
      out[key] = std::move(inner);
      continue;
    }
    const std::string name = StringAt(value, "name");
    inner.erase("name");
    out[name] = std::move(inner);
  }
  return out;
}

std::string ValueText(const Json& value) { return Excerpt(value.dump(), kMaxValue); }

std::string PathText(std::string pointer) {
  pointer.erase(0, 1);
  std::replace(pointer.begin(), pointer.end(), '/', '.');
  return pointer;
}

}  // namespace

std::vector<std::string> ChangesBetween(const Json& before, const Json& after) {
  const Json old_spec = ByName(before);
  const Json new_spec = ByName(after);
  std::vector<std::string> lines;
  for (const Json& change : Json::diff(old_spec, new_spec)) {
    const std::string pointer = StringAt(change, "path");
    if (pointer.starts_with("/version")) continue;
    const std::string op = StringAt(change, "op");
    const std::string path = PathText(pointer);
    if (op == "remove") {
      lines.push_back("- " + path);
    } else if (op == "add") {
      lines.push_back("+ " + path + ": " + ValueText(change.at("value")));
    } else {
      lines.push_back("~ " + path + ": " + ValueText(old_spec.at(Json::json_pointer(pointer))) +
                      " -> " + ValueText(change.at("value")));
    }
  }
  return lines;
}

Result<Json> MakePolicySignOff(const PolicyApproval& input) {
  auto judging = Judging(input);
  if (!judging) return Fail(judging.error());
  const std::optional<Succession>& succession = (*judging)->spec.succession;
  const std::string asked = succession ? succession->sign_off.role : std::string();
  if (input.role != asked) {
    return Fail(Code::kInvalidArgument, "policy '" + (*judging)->meta.name +
                                            "' has what comes after it signed off by role '" +
                                            asked + "', not '" + input.role + "'");
  }
  SignOffSpec spec;
  spec.subject.kind = SubjectOfSignOff::kGovernancePolicy;
  spec.subject.policy = input.policy.meta.name;
  spec.subject.policy_digest = input.policy.spec_digest;
  if (input.withdraw) spec.subject.withdraw = true;
  spec.role = input.role;
  spec.decision = input.reject ? SignOffDecision::kReject : SignOffDecision::kApprove;
  spec.signer.username = input.username;
  spec.rationale = input.rationale;
  spec.expires_at = input.expires_at;
  if (!input.withdraw) {
    spec.shown.emplace().policies = {{(*judging)->meta.name, (*judging)->spec_digest}};
  }
  std::string prefix = input.policy.meta.name.substr(0, kMaxNamePrefix - input.role.size() - 2);
  while (!prefix.empty() && (prefix.back() == '.' || prefix.back() == '-')) prefix.pop_back();
  Json object = {
      {"apiVersion", std::string(kApiVersion)},
      {"kind", std::string(SignOffSpec::kKind)},
      {"metadata",
       {{"generateName", prefix + "-" + input.role + "-"}, {"namespace", input.name_space}}},
      {"spec", EncodeSpec(spec)}};
  // The same rules as for everybody else, before anything is sent.
  if (auto valid = Decode<SignOffSpec>(object); !valid) return Fail(valid.error());
  return object;
}

std::string PolicyApprovalText(const PolicyApproval& input) {
  const PolicyVersion version = input.policy.spec.version.value_or(PolicyVersion{});
  std::vector<std::vector<std::string>> rows;
  rows.push_back({"decision", std::string(input.reject ? "REJECT" : "APPROVE") +
                                  (input.withdraw ? " THE WITHDRAWAL" : "")});
  rows.push_back({"signer", input.username + " as role " + input.role});
  rows.push_back({"policy", input.policy.meta.name + ", version " + version.label});
  if (input.withdraw) {
    rows.push_back({"effect", "it counts no longer, and nothing takes its place"});
  } else {
    rows.push_back({"supersedes", version.supersedes});
    rows.push_back({"takes effect", version.effective_from ? FormatTime(*version.effective_from)
                                                           : "once enough people have signed"});
    if (version.transition) rows.push_back({"transition", FormatDuration(*version.transition)});
    const auto changes = ChangesBetween(input.before_spec, input.spec);
    for (std::size_t i = 0; i < changes.size() && i < kMaxChanges; ++i) {
      rows.push_back({"change", changes[i]});
    }
    if (changes.size() > kMaxChanges) {
      rows.push_back({"change", "and " + std::to_string(changes.size() - kMaxChanges) + " more"});
    }
    if (changes.empty()) rows.push_back({"change", "none"});
  }
  rows.push_back({"policy digest", input.policy.spec_digest});
  rows.push_back({"rationale", input.rationale});
  if (input.expires_at) rows.push_back({"expires", FormatTime(*input.expires_at)});
  for (auto& row : rows) row = {"  " + row[0], Printable(row[1])};
  return "You are about to sign:\n" + Table(rows);
}

}  // namespace countersign
