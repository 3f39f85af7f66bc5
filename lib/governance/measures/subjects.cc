#include "governance/measures/subjects.h"

#include <algorithm>

namespace countersign {
namespace {

bool IsWhole(const Measure& measure) {
  return measure.subject.empty() || measure.subject == kSubjectComposite;
}

bool Concerns(const Measure& measure, const std::string& name, ComponentRole role) {
  return measure.subject == kSubjectEach || measure.subject == name ||
         measure.subject == NameOf(role);
}

std::string TextOf(const MeasureSubject& subject) {
  return "component '" + subject.component + "' (" + subject.model.digest + ", digestType " +
         std::string(NameOf(subject.model.type)) + ")";
}

void AddOnce(std::vector<std::string>& list, const std::string& text) {
  if (!text.empty() && std::find(list.begin(), list.end(), text) == list.end()) {
    list.push_back(text);
  }
}

// The worst governs, and what is said is about all that are as bad or, at least, not met.
Gate Joined(const std::vector<MeasureSubject>& subjects, std::vector<Gate> gates) {
  const auto worst = std::max_element(
      gates.begin(), gates.end(), [](const Gate& a, const Gate& b) { return a.state < b.state; });
  Gate joined = *worst;
  const bool met = IsMet(joined.state);
  std::vector<std::string> messages;
  std::vector<std::string> remedies;
  joined.evidence.clear();
  for (std::size_t i = 0; i < gates.size(); ++i) {
    Gate& gate = gates[i];
    joined.evidence.insert(joined.evidence.end(), gate.evidence.begin(), gate.evidence.end());
    if (gate.valid_until && (!joined.valid_until || *gate.valid_until < *joined.valid_until)) {
      joined.valid_until = gate.valid_until;
    }
    if (gate.state == joined.state && gate.expired_at &&
        (!joined.expired_at || *gate.expired_at < *joined.expired_at)) {
      joined.expired_at = gate.expired_at;
    }
    if (!met && IsMet(gate.state)) continue;
    // Time alone cures the whole only if it cures every part.
    if (!gate.passes_from || !joined.passes_from) {
      joined.passes_from.reset();
    } else {
      joined.passes_from = std::max(*joined.passes_from, *gate.passes_from);
    }
    AddOnce(messages, TextOf(subjects[i]) + ": " + gate.message);
    AddOnce(remedies, gate.remedy);
  }
  if (!met) joined.valid_until.reset();
  joined.message = Join(messages);
  joined.remedy = Join(remedies);
  return joined;
}

}  // namespace

std::vector<MeasureSubject> SubjectsOf(const Measure& measure, const Model& model) {
  std::vector<MeasureSubject> subjects;
  if (IsWhole(measure) ||
      (model.components.empty() && Concerns(measure, "", ComponentRole::kBaseModel))) {
    subjects.push_back({"", model.digest});
    return subjects;
  }
  for (const Component& component : model.components) {
    if (!Concerns(measure, component.name, component.role)) continue;
    subjects.push_back({component.name, component.identity});
  }
  return subjects;
}

Gate RunForSubjects(const Context& context, const std::function<Gate(const Context&)>& run) {
  // Whose model it is there is the caller's to say: what is carried over is judged for others too.
  if (IsWhole(context.measure)) return run(context);
  const std::vector<MeasureSubject> subjects =
      SubjectsOf(context.measure, context.facts.deployment->spec.model);
  if (subjects.empty()) {
    Gate gate = StartGate(context);
    gate.path = "spec.model.components";
    return Conclude(std::move(gate), GateState::kMissing, "ComponentMissing",
                    "asks about components of name or role '" + context.measure.subject +
                        "', of which the model has none",
                    "whoever puts the model together adds it to spec.model.components; or the "
                    "policy's owner changes the measure's subject");
  }
  if (subjects.front().component.empty()) return run(context);
  std::vector<Gate> gates;
  gates.reserve(subjects.size());
  for (const MeasureSubject& subject : subjects) {
    gates.push_back(run({context.policy, context.environment, context.measure, context.facts,
                         context.insiders, context.index, context.answers_digest, subject.model,
                         context.lineage, context.in_use}));
  }
  return Joined(subjects, std::move(gates));
}

}  // namespace countersign
