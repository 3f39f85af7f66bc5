#include "cli/framework_report.h"

#include <algorithm>
#include <map>

#include "cli/render.h"
#include "governance/environment.h"
#include "governance/evaluate.h"
#include "governance/report_requirements.h"

namespace countersign {
namespace {

bool Contains(const std::vector<std::string>& list, const std::string& word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

std::string WordOf(const Json& value) {
  return value.is_string() ? value.get<std::string>() : DumpJson(value);
}

// A requirement's member against the values that a control wants.
bool Agrees(const Json* member, const std::vector<std::string>& wanted) {
  if (member == nullptr) return false;
  if (!member->is_array()) return Contains(wanted, WordOf(*member));
  std::vector<std::string> words;
  for (const Json& item : *member) words.push_back(WordOf(item));
  return std::all_of(wanted.begin(), wanted.end(),
                     [&](const std::string& word) { return Contains(words, word); });
}

bool IsEmpty(const Json* value) {
  return value == nullptr || ((value->is_array() || value->is_object()) && value->empty());
}

std::string LevelOf(const Json& policy, const std::string& role) {
  const Json* roles = Find(policy, "roles");
  if (roles == nullptr) return {};
  for (const Json& one : *roles) {
    if (StringAt(one, "name") == role) return StringAt(one, "level");
  }
  return {};
}

// The policies that decided about one deployment, as objects and as written.
struct PolicyPart {
  std::shared_ptr<const GovernancePolicy> policy;
  std::shared_ptr<const Json> spec;
};

class DeploymentJudge {
 public:
  DeploymentJudge(const Framework& framework, const std::vector<PolicyPart>& policies,
                  const Facts& facts, const Decision& decision)
      : framework_(framework), policies_(policies), facts_(facts), decision_(decision) {}

  ControlResult Run(const Control& control) {
    ControlResult result;
    result.control = &control;
    const Applicability applicability = ApplicabilityOf(control);
    result.because = applicability.because;
    if (!applicability.applies) {
      result.state = ControlState::kNotApplicable;
      return result;
    }
    if (!control.outside.empty()) {
      result.state = ControlState::kOutside;
      result.because = control.outside;
      return result;
    }
    for (const FrameworkMatch& match : control.met_by) Collect(match, result.basis);
    if (result.basis.empty()) {
      result.state = ControlState::kNoMeasure;
      result.because = "no policy asks for " + WantedText(control) + " here";
      return result;
    }
    result.state = ControlState::kMet;
    for (const ControlBasis& basis : result.basis) {
      result.state = std::max(result.state, StateOf(basis.state));
    }
    return result;
  }

 private:
  struct Applicability {
    bool applies = true;
    std::string because;
  };

  static ControlState StateOf(GateState state) {
    switch (state) {
      case GateState::kPassed: return ControlState::kMet;
      case GateState::kWaived: return ControlState::kWaived;
      case GateState::kExpired: return ControlState::kExpired;
      case GateState::kInsufficient: return ControlState::kInsufficient;
      case GateState::kMissing:
      case GateState::kFailed: return ControlState::kNotMet;
    }
    return ControlState::kNotMet;
  }

  static std::string WantedText(const Control& control) {
    std::vector<std::string> wanted;
    for (const FrameworkMatch& match : control.met_by) {
      std::string text = !match.require.empty()      ? match.require
                         : !match.policy_has.empty() ? "spec." + match.policy_has
                                                     : match.check;
      std::replace(text.begin(), text.end(), '/', '.');
      for (const auto& [member, values] : match.where) {
        text += " with " + member + " " + Joined(values, " or ");
      }
      if (!match.signer_level.empty()) text += " by level " + match.signer_level;
      wanted.push_back(std::move(text));
    }
    return Joined(wanted, ", or ");
  }

  // Yes when a class or an answer says so, no when one could and says otherwise. Where nothing
  // could say, the control applies: what is unknown is not left out.
  [[nodiscard]] Applicability ApplicabilityOf(const Control& control) const {
    const FrameworkApplies& applies = control.applies ? *control.applies : framework_.applies;
    if (applies.Always()) return {};
    bool known = false;
    for (const std::string& name : applies.classes) {
      if (Contains(decision_.classes, name)) return {true, "applies: class " + name};
      known = known || IsClass(name);
    }
    for (const auto& [question, options] : applies.answers) {
      if (facts_.use_case == nullptr || !decision_.answers_approved) continue;
      const auto answer = facts_.use_case->spec.answers.find(question);
      if (answer == facts_.use_case->spec.answers.end()) continue;
      for (const std::string& option : answer->second) {
        if (!Contains(options, option)) continue;
        std::string because = "applies: ";
        return {true, because.append(question).append(" is ").append(option)};
      }
      known = true;
    }
    if (known) return {false, "neither its classes nor its answers make it so"};
    return {true, "applies: no class and no signed answer says that it does not"};
  }

  [[nodiscard]] bool IsClass(const std::string& name) const {
    return std::any_of(policies_.begin(), policies_.end(), [&](const PolicyPart& part) {
      const auto& classes = part.policy->spec.classification.classes;
      return std::any_of(classes.begin(), classes.end(),
                         [&](const RiskClass& risk) { return risk.name == name; });
    });
  }

  void Collect(const FrameworkMatch& match, std::vector<ControlBasis>& basis) const {
    if (!match.require.empty()) return CollectMeasures(match, basis);
    const PolicyPart* has = nullptr;
    if (!match.policy_has.empty()) {
      const auto it = std::find_if(policies_.begin(), policies_.end(), [&](const PolicyPart& part) {
        return !IsEmpty(FindPath(*part.spec, match.policy_has));
      });
      if (it == policies_.end()) return;
      has = &*it;
    }
    if (match.check.empty()) {
      std::string path = match.policy_has;
      std::replace(path.begin(), path.end(), '/', '.');
      basis.push_back(
          {has->policy->meta.name, GateState::kPassed, "the policy has spec." + path, {}, {}, {}});
    } else if (match.check == kClassificationCheck) {
      CollectClassification(basis);
    } else {
      for (const Gate& gate : decision_.gates) {
        if (gate.step.empty() && gate.measure == match.check) Add(gate, gate.measure, basis);
      }
    }
  }

  void CollectClassification(std::vector<ControlBasis>& basis) const {
    ControlBasis one;
    one.name = kClassificationCheck;
    one.state = decision_.answers_approved ? GateState::kPassed : GateState::kMissing;
    one.message = decision_.answers_approved
                      ? "the answers are signed off; classes: " + Joined(decision_.classes)
                      : decision_.answers_note;
    basis.push_back(std::move(one));
  }

  void CollectMeasures(const FrameworkMatch& match, std::vector<ControlBasis>& basis) const {
    for (const Gate& gate : decision_.gates) {
      if (gate.step.empty()) continue;  // not a measure's
      for (const PolicyPart& part : policies_) {
        if (part.policy->meta.name != gate.policy) continue;
        const auto& measures = part.policy->spec.measures;
        const auto measure = std::find_if(measures.begin(), measures.end(),
                                          [&](const Measure& m) { return m.name == gate.measure; });
        if (measure == measures.end() || AsksForNothing(measure->require)) continue;
        if (Meets(match, part, *measure)) Add(gate, gate.policy + "/" + gate.measure, basis);
      }
    }
  }

  static bool Meets(const FrameworkMatch& match, const PolicyPart& part, const Measure& measure) {
    const auto& measures = part.policy->spec.measures;
    const auto index = static_cast<std::size_t>(&measure - measures.data());
    const Json* written = Find(*part.spec, "measures");
    if (written == nullptr || index >= written->size()) return false;
    const Json* require = FindPath(written->at(index), "require/" + match.require);
    if (require == nullptr) return false;
    if (!match.signer_level.empty() &&
        LevelOf(*part.spec, StringAt(*require, "role")) != match.signer_level) {
      return false;
    }
    return std::all_of(match.where.begin(), match.where.end(), [&](const auto& wanted) {
      return Agrees(Find(*require, wanted.first), wanted.second);
    });
  }

  void Add(const Gate& gate, std::string name, std::vector<ControlBasis>& basis) const {
    ControlBasis one;
    one.name = std::move(name);
    one.state = gate.state;
    one.message = (gate.path.empty() ? "" : gate.path + ": ") + gate.message;
    one.remedy = gate.remedy;
    one.valid_until = gate.valid_until;
    one.evidence = gate.evidence;
    const auto same = [&](const ControlBasis& other) {
      return other.name == one.name && other.message == one.message;
    };
    if (std::none_of(basis.begin(), basis.end(), same)) basis.push_back(std::move(one));
  }

  const Framework& framework_;
  const std::vector<PolicyPart>& policies_;
  const Facts& facts_;
  const Decision& decision_;
};

// By name and as written, once: encoding a policy takes longer than a decision.
std::vector<PolicyPart> Encoded(const PolicySet& policies) {
  std::vector<PolicyPart> parts;
  parts.reserve(policies.policies.size());
  for (const auto& policy : policies.policies) {
    parts.push_back({policy, std::make_shared<const Json>(EncodeSpec(policy->spec))});
  }
  std::sort(parts.begin(), parts.end(), [](const PolicyPart& a, const PolicyPart& b) {
    return a.policy->meta.name < b.policy->meta.name;
  });
  return parts;
}

std::vector<PolicyPart> ThoseOf(const std::vector<PolicyPart>& parts, const Decision& decision) {
  std::vector<PolicyPart> own;
  for (const PolicyPart& part : parts) {
    if (std::any_of(decision.policies.begin(), decision.policies.end(),
                    [&](const PolicyRef& ref) { return ref.name == part.policy->meta.name; })) {
      own.push_back(part);
    }
  }
  return own;
}

// The names that any of the policies has for where it is, each once.
std::vector<std::string> EnvironmentNames(const std::vector<PolicyPart>& policies,
                                          const std::string& name_space) {
  std::vector<std::string> names;
  for (const PolicyPart& part : policies) {
    for (const PolicyEnvironment* e : EnvironmentsOf(part.policy->spec, name_space)) {
      if (!Contains(names, e->name)) names.push_back(e->name);
    }
  }
  return names;
}

bool Share(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  return std::any_of(a.begin(), a.end(), [&](const std::string& one) { return Contains(b, one); });
}

template <class Spec>
void DropLater(SharedList<Attested<Spec>>& list, Time at) {
  list.Change([&](std::vector<Attested<Spec>>& all) {
    std::erase_if(all, [&](const Attested<Spec>& one) { return one.by.first_seen > at; });
  });
}

// A look back does not see what came afterwards.
void DropWhatCameLater(Facts& facts) {
  DropLater(facts.sign_offs, facts.now);
  DropLater(facts.snapshots, facts.now);
  DropLater(facts.bias_tests, facts.now);
  DropLater(facts.reports, facts.now);
  DropLater(facts.waivers, facts.now);
  const auto later = [&](const auto& entry) { return entry.by.first_seen.time > facts.now; };
  for (auto& record : facts.records) {
    auto then = std::make_shared<ModelRecord>(*record);
    std::erase_if(then->spec.results, later);
    std::erase_if(then->spec.decisions, later);
    then->spec.DeriveKnown();
    record = std::move(then);
  }
  facts.incidents.Change([&](auto& all) {
    std::erase_if(all, [&](const std::shared_ptr<const Incident>& incident) {
      return incident->meta.creation_time && *incident->meta.creation_time > facts.now;
    });
  });
}

// Without its use case no measure of a deployment is evaluated, and what cannot be read might count
// for any of them.
std::string FaultOf(const Decision& decision) {
  for (const Gate& gate : decision.gates) {
    const bool blind = gate.reason == "PolicyUnreadable" || gate.reason == "FactsUnknown" ||
                       gate.reason == "UseCaseNotAvailable";
    if (gate.step.empty() && blind && !IsMet(gate.state)) return gate.message;
  }
  return {};
}

}  // namespace

std::string_view ControlStateName(ControlState state) {
  switch (state) {
    case ControlState::kMet: return "Met";
    case ControlState::kWaived: return "Waived";
    case ControlState::kNotApplicable: return "NotApplicable";
    case ControlState::kOutside: return "Outside";
    case ControlState::kExpired: return "Expired";
    case ControlState::kInsufficient: return "Insufficient";
    case ControlState::kNotMet: return "NotMet";
    case ControlState::kNoMeasure: return "NoMeasure";
  }
  return "NotMet";
}

std::size_t DeploymentReport::Count(ControlState state) const {
  return static_cast<std::size_t>(
      std::count_if(controls.begin(), controls.end(),
                    [&](const ControlResult& result) { return result.state == state; }));
}

std::size_t DeploymentReport::Gaps() const {
  return static_cast<std::size_t>(
      std::count_if(controls.begin(), controls.end(),
                    [](const ControlResult& result) { return IsGap(result.state); }));
}

std::size_t FrameworkReport::Gaps() const {
  std::size_t gaps = 0;
  for (const DeploymentReport& deployment : deployments) gaps += deployment.Gaps();
  return gaps;
}

bool FrameworkReport::Complete() const {
  return unreadable.empty() && std::all_of(deployments.begin(), deployments.end(),
                                           [](const auto& d) { return d.fault.empty(); });
}

void JudgeControls(const World& world, const ReportScope& scope, FrameworkReport& report) {
  const std::vector<PolicyPart> all = Encoded(world.policies());
  for (const World::Deployment& deployment : world.deployments()) {
    Facts facts = world.FactsOf(deployment, report.at);
    DropWhatCameLater(facts);
    const ModelDeploymentSpec& spec = facts.deployment->spec;
    Decision decision = Evaluate(world.policies(), facts);
    NameFile(decision, deployment);
    DeploymentReport one;
    one.name = facts.name_space + "/" + facts.name;
    one.use_case = spec.use_case.name_space + "/" + spec.use_case.name;
    const std::vector<PolicyPart> policies = ThoseOf(all, decision);
    const std::vector<std::string> environments = EnvironmentNames(policies, facts.name_space);
    if ((!scope.use_case.empty() && scope.use_case != one.use_case) ||
        (!scope.environments.empty() && !Share(scope.environments, environments))) {
      ++report.left_out;
      continue;
    }
    one.model = spec.model;
    one.environment = Joined(environments);
    one.classes = decision.classes;
    one.governed_digest = decision.governed_digest;
    one.policies = decision.policies;
    one.verdict = decision.verdict;
    one.fault = FaultOf(decision);
    DeploymentJudge judge(*report.framework, policies, facts, decision);
    for (const Control& control : report.framework->controls) {
      one.controls.push_back(judge.Run(control));
    }
    report.deployments.push_back(std::move(one));
  }
  std::sort(report.deployments.begin(), report.deployments.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
}

}  // namespace countersign
