#include "cli/cyclonedx.h"

#include <algorithm>
#include <map>
#include <set>

#include "governance/requirement_text.h"

namespace countersign {
namespace {

constexpr char kModelRef[] = "model";
constexpr char kDeploymentRef[] = "deployment";
constexpr char kDeciderRef[] = "assessor:countersign";
constexpr char kTakenForGranted[] = "takenForGranted";

// "sha256:…" as CycloneDX wants it; empty where it is no hash of bytes.
Json HashesOf(const ModelDigest& digest) {
  const bool bytes = digest.type != DigestType::kComposite && digest.type != DigestType::kHosted;
  constexpr std::string_view kPrefix = "sha256:";
  if (!bytes || !digest.digest.starts_with(kPrefix)) return Json::array();
  return Json::array({{{"alg", "SHA-256"}, {"content", digest.digest.substr(kPrefix.size())}}});
}
Json HashesOf(const std::string& digest) { return HashesOf({digest, DigestType::kFile}); }

void PutList(Json& json, const char* name, Json list) {
  if (!list.empty()) json[name] = std::move(list);
}

void PutText(Json& json, const char* name, const std::string& text) {
  if (!text.empty()) json[name] = text;
}

Json Property(const std::string& name, const std::string& value) {
  return {{"name", "countersign:" + name}, {"value", value}};
}

// The account is an address in most places; what is none stays with the name.
Json ContactOf(const Signatory& by) {
  const bool address = by.account.find('@') != std::string::npos;
  if (address) return {{"name", by.printed_name}, {"email", by.account}};
  const bool same = by.printed_name == by.account;
  return {{"name", same ? by.account : by.printed_name + " (" + by.account + ")"}};
}

std::string RefOf(const EvidenceRef& ref) {
  return "evidence:" + ref.kind + "/" + ref.name_space + "/" + ref.name;
}

std::string RequirementRef(const Gate& gate) {
  return "requirement:" + (gate.policy.empty() ? "countersign" : gate.policy) + "/" + gate.measure;
}

class Writer {
 public:
  explicit Writer(const BomInput& input) : input_(input) {
    const ModelDeploymentSpec& spec = input.facts.deployment->spec;
    for (const Gate& gate : input.decision.gates) {
      for (const EvidenceRef& ref : gate.evidence) evidence_.emplace(RefOf(ref), ref);
    }
    model_ = &spec.model;
    snapshot_ = FindSnapshot(model_->digest.digest);
  }

  Json Run() {
    Json bom = {{"$schema", "http://cyclonedx.org/schema/bom-1.6.schema.json"},
                {"bomFormat", "CycloneDX"},
                {"specVersion", "1.6"},
                {"serialNumber", "urn:uuid:" + input_.serial},
                {"version", 1}};
    bom["metadata"] = {{"timestamp", FormatTime(input_.facts.now)},
                       {"tools",
                        {{"components", Json::array({{{"type", "application"},
                                                      {"name", "countersign"},
                                                      {"version", input_.version}}})}}},
                       {"component", ModelComponent()}};
    Json granted = Json::array();
    for (const std::string& one : input_.assumptions) {
      granted.push_back(Property(kTakenForGranted, one));
    }
    PutList(bom["metadata"], "properties", std::move(granted));
    PutList(bom, "components", Components());
    bom["dependencies"] = Json::array();
    for (const auto& [ref, needs] : needs_) {
      bom["dependencies"].push_back({{"ref", ref}, {"dependsOn", needs}});
    }
    bom["declarations"] = Declarations();
    bom["definitions"] = {{"standards", Standards()}};
    return bom;
  }

 private:
  [[nodiscard]] const Facts& facts() const { return input_.facts; }

  // Of the run that made this model, or this component, as a gate rests on it. What a gate carries
  // over from an earlier model is about that.
  [[nodiscard]] const ReproducibilitySnapshotSpec* FindSnapshot(const std::string& digest) const {
    for (const AttestedSnapshot& one : facts().snapshots) {
      const auto found = evidence_.find("evidence:ReproducibilitySnapshot/" +
                                        one.object->meta.name_space + "/" + one.object->meta.name);
      const ReproducibilitySnapshotSpec& spec = one.object->spec;
      if (found != evidence_.end() && spec.reproduction_of.empty() && spec.model.digest == digest) {
        return &spec;
      }
    }
    return nullptr;
  }

  Json ModelComponent() {
    Json component = {{"type", "machine-learning-model"},
                      {"bom-ref", kModelRef},
                      {"name", model_->name},
                      {"version", model_->version}};
    PutList(component, "hashes", HashesOf(model_->digest));
    if (!model_->uri.empty()) {
      component["externalReferences"] =
          Json::array({{{"type", "distribution"}, {"url", model_->uri}}});
    }
    Json card = Measured(snapshot_);
    Json considerations = Considerations();
    if (!considerations.empty()) card["considerations"] = std::move(considerations);
    component["modelCard"] = std::move(card);
    component["properties"] =
        Json::array({Property("modelDigest", model_->digest.digest),
                     Property("digestType", std::string(NameOf(model_->digest.type)))});
    return component;
  }

  // What a run says of what it made.
  Json Measured(const ReproducibilitySnapshotSpec* snapshot) {
    Json card = Json::object();
    if (snapshot == nullptr) return card;
    Json parameters = Json::object();
    PutText(parameters, "modelArchitecture", snapshot->algorithm);
    Json data = Json::array();
    for (const DataState& one : snapshot->data) data.push_back({{"ref", DataRef(one)}});
    PutList(parameters, "datasets", std::move(data));
    if (!parameters.empty()) card["modelParameters"] = std::move(parameters);
    Json metrics = Json::array();
    for (const auto& [name, value] : snapshot->metrics) {
      metrics.push_back({{"type", name}, {"value", value.ToString()}});
    }
    if (!metrics.empty()) card["quantitativeAnalysis"] = {{"performanceMetrics", metrics}};
    return card;
  }

  // Two runs may call different data by one name.
  std::string DataRef(const DataState& one) {
    const auto [first, fresh] = data_.emplace(one.name, one.digest);
    return "data:" + one.name + (fresh || first->second == one.digest ? "" : "@" + one.digest);
  }

  [[nodiscard]] Json Considerations() const {
    Json considerations = Json::object();
    if (facts().use_case != nullptr) {
      const UseCaseSpec& use_case = facts().use_case->spec;
      considerations["useCases"] = Json::array({use_case.title + ": " + use_case.purpose});
    }
    PutList(considerations, "fairnessAssessments", FairnessAssessments());
    return considerations;
  }

  // Which groups a measure looks at, and within which bounds.
  [[nodiscard]] Json FairnessAssessments() const {
    Json list = Json::array();
    for (const Gate& gate : input_.decision.gates) {
      const Measure* measure = MeasureOf(gate);
      if (measure == nullptr || !measure->require.bias_test) continue;
      for (const RequiredAttribute& attribute : measure->require.bias_test->attributes) {
        list.push_back({{"groupAtRisk", attribute.name},
                        {"mitigationStrategy", RequirementText(measure->require) + ": " +
                                                   std::string(GateStateName(gate.state))}});
      }
    }
    return list;
  }

  Json Components() {
    Json list = Json::array();
    needs_[kModelRef];
    AddData(kModelRef, snapshot_, list);
    for (const Component& part : model_->components) {
      list.push_back(Part(part));
      AddData(ComponentRef(part), FindSnapshot(part.identity.digest), list);
    }
    needs_[kDeploymentRef].emplace_back(kModelRef);
    for (const std::string& image : Images()) list.push_back(Image(image));
    return list;
  }

  void AddData(const std::string& owner, const ReproducibilitySnapshotSpec* snapshot, Json& list) {
    if (snapshot == nullptr) return;
    for (const DataState& one : snapshot->data) {
      const std::string ref = DataRef(one);
      std::vector<std::string>& needs = needs_[owner];
      if (std::find(needs.begin(), needs.end(), ref) != needs.end()) continue;
      needs.push_back(ref);
      if (!listed_.insert(ref).second) continue;
      list.push_back(
          {{"type", "data"},
           {"bom-ref", ref},
           {"name", one.name},
           {"hashes", HashesOf(one.digest)},
           {"data", Json::array({{{"type", "dataset"}, {"name", one.name}}})},
           {"properties", Json::array({Property("role", std::string(NameOf(one.role)))})}});
    }
  }

  static std::string ComponentRef(const Component& part) { return "component:" + part.name; }

  Json Part(const Component& part) {
    const std::string ref = ComponentRef(part);
    Json json = {{"type", "machine-learning-model"}, {"bom-ref", ref}, {"name", part.name}};
    if (part.artifact) PutList(json, "hashes", HashesOf(part.artifact->digest));
    if (part.hosted) {
      json["supplier"] = {{"name", part.hosted->provider}};
      PutText(json, "version", part.hosted->snapshot);
    }
    if (Json card = Measured(FindSnapshot(part.identity.digest)); !card.empty()) {
      json["modelCard"] = std::move(card);
    }
    json["properties"] = Json::array({Property("role", std::string(NameOf(part.role)))});
    needs_[kModelRef].push_back(ref);
    return json;
  }

  [[nodiscard]] std::set<std::string> Images() const {
    std::set<std::string> images;
    const auto pod = facts().deployment->spec.serving.pod_template.Tree();
    if (!pod) return images;
    for (const char* path : {"spec/containers", "spec/initContainers"}) {
      const Json* containers = FindPath(**pod, path);
      if (containers == nullptr || !containers->is_array()) continue;
      for (const Json& one : *containers) {
        if (const std::string image = StringAt(one, "image"); !image.empty()) images.insert(image);
      }
    }
    return images;
  }

  Json Image(const std::string& image) {
    const std::string ref = "image:" + image;
    const auto at = image.find('@');
    Json json = {{"type", "container"}, {"bom-ref", ref}, {"name", image.substr(0, at)}};
    if (at != std::string::npos) PutList(json, "hashes", HashesOf(image.substr(at + 1)));
    needs_[kDeploymentRef].push_back(ref);
    return json;
  }

  Json Declarations() {
    Json claims = Json::array();
    for (std::size_t i = 0; i < input_.decision.gates.size(); ++i) claims.push_back(Claim(i));
    Json evidence = Json::array();
    for (const auto& [ref, one] : evidence_) evidence.push_back(Evidence(ref, one));
    Json attestations = Json::array({Decided()});
    for (const auto& [ref, one] : evidence_) {
      if (one.kind == SignOffSpec::kKind && one.signatory) {
        attestations.push_back(Signed(ref, one, *one.signatory));
      }
    }
    Json assessors = Json::array({{{"bom-ref", kDeciderRef},
                                   {"thirdParty", false},
                                   {"organization", {{"name", "Countersign"}}}}});
    for (const auto& [account, by] : signatories_) {
      assessors.push_back(
          {{"bom-ref", "assessor:" + account},
           {"thirdParty", false},
           {"organization",
            {{"name", by->printed_name}, {"contact", Json::array({ContactOf(*by)})}}}});
    }
    Json target = {{"type", "application"},
                   {"bom-ref", kDeploymentRef},
                   {"name", facts().name_space + "/" + facts().name},
                   {"properties", Json::array({Property("governedDigest", facts().governed_digest),
                                               Property("environment", input_.decision.environment),
                                               Property("classes", Classes())})}};
    return {{"assessors", std::move(assessors)},
            {"attestations", std::move(attestations)},
            {"claims", std::move(claims)},
            {"evidence", std::move(evidence)},
            {"targets", {{"components", Json::array({std::move(target)})}}}};
  }

  [[nodiscard]] std::string Classes() const {
    std::string text;
    for (const std::string& one : input_.decision.classes) text += (text.empty() ? "" : ",") + one;
    return text;
  }

  [[nodiscard]] Json Claim(std::size_t index) const {
    const Gate& gate = input_.decision.gates[index];
    const Measure* measure = MeasureOf(gate);
    Json refs = Json::array();
    for (const EvidenceRef& ref : gate.evidence) refs.push_back(RefOf(ref));
    Json claim = {
        {"bom-ref", ClaimRef(index)},
        {"target", kDeploymentRef},
        {"predicate",
         gate.measure + " is " + std::string(GateStateName(gate.state)) +
             (measure == nullptr ? std::string() : ": " + RequirementText(measure->require))},
        {"reasoning", gate.reason + ": " + gate.message}};
    PutList(claim, IsMet(gate.state) ? "evidence" : "counterEvidence", std::move(refs));
    return claim;
  }

  static std::string ClaimRef(std::size_t index) { return "claim:" + std::to_string(index + 1); }

  static Json Evidence(const std::string& ref, const EvidenceRef& one) {
    Json json = {
        {"bom-ref", ref},
        {"propertyName", "countersign:" + one.kind},
        {"description", one.kind + " " + one.name_space + "/" + one.name},
        {"data",
         Json::array(
             {{{"name", "digest of spec"},
               {"contents",
                {{"attachment", {{"contentType", "text/plain"}, {"content", one.digest}}}}}}})}};
    if (one.signatory) {
      json["created"] = FormatTime(one.signatory->at);
      json["author"] = ContactOf(*one.signatory);
      json["description"] = json["description"].get<std::string>() + " by " + one.signatory->Text();
    }
    return json;
  }

  // What one claim is to an attestation: `holds` where it speaks for the requirement.
  static Json Mapped(const Gate& gate, std::size_t index, bool holds,
                     const std::string& rationale) {
    return {{"requirement", RequirementRef(gate)},
            {IsMet(gate.state) ? "claims" : "counterClaims", Json::array({ClaimRef(index)})},
            {"conformance", {{"score", holds ? 1 : 0}, {"rationale", rationale}}}};
  }

  // Whoever reads an attestation alone must not take it for more than was looked at.
  [[nodiscard]] std::string Granted() const {
    if (input_.assumptions.empty()) return {};
    return std::string("; not authenticated, see countersign:") + kTakenForGranted +
           " in metadata.properties";
  }

  [[nodiscard]] Json Decided() const {
    Json map = Json::array();
    for (std::size_t i = 0; i < input_.decision.gates.size(); ++i) {
      const Gate& gate = input_.decision.gates[i];
      map.push_back(Mapped(gate, i, IsMet(gate.state), gate.reason));
    }
    return {{"summary", "verdict " + std::string(VerdictName(input_.decision.verdict)) + ", " +
                            input_.decision.GatesText() + " gates passed" + Granted()},
            {"assessor", kDeciderRef},
            {"map", std::move(map)}};
  }

  [[nodiscard]] const SignOffSpec* SpecOf(const EvidenceRef& ref) const {
    for (const AttestedSignOff& one : facts().sign_offs) {
      if (one.object->meta.name == ref.name && one.object->spec_digest == ref.digest) {
        return &one.object->spec;
      }
    }
    return nullptr;
  }

  Json Signed(const std::string& ref, const EvidenceRef& one, const Signatory& by) {
    signatories_.emplace(by.account, &by);
    const SignOffSpec* spec = SpecOf(one);
    const bool approves = spec == nullptr || IsApproval(spec->decision);
    Json map = Json::array();
    for (std::size_t i = 0; i < input_.decision.gates.size(); ++i) {
      const Gate& gate = input_.decision.gates[i];
      if (std::any_of(gate.evidence.begin(), gate.evidence.end(),
                      [&](const EvidenceRef& other) { return RefOf(other) == ref; })) {
        map.push_back(Mapped(gate, i, approves, spec == nullptr ? gate.reason : spec->rationale));
      }
    }
    return {{"summary", by.Text() + Granted()},
            {"assessor", "assessor:" + by.account},
            {"map", std::move(map)}};
  }

  [[nodiscard]] const GovernancePolicy* PolicyNamed(const std::string& name) const {
    for (const auto& policy : input_.policies.policies) {
      if (policy->meta.name == name) return policy.get();
    }
    return nullptr;
  }

  [[nodiscard]] const Measure* MeasureOf(const Gate& gate) const {
    const GovernancePolicy* policy = gate.step.empty() ? nullptr : PolicyNamed(gate.policy);
    if (policy == nullptr) return nullptr;
    for (const Measure& measure : policy->spec.measures) {
      if (measure.name == gate.measure) return &measure;
    }
    return nullptr;
  }

  // What the gates are about: policies by name and digest, and what no policy can switch off.
  [[nodiscard]] Json Standards() const {
    std::map<std::string, Json> requirements;
    std::set<std::string> seen;
    for (const Gate& gate : input_.decision.gates) {
      if (!seen.insert(RequirementRef(gate)).second) continue;
      Json one = {{"bom-ref", RequirementRef(gate)}, {"identifier", gate.measure}};
      if (const Measure* measure = MeasureOf(gate)) {
        one["text"] = RequirementText(measure->require);
        PutText(one, "title", measure->description);
      }
      requirements[gate.policy].push_back(std::move(one));
    }
    Json standards = Json::array();
    for (auto& [policy, list] : requirements) {
      const std::string name = policy.empty() ? "countersign" : policy;
      Json standard = {
          {"bom-ref", "standard:" + name}, {"name", name}, {"requirements", std::move(list)}};
      for (const PolicyRef& ref : input_.decision.policies) {
        if (ref.name == policy) standard["version"] = ref.digest;
      }
      standards.push_back(std::move(standard));
    }
    return standards;
  }

  const BomInput& input_;
  const Model* model_ = nullptr;
  const ReproducibilitySnapshotSpec* snapshot_ = nullptr;
  std::map<std::string, EvidenceRef> evidence_;            // by bom-ref
  std::map<std::string, const Signatory*> signatories_;    // by account
  std::map<std::string, std::string> data_;                // digest by name, the first of it
  std::set<std::string> listed_;                           // refs of data that are components
  std::map<std::string, std::vector<std::string>> needs_;  // refs that a ref depends on
};

}  // namespace

Json CycloneDxBom(const BomInput& input) { return Writer(input).Run(); }

}  // namespace countersign
