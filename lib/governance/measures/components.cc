#include "governance/measures/components.h"

#include <re2/re2.h>

#include <algorithm>

#include "governance/measures/shortfall.h"

namespace countersign {
namespace {

// Why the text does not name one state of the model for good; empty when it seems to. Providers do
// not say in a name whether it moves, so this catches what they call aliases: `latest`, a word
// without any number, the model's own id.
std::string WhyMoves(const HostedModel& hosted) {
  static const RE2 kAlias("(?i)(^|[^a-z0-9])(latest|newest|nightly|current)([^a-z0-9]|$)");
  static const RE2 kNumber("[0-9]");
  static const RE2 kDated("[0-9]{3}");  // as in 0613, 002, 20241022 and 2026-08-06
  const std::string& snapshot = hosted.snapshot;
  if (RE2::PartialMatch(snapshot, kAlias)) return "its name says that it moves";
  if (!RE2::PartialMatch(snapshot, kNumber)) return "it has no number or date in it";
  if (snapshot == hosted.model && !RE2::PartialMatch(snapshot, kDated)) {
    return "it is the id of the model, not of one state of it";
  }
  return {};
}

class Inspector {
 public:
  Inspector(const Model& model, const ComponentsRequirement& r) : model_(model), r_(r) {}

  Shortfall Run() {
    for (const ComponentRole role : r_.required_roles) {
      if (Has(role)) continue;
      Add(GateState::kMissing, "ComponentMissing", "spec.model.components",
          "must have a component of role " + std::string(NameOf(role)));
    }
    for (std::size_t i = 0; i < model_.components.size(); ++i) {
      const auto& hosted = model_.components[i].hosted;
      if (hosted) Hosted(*hosted, "spec.model.components[" + std::to_string(i) + "].hosted");
    }
    return std::move(shortfall_);
  }

 private:
  void Add(GateState state, const char* code, const std::string& path, const std::string& text) {
    shortfall_.Add(state, code, path + " " + text);
    if (shortfall_.path.empty()) shortfall_.path = path;
  }

  bool Has(ComponentRole role) const {
    if (model_.components.empty()) return role == ComponentRole::kBaseModel;
    return std::any_of(model_.components.begin(), model_.components.end(),
                       [&](const Component& one) { return one.role == role; });
  }

  void Hosted(const HostedModel& hosted, const std::string& path) {
    if (r_.hosted == HostedModels::kRefused) {
      Add(GateState::kFailed, "HostedModelRefused", path,
          "must not be there: this measure lets no model in that somebody else runs, and this is " +
              HostedText(hosted));
      return;
    }
    if (!r_.providers.empty() && std::find(r_.providers.begin(), r_.providers.end(),
                                           hosted.provider) == r_.providers.end()) {
      std::string allowed;
      for (const std::string& one : r_.providers) allowed += (allowed.empty() ? "" : ", ") + one;
      Add(GateState::kFailed, "ProviderNotAllowed", path + ".provider",
          "must be one of " + allowed + ", is '" + hosted.provider + "'");
    }
    if (r_.hosted != HostedModels::kPinned) return;
    if (hosted.snapshot.empty()) {
      Add(GateState::kInsufficient, "SnapshotNotStated", path + ".snapshot",
          "must say which state of '" + hosted.provider + "/" + hosted.model +
              "' was tested: what is served under that id may be another model tomorrow");
    } else if (const std::string why = WhyMoves(hosted); !why.empty()) {
      Add(GateState::kInsufficient, "SnapshotMoves", path + ".snapshot",
          "must name one state of the model for good, is '" + Shorten(hosted.snapshot) +
              "': " + why);
    }
  }

  const Model& model_;
  const ComponentsRequirement& r_;
  Shortfall shortfall_;
};

}  // namespace

Gate ComponentsGate(const Context& context, const ComponentsRequirement& requirement) {
  Gate gate = StartGate(context);
  const Model& model = context.facts.deployment->spec.model;
  Shortfall shortfall = Inspector(model, requirement).Run();
  if (shortfall.state == GateState::kPassed) {
    return Conclude(std::move(gate), GateState::kPassed, "ComponentsSufficient",
                    model.components.empty()
                        ? "the model is one artefact"
                        : "the model has " + std::to_string(model.components.size()) +
                              " components as the measure asks");
  }
  gate.path = shortfall.path;
  return Conclude(std::move(gate), shortfall.state, std::move(shortfall.reason),
                  Join(shortfall.texts),
                  "whoever puts the model together corrects spec.model.components, and sets "
                  "spec.model.digest to what `countersign digest -f FILE` prints");
}

}  // namespace countersign
