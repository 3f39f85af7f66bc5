#include "situation.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "base/digest.h"
#include "base/yaml.h"
#include "governance/change_protocol.h"
#include "governance/dossier.h"
#include "governance/records.h"

namespace countersign::testing {
namespace {

template <class T>
T Must(Result<T> result, const std::string& what) {
  if (!result) throw std::runtime_error(what + ": " + result.error().ToString());
  return std::move(*result);
}

Json At(const Json& json, const char* key) {
  const Json* found = Find(json, key);
  return found == nullptr ? Json() : *found;
}

// Lists that the notation writes as maps by name, so that a patch can change or remove one entry.
Json Listed(const Json& json, const std::string& parent) {
  constexpr std::array kNamed = {
      "environments", "people",         "roles",      "questions",  "classes",
      "measures",     "config",         "attributes", "containers", "volumes",
      "cells",        "initContainers", "claims",     "artifacts",  "trustedInstallations"};
  if (json.is_array()) {
    Json list = Json::array();
    for (const Json& item : json) list.push_back(Listed(item, parent));
    return list;
  }
  if (!json.is_object()) return json;
  Json result = Json::object();
  for (auto it = json.begin(); it != json.end(); ++it) {
    Json value = Listed(it.value(), it.key());
    const bool named = std::find(kNamed.begin(), kNamed.end(), it.key()) != kNamed.end() ||
                       (it.key() == "data" && parent.empty()) ||
                       (it.key() == "metrics" && !parent.empty()) ||
                       (it.key() == "rules" && parent == "dataQuality") ||
                       (it.key() == "components" && parent == "model");
    if (named && value.is_object()) {
      Json list = Json::array();
      for (auto entry = value.begin(); entry != value.end(); ++entry) {
        Json item = entry.value();
        const bool asserted = it.key() == "claims" && parent == "evidence";
        if (it.key() != "cells") item[asserted ? "claim" : "name"] = entry.key();
        list.push_back(std::move(item));
      }
      value = std::move(list);
    }
    result[it.key()] = std::move(value);
  }
  return result;
}

template <class Spec>
std::shared_ptr<const Object<Spec>> Make(const std::string& name, const std::string& name_space,
                                         const Json& spec) {
  Json metadata = {{"name", name}};
  if (!name_space.empty()) metadata["namespace"] = name_space;
  const Json object = {{"apiVersion", kApiVersion},
                       {"kind", Spec::kKind},
                       {"metadata", std::move(metadata)},
                       {"spec", Listed(spec, "")}};
  return std::make_shared<const Object<Spec>>(
      Must(Decode<Spec>(object), std::string(Spec::kKind) + " '" + name + "'"));
}

Provenance MakeProvenance(const Json& stamp) {
  Provenance by;
  if (!stamp.is_object()) return by;
  by.authenticity = Authenticity::kAttested;
  if (BoolAt(stamp, "assumed")) by.authenticity = Authenticity::kAssumed;
  by.problem = StringAt(stamp, "forged");
  if (!by.problem.empty()) by.authenticity = Authenticity::kForged;
  const std::string chain = StringAt(stamp, "chain");
  if (const std::string key = StringAt(stamp, "signedBy"); !key.empty() || !chain.empty()) {
    by.authenticity = Authenticity::kSigned;
    SignatureProof proof{key, BoolAt(stamp, "userPresent"), false};
    if (!chain.empty()) {
      proof.chain = Must(CertificateChain::FromPem(chain), "stamp.chain");
      proof.key = proof.chain->key().fingerprint();
    }
    for (const Json& cosigner : At(stamp, "cosigners")) {
      proof.cosigners.push_back({cosigner.get<std::string>()});
    }
    for (const Json& path : At(stamp, "ignoredPaths")) {
      proof.ignored_paths.push_back(path.get<std::string>());
    }
    proof.symlinks = BoolAt(stamp, "symlinks");
    by.signature = std::make_shared<const SignatureProof>(std::move(proof));
  }
  if (const std::string other = StringAt(stamp, "installation"); !other.empty()) {
    by.authenticity = Authenticity::kForeign;
    by.foreign = std::make_shared<const ForeignStamp>(
        ForeignStamp{other, StringAt(stamp, "installationKey")});
  }
  if (const std::string why = StringAt(stamp, "badSignature"); !why.empty()) {
    by.authenticity = Authenticity::kBadSignature;
    by.problem = why;
  }
  by.user = StringAt(stamp, "user");
  for (const Json& group : At(stamp, "groups")) by.groups.push_back(group.get<std::string>());
  if (const auto at = StringAt(stamp, "at"); !at.empty()) {
    by.first_seen = Must(ParseTime(at), "stamp.at");
  }
  if (const auto at = StringAt(stamp, "signedInAt"); !at.empty()) {
    by.sign_in = SignIn{Must(ParseTime(at), "stamp.signedInAt")};
  }
  return by;
}

using Placeholders = std::map<std::string, std::string>;

Json Filled(const Json& json, const Placeholders& values) {
  if (json.is_string()) {
    const auto it = values.find(json.get<std::string>());
    if (it != values.end()) return it->second;
    if (json.get<std::string>().starts_with("$")) {
      throw std::runtime_error("unknown placeholder " + json.get<std::string>());
    }
    return json;
  }
  if (!json.is_structured()) return json;  // a scalar iterates over itself
  Json result = json;
  for (Json& item : result) item = Filled(item, values);
  return result;
}

// The deployment with what $compositeDigest stands for in it.
Json DeploymentOf(const Json& situation) {
  Json deployment = At(situation, "deployment");
  if (StringAt(deployment, "model/digest") != "$compositeDigest") return deployment;
  SetPath(deployment, "model/digest", "sha256:" + std::string(64, '0'));
  const auto made = Make<ModelDeploymentSpec>("credit-scorer", "lending", deployment);
  SetPath(deployment, "model/digest", made->spec.model.composite_digest);
  return deployment;
}

std::string GovernedOf(const Json& situation) {
  return Must(GovernedDigest(Listed(DeploymentOf(situation), "")), "governed digest");
}

std::shared_ptr<const UseCase> UseCaseOf(const Json& situation) {
  const Json spec = At(situation, "useCase");
  if (!spec.is_object()) return nullptr;
  return Make<UseCaseSpec>("credit", "lending", spec);
}

std::string AnswersOf(const Json& situation) {
  const auto use_case = UseCaseOf(situation);
  if (use_case == nullptr) return "sha256:" + std::string(64, '0');
  return Must(AnswersDigest(use_case->spec), "answers digest");
}

template <class Spec>
void AddAll(const Json& evidence, Placeholders& values, SharedList<Attested<Spec>>& list) {
  for (auto it = evidence.begin(); it != evidence.end(); ++it) {
    if (StringAt(it.value(), "kind") != Spec::kKind) continue;
    auto object = Make<Spec>(it.key(), "lending", Filled(At(it.value(), "spec"), values));
    values["$digest:" + it.key()] = object->spec_digest;
    values["$known:" + it.key()] = object->KnownAs();
    list.push_back({std::move(object), MakeProvenance(At(it.value(), "stamp"))});
  }
}

// Contents are written as objects, and stored as text.
void AddRecords(const Json& records, const Placeholders& values, Facts& facts) {
  const std::vector<std::string> models = ModelsOf(facts, Dossier(facts));
  for (auto it = records.begin(); it != records.end(); ++it) {
    Json spec = Filled(it.value(), values);
    for (const char* list : {"decisions", "incidents"}) {
      const Json* entries = Find(spec, list);
      if (entries == nullptr) continue;
      for (Json& entry : spec[list]) {
        if (Find(entry, "content") != nullptr) entry["content"] = DumpJson(entry["content"]);
      }
    }
    auto record = Make<ModelRecordSpec>(it.key(), "", spec);
    if (std::find(models.begin(), models.end(), record->spec.digest) != models.end()) {
      AddRecord(facts, record);
    }
  }
}

}  // namespace

Json ReadCases(const std::string& name) {
  std::ifstream file(std::string(SOURCE_DIR) + "/tests/cases/" + name);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file) throw std::runtime_error("cannot read " + name);
  return Must(ParseYaml(text.str()), name);
}

void MergePatch(Json& target, const Json& patch) {
  if (!patch.is_object()) {
    target = patch;
    return;
  }
  if (!target.is_object()) target = Json::object();
  for (auto it = patch.begin(); it != patch.end(); ++it) {
    if (it.value().is_null()) {
      target.erase(it.key());
    } else {
      MergePatch(target[it.key()], it.value());
    }
  }
}

Situation MakeSituation(const Json& situation, const Json& base) {
  Situation made;
  const Json policies = At(situation, "policies");
  Placeholders values;
  for (auto it = policies.begin(); it != policies.end(); ++it) {
    made.policies.policies.push_back(Make<GovernancePolicySpec>(it.key(), "", it.value()));
    values["$policyDigest:" + it.key()] = made.policies.policies.back()->spec_digest;
  }
  const Json made_by = At(situation, "madeBy");
  for (auto it = made_by.begin(); it != made_by.end(); ++it) {
    made.policies.made_by[it.key()] = MakeProvenance(it.value());
  }
  for (const Json& text : At(situation, "unreadable")) {
    made.policies.unreadable.push_back(text.get<std::string>());
  }
  Facts& facts = made.facts;
  for (const Json& text : At(situation, "unknown")) {
    facts.unknown.push_back(text.get<std::string>());
  }
  facts.now = Must(ParseTime(StringAt(situation, "now")), "now");
  facts.name_space = StringAt(situation, "namespace");
  facts.name = "credit-scorer";
  facts.deployment =
      Make<ModelDeploymentSpec>(facts.name, facts.name_space, DeploymentOf(situation));
  values["$compositeDigest"] = facts.deployment->spec.model.composite_digest;
  for (const Component& component : facts.deployment->spec.model.components) {
    values["$component:" + component.name] = component.identity.digest;
  }
  facts.governed_digest = GovernedOf(situation);
  facts.author = MakeProvenance(At(situation, "author"));
  facts.use_case = UseCaseOf(situation);
  values["$governedDigest"] = facts.governed_digest;
  values["$baseGovernedDigest"] = GovernedOf(base);
  values["$answersDigest"] = AnswersOf(situation);
  values["$baseAnswersDigest"] = AnswersOf(base);
  values["$frameDigest"] = Must(FrameDigest(facts.deployment->spec), "frame");
  if (!made.policies.policies.empty()) {
    values["$policyDigest"] = made.policies.policies.front()->spec_digest;
  }
  const Json evidence = At(situation, "evidence");
  AddAll(evidence, values, facts.snapshots);
  AddAll(evidence, values, facts.bias_tests);
  AddAll(evidence, values, facts.reports);
  AddAll(evidence, values, facts.waivers);
  for (auto it = evidence.begin(); it != evidence.end(); ++it) {
    if (StringAt(it.value(), "kind") != IncidentSpec::kKind) continue;
    facts.incidents.push_back(
        Make<IncidentSpec>(it.key(), "lending", Filled(At(it.value(), "spec"), values)));
    values["$digest:" + it.key()] = facts.incidents.back()->spec_digest;
  }
  AddAll(evidence, values, facts.sign_offs);
  facts.sign_offs.Change([&](std::vector<AttestedSignOff>& all) {
    const auto on_policies =
        std::stable_partition(all.begin(), all.end(), [](const AttestedSignOff& one) {
          return one.object->spec.subject.kind != SubjectOfSignOff::kGovernancePolicy;
        });
    made.policies.sign_offs.assign(on_policies, all.end());
    all.erase(on_policies, all.end());
  });
  AddRecords(At(situation, "records"), values, facts);
  return made;
}

}  // namespace countersign::testing
