// Every document that is accepted reads back from what DumpYaml writes.
#include "base/yaml.h"
#include "tests/fuzz/require.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace countersign;
  using namespace countersign::fuzz;
  const auto documents = ParseYamlDocuments(Text(data, size));
  if (!documents) {
    RequireReadable(documents.error());
    return 0;
  }
  for (const Json& document : *documents) {
    const std::string yaml = DumpYaml(document);
    if (HasReplacement(yaml)) continue;
    const auto read = ParseYaml(yaml);
    Require(read.has_value(), "what DumpYaml writes is YAML", yaml);
    Require(DumpJson(*read) == DumpJson(document), "YAML keeps every value", yaml);
    const auto parsed = ParseJson(DumpJson(document));
    Require(parsed.has_value() && DumpJson(*parsed) == DumpJson(document), "a document is JSON",
            DumpJson(document));
  }
  return 0;
}
