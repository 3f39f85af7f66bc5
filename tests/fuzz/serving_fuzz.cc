// What serves a model, by the table that is built in and by tables of anybody: no object is too
// strange to be looked at, what cannot be told apart is never taken for pinned, and how many run
// does not change what is served.
#include "base/yaml.h"
#include "governance/serving/guard.h"
#include "governance/serving/recognise.h"
#include "tests/fuzz/require.h"

namespace countersign::fuzz {
namespace {

const ServingProfiles& Table() {
  static const ServingProfiles kTable = BuiltInServingProfiles().value();
  return kTable;
}

void TryObject(Json object) {
  const Recognition found = Recognise(Table(), object);
  for (const Error& fault : found.faults) RequireReadable(fault);
  for (const ServedReference& reference : found.references) {
    Require(reference.pinned || reference.digest.empty(), "a digest pins", reference.text);
    Require(CanonicalJson(Json(reference.text)).has_value() || !reference.pinned,
            "what is pinned is text");
  }
  Require(found.serves || found.references.empty(), "what does not serve refers to nothing");
  Require(!found.serves || !found.fingerprint.empty() || !found.faults.empty(),
          "what serves can be compared, or is at fault");
  GuardFacts facts;
  facts.serving = found;
  const GuardDecision decision = JudgeServing(facts);
  Require(!found.serves || decision.verdict == GuardVerdict::kDeny,
          "what serves is refused where nothing accounts for it");
  if (!object.is_object() || !found.faults.empty()) return;
  SetPath(object, "status/phase", "Running");
  Require(Recognise(Table(), object).fingerprint == found.fingerprint,
          "status is not what is served");
}

}  // namespace
}  // namespace countersign::fuzz

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace countersign;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto documents = ParseYamlDocuments(text);
  if (!documents) return 0;
  for (const Json& document : *documents) {
    // A case file holds objects in a list.
    if (const Json* cases = Find(document, "cases"); cases != nullptr && cases->is_array()) {
      for (const Json& one : *cases) {
        if (const Json* object = Find(one, "object")) fuzz::TryObject(*object);
      }
    }
    fuzz::TryObject(document);
  }
  if (const auto table = ParseServingProfiles(text); !table) fuzz::RequireReadable(table.error());
  return 0;
}
