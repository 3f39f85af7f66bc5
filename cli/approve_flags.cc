#include "cli/approve_flags.h"

#include "base/yaml.h"
#include "cli/files.h"

namespace countersign {
namespace {

Error Wrong(const std::string& flag, std::string message) {
  return {Code::kInvalidArgument, std::move(message), flag, {}};
}

// "NAME=TEXT"
Result<std::pair<std::string, std::string>> Split(const std::string& flag,
                                                  const std::string& given) {
  const auto at = given.find('=');
  if (at == 0 || at == std::string::npos || at + 1 == given.size()) {
    return Fail(Wrong(flag, "must be NAME=TEXT, is '" + given + "'"));
  }
  return std::pair(given.substr(0, at), given.substr(at + 1));
}

Result<Time> After(const std::string& flag, const std::string& duration, Time now) {
  auto parsed = ParseDuration(duration);
  if (!parsed) return Fail(Wrong(flag, parsed.error().message));
  return std::chrono::floor<std::chrono::seconds>(now) + *parsed;
}

// A list as in SignOff.spec.conditions.
Status ReadConditions(const std::string& path, std::vector<ApprovalCondition>& conditions) {
  auto text = ReadTextFile(path);
  if (!text) return Fail(text.error());
  auto json = ParseYaml(*text);
  if (!json) return Fail(json.error());
  auto decoded = DecodeApprovalConditions(*json);
  if (!decoded) return Fail(Error(decoded.error()));
  conditions.insert(conditions.end(), decoded->begin(), decoded->end());
  return {};
}

void AddAdvice(CLI::App& command, ApproveFlags& flags) {
  command.add_flag("--advise", flags.advise, "advise as a consulted role; decides nothing")
      ->excludes("--reject");
  command.add_option("--severity", flags.severity, "of the advice: None, Minor, Major or Critical")
      ->check(CLI::IsMember({"None", "Minor", "Major", "Critical"}));
  command.add_option("--respond", flags.responses, "answer advice, NAME=TEXT; may be repeated")
      ->allow_extra_args(false)
      ->excludes("--reject")
      ->excludes("--advise");
}

void AddConditions(CLI::App& command, ApproveFlags& flags) {
  auto* due = command.add_option("--conditions-due", flags.conditions_due,
                                 "how long until each --condition is due, e.g. 30d");
  auto* condition = command.add_option(
      "--condition", flags.conditions,
      "approve on a condition, NAME=TEXT, that your later approval fulfils; may be repeated");
  condition->allow_extra_args(false)->needs(due)->excludes("--reject")->excludes("--advise");
  due->needs(condition);  // else an approval that was to have a condition has none
  command
      .add_option("--conditions-file", flags.conditions_file,
                  "approve on the conditions in this file, a list as in a SignOff's "
                  "spec.conditions")
      ->excludes("--reject")
      ->excludes("--advise");
}

}  // namespace

void AddDecisionFlags(CLI::App& command, ApproveFlags& flags) {
  if (!flags.reject) {
    command.add_flag("--reject", flags.reject, "reject instead of approve");
    AddAdvice(command, flags);
    AddConditions(command, flags);
  }
  command
      .add_option("--environments", flags.environments,
                  "one sign-off for these environments, e.g. preprod,prod")
      ->delimiter(',')
      ->allow_extra_args(false);
  command.add_option("--on-behalf-of", flags.on_behalf_of,
                     "account of who lent you the role, see `countersign delegate`");
  command.add_option("--supersedes", flags.supersedes,
                     "correct an earlier sign-off of yours on this, NAME=WHAT-WAS-WRONG");
  command.add_option("--expires-in", flags.expires_in, "end the decision earlier, e.g. 90d");
}

Status ReadDecision(const ApproveFlags& flags, Time now, ApprovalInput& input) {
  if (flags.advise != !flags.severity.empty()) {
    return Fail(Wrong("--severity", flags.advise ? "must say how much you have against it: None, "
                                                   "Minor, Major or Critical"
                                                 : "goes with --advise"));
  }
  if (flags.advise) {
    input.decision = SignOffDecision::kAdvise;
    for (const auto& [severity, name] : EnumNames<AdviceSeverity>::kNames) {
      if (name == flags.severity) input.severity = severity;
    }
  }
  for (const std::string& given : flags.responses) {
    auto response = Split("--respond", given);
    if (!response) return Fail(response.error());
    input.responses.push_back({response->first, response->second});
  }
  for (const std::string& given : flags.conditions) {
    auto condition = Split("--condition", given);
    if (!condition) return Fail(condition.error());
    auto due = After("--conditions-due", flags.conditions_due, now);
    if (!due) return Fail(due.error());
    input.conditions.push_back({condition->first, condition->second, *due, std::nullopt});
  }
  if (!flags.conditions_file.empty()) {
    if (auto read = ReadConditions(flags.conditions_file, input.conditions); !read) return read;
  }
  if (!input.conditions.empty()) input.decision = SignOffDecision::kApproveWithConditions;
  if (flags.reject) input.decision = SignOffDecision::kReject;
  if (!flags.supersedes.empty()) {
    auto corrected = Split("--supersedes", flags.supersedes);
    if (!corrected) return Fail(corrected.error());
    input.supersedes = corrected->first;
    input.correction = corrected->second;
  }
  if (!flags.expires_in.empty()) {
    auto ends = After("--expires-in", flags.expires_in, now);
    if (!ends) return Fail(ends.error());
    input.expires_at = *ends;
  }
  return {};
}

}  // namespace countersign
