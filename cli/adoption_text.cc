#include "cli/adoption.h"
#include "cli/render.h"

namespace countersign {
namespace {

std::vector<const Gate*> Unmet(const Decision& decision) {
  std::vector<const Gate*> unmet;
  for (const Gate& gate : decision.gates) {
    if (!IsMet(gate.state)) unmet.push_back(&gate);
  }
  return unmet;
}

std::string TowardText(const std::optional<Decision>& toward) {
  if (!toward) {
    return "  before Deny: no policy asks for anything in this namespace yet; write one "
           "(countersign init) and see with --toward FILE\n";
  }
  const auto unmet = Unmet(*toward);
  const std::string where =
      toward->environment.empty() ? "" : " in environment " + Printable(toward->environment);
  std::string text = "  before Deny" + where + ": " + toward->GatesText() + " gates pass" +
                     (unmet.empty() ? "\n" : "; missing:\n");
  for (const Gate* gate : unmet) {
    text += "  - " + Printable(gate->measure) + " (" + gate->reason +
            "): " + Printable(gate->message) + "\n";
    if (!gate->remedy.empty()) text += "    Next: " + Printable(gate->remedy) + "\n";
  }
  return text;
}

std::string WorkloadText(const AdoptedWorkload& one) {
  std::string text = Printable(one.kind + " " + one.name_space + "/" + one.name +
                               " -> ModelDeployment " + one.name_space + "/" + one.deployment) +
                     (one.there ? " (there already, left as it is)" : "") +
                     "\n  model: " + Printable(one.model) + "\n";
  for (const std::string& note : one.notes) text += "  note: " + Printable(note) + "\n";
  return text + TowardText(one.toward) + "\n";
}

Json WorkloadJson(const AdoptedWorkload& one) {
  Json json = {{"kind", one.kind},          {"namespace", one.name_space},
               {"name", one.name},          {"modelDeployment", one.deployment},
               {"alreadyThere", one.there}, {"model", one.model},
               {"notes", one.notes},        {"beforeDeny", nullptr}};
  if (one.toward) json["beforeDeny"] = DecisionJson(*one.toward);
  return json;
}

}  // namespace

std::string AdoptionText(const Adoption& adoption) {
  std::string text;
  for (const AdoptedWorkload& one : adoption.adopted) text += WorkloadText(one);
  if (!adoption.left_out.empty()) text += "Left to people:\n";
  for (const LeftOut& one : adoption.left_out) {
    text += Printable(one.kind + " " + one.name_space + "/" + one.name) + "\n";
    for (const AdoptionGap& gap : one.gaps) {
      text += "  - " + Printable(gap.what) + "\n    Next: " + Printable(gap.next) + "\n";
    }
  }
  if (!adoption.refused.empty()) text += "Refused:\n";
  for (const std::string& one : adoption.refused) text += "  - " + Printable(one) + "\n";
  for (const std::string& note : adoption.notes) text += "note: " + Printable(note) + "\n";
  if (adoption.adopted.empty() && adoption.left_out.empty()) {
    text += "Nothing serves a model outside of Countersign.\n";
  }
  return text;
}

Json AdoptionJson(const Adoption& adoption) {
  Json json = VersionedJson("AdoptionPlan");
  json["manifests"] = adoption.manifests;
  Json adopted = Json::array();
  for (const AdoptedWorkload& one : adoption.adopted) adopted.push_back(WorkloadJson(one));
  json["adopted"] = std::move(adopted);
  Json left = Json::array();
  for (const LeftOut& one : adoption.left_out) {
    Json gaps = Json::array();
    for (const AdoptionGap& gap : one.gaps) {
      gaps.push_back({{"what", gap.what}, {"next", gap.next}});
    }
    left.push_back({{"kind", one.kind},
                    {"namespace", one.name_space},
                    {"name", one.name},
                    {"gaps", std::move(gaps)}});
  }
  json["leftToPeople"] = std::move(left);
  json["refused"] = adoption.refused;
  json["notes"] = adoption.notes;
  return json;
}

}  // namespace countersign
