// JSON that is accepted can be written, canonicalised and turned into YAML without becoming another
// value. What canonical form it has does not depend on how often it was taken.
#include "base/json.h"
#include "base/json_fast.h"
#include "base/yaml.h"
#include "tests/fuzz/require.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace countersign;
  using namespace countersign::fuzz;
  const auto json = ParseJsonStrictly(Text(data, size), kMaxForeignJsonDepth);
  if (const auto fast = ParseJsonFast(Text(data, size), kMaxForeignJsonDepth)) {
    Require(json.has_value(), "the fast parser takes no more than the strict one", DumpJson(*fast));
    Require(*json == *fast && DumpJson(*json) == DumpJson(*fast), "both parsers read the same",
            DumpJson(*json) + " and " + DumpJson(*fast));
  }
  if (!json) {
    RequireReadable(json.error());
    return 0;
  }
  const std::string dumped = DumpJson(*json);
  const auto again = ParseJson(dumped, kMaxForeignJsonDepth);
  Require(again.has_value() && DumpJson(*again) == dumped, "what DumpJson writes reads back",
          dumped);

  if (const auto canonical = CanonicalJson(*json); canonical) {
    const auto parsed = ParseJson(*canonical, kMaxForeignJsonDepth);
    Require(parsed.has_value(), "canonical JSON is JSON", *canonical);
    Require(CanonicalJson(*parsed) == *canonical, "canonical JSON is canonical", *canonical);
  } else {
    RequireReadable(canonical.error());
  }

  // A document of null alone counts as none, and YAML may not nest as deep.
  if (json->is_null() || !ParseJson(dumped)) return 0;
  const std::string yaml = DumpYaml(*json);
  if (HasReplacement(yaml)) return 0;
  const auto read = ParseYaml(yaml);
  Require(read.has_value(), "what DumpYaml writes is YAML", yaml);
  Require(DumpJson(*read) == dumped, "YAML keeps every value", yaml);
  return 0;
}
