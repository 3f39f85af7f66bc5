// Holds three things against each other: the types' decoder, the schema made from the same
// description, and the files under crds/.
#include "governance/crd.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <map>
#include <set>
#include <sstream>

#include "base/yaml.h"
#include "governance/types/bias_test.h"
#include "governance/types/evidence.h"
#include "governance/types/incident.h"
#include "governance/types/model_deployment.h"
#include "governance/types/model_record.h"
#include "governance/types/policy.h"
#include "governance/types/reproducibility_snapshot.h"
#include "governance/types/sign_off.h"
#include "governance/types/use_case.h"
#include "governance/types/waiver.h"

namespace countersign {
namespace {

using ::testing::HasSubstr;

std::string FileText(const std::string& path) {
  std::ifstream file(std::string(SOURCE_DIR) + "/" + path);
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_TRUE(file) << path;
  return text.str();
}

std::vector<Json> Samples() {
  const std::string folder = "tests/unit/governance/testdata/";
  auto documents = ParseYamlDocuments(FileText(folder + "samples.yaml") + "---\n" +
                                      FileText(folder + "composite.yaml"));
  EXPECT_TRUE(documents) << documents.error().ToString();
  return documents ? *documents : std::vector<Json>();
}

const KindInfo& KindOf(const Json& object) {
  for (const KindInfo& kind : AllKinds()) {
    if (kind.kind == StringAt(object, "kind")) return kind;
  }
  ADD_FAILURE() << "unknown kind in " << DumpJson(object);
  return AllKinds().front();
}

template <class Spec>
std::string FaultOf(const Json& object) {
  auto decoded = Decode<Spec>(object);
  return decoded ? "" : decoded.error().ToString();
}

// What the decoder says against an object; empty if it takes it.
std::string Fault(const Json& object) {
  static const std::map<std::string, std::string (*)(const Json&)> kDecoders = {
      {"GovernancePolicy", FaultOf<GovernancePolicySpec>},
      {"UseCase", FaultOf<UseCaseSpec>},
      {"ModelDeployment", FaultOf<ModelDeploymentSpec>},
      {"SignOff", FaultOf<SignOffSpec>},
      {"ReproducibilitySnapshot", FaultOf<ReproducibilitySnapshotSpec>},
      {"BiasTest", FaultOf<BiasTestSpec>},
      {"Evidence", FaultOf<EvidenceSpec>},
      {"Waiver", FaultOf<WaiverSpec>},
      {"Incident", FaultOf<IncidentSpec>},
      {"ModelRecord", FaultOf<ModelRecordSpec>}};
  return kDecoders.at(StringAt(object, "kind"))(object);
}

template <class Spec>
Json RecodedAs(const Json& object) {
  Json out = object;
  auto decoded = Decode<Spec>(object);
  EXPECT_TRUE(decoded) << decoded.error().ToString();
  if (decoded) out["spec"] = EncodeSpec(decoded->spec);
  return out;
}

// The object with its spec read and written.
Json Recoded(const Json& object) {
  static const std::map<std::string, Json (*)(const Json&)> kCodecs = {
      {"GovernancePolicy", RecodedAs<GovernancePolicySpec>},
      {"UseCase", RecodedAs<UseCaseSpec>},
      {"ModelDeployment", RecodedAs<ModelDeploymentSpec>},
      {"SignOff", RecodedAs<SignOffSpec>},
      {"ReproducibilitySnapshot", RecodedAs<ReproducibilitySnapshotSpec>},
      {"BiasTest", RecodedAs<BiasTestSpec>},
      {"Evidence", RecodedAs<EvidenceSpec>},
      {"Waiver", RecodedAs<WaiverSpec>},
      {"Incident", RecodedAs<IncidentSpec>},
      {"ModelRecord", RecodedAs<ModelRecordSpec>}};
  return kCodecs.at(StringAt(object, "kind"))(object);
}

// Visits every node of a schema that stands for a value.
void Walk(const Json& schema, const std::string& path,
          const std::function<void(const Json&, const std::string&)>& visit) {
  visit(schema, path);
  if (const Json* items = Find(schema, "items"); items != nullptr) Walk(*items, path + "[]", visit);
  if (const Json* values = Find(schema, "additionalProperties"); values != nullptr) {
    Walk(*values, path + ".*", visit);
  }
  if (const Json* properties = Find(schema, "properties"); properties != nullptr) {
    for (const auto& [name, value] : properties->items()) Walk(value, path + "." + name, visit);
  }
}

// Visits every value of an object together with its schema. `at` leads to the value.
using Visit = std::function<void(const Json& schema, const Json::json_pointer& at,
                                 const std::string& schema_path)>;
void WalkValue(const Json& schema, const Json& value, const Json::json_pointer& at,
               const std::string& path, const Visit& visit) {
  visit(schema, at, path);
  if (value.is_array()) {
    for (std::size_t i = 0; i < value.size(); ++i) {
      WalkValue(schema.at("items"), value.at(i), at / i, path + "[]", visit);
    }
  } else if (const Json* values = Find(schema, "additionalProperties"); values != nullptr) {
    for (const auto& [key, item] : value.items()) {
      WalkValue(*values, item, at / key, path + ".*", visit);
    }
  } else if (const Json* properties = Find(schema, "properties"); properties != nullptr) {
    for (const auto& [key, item] : value.items()) {
      ASSERT_TRUE(properties->contains(key)) << path << "." << key << " is not in the schema";
      WalkValue(properties->at(key), item, at / key, path + "." + key, visit);
    }
  }
}

void WalkSample(const Json& object, const Visit& visit) {
  const Json schema = KindOf(object).spec_schema();
  WalkValue(schema, object.at("spec"), Json::json_pointer("/spec"), "spec", visit);
}

TEST(Crd, FilesInTheRepositoryAreWhatTheTypesSay) {
  for (const KindInfo& kind : AllKinds()) {
    const std::string path = "crds/countersign.dev_" + std::string(kind.plural) + ".yaml";
    auto file = ParseYaml(FileText(path));
    ASSERT_TRUE(file) << path << ": " << file.error().ToString();
    EXPECT_EQ(*file, CrdOf(kind)) << path << " is out of date: run `make manifests`";
  }
}

TEST(Crd, EveryFieldHasADescription) {
  for (const KindInfo& kind : AllKinds()) {
    for (const Json& root : {kind.spec_schema(), kind.status_schema()}) {
      Walk(root, std::string(kind.kind), [](const Json& schema, const std::string& path) {
        const Json* properties = Find(schema, "properties");
        if (properties == nullptr) return;
        for (const auto& [name, field] : properties->items()) {
          EXPECT_GE(StringAt(field, "description").size(), 4U) << path << "." << name;
        }
      });
    }
  }
}

TEST(Crd, EveryListMapAndStringHasALimit) {
  for (const KindInfo& kind : AllKinds()) {
    for (const Json& root : {kind.spec_schema(), kind.status_schema()}) {
      Walk(root, std::string(kind.kind), [](const Json& schema, const std::string& path) {
        const std::string type = StringAt(schema, "type");
        if (type == "string") {
          EXPECT_TRUE(schema.contains("maxLength") || schema.contains("enum")) << path;
        } else if (type == "array") {
          EXPECT_TRUE(schema.contains("maxItems")) << path;
          EXPECT_TRUE(schema.contains("x-kubernetes-list-type")) << path;
        } else if (type == "integer") {
          EXPECT_TRUE(schema.contains("minimum") && schema.contains("maximum")) << path;
        } else if (type == "object") {
          EXPECT_TRUE(schema.contains("properties") || schema.contains("maxProperties") ||
                      schema.contains("x-kubernetes-preserve-unknown-fields"))
              << path;
        } else {
          EXPECT_EQ(type, "boolean") << path;
        }
      });
    }
  }
}

// The schema offers what the decoder takes, and no more; of developers it says so.
TEST(Crd, ListsOfAccountsOfferUsersAndGroupsAlone) {
  const auto kinds = [](const Json& list) { return list.at("items").at("properties").at("kind"); };
  Json use_case;
  Json policy;
  for (const Json& sample : Samples()) {
    if (StringAt(sample, "kind") == "UseCase") use_case = sample;
    if (StringAt(sample, "kind") == "GovernancePolicy") policy = sample;
  }
  const Json developers = KindOf(use_case).spec_schema().at("properties").at("developers");
  const Json environment = KindOf(policy).spec_schema().at("properties").at("environments");
  const Json& lock = environment.at("items").at("properties").at("locked");
  const Json wanted = Json::array({"User", "Group"});
  EXPECT_THAT(StringAt(developers, "description"),
              HasSubstr("Of kind User or Group; admission refuses Person and Role"));
  EXPECT_EQ(kinds(lock.at("properties").at("requesters")).at("enum"), wanted);
  use_case["spec"]["developers"][0]["kind"] = "Person";
  EXPECT_THAT(Fault(use_case), HasSubstr("spec.developers[0].kind: must be one of 'User', 'Group', "
                                         "is 'Person'"));
  policy["spec"]["environments"][1]["locked"]["requesters"][0]["kind"] = "Role";
  EXPECT_THAT(Fault(policy), HasSubstr("spec.environments[1].locked.requesters[0].kind: must be "
                                       "one of 'User', 'Group', is 'Role'"));
}

// kubectl reads YAML 1.1, in which these are true and false, as names too.
TEST(Crd, NoFieldIsNamedLikeABoolean) {
  const std::set<std::string> booleans = {"y", "n", "yes", "no", "on", "off", "true", "false"};
  for (const KindInfo& kind : AllKinds()) {
    for (const Json& root : {kind.spec_schema(), kind.status_schema()}) {
      Walk(root, std::string(kind.kind), [&](const Json& schema, const std::string& path) {
        const Json* properties = Find(schema, "properties");
        if (properties == nullptr) return;
        for (const auto& [name, field] : properties->items()) {
          EXPECT_FALSE(booleans.contains(name)) << path << "." << name;
        }
      });
    }
  }
}

// A default added later would change the digest of evidence that was stamped before.
TEST(Crd, SpecsHaveNoDefaults) {
  for (const KindInfo& kind : AllKinds()) {
    Walk(kind.spec_schema(), std::string(kind.kind),
         [](const Json& schema, const std::string& path) {
           EXPECT_FALSE(schema.contains("default")) << path;
         });
  }
}

TEST(Crd, OnlyThePodTemplateTakesUnknownFields) {
  std::vector<std::string> open;
  for (const KindInfo& kind : AllKinds()) {
    Walk(CrdOf(kind).at("spec").at("versions").at(0).at("schema").at("openAPIV3Schema"),
         std::string(kind.kind), [&](const Json& schema, const std::string& path) {
           if (schema.contains("x-kubernetes-preserve-unknown-fields")) open.push_back(path);
         });
  }
  EXPECT_THAT(open, ::testing::ElementsAre("ModelDeployment.spec.serving.template"));
}

TEST(Crd, StatusSaysThatNobodyHasLookedYet) {
  for (const KindInfo& kind : AllKinds()) {
    const Json crd = CrdOf(kind);
    const Json& version = crd.at("spec").at("versions").at(0);
    const Json& status = version.at("schema").at("openAPIV3Schema").at("properties").at("status");
    EXPECT_EQ(status.at("default"), Json::parse(R"({"observedGeneration": -1})")) << kind.kind;
    EXPECT_TRUE(version.at("subresources").contains("status")) << kind.kind;
    EXPECT_LE(kind.selectable.size(), 8U) << kind.kind;
  }
}

TEST(Crd, ColumnsAndSelectorsPointToFieldsThatExist) {
  for (const KindInfo& kind : AllKinds()) {
    std::set<std::string> paths;
    const auto collect = [&](const Json&, const std::string& path) { paths.insert("." + path); };
    Walk(kind.spec_schema(), "spec", collect);
    Walk(kind.status_schema(), "status", collect);
    for (const std::string_view path : kind.selectable) {
      EXPECT_TRUE(paths.contains(std::string(path))) << kind.kind << " " << path;
    }
    for (const PrinterColumn& column : kind.columns) {
      const std::string path(column.path.substr(0, column.path.find('[')));
      if (path.rfind(".metadata.", 0) == 0) continue;
      EXPECT_TRUE(paths.contains(path)) << kind.kind << " " << column.path;
    }
  }
}

TEST(Crd, SamplesAreTakenAndSetEveryField) {
  std::map<std::string, std::set<std::string>> covered;
  for (const Json& sample : Samples()) {
    EXPECT_EQ(Fault(sample), "") << sample.at("metadata");
    auto& paths = covered[StringAt(sample, "kind")];
    WalkSample(sample, [&](const Json&, const Json::json_pointer&, const std::string& path) {
      paths.insert(path);
    });
  }
  for (const KindInfo& kind : AllKinds()) {
    Walk(kind.spec_schema(), "spec", [&](const Json& schema, const std::string& path) {
      // An empty list or map in the sample shows the field itself.
      if (!path.ends_with("[]") && !path.ends_with(".*")) {
        EXPECT_TRUE(covered[std::string(kind.kind)].contains(path))
            << kind.kind << " " << path << " " << StringAt(schema, "type");
      }
    });
  }
}

TEST(Crd, WhatIsEncodedReadsBackAsTheSame) {
  for (const Json& sample : Samples()) {
    const Json once = Recoded(sample);
    EXPECT_EQ(Fault(once), "");
    EXPECT_EQ(Recoded(once), once);
    WalkSample(once, [](const Json&, const Json::json_pointer&, const std::string&) {});
  }
}

TEST(Crd, ARequiredFieldThatIsMissingIsAFaultWithItsPath) {
  int removed = 0;
  for (const Json& sample : Samples()) {
    WalkSample(sample, [&](const Json& schema, const Json::json_pointer& at, const std::string&) {
      const Json* required = Find(schema, "required");
      if (required == nullptr) return;
      for (const Json& name : *required) {
        Json object = sample;
        object.at(at).erase(name.get<std::string>());
        EXPECT_THAT(Fault(object), HasSubstr("." + name.get<std::string>() + ": is required"))
            << at.to_string();
        ++removed;
      }
    });
  }
  EXPECT_GT(removed, 100);
}

TEST(Crd, AnUnknownFieldIsAFaultWithItsPathAtEveryLevel) {
  for (const Json& sample : Samples()) {
    WalkSample(sample, [&](const Json& schema, const Json::json_pointer& at, const std::string&) {
      if (!schema.contains("properties")) return;
      Json object = sample;
      object.at(at)["nonsense"] = 1;
      EXPECT_THAT(Fault(object), HasSubstr("nonsense: is not a known field")) << at.to_string();
    });
  }
}

// A value that the schema refuses, for each limit that the schema has here.
std::vector<Json> Refused(const Json& schema, const Json& value) {
  std::vector<Json> bad;
  const std::string type = StringAt(schema, "type");
  if (type == "string") {
    bad.push_back(7);
    if (schema.contains("enum")) bad.push_back("Nonsense");
    if (schema.contains("maxLength")) {
      bad.push_back(std::string(static_cast<std::size_t>(IntAt(schema, "maxLength")) + 1, 'a'));
    }
    if (IntAt(schema, "minLength") > 0) bad.push_back("");
    if (schema.contains("pattern") || schema.contains("format")) bad.push_back("# no #");
  } else if (type == "integer") {
    bad.push_back("1");
    bad.push_back(1.5);
    bad.push_back(IntAt(schema, "minimum") - 1);
    bad.push_back(IntAt(schema, "maximum") + 1);
  } else if (type == "boolean") {
    bad.push_back("true");
  } else if (type == "array") {
    bad.push_back(Json::object());
    Json long_list = Json::array();
    for (std::int64_t i = 0; i <= IntAt(schema, "maxItems"); ++i) {
      long_list.push_back(value.empty() ? Json("1") : value.at(0));
    }
    bad.push_back(std::move(long_list));
    if (IntAt(schema, "minItems") > 0) bad.push_back(Json::array());
    if (StringAt(schema, "x-kubernetes-list-type") != "atomic" && !value.empty()) {
      Json twice = value;
      twice.push_back(value.at(0));
      bad.push_back(std::move(twice));
    }
  } else {
    bad.push_back("text");
    bad.push_back(Json::array());
  }
  return bad;
}

TEST(Crd, WhatTheSchemaRefusesTheDecoderRefuses) {
  int tried = 0;
  for (const Json& sample : Samples()) {
    WalkSample(sample,
               [&](const Json& schema, const Json::json_pointer& at, const std::string& path) {
                 for (Json& bad : Refused(schema, sample.at(at))) {
                   Json object = sample;
                   object.at(at) = bad;
                   EXPECT_NE(Fault(object), "") << path << " = " << DumpJson(bad).substr(0, 200);
                   ++tried;
                 }
               });
  }
  EXPECT_GT(tried, 1000);
}

}  // namespace
}  // namespace countersign
