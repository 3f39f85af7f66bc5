#include "evidence/predicates.h"

#include <algorithm>
#include <set>
#include <vector>

#include "base/digest.h"
#include "base/time.h"
#include "evidence/bill_of_materials.h"

namespace countersign {
namespace {

constexpr std::string_view kTestResult = "https://in-toto.io/attestation/test-result/v0.1";
constexpr std::string_view kSlsaProvenance = "https://slsa.dev/provenance/v1";
constexpr std::string_view kCycloneDx = "https://cyclonedx.org/bom";

// Of a claim in the schema (governance/types/evidence.cc), so that what is derived can be written
// down. In bytes, which characters never exceed; a mark of what was cut is one of them.
constexpr std::size_t kMaxItems = 256;
constexpr std::size_t kMaxItem = 250;
constexpr std::size_t kMaxText = 4093;

tl::unexpected<Error> Bad(std::string path, std::string why) {
  return Fail(Code::kInvalidArgument, std::move(why), "predicate." + std::move(path));
}

class Claims {
 public:
  void Text(const char* name, const std::string& text) {
    if (!text.empty()) list_.push_back({{"name", name}, {"text", Excerpt(text, kMaxText)}});
  }
  void Number(const char* name, std::size_t number) {
    list_.push_back({{"name", name}, {"number", std::to_string(number)}});
  }
  // All or nothing: what a policy excludes may be what was left out.
  [[nodiscard]] Status Items(const char* name, const std::vector<std::string>& items) {
    if (items.empty()) return {};
    if (items.size() > kMaxItems) {
      return Bad(name, "must be at most " + std::to_string(kMaxItems) +
                           ", which evidence can state, are " + std::to_string(items.size()));
    }
    Json all = Json::array();
    for (const std::string& item : items) all.push_back(Excerpt(item, kMaxItem));
    list_.push_back({{"name", name}, {"items", std::move(all)}});
    return {};
  }
  Json Take() { return std::move(list_); }

 private:
  Json list_ = Json::array();
};

// A list of texts; what is none makes it unreadable.
Result<std::vector<std::string>> TextsAt(const Json& predicate, const char* name) {
  std::vector<std::string> texts;
  const Json* list = Find(predicate, name);
  if (list == nullptr || list->is_null()) return texts;
  if (!list->is_array()) return Bad(name, "must be a list");
  for (const Json& one : *list) {
    if (!one.is_string()) return Bad(name, "must be a list of texts");
    texts.push_back(one.get<std::string>());
  }
  return texts;
}

// "uri sha256:digits" of resource descriptors.
Result<std::vector<std::string>> ResourcesAt(const Json& json, const std::string& path) {
  std::vector<std::string> found;
  const Json* list = FindPath(json, path);
  if (list == nullptr || list->is_null()) return found;
  if (!list->is_array()) return Bad(path, "must be a list");
  for (const Json& one : *list) {
    std::string text = StringAt(one, "uri");
    if (text.empty()) text = StringAt(one, "name");
    if (const Json* digests = Find(one, "digest"); digests != nullptr && digests->is_object()) {
      for (auto it = digests->begin(); it != digests->end(); ++it) {
        if (!it.value().is_string()) return Bad(path, "must have digests that are texts");
        text.append(text.empty() ? "" : " ")
            .append(it.key())
            .append(":")
            .append(it.value().get<std::string>());
      }
    }
    if (text.empty()) return Bad(path, "must have a uri, a name or a digest each");
    found.push_back(std::move(text));
  }
  return found;
}

Result<Json> TestResult(const Json& predicate) {
  const std::string result = StringAt(predicate, "result");
  if (result != "PASSED" && result != "WARNED" && result != "FAILED") {
    return Bad("result", "must be PASSED, WARNED or FAILED, is '" + Excerpt(result) + "'");
  }
  auto configuration = ResourcesAt(predicate, "configuration");
  if (!configuration) return Fail(configuration.error());
  auto passed = TextsAt(predicate, "passedTests");
  auto warned = TextsAt(predicate, "warnedTests");
  auto failed = TextsAt(predicate, "failedTests");
  for (const auto* one : {&passed, &warned, &failed}) {
    if (!*one) return Fail(one->error());
  }
  const Json* suite = Find(predicate, "configuration");
  if (result == "PASSED" && !failed->empty()) {
    return Bad("result", "must not be PASSED where failedTests names some");
  }
  if (suite == nullptr || suite->is_null()) {
    return Bad("configuration", "is required: what the tests ran with");
  }
  Claims claims;
  claims.Text("result", result);
  claims.Number("testsPassed", passed->size());
  claims.Number("testsWarned", warned->size());
  claims.Number("testsFailed", failed->size());
  for (const auto& [name, items] : {std::pair("failedTests", &*failed),
                                    {"warnedTests", &*warned},
                                    {"configuration", &*configuration}}) {
    if (auto all = claims.Items(name, *items); !all) return Fail(all.error());
  }
  claims.Text("url", StringAt(predicate, "url"));
  return Json{{"type", "TestResult"}, {"claims", claims.Take()}};
}

// A time of the statement as objects have it.
Result<std::string> TimeOf(const Json& json, const std::string& path) {
  const std::string text = StringAt(json, path);
  if (text.empty()) return std::string();
  auto time = ParseTime(text);
  if (!time) return Bad(path, time.error().message);
  return FormatTime(*time);
}

Result<Json> SlsaProvenance(const Json& predicate) {
  const std::string build_type = StringAt(predicate, "buildDefinition/buildType");
  const std::string builder = StringAt(predicate, "runDetails/builder/id");
  if (build_type.empty()) return Bad("buildDefinition.buildType", "is required");
  if (builder.empty()) return Bad("runDetails.builder.id", "is required");
  auto materials = ResourcesAt(predicate, "buildDefinition/resolvedDependencies");
  if (!materials) return Fail(materials.error());
  auto finished = TimeOf(predicate, "runDetails/metadata/finishedOn");
  if (!finished) return Fail(finished.error());
  Claims claims;
  claims.Text("buildType", build_type);
  claims.Text("builder", builder);
  claims.Text("invocation", StringAt(predicate, "runDetails/metadata/invocationId"));
  claims.Text("source", StringAt(predicate, "buildDefinition/externalParameters/source"));
  claims.Number("materialCount", materials->size());
  if (auto all = claims.Items("materials", *materials); !all) return Fail(all.error());
  Json out = {{"type", "SlsaProvenance"}, {"claims", claims.Take()}};
  if (!finished->empty()) out["performedAt"] = *finished;
  return out;
}

Result<Json> CycloneDx(const Json& predicate) {
  if (StringAt(predicate, "bomFormat") != "CycloneDX") {
    return Bad("bomFormat", "must be 'CycloneDX'");
  }
  const std::string version = StringAt(predicate, "specVersion");
  if (version.empty()) return Bad("specVersion", "is required");
  auto made = TimeOf(predicate, "metadata/timestamp");
  if (!made) return Fail(made.error());
  auto contents = ContentsOfBom(predicate);
  if (!contents) return Bad(contents.error().path, contents.error().message);
  Claims claims;
  claims.Text("specVersion", version);
  claims.Text("serialNumber", StringAt(predicate, "serialNumber"));
  claims.Text("component", StringAt(predicate, "metadata/component/name"));
  claims.Text("componentVersion", StringAt(predicate, "metadata/component/version"));
  claims.Text("componentType", StringAt(predicate, "metadata/component/type"));
  claims.Number("componentCount", contents->components);
  claims.Number("componentsWithoutLicense", contents->unlicensed);
  for (const auto& [name, items] :
       {std::pair("dataSets", &contents->data_sets), {"licenses", &contents->licenses}}) {
    auto all = claims.Items(name, {items->begin(), items->end()});
    if (!all) return Fail(all.error());
  }
  Json out = {{"type", "CycloneDxBom"}, {"claims", claims.Take()}};
  if (!made->empty()) out["performedAt"] = *made;
  return out;
}

bool NamesSubject(const Json& statement, const std::string& digest) {
  constexpr std::string_view kPrefix = "sha256:";
  const Json* subjects = Find(statement, "subject");
  return digest.starts_with(kPrefix) && subjects != nullptr && subjects->is_array() &&
         std::any_of(subjects->begin(), subjects->end(), [&](const Json& subject) {
           return StringAt(subject, "digest/sha256") == digest.substr(kPrefix.size());
         });
}

}  // namespace

bool IsForeignPredicate(std::string_view type) {
  return type == kTestResult || type == kSlsaProvenance || type == kCycloneDx;
}

Result<Json> EvidenceOfStatement(const Json& statement) {
  const std::string type = StringAt(statement, "predicateType");
  const Json* predicate = Find(statement, "predicate");
  if (predicate == nullptr || !predicate->is_object()) {
    return Fail(Code::kInvalidArgument, "is required", "predicate");
  }
  if (type == kTestResult) return TestResult(*predicate);
  if (type == kSlsaProvenance) return SlsaProvenance(*predicate);
  if (type == kCycloneDx) return CycloneDx(*predicate);
  return Fail(Code::kInvalidArgument,
              "must be one that is read as evidence, is '" + Excerpt(type) + "'", "predicateType");
}

std::string WhyNotOfStatement(const Json& statement, const Json& spec) {
  auto derived = EvidenceOfStatement(statement);
  if (!derived) return derived.error().ToString();
  if (!NamesSubject(statement, StringAt(spec, "model/digest"))) {
    return "no subject of it is the model " + StringAt(spec, "model/digest");
  }
  const std::set<std::string> own = {"useCase", "model", "signature", "performedAt"};
  for (auto it = spec.begin(); it != spec.end(); ++it) {
    if (!own.contains(it.key()) && Find(*derived, it.key()) == nullptr) {
      return "spec." + it.key() + " is nothing that it says";
    }
  }
  for (auto it = derived->begin(); it != derived->end(); ++it) {
    const Json* found = Find(spec, it.key());
    if (found == nullptr || *found != it.value()) {
      return "spec." + it.key() + " must be what it says: " + Excerpt(DumpJson(it.value()), 300);
    }
  }
  return {};
}

}  // namespace countersign
